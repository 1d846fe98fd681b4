"""Encrypted connections of the imitated S/4HANA, where clients may show a certificate instead of a password.

Keys and certificates are made from fixed seeds, so that they are the same in every process; they open nothing
but this imitation on loopback.
"""

from __future__ import annotations

import hashlib
import ssl
from datetime import UTC, datetime
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import NameOID

from connectors.sandbox.certificates import server_context
from connectors.sandbox.s4_login import CERTIFICATE_NAME

__all__ = ["client_pem", "host_context"]

_FROM: Final = datetime(2026, 1, 1, tzinfo=UTC)
_UNTIL: Final = datetime(2056, 1, 1, tzinfo=UTC)
_ISSUER: Final = "Sandbox S/4HANA users"


def host_context() -> ssl.SSLContext:
    """TLS for the host; a client certificate is asked for, not demanded."""
    context = server_context("s4")
    context.verify_mode = ssl.CERT_OPTIONAL
    context.load_verify_locations(cadata=_certificate(_ISSUER, authority=True))
    return context


def client_pem(name: str = CERTIFICATE_NAME) -> str:
    """Certificate and private key of a client, one PEM text."""
    key = _key(name).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return _certificate(name, authority=False) + key.decode("ascii")


def _certificate(name: str, *, authority: bool) -> str:
    built = (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(_name(_ISSUER))
        .public_key(_key(name).public_key())
        .serial_number(int.from_bytes(_seed(f"serial {name}")[:8], "big") | 1)
        .not_valid_before(_FROM)
        .not_valid_after(_UNTIL)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .sign(_key(_ISSUER), None)
    )
    return built.public_bytes(serialization.Encoding.PEM).decode("ascii")


def _key(label: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(_seed(label))


def _seed(label: str) -> bytes:
    return hashlib.sha256(f"erp-einvoicing-gateway sandbox s4 {label}".encode()).digest()


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

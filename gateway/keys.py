"""The keys that sign, from references in the configuration: PEM files or PKCS#12 containers.

    - name: seal
      certificate: file:secrets/seal.pem        # the certificate, and the chain above it
      private_key: file:secrets/seal.key
      password: file:secrets/seal.password      # if the key is encrypted
    - name: spain
      pkcs12: file:secrets/spain.p12
      password: env:SPAIN_P12_PASSWORD

Files are read relative to the config folder. `env:` holds PEM text, or base64 of a PKCS#12 container. Keys in
a PKCS#11 token or with a signing service need a class with `signer(name, at)` like this one.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Final, Protocol, Self

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key, pkcs12
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from connectors.base import SecretReference
from formats.errors import ConfigError
from formats.signatures.certificates import CertificateFacts
from formats.signatures.signer import PrivateKey, Signer
from gateway.settings import reveal

__all__ = ["Expiry", "FileKeys", "KeyProvider", "KeySettings"]

_LARGEST: Final = 1024 * 1024
_WARN: Final = timedelta(days=60)


class KeySettings(BaseModel):
    """One key to sign with: `certificate` and `private_key`, or `pkcs12`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,99}$")] = Field(
        description="small letters, digits, dots and hyphens"
    )
    certificate: SecretReference | None = Field(
        None, description="file: or env: of the certificate as PEM, with the chain above it behind it"
    )
    private_key: SecretReference | None = Field(None, description="file: or env: of the private key as PEM")
    pkcs12: SecretReference | None = Field(
        None, description="file: of a PKCS#12 container (.p12, .pfx), or env: of its base64 text"
    )
    password: SecretReference | None = Field(
        None, description="file: or env: of the password of the key or the container"
    )

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        pem = self.certificate is not None and self.private_key is not None
        if pem == (self.pkcs12 is not None) or (self.pkcs12 and (self.certificate or self.private_key)):
            raise ValueError("a key has either certificate and private_key, or pkcs12")
        return self


@dataclass(frozen=True, slots=True)
class Expiry:
    """A key whose certificate ends soon, or has ended (then `days` is negative)."""

    name: str
    days: int
    certificate: CertificateFacts

    @property
    def sentence(self) -> str:
        if self.days < 0:
            return f"The certificate of the key {self.name} expired on {self.certificate.valid_to:%Y-%m-%d}."
        return f"The certificate of the key {self.name} ends in {self.days} days; renew it now."


class KeyProvider(Protocol):
    """Where keys come from."""

    def signer(self, name: str, at: datetime) -> Signer:
        """The key of that name, valid at `at` (aware). Raises ConfigError."""
        ...


@dataclass(frozen=True, slots=True)
class FileKeys:
    """Keys in files or environment variables, read anew each time: a renewed one counts at once."""

    keys: Mapping[str, KeySettings] = field(repr=False)
    folder: Path

    @classmethod
    def of(cls, keys: Iterable[KeySettings], folder: Path) -> FileKeys:
        """Raises ConfigError for a name that stands there twice."""
        found: dict[str, KeySettings] = {}
        for key in keys:
            if key.name in found:
                raise ConfigError(
                    f"there are two keys named {key.name}", where="keys", fix="rename one of them"
                )
            found[key.name] = key
        return cls(found, folder)

    def signer(self, name: str, at: datetime) -> Signer:
        """The key of that name, valid at `at` (aware).

        Raises ConfigError: unknown, unreadable, wrong password, key and certificate apart, too weak, or not
        valid then.
        """
        signer = self._load(name)
        facts = signer.facts
        if not facts.valid_from <= at <= facts.valid_to:
            raise ConfigError(
                f"it is valid from {facts.valid_from:%Y-%m-%d} to {facts.valid_to:%Y-%m-%d} only",
                where=f"key {name}",
                fix="renew the certificate and put the new one in its place",
            )
        return signer

    def expiring(self, at: datetime) -> tuple[Expiry, ...]:
        """Keys whose certificates end within 60 days of `at` (aware), or have ended, soonest first. Raises
        ConfigError for a key that cannot be read."""
        found = []
        for name in self.keys:
            facts = self._load(name).facts
            left = facts.valid_to - at
            if left <= _WARN:
                found.append(Expiry(name, left.days, facts))
        return tuple(sorted(found, key=lambda one: (one.days, one.name)))

    def _load(self, name: str) -> Signer:
        if name not in self.keys:
            raise ConfigError(
                f"there is no key named {name!r}", where="keys", fix="add it, or correct the name"
            )
        settings = self.keys[name]
        password = None if settings.password is None else reveal(settings.password, self.folder).encode()
        if settings.pkcs12 is not None:
            return _from_container(_binary(settings.pkcs12, self.folder), password, settings.pkcs12)
        if settings.certificate is None or settings.private_key is None:
            raise ConfigError("the key is not complete", where=f"key {name}", fix="name both its files")
        chain = _certificates(_text(settings.certificate, self.folder), settings.certificate)
        key = _private_key(_text(settings.private_key, self.folder), password, settings.private_key)
        return Signer(chain[0], key, chain[1:])


def _certificates(pem: bytes, where: str) -> tuple[x509.Certificate, ...]:
    try:
        return tuple(x509.load_pem_x509_certificates(pem))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ConfigError(
            "this is no certificate in PEM text",
            where=where,
            fix="it begins with BEGIN CERTIFICATE; openssl x509 -inform der turns DER into PEM",
        ) from error


def _private_key(pem: bytes, password: bytes | None, where: str) -> PrivateKey:
    try:
        return _usable(load_pem_private_key(pem, password), where)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # From None: the library's own text may hold a part of the file.
        raise _locked(where) from None


def _from_container(container: bytes, password: bytes | None, where: str) -> Signer:
    try:
        key, certificate, others = pkcs12.load_key_and_certificates(container, password)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise _locked(where) from None
    if key is None or certificate is None:
        raise ConfigError(
            "the container has no key with its certificate",
            where=where,
            fix="export key and certificate together, with the chain",
        )
    return Signer(certificate, _usable(key, where), _ordered(certificate, others))


def _ordered(
    certificate: x509.Certificate, others: Iterable[x509.Certificate]
) -> tuple[x509.Certificate, ...]:
    """The chain above a certificate, nearest first; containers hold it in any order."""
    by_name = {one.subject: one for one in others}
    chain: list[x509.Certificate] = []
    last = certificate
    while last.issuer in by_name and by_name[last.issuer] not in (last, *chain):
        last = by_name[last.issuer]
        chain.append(last)
    return tuple(chain)


def _usable(key: object, where: str) -> PrivateKey:
    if isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        return key
    raise ConfigError(
        "the key is neither RSA nor ECDSA", where=where, fix="ask your provider for an RSA or ECDSA key"
    )


def _locked(where: str) -> ConfigError:
    return ConfigError(
        "the key cannot be opened: the password is wrong or missing, or the file is damaged",
        where=where,
        fix="check the password; write old containers anew with `openssl pkcs12 -legacy`",
    )


def _text(reference: str, folder: Path) -> bytes:
    return reveal(reference, folder).encode("utf-8")


def _binary(reference: str, folder: Path) -> bytes:
    kind, _, name = reference.partition(":")
    if kind == "env":
        try:
            return base64.b64decode(reveal(reference, folder), validate=True)
        except (binascii.Error, ValueError):
            raise ConfigError(
                "the variable does not hold base64 text", where=reference, fix="use `base64 -w0` on the file"
            ) from None
    file = folder / name
    try:
        with file.open("rb") as opened:
            content = opened.read(_LARGEST + 1)
    except OSError as error:
        raise ConfigError(
            f"the key cannot be read: {error.strerror}",
            where=reference,
            fix=f"put it into {file}, readable by this user only",
        ) from error
    if len(content) > _LARGEST:
        raise ConfigError("the file is too large for a key", where=reference, fix="name the right file")
    return content

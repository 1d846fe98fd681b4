"""One signature of CMS signed data, checked against the content that it is over.

Source: RFC 5652, RFC 5035 (signing certificate), RFC 4055 (RSA-PSS), RFC 5753 (ECDSA).
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from asn1crypto import cms
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from formats.signatures.asn1 import DAMAGED
from formats.signatures.certificates import loaded
from formats.signatures.errors import BrokenSignature, WeakSignature
from formats.signatures.strength import digest, require_strong_key

__all__ = ["MOST_SIGNERS", "CheckedSigner", "check", "content_of", "signers"]

MOST_SIGNERS: Final = 10


@dataclass(frozen=True, slots=True)
class CheckedSigner:
    """A signature that matches the content; its certificate is not yet judged.

    `names_certificate` is true where the certificate is part of what was signed, as CAdES demands.
    """

    certificate: x509.Certificate
    offered: tuple[x509.Certificate, ...]
    algorithm: str
    signed_at: datetime | None
    names_certificate: bool
    value: bytes


def signers(signed: cms.SignedData, *, where: str) -> list[cms.SignerInfo]:
    """One to ten. Raises BrokenSignature."""
    try:
        found = list(signed["signer_infos"])
    except DAMAGED as error:
        raise _broken("the signatures cannot be read", where) from error
    if not 1 <= len(found) <= MOST_SIGNERS:
        raise _broken(f"the file has {len(found)} signatures; 1 to {MOST_SIGNERS} are read", where)
    return found


def content_of(signed: cms.SignedData, *, where: str) -> bytes | None:
    """The content that the file carries, put together where it comes in pieces; None if it carries none.

    Raises BrokenSignature.
    """
    try:
        content = signed["encap_content_info"]["content"]
        if not content.contents:
            return None if content.contents is None or content.native is None else b""
        return bytes(content)
    except DAMAGED as error:
        raise _broken("the content of the file cannot be read", where) from error


def check(signed: cms.SignedData, signer: cms.SignerInfo, content: bytes, *, where: str) -> CheckedSigner:
    """Raises BrokenSignature, WeakSignature."""
    try:
        return _check(signed, signer, content, where)
    except DAMAGED as error:
        raise _broken("the signature is damaged", where) from error


def _check(signed: Any, signer: Any, content: bytes, where: str) -> CheckedSigner:
    certificates = loaded(
        (one.chosen.dump() for one in signed["certificates"] if one.name == "certificate"), where=where
    )
    certificate = _named(certificates, signer["sid"], where)
    attributes = _attributes(signer, where)
    if attributes["content_type"].native != signed["encap_content_info"]["content_type"].native:
        raise _broken("the signature is over another kind of content", where)
    algorithm = digest(signer["digest_algorithm"]["algorithm"].native, where=where)
    computed = hashes.Hash(algorithm)
    computed.update(content)
    if not hmac.compare_digest(computed.finalize(), attributes["message_digest"].native):
        raise _broken("the document was changed after it was signed", where)
    kind = _verify(certificate, signer, algorithm, where)
    return CheckedSigner(
        certificate=certificate,
        offered=tuple(one for one in certificates if one != certificate),
        algorithm=kind,
        signed_at=_moment(attributes.get("signing_time")),
        names_certificate=_names_certificate(attributes, certificate, where),
        value=signer["signature"].native,
    )


def _attributes(signer: Any, where: str) -> dict[str, Any]:
    """The signed attributes, each with its one value."""
    if not signer["signed_attrs"].native:
        # Without them, what was signed could be passed off as something else (RFC 5652, section 11).
        raise _broken("the signature has no signed attributes", where)
    found: dict[str, Any] = {}
    for attribute in signer["signed_attrs"]:
        name = attribute["type"].native
        if name in found or len(attribute["values"]) != 1:
            raise _broken("an attribute of the signature stands there twice", where)
        found[name] = attribute["values"][0]
    if not {"content_type", "message_digest"} <= found.keys():
        raise _broken("the signature lacks the digest of the document", where)
    return found


def _named(certificates: tuple[x509.Certificate, ...], sid: Any, where: str) -> x509.Certificate:
    for certificate in certificates:
        if sid.name == "issuer_and_serial_number":
            same_issuer = certificate.issuer.public_bytes() == sid.chosen["issuer"].dump()
            if same_issuer and certificate.serial_number == sid.chosen["serial_number"].native:
                return certificate
        elif _key_identifier(certificate) == sid.chosen.native:
            return certificate
    raise _broken("the signature does not bring the certificate of its signer", where)


def _key_identifier(certificate: x509.Certificate) -> bytes | None:
    try:
        return certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    except (x509.ExtensionNotFound, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        return None


def _verify(certificate: x509.Certificate, signer: Any, algorithm: hashes.HashAlgorithm, where: str) -> str:
    """The name of the algorithm, after verifying the value over the signed attributes."""
    key = require_strong_key(certificate.public_key(), where=where)
    method = signer["signature_algorithm"]
    kind = method.signature_algo
    value = signer["signature"].native
    attributes = signer["signed_attrs"].copy().untag()
    # As it stands in the file, and in DER, which is what BER writers have to sign.
    candidates = dict.fromkeys((attributes.dump(), attributes.copy().dump(force=True)))
    if kind == "rsassa_pss":
        parameters = method["parameters"]
        algorithm = digest(parameters["hash_algorithm"]["algorithm"].native, where=where)
        mask = digest(parameters["mask_gen_algorithm"]["parameters"]["algorithm"].native, where=where)
        filling = padding.PSS(padding.MGF1(mask), parameters["salt_length"].native)
    elif method["algorithm"].native not in ("rsassa_pkcs1v15", "ecdsa"):
        named = digest(method.hash_algo, where=where)
        if named.name != algorithm.name:
            raise _broken("the signature names two different digests", where)
    for candidate in candidates:
        try:
            if isinstance(key, ec.EllipticCurvePublicKey) and kind == "ecdsa":
                key.verify(value, candidate, ec.ECDSA(algorithm))
            elif isinstance(key, rsa.RSAPublicKey) and kind == "rsassa_pss":
                key.verify(value, candidate, filling, algorithm)
            elif isinstance(key, rsa.RSAPublicKey) and kind == "rsassa_pkcs1v15":
                key.verify(value, candidate, padding.PKCS1v15(), algorithm)
            else:
                raise _broken(f"the signature is of the kind {kind}, its key is not", where)
        except (InvalidSignature, UnsupportedAlgorithm):
            continue
        names = {"ecdsa": "ecdsa", "rsassa_pss": "rsa-pss", "rsassa_pkcs1v15": "rsa"}
        return f"{names[kind]}-{algorithm.name}"
    raise _broken("the signature was altered, or made with another key than it says", where)


def _names_certificate(attributes: dict[str, Any], certificate: x509.Certificate, where: str) -> bool:
    if "signing_certificate_v2" in attributes:
        named = attributes["signing_certificate_v2"]["certs"][0]
        algorithm = digest(named["hash_algorithm"]["algorithm"].native, where=where)
        if not hmac.compare_digest(certificate.fingerprint(algorithm), named["cert_hash"].native):
            raise _broken("the signature names another certificate than it brings", where)
        return True
    if "signing_certificate" in attributes:
        raise WeakSignature(
            "the signature names its certificate by SHA-1, which can be forged",
            where=where,
            fix="ask the sender to sign with CAdES and SHA-256",
        )
    return False


def _moment(attribute: Any) -> datetime | None:
    if attribute is None:
        return None
    moment = attribute.native
    return moment.astimezone(UTC) if isinstance(moment, datetime) else None


def _broken(what: str, where: str) -> BrokenSignature:
    return BrokenSignature(
        what, where=where, fix="ask the sender for the file as it was signed, or to sign it again"
    )

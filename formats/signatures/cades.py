"""CAdES-BES: a document inside a signed file (.p7m), as FatturaPA and many offices use it.

Source: ETSI EN 319 122-1 V1.3.1 (level B-B), RFC 5652, RFC 5035.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from asn1crypto import algos, cms, core, tsp
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from formats.errors import MalformedDocument, SignatureInvalid
from formats.signatures import cms_check
from formats.signatures.asn1 import is_signed_file, signed_data
from formats.signatures.errors import BrokenSignature, UntrustedSigner
from formats.signatures.signer import Signer
from formats.signatures.trust import Trust
from formats.signatures.verified import Kind, Verified

__all__ = ["Content", "Layer", "Outcome", "content", "is_signed_file", "sign", "verify", "verify_all"]

_WHERE: Final = "signed file (p7m)"
_MOST_LAYERS: Final = 5


class Outcome(StrEnum):
    """The words of ETSI EN 319 102-1 for what a check says."""

    PASSED = "TOTAL-PASSED"
    FAILED = "TOTAL-FAILED"
    INDETERMINATE = "INDETERMINATE"


@dataclass(frozen=True, slots=True)
class Layer:
    """One signed file around the document, and what its signatures are worth.

    `reason` is a sentence for people: why it was not verified, or failed; "" where it passed.
    """

    outcome: Outcome
    reason: str
    verified: tuple[Verified, ...] = ()


@dataclass(frozen=True, slots=True)
class Content:
    """What a signed file holds, with the state of each layer around it, outermost first."""

    document: bytes = field(repr=False)
    layers: tuple[Layer, ...]

    @property
    def proven(self) -> bool:
        """Whether every layer passed."""
        return all(layer.outcome is Outcome.PASSED for layer in self.layers)


def sign(data: bytes, signer: Signer, at: datetime) -> bytes:
    """`data` inside a signed file, DER, with the certificate and the time (aware) among what is signed.

    RSA PKCS#1 v1.5 or ECDSA. With an RSA key the same arguments give the same bytes.
    """
    certificate = _certificate(signer.certificate)
    attributes = cms.CMSAttributes(
        [
            _attribute("content_type", cms.ContentType("data")),
            _attribute("message_digest", core.OctetString(hashlib.new(signer.digest, data).digest())),
            _attribute("signing_time", _time(at)),
            _attribute("signing_certificate_v2", _signing_certificate(certificate, signer.digest)),
        ]
    )
    info = cms.SignerInfo(
        {
            "version": "v1",
            "sid": cms.SignerIdentifier(
                "issuer_and_serial_number",
                cms.IssuerAndSerialNumber(
                    {"issuer": certificate.issuer, "serial_number": certificate.serial_number}
                ),
            ),
            "digest_algorithm": algos.DigestAlgorithm({"algorithm": signer.digest}),
            "signed_attrs": attributes,
            "signature_algorithm": algos.SignedDigestAlgorithm({"algorithm": _method(signer)}),
            "signature": signer.sign(attributes.dump()),
        }
    )
    signed = cms.SignedData(
        {
            "version": "v1",
            "digest_algorithms": [algos.DigestAlgorithm({"algorithm": signer.digest})],
            "encap_content_info": cms.ContentInfo({"content_type": "data", "content": data}),
            "certificates": [certificate, *(_certificate(one) for one in signer.chain)],
            "signer_infos": [info],
        }
    )
    encoded: bytes = cms.ContentInfo({"content_type": "signed_data", "content": signed}).dump()
    return encoded


def verify(data: bytes, trust: Trust, at: datetime) -> Verified:
    """The one signature of a signed file, judged at `at` (aware); `covered` is the content.

    A file with several signatures is for `verify_all`. Reads DER, BER, PEM and base64 text. Raises
    BrokenSignature, WeakSignature, UntrustedSigner.
    """
    checked = list(_checked(data))
    if len(checked) != 1:
        raise BrokenSignature(
            f"the file has {len(checked)} signatures where one is expected",
            where=_WHERE,
            fix="ask the sender for the document with one signature, or have a person decide",
        )
    return _judged(*checked[0], trust, at)


def verify_all(data: bytes, trust: Trust, at: datetime) -> tuple[Verified, ...]:
    """Every signature of a signed file, side by side over the same content; one that fails, fails the file.

    Raises BrokenSignature, WeakSignature, UntrustedSigner.
    """
    return tuple(_judged(checked, covered, trust, at) for checked, covered in _checked(data))


def content(data: bytes, trust: Trust | None = None, at: datetime | None = None) -> Content:
    """What a signed file holds, through up to five signed files in each other, whatever its signatures are
    worth: that stands in `layers`.

    Without `trust` and `at` the signatures are compared with the content, and nobody is believed. Raises
    MalformedDocument where there is no signed file, or no content to get out.
    """
    layers: list[Layer] = []
    document = data
    while len(layers) < _MOST_LAYERS and (not layers or is_signed_file(document)):
        layer, document = _opened(document, trust, at)
        layers.append(layer)
    if is_signed_file(document):
        raise MalformedDocument(
            f"there are more than {_MOST_LAYERS} signed files in each other",
            where=_WHERE,
            fix="ask the sender for the document with one signature",
        )
    return Content(document, tuple(layers))


def _opened(data: bytes, trust: Trust | None, at: datetime | None) -> tuple[Layer, bytes]:
    try:
        inner = cms_check.content_of(signed_data(data), where=_WHERE)
    except BrokenSignature as error:
        raise MalformedDocument(error.what, where=error.where, fix=error.fix) from error
    if inner is None:
        raise MalformedDocument(
            "the signed file holds a signature only, not the document",
            where=_WHERE,
            fix="ask the sender for the file with the document in it",
        )
    try:
        if trust is None or at is None:
            tuple(_checked(data))
            reason = "signed, not verified because no trusted certificates were given"
            return Layer(Outcome.INDETERMINATE, reason), inner
        return Layer(Outcome.PASSED, "", verify_all(data, trust, at)), inner
    except UntrustedSigner as error:
        return Layer(Outcome.INDETERMINATE, f"signed, not verified because {error.what}"), inner
    except SignatureInvalid as error:
        return Layer(Outcome.FAILED, f"signed, and the signature fails because {error.what}"), inner


def _checked(data: bytes) -> Iterator[tuple[cms_check.CheckedSigner, bytes]]:
    signed = signed_data(data)
    covered = cms_check.content_of(signed, where=_WHERE)
    if covered is None:
        raise BrokenSignature(
            "the signed file holds a signature only, not the document",
            where=_WHERE,
            fix="ask the sender for the file with the document in it",
        )
    for info in cms_check.signers(signed, where=_WHERE):
        yield cms_check.check(signed, info, covered, where=_WHERE), covered


def _judged(checked: cms_check.CheckedSigner, covered: bytes, trust: Trust, at: datetime) -> Verified:
    judged = trust.judge(
        checked.certificate, checked.offered, at=at, signed_at=checked.signed_at, where=_WHERE
    )
    return Verified(
        kind=Kind.CADES_BES if checked.names_certificate else Kind.CMS,
        algorithm=checked.algorithm,
        covered=covered,
        path=judged.path,
        signed_at=checked.signed_at,
        expired_since=judged.expired_since,
    )


def _attribute(name: str, value: core.Asn1Value) -> cms.CMSAttribute:
    return cms.CMSAttribute({"type": name, "values": [value]})


def _signing_certificate(certificate: asn1_x509.Certificate, digest: str) -> tsp.SigningCertificateV2:
    named = tsp.ESSCertIDv2(
        {
            "hash_algorithm": algos.DigestAlgorithm({"algorithm": digest}),
            "cert_hash": hashlib.new(digest, certificate.dump()).digest(),
        }
    )
    return tsp.SigningCertificateV2({"certs": [named]})


def _time(at: datetime) -> cms.Time:
    moment = at.astimezone(UTC).replace(microsecond=0)
    # RFC 5652, 11.3: two-digit years through 2049.
    if moment.year < 2050:
        return cms.Time("utc_time", core.UTCTime(moment))
    return cms.Time("general_time", core.GeneralizedTime(moment))


def _method(signer: Signer) -> str:
    kind, _, digest = signer.algorithm.partition("-")
    return f"{digest}_{kind}"


def _certificate(certificate: x509.Certificate) -> asn1_x509.Certificate:
    return asn1_x509.Certificate.load(certificate.public_bytes(Encoding.DER))

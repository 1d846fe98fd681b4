"""What each format or authority demands of a signature, by name: a format names one of these.

    profile = profiles.named("facturae-3.1")
    signed = profile.sign(document, signer, at, role="emisor")

Sources: Facturae signature policy 3.1; FatturaPA technical specification 1.9, chapter on the signature; KSeF
API 2.0, authentication; UBL 2.1, chapter 5.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Final, TypeAlias
from zoneinfo import ZoneInfo

from formats.errors import ConfigError
from formats.signatures import cades, pades, xades, xmldsig
from formats.signatures.certificates import CertificateFacts
from formats.signatures.errors import BrokenSignature
from formats.signatures.signer import Signer
from formats.signatures.timestamp import Stamp
from formats.signatures.trust import Trust
from formats.signatures.verified import Kind, Verified

__all__ = ["FACTURAE_POLICY", "FACTURAE_ROLES", "PROFILES", "SignatureProfile", "Signed", "named"]

_Sign: TypeAlias = Callable[[bytes, Signer, datetime, str | None, Stamp | None], bytes]
_Verify: TypeAlias = Callable[[bytes, Trust, datetime], Verified]


@dataclass(frozen=True, slots=True)
class Signed:
    """A signed document and, for the journal, what signed it. `signed_at` is what is written in it."""

    content: bytes = field(repr=False)
    profile: str
    kind: Kind
    algorithm: str
    signer: CertificateFacts
    signed_at: datetime


@dataclass(frozen=True, slots=True)
class SignatureProfile:
    """One way to sign. `ending` is what the file name gets instead of ".xml" or ".pdf"; `roles` are the words
    for the signer's part that may be given, the first where none is; `zone` is where the time is written."""

    key: str
    title: str
    kinds: frozenset[Kind]
    ending: str
    sign_with: _Sign = field(repr=False)
    verify_with: _Verify = field(repr=False)
    roles: tuple[str, ...] = ()
    zone: str = "UTC"

    def sign(
        self,
        data: bytes,
        signer: Signer,
        at: datetime,
        *,
        role: str | None = None,
        stamp: Stamp | None = None,
    ) -> Signed:
        """Signed at `at` (aware, the second counts), and verified before it is given back.

        Raises ConfigError for a certificate that is not valid then and for a role that the profile does not
        know, MalformedDocument for content that this kind cannot sign.
        """
        _require_valid(signer, at)
        if role is not None and role not in self.roles:
            raise ConfigError(
                f"the signer's role {role!r} is not one of this kind of signature",
                where=self.key,
                fix=f"use one of: {', '.join(self.roles)}" if self.roles else "give no role",
            )
        moment = at.astimezone(ZoneInfo(self.zone)).replace(microsecond=0)
        chosen = role or (self.roles[0] if self.roles else None)
        content = self.sign_with(data, signer, moment, chosen, stamp)
        proof = self.verify(content, Trust((signer.certificate,)), at)
        return Signed(content, self.key, proof.kind, proof.algorithm, proof.signer, moment)

    def verify(self, data: bytes, trust: Trust, at: datetime) -> Verified:
        """The one signature, which must be of this profile's kind and policy.

        Raises BrokenSignature, WeakSignature, UntrustedSigner.
        """
        verified = self.verify_with(data, trust, at)
        if verified.kind not in self.kinds:
            raise BrokenSignature(
                f"the signature is of the kind {verified.kind}, wanted is {' or '.join(sorted(self.kinds))}",
                where=self.title,
                fix="ask the sender to sign in the way that this format demands",
            )
        return verified


# The policy's text is published with this digest, by SHA-1; it names the policy and protects nothing.
FACTURAE_POLICY: Final = xades.Policy(
    identifier=(
        "http://www.facturae.es/politica_de_firma_formato_facturae/"
        "politica_de_firma_formato_facturae_v3_1.pdf"
    ),
    description="Política de Firma FacturaE v3.1",
    digest_method="http://www.w3.org/2000/09/xmldsig#sha1",
    digest_value="Ohixl6upD6av8N7pEvDABhEL6hM=",
)
# InvoiceIssuerType of the document -> the signer's role.
FACTURAE_ROLES: Final[Mapping[str, str]] = MappingProxyType(
    {"EM": "emisor", "RE": "receptor", "TE": "tercero"}
)
_FACTURAE_OBJECT: Final = xades.SignedObject(
    description="Factura electrónica", identifier="urn:oid:1.2.840.10003.5.109.10"
)


def named(key: str) -> SignatureProfile:
    """Raises ConfigError for an unknown name."""
    try:
        return PROFILES[key]
    except KeyError:
        raise ConfigError(
            f"there is no signature profile {key!r}",
            where="signature",
            fix=f"use one of: {', '.join(sorted(PROFILES))}",
        ) from None


def _facturae(data: bytes, signer: Signer, at: datetime, role: str | None, stamp: Stamp | None) -> bytes:
    return xades.sign(
        data,
        signer,
        at,
        policy=FACTURAE_POLICY,
        roles=(role,) if role else (),
        about=_FACTURAE_OBJECT,
        legacy_certificate=True,
        stamp=stamp,
    )


def _facturae_verified(data: bytes, trust: Trust, at: datetime) -> Verified:
    return xades.verify(data, trust, at, policy=FACTURAE_POLICY)


def _xades(data: bytes, signer: Signer, at: datetime, role: str | None, stamp: Stamp | None) -> bytes:
    return xades.sign(data, signer, at, roles=(role,) if role else (), stamp=stamp)


def _ubl(data: bytes, signer: Signer, at: datetime, role: str | None, stamp: Stamp | None) -> bytes:
    return xades.sign(
        data, signer, at, roles=(role,) if role else (), place=xades.Place.UBL_EXTENSION, stamp=stamp
    )


def _cades(data: bytes, signer: Signer, at: datetime, role: str | None, stamp: Stamp | None) -> bytes:
    _without(role, stamp)
    return cades.sign(data, signer, at)


def _pades(data: bytes, signer: Signer, at: datetime, role: str | None, stamp: Stamp | None) -> bytes:
    _without(role, stamp)
    return pades.sign(data, signer, at)


def _xmldsig(data: bytes, signer: Signer, at: datetime, role: str | None, stamp: Stamp | None) -> bytes:
    _without(role, stamp)
    return xmldsig.sign(data, signer, at)


def _without(role: str | None, stamp: Stamp | None) -> None:
    if role is not None or stamp is not None:
        raise ConfigError(
            "this kind of signature carries no role and no time stamp",
            where="signature",
            fix="leave them out, or use a XAdES profile",
        )


def _require_valid(signer: Signer, at: datetime) -> None:
    facts = signer.facts
    if not facts.valid_from <= at <= facts.valid_to:
        raise ConfigError(
            f"the certificate for signing is valid from {facts.valid_from:%Y-%m-%d} to "
            f"{facts.valid_to:%Y-%m-%d} only",
            where=facts.subject,
            fix="renew the certificate, and name the new one in the configuration",
        )


_XADES_KINDS: Final = frozenset({Kind.XADES_BES, Kind.XADES_EPES})
_ALL: Final = (
    SignatureProfile(
        "facturae-3.1",
        "Facturae, signature policy 3.1",
        frozenset({Kind.XADES_EPES}),
        ".xsig",
        _facturae,
        _facturae_verified,
        roles=tuple(FACTURAE_ROLES.values()),
        # Regional entry points in Spain refuse a time that looks to be in the future.
        zone="Europe/Madrid",
    ),
    SignatureProfile(
        "fatturapa-cades",
        "FatturaPA, CAdES-BES",
        frozenset({Kind.CADES_BES}),
        ".xml.p7m",
        _cades,
        cades.verify,
    ),
    SignatureProfile("fatturapa-xades", "FatturaPA, XAdES-BES", _XADES_KINDS, ".xml", _xades, xades.verify),
    SignatureProfile("ksef-auth", "KSeF, request to log in", _XADES_KINDS, ".xml", _xades, xades.verify),
    SignatureProfile(
        "ubl-xades", "UBL, signature in its extension", _XADES_KINDS, ".xml", _ubl, xades.verify
    ),
    SignatureProfile("xades-bes", "any XML, XAdES-BES", _XADES_KINDS, ".xml", _xades, xades.verify),
    SignatureProfile(
        "xmldsig", "any XML, plain signature", frozenset({Kind.XMLDSIG}), ".xml", _xmldsig, xmldsig.verify
    ),
    SignatureProfile("pades-b", "PDF, PAdES-B", frozenset({Kind.PADES}), ".pdf", _pades, pades.verify),
)
PROFILES: Final[Mapping[str, SignatureProfile]] = MappingProxyType({one.key: one for one in _ALL})

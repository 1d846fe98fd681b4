"""Signatures of WS-Security over header, body and attachments, written and verified.

What is written is canonical from the start; what is read is verified on the tree it is then used from: a
reference counts only for the very element it leads to. Algorithms outside the profile are refused before
anything is computed. Sources: W3C XML Signature 1.1; Exclusive XML Canonicalization 1.0; WSS 1.1.1 X.509
token and SwA profiles; Peppol AS4 profile 2.0.3.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64encode
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from lxml import etree

from connectors.channels.peppol.as4 import names
from connectors.channels.peppol.as4.keys import Key, Peer, decoded, encoded, peer
from connectors.channels.peppol.as4.problems import FAILED_AUTHENTICATION, POLICY, As4Problem
from connectors.channels.peppol.as4.soap import (
    SoapEnvelope,
    attribute,
    canonical,
    child,
    children,
    elements,
    text_of,
)
from formats.signatures.canonical import read_prefixes

__all__ = ["Reference", "Transform", "Verified", "digest_of", "sign", "token", "verify", "write_reference"]

_MOST_REFERENCES: Final = 12
_MOST_TRANSFORMS: Final = 3
_PREFIXES: Final = f"{{{names.EC}}}InclusiveNamespaces"


@dataclass(frozen=True, slots=True)
class Transform:
    """An algorithm and, for canonicalisation, the PrefixList that the signer named."""

    algorithm: str
    prefixes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reference:
    """What is signed (`#id` or `cid:...`) and its SHA-256."""

    uri: str
    digest: bytes
    transforms: tuple[Transform, ...] = ()

    @classmethod
    def of_element(cls, element_id: str, written: str) -> Reference:
        """An element of the envelope, given in canonical form."""
        transforms = (Transform(names.EXCLUSIVE_C14N),)
        return cls(f"#{element_id}", digest_of(written.encode()), transforms)

    @classmethod
    def of_attachment(cls, href: str, digest: bytes) -> Reference:
        """An attachment by its `cid:` address and the SHA-256 of its bytes before encryption."""
        return cls(href, digest, (Transform(names.ATTACHMENT_SIGNATURE),))


@dataclass(frozen=True, slots=True)
class Verified:
    """What holds after verification: who signed, what is covered, and the SHA-256 of the signature value."""

    signer: Peer
    references: tuple[Reference, ...]
    signature_digest: bytes = field(repr=False)


def digest_of(data: bytes) -> bytes:
    """SHA-256."""
    return hashlib.sha256(data).digest()


def token(certificate_text: str, element_id: str) -> str:
    """A BinarySecurityToken of a certificate in base64."""
    return (
        f'<wsse:BinarySecurityToken wsu:Id="{element_id}" EncodingType="{names.BASE64_BINARY}"'
        f' ValueType="{names.X509_TOKEN}">{certificate_text}</wsse:BinarySecurityToken>'
    )


def sign(references: Iterable[Reference], key: Key, unique: str) -> str:
    """Token and Signature to stand at the end of the Security header; the same input gives the same text.

    `unique` makes the ids of these elements.
    """
    signed = (
        f'<ds:SignedInfo xmlns:ds="{names.DS}">'
        f'<ds:CanonicalizationMethod Algorithm="{names.EXCLUSIVE_C14N}"></ds:CanonicalizationMethod>'
        f'<ds:SignatureMethod Algorithm="{names.RSA_SHA256}"></ds:SignatureMethod>'
        + "".join(write_reference(reference, declared=True) for reference in references)
        + "</ds:SignedInfo>"
    )
    value = key.private_key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
    return (
        token(encoded(key.certificate), f"sig-cert-{unique}")
        + f'<ds:Signature xmlns:ds="{names.DS}" Id="sig-{unique}">{signed}'
        f"<ds:SignatureValue>{b64encode(value).decode('ascii')}</ds:SignatureValue><ds:KeyInfo>"
        f'<wsse:SecurityTokenReference><wsse:Reference URI="#sig-cert-{unique}"'
        f' ValueType="{names.X509_TOKEN}"/></wsse:SecurityTokenReference></ds:KeyInfo></ds:Signature>'
    )


def write_reference(reference: Reference, *, declared: bool) -> str:
    """A Reference in canonical form; `declared` says whether the prefix ds is around it already."""
    transforms = "".join(
        f'<ds:Transform Algorithm="{attribute(one.algorithm)}">{_write_prefixes(one.prefixes)}</ds:Transform>'
        for one in reference.transforms
    )
    namespace = "" if declared else f' xmlns:ds="{names.DS}"'
    return (
        f'<ds:Reference{namespace} URI="{attribute(reference.uri)}"><ds:Transforms>{transforms}'
        f'</ds:Transforms><ds:DigestMethod Algorithm="{names.SHA256}"></ds:DigestMethod>'
        f"<ds:DigestValue>{b64encode(reference.digest).decode('ascii')}</ds:DigestValue></ds:Reference>"
    )


def verify(
    envelope: SoapEnvelope,
    attachments: Collection[str] = (),
    matches: Callable[[str, bytes], bool] = lambda _href, _digest: False,
) -> Verified:
    """Verify the one signature: it covers the Messaging and Body elements of this tree and all attachments.

    `attachments` are the `cid:` addresses that came; `matches` says whether one has the digest that was
    signed. Whether the signer is to be trusted is the caller's question. Raises As4Problem: EBMS:0101 where
    the signature is missing, does not hold or does not cover everything; EBMS:0103 where it is made with
    anything that the profile does not allow.
    """
    security = envelope.security
    signatures = [] if security is None else children(security, names.DS, "Signature")
    if security is None or not signatures:
        raise _failed("the message is not signed")
    if len(signatures) > 1:
        raise As4Problem(POLICY, "the message has more than one signature")
    signature = signatures[0]
    signed = _required(signature, "SignedInfo")
    prefixes = _check_methods(signed)
    signer = _signer(envelope, security, signature)
    value = _base64(_required(signature, "SignatureValue"), "the signature value")
    references = _read_references(signed)
    try:
        signer.public_key.verify(value, canonical(signed, prefixes), padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature as error:
        raise _failed("the signature does not hold") from error
    covered = [_check_element(envelope, one) for one in references if one.uri.startswith("#")]
    if not any(node is envelope.messaging for node in covered):
        raise _failed("the signature does not cover the Messaging header")
    if not any(node is envelope.body for node in covered):
        raise _failed("the signature does not cover the SOAP body")
    _check_attachments([one for one in references if one.uri.startswith("cid:")], attachments, matches)
    return Verified(signer, references, digest_of(value))


def read_reference(element: etree._Element) -> Reference:
    """A Reference as written, its digest method SHA-256. Raises As4Problem EBMS:0103 or EBMS:0101."""
    method = _required(element, "DigestMethod").get("Algorithm")
    if method != names.SHA256:
        raise As4Problem(POLICY, "a digest is not SHA-256")
    group = child(element, names.DS, "Transforms")
    transforms = [] if group is None else children(group, names.DS, "Transform")
    if len(transforms) > _MOST_TRANSFORMS:
        raise As4Problem(POLICY, "a reference has too many transforms")
    return Reference(
        element.get("URI", ""),
        _base64(_required(element, "DigestValue"), "a digest"),
        tuple(Transform(one.get("Algorithm", ""), _read_prefixes(one)) for one in transforms),
    )


def _check_methods(signed: etree._Element) -> tuple[str, ...]:
    _check_shape(signed)
    canonicalization = _required(signed, "CanonicalizationMethod")
    if canonicalization.get("Algorithm") != names.EXCLUSIVE_C14N:
        raise As4Problem(POLICY, "the signature does not use exclusive canonicalisation without comments")
    if _required(signed, "SignatureMethod").get("Algorithm") != names.RSA_SHA256:
        raise As4Problem(POLICY, "the signature method is not RSA with SHA-256")
    return _read_prefixes(canonicalization)


def _check_shape(signed: etree._Element) -> None:
    """Nothing but what XML Signature has here: all of it is made canonical before anything is proven."""
    inside = [node.tag for node in elements(signed)]
    expected = [f"{{{names.DS}}}CanonicalizationMethod", f"{{{names.DS}}}SignatureMethod"]
    if inside[:2] != expected or any(tag != f"{{{names.DS}}}Reference" for tag in inside[2:]):
        raise As4Problem(POLICY, "SignedInfo has something inside that does not belong there")
    if len(inside) - 2 > _MOST_REFERENCES:
        raise As4Problem(POLICY, "the signature has too many references")


def _signer(envelope: SoapEnvelope, security: etree._Element, signature: etree._Element) -> Peer:
    der = token_of(envelope, security, _required(signature, "KeyInfo"))
    try:
        return peer(der)
    except ValueError as error:
        raise As4Problem(
            POLICY, "the signer's certificate is none, or has no RSA key of 2048 bits"
        ) from error


def token_of(envelope: SoapEnvelope, security: etree._Element, key_info: etree._Element) -> bytes:
    """The certificate that a KeyInfo leads to by a direct reference to a BinarySecurityToken.

    Raises As4Problem EBMS:0103 for every other way to name a key.
    """
    target = referenced(envelope, security, key_info)
    if target is None or target.tag != f"{{{names.WSSE}}}BinarySecurityToken":
        raise As4Problem(POLICY, "a key is not named by a direct reference to a BinarySecurityToken")
    if target.get("ValueType") != names.X509_TOKEN:
        raise As4Problem(POLICY, "a BinarySecurityToken is not an X.509 certificate")
    if target.get("EncodingType", names.BASE64_BINARY) != names.BASE64_BINARY:
        raise As4Problem(POLICY, "a BinarySecurityToken is not base64")
    return _base64(target, "a certificate")


def referenced(
    envelope: SoapEnvelope, security: etree._Element, key_info: etree._Element
) -> etree._Element | None:
    """The child of this Security header that a SecurityTokenReference leads to, None where it does not."""
    reference = key_info.find(f"{{{names.WSSE}}}SecurityTokenReference/{{{names.WSSE}}}Reference")
    uri = "" if reference is None else reference.get("URI", "")
    target = envelope.ids.get(uri[1:]) if uri.startswith("#") else None
    return target if target is not None and target.getparent() is security else None


def _read_references(signed: etree._Element) -> tuple[Reference, ...]:
    references = tuple(read_reference(element) for element in children(signed, names.DS, "Reference"))
    if len({one.uri for one in references}) != len(references):
        raise _failed("the signature refers to something twice")
    if not all(one.uri.startswith(("#", "cid:")) for one in references):
        raise As4Problem(POLICY, "the signature refers to something outside the message")
    return references


def _check_element(envelope: SoapEnvelope, reference: Reference) -> etree._Element:
    if [one.algorithm for one in reference.transforms] != [names.EXCLUSIVE_C14N]:
        raise As4Problem(POLICY, "a signed element is transformed in a way that the profile does not know")
    element = envelope.ids.get(reference.uri[1:])
    if element is None:
        raise _failed("the signature refers to an element that is not there")
    if not _stands_alone(envelope, element):
        # Elements inside each other would be made canonical once for each level.
        raise _failed("the signature covers an element that the profile does not sign")
    found = digest_of(canonical(element, reference.transforms[0].prefixes))
    if not hmac.compare_digest(found, reference.digest):
        raise _failed(f"{etree.QName(element).localname} was changed after it was signed")
    return element


def _stands_alone(envelope: SoapEnvelope, element: etree._Element) -> bool:
    """The body, a header, or a child of the Security header: none of them is inside another."""
    if element is envelope.body:
        return True
    if element is envelope.security:
        return False
    above = element.getparent()
    return above is not None and (above is envelope.security or above is envelope.body.getprevious())


def _check_attachments(
    references: list[Reference], attachments: Collection[str], matches: Callable[[str, bytes], bool]
) -> None:
    for reference in references:
        if [one.algorithm for one in reference.transforms] != [names.ATTACHMENT_SIGNATURE]:
            raise As4Problem(POLICY, "an attachment is signed in a way that the profile does not know")
        if reference.uri not in attachments:
            raise _failed("the signature refers to an attachment that is not there")
        if not matches(reference.uri, reference.digest):
            raise _failed("an attachment was changed after it was signed")
    if {one.uri for one in references} != set(attachments):
        raise _failed("the signature does not cover every attachment")


def _write_prefixes(prefixes: tuple[str, ...]) -> str:
    if not prefixes:
        return ""
    written = attribute(" ".join(prefixes))
    return f'<ec:InclusiveNamespaces xmlns:ec="{names.EC}" PrefixList="{written}"></ec:InclusiveNamespaces>'


def _read_prefixes(method: etree._Element) -> tuple[str, ...]:
    inside = list(elements(method))
    if not inside:
        return ()
    if len(inside) > 1 or inside[0].tag != _PREFIXES:
        raise As4Problem(POLICY, "a transform has parameters that the profile does not know")
    try:
        return read_prefixes(inside[0].get("PrefixList") or "")
    except ValueError as error:
        raise As4Problem(POLICY, "a transform names more name spaces than any message needs") from error


def _required(parent: etree._Element, name: str) -> etree._Element:
    element = child(parent, names.DS, name)
    if element is None:
        raise _failed(f"{etree.QName(parent).localname} has no {name}")
    return element


def _base64(element: etree._Element, what: str) -> bytes:
    try:
        return decoded(text_of(element))
    except ValueError as error:
        raise _failed(f"{what} is not base64") from error


def _failed(what: str) -> As4Problem:
    return As4Problem(FAILED_AUTHENTICATION, what)

"""The signature of an SMP over what it says (XML Signature, enveloped).

Only what the signature covers is given back, read anew from the very bytes whose digest was compared, so that
nothing unsigned can be taken for signed. Sources: Peppol SMP specification 1.4.0; W3C XML Signature Syntax
and Processing 1.1; Canonical XML 1.0 and its exclusive form.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from lxml import etree

from connectors.channels.peppol.pki.certificates import read_certificate
from formats.errors import EInvoicingError, MalformedDocument, SignatureInvalid
from formats.signatures.canonical import has_crowded_namespaces, read_prefixes
from formats.syntaxes import xml

__all__ = ["LARGEST", "SignedContent", "covered_bytes", "verify"]

LARGEST: Final = 1024 * 1024
_DS: Final = "{http://www.w3.org/2000/09/xmldsig#}"
_EXCLUSIVE: Final = "http://www.w3.org/2001/10/xml-exc-c14n#"
_INCLUSIVE: Final = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
_ENVELOPED: Final = "http://www.w3.org/2000/09/xmldsig#enveloped-signature"
_PREFIXES: Final = f"{{{_EXCLUSIVE}}}InclusiveNamespaces"
_CANONICAL: Final = frozenset({_INCLUSIVE, _EXCLUSIVE})
# Of the algorithms that XML Signature knows, these are taken. SHA-1 is refused since SMP 1.2.
_SIGNATURES: Final[Mapping[str, Callable[[], hashes.HashAlgorithm]]] = MappingProxyType(
    {
        "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256": hashes.SHA256,
        "http://www.w3.org/2001/04/xmldsig-more#rsa-sha384": hashes.SHA384,
        "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512": hashes.SHA512,
    }
)
_DIGESTS: Final[Mapping[str, Callable[[bytes], Any]]] = MappingProxyType(
    {
        "http://www.w3.org/2001/04/xmlenc#sha256": hashlib.sha256,
        "http://www.w3.org/2001/04/xmldsig-more#sha384": hashlib.sha384,
        "http://www.w3.org/2001/04/xmlenc#sha512": hashlib.sha512,
    }
)
_SMALLEST_KEY: Final = 2048
_MOST_CERTIFICATES: Final = 5


@dataclass(frozen=True, slots=True)
class SignedContent:
    """What the signature covers, as a tree without comments, and the certificate that it was made with.

    Whether that certificate is to be trusted is decided elsewhere.
    """

    root: etree._Element = field(repr=False)
    certificate: x509.Certificate


def verify(content: bytes, *, where: str) -> SignedContent:
    """The signed content of one document.

    Raises MalformedDocument for what is not XML or larger than 1 MB, SignatureInvalid for a signature that is
    missing, altered, or made by methods that are not taken.
    """
    root = _parsed(content, where)
    signature = _only_signature(root, where)
    signed_info = _child(signature, "SignedInfo", where)
    reference, digest_of = _reference(signed_info, where)
    certificate = _certificate(signature, where)
    _require_value(signature, signed_info, certificate, where)
    covered = covered_bytes(content)
    if not hmac.compare_digest(digest_of(covered).digest(), _decoded(reference, "DigestValue", where)):
        raise _invalid("the content was changed after it was signed", where)
    return SignedContent(_parsed(covered, where), certificate)


def covered_bytes(content: bytes) -> bytes:
    """The canonical bytes that an enveloped signature over the whole document covers: the document without
    the signature and without comments.

    Raises MalformedDocument and SignatureInvalid as `verify`.
    """
    root = _parsed(content, "")
    signature = _only_signature(root, "")
    transforms = signature.findall(f"{_DS}SignedInfo/{_DS}Reference/{_DS}Transforms/{_DS}Transform")
    method = transforms[-1] if len(transforms) == 2 else None
    _without(signature)
    return _canonical(root.getroottree(), method, "SMP answer")


def _parsed(content: bytes, where: str) -> etree._Element:
    try:
        root = xml.parse(content, largest=LARGEST, as_written=True)
    except MalformedDocument as error:
        raise MalformedDocument(error.what, where=where, fix="tell the SMP's operator") from error
    if has_crowded_namespaces(root):
        raise _invalid("the document declares more name spaces than any document needs", where)
    return root


def _only_signature(root: etree._Element, where: str) -> etree._Element:
    found = list(root.iter(f"{_DS}Signature"))
    if not found:
        raise _invalid("there is no signature", where)
    if len(found) > 1 or found[0].getparent() is not root:
        raise _invalid("there is not exactly one signature at its place", where)
    return found[0]


def _reference(signed_info: etree._Element, where: str) -> tuple[etree._Element, Callable[[bytes], Any]]:
    references = signed_info.findall(f"{_DS}Reference")
    if len(references) != 1 or references[0].get("URI") != "":
        raise _invalid("the signature does not cover the whole document", where)
    (reference,) = references
    transforms = [one.get("Algorithm", "") for one in reference.findall(f"{_DS}Transforms/{_DS}Transform")]
    if transforms[:1] != [_ENVELOPED] or len(transforms) > 2 or not _CANONICAL.issuperset(transforms[1:]):
        raise _invalid(f"it is made by transforms that are not taken ({_short(transforms)})", where)
    method = _method(reference, "DigestMethod")
    if method not in _DIGESTS:
        raise _weak("digest", method, where)
    return reference, _DIGESTS[method]


def _require_value(
    signature: etree._Element, signed_info: etree._Element, certificate: x509.Certificate, where: str
) -> None:
    method = _method(signed_info, "SignatureMethod")
    if method not in _SIGNATURES:
        raise _weak("signature", method, where)
    canonical = signed_info.find(f"{_DS}CanonicalizationMethod")
    if canonical is None or canonical.get("Algorithm") not in _CANONICAL:
        raise _invalid("it is canonicalised by a method that is not taken", where)
    key = certificate.public_key()
    if not isinstance(key, rsa.RSAPublicKey) or key.key_size < _SMALLEST_KEY:
        raise _invalid(f"it is not made with an RSA key of at least {_SMALLEST_KEY} bits", where)
    # As a document of its own, with the name spaces that are in force there, which the inclusive form keeps.
    alone = _parsed(etree.tostring(signed_info, with_tail=False), where)
    try:
        key.verify(
            _decoded(signature, "SignatureValue", where),
            _canonical(alone.getroottree(), canonical, where),
            padding.PKCS1v15(),
            _SIGNATURES[method](),
        )
    except InvalidSignature as error:
        raise _invalid("the signature does not belong to its content", where) from error


def _certificate(signature: etree._Element, where: str) -> x509.Certificate:
    """The one to which the signature says it belongs: the first that is no authority."""
    texts = signature.findall(f"{_DS}KeyInfo/{_DS}X509Data/{_DS}X509Certificate")
    if not 0 < len(texts) <= _MOST_CERTIFICATES:
        raise _invalid("it does not bring its certificate", where)
    try:
        found = [read_certificate(one.text or "", where=where) for one in texts]
        return next((one for one in found if not _is_authority(one)), found[0])
    except (EInvoicingError, ValueError) as error:
        raise _invalid("the certificate in it cannot be read", where) from error


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def _canonical(tree: etree._ElementTree, method: etree._Element | None, where: str) -> bytes:
    """Canonical XML without comments; inclusive where nothing is said (XML Signature, section 4.4.3.2)."""
    inclusive = method is None or method.get("Algorithm") == _INCLUSIVE
    listed = method.find(_PREFIXES) if method is not None and not inclusive else None
    try:
        prefixes = read_prefixes(listed.get("PrefixList") or "") if listed is not None else ()
    except ValueError as error:
        raise _invalid("it names more name spaces than any document needs", where) from error
    try:
        return etree.tostring(
            tree,
            method="c14n",
            exclusive=not inclusive,
            with_comments=False,
            inclusive_ns_prefixes=list(prefixes) or None,
        )
    except etree.C14NError as error:
        raise _invalid("a name space in the document is not an absolute address", where) from error


def _without(signature: etree._Element) -> None:
    """Take the element out; the text behind it stays."""
    parent, before = signature.getparent(), signature.getprevious()
    if parent is None:
        return
    tail = signature.tail or ""
    if before is not None:
        before.tail = (before.tail or "") + tail
    else:
        parent.text = (parent.text or "") + tail
    signature.tail = None
    parent.remove(signature)


def _child(parent: etree._Element, name: str, where: str) -> etree._Element:
    found = parent.findall(f"{_DS}{name}")
    if len(found) != 1:
        raise _invalid(f"it has no {name}, or several", where)
    return found[0]


def _method(parent: etree._Element, name: str) -> str:
    found = parent.find(f"{_DS}{name}")
    return "" if found is None else found.get("Algorithm", "")


def _decoded(parent: etree._Element, name: str, where: str) -> bytes:
    try:
        return base64.b64decode("".join((_child(parent, name, where).text or "").split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise _invalid(f"its {name} is damaged", where) from error


def _weak(kind: str, method: str, where: str) -> SignatureInvalid:
    if method.endswith("sha1"):
        return _invalid(f"its {kind} is made with SHA-1, which is no longer safe", where)
    return _invalid(f"its {kind} is made by a method that is not taken ({method[:100] or 'none'})", where)


def _invalid(what: str, where: str) -> SignatureInvalid:
    return SignatureInvalid(
        f"the signature of the SMP does not hold: {what}",
        where=where,
        fix="tell the SMP's operator; nothing is sent on the word of an unsigned entry",
    )


def _short(texts: list[str]) -> str:
    return ", ".join(text.rpartition("#")[2][:60] or text[:60] for text in texts[:3]) or "none"

"""What one reference of an XML signature points at, and the exact bytes that it covers.

Strict on purpose: a reference is the whole document, a part of the signature itself, or refused. Only
canonicalization and the removal of signatures may stand between an element and its digest.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from cryptography.hazmat.primitives import hashes
from lxml import etree
from signxml.algorithms import digest_algorithm_implementations

from formats.signatures.algorithms import digest_method
from formats.signatures.canonical import (
    C14N_1_0,
    METHODS,
    canonical_document,
    canonical_element,
    read_prefixes,
)
from formats.signatures.errors import BrokenSignature

__all__ = ["DS", "WHERE", "XADES", "Covers", "Reference", "broken", "decoded", "detach", "only"]

DS: Final = "{http://www.w3.org/2000/09/xmldsig#}"
XADES: Final = "{http://uri.etsi.org/01903/v1.3.2#}"
WHERE: Final = "XML signature"
_IDENTIFIERS: Final = frozenset({"Id", "ID", "id", "{http://www.w3.org/XML/1998/namespace}id"})
_ENVELOPED: Final = "http://www.w3.org/2000/09/xmldsig#enveloped-signature"
_XPATH: Final = "http://www.w3.org/TR/1999/REC-xpath-19991116"
_FILTER2: Final = "http://www.w3.org/2002/06/xmldsig-filter2"
_EC: Final = "{http://www.w3.org/2001/10/xml-exc-c14n#}"
# Every spelling in use of "all but the signatures"; compared as text, never evaluated.
_ALL_BUT_SIGNATURES: Final = frozenset(
    {
        *("not(ancestor-or-self::ds:Signature)", "not(ancestor-or-self::dsig:Signature)"),
        *("/descendant::ds:Signature", "//ds:Signature", "/descendant::dsig:Signature"),
    }
)


class Covers(Enum):
    """What a reference points at."""

    DOCUMENT = "document"
    OBJECT = "object"  # a ds:Object of the signature, with its content
    PROPERTIES = "properties"  # the xades:SignedProperties of the signature
    OWN_PART = "own part"  # KeyInfo or another part of the signature


@dataclass(frozen=True, slots=True)
class Reference:
    """One reference, resolved."""

    covers: Covers
    element: etree._Element
    identifier: str | None
    whole: bool
    transforms: tuple[etree._Element, ...]
    digest_address: str
    digest_value: bytes

    @classmethod
    def read(cls, reference: etree._Element, signature: etree._Element) -> Reference:
        """Raises BrokenSignature for anything but the document and the signature's own parts."""
        address = reference.get("URI")
        if address is None:
            raise broken("a reference of the signature names nothing")
        root = signature.getroottree().getroot()
        element = root if address == "" else _named(root, address)
        transforms = tuple(reference.iterfind(f"{DS}Transforms/{DS}Transform"))
        method = only(reference, f"{DS}DigestMethod").get("Algorithm", "")
        return cls(
            covers=_covers(element, root, signature),
            element=element,
            identifier=reference.get("Id"),
            whole=address == "",
            transforms=transforms,
            digest_address=method,
            digest_value=decoded(only(reference, f"{DS}DigestValue")),
        )

    def covered(self, signature: etree._Element) -> bytes:
        """The bytes that the digest is over, after comparing it. Raises BrokenSignature, WeakSignature.

        For the document, `signature` (or every signature, where the reference says so) is taken out of the
        tree and stays out.
        """
        content = self._canonical(signature)
        self.compare(content)
        return content

    def compare(self, content: bytes) -> None:
        """Raises BrokenSignature where `content` is not what was signed, WeakSignature where that proves
        nothing."""
        method = digest_method(self.digest_address, where=WHERE)
        digest = hashes.Hash(digest_algorithm_implementations[method]())
        digest.update(content)
        if not hmac.compare_digest(digest.finalize(), self.digest_value):
            own = self.covers in (Covers.PROPERTIES, Covers.OWN_PART)
            said = "the signature's own data" if own else "the document"
            raise broken(f"{said} was changed after it was signed")

    def _canonical(self, signature: etree._Element) -> bytes:
        method, enveloped = C14N_1_0, False
        prefixes: tuple[str, ...] = ()
        for place, transform in enumerate(self.transforms):
            address = transform.get("Algorithm", "")
            if address in METHODS:
                if place != len(self.transforms) - 1:
                    raise broken("the signature transforms the document after making it canonical")
                method, prefixes = address, _prefixes(transform)
            elif self.covers is not Covers.DOCUMENT:
                raise broken(f"the signature uses a transformation that is not allowed: {address[:120]!r}")
            elif address == _ENVELOPED:
                enveloped = True
                detach(signature)
            elif address in (_XPATH, _FILTER2) and _all_but_signatures(transform, address):
                enveloped = True
                for one in list(self.element.iter(f"{DS}Signature")):
                    detach(one)
            else:
                raise broken(f"the signature uses a transformation that is not allowed: {address[:120]!r}")
        if self.covers is Covers.DOCUMENT and not enveloped:
            raise broken("the signature claims to cover itself, which cannot be")
        if self.whole:
            return canonical_document(self.element, method, prefixes)
        return canonical_element(self.element, method, prefixes)


def only(element: etree._Element, path: str) -> etree._Element:
    """The one element at `path`. Raises BrokenSignature where there is none or several."""
    found = element.findall(path)
    if len(found) != 1:
        name = path.rpartition("}")[2]
        raise broken(f"the signature has {len(found)} {name} where there must be one")
    return found[0]


def decoded(element: etree._Element) -> bytes:
    """Base64 text, blanks and line breaks allowed. Raises BrokenSignature."""
    try:
        return base64.b64decode("".join((element.text or "").split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise broken("a value of the signature is not base64") from error


def detach(element: etree._Element) -> None:
    """Take an element out and leave the text behind it where it is."""
    parent = element.getparent()
    if parent is None:
        return
    if element.tail:
        before = element.getprevious()
        if before is None:
            parent.text = (parent.text or "") + element.tail
        else:
            before.tail = (before.tail or "") + element.tail
    parent.remove(element)


def broken(what: str) -> BrokenSignature:
    """The error of this kind of signature."""
    return BrokenSignature(
        what, where=WHERE, fix="ask the sender for the document as it was signed, or to sign it again"
    )


def _named(root: etree._Element, address: str) -> etree._Element:
    if not address.startswith("#") or address.startswith("#xpointer"):
        raise broken("the signature refers to something outside of the document")
    # All attributes of that value first: five times as fast as asking every element for each name.
    attributes: Any = root.xpath("//@*[.=$name]", name=address[1:])
    named: set[etree._Element] = {one.getparent() for one in attributes if one.attrname in _IDENTIFIERS}
    if len(named) != 1:
        raise broken(f"the signature refers to an element by a name that {len(named)} elements have")
    return named.pop()


def _covers(element: etree._Element, root: etree._Element, signature: etree._Element) -> Covers:
    parent = element.getparent()
    if parent is signature:
        return Covers.OBJECT if element.tag == f"{DS}Object" else Covers.OWN_PART
    if element is root and element is not signature:
        return Covers.DOCUMENT
    if element.tag == f"{XADES}SignedProperties":
        properties = signature.findall(f"{DS}Object/{XADES}QualifyingProperties/{XADES}SignedProperties")
        if len(properties) == 1 and properties[0] is element:
            return Covers.PROPERTIES
    raise broken("the signature covers only a part of the document, or a part that was moved")


def _prefixes(transform: etree._Element) -> tuple[str, ...]:
    named = transform.find(f"{_EC}InclusiveNamespaces")
    try:
        return read_prefixes(named.get("PrefixList") or "") if named is not None else ()
    except ValueError as error:
        raise broken("the signature names more name spaces than any document needs") from error


def _all_but_signatures(transform: etree._Element, address: str) -> bool:
    """True for the two known ways to leave all signatures out, with the prefix bound as it should be."""
    children = list(transform)
    if len(children) != 1:
        return False
    expression = "".join((children[0].text or "").split())
    prefix = expression.rpartition("::")[2].rpartition("//")[2].partition(":")[0]
    bound = children[0].nsmap.get(prefix) == DS[1:-1]
    filtered = address == _FILTER2
    if filtered and children[0].get("Filter") != "subtract":
        return False
    if filtered == expression.startswith("not("):
        return False
    return bound and expression in _ALL_BUT_SIGNATURES

"""One XML signature, checked: what it covers, and which key made it.

The structure is judged here and strictly; the arithmetic is signxml's and cryptography's. Several signatures
of one document are taken as they are made: each covers the document and the signatures before it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from lxml import etree
from signxml.algorithms import SignatureMethod
from signxml.exceptions import InvalidInput
from signxml.exceptions import InvalidSignature as InvalidXmlSignature
from signxml.verifier import XMLVerifier

from formats.errors import MalformedDocument
from formats.signatures.algorithms import signature_method, spoken
from formats.signatures.canonical import METHODS, canonical_element, has_crowded_namespaces
from formats.signatures.certificates import loaded
from formats.signatures.errors import BrokenSignature
from formats.signatures.reference import DS, WHERE, Covers, Reference, broken, decoded, detach, only
from formats.signatures.strength import require_strong_key
from formats.syntaxes import xml

__all__ = ["MOST_SIGNATURES", "Checked", "check", "count", "parsed"]

MOST_SIGNATURES: Final = 10
_MOST_REFERENCES: Final = 10
_EXT: Final = "{urn:oasis:names:specification:ubl:schema:xsd:CommonExtensionComponents-2}"
_EXTENSION: Final = (f"{_EXT}ExtensionContent", f"{_EXT}UBLExtension", f"{_EXT}UBLExtensions")


@dataclass(frozen=True, slots=True)
class Checked:
    """A signature that matches: `covered` is proven for the holder of `certificate`, who is not yet judged.

    `properties` is the signed part of XAdES, None in a plain signature; `stamped` are the bytes that a time
    stamp of the signature is over, by the method that makes them canonical.
    """

    covered: bytes
    certificate: x509.Certificate
    offered: tuple[x509.Certificate, ...]
    algorithm: str
    signature: etree._Element
    properties: etree._Element | None
    stamped: Mapping[str, bytes]


class _Arithmetic(XMLVerifier):
    """signxml's check of a signature value against a key."""

    def matches(
        self, signed: bytes, value: bytes, method: SignatureMethod, certificate: x509.Certificate
    ) -> bool:
        try:
            self._verify_signature_with_pubkey(
                signed_info_c14n=signed,
                raw_signature=value,
                signature_alg=method,
                signing_certificate=certificate,
            )
        except (InvalidSignature, InvalidXmlSignature, InvalidInput, UnsupportedAlgorithm, ValueError):
            return False
        return True


def parsed(data: bytes) -> etree._Element:
    """The document, by the parser of the house. Raises BrokenSignature for what is no XML."""
    try:
        return xml.parse(data, as_written=True)
    except MalformedDocument as error:
        raise BrokenSignature(error.what, where=error.where, fix=error.fix) from error


def count(root: etree._Element) -> int:
    """How many signatures the document has; those that sign another signature are not counted.

    Raises BrokenSignature for none and for more than 10.
    """
    found = len(_signatures(root))
    if not found:
        raise broken("the document is not signed")
    if found > MOST_SIGNATURES:
        raise broken(f"the document has {found} signatures, {MOST_SIGNATURES} are read")
    return found


def check(data: bytes, place: int = 0, *, detached: tuple[str, bytes] | None = None) -> Checked:
    """The signature at `place` of the document. `detached` is the name and the content of the file that a
    signature in a file of its own must cover.

    Raises BrokenSignature, WeakSignature.
    """
    root = parsed(data)
    signatures = _signatures(root)
    if place >= len(signatures):
        raise broken("the document is not signed")
    if has_crowded_namespaces(root):
        raise broken("the document declares more name spaces than any document needs")
    signature = signatures[place]
    # Whoever signs later signs what is there, so what came later was not there.
    for later in signatures[place + 1 :]:
        detach(later)
    _require_place(signature, root)
    signed_info = only(signature, f"{DS}SignedInfo")
    method = signature_method(only(signed_info, f"{DS}SignatureMethod").get("Algorithm", ""), where=WHERE)
    canonical = only(signed_info, f"{DS}CanonicalizationMethod")
    if canonical.get("Algorithm") not in METHODS or len(canonical):
        raise broken("the signature is made canonical in a way that is not allowed")
    value = only(signature, f"{DS}SignatureValue")
    certificates = _certificates(signature)
    certificate = _who(
        canonical_element(signed_info, canonical.get("Algorithm", "")), decoded(value), method, certificates
    )
    stamped = {method: canonical_element(value, method) for method in METHODS}
    references = _references(signed_info, signature, detached)
    covered, properties = _covered(references, signature, root, detached)
    return Checked(
        covered=covered,
        certificate=certificate,
        offered=tuple(one for one in certificates if one != certificate),
        algorithm=spoken(method),
        signature=signature,
        properties=properties,
        stamped=stamped,
    )


def _signatures(root: etree._Element) -> list[etree._Element]:
    outer = []
    for one in root.iter(f"{DS}Signature"):
        if not any(above.tag == f"{DS}Signature" for above in one.iterancestors()):
            outer.append(one)
    return outer


def _require_place(signature: etree._Element, root: etree._Element) -> None:
    """The document itself, right under its root, or in the extension that UBL has for it."""
    around = list(signature.iterancestors())
    tags = tuple(one.tag for one in around)
    if signature is root or (around and around[0] is root):
        return
    if tags[-4:-1] == _EXTENSION and len(tags) <= 6:
        return
    raise broken("the signature stands at a place where no signature belongs")


def _certificates(signature: etree._Element) -> tuple[x509.Certificate, ...]:
    texts = signature.findall(f"{DS}KeyInfo/{DS}X509Data/{DS}X509Certificate")
    found = loaded((decoded(text) for text in texts), where=WHERE)
    if not found:
        raise broken("the signature does not bring the certificate of its signer")
    return found


def _who(
    signed: bytes, value: bytes, method: SignatureMethod, certificates: tuple[x509.Certificate, ...]
) -> x509.Certificate:
    arithmetic = _Arithmetic()
    for certificate in certificates:
        if arithmetic.matches(signed, value, method, certificate):
            require_strong_key(certificate.public_key(), where=WHERE)
            return certificate
    # A key that cannot count is the better reason, where it is the only one.
    require_strong_key(certificates[0].public_key(), where=WHERE)
    raise broken("the signature was altered, or made with another key than it says")


def _references(
    signed_info: etree._Element, signature: etree._Element, detached: tuple[str, bytes] | None
) -> list[Reference]:
    elements = signed_info.findall(f"{DS}Reference")
    if not 1 <= len(elements) <= _MOST_REFERENCES:
        raise broken(f"the signature has {len(elements)} references")
    own = [one for one in elements if detached is None or one.get("URI") != detached[0]]
    return [Reference.read(one, signature) for one in own]


def _covered(
    references: list[Reference],
    signature: etree._Element,
    root: etree._Element,
    detached: tuple[str, bytes] | None,
) -> tuple[bytes, etree._Element | None]:
    """The bytes of the document and the signed properties, with every digest compared."""
    properties = [one for one in references if one.covers is Covers.PROPERTIES]
    wanted = Covers.OBJECT if signature is root else Covers.DOCUMENT
    documents = [one for one in references if one.covers is wanted]
    others = [one for one in references if one.covers is not wanted]
    if len(properties) > 1:
        raise broken("the signature has signed properties twice")
    for own in others:
        own.covered(signature)
    signed_properties = properties[0].element if properties else None
    if detached is not None:
        if documents:
            raise broken("the signature covers more than the document that it was given for")
        return _foreign(signature, detached), signed_properties
    if len(documents) != 1:
        raise broken(f"the signature covers {len(documents)} documents where it must cover the whole of one")
    # Last, because it takes the signature out of the tree, and its namespaces with it.
    return documents[0].covered(signature), signed_properties


def _foreign(signature: etree._Element, detached: tuple[str, bytes]) -> bytes:
    name, content = detached
    named = [one for one in signature.findall(f"{DS}SignedInfo/{DS}Reference") if one.get("URI") == name]
    if len(named) != 1 or named[0].find(f"{DS}Transforms") is not None:
        raise broken("the signature does not cover the file that it was given for, as it is")
    Reference(
        covers=Covers.OWN_PART,
        element=named[0],
        identifier=named[0].get("Id"),
        whole=False,
        transforms=(),
        digest_address=only(named[0], f"{DS}DigestMethod").get("Algorithm", ""),
        digest_value=decoded(only(named[0], f"{DS}DigestValue")),
    ).compare(content)
    return content

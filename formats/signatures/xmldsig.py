"""Plain XML signatures: inside the document, around it, or in a file of their own.

Source: W3C XML Signature 1.1. Nothing here says when it was signed; `xades` does.
"""

from __future__ import annotations

import base64
import hashlib
from datetime import datetime

from lxml import etree
from signxml.algorithms import SignatureConstructionMethod

from formats.errors import ConfigError
from formats.signatures import xml_check
from formats.signatures.algorithms import method_for
from formats.signatures.canonical import C14N_1_0
from formats.signatures.reference import DS, WHERE, broken
from formats.signatures.signer import Signer
from formats.signatures.trust import Trust
from formats.signatures.verified import Kind, Verified
from formats.signatures.xml_signer import DocumentSigner, finished
from formats.syntaxes import xml

__all__ = ["sign", "sign_detached", "sign_object", "verify", "verify_all", "verify_detached"]


def sign(data: bytes, signer: Signer, at: datetime) -> bytes:
    """The document with a signature as the last child of its root, UTF-8; signatures that are there are
    covered, too. `at` is not written: this kind has no place for it.

    Raises MalformedDocument for what is no XML.
    """
    del at
    return _signed(xml.parse(data, as_written=True), signer, SignatureConstructionMethod.enveloped)


def sign_object(data: bytes, signer: Signer, at: datetime) -> bytes:
    """A signature with the document in its `ds:Object`."""
    del at
    return _signed(xml.parse(data, as_written=True), signer, SignatureConstructionMethod.enveloping)


def sign_detached(data: bytes, signer: Signer, at: datetime, *, name: str) -> bytes:
    """A signature file over the bytes of another file of any kind, which it names `name`."""
    del at
    _require_name(name)
    method, digest = method_for(signer)
    signature = etree.Element(f"{DS}Signature", nsmap={"ds": DS[1:-1]})
    info = etree.SubElement(signature, f"{DS}SignedInfo")
    etree.SubElement(info, f"{DS}CanonicalizationMethod", Algorithm=C14N_1_0)
    etree.SubElement(info, f"{DS}SignatureMethod", Algorithm=method.value)
    reference = etree.SubElement(info, f"{DS}Reference", URI=name)
    etree.SubElement(reference, f"{DS}DigestMethod", Algorithm=digest.value)
    computed = hashlib.new(signer.digest, data).digest()
    etree.SubElement(reference, f"{DS}DigestValue").text = base64.b64encode(computed).decode("ascii")
    return finished(signature, signer)


def verify(data: bytes, trust: Trust, at: datetime) -> Verified:
    """The one signature of a document, judged at `at` (aware); `covered` is the canonical document without
    it.

    A document with several signatures is for `verify_all`. Raises BrokenSignature, WeakSignature,
    UntrustedSigner.
    """
    if xml_check.count(xml_check.parsed(data)) != 1:
        raise broken("the document has several signatures where one is expected")
    return _judged(xml_check.check(data), trust, at)


def verify_all(data: bytes, trust: Trust, at: datetime) -> tuple[Verified, ...]:
    """Every signature of a document, first to last; each covers the document with those before it.

    One that fails, fails the document. Raises BrokenSignature, WeakSignature, UntrustedSigner.
    """
    places = range(xml_check.count(xml_check.parsed(data)))
    return tuple(_judged(xml_check.check(data, place), trust, at) for place in places)


def verify_detached(signature: bytes, data: bytes, trust: Trust, at: datetime, *, name: str) -> Verified:
    """A signature file over `data`, which it must name `name`; `covered` is `data`.

    Raises BrokenSignature, WeakSignature, UntrustedSigner.
    """
    _require_name(name)
    if xml_check.count(xml_check.parsed(signature)) != 1:
        raise broken("the file has several signatures where one is expected")
    return _judged(xml_check.check(signature, detached=(name, data)), trust, at)


def _judged(checked: xml_check.Checked, trust: Trust, at: datetime) -> Verified:
    judged = trust.judge(checked.certificate, checked.offered, at=at, signed_at=None, where=WHERE)
    return Verified(
        kind=Kind.XMLDSIG,
        algorithm=checked.algorithm,
        covered=checked.covered,
        path=judged.path,
        signed_at=None,
        expired_since=judged.expired_since,
    )


def _signed(root: etree._Element, signer: Signer, method: SignatureConstructionMethod) -> bytes:
    made = DocumentSigner(signer, method).sign(
        root, key=signer.private_key, cert=[signer.certificate, *signer.chain]
    )
    return etree.tostring(made.getroottree(), encoding="UTF-8", xml_declaration=True)


def _require_name(name: str) -> None:
    if not name or name.startswith("#"):
        raise ConfigError("a detached signature needs the name of its file", where=WHERE, fix="give the name")

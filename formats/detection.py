"""What a file is: which vocabulary, which profile, or in one sentence why it cannot be read as an invoice."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from lxml import etree

from formats.envelopes.hybrid_pdf import embedded_invoice, is_pdf
from formats.errors import DocumentError
from formats.profiles.profile import Profile
from formats.registry import PROFILES, SYNTAXES
from formats.signatures.presence import is_signed_pdf, is_signed_tree
from formats.syntaxes import xml
from formats.syntaxes.binding import Binding

__all__ = ["Detected", "detect"]

_UBL_EXTENSIONS: Final = "urn:oasis:names:specification:ubl:schema:xsd:CommonExtensionComponents-2"
_SIGNATURES: Final = "http://www.w3.org/2000/09/xmldsig#"
_LONGEST: Final = 500
#: How signed files (.p7m) begin: PEM, DER, base64. What reads them is slow to load, and XML begins otherwise.
_SIGNED_BEGIN: Final = (b"-", b"0", b"M")
# Other documents that people mistake for invoices that we read.
_OTHERS: Final = MappingProxyType(
    {
        "CrossIndustryDocument": "ZUGFeRD 1, which is no longer in use",
        "Facturae": "a Facturae invoice",
        "StandardBusinessDocument": "a Peppol envelope; take the invoice out of it",
        "ApplicationResponse": "a response to an invoice",
        "CrossDomainAcknowledgementAndResponse": "a French life-cycle message",
        "Order": "a purchase order",
        "html": "a web page",
    }
)


@dataclass(frozen=True, slots=True)
class Detected:
    """What was found. `syntax` is a key of SYNTAXES, None where the content is no invoice that we read;
    `profile_key` a key of PROFILES, None where BT-24 names none of ours.

    `root` is the local name of the root element, "" where there is none. `reason` says in one line what it
    was told by, or what is wrong. `document` is the XML: for a hybrid PDF what it embeds as `embedded_name`.
    `tree` is the parsed document for whoever reads on in it, and `as_written` the same with its comments and
    processing instructions, for rules; both None where `syntax` is. `identifier` is BT-24,
    "" where it is missing. `signature` says who signed and whether that matches, for a signed file (.p7m)
    around the document, a signature in it or in the PDF, "" where there is none; nobody is trusted here, so
    it is opened and not believed. `altered` says that a signature does not match what it covers: that is no
    invoice that we read.
    """

    syntax: str | None
    profile_key: str | None
    root: str
    reason: str
    document: bytes
    embedded_name: str = ""
    identifier: str = ""
    signature: str = ""
    altered: bool = False
    tree: etree._Element | None = field(default=None, compare=False, repr=False)
    as_written: etree._Element | None = field(default=None, compare=False, repr=False)


def detect(content: bytes, *, despite_signature: bool = False) -> Detected:
    """Look at a file without trusting its name. Never raises; the same bytes always give the same answer.

    A signature that fails refuses the file, wherever it stands; `despite_signature` is for a person who wants
    to see what such a file says. One that is only too weak to prove anything is told, and refuses a .p7m.

    A Cross Industry Invoice under the identifier of the core invoice is Factur-X when a PDF carries it, and
    plain CII when it stands alone.
    """
    document, name, told = content, "", _NOT_SIGNED
    try:
        if is_pdf(content):
            embedded = embedded_invoice(content)
            document, name = embedded.content, embedded.name
            told = _told(content) if is_signed_pdf(content) else told
        elif content[:64].lstrip()[:1] in _SIGNED_BEGIN:
            document, told = _taken_out(content)
        as_written = xml.parse(document, as_written=True)
        root = xml.joined(as_written)
    except DocumentError as error:
        return Detected(None, None, "", _line(error.what), document, name)
    if not told.sentence and is_signed_tree(root):
        told = _told(document)
    if told.altered and not despite_signature:
        return Detected(None, None, "", told.sentence, document, name, signature=told.sentence, altered=True)
    local = etree.QName(root).localname
    syntax = _syntax_of(root)
    if syntax is None:
        return Detected(None, None, local, _line(_why_unknown(root)), document, name)
    binding = SYNTAXES[syntax]
    stranger = _stranger(root, binding)
    if stranger is not None:
        return Detected(None, None, local, _line(_why_mixed(root, stranger, binding)), document, name)
    identifier = binding.value(root, "BT-24") or ""
    profile = _profile_of(root, identifier, syntax, embedded=bool(name))
    if profile is None:
        reason = _why_no_profile(identifier)
    elif identifier:
        reason = f"{profile.title}, by its specification identifier {identifier}"
    else:
        reason = f"{profile.title}, by its business process {profile.business_process}"
    key = profile.key if profile else None
    return Detected(
        syntax,
        key,
        local,
        _line(reason),
        document,
        name,
        identifier,
        told.sentence,
        told.altered,
        root,
        as_written,
    )


def _syntax_of(root: etree._Element) -> str | None:
    for key, binding in SYNTAXES.items():
        if root.tag in (binding.invoice_root, binding.credit_note_root):
            return key
    return None


def _profile_of(root: etree._Element, identifier: str, syntax: str, *, embedded: bool) -> Profile | None:
    process = SYNTAXES[syntax].value(root, "BT-23") or ""
    ours = [profile for profile in PROFILES.values() if profile.syntax == syntax]
    found = [profile for profile in ours if profile.fits(identifier, process)]
    found = found or [profile for profile in ours if profile.resembles(identifier)]
    return min(found, key=lambda profile: profile.in_pdf != embedded, default=None)


def _stranger(root: etree._Element, binding: Binding) -> etree._Element | None:
    """The first child in the name space of another vocabulary."""
    own: set[str | None] = {*binding.namespaces.values(), _UBL_EXTENSIONS, _SIGNATURES}
    if binding.has_plain_names:
        own.add(None)
    for child in root.iterchildren(etree.Element):
        if etree.QName(child).namespace not in own:
            return child
    return None


def _why_unknown(root: etree._Element) -> str:
    name = etree.QName(root)
    for binding in SYNTAXES.values():
        for known in (binding.invoice_root, binding.credit_note_root):
            if etree.QName(known).localname == name.localname:
                return (
                    f"the root element is {name.localname}, but in the name space "
                    f"{name.namespace or 'none'}; {binding.name} has {etree.QName(known).namespace}"
                )
    other = _OTHERS.get(name.localname)
    if other is not None:
        return f"this is {other} (root element {name.localname})"
    return f"the root element {name.localname} is that of no invoice that can be read here"


def _why_mixed(root: etree._Element, stranger: etree._Element, binding: Binding) -> str:
    name = etree.QName(stranger)
    return (
        f"name spaces are mixed: the root element is that of {binding.name}, but {name.localname} in line "
        f"{stranger.sourceline} is in {name.namespace or 'no name space'}"
    )


def _why_no_profile(identifier: str) -> str:
    if not identifier:
        return "the document names no profile: its specification identifier (BT-24) is missing"
    return f"the specification identifier (BT-24) names no profile known here: {identifier}"


@dataclass(frozen=True, slots=True)
class _Told:
    sentence: str = ""
    altered: bool = False


_NOT_SIGNED: Final = _Told()


def _taken_out(content: bytes) -> tuple[bytes, _Told]:
    """The document in a signed file (.p7m) and what its signatures say; anything else as it is. Raises
    DocumentError."""
    from formats.signatures import cades  # slow to load

    if not cades.is_signed_file(content):
        return content, _NOT_SIGNED
    signed = cades.content(content)
    told = _told(content)
    if any(layer.outcome is cades.Outcome.FAILED for layer in signed.layers):
        told = _Told(told.sentence, altered=True)
    return signed.document, told


def _told(signed: bytes) -> _Told:
    from formats.signatures import cades  # slow to load
    from formats.signatures.inspection import inspect

    found = inspect(signed)
    altered = any(one.outcome is cades.Outcome.FAILED and not one.weak for one in found)
    return _Told(_line("; ".join(one.sentence for one in found)), altered)


def _line(text: str) -> str:
    """One line; addresses of name spaces may be long, but not without end."""
    words = " ".join(text.split())
    return words if len(words) <= _LONGEST else f"{words[:_LONGEST]} ..."

"""Documents that are no XML, as XML that an envelope can carry: BinaryContent and TextContent.

Source: Peppol Business Message Envelope 2.0.2, section on non-XML payloads.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Final

from lxml import etree

from formats.errors import MalformedDocument
from formats.syntaxes import xml

__all__ = ["OtherContent", "is_other_content", "unwrap", "wrap_binary", "wrap_text"]

_NAMESPACE: Final = "http://peppol.eu/xsd/ticc/envelope/1.0"
_BINARY: Final = f"{{{_NAMESPACE}}}BinaryContent"
_TEXT: Final = f"{{{_NAMESPACE}}}TextContent"
_NAMES: Final = frozenset({"BinaryContent", "TextContent"})


@dataclass(frozen=True, slots=True)
class OtherContent:
    """What was wrapped: its media type and its bytes; texts are in UTF-8.

    `encoding` is what the sender noted about it, "" for nothing.
    """

    mime_type: str
    content: bytes
    encoding: str = ""


def is_other_content(namespace: str, local_name: str) -> bool:
    """Whether an element is one of the two wrappers."""
    return namespace == _NAMESPACE and local_name in _NAMES


def wrap_binary(content: bytes, mime_type: str) -> bytes:
    """As BinaryContent, in base64."""
    root = _wrapper(_BINARY, mime_type)
    root.text = base64.b64encode(content).decode()
    return etree.tostring(root)


def wrap_text(text: str, mime_type: str) -> bytes:
    """As TextContent. Raises MalformedDocument for signs that XML cannot carry."""
    root = _wrapper(_TEXT, mime_type)
    try:
        root.text = text
    except ValueError as error:
        raise _refused("the text has signs that XML cannot carry") from error
    return etree.tostring(root, encoding="UTF-8")


def unwrap(document: bytes) -> OtherContent:
    """The content of one of the wrappers. Raises MalformedDocument."""
    root = xml.parse(document)
    mime_type = (root.get("mimeType") or "").strip()
    if root.tag not in (_BINARY, _TEXT):
        raise _refused(f"{root.tag} wraps nothing")
    if not mime_type:
        raise _refused("the wrapper names no media type (mimeType)")
    if len(root):
        raise _refused("the wrapper holds elements where its content should be")
    text = root.text or ""
    encoding = root.get("encoding") or ""
    if root.tag == _TEXT:
        return OtherContent(mime_type, text.encode(), encoding)
    try:
        return OtherContent(mime_type, base64.b64decode("".join(text.split()), validate=True), encoding)
    except (binascii.Error, ValueError) as error:
        raise _refused("the content is not in base64") from error


def _wrapper(tag: str, mime_type: str) -> etree._Element:
    spaces = {None: _NAMESPACE}
    root = etree.Element(tag, nsmap=spaces)  # type: ignore[arg-type]  # the stubs know no default
    root.set("mimeType", mime_type)
    return root


def _refused(what: str) -> MalformedDocument:
    return MalformedDocument(what, where="content of the envelope", fix="ask the sender to send it again")

"""Whether there is a signature at all: quick to ask, before what judges signatures is loaded."""

from __future__ import annotations

from typing import Final

from lxml import etree

__all__ = ["is_signed_pdf", "is_signed_tree"]

_SIGNATURE: Final = "{http://www.w3.org/2000/09/xmldsig#}Signature"
_EXT: Final = "{urn:oasis:names:specification:ubl:schema:xsd:CommonExtensionComponents-2}"
_IN_UBL: Final = f"{_EXT}UBLExtensions/{_EXT}UBLExtension/{_EXT}ExtensionContent//{_SIGNATURE}"


def is_signed_tree(root: etree._Element) -> bool:
    """Whether a document has a signature where one belongs: it is one, right under its root, or in the
    extension that UBL has for it."""
    if root.tag == _SIGNATURE:
        return True
    return root.find(_SIGNATURE) is not None or root.find(_IN_UBL) is not None


def is_signed_pdf(data: bytes) -> bool:
    """Whether a PDF says of some of its bytes that they are signed."""
    return b"/ByteRange" in data

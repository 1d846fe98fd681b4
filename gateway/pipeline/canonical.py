"""The canonical invoice as it is archived: UBL where UBL carries all of it, else its terms as JSON.

What single countries say beyond EN 16931 (IT-1, ES-1, PL-1 ...) has no place in UBL, and must still be there
when the e-invoice is written.
"""

from __future__ import annotations

import json
from typing import Final

from formats.errors import StorageError
from formats.model import Invoice
from formats.model.plain import from_plain, to_plain
from formats.model.terms import CATALOGUE
from formats.syntaxes import ubl
from gateway.pipeline.routing import present_terms

__all__ = ["JSON", "XML", "read", "write"]

XML: Final = "application/xml"
JSON: Final = "application/json"


def write(invoice: Invoice) -> tuple[bytes, str]:
    """The bytes and their media type; equal invoices give equal bytes."""
    if not any(CATALOGUE[term].is_national for term in present_terms(invoice)):
        return ubl.write(invoice), XML
    text = json.dumps(to_plain(invoice), ensure_ascii=False, indent=1)
    return text.encode("utf-8"), JSON


def read(content: bytes) -> Invoice:
    """What `write` gave. Raises StorageError for JSON that is no invoice."""
    if not content.startswith(b"{"):
        return ubl.read(content)
    try:
        return from_plain(json.loads(content))
    except ValueError as error:
        raise StorageError(
            "the archived invoice cannot be read", where="archive", fix="run gateway audit verify"
        ) from error

"""What a table cannot say of Facturae, parties and sums apart: texts that belong to codes, an invoice that is
referred to, a second invoice, the signature.
"""

from __future__ import annotations

from typing import Final

from lxml import etree

from formats.errors import DocumentError, MalformedDocument
from formats.syntaxes.facturae_codes import METHODS, REASONS
from formats.syntaxes.facturae_kinds import pass_over, put
from formats.syntaxes.kinds import XML_BLANKS, text_of
from formats.syntaxes.place import Scope, value_of
from formats.syntaxes.reading import Reader
from formats.syntaxes.table import Part
from formats.syntaxes.writing import Writer

__all__ = ["ALONE", "METHOD_TEXT", "REASON_TEXT", "RELATED", "SIGNATURE"]


def _described(term: str, element: str, texts: dict[str, str]) -> Part:
    def write(parent: etree._Element, writer: Writer, scope: Scope) -> bool:
        code = value_of(writer.invoice, term, scope)
        if code not in texts:
            raise DocumentError(
                f"{code!r} is no code that Facturae has for the {element}",
                where=term,
                fix=f"use one of {', '.join(texts)}",
            )
        return put(parent, element, texts[code])

    return Part({}, write, pass_over(element))


REASON_TEXT: Final = _described("ES-10", "ReasonDescription", dict(REASONS))
METHOD_TEXT: Final = _described("ES-11", "CorrectionMethodDescription", dict(METHODS))


def _write_related(parent: etree._Element, writer: Writer, scope: Scope) -> bool:
    invoice = writer.invoice
    if not invoice.preceding_invoices or (invoice.spain and invoice.spain.invoice_class == "OR"):
        return False
    return put(parent, "RelatedInvoice", invoice.preceding_invoices[0].number)


def _read_related(parent: etree._Element, reader: Reader, scope: Scope) -> None:
    found = parent.find("RelatedInvoice")
    if found is not None:
        reader.say(found, "BT-25", text_of(found).strip(XML_BLANKS) or None, reader.open("BG-3", scope))


RELATED: Final = Part({"BT-25": "RelatedInvoice"}, _write_related, _read_related)


def _nothing(parent: etree._Element, writer: Writer, scope: Scope) -> bool:
    return False


def _refuse_several(parent: etree._Element, reader: Reader, scope: Scope) -> None:
    count = len(parent.findall("Invoice"))
    if count > 1:
        raise MalformedDocument(
            f"the file holds {count} invoices, and one is read at a time",
            where="Facturae, Invoices",
            fix="ask for one file for each invoice, or take the file apart first",
        )


ALONE: Final = Part({}, _nothing, _refuse_several)


# What a signature proves is told by who verifies it, not by what the invoice says.
SIGNATURE: Final = Part({}, _nothing, pass_over("{http://www.w3.org/2000/09/xmldsig#}Signature"))

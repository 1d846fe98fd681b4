"""A finding in the words of a finance clerk: what is wrong with this invoice, with its own numbers."""

from __future__ import annotations

import re
from typing import Final

from formats.finding import Finding
from formats.model.invoice import Invoice
from formats.model.sums import explain

__all__ = ["sentence"]

_ID_IN_FRONT: Final = re.compile(r"\A\s*\[[^\]]*\]\s*[-–:]?\s*")
_NAME_SPACE: Final = re.compile(r"\{[^}]*\}")
_LINE: Final = re.compile(
    r"/(?:cac:(?:Invoice|CreditNote)Line|ram:IncludedSupplyChainTradeLineItem)(?:\[([0-9]+)\])?"
)


def sentence(finding: Finding, invoice: Invoice | None = None) -> str:
    """One or two sentences for the work list.

    A broken sum is shown with the numbers of `invoice`, where that is given; every other finding is the
    publisher's text without the rule id. A finding inside a line says which line.
    """
    found = _LINE.search(finding.location)
    position = int(found[1] or 1) - 1 if found else 0
    shown = explain(finding.rule, invoice, line=position) if invoice is not None else None
    text = shown or _plain(finding)
    return f"Line {_line_name(invoice, position)}: {text}" if found else text


def _plain(finding: Finding) -> str:
    text = " ".join(_NAME_SPACE.sub("", _ID_IN_FRONT.sub("", finding.text)).split())
    if finding.rule == "XSD":
        return f"The document does not keep to its official form: {text}"
    return text


def _line_name(invoice: Invoice | None, position: int) -> str:
    """The number that people see on the invoice, or else the position."""
    if invoice is not None and 0 <= position < len(invoice.lines):
        return invoice.lines[position].identifier or str(position + 1)
    return str(position + 1)

"""Where each business term of a mapped invoice came from: the answer to "why does it say that?"."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from formats.errors import MappingError
from formats.model import Invoice

__all__ = ["IncompleteInvoice", "Mapped", "Origin"]


class IncompleteInvoice(MappingError):
    """Some terms could not be filled; `invoice` holds the rest, so that people see which invoice it is
    about."""

    def __init__(self, problem: MappingError, what: str, invoice: Invoice) -> None:
        super().__init__(
            what,
            where=problem.where,
            fix=problem.fix,
            term=problem.term,
            field=problem.field,
            value=problem.value,
            rule=problem.rule,
        )
        self.invoice = invoice


class Origin(NamedTuple):
    """The origin of one value; a tuple, for an invoice has hundreds.

    `term` is the business term, `path` its place in the model ("lines[2].vat.category"), `value` what was
    said, as text (embedded files only as their size). `source` is the expression that found it in the ERP's
    document, with its position where that is a row ("E1EDP01[2]: item.POSEX"), `found` what stood there
    before functions and tables, `field` the ERP's own name of the field for people, `table` the code table
    row that translated it ("tax_codes[A1]"), `line` the line in the mapping file.
    """

    term: str
    path: str
    value: str
    source: str
    field: str
    mapping: str
    version: str
    line: int
    table: str = ""
    found: str = ""


@dataclass(frozen=True, slots=True)
class Mapped:
    """An invoice and the origin of each of its values, in the order they were filled.

    `left_out` are the places of the document that say something for which the invoice has no place, where
    that is known: of e-invoices that are taken as they are. Where a mapping file picks what it wants, it is
    ().
    """

    invoice: Invoice
    origins: tuple[Origin, ...]
    left_out: tuple[str, ...] = ()

    def of(self, term: str) -> tuple[Origin, ...]:
        """All values of one business term; several where it stands in a repeated group."""
        return tuple(origin for origin in self.origins if origin.term == term)

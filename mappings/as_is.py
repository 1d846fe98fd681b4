"""Documents that are e-invoices already: read by the binding table of their vocabulary, nothing is mapped.

A source names `ubl`, `cii`, or `einvoice` (whichever it is, a PDF with an embedded invoice included) where
others name a mapping file. The origin of each value is its place in the XML. What stands there beyond EN
16931 is named, for it gets lost where the e-invoice is written anew, in another profile or vocabulary.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final

from formats import money
from formats.detection import detect
from formats.errors import MalformedDocument
from formats.model.terms import CATALOGUE
from formats.registry import SYNTAXES
from formats.syntaxes import cii, ubl
from formats.syntaxes.tracing import Said, trace
from mappings.provenance import Mapped, Origin

__all__ = ["AS_IS", "AsIs"]

_VERSION: Final = "1"
_MOST_NAMED: Final = 50


@dataclass(frozen=True, slots=True)
class AsIs:
    """Stands in the place of a compiled mapping. `syntaxes` are the vocabularies that are taken."""

    name: str
    document: str
    syntaxes: tuple[str, ...] = field(repr=False)
    version: str = _VERSION

    def map(self, content: bytes, part: int, company: Mapping[str, Any]) -> Mapped:
        """The invoice as it stands there, and the path of each value. `part` and `company` do not matter.

        Raises MalformedDocument for anything else than an invoice of these vocabularies.
        """
        seen = detect(content)
        if seen.syntax not in self.syntaxes:
            what = seen.reason if seen.syntax is None else f"this is {SYNTAXES[seen.syntax].name}"
            wanted = " or ".join(SYNTAXES[key].name for key in self.syntaxes)
            raise MalformedDocument(
                what, where=self.document, fix=f"send {wanted}, or name another mapping for this source"
            )
        binding = SYNTAXES[seen.syntax]
        invoice, said = trace(binding, seen.document)
        origins = [self._origin(one, seen.embedded_name) for one in said]
        beyond = binding.unread(seen.document)
        origins += [self._left_out(path, seen.embedded_name) for path in beyond[:_MOST_NAMED]]
        return Mapped(invoice, tuple(origins), _named(beyond))

    def labels(self, term: str) -> tuple[str, ...]:
        """Names for people of where this term stands."""
        place = CATALOGUE.get(term)
        return () if place is None else (f"{term} of the delivered invoice",)

    def _origin(self, said: Said, embedded: str) -> Origin:
        return Origin(
            term=said.term,
            path=said.path,
            value=_shown(said.value),
            source=f"{embedded}: {said.xpath}" if embedded else said.xpath,
            field="",
            mapping=self.name,
            version=self.version,
            line=0,
        )

    def _left_out(self, path: str, embedded: str) -> Origin:
        return Origin(
            term="",
            path="",
            value="left out where the e-invoice is written anew",
            source=f"{embedded}: {path}" if embedded else path,
            field="beyond EN 16931",
            mapping=self.name,
            version=self.version,
            line=0,
        )


def _named(paths: tuple[str, ...]) -> tuple[str, ...]:
    more = len(paths) - _MOST_NAMED
    return (*paths[:_MOST_NAMED], f"and {more} more") if more > 0 else paths


def _shown(value: Any) -> str:
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    if isinstance(value, Decimal):
        return money.text(value)
    return value.isoformat() if isinstance(value, date) else str(value)


AS_IS: Final[Mapping[str, AsIs]] = MappingProxyType(
    {
        one.name: one
        for one in (
            AsIs("ubl", "UBL invoice", (ubl.KEY,)),
            AsIs("cii", "Cross Industry Invoice", (cii.KEY,)),
            AsIs("einvoice", "e-invoice", tuple(SYNTAXES)),
        )
    }
)

"""Mapping files at work: an ERP's document to the canonical invoice, with the origin of every value.

docs/mapping.md tells the form of a mapping file. Here its compiled rules (`mappings.compiler`) are run over
one document, in the order of the model: each rule gives a value and its origin, or a problem; all problems of
a document are collected and shown together.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, Final

from formats import money
from formats.errors import DocumentError, MalformedDocument, MappingError
from formats.identifiers import Identifier
from formats.model import Invoice
from formats.model.line import Classification
from formats.model.terms import CATALOGUE, TermField, fields_of
from formats.model.totals import complete
from mappings.expressions import Question
from mappings.functions import iso_date, number
from mappings.provenance import IncompleteInvoice, Mapped, Origin
from mappings.source import READERS

__all__ = ["SHARED", "CompiledMapping", "DatedRow", "Expression", "GroupRule", "Rule", "Table", "TermRule"]

# What an expression sees of the scope that stays the same for the whole document.
SHARED: Final = ("doc", "company", "tables")
_MOST_ROWS: Final = 100_000
_MOST_PROBLEMS_SHOWN: Final = 3
_LONGEST_SHOWN: Final = 200


@dataclass(frozen=True, slots=True)
class Expression:
    """A compiled JMESPath expression with its text."""

    text: str
    value: Question = field(repr=False)


@dataclass(frozen=True, slots=True)
class TermRule:
    """One way to fill one business term."""

    term: TermField
    file: str
    version: str
    line: int
    source: Expression | None
    each: Expression | None
    when: Expression | None
    scheme_from: Expression | None
    scheme: str | None
    const: str | None
    default: str | None
    using: tuple[Callable[[Any], Any], ...]
    table: str
    column: str
    required: bool
    erp_field: str
    hint: str


@dataclass(frozen=True, slots=True)
class GroupRule:
    """One way to fill one business group: the ways of each of its terms and groups, by their field."""

    term: TermField
    file: str
    line: int
    each: Expression | None
    when: Expression | None
    rules: Mapping[str, tuple[Rule, ...]]


@dataclass(frozen=True, slots=True)
class DatedRow:
    """A row of a code table as it is from one day to another, both included; None is open."""

    first: date | None
    last: date | None
    row: Any


Rule = TermRule | GroupRule
# Rows by key; a tuple of DatedRow where a row means something else from some day on.
Table = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class CompiledMapping:
    """A mapping file ready to run. Immutable and safe to share between threads."""

    name: str
    version: str
    document: str
    reads: str
    derive: tuple[str, ...]
    # Which day decides between the dated rows of a table.
    dated: TermRule | None = field(repr=False)
    tables: Mapping[str, Table] = field(repr=False)
    rules: Mapping[str, tuple[Rule, ...]] = field(repr=False)

    def map(self, content: bytes, part: int, company: Mapping[str, Any]) -> Mapped:
        """One document as an invoice with the origin of every value.

        Raises MalformedDocument where the bytes cannot be read, and MappingError naming the first business
        term and ERP field that could not be filled, with the next ones in its text.
        """
        return self.map_plain(READERS[self.reads](content, part), company)

    def map_plain(self, document: Mapping[str, Any], company: Mapping[str, Any]) -> Mapped:
        """As `map`, for a document that was read already (`mappings.source`)."""
        scope = {
            "doc": document,
            "company": company,
            "tables": self.tables,
            "item": None,
            "outer": None,
            "memo": {},
        }
        return _Run(self, scope).invoice()

    def labels(self, term: str) -> tuple[str, ...]:
        """The ERP's names of the fields that may fill this business term, in order, for people."""
        return tuple(dict.fromkeys(_labels(self.rules, term)))


def _labels(rules: Mapping[str, tuple[Rule, ...]], term: str) -> Iterator[str]:
    for ways in rules.values():
        for way in ways:
            if isinstance(way, GroupRule):
                yield from _labels(way.rules, term)
            elif way.term.name == term and way.erp_field:
                yield way.erp_field


@dataclass(slots=True)
class _Run:
    """One document on its way through a mapping."""

    mapping: CompiledMapping
    root: Mapping[str, Any]
    origins: list[Origin] = field(default_factory=list)
    problems: list[MappingError] = field(default_factory=list)
    day: date | None = None

    def invoice(self) -> Mapped:
        if self.mapping.dated is not None:
            self.day = self._day(self.mapping.dated)
        invoice = self._build(Invoice, self.mapping.rules, self.root, "", "") or Invoice()
        if self.problems:
            raise _together(self.problems, invoice)
        invoice, computed = complete(invoice, self.mapping.derive)
        said = {(origin.path, origin.value) for origin in self.origins}
        for path in computed:
            found = self._computed(_at(invoice, path), path)
            self.origins += [origin for origin in found if (origin.path, origin.value) not in said]
        return Mapped(invoice, tuple(self.origins))

    def _day(self, way: TermRule) -> date | None:
        try:
            value = self._value(way, self.root)[0]
            return value if isinstance(value, date) else None
        except (DocumentError, ArithmeticError) as error:
            self._problem(way, error)
            return None

    def _computed(self, value: Any, path: str) -> Iterator[Origin]:
        """The origins of a computed value: of itself, or of each term of each of its rows."""
        name = _term_of(path)
        if isinstance(value, tuple):
            for index, row in enumerate(value):
                for term in fields_of(CATALOGUE[name].value, name):
                    if (found := getattr(row, term.attribute)) is not None:
                        yield self._computed_origin(term.name, f"{path}[{index}].{term.attribute}", found)
        else:
            yield self._computed_origin(name, path, value)

    def _computed_origin(self, term: str, path: str, value: Any) -> Origin:
        return Origin(
            term=term,
            path=path,
            value=_shown(value),
            source="computed from the lines, allowances and charges",
            field="",
            mapping=self.mapping.name,
            version=self.mapping.version,
            line=0,
        )

    def _build(
        self,
        owner: type,
        rules: Mapping[str, tuple[Rule, ...]],
        scope: Mapping[str, Any],
        path: str,
        row: str,
    ) -> Any:
        values: dict[str, Any] = {}
        for attribute, ways in rules.items():
            term, place = ways[0].term, f"{path}{attribute}"
            if term.repeated:
                found = tuple(self._repeated(ways, scope, place, row))
                if found:
                    values[attribute] = found
                continue
            for way in ways:
                value = self._once(way, scope, place, row)
                if value is not None:
                    values[attribute] = value
                    break
        return owner(**values) if values else None

    def _once(self, way: Rule, scope: Mapping[str, Any], place: str, row: str) -> Any:
        if isinstance(way, TermRule):
            return self._term(way, scope, place, row)
        if not self._wanted(way, scope):
            return None
        return self._build(way.term.value, way.rules, scope, f"{place}.", row)

    def _repeated(
        self, ways: Sequence[Rule], scope: Mapping[str, Any], place: str, row: str
    ) -> Iterator[Any]:
        index = 0
        for way in ways:
            for inner, inner_row in self._rows(way, scope, row):
                value = self._once(way, inner, f"{place}[{index}]", inner_row)
                if value is not None:
                    index += 1
                    yield value

    def _rows(self, way: Rule, scope: Mapping[str, Any], row: str) -> Iterator[tuple[Mapping[str, Any], str]]:
        if way.each is None:
            yield scope, row
            return
        try:
            items = way.each.value(scope)
        except (DocumentError, ArithmeticError) as error:
            self._problem(way, error)
            return
        if items is None:
            return
        listed = items if isinstance(items, list) else [items]
        if len(listed) > _MOST_ROWS:
            raise MalformedDocument(
                f"{way.each.text} gives {len(listed)} rows, {_MOST_ROWS} are allowed",
                where=self.mapping.document,
                fix="split the invoice in the ERP",
            )
        for position, item in enumerate(listed):
            inner = {**scope, "item": item, "outer": scope["item"]}
            yield inner, f"{row}{way.each.text}[{position}]: "

    def _wanted(self, way: Rule, scope: Mapping[str, Any]) -> bool:
        if way.when is None:
            return True
        try:
            return bool(way.when.value(scope))
        except (DocumentError, ArithmeticError) as error:
            self._problem(way, error)
            return False

    def _term(self, way: TermRule, scope: Mapping[str, Any], place: str, row: str) -> Any:
        if not self._wanted(way, scope):
            return None
        try:
            value, table_row, found = self._value(way, scope)
        except (DocumentError, ArithmeticError) as error:
            self._problem(way, error, self._said(way, scope))
            return None
        if value is None:
            if way.required:
                self.problems.append(self._missing(way))
            return None
        source = way.source.text if way.source else "constant in the mapping"
        self.origins.append(
            Origin(
                term=way.term.name,
                path=place,
                value=_shown(value),
                source=f"{row}{source}",
                field=way.erp_field,
                mapping=way.file,
                version=way.version,
                line=way.line,
                table=table_row,
                found=_brief(found),
            )
        )
        return value

    def _value(self, way: TermRule, scope: Mapping[str, Any]) -> tuple[Any, str, Any]:
        """The value as the model holds it, the table row that translated it, and what the ERP said."""
        raw = found = way.const if way.source is None else _trimmed(way.source.value(scope))
        table_row = ""
        if raw is not None and way.table:
            raw, table_row = self._look_up(way, str(raw))
        if raw is None:
            raw = way.default
        for function in way.using:
            if raw is not None:
                raw = _trimmed(function(raw))
        if raw is None:
            return None, table_row, found
        scheme = way.scheme
        if way.scheme_from is not None:
            named = _trimmed(way.scheme_from.value(scope))
            scheme = scheme if named is None else str(named)
        return _typed(raw, way.term.value, scheme), table_row, found

    def _look_up(self, way: TermRule, key: str) -> tuple[Any, str]:
        table = self.mapping.tables[way.table]
        if key not in table and "*" not in table:
            raise self._error(
                way,
                f"{key!r} is not known to the table {way.table}",
                f"correct it in the ERP, or add it to the table {way.table} of mapping {way.file}",
                key,
            )
        row = table[key] if key in table else table["*"]
        if isinstance(row, tuple):
            row = self._on_the_day(way, key, row)
        value = row.get(way.column) if isinstance(row, Mapping) else row
        return _trimmed(value), f"{way.table}[{key}]"

    def _on_the_day(self, way: TermRule, key: str, rows: tuple[DatedRow, ...]) -> Any:
        if self.day is None:
            raise self._error(
                way,
                f"the table {way.table} says different things for {key!r} on different days, and the invoice "
                "names no day",
                "fill the date in the ERP",
                key,
            )
        for dated in rows:
            if (dated.first is None or dated.first <= self.day) and (
                dated.last is None or self.day <= dated.last
            ):
                return dated.row
        raise self._error(
            way,
            f"{key!r} of the table {way.table} has no row for {self.day}",
            f"correct it in the ERP, or add that time to the table {way.table} of mapping {way.file}",
            key,
        )

    def _said(self, way: TermRule, scope: Mapping[str, Any]) -> str:
        """What the ERP said, for an error; "" where even that cannot be told."""
        if way.source is None:
            return way.const or ""
        try:
            return _brief(way.source.value(scope))
        except (DocumentError, ArithmeticError):
            return ""

    def _missing(self, way: TermRule) -> MappingError:
        label = way.erp_field or (way.source.text if way.source else way.term.name)
        error = self._error(way, "", "fill it in the ERP", "")
        error.what = f"{label} is empty"
        return error

    def _problem(self, way: Rule, error: Exception, value: str = "") -> None:
        if isinstance(error, MappingError):
            self.problems.append(error)
            return
        what = error.what if isinstance(error, DocumentError) else str(error).splitlines()[0]
        fix = error.fix if isinstance(error, DocumentError) else "check the field in the ERP"
        self.problems.append(self._error(way, what, fix, value))

    def _error(self, way: Rule, what: str, fix: str, value: str) -> MappingError:
        """An error that names the ERP's field, the business term and the line of the mapping."""
        rule = f"{way.file}.yaml, line {way.line}"
        label = hint = ""
        if isinstance(way, TermRule):
            label, hint = way.erp_field or (way.source.text if way.source else ""), way.hint
        return MappingError(
            f"{label or way.term.name}: {what}",
            where=f"{way.term.name}, {self.mapping.document}, {rule}",
            fix=hint or fix,
            term=way.term.name,
            field=label or way.term.name,
            value=value,
            rule=rule,
        )


def _together(problems: Sequence[MappingError], invoice: Invoice) -> IncompleteInvoice:
    """One error that names the first problem and the next ones, each different one once."""
    first, *rest = {problem.what: problem for problem in problems}.values()
    shown = [first.what, *(problem.what for problem in rest[: _MOST_PROBLEMS_SHOWN - 1])]
    more = len(rest) + 1 - len(shown)
    return IncompleteInvoice(first, "; ".join(shown) + (f"; and {more} more" if more else ""), invoice)


def _trimmed(value: Any) -> Any:
    if isinstance(value, str):
        return (value if value.isascii() else unicodedata.normalize("NFC", value)).strip() or None
    return value


def _typed(value: Any, wanted: type, scheme: str | None) -> Any:
    """The value as the model holds it. Raises MalformedDocument for what cannot be one."""
    if wanted is str:
        return value if isinstance(value, str) else _text(value)
    if wanted is Identifier:
        return value if isinstance(value, Identifier) else Identifier(_text(value), scheme)
    if wanted is Classification:
        return Classification(code=_text(value), scheme=scheme or "ZZZ")
    if wanted is Decimal:
        return number(value)
    if wanted is date:
        return value if isinstance(value, date) else iso_date(value)
    if wanted is bytes:
        if isinstance(value, bytes):
            return value
        raise MalformedDocument("this is not a file", where="mapping", fix="use the function decode_base64")
    return _text(value)


def _text(value: Any) -> str:
    if isinstance(value, Decimal):
        return money.text(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | date):
        return str(value)
    kind = "a list" if isinstance(value, list) else "an object"
    raise MalformedDocument(
        f"{kind} stands where one text is wanted", where="mapping", fix="check the field in the ERP"
    )


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    return str(value) if isinstance(value, Identifier | Classification) else _text(value)


def _brief(value: Any) -> str:
    """What the ERP said, bounded, for people."""
    if value is None:
        return ""
    if isinstance(value, str) and len(value) <= _LONGEST_SHOWN:
        return value
    text = str(value) if not isinstance(value, bytes) else f"{len(value)} bytes"
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."


def _term_of(path: str) -> str:
    """The term of a model path such as "totals.lines" or "vat_breakdown[0].tax_amount"."""
    owner: type = Invoice
    within = name = ""
    for step in path.split("."):
        attribute = step.split("[")[0]
        entry = next(entry for entry in fields_of(owner, within) if entry.attribute == attribute)
        owner, within, name = entry.value, entry.name, entry.name
    return name


def _at(invoice: Invoice, path: str) -> Any:
    value: Any = invoice
    for step in path.split("."):
        attribute, _, index = step.rstrip("]").partition("[")
        value = getattr(value, attribute)
        value = value[int(index)] if index else value
    return value

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
from enum import Enum, auto
from functools import partial
from typing import Any, Final

from formats import money
from formats.errors import DocumentError, MalformedDocument, MappingError
from formats.model import Invoice
from formats.model.terms import CATALOGUE, TermField, fields_of
from formats.model.totals import complete
from mappings.expressions import Question
from mappings.provenance import IncompleteInvoice, Mapped, Origin
from mappings.source import READERS
from mappings.values import Unfit, brief, carried, fitted, shown, trimmed, typed

__all__ = [
    "OWN",
    "SHARED",
    "CompiledMapping",
    "DatedRow",
    "Expression",
    "GroupRule",
    "Money",
    "Rule",
    "Table",
    "TermRule",
]

# What an expression sees of the scope that stays the same for the whole document.
SHARED: Final = ("doc", "company", "tables")
# And what stays the same for one row.
OWN: Final = ("item",)
_MOST_ROWS: Final = 100_000
_MOST_PROBLEMS_SHOWN: Final = 3
# The quickest way to an Origin.
_origin: Final = partial(tuple.__new__, Origin)


@dataclass(frozen=True, slots=True)
class Expression:
    """A compiled JMESPath expression with its text."""

    text: str
    value: Question = field(repr=False)


class Money(Enum):
    """What a term has to do with the currencies of the invoice."""

    NOTHING = auto()
    CURRENCY = auto()
    VAT_CURRENCY = auto()
    AMOUNT = auto()
    VAT_AMOUNT = auto()


_NO_MONEY: Final = Money.NOTHING


@dataclass(frozen=True, slots=True)
class TermRule:
    """One way to fill one business term.

    `rounded` says that an amount with too many decimals is rounded, where its currency has two.
    """

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
    money: Money
    rounded: bool
    table: str
    column: str
    required: bool
    erp_field: str
    hint: str
    # Whether a text of the ERP is the value as it stands there, which is so for most terms.
    as_said: bool = field(init=False, repr=False)

    def __post_init__(self) -> None:
        plain = self.term.value is str and self.money is Money.NOTHING
        object.__setattr__(self, "as_said", plain and not (self.table or self.using))


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
    # File and line of `derive:`.
    derive_rule: str
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
            "own": {},
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
    currency: str | None = None
    vat_currency: str | None = None

    def invoice(self) -> Mapped:
        if self.mapping.dated is not None:
            self.day = self._day(self.mapping.dated)
        invoice = self._build(Invoice, self.mapping.rules, self.root, "", "") or Invoice()
        if self.problems:
            raise _together(self.problems, invoice)
        try:
            invoice, computed = complete(invoice, self.mapping.derive)
        except MalformedDocument as error:
            raise _together([self._underivable(error)], invoice) from error
        said = {origin.path: origin.value for origin in self.origins} if computed else {}
        for path in computed:
            found = self._computed(_at(invoice, path), path)
            self.origins += [origin for origin in found if said.get(origin.path) != origin.value]
        return Mapped(invoice, tuple(self.origins))

    def _underivable(self, error: MalformedDocument) -> MappingError:
        rule = self.mapping.derive_rule
        return MappingError(
            error.what,
            where=f"{error.where}, {self.mapping.document}, {rule}",
            fix=error.fix,
            term="",
            field="",
            rule=rule,
        )

    def _day(self, way: TermRule) -> date | None:
        try:
            value = self._value(way, self.root)[0]
            return value if isinstance(value, date) else None
        except (DocumentError, ArithmeticError) as error:
            self._problem(way, error, "")
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
            value=shown(value),
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
            if ways[0].term.repeated:
                found = tuple(self._repeated(ways, scope, f"{path}{attribute}", row))
                if found:
                    values[attribute] = found
                continue
            for way in ways:
                if way.when is not None and not self._wanted(way, way.when, scope, row):
                    continue
                if isinstance(way, TermRule):
                    value = self._term(way, scope, path + attribute, row)
                else:
                    value = self._build(way.term.value, way.rules, scope, f"{path}{attribute}.", row)
                if value is not None:
                    values[attribute] = value
                    break
        return owner(**values) if values else None

    def _repeated(
        self, ways: Sequence[Rule], scope: Mapping[str, Any], place: str, row: str
    ) -> Iterator[Any]:
        index = 0
        for way in ways:
            for inner, inner_row in self._rows(way, scope, row):
                if way.when is not None and not self._wanted(way, way.when, inner, inner_row):
                    continue
                within = f"{place}[{index}]"
                if isinstance(way, TermRule):
                    value = self._term(way, inner, within, inner_row)
                else:
                    value = self._build(way.term.value, way.rules, inner, f"{within}.", inner_row)
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
            self._problem(way, error, row)
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
            inner = {**scope, "item": item, "outer": scope["item"], "own": {}}
            yield inner, f"{row}{way.each.text}[{position}]: "

    def _wanted(self, way: Rule, when: Expression, scope: Mapping[str, Any], row: str) -> bool:
        try:
            return bool(when.value(scope))
        except (DocumentError, ArithmeticError) as error:
            self._problem(way, error, row)
            return False

    def _term(self, way: TermRule, scope: Mapping[str, Any], place: str, row: str) -> Any:
        try:
            value, table_row, found = self._value(way, scope)
        except (DocumentError, ArithmeticError) as error:
            self._problem(way, error, row, self._said(way, scope))
            return None
        if value is None:
            if way.required:
                self.problems.append(_in_row(self._missing(way), row))
            return None
        self.origins.append(
            _origin(
                (
                    way.term.name,
                    place,
                    value if isinstance(value, str) else shown(value),
                    row + way.source.text if way.source else f"{row}constant in the mapping",
                    way.erp_field,
                    way.file,
                    way.version,
                    way.line,
                    table_row,
                    brief(found),
                )
            )
        )
        return value

    def _value(self, way: TermRule, scope: Mapping[str, Any]) -> tuple[Any, str, Any]:
        """The value as the model holds it, the table row that translated it, and what the ERP said."""
        if way.source is None:
            found = way.const
        else:
            found = way.source.value(scope)
            if isinstance(found, str):
                found = (found if found.isascii() else unicodedata.normalize("NFC", found)).strip() or None
        if found is None:
            if way.default is None:
                return _NOTHING
        elif way.as_said and isinstance(found, str):
            return found if found.isprintable() else carried(found), "", found
        raw, table_row = found, ""
        if way.table and raw is not None:
            raw, table_row = self._look_up(way, str(raw))
        if raw is None:
            raw = way.default
        for function in way.using:
            if raw is not None:
                raw = trimmed(function(raw))
        if raw is None:
            return None, table_row, found
        scheme = way.scheme
        if way.scheme_from is not None:
            named = trimmed(way.scheme_from.value(scope))
            scheme = scheme if named is None else str(named)
        value = typed(raw, way.term.value, scheme)
        if way.money is not _NO_MONEY:
            value = self._in_currency(way, value)
        return value, table_row, found

    def _in_currency(self, way: TermRule, value: Any) -> Any:
        """An amount with the decimals of its currency; the currencies themselves are remembered."""
        if way.money is Money.CURRENCY:
            self.currency = value
        elif way.money is Money.VAT_CURRENCY:
            self.vat_currency = value
        else:
            currency = self.currency
            if way.money is Money.VAT_AMOUNT:
                currency = self.vat_currency or currency
            if way.rounded or money.decimals(currency) != 2:
                return fitted(value, currency)
        return value

    def _look_up(self, way: TermRule, key: str) -> tuple[Any, str]:
        table = self.mapping.tables[way.table]
        row = table.get(key)
        if row is None and key not in table and "*" not in table:
            raise self._error(
                way,
                f"{key!r} is not known to the table {way.table}",
                f"correct it in the ERP, or add it to the table {way.table} of mapping {way.file}",
                key,
            )
        if row is None and key not in table:
            row = table["*"]
        if isinstance(row, tuple):
            row = self._on_the_day(way, key, row)
        value = row.get(way.column) if isinstance(row, dict) else row
        return trimmed(value), f"{way.table}[{key}]"

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
            return brief(way.source.value(scope))
        except (DocumentError, ArithmeticError):
            return ""

    def _missing(self, way: TermRule) -> MappingError:
        label = way.erp_field or (way.source.text if way.source else way.term.name)
        error = self._error(way, "", "fill it in the ERP", "")
        error.what = f"{label} is empty"
        return error

    def _problem(self, way: Rule, error: Exception, row: str, value: str = "") -> None:
        if isinstance(error, MappingError):
            self.problems.append(_in_row(error, row))
            return
        what = error.what if isinstance(error, DocumentError) else str(error).splitlines()[0]
        fix = error.fix if isinstance(error, DocumentError) else "check the field in the ERP"
        problem = self._error(way, what, fix, value)
        if isinstance(error, Unfit):
            problem.fix = fix
        self.problems.append(_in_row(problem, row))

    def _error(self, way: Rule, what: str, fix: str, value: str) -> MappingError:
        """An error that names the ERP's field, the business term and the line of the mapping, and as a remedy
        what the mapping says where it says something."""
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


# No value, from no row of a table, where the ERP said nothing.
_NOTHING: Final = (None, "", None)


def _in_row(error: MappingError, row: str) -> MappingError:
    """The same with the row of the ERP's document, where it is about one."""
    if row:
        error.where = f"{error.where}, {row.removesuffix(': ')}"
    return error


def _together(problems: Sequence[MappingError], invoice: Invoice) -> IncompleteInvoice:
    """One error that names the first problem and the next ones, each different one once."""
    first, *rest = {problem.what: problem for problem in problems}.values()
    told = [first.what, *(problem.what for problem in rest[: _MOST_PROBLEMS_SHOWN - 1])]
    more = len(rest) + 1 - len(told)
    return IncompleteInvoice(first, "; ".join(told) + (f"; and {more} more" if more else ""), invoice)


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

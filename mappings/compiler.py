"""Mapping files compiled: read, checked against the schema and the catalogue of terms, merged, and made
runnable.

Every mistake is found here, with file and line, and none is left for the first invoice of a Monday morning.
The form of a mapping file is told in `mappings.engine`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from importlib import resources
from itertools import pairwise
from typing import Any, Final

import jsonschema
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.error import MarkedYAMLError

from formats.errors import ConfigError
from formats.model import Invoice
from formats.model.terms import CATALOGUE, TermField, fields_of
from formats.model.totals import AMOUNTS
from mappings.engine import (
    OWN,
    SHARED,
    CompiledMapping,
    DatedRow,
    Expression,
    GroupRule,
    Money,
    Rule,
    Table,
    TermRule,
)
from mappings.expressions import ExpressionError, compile_expression
from mappings.functions import FUNCTIONS, Arithmetic

__all__ = ["compile_mapping"]

_MOST_TEXT: Final = 4_000_000
_MOST_CELLS: Final = 200_000


def compile_mapping(name: str, library: Mapping[str, str]) -> CompiledMapping:
    """Compile the mapping `name` from `library`, which holds YAML texts by file name ("acme.yaml").

    Raises ConfigError with file, line and remedy for anything that could not work later.
    """
    return _compile(name, library, ())


def _compile(name: str, library: Mapping[str, str], seen: tuple[str, ...]) -> CompiledMapping:
    file = f"{name}.yaml"
    if name in seen:
        raise ConfigError(
            f"{' -> '.join((*seen, name))} extend each other in a circle", where=file, fix="break the circle"
        )
    data = _load(file, library, _SCHEMA)
    base = _compile(data["extends"], library, (*seen, name)) if "extends" in data else None
    if base is None and not {"reads", "terms", "document"} <= data.keys():
        raise ConfigError(
            "a mapping that extends nothing needs reads, document and terms",
            where=file,
            fix="add what is missing",
        )
    tables: dict[str, dict[str, Any]] = {key: dict(rows) for key, rows in base.tables.items()} if base else {}
    for table_file in data.get("tables_from", ()):
        _add_tables(tables, _load(table_file, library, None), table_file)
    _add_tables(tables, data.get("tables", {}), file)
    compiler = _Compiler(name, str(data["version"]), file, tables)
    dated = compiler.dated(data) or (base.dated if base else None)
    _insist_on_a_day(tables, dated, file)
    _bound(tables, file)
    rules = compiler.rules(data.get("terms", CommentedMap()), Invoice, "")
    return CompiledMapping(
        name=name,
        version=str(data["version"]) if base is None else f"{data['version']} on {base.name} {base.version}",
        document=data.get("document") or (base.document if base else ""),
        reads=data.get("reads") or (base.reads if base else ""),
        derive=tuple(data["derive"]) if "derive" in data else (base.derive if base else ()),
        derive_rule=f"{file}, line {_line_of(data, ('derive',))}"
        if "derive" in data
        else (base.derive_rule if base else file),
        dated=dated,
        tables=tables,
        rules=_merged(base.rules, rules) if base else rules,
    )


def _add_tables(tables: dict[str, dict[str, Any]], more: Mapping[str, Mapping[Any, Any]], file: str) -> None:
    for table, rows in more.items():
        tables.setdefault(table, {}).update(
            {
                str(key): _dated_rows(f"{table}, {key}", row, file) if isinstance(row, list) else _plain(row)
                for key, row in rows.items()
            }
        )


def _dated_rows(place: str, rows: Sequence[Any], file: str) -> tuple[DatedRow, ...]:
    """A list under one key: what it means from one day to another. Days must not be in two of them."""
    found = []
    for row in rows:
        if not isinstance(row, Mapping) or not {"from", "until"} & row.keys():
            raise ConfigError(
                f"{place}: each row of a list needs from or until",
                where=file,
                fix="write them as days, YYYY-MM-DD; both are included",
            )
        first, last = (_day(row.get(name), place, file) for name in ("from", "until"))
        value = row.get("is", {key: said for key, said in row.items() if key not in ("from", "until")})
        found.append(DatedRow(first, last, _plain(value)))
    found.sort(key=lambda dated: dated.first or date.min)
    for earlier, later in pairwise(found):
        if earlier.last is None or later.first is None or earlier.last >= later.first:
            raise ConfigError(
                f"{place}: two rows hold for the same day",
                where=file,
                fix="end one with until: the day before the next begins",
            )
    return tuple(found)


def _plain(row: Any) -> Any:
    """A row without what the YAML reader knows of its place, which makes each look into it slow."""
    return dict(row) if isinstance(row, Mapping) else row


def _day(value: Any, place: str, file: str) -> date | None:
    if value is None or (isinstance(value, date) and not isinstance(value, datetime)):
        return value
    raise ConfigError(f"{place}: {str(value)[:40]!r} is not a day", where=file, fix="write it as YYYY-MM-DD")


def _insist_on_a_day(tables: Mapping[str, Table], dated: TermRule | None, file: str) -> None:
    for name, rows in tables.items():
        if dated is None and any(isinstance(row, tuple) for row in rows.values()):
            raise ConfigError(
                f"the table {name} has rows for certain days, and the mapping does not say which day counts",
                where=file,
                fix="add dated: with the expression that finds the day, such as the tax point date",
            )


def _bound(tables: Mapping[str, Table], file: str) -> None:
    """Tables are for codes. Articles and customers belong into the ERP, and here into the memory of each
    worker."""
    cells = sum(
        sum(1 + len(one) if isinstance(one, Mapping | tuple) else 1 for one in rows.values())
        for rows in tables.values()
    )
    if cells > _MOST_CELLS:
        raise ConfigError(
            f"its tables hold {cells} cells together, {_MOST_CELLS} are allowed",
            where=file,
            fix="keep codes in tables, and what belongs to articles or customers in fields of the ERP",
        )


def _merged(
    base: Mapping[str, tuple[Rule, ...]], over: Mapping[str, tuple[Rule, ...]]
) -> dict[str, tuple[Rule, ...]]:
    """`over` wins term by term; groups given once in both are merged within."""
    result = dict(base)
    for attribute, ways in over.items():
        old = result.get(attribute, ())
        if len(old) == len(ways) == 1 and isinstance(old[0], GroupRule) and isinstance(ways[0], GroupRule):
            new = ways[0]
            merged = replace(
                new,
                each=new.each or old[0].each,
                when=new.when or old[0].when,
                rules=_merged(old[0].rules, new.rules),
            )
            result[attribute] = (merged,)
        else:
            result[attribute] = ways
    return result


@dataclass(frozen=True, slots=True)
class _Compiler:
    """Compiles the terms of one file."""

    name: str
    version: str
    file: str
    tables: Mapping[str, Table]

    def dated(self, data: CommentedMap) -> TermRule | None:
        """The rule under `dated:`, which finds a day as a term of that kind would."""
        if "dated" not in data:
            return None
        day = TermField("dated", "dated", date, repeated=False, within="")
        rule = self._rule(day, data["dated"], data.lc.key("dated")[0] + 1, listed=False)
        return rule if isinstance(rule, TermRule) else None

    def rules(self, terms: CommentedMap, owner: type, within: str) -> dict[str, tuple[Rule, ...]]:
        known = {entry.name: entry for entry in fields_of(owner, within)}
        compiled: dict[str, tuple[Rule, ...]] = {}
        for name, entry in terms.items():
            line = terms.lc.key(name)[0] + 1
            term = known.get(name)
            if term is None:
                home = CATALOGUE.get(name)
                fix = (
                    f"it belongs into {home.within or 'the top level'}"
                    if home
                    else "see docs/mapping.md for the terms"
                )
                raise self._error(f"{name} has no place in {within or 'the invoice'}", line, fix)
            ways = entry if isinstance(entry, list) else [entry]
            compiled[term.attribute] = tuple(
                self._rule(term, way, line, listed=isinstance(entry, list)) for way in ways
            )
        # In the model's order, so that origins read like the invoice.
        order = [entry.attribute for entry in known.values()]
        return dict(sorted(compiled.items(), key=lambda item: order.index(item[0])))

    def _rule(self, term: TermField, way: Any, line: int, *, listed: bool) -> Rule:
        if isinstance(way, CommentedMap) and (listed or way.fa.flow_style()):
            line = way.lc.line + 1  # of a plain block this would be the line of its first setting
        if term.is_group:
            return GroupRule(
                term=term,
                file=self.name,
                line=line,
                each=self._expression(way.get("each"), line),
                when=self._expression(way.get("when"), line),
                rules=self.rules(way["terms"], term.value, term.name),
            )
        spec: Mapping[str, Any] = {"from": way} if isinstance(way, str) else way
        if "from" not in spec and "const" not in spec:
            raise self._error(f"{term.name} has neither from nor const", line, "add one of them")
        table, _, column = str(spec.get("table", "")).partition(".")
        if table and table not in self.tables:
            raise self._error(
                f"there is no table {table}", line, "add it to tables: or to a file of tables_from:"
            )
        using = spec.get("using", ())
        used = (using,) if isinstance(using, str) else tuple(using)
        role = _money(term.name)
        # Of an amount the engine knows the currency, and with it what its cents are.
        rounded = "cents" in used and role in (Money.AMOUNT, Money.VAT_AMOUNT)
        return TermRule(
            term=term,
            file=self.name,
            version=self.version,
            line=line,
            source=self._expression(spec.get("from"), line),
            each=self._expression(spec.get("each"), line),
            when=self._expression(spec.get("when"), line),
            scheme_from=self._expression(spec.get("scheme_from"), line),
            scheme=spec.get("scheme"),
            const=None if spec.get("const") is None else str(spec["const"]),
            default=None if spec.get("default") is None else str(spec["default"]),
            using=self._functions([name for name in used if not (rounded and name == "cents")], line),
            money=role,
            rounded=rounded,
            table=table,
            column=column,
            required=bool(spec.get("required", False)),
            erp_field=spec.get("field", ""),
            hint=spec.get("hint", ""),
        )

    def _functions(self, names: Sequence[str], line: int) -> tuple[Callable[[Any], Any], ...]:
        for name in names:
            if name not in FUNCTIONS:
                raise self._error(
                    f"there is no function {name}", line, f"use one of {', '.join(sorted(FUNCTIONS))}"
                )
        return tuple(FUNCTIONS[name] for name in names)

    def _expression(self, text: str | None, line: int) -> Expression | None:
        if text is None:
            return None
        try:
            return Expression(text, compile_expression(text, _ARITHMETIC, shared=SHARED, own=OWN))
        except ExpressionError as error:
            raise self._error(
                f"the expression {text!r} cannot be read: {error}", line, "see jmespath.org"
            ) from error

    def _error(self, what: str, line: int, fix: str) -> ConfigError:
        return ConfigError(what, where=f"{self.file}, line {line}", fix=fix)


def _money(term: str) -> Money:
    if term in AMOUNTS:
        return Money.VAT_AMOUNT if term == "BT-111" else Money.AMOUNT
    return {"BT-5": Money.CURRENCY, "BT-6": Money.VAT_CURRENCY}.get(term, Money.NOTHING)


def _load(file: str, library: Mapping[str, str], schema: Any) -> CommentedMap:
    if file not in library:
        raise ConfigError(
            f"there is no mapping file {file}",
            where="mappings",
            fix=f"use one of {', '.join(sorted(library))}",
        )
    if len(library[file]) > _MOST_TEXT:
        raise ConfigError(
            f"the file has more than {_MOST_TEXT} characters",
            where=file,
            fix="keep codes in tables, and what belongs to articles or customers in fields of the ERP",
        )
    try:
        data = YAML(typ="rt").load(library[file])
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ConfigError(
            f"{error.problem}", where=f"{file}, line {line}", fix="mend the YAML there"
        ) from error
    if not isinstance(data, CommentedMap):
        raise ConfigError("this is not a YAML mapping", where=file, fix="see docs/mapping.md for the form")
    if schema is not None:
        errors = sorted(schema.iter_errors(data), key=lambda error: list(map(str, error.absolute_path)))
        if errors:
            worst = jsonschema.exceptions.best_match(errors)
            raise ConfigError(
                f"{'/'.join(map(str, worst.absolute_path)) or 'the file'}: {worst.message[:300]}",
                where=f"{file}, line {_line_of(data, worst.absolute_path)}",
                fix="see docs/mapping.md for the form",
            )
    return data


def _line_of(data: Any, path: Sequence[str | int]) -> int:
    line = 1
    for step in path:
        if not isinstance(data, CommentedMap | list):
            break
        position = data.lc.data.get(step) if hasattr(data, "lc") and data.lc.data else None
        line = position[0] + 1 if position else line
        data = data[step]  # type: ignore[index]  # a step of the path that the validator walked
    return line


_ARITHMETIC: Final = Arithmetic()
_SCHEMA: Final = jsonschema.Draft202012Validator(
    json.loads(resources.files("mappings").joinpath("schema.json").read_text("utf-8"))
)

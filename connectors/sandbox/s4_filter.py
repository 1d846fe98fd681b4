"""The `$filter` of the imitated S/4HANA's OData services, read as strictly as SAP Gateway reads it.

Literals must have the form of the field's type (`datetime'...'` for a day), keys are compared as SAP stores
them, and what cannot be filtered is an error 400.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final

from connectors.sandbox.s4_model import EntityType

__all__ = ["QueryError", "Row", "Test", "compile_filter", "stored"]

Row = dict[str, Any]
Test = Callable[[Row], bool]
# Kind of a field and a text in the language of the logon to the text as stored.
Inner = Callable[[str, str], str]

_TOKEN: Final = re.compile(
    r"\s*(?:(?P<typed>(?:datetimeoffset|datetime|guid|time)'[^']*')|(?P<text>'(?:[^']|'')*')"
    r"|(?P<number>-?\d+(?:\.\d+)?[mMlLdDfF]?)|(?P<word>[A-Za-z_]\w*)|(?P<sign>[(),]))"
)
_COMPARE: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "eq": lambda a, b: a == b,
    "ne": lambda a, b: a != b,
    "gt": lambda a, b: a > b,
    "ge": lambda a, b: a >= b,
    "lt": lambda a, b: a < b,
    "le": lambda a, b: a <= b,
}


class QueryError(Exception):
    """A refused question: status, code and text of the error."""

    def __init__(self, status: int, code: str, text: str) -> None:
        super().__init__(text)
        self.status, self.code, self.text = status, code, text


def compile_filter(text: str, entity: EntityType, inner: Inner) -> Test:
    """The test that a row of this type must pass."""
    return _Filter(text, entity, inner).parse()


def stored(kind: str, text: str, inner: Inner) -> str:
    """A text of a question as SAP stores it: padded with zeros where that is the rule."""
    if kind[0] in "AN" and text.isdigit() and int(kind[1:]) <= 20:
        return text.zfill(int(kind[1:]))
    return inner(kind, text)


class _Filter:
    """A recursive-descent reader: or, and, brackets, comparisons, substringof, startswith, endswith."""

    def __init__(self, text: str, entity: EntityType, inner: Inner) -> None:
        self._entity, self._inner = entity, inner
        self._tokens: list[tuple[str, str]] = []
        position = 0
        while position < len(text.rstrip()):
            match = _TOKEN.match(text, position)
            if match is None or match.lastgroup is None:
                raise _syntax(position)
            self._tokens.append((match.lastgroup, match[match.lastgroup]))
            position = match.end()

    def parse(self) -> Test:
        test = self._either()
        if self._tokens:
            raise _syntax(0)
        return test

    def _either(self) -> Test:
        tests = [self._both()]
        while self._taken("word", "or"):
            tests.append(self._both())
        return tests[0] if len(tests) == 1 else lambda row: any(test(row) for test in tests)

    def _both(self) -> Test:
        tests = [self._one()]
        while self._taken("word", "and"):
            tests.append(self._one())
        return tests[0] if len(tests) == 1 else lambda row: all(test(row) for test in tests)

    def _one(self) -> Test:
        if self._taken("sign", "("):
            test = self._either()
            self._expect(")")
            return test
        name = self._next("word")
        if name in ("substringof", "startswith", "endswith"):
            return self._function(name)
        kind = self._kind(name)
        operator = self._next("word")
        if operator not in _COMPARE:
            raise _syntax(0)
        wanted, compare = self._literal(name, kind), _COMPARE[operator]

        def test_field(row: Row) -> bool:
            value = row.get(name)
            if value is None or wanted is None:
                empty = wanted in (None, "") and value in (None, "")
                return empty if operator == "eq" else operator == "ne" and not empty
            return compare(value, wanted)

        return test_field

    def _function(self, name: str) -> Test:
        self._expect("(")
        if name == "substringof":
            part = self._text()
            self._expect(",")
        field = self._next("word")
        self._kind(field)
        if name != "substringof":
            self._expect(",")
            part = self._text()
        self._expect(")")
        if name == "substringof":
            return lambda row: part in str(row.get(field) or "")
        if name == "startswith":
            return lambda row: str(row.get(field) or "").startswith(part)
        return lambda row: str(row.get(field) or "").endswith(part)

    def _kind(self, name: str) -> str:
        kind = self._entity.fields.get(name)
        if kind is None:
            raise QueryError(
                400,
                "005056A509B11EE1B9A8FEC11C23378E",
                f"Property {name} not found in type {self._entity.name}",
            )
        if name == "LongText":
            raise QueryError(400, "SADL_GENERIC/012", f"Property {name} is not filterable")
        return kind

    def _text(self) -> str:
        kind, text = self._tokens.pop(0) if self._tokens else ("", "")
        if kind != "text":
            raise _syntax(0)
        return text[1:-1].replace("''", "'")

    def _literal(self, name: str, kind: str) -> Any:
        token, text = self._tokens.pop(0) if self._tokens else ("", "")
        if token == "word" and text == "null":
            return None
        try:
            return self._value(kind, token, text)
        except (ValueError, KeyError) as error:
            raise QueryError(
                400, "005056A509B11EE1B9A8FEC11C21578E", f"Invalid literal for property {name}"
            ) from error

    def _value(self, kind: str, token: str, text: str) -> Any:
        prefix, _, quoted = text.partition("'")
        if kind.startswith("Day"):
            if (token, prefix) != ("typed", "datetime"):
                raise ValueError(kind)
            return date.fromisoformat(quoted[:10])
        if kind.startswith("Moment"):
            if (token, prefix) != ("typed", "datetimeoffset"):
                raise ValueError(kind)
            return _moment(quoted[:-1])
        if kind == "Guid":
            if (token, prefix) != ("typed", "guid"):
                raise ValueError(kind)
            return quoted[:-1].lower()
        if kind == "Flag":
            return {"true": True, "false": False}[text]
        if kind[0] == "D":
            if token != "number":
                raise ValueError(kind)
            return Decimal(text.rstrip("mMdDfFlL"))
        if token != "text":
            raise ValueError(kind)
        return stored(kind, text[1:-1].replace("''", "'"), self._inner)

    def _taken(self, kind: str, text: str) -> bool:
        if self._tokens and self._tokens[0] == (kind, text):
            self._tokens.pop(0)
            return True
        return False

    def _expect(self, sign: str) -> None:
        if not self._taken("sign", sign):
            raise _syntax(0)

    def _next(self, kind: str) -> str:
        if not self._tokens or self._tokens[0][0] != kind:
            raise _syntax(0)
        return self._tokens.pop(0)[1]


def _moment(text: str) -> datetime:
    """Up to seven decimals of a second, of which Python keeps six."""
    found = re.fullmatch(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,7}))?Z", text)
    if found is None:
        raise ValueError(text)
    whole = datetime.fromisoformat(found[1]).replace(tzinfo=UTC)
    return whole.replace(microsecond=int((found[2] or "0").ljust(6, "0")[:6]))


def _syntax(position: int) -> QueryError:
    return QueryError(
        400, "005056A509B11EE1B9A8FEC11C21D78E", f"Invalid filter expression at position {position}"
    )

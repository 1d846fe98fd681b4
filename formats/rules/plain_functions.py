"""Functions of XPath that need nothing but their arguments, as a table."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from formats.rules import regex, static
from formats.rules.comparison import number_of
from formats.rules.regex import RegexRefused
from formats.rules.static import NUMBERS, TEXTS, TREE, Code, Kind, Refused

__all__ = ["PLAIN", "checked_pattern", "string", "true_or_false"]

_Arguments = tuple[Code, ...]


_FEW: Final = 8


_MAY_GROW: Final = re.compile(r"\b[pqz][0-9]+\b|\bS\[|\bS\.words\(|\b(?:joined|from_codepoints|f[0-9]+)\(")


def string(text: str) -> Code:
    return Code(text, Kind.STRING, "1")


def true_or_false(text: str) -> Code:
    return Code(text, Kind.BOOLEAN, "1")


def _of_texts(template: str, kind: Kind = Kind.STRING) -> Callable[[_Arguments], Code]:
    """A function whose arguments are all strings."""

    def make(codes: _Arguments) -> Code:
        texts = [static.text_of(code) for code in codes]
        return Code(template.format(*texts, all=", ".join(texts)), kind, "1")

    return make


def _of_number(template: str) -> Callable[[_Arguments], Code]:
    """A function of one number that keeps its kind."""

    def make(codes: _Arguments) -> Code:
        text, kind, optional = number_of(codes[0])
        more = "".join(f", {number_of(code)[0]}" for code in codes[1:])
        return Code(template.format(text + more), kind, "?" if optional else "1")

    return make


def _count(codes: _Arguments) -> Code:
    (code,) = codes
    if code.count == "1":
        return Code(
            "1" if static.exists(code) == "True" else f"int({static.exists(code)})", Kind.INTEGER, "1"
        )
    return Code(f"len({static.listed(code)})", Kind.INTEGER, "1")


def _sum(codes: _Arguments) -> Code:
    code = codes[0]
    if len(codes) > 1:
        raise Refused("sum() with a value for nothing")
    if code.constant == ():
        return Code("0", Kind.INTEGER, "1")
    if code.kind in (Kind.INTEGER, Kind.DECIMAL):
        return Code(f"sum({static.listed(code)})", code.kind, "1")
    if code.kind is Kind.DOUBLE or code.value_kind is Kind.UNTYPED:
        clauses, item = static.each(code, "x")
        value = item if code.kind is Kind.DOUBLE else f"double({static.value_of(code, item)})"
        return Code(f"sum_doubles([{value} {' '.join(clauses)}])", Kind.DOUBLE, "1")
    return Code(f"sum_any({static.tagged_items(code)})", Kind.ITEM, "?")


def _extreme(function: str) -> Callable[[_Arguments], Code]:
    def make(codes: _Arguments) -> Code:
        kind = codes[0].kind if codes[0].kind in NUMBERS else Kind.ITEM
        kind = Kind.DOUBLE if codes[0].value_kind is Kind.UNTYPED else kind
        if function == "average" and kind is Kind.INTEGER:
            kind = Kind.DECIMAL
        return Code(f"{function}({static.tagged_items(codes[0])})", kind, "?")

    return make


def _number(codes: _Arguments) -> Code:
    text, kind, _ = static.single(codes[0])
    if kind is Kind.DOUBLE and codes[0].count == "1":
        return Code(text, Kind.DOUBLE, "1")
    return Code(f"number({text})", Kind.DOUBLE, "1")


def _normalize_space(codes: _Arguments) -> Code:
    code = codes[0]
    if code.child and code.kind in TREE:
        return string(f"tidy_child({code.child[0]}, {code.child[1]})")
    if code.kind in TREE and code.count == "1":
        return string(f"tidy_node({code.text})")
    return string(f"tidy({_bounded(static.text_of(code))})")


def _concat(codes: _Arguments) -> Code:
    if len(codes) < 2:
        raise Refused("concat() of less than two")
    texts = [static.text_of(code) for code in codes]
    joined = " + ".join(texts)
    # A variable, or a text put together before, may be long already; texts of the document are as they are.
    grows = len(codes) > _FEW or any(_MAY_GROW.search(text) for text in texts)
    return string(f"S.words({joined})" if grows else f"({joined})")


def _string_join(codes: _Arguments) -> Code:
    between = static.text_of(codes[1]) if len(codes) > 1 else "''"
    clauses, item = static.each(codes[0], "x")
    value = item if codes[0].kind in TEXTS else f"item_text({item})"
    return string(f"S.words(joined([{value} {' '.join(clauses)}], {between}))")


def _bounded(text: str) -> str:
    """A text that is gone through: one that may have grown costs steps each time."""
    return f"S.words({text})" if _MAY_GROW.search(text) else text


def _substring(codes: _Arguments) -> Code:
    numbers = ", ".join(number_of(code)[0] for code in codes[1:])
    return string(f"substring({static.text_of(codes[0])}, {numbers})")


def checked_pattern(codes: _Arguments, flags_at: int, *, only_asked: bool = False) -> str:
    """The arguments of a function with a regular expression; a literal one is looked at now."""
    pattern, flags = codes[1].constant, codes[flags_at].constant if len(codes) > flags_at else ""
    if isinstance(pattern, str) and isinstance(flags, str):
        try:
            regex.prepare(pattern, flags, only_asked=only_asked)
        except RegexRefused as error:
            raise Refused(f"the regular expression {pattern[:80]!r}: {error}") from error
    text, *more = (static.text_of(code) for code in codes)
    return ", ".join((_bounded(text), *more))


def _matches(codes: _Arguments) -> Code:
    return true_or_false(f"matches({checked_pattern(codes, 2, only_asked=True)})")


def _replace(codes: _Arguments) -> Code:
    return string(f"S.words(replaced({checked_pattern(codes, 3)}))")


def _data(codes: _Arguments) -> Code:
    code = codes[0]
    clauses, item = static.each(code, "x")
    value = static.value_of(code, item)
    return Code(f"[{value} {' '.join(clauses)}]", code.value_kind, "*", clauses, value)


def _part(slicing: str) -> Callable[[_Arguments], Code]:
    def make(codes: _Arguments) -> Code:
        return Code(f"{static.listed(codes[0])}{slicing}", codes[0].kind, "*")

    return make


def _subsequence(codes: _Arguments) -> Code:
    numbers = ", ".join(number_of(code)[0] for code in codes[1:])
    return Code(f"part({static.listed(codes[0])}, {numbers})", codes[0].kind, "*")


def _checked_count(function: str) -> Callable[[_Arguments], Code]:
    def make(codes: _Arguments) -> Code:
        count: static.Count = "1" if function == "exactly_one" else "*" if function == "one_or_more" else "?"
        return Code(f"{function}({static.listed(codes[0])})", codes[0].kind, count)

    return make


def _index_of(codes: _Arguments) -> Code:
    wanted = static.single(codes[1])[0]
    return Code(f"index_of({static.tagged_items(codes[0])}, {wanted})", Kind.INTEGER, "*")


def _deep_equal(codes: _Arguments) -> Code:
    if any(code.kind in TREE for code in codes):
        raise Refused("deep-equal() of elements")
    return true_or_false(f"deep_equal({static.tagged_items(codes[0])}, {static.tagged_items(codes[1])})")


# name -> fewest and most arguments, whether the context item stands in for none, and how to write it
_Plain = tuple[int, int, bool, Callable[[_Arguments], Code]]


PLAIN: Final[dict[str, _Plain]] = {
    "count": (1, 1, False, _count),
    "sum": (1, 2, False, _sum),
    "avg": (1, 1, False, _extreme("average")),
    "max": (1, 1, False, _extreme("greatest")),
    "min": (1, 1, False, _extreme("least")),
    "number": (1, 1, True, _number),
    "abs": (1, 1, False, _of_number("absolute({0})")),
    "round": (1, 2, False, _of_number("rounded({0})")),
    "round-half-to-even": (1, 2, False, _of_number("rounded_to_even({0})")),
    "floor": (1, 1, False, _of_number("floor({0})")),
    "ceiling": (1, 1, False, _of_number("ceiling({0})")),
    "string": (1, 1, True, _of_texts("{0}")),
    "normalize-space": (1, 1, True, _normalize_space),
    "string-length": (1, 1, True, _of_texts("len({0})", Kind.INTEGER)),
    "upper-case": (1, 1, False, _of_texts("{0}.upper()")),
    "lower-case": (1, 1, False, _of_texts("{0}.lower()")),
    "concat": (2, 100, False, _concat),
    "string-join": (1, 2, False, _string_join),
    "substring": (2, 3, False, _substring),
    "starts-with": (2, 2, False, _of_texts("{0}.startswith({1})", Kind.BOOLEAN)),
    "substring-before": (2, 2, False, _of_texts("before({0}, {1})")),
    "substring-after": (2, 2, False, _of_texts("after({0}, {1})")),
    "translate": (3, 3, False, _of_texts("translated({0}, {1}, {2})")),
    "matches": (2, 3, False, _matches),
    "replace": (3, 4, False, _replace),
    "string-to-codepoints": (
        1,
        1,
        False,
        lambda codes: Code(f"[ord(x) for x in {static.text_of(codes[0])}]", Kind.INTEGER, "*"),
    ),
    "codepoints-to-string": (
        1,
        1,
        False,
        lambda codes: string(f"from_codepoints({static.listed(codes[0])})"),
    ),
    "reverse": (1, 1, False, _part("[::-1]")),
    "subsequence": (2, 3, False, _subsequence),
    "index-of": (2, 2, False, _index_of),
    "data": (1, 1, True, _data),
    "deep-equal": (2, 2, False, _deep_equal),
    "exactly-one": (1, 1, False, _checked_count("exactly_one")),
    "zero-or-one": (1, 1, False, _checked_count("one")),
    "one-or-more": (1, 1, False, _checked_count("one_or_more")),
}

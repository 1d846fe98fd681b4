"""Calls: the functions of XPath as a table, keys, and the rule set's own functions."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from formats.rules import ast, regex, static
from formats.rules.ast import Expression
from formats.rules.comparison import number_of
from formats.rules.picture import picture_of
from formats.rules.regex import RegexRefused
from formats.rules.static import NUMBERS, TEXTS, TIMES, TREE, Code, Kind, Refused
from formats.rules.types import cast
from formats.rules.writer import Scope

__all__ = ["CASTABLE", "call"]

CASTABLE: Final = frozenset(
    [
        "xs:date",
        "xs:dateTime",
        "xs:time",
        "xs:integer",
        "xs:int",
        "xs:decimal",
        "xs:double",
        "xs:float",
        "xs:string",
        "xs:boolean",
    ]
)
_Arguments = tuple[Code, ...]
_FEW: Final = 8
_MAY_GROW: Final = re.compile(r"\b[pqz][0-9]+\b|\bS\[|\bS\.words\(|\b(?:joined|from_codepoints|f[0-9]+)\(")


def call(name: str, arguments: tuple[Expression, ...], scope: Scope) -> Code:
    """A function call. Raises Refused for a function that is not known, or with a wrong number of
    arguments."""
    if name.startswith("{"):
        from formats.rules.own_functions import call_own  # the two compile each other's parts

        return call_own(name, [scope.code(argument) for argument in arguments], scope)
    if name.startswith("xs:") and len(arguments) == 1:
        return cast(scope.code(arguments[0]), name)
    if name in _SPECIAL:
        return _SPECIAL[name](arguments, scope)
    if name not in _PLAIN:
        raise Refused(f"the function {name}()")
    least, most, context, make = _PLAIN[name]
    codes = tuple(scope.code(argument) for argument in arguments)
    if context and not codes:
        codes = (_context(scope),)
    if not least <= len(codes) <= most:
        raise Refused(f"{name}() with {len(arguments)} arguments")
    return make(codes)


def _context(scope: Scope) -> Code:
    return scope.code(ast.ContextItem())


def _string(text: str) -> Code:
    return Code(text, Kind.STRING, "1")


def _true_or_false(text: str) -> Code:
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


# numbers and counts


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


# strings


def _normalize_space(codes: _Arguments) -> Code:
    code = codes[0]
    if code.child and code.kind in TREE:
        return _string(f"tidy_child({code.child[0]}, {code.child[1]})")
    if code.kind in TREE and code.count == "1":
        return _string(f"tidy_node({code.text})")
    return _string(f"tidy({_bounded(static.text_of(code))})")


def _concat(codes: _Arguments) -> Code:
    if len(codes) < 2:
        raise Refused("concat() of less than two")
    texts = [static.text_of(code) for code in codes]
    joined = " + ".join(texts)
    # A variable, or a text put together before, may be long already; texts of the document are as they are.
    grows = len(codes) > _FEW or any(_MAY_GROW.search(text) for text in texts)
    return _string(f"S.words({joined})" if grows else f"({joined})")


def _string_join(codes: _Arguments) -> Code:
    between = static.text_of(codes[1]) if len(codes) > 1 else "''"
    clauses, item = static.each(codes[0], "x")
    value = item if codes[0].kind in TEXTS else f"item_text({item})"
    return _string(f"S.words(joined([{value} {' '.join(clauses)}], {between}))")


def _bounded(text: str) -> str:
    """A text that is gone through: one that may have grown costs steps each time."""
    return f"S.words({text})" if _MAY_GROW.search(text) else text


def _substring(codes: _Arguments) -> Code:
    numbers = ", ".join(number_of(code)[0] for code in codes[1:])
    return _string(f"substring({static.text_of(codes[0])}, {numbers})")


def _contains(arguments: tuple[Expression, ...], scope: Scope) -> Code:
    if len(arguments) != 2:
        raise Refused("contains() with another collation")
    whole = scope.code(arguments[0])
    listed = whole.constant
    part = arguments[1]
    blank = ast.Text(" ")
    if (
        isinstance(listed, str)
        and listed.startswith(" ")
        and listed.endswith(" ")
        and isinstance(part, ast.Call)
        and part.name == "concat"
        and len(part.arguments) == 3
        and part.arguments[0] == blank == part.arguments[2]
    ):
        codes = scope.writer.codes(frozenset(listed.split(" ")) - {""})
        text = static.text_of(scope.code(part.arguments[1]))
        return _true_or_false(f"in_list({text}, {codes}, {scope.writer.constant(repr(listed), 'L')})")
    return _true_or_false(f"({static.text_of(scope.code(part))} in {static.text_of(whole)})")


def _checked_pattern(codes: _Arguments, flags_at: int, *, only_asked: bool = False) -> str:
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
    return _true_or_false(f"matches({_checked_pattern(codes, 2, only_asked=True)})")


def _replace(codes: _Arguments) -> Code:
    return _string(f"S.words(replaced({_checked_pattern(codes, 3)}))")


def _tokenize(arguments: tuple[Expression, ...], scope: Scope) -> Code:
    codes = tuple(scope.code(argument) for argument in arguments)
    if not 1 <= len(codes) <= 3:
        raise Refused("tokenize() with these arguments")
    if len(codes) == 1:
        text = f"tidy({static.text_of(codes[0])})"
        codes, separator = (_string(text),), "' '"
        source = f"tokens({text}, {separator})"
    else:
        source = f"tokens({_checked_pattern(codes, 2)})"
        whole, pattern = codes[0].constant, codes[1].constant
        if isinstance(whole, str) and isinstance(pattern, str) and len(codes) == 2:
            constant = tuple(regex.tokens(whole, pattern))
            return Code(scope.writer.constant(repr(constant), "L"), Kind.STRING, "*", constant=constant)
    item = scope.writer.fresh()
    return static.loop((f"for {item} in {source}",), item, Kind.STRING)


def _ends_with(arguments: tuple[Expression, ...], scope: Scope) -> Code:
    if len(arguments) != 2:
        raise Refused("ends-with() with another collation")
    name, ending = arguments
    asks_own_name = name == ast.Call("name", ()) and scope.kind is Kind.NODE
    if asks_own_name and isinstance(ending, ast.Text) and ":" not in ending.value:
        return _true_or_false(f"local_name({scope.node}).endswith({ending.value!r})")
    texts = [static.text_of(scope.code(argument)) for argument in arguments]
    return _true_or_false(f"{texts[0]}.endswith({texts[1]})")


# sequences


def _distinct(arguments: tuple[Expression, ...], scope: Scope) -> Code:
    code = scope.code(arguments[0])
    if len(arguments) != 1:
        raise Refused("distinct-values() with a collation")
    item = scope.writer.fresh()
    if code.value_kind in TEXTS or code.value_kind is Kind.UNTYPED:
        clauses, inner = static.each(code, scope.writer.fresh())
        source = f"same_texts([{static.value_of(code, inner)} {' '.join(clauses)}])"
    else:
        source = f"same_any({static.tagged_items(code)})"
    return static.loop((f"for {item} in {source}",), item, code.value_kind)


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
    return _true_or_false(f"deep_equal({static.tagged_items(codes[0])}, {static.tagged_items(codes[1])})")


# context


def _position(arguments: tuple[Expression, ...], scope: Scope) -> Code:
    if not scope.position:
        raise Refused("position() where nothing is counted")
    return Code(scope.position, Kind.INTEGER, "1")


def _last(arguments: tuple[Expression, ...], scope: Scope) -> Code:
    if not scope.last:
        raise Refused("last() where nothing is counted")
    return Code(scope.last, Kind.INTEGER, "1")


def _current(arguments: tuple[Expression, ...], scope: Scope) -> Code:
    if not scope.current:
        raise Refused("current() outside a rule")
    return Code(scope.current, Kind.NODE, "1")


def _now(kind: str, target: Kind) -> Callable[[tuple[Expression, ...], Scope], Code]:
    """The moment of the check, which is an argument of the check, in UTC."""

    def make(arguments: tuple[Expression, ...], scope: Scope) -> Code:
        if arguments:
            raise Refused(f"{kind}() with arguments")
        text = "this_moment(S.now)"
        return Code(text if target is Kind.MOMENT else f"{kind}({text})", target, "1")

    return make


_ZONE: Final = re.compile(r"(-?)PT(?:([0-9]{1,2})H)?(?:([0-9]{1,3})M)?\Z")


def _in_zone(arguments: tuple[Expression, ...], scope: Scope) -> Code:
    """adjust-...-to-timezone with a zone written in the rule; without one it is UTC, as all of the
    gateway."""
    if not 1 <= len(arguments) <= 2:
        raise Refused("a time zone with these arguments")
    east = 0
    if len(arguments) == 2:
        match arguments[1]:
            case ast.Call("xs:dayTimeDuration", (ast.Text(text),)) if found := _ZONE.match(text):
                east = int(found[2] or 0) * 60 + int(found[3] or 0)
                east = -east if found[1] else east
            case _:
                raise Refused("a time zone that is not written in the rule")
    code = scope.code(arguments[0])
    if code.kind not in TIMES or code.count == "*" or abs(east) > 14 * 60:
        raise Refused("a time zone for anything but one date or time")
    return Code(f"in_zone({code.text}, {east})", code.kind, code.count)


def _format_number(arguments: tuple[Expression, ...], scope: Scope) -> Code:
    if len(arguments) != 2 or not isinstance(arguments[1], ast.Text):
        raise Refused("format-number() with these arguments")
    picture = picture_of(arguments[1].value)
    if picture is None:
        raise Refused(f"the picture {arguments[1].value[:40]!r} of format-number()")
    value = number_of(scope.code(arguments[0]))[0]
    return _string(f"pictured({value}, {', '.join(map(str, picture))})")


def _name_function(template: str) -> Callable[[tuple[Expression, ...], Scope], Code]:
    def make(arguments: tuple[Expression, ...], scope: Scope) -> Code:
        code = scope.code(arguments[0]) if arguments else _context(scope)
        if code.kind not in TREE:
            raise Refused("the name of anything but an element")
        text = code.text if code.count == "1" else f"only_node({static.listed(code)})"
        return _string(template.format(text))

    return make


def _root(arguments: tuple[Expression, ...], scope: Scope) -> Code:
    return Code("S.d.node", Kind.DOCUMENT, "1")


def _key(arguments: tuple[Expression, ...], scope: Scope) -> Code:
    if len(arguments) != 2 or not isinstance(arguments[0], ast.Text):
        raise Refused("key() with these arguments")
    from formats.rules.own_functions import key_index

    index = key_index(arguments[0].value, scope)
    wanted = scope.code(arguments[1])
    value, item = scope.writer.fresh(), scope.writer.fresh()
    clauses, inner = static.each(wanted, value)
    text = inner if wanted.kind in TEXTS else f"item_text({inner})"
    if wanted.count == "1":
        return static.loop((f"for {item} in {index}.get({static.text_of(wanted)}, ())",), item, Kind.NODE)
    found = static.loop((*clauses, f"for {item} in {index}.get({text}, ())"), item, Kind.NODE)
    fresh = scope.writer.fresh()
    return static.loop((f"for {fresh} in ordered({found.text})",), fresh, Kind.NODE)


def _built_text(arguments: tuple[Expression, ...], scope: Scope) -> Code:
    """`xsl:value-of` inside a function: a text node made of the items, blanks between them."""
    code = scope.code(arguments[0])
    if code.count == "1":
        return Code(static.text_of(code), Kind.UNTYPED, "1")
    between = static.text_of(scope.code(arguments[1])) if len(arguments) > 1 else "' '"
    clauses, item = static.each(code, "x")
    value = item if code.kind in TEXTS else f"item_text({item})"
    return Code(f"S.words(joined([{value} {' '.join(clauses)}], {between}))", Kind.UNTYPED, "1")


def _document(arguments: tuple[Expression, ...], scope: Scope) -> Code:
    raise Refused("a document() other than a look into a code list file")


def _is_one_of(arguments: tuple[Expression, ...], scope: Scope) -> Code:
    """Whether the context item is among some nodes: a variable as the context of a rule."""
    code = scope.code(arguments[0])
    if code.kind not in TREE:
        raise Refused("a variable as context that holds anything but elements")
    clauses, item = static.each(code, scope.writer.fresh())
    return _true_or_false(f"any({item} is {scope.node} {' '.join(clauses)})")


_Special = Callable[[tuple[Expression, ...], Scope], Code]
_SPECIAL: Final[dict[str, _Special]] = {
    "contains": _contains,
    "tokenize": _tokenize,
    "ends-with": _ends_with,
    "distinct-values": _distinct,
    "position": _position,
    "last": _last,
    "current": _current,
    "name": _name_function("full_name(S.d, {0})"),
    "local-name": _name_function("local_name({0})"),
    "namespace-uri": _name_function("namespace({0})"),
    "root": _root,
    "key": _key,
    "current-dateTime": _now("moment", Kind.MOMENT),
    "current-date": _now("date", Kind.DATE),
    "current-time": _now("time_of_day", Kind.TIME),
    "adjust-dateTime-to-timezone": _in_zone,
    "adjust-date-to-timezone": _in_zone,
    "adjust-time-to-timezone": _in_zone,
    "format-number": _format_number,
    "document": _document,
    "doc": _document,
    "#text": _built_text,
    "#is-one-of": _is_one_of,
    "true": lambda arguments, scope: _true_or_false("True"),
    "false": lambda arguments, scope: _true_or_false("False"),
}

# name -> fewest and most arguments, whether the context item stands in for none, and how to write it
_Plain = tuple[int, int, bool, Callable[[_Arguments], Code]]
_PLAIN: Final[dict[str, _Plain]] = {
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
        lambda codes: _string(f"from_codepoints({static.listed(codes[0])})"),
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

"""Calls: the functions of XPath as a table, keys, and the rule set's own functions."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from formats.rules import ast, regex, static
from formats.rules.ast import Expression
from formats.rules.comparison import number_of
from formats.rules.picture import picture_of
from formats.rules.plain_functions import PLAIN, checked_pattern, string, true_or_false
from formats.rules.static import TEXTS, TIMES, TREE, Code, Kind, Refused
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
    if name not in PLAIN:
        raise Refused(f"the function {name}()")
    least, most, context, make = PLAIN[name]
    codes = tuple(scope.code(argument) for argument in arguments)
    if context and not codes:
        codes = (_context(scope),)
    if not least <= len(codes) <= most:
        raise Refused(f"{name}() with {len(arguments)} arguments")
    return make(codes)


def _context(scope: Scope) -> Code:
    return scope.code(ast.ContextItem())


# texts


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
        return true_or_false(f"in_list({text}, {codes}, {scope.writer.constant(repr(listed), 'L')})")
    return true_or_false(f"({static.text_of(scope.code(part))} in {static.text_of(whole)})")


def _tokenize(arguments: tuple[Expression, ...], scope: Scope) -> Code:
    codes = tuple(scope.code(argument) for argument in arguments)
    if not 1 <= len(codes) <= 3:
        raise Refused("tokenize() with these arguments")
    if len(codes) == 1:
        text = f"tidy({static.text_of(codes[0])})"
        codes, separator = (string(text),), "' '"
        source = f"tokens({text}, {separator})"
    else:
        source = f"tokens({checked_pattern(codes, 2)})"
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
        return true_or_false(f"local_name({scope.node}).endswith({ending.value!r})")
    texts = [static.text_of(scope.code(argument)) for argument in arguments]
    return true_or_false(f"{texts[0]}.endswith({texts[1]})")


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
    return string(f"pictured({value}, {', '.join(map(str, picture))})")


def _name_function(template: str) -> Callable[[tuple[Expression, ...], Scope], Code]:
    def make(arguments: tuple[Expression, ...], scope: Scope) -> Code:
        code = scope.code(arguments[0]) if arguments else _context(scope)
        if code.kind not in TREE:
            raise Refused("the name of anything but an element")
        text = code.text if code.count == "1" else f"only_node({static.listed(code)})"
        return string(template.format(text))

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
    return true_or_false(f"any({item} is {scope.node} {' '.join(clauses)})")


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
    "true": lambda arguments, scope: true_or_false("True"),
    "false": lambda arguments, scope: true_or_false("False"),
}

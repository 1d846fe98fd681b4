r"""Regular expressions of XPath (XML Schema part 2, appendix F, with ^ $ and reluctant quantifiers) for
Python's re.

Differences that matter: `\s` is four characters, `\d` and `\w` are Unicode classes, `$` is the very end, `\i`
and `\c` are XML name characters, `.` stops at line feed and carriage return. A pattern whose matching could
take exponential time is refused, and the text that a pattern with several loops may look at is bounded.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from formats.rules.automaton import Automaton, RegexRefused
from formats.rules.values import Fault

__all__ = ["RegexRefused", "matches", "prepare", "replaced", "tokens"]

_LONGEST_PATTERN: Final = 4_000
_LONGEST_TEXT: Final = 20_000
_MOST_REPEATS: Final = 1_000
_LONGEST_RESULT: Final = 200_000_000
_MOST_TOKENS: Final = 2_000_000
_NAME_START: Final = (
    r"A-Z_a-z:\xC0-\xD6\xD8-\xF6\xF8-\u02FF\u0370-\u037D\u037F-\u1FFF\u200C-\u200D\u2070-\u218F"
)
_NAME: Final = _NAME_START + r"\-.0-9\xB7\u0300-\u036F\u203F-\u2040"
_IN_CLASS: Final = {"s": r" \t\n\r", "d": r"\d", "w": r"\w", "i": _NAME_START, "c": _NAME}
_CONTROLS: Final = {"n": r"\n", "r": r"\r", "t": r"\t"}
_PLAIN_ESCAPES: Final = frozenset(r"\|.?*+(){}-[]^$/,:;=#&%@!~<> '" + '"_')


@dataclass(frozen=True, slots=True)
class _Part:
    """A piece of a pattern: its form for Python's re, and what a slower matcher needs to know of it.

    `kind` is "character", "start", "end", "all" (one part after the other), "any" (one of the parts), or
    "repeat" (`least` to `most` times, None for no bound).
    """

    kind: str
    python: str
    parts: tuple[_Part, ...] = ()
    least: int = 0
    most: int | None = None

    @property
    def loops(self) -> int:
        """How many loops without an upper bound there are."""
        endless = self.kind == "repeat" and (self.most is None or self.most > 100)
        return int(endless) + sum(part.loops for part in self.parts)

    @property
    def varies(self) -> bool:
        """Whether it can match texts of different length or in different ways."""
        choice = (self.kind == "any" and len(self.parts) > 1) or (
            self.kind == "repeat" and self.least != self.most
        )
        return choice or any(part.varies for part in self.parts)

    @property
    def risky(self) -> bool:
        """Whether something that varies is repeated, so that backtracking may take exponential time."""
        repeats = self.kind == "repeat" and self.most != 1
        return (repeats and any(part.varies for part in self.parts)) or any(part.risky for part in self.parts)


class _Translator:
    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.at = 0

    def _here(self) -> str:
        return self.pattern[self.at : self.at + 1]

    def whole(self) -> _Part:
        part = self._alternatives(0)
        if self.at < len(self.pattern):
            raise RegexRefused("a closing parenthesis without an opening one")
        return part

    def _alternatives(self, depth: int) -> _Part:
        if depth > 30:
            raise RegexRefused("groups are nested too deeply")
        branches = [self._branch(depth)]
        while self._here() == "|":
            self.at += 1
            branches.append(self._branch(depth))
        return _Part("any", "|".join(branch.python for branch in branches), tuple(branches))

    def _branch(self, depth: int) -> _Part:
        parts = []
        while self._here() and self._here() not in "|)":
            atom = self._atom(depth)
            parts.append(self._quantified(atom))
        return _Part("all", "".join(part.python for part in parts), tuple(parts))

    def _atom(self, depth: int) -> _Part:
        character = self._here()
        self.at += 1
        if character == "(":
            return self._group(depth)
        if character == "[":
            return _Part("character", self._char_class())
        if character == "\\":
            return _Part("character", self._escape(in_class=False))
        if character == ".":
            return _Part("character", r"[^\n\r]")
        if character == "^":
            return _Part("start", r"\A")
        if character == "$":
            return _Part("end", r"\Z")
        if character in "*+?{}]":
            raise RegexRefused(f"{character!r} has nothing to repeat")
        return _Part("character", re.escape(character))

    def _group(self, depth: int) -> _Part:
        opening = "("
        if self.pattern.startswith("?:", self.at):
            self.at += 2
            opening = "(?:"
        inner = self._alternatives(depth + 1)
        if self._here() != ")":
            raise RegexRefused("a parenthesis is not closed")
        self.at += 1
        return _Part("any", f"{opening}{inner.python})", inner.parts)

    def _quantified(self, atom: _Part) -> _Part:
        mark = self._here()
        least, most = {"*": (0, None), "+": (1, None), "?": (0, 1)}.get(mark, (1, 1))
        if mark and mark in "*+?":
            self.at += 1
        elif mark == "{":
            found = re.compile(r"\{([0-9]{1,4})(,([0-9]{0,4}))?\}").match(self.pattern, self.at)
            if not found or any(int(n) > _MOST_REPEATS for n in (found[1], found[3]) if n):
                raise RegexRefused("a quantifier is not understood or too large")
            mark = found.group()
            self.at = found.end()
            least = int(found[1])
            most = least if found[2] is None else int(found[3]) if found[3] else None
        else:
            return atom
        if self._here() == "?":
            self.at += 1
            mark += "?"
        if self._here() and self._here() in "*+{":
            raise RegexRefused("two quantifiers in a row")
        return _Part("repeat", atom.python + mark, (atom,), least, most)

    def _escape(self, *, in_class: bool) -> str:
        letter = self._here()
        self.at += 1
        if letter in _CONTROLS and letter:
            return _CONTROLS[letter]
        if letter in _IN_CLASS and letter:
            return _IN_CLASS[letter] if in_class else f"[{_IN_CLASS[letter]}]"
        if letter.lower() in _IN_CLASS and letter:
            if in_class and letter not in "DW":
                raise RegexRefused(f"\\{letter} inside a character class")
            return f"\\{letter}" if letter in "DW" else f"[^{_IN_CLASS[letter.lower()]}]"
        if letter in ("p", "P"):
            return self._category(letter == "P", in_class=in_class)
        if letter and letter in _PLAIN_ESCAPES:
            return re.escape(letter)
        raise RegexRefused(f"\\{letter} is not understood")

    def _category(self, negative: bool, *, in_class: bool) -> str:
        found = re.compile(r"\{([A-Z][a-z]?)\}").match(self.pattern, self.at)
        if not found or (negative and in_class):
            raise RegexRefused("a character category is not understood")
        self.at = found.end()
        ranges = _category_ranges(found[1])
        if in_class:
            return ranges
        return f"[^{ranges}]" if negative else f"[{ranges}]"

    def _char_class(self) -> str:
        parts = ["["]
        if self._here() == "^":
            self.at += 1
            parts.append("^")
        while (character := self._here()) != "]":
            if not character:
                raise RegexRefused("a character class is not closed")
            if character == "[" or (character == "-" and self.pattern.startswith("-[", self.at)):
                raise RegexRefused("subtraction of character classes")
            self.at += 1
            if character == "\\":
                parts.append(self._escape(in_class=True))
            elif character in "&|~^":
                parts.append("\\" + character)
            else:
                parts.append(character)
        self.at += 1
        if len(parts) == 1 or parts == ["[", "^"]:
            raise RegexRefused("an empty character class")
        return "".join(parts) + "]"


@lru_cache(maxsize=64)
def _category_ranges(category: str) -> str:
    ranges: list[str] = []
    start = previous = -2
    for point in range(sys.maxunicode + 2):
        inside = point <= sys.maxunicode and unicodedata.category(chr(point)).startswith(category)
        if inside and previous != point - 1:
            start = point
        if not inside and previous == point - 1:
            ranges.append(f"\\U{start:08x}-\\U{previous:08x}")
        if inside:
            previous = point
    if not ranges:
        raise RegexRefused(f"no characters of the category {category}")
    return "".join(ranges)


@lru_cache(maxsize=2_000)
def _compiled(pattern: str, flags: str) -> tuple[re.Pattern[str], _Part]:
    if len(pattern) > _LONGEST_PATTERN:
        raise RegexRefused(f"a pattern of {len(pattern)} characters")
    if set(flags) - {"i"}:
        raise RegexRefused(f"the flags {flags!r}")
    part = _Translator(pattern).whole()
    try:
        return re.compile(part.python, re.IGNORECASE if "i" in flags else 0), part
    except (re.error, OverflowError, RecursionError) as error:
        raise RegexRefused(str(error)) from error


@lru_cache(maxsize=2_000)
def _known(pattern: str, flags: str) -> tuple[re.Pattern[str], bool, int]:
    """A pattern for Python's re, whether it is risky, and its loops."""
    compiled, part = _compiled(pattern, flags)
    return compiled, part.risky, part.loops


@lru_cache(maxsize=200)
def _patient(pattern: str, flags: str) -> Automaton | None:
    """A matcher that never takes exponential time, for patterns that need one."""
    _, part = _compiled(pattern, flags)
    if not part.risky:
        return None
    automaton = Automaton(flags)
    start, end = automaton.build(part)
    automaton.finish(start, end)
    return automaton


def prepare(pattern: str, flags: str = "", *, only_asked: bool = True) -> None:
    """Raises RegexRefused for a pattern that is not understood, or that is too slow to replace or split
    by."""
    _, part = _compiled(pattern, flags)
    if part.risky and not only_asked:
        raise RegexRefused("a loop inside a loop can take exponential time")
    _patient(pattern, flags)


def _ready(text: str, pattern: str, flags: str) -> re.Pattern[str]:
    try:
        compiled, risky, loops = _known(pattern, flags)
    except RegexRefused as error:
        raise Fault(f"the regular expression {pattern[:60]!r}: {error}") from error
    if risky:
        raise Fault(f"the regular expression {pattern[:60]!r} can take exponential time")
    if loops > 1 and len(text) > _LONGEST_TEXT:
        raise Fault(f"a regular expression on {len(text)} characters")
    return compiled


def matches(text: str, pattern: str, flags: str = "") -> bool:
    """fn:matches."""
    try:
        patient = _patient(pattern, flags)
    except RegexRefused as error:
        raise Fault(f"the regular expression {pattern[:60]!r}: {error}") from error
    if patient is not None:
        return patient.finds(text)
    return _ready(text, pattern, flags).search(text) is not None


def replaced(text: str, pattern: str, replacement: str, flags: str = "") -> str:
    """fn:replace."""
    compiled = _ready(text, pattern, flags)
    if compiled.search(""):
        raise Fault("a replaced pattern that matches nothing")
    parts: list[str | int] = []
    for part in re.findall(r"\\[\\$]|\$[0-9]|[^\\$]+|[\\$]", replacement):
        if part in ("\\", "$"):
            raise Fault("a replacement that is not understood")
        parts.append(int(part[1]) if part[0] == "$" else part[1:] if part[0] == "\\" else part)

    def put_in(match: re.Match[str]) -> str:
        return "".join(
            part if isinstance(part, str) else (match[part] or "") if part <= compiled.groups else ""
            for part in parts
        )

    if len(text) * (len(replacement) + 1) > _LONGEST_RESULT:
        raise Fault("it puts together a longer text than any document")
    return compiled.sub(put_in, text)


def tokens(text: str, pattern: str, flags: str = "") -> list[str]:
    """fn:tokenize."""
    if not text:
        return []
    compiled = _ready(text, pattern, flags)
    if compiled.search(""):
        raise Fault("a separator that matches nothing")
    found, start = [], 0
    for match in compiled.finditer(text):
        found.append(text[start : match.start()])
        start = match.end()
        if len(found) > _MOST_TOKENS:
            raise Fault(f"a text of more than {_MOST_TOKENS} parts")
    found.append(text[start:])
    return found

"""What there is to do at the elements of each path of names, worked out once for a rule set.

Most contexts depend on names only, so nothing is matched again for the elements of a known path; what remains
are conditions on the element itself. Within a pattern the first rule that matches a node is the only one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from formats.rules.axes import tag_test
from formats.rules.state import State
from formats.rules.tree import Node, Place

__all__ = [
    "ALWAYS",
    "IF",
    "SWITCH",
    "Check",
    "Entry",
    "Hit",
    "Key",
    "Plan",
    "Planner",
    "Rest",
    "RuleRow",
    "Test",
]

#: A broken rule: its number, the node, and what kept it from being evaluated, if anything did.
Hit: TypeAlias = tuple[int, Node, Exception | None]
#: A condition: those of some nodes that meet it, or an error for one of them.
Test: TypeAlias = Callable[[Sequence[Node], "State"], Sequence[Node]]
Check: TypeAlias = Callable[[Sequence[Node], "State", Callable[[Hit], None]], None]
Key: TypeAlias = Callable[[Node, "State"], Any]
_Paths: TypeAlias = tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class RuleRow:
    """One rule as the generated module lists it."""

    number: int
    pattern: int
    ways: tuple[Any, ...]
    check: Check | None
    forbidden: tuple[tuple[int, _Paths], ...]

    def apply(self, nodes: Sequence[Node], state: State, hit: Callable[[Hit], None]) -> None:
        """All asserts of the rule on each of some nodes."""
        if self.check is not None:
            self.check(nodes, state, hit)
        for index, paths in self.forbidden:
            for node in nodes:
                if any(_reaches(node, path) for path in paths):
                    hit((index, node, None))


def _reaches(node: Node, path: tuple[str, ...]) -> bool:
    nodes: Sequence[Node] = (node,)
    for tag in path:
        if tag.startswith("@"):
            return any(tag[1:] in each.a for each in nodes)
        nodes = [kid for each in nodes for kid in each.c.get(tag, ())]
    return bool(nodes)


# Entries of a chain: rules of one pattern in order, as (kind, what, then).
ALWAYS, IF, SWITCH = 0, 1, 2
Entry: TypeAlias = tuple[int, Any, Any]


@dataclass(frozen=True, slots=True)
class Plan:
    """What one pack does at the elements of one path.

    `checks` are the functions of rules that apply to every element, `singles` conditions with the function of
    the rule that they lead to; `rest` is what few paths have.
    """

    checks: tuple[Check, ...]
    singles: tuple[tuple[Test, Check], ...]
    rest: Rest | None


@dataclass(frozen=True, slots=True)
class Rest:
    """`present` are asserts that such an element breaks by being there, each with how far up their context
    is; `attributes` the same by attribute name. `chains` ask the element, `attribute_chains` are about its
    attributes.
    """

    present: tuple[tuple[int, int], ...]
    attributes: dict[str, tuple[tuple[int, int], ...]]
    chains: tuple[tuple[Entry, ...], ...]
    attribute_chains: tuple[tuple[tuple[str, Entry], ...], ...]


class _Forbidden:
    """The paths that the asserts of one rule forbid below its context: asserts by path."""

    def __init__(self, row: RuleRow) -> None:
        self.elements: dict[tuple[str, ...], list[int]] = {}
        self.attributes: dict[tuple[str, ...], list[tuple[str, int]]] = {}
        for index, paths in row.forbidden:
            for path in dict.fromkeys(paths):
                if path[-1].startswith("@"):
                    self.attributes.setdefault(path[:-1], []).append((path[-1][1:], index))
                elif path:
                    self.elements.setdefault(path, []).append(index)


class Planner:
    """Makes and keeps the plans of one pack."""

    def __init__(self, rows: Iterable[RuleRow]) -> None:
        self.rows = tuple(rows)
        self.plans: dict[Place, Plan | None] = {}
        self._patterns: dict[int, list[RuleRow]] = {}
        self._of_attributes: list[RuleRow] = []
        # Rules by the name of the element that they are about; under "" those of several or any names.
        self._by_name: dict[str, list[RuleRow]] = {"": []}
        for row in self.rows:
            self._patterns.setdefault(row.pattern, []).append(row)
        # Rules about any element, alone in their pattern, are asked once for all elements of a document.
        self.anywhere = tuple(
            (_as_test(rows[0].ways[0][3]), _check_of(rows[0]))
            for rows in self._patterns.values()
            if len(rows) == 1 and _is_anywhere(rows[0])
        )
        for row in self.rows:
            if _is_anywhere(row) and len(self._patterns[row.pattern]) == 1:
                continue
            if any(way[2] for way in row.ways):
                self._of_attributes.append(row)
            for name in {_own_name(way[0]) for way in row.ways if not way[2]}:
                self._by_name.setdefault(name, []).append(row)
        self._matches: dict[tuple[str, ...], tuple[list[RuleRow], list[tuple[Entry, ...]]]] = {}
        self._forbids: dict[int, _Forbidden] = {}

    def plan(self, place: Place) -> Plan | None:
        """The plan for a path; None if there is nothing to do."""
        path = place.path
        always, chains = self._matching(path)
        present, attributes = self._forbidden(path)
        attribute_chains = self._attribute_chains(path) if self._of_attributes else ()
        if not (present or attributes or always or chains or attribute_chains):
            return None
        checks = tuple(row.check for row in always if row.check is not None)
        singles = tuple((chain[0][1][0], _check_of(chain[0][2])) for chain in chains if _is_single(chain))
        longer = tuple(chain for chain in chains if not _is_single(chain))
        rest = None
        if present or attributes or longer or attribute_chains:
            rest = Rest(tuple(present), attributes, longer, attribute_chains)
        return Plan(checks, singles, rest)

    def forget(self) -> None:
        """Drop all plans; they are made again when needed."""
        self.plans.clear()
        self._matches.clear()

    def _matching(self, path: tuple[str, ...]) -> tuple[list[RuleRow], list[tuple[Entry, ...]]]:
        """Rules that apply to every element of the path, and chains where the element decides."""
        known = self._matches.get(path)
        if known is None:
            known = self._matches[path] = self._matched(path)
        return known

    def _matched(self, path: tuple[str, ...]) -> tuple[list[RuleRow], list[tuple[Entry, ...]]]:
        always, chains = [], []
        for rows in self._candidates(path):
            entries: list[tuple[tuple[Any, ...] | None, RuleRow]] = []
            for row in rows:
                conditions = [way[3] for way in row.ways if not way[2] and _fits(way[0], way[1], path)]
                if not conditions:
                    continue
                entries.append((None if None in conditions else tuple(conditions), row))
                if None in conditions:
                    break
            if entries and entries[0][0] is None:
                always.append(entries[0][1])
            elif entries:
                chains.append(_chain(entries))
        return always, chains

    def _candidates(self, path: tuple[str, ...]) -> Iterable[list[RuleRow]]:
        """The rules that may be about elements of that name, by pattern and in their order."""
        named = self._by_name.get(path[-1], []) if path else []
        rows = {row.number: row for row in (*self._by_name[""], *named)}
        patterns: dict[int, list[RuleRow]] = {}
        for number in sorted(rows):
            patterns.setdefault(rows[number].pattern, []).append(rows[number])
        return [patterns[pattern] for pattern in sorted(patterns)]

    def _forbidden(
        self, path: tuple[str, ...]
    ) -> tuple[list[tuple[int, int]], dict[str, tuple[tuple[int, int], ...]]]:
        present: list[tuple[int, int]] = []
        attributes: dict[str, tuple[tuple[int, int], ...]] = {}
        for length in range(1, len(path) + 1):
            below = path[length:]
            for row in self._matching(path[:length])[0]:
                if not row.forbidden:
                    continue
                forbidden = self._forbids.get(row.number)
                if forbidden is None:
                    forbidden = self._forbids[row.number] = _Forbidden(row)
                present += [(index, len(below)) for index in forbidden.elements.get(below, ())]
                for name, index in forbidden.attributes.get(below, ()):
                    attributes[name] = (*attributes.get(name, ()), (index, len(below)))
        return present, attributes

    def _attribute_chains(self, path: tuple[str, ...]) -> tuple[tuple[tuple[str, Entry], ...], ...]:
        chains = []
        for rows in self._patterns.values():
            chain: list[tuple[str, Entry]] = []
            for row in rows:
                for struct, anchored, attribute, condition in row.ways:
                    if attribute and (not struct or _fits(struct, anchored, path)) and path:
                        entry = (ALWAYS, row, None) if condition is None else (IF, (condition,), row)
                        chain.append((attribute, entry))
            if chain:
                chains.append(tuple(chain))
        return tuple(chains)


def _is_anywhere(row: RuleRow) -> bool:
    """Whether the rule is about elements of any name at any place that meet one condition."""
    if len(row.ways) != 1:
        return False
    struct, anchored, attribute, condition = row.ways[0]
    tests = [(name, more) for _, name, more in struct]
    return tests == [("*", ())] and not anchored and not attribute and condition is not None


def _check_of(row: RuleRow) -> Check:
    """The function of a rule, with what it forbids."""
    return row.check if row.check is not None and not row.forbidden else row.apply


def _own_name(struct: tuple[Any, ...]) -> str:
    """The name that an element must have, "" where the tests leave that open or are for the document."""
    test = struct[0][1] if struct else ""
    return test if _is_one_name(test) else ""


def _chain(entries: list[tuple[tuple[Any, ...] | None, RuleRow]]) -> tuple[Entry, ...]:
    """Neighbouring rules that ask for different literals of the same text become one look-up."""
    chain: list[Entry] = []
    for conditions, row in entries:
        if conditions is None:
            chain.append((ALWAYS, row, None))
        elif len(conditions) == 1 and isinstance(conditions[0], tuple):
            key, literal, rest = conditions[0]
            if not (chain and chain[-1][0] == SWITCH and chain[-1][1] is key):
                chain.append((SWITCH, key, {}))
            chain[-1][2].setdefault(literal, []).append((rest, row))
        else:
            chain.append((IF, tuple(_as_test(condition) for condition in conditions), row))
    return tuple(chain)


def _is_single(chain: tuple[Entry, ...]) -> bool:
    return len(chain) == 1 and chain[0][0] == IF and len(chain[0][1]) == 1


def _as_test(condition: Any) -> Test:
    if not isinstance(condition, tuple):
        test: Test = condition
        return test
    key, literal, rest = condition

    def asks(nodes: Sequence[Node], state: State) -> Sequence[Node]:
        said = [node for node in nodes if key(node, state) == literal]
        return rest(said, state) if said and rest is not None else said

    return asks


def _fits(struct: tuple[Any, ...], anchored: bool, path: tuple[str, ...]) -> bool:
    """Whether a path of names passes the tests, the last name against the first test."""
    if not struct:
        return anchored and not path
    return _fits_from(struct, anchored, path, 0, len(path) - 1)


def _fits_from(struct: tuple[Any, ...], anchored: bool, path: tuple[str, ...], test: int, at: int) -> bool:
    if at < 0 or not _name_fits(struct[test], path[at]):
        return False
    if test == len(struct) - 1:
        return at == 0 if anchored else True
    if struct[test][0] == "/":
        return _fits_from(struct, anchored, path, test + 1, at - 1)
    return any(_fits_from(struct, anchored, path, test + 1, above) for above in range(at - 1, -1, -1))


def _name_fits(test: tuple[str, str, tuple[tuple[str, bool, str], ...]], tag: str) -> bool:
    _, name, more = test
    if name != tag and (_is_one_name(name) or not tag_test(name)(tag)):
        return False
    if not more:
        return True
    local = tag.rpartition("}")[2]
    for asks, negated, wanted in more:
        said = (
            local.endswith(wanted)
            if asks == "ends"
            else local == wanted
            if asks == "local"
            else tag_test(wanted)(tag)
        )
        if said is negated:
            return False
    return True


def _is_one_name(test: str) -> bool:
    return not (test.endswith(("*", "()")) or test.startswith("*:"))

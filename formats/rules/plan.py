"""Running compiled rules: for each path of element names, worked out once, what there is to do at such
elements.

Most contexts depend on names only, so nothing is matched again for the elements of a known path; what remains
are conditions on the element itself. Within a pattern the first rule that matches a node is the only one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeAlias

from formats.rules.axes import passes_name, tag_test
from formats.rules.tree import Document, Node, Place
from formats.rules.values import FAULTS, Fault

__all__ = ["Hit", "Plan", "RuleRow", "State", "run"]

#: A broken rule: its number, the node, and what kept it from being evaluated, if anything did.
Hit: TypeAlias = tuple[int, Node, Exception | None]
#: A condition: those of some nodes that meet it, or an error for one of them.
_Test: TypeAlias = Callable[[Sequence[Node], "State"], Sequence[Node]]
_Check: TypeAlias = Callable[[Sequence[Node], "State", Callable[[Hit], None]], None]
_Key: TypeAlias = Callable[[Node, "State"], Any]
_Paths: TypeAlias = tuple[tuple[str, ...], ...]
_MOST_CALLS: Final = 200_000
_MOST_PLANS: Final = 50_000
_MANY: Final = 5_000  # nodes that are checked in one go
_MOST_HITS: Final = 100_000
MOST_PLACES: Final = 1_000  # at which one broken assert is reported


class State(dict[str, Any]):
    """One check of one document by one pack: values over the document, computed when first asked for."""

    __slots__ = ("_calls", "_lazy", "d", "known", "now")

    def __init__(
        self, document: Document, lazy: dict[str, Callable[[State], Any]], now: datetime | None = None
    ) -> None:
        super().__init__()
        self.d = document
        self.now = now
        self._lazy = lazy
        self._calls = 0
        self.known: dict[tuple[Any, Node], Any] = {}

    def __missing__(self, name: str) -> Any:
        value = self[name] = self._lazy[name](self)
        return value

    def spend(self) -> None:
        """Count a call of a function that calls itself."""
        self._calls += 1
        if self._calls > _MOST_CALLS:
            raise Fault("a function of the rules called itself too often")


@dataclass(frozen=True, slots=True)
class RuleRow:
    """One rule as the generated module lists it."""

    number: int
    pattern: int
    ways: tuple[Any, ...]
    check: _Check | None
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
_ALWAYS, _IF, _SWITCH = 0, 1, 2
_Entry: TypeAlias = tuple[int, Any, Any]


@dataclass(frozen=True, slots=True)
class Plan:
    """What one pack does at the elements of one path.

    `checks` are the functions of rules that apply to every element, `singles` conditions with the function of
    the rule that they lead to; `rest` is what few paths have.
    """

    checks: tuple[_Check, ...]
    singles: tuple[tuple[_Test, _Check], ...]
    rest: _Rest | None


@dataclass(frozen=True, slots=True)
class _Rest:
    """`present` are asserts that such an element breaks by being there, each with how far up their context
    is; `attributes` the same by attribute name. `chains` ask the element, `attribute_chains` are about its
    attributes.
    """

    present: tuple[tuple[int, int], ...]
    attributes: dict[str, tuple[tuple[int, int], ...]]
    chains: tuple[tuple[_Entry, ...], ...]
    attribute_chains: tuple[tuple[tuple[str, _Entry], ...], ...]


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
        self._matches: dict[tuple[str, ...], tuple[list[RuleRow], list[tuple[_Entry, ...]]]] = {}
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
            rest = _Rest(tuple(present), attributes, longer, attribute_chains)
        return Plan(checks, singles, rest)

    def forget(self) -> None:
        """Drop all plans; they are made again when needed."""
        self.plans.clear()
        self._matches.clear()

    def _matching(self, path: tuple[str, ...]) -> tuple[list[RuleRow], list[tuple[_Entry, ...]]]:
        """Rules that apply to every element of the path, and chains where the element decides."""
        known = self._matches.get(path)
        if known is None:
            known = self._matches[path] = self._matched(path)
        return known

    def _matched(self, path: tuple[str, ...]) -> tuple[list[RuleRow], list[tuple[_Entry, ...]]]:
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

    def _attribute_chains(self, path: tuple[str, ...]) -> tuple[tuple[tuple[str, _Entry], ...], ...]:
        chains = []
        for rows in self._patterns.values():
            chain: list[tuple[str, _Entry]] = []
            for row in rows:
                for struct, anchored, attribute, condition in row.ways:
                    if attribute and (not struct or _fits(struct, anchored, path)) and path:
                        entry = (_ALWAYS, row, None) if condition is None else (_IF, (condition,), row)
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


def _check_of(row: RuleRow) -> _Check:
    """The function of a rule, with what it forbids."""
    return row.check if row.check is not None and not row.forbidden else row.apply


def _own_name(struct: tuple[Any, ...]) -> str:
    """The name that an element must have, "" where the tests leave that open or are for the document."""
    test = struct[0][1] if struct else ""
    return test if _is_one_name(test) else ""


def _chain(entries: list[tuple[tuple[Any, ...] | None, RuleRow]]) -> tuple[_Entry, ...]:
    """Neighbouring rules that ask for different literals of the same text become one look-up."""
    chain: list[_Entry] = []
    for conditions, row in entries:
        if conditions is None:
            chain.append((_ALWAYS, row, None))
        elif len(conditions) == 1 and isinstance(conditions[0], tuple):
            key, literal, rest = conditions[0]
            if not (chain and chain[-1][0] == _SWITCH and chain[-1][1] is key):
                chain.append((_SWITCH, key, {}))
            chain[-1][2].setdefault(literal, []).append((rest, row))
        else:
            chain.append((_IF, tuple(_as_test(condition) for condition in conditions), row))
    return tuple(chain)


def _is_single(chain: tuple[_Entry, ...]) -> bool:
    return len(chain) == 1 and chain[0][0] == _IF and len(chain[0][1]) == 1


def _as_test(condition: Any) -> _Test:
    if not isinstance(condition, tuple):
        test: _Test = condition
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


# running


def run(planner: Planner, state: State) -> list[Hit]:
    """The broken rules of one document, in no particular order; not all places of the most frequent."""
    hits: list[Hit] = []
    hit = hits.append
    plans = planner.plans
    if len(plans) > _MOST_PLANS:
        planner.forget()
    everywhere = Plan((), planner.anywhere, None)
    for place, nodes in ((None, state.d.all), *state.d.by_place.items()):
        if place is None:
            plan: Plan | None = everywhere
        else:
            try:
                plan = plans[place]
            except KeyError:
                plan = plans[place] = planner.plan(place)
        if plan is None:
            continue
        if len(nodes) <= _MANY:
            _run_plan(plan, nodes, state, hit)
            continue
        for start in range(0, len(nodes), _MANY):
            _run_plan(plan, nodes[start : start + _MANY], state, hit)
            if len(hits) > _MOST_HITS:
                hits[:] = _first_of_each(hits)
    return hits


def _run_plan(plan: Plan, nodes: list[Node], state: State, hit: Callable[[Hit], None]) -> None:
    for check in plan.checks:
        check(nodes, state, hit)
    for test, check in plan.singles:
        try:
            passing = test(nodes, state)
        except FAULTS:
            passing = _passing(test, nodes, state)
        if passing:
            check(passing, state, hit)
    if plan.rest is not None:
        _run_rest(plan.rest, nodes, state, hit)


def _first_of_each(hits: list[Hit]) -> list[Hit]:
    """Of each assert the hits at the first nodes: nobody reads more, and there may be millions."""
    by_assert: dict[int, list[Hit]] = {}
    for hit in hits:
        by_assert.setdefault(hit[0], []).append(hit)
    kept = []
    for found in by_assert.values():
        once = {id(hit[1]): hit for hit in found}
        kept += sorted(once.values(), key=_place_of)[:MOST_PLACES]
    return kept


def _place_of(hit: Hit) -> int:
    return hit[1].i


def _run_rest(rest: _Rest, nodes: list[Node], state: State, hit: Callable[[Hit], None]) -> None:
    if rest.present:
        _hit_above(rest.present, nodes, hit)
    if rest.attributes:
        for node in nodes:
            for name in node.a:
                if name in rest.attributes:
                    _hit_above(rest.attributes[name], [node], hit)
    for chain in rest.chains:
        _run_chain(chain, nodes, state, hit)
    if rest.attribute_chains:
        _run_attribute_chains(rest.attribute_chains, nodes, state, hit)


def _hit_above(asserts: tuple[tuple[int, int], ...], nodes: list[Node], hit: Callable[[Hit], None]) -> None:
    """The asserts of the contexts above; the same context may be hit again and is counted once at the end."""
    for index, distance in asserts:
        for node in nodes:
            context = node
            for _ in range(distance):
                context = context.p
            hit((index, context, None))


def _passing(test: _Test, nodes: Sequence[Node], state: State) -> Sequence[Node]:
    """The nodes that meet a condition. An error in it means that a node does not."""
    try:
        return test(nodes, state)
    except FAULTS:
        return [node for node in nodes if _passes(test, node, state)]


def _passes(test: _Test, node: Node, state: State) -> bool:
    try:
        return bool(test((node,), state))
    except FAULTS:
        return False


def _run_chain(
    chain: tuple[_Entry, ...], nodes: Sequence[Node], state: State, hit: Callable[[Hit], None]
) -> None:
    """For each node the first rule of a pattern that matches it."""
    left = nodes
    for kind, what, then in chain:
        if kind == _ALWAYS:
            what.apply(left, state, hit)
            return
        if kind == _SWITCH:
            left = _switch(what, then, left, state, hit)
        else:
            for test in what:
                passing = _passing(test, left, state)
                if passing:
                    then.apply(passing, state, hit)
                    left = _rest(left, passing)
        if not left:
            return


def _rest(nodes: Sequence[Node], taken: Sequence[Node]) -> Sequence[Node]:
    if len(taken) == len(nodes):
        return ()
    known = {id(node) for node in taken}
    return [node for node in nodes if id(node) not in known]


def _switch(
    key: _Key,
    rows: dict[str, list[tuple[_Test | None, RuleRow]]],
    nodes: Sequence[Node],
    state: State,
    hit: Callable[[Hit], None],
) -> Sequence[Node]:
    """Apply the rules that ask for the text that each node has; the nodes for which there is none."""
    groups: dict[str, list[Node]] = {}
    left = []
    for node in nodes:
        try:
            said = key(node, state)
        except FAULTS:
            said = None
        if said in rows:
            groups.setdefault(said, []).append(node)
        else:
            left.append(node)
    for said, group in groups.items():
        for rest, row in rows[said]:
            passing: Sequence[Node] = group if rest is None else _passing(rest, group, state)
            if passing:
                row.apply(passing, state, hit)
                group = list(_rest(group, passing))
        left += group
    return left


def _run_attribute_chains(
    chains: tuple[tuple[tuple[str, _Entry], ...], ...],
    nodes: list[Node],
    state: State,
    hit: Callable[[Hit], None],
) -> None:
    for node in nodes:
        for name in node.a:
            for chain in chains:
                entries = tuple(entry for test, entry in chain if passes_name(name, test))
                if entries:
                    _run_chain(entries, (state.d.attribute(node, name),), state, hit)

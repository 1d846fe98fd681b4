"""Running compiled rules: for each path of element names, worked out once, what there is to do at such
elements.

Most contexts depend on names only, so nothing is matched again for the elements of a known path; what remains
are conditions on the element itself. Within a pattern the first rule that matches a node is the only one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from formats.rules.axes import passes_name, tag_test
from formats.rules.tree import Document, Node, Place
from formats.rules.values import FAULTS, Fault

__all__ = ["Hit", "Plan", "RuleRow", "State", "run"]

#: A broken rule: its number, the node, and what kept it from being evaluated, if anything did.
Hit: TypeAlias = tuple[int, Node, Exception | None]
_Test: TypeAlias = Callable[[Node, "State"], Any]
_Paths: TypeAlias = tuple[tuple[str, ...], ...]
_MOST_CALLS: Final = 200_000
_MOST_PLANS: Final = 50_000


class State(dict[str, Any]):
    """One check of one document by one pack: values over the document, computed when first asked for."""

    __slots__ = ("_calls", "_lazy", "d")

    def __init__(self, document: Document, lazy: dict[str, Callable[[State], Any]]) -> None:
        super().__init__()
        self.d = document
        self._lazy = lazy
        self._calls = 0

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
    check: Callable[[Node, State, Callable[[Hit], None]], None] | None
    forbidden: tuple[tuple[int, _Paths], ...]

    def apply(self, node: Node, state: State, hit: Callable[[Hit], None]) -> None:
        """All asserts of the rule on one node."""
        if self.check is not None:
            self.check(node, state, hit)
        for index, paths in self.forbidden:
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

    `present` are asserts that such an element breaks by being there, each with how far up their context is;
    `attributes` the same by attribute name. `rules` apply to every element, `chains` ask the element first,
    `attribute_chains` are about its attributes.
    """

    present: tuple[tuple[int, int], ...]
    attributes: dict[str, tuple[tuple[int, int], ...]]
    rules: tuple[RuleRow, ...]
    chains: tuple[tuple[_Entry, ...], ...]
    attribute_chains: tuple[tuple[tuple[str, _Entry], ...], ...]
    singles: tuple[tuple[_Test, RuleRow], ...]  # chains of one rule with one condition


class Planner:
    """Makes and keeps the plans of one pack."""

    def __init__(self, rows: Iterable[RuleRow]) -> None:
        self.rows = tuple(rows)
        self.plans: dict[Place, Plan | None] = {}

    def plan(self, place: Place) -> Plan | None:
        """The plan for a path; None if there is nothing to do."""
        path = place.path
        always, chains = self._matching(path)
        present, attributes = self._forbidden(path)
        attribute_chains = self._attribute_chains(path)
        if not (present or attributes or always or chains or attribute_chains):
            return None
        rules = tuple(row for row in always if row.check is not None)
        singles = tuple((chain[0][1][0], chain[0][2]) for chain in chains if _is_single(chain))
        longer = tuple(chain for chain in chains if not _is_single(chain))
        return Plan(tuple(present), attributes, rules, longer, attribute_chains, singles)

    def _matching(self, path: tuple[str, ...]) -> tuple[list[RuleRow], list[tuple[_Entry, ...]]]:
        """Rules that apply to every element of the path, and chains where the element decides."""
        always, chains = [], []
        for rows in self._by_pattern():
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

    def _by_pattern(self) -> Iterable[list[RuleRow]]:
        patterns: dict[int, list[RuleRow]] = {}
        for row in self.rows:
            patterns.setdefault(row.pattern, []).append(row)
        return patterns.values()

    def _forbidden(
        self, path: tuple[str, ...]
    ) -> tuple[list[tuple[int, int]], dict[str, tuple[tuple[int, int], ...]]]:
        present: list[tuple[int, int]] = []
        attributes: dict[str, tuple[tuple[int, int], ...]] = {}
        for length in range(1, len(path) + 1):
            below = path[length:]
            for row in self._matching(path[:length])[0]:
                for index, paths in row.forbidden:
                    if below and below in paths:
                        present.append((index, len(below)))
                    for forbidden in paths:
                        if forbidden[:-1] == below and forbidden[-1].startswith("@"):
                            name = forbidden[-1][1:]
                            attributes[name] = (*attributes.get(name, ()), (index, len(below)))
        return present, attributes

    def _attribute_chains(self, path: tuple[str, ...]) -> tuple[tuple[tuple[str, _Entry], ...], ...]:
        chains = []
        for rows in self._by_pattern():
            chain: list[tuple[str, _Entry]] = []
            for row in rows:
                for struct, anchored, attribute, condition in row.ways:
                    if attribute and (not struct or _fits(struct, anchored, path)) and path:
                        entry = (_ALWAYS, row, None) if condition is None else (_IF, (condition,), row)
                        chain.append((attribute, entry))
            if chain:
                chains.append(tuple(chain))
        return tuple(chains)


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
    return lambda n, S: key(n, S) == literal and (rest is None or rest(n, S))  # noqa: N803  as in generated code


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
    if not tag_test(name)(tag):
        return False
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


# running


def run(planner: Planner, state: State) -> list[Hit]:
    """All broken rules of one document, in no particular order."""
    hits: list[Hit] = []
    hit = hits.append
    plans = planner.plans
    if len(plans) > _MOST_PLANS:
        plans.clear()
    for place, nodes in state.d.by_place.items():
        try:
            plan = plans[place]
        except KeyError:
            plan = plans[place] = planner.plan(place)
        if plan is not None:
            _run_plan(plan, nodes, state, hit)
    return hits


def _run_plan(plan: Plan, nodes: list[Node], state: State, hit: Callable[[Hit], None]) -> None:
    if plan.present:
        _hit_above(plan.present, nodes, hit)
    if plan.attributes:
        for node in nodes:
            for name in node.a:
                if name in plan.attributes:
                    _hit_above(plan.attributes[name], [node], hit)
    for row in plan.rules:
        check = row.check
        if check is not None:
            for node in nodes:
                check(node, state, hit)
    for test, row in plan.singles:
        for node in nodes:
            try:
                if not test(node, state):
                    continue
            except FAULTS:
                continue
            row.apply(node, state, hit)
    for chain in plan.chains:
        for node in nodes:
            _run_chain(chain, node, state, hit)
    if plan.attribute_chains:
        _run_attribute_chains(plan, nodes, state, hit)


def _hit_above(asserts: tuple[tuple[int, int], ...], nodes: list[Node], hit: Callable[[Hit], None]) -> None:
    """The asserts of the contexts above; the same context may be hit again and is counted once at the end."""
    for index, distance in asserts:
        for node in nodes:
            context = node
            for _ in range(distance):
                context = context.p
            hit((index, context, None))


def _run_chain(chain: tuple[_Entry, ...], node: Node, state: State, hit: Callable[[Hit], None]) -> None:
    """The first rule of a pattern that matches. An error in a condition means that it does not match."""
    for kind, what, then in chain:
        if kind == _SWITCH:
            row = _switched(what, then, node, state)
            if row is not None:
                row.apply(node, state, hit)
                return
        elif kind == _ALWAYS:
            what.apply(node, state, hit)
            return
        elif _any_true(what, node, state):
            then.apply(node, state, hit)
            return


def _switched(
    key: _Test, rows: dict[str, list[tuple[_Test | None, RuleRow]]], node: Node, state: State
) -> RuleRow | None:
    try:
        found = rows.get(key(node, state))
    except FAULTS:
        return None
    for rest, row in found or ():
        if rest is None or _any_true((rest,), node, state):
            return row
    return None


def _any_true(tests: tuple[_Test, ...], node: Node, state: State) -> bool:
    for test in tests:
        try:
            if test(node, state):
                return True
        except FAULTS:
            continue
    return False


def _run_attribute_chains(plan: Plan, nodes: list[Node], state: State, hit: Callable[[Hit], None]) -> None:
    for node in nodes:
        for name in node.a:
            for chain in plan.attribute_chains:
                entries = tuple(entry for test, entry in chain if passes_name(name, test))
                if entries:
                    _run_chain(entries, state.d.attribute(node, name), state, hit)

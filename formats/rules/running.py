"""Running the plans of a rule set over one document.

Within a pattern the first rule that matches a node is the only one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from formats.rules.axes import passes_name
from formats.rules.plan import ALWAYS, SWITCH, Entry, Hit, Key, Plan, Planner, Rest, RuleRow, Test
from formats.rules.state import State
from formats.rules.tree import Node
from formats.rules.values import FAULTS

__all__ = ["MOST_PLACES", "run"]

_MOST_PLANS: Final = 50_000
_MANY: Final = 5_000  # nodes that are checked in one go
_MOST_HITS: Final = 100_000
MOST_PLACES: Final = 1_000  # at which one broken assert is reported


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


def _run_rest(rest: Rest, nodes: list[Node], state: State, hit: Callable[[Hit], None]) -> None:
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


def _passing(test: Test, nodes: Sequence[Node], state: State) -> Sequence[Node]:
    """The nodes that meet a condition. An error in it means that a node does not."""
    try:
        return test(nodes, state)
    except FAULTS:
        return [node for node in nodes if _passes(test, node, state)]


def _passes(test: Test, node: Node, state: State) -> bool:
    try:
        return bool(test((node,), state))
    except FAULTS:
        return False


def _run_chain(
    chain: tuple[Entry, ...], nodes: Sequence[Node], state: State, hit: Callable[[Hit], None]
) -> None:
    """For each node the first rule of a pattern that matches it."""
    left = nodes
    for kind, what, then in chain:
        if kind == ALWAYS:
            what.apply(left, state, hit)
            return
        if kind == SWITCH:
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
    key: Key,
    rows: dict[str, list[tuple[Test | None, RuleRow]]],
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
    chains: tuple[tuple[tuple[str, Entry], ...], ...],
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

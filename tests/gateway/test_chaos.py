"""Chaos: with every kind of fault at random, everything arrives once and every ERP is told once."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from connectors.sandbox.faults import Chance
from gateway.clock import utc_now
from gateway.pipeline.submission import State
from gateway.store import reports
from tests.gateway.stories import SharedRules, Story, billing, tell

SETTLED = frozenset({State.DELIVERED, State.PAID})
SEEDED = 20  # invoices that the imitated Exact Online begins with
# What happened once to a receipt on its way does not pass by itself: it is asked after for hours.
PASSING = r"^(?!receipt)"


def unreported(story: Story) -> int:
    with story.gateway.database.read() as connection:
        return len(reports.waiting(connection))


def run_to_the_end(story: Story, expected: int, settled: frozenset[State], seconds: float = 660) -> None:
    """Rounds until every invoice has settled and every ERP knows; waiting costs no time."""
    for _ in range(80):
        story.rounds(1, seconds=seconds)
        states = story.states()
        if len(states) == expected and set(states.values()) <= settled and not unreported(story):
            return
    raise AssertionError(f"not at an end: {story.states()}, {unreported(story)} unreported")


def struck(story: Story) -> set[str]:
    return {kind for system in story.offline.world.systems.values() for kind, _ in system.faults.played}


@pytest.mark.parametrize("seed", [3, 7, 23])
def test_nothing_is_lost_or_doubled_whatever_fails(tmp_path: Path, rules: SharedRules, seed: int) -> None:
    """About one of ten file operations fails, in SAP's folders, at the provider and in the mail."""
    numbers = [f"9000{number}" for number in range(7000, 7005)]
    with tell(tmp_path, rules, settings={"cap_seconds: 3600": "cap_seconds: 600"}) as story:
        story.put(*(billing("90000214", number=f"00{number}") for number in numbers))
        story.offline.world.arm("", Chance(0.02, seed, PASSING))
        run_to_the_end(story, len(numbers), SETTLED)
        assert len(struck(story)) > 2
        story.offline.world.clear_faults()
        assert story.offline.arrivals() == Counter(numbers)
        for number in numbers:
            assert len(story.all_of(number)) == 1
            assert max(Counter(story.told(number)).values()) == 1, f"{number} was told twice"
        story.assert_sound()


@pytest.mark.parametrize("seed", [5])
def test_a_web_interface_may_fail_in_every_way_too(tmp_path: Path, rules: SharedRules, seed: int) -> None:
    """Exact Online with expired tokens, pages of HTML, half answers and lost ones; each status is filed
    once."""
    # The refresh of a token is used up by a lost answer, as it is in real life: that needs a person.
    calm_login = r"^(?!POST /api/oauth2)"
    settled = SETTLED | {State.PARKED}
    with tell(
        tmp_path,
        rules,
        erps=("exact",),
        seeded=True,
        now=utc_now(),
        # Short enough that no token runs out by our clock: the imitation's own goes on with the time of day.
        settings={"cap_seconds: 3600": "cap_seconds: 5"},
    ) as story:
        story.offline.world.arm("exact", Chance(0.05, seed, calm_login))
        run_to_the_end(story, SEEDED, settled, seconds=6)
        assert len(struck(story)) > 2
        story.offline.world.clear_faults()
        told = story.offline.holdings()["exact"]["status_references"]
        assert told
        assert set(told.values()) == {1}, told
        story.assert_sound()

"""Faults: armed by name, or left to chance in the same way each time."""

from __future__ import annotations

import random
import threading
from collections import Counter

import pytest

from connectors.sandbox.faults import BY_CHANCE, KINDS, Chance, Fault, Faults
from connectors.sandbox.http_server import HTTP_FAULTS
from connectors.sandbox.world import World, parse_fault
from formats.errors import ConfigError

PLACES = [f"GET /invoices/{number}" for number in range(40)]


def played(seed: int, order: list[str], share: float = 0.1) -> Counter[tuple[str, str]]:
    faults = Faults()
    faults.arm(Chance(share, seed))
    for place in order:
        faults.take(place, *HTTP_FAULTS)
    return Counter(faults.played)


def test_the_same_seed_gives_the_same_faults_in_any_order() -> None:
    visits = PLACES * 20
    mixed = list(visits)
    random.Random(1).shuffle(mixed)  # noqa: S311  # an order, no secret
    assert played(7, visits) == played(7, mixed)
    assert played(7, visits) != played(8, visits)


def test_threads_change_nothing() -> None:
    faults = Faults()
    faults.arm(Chance(0.1, 7))

    def visit(places: list[str]) -> None:
        for place in places * 20:
            faults.take(place, *HTTP_FAULTS)

    threads = [threading.Thread(target=visit, args=(PLACES[part::4],)) for part in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Counter(faults.played) == played(7, PLACES * 20)


def test_the_share_is_what_was_asked_for() -> None:
    total = played(3, PLACES * 250, share=0.05).total()
    assert 400 < total < 600
    kinds = {kind for kind, _ in played(3, PLACES * 250, share=0.05)}
    # Answers in another form do not pass by themselves, so they are only played when asked for.
    assert kinds == set(HTTP_FAULTS) & set(BY_CHANCE)


def test_chance_plays_only_what_the_place_can_and_what_passes() -> None:
    faults = Faults()
    faults.arm(Chance(0.5, 1, where="^read"))
    for _ in range(100):
        assert faults.take("write x", "server-error") is None
        assert faults.take("read x", "lost-receipt", "revoked-token") is None
        fault = faults.take("read x", "truncated", "full")
        assert fault is None or fault.kind == "truncated"
    assert set(BY_CHANCE) < set(KINDS)


def test_an_armed_fault_comes_before_chance_and_clearing_ends_both() -> None:
    faults = Faults()
    faults.arm(Chance(0.5, 1))
    faults.arm(Fault("full", "x", times=2))
    assert faults.waiting() == (Fault("full", "x", times=2),)
    assert [faults.take("x", "full"), faults.take("x", "full")] == [Fault("full", "x", times=2)] * 2
    assert faults.waiting() == ()
    faults.clear()
    assert all(faults.take(place, *HTTP_FAULTS) is None for place in PLACES)


def test_chance_on_the_command_line() -> None:
    assert parse_fault("random:0.05", seed=7) == ("", Chance(0.05, 7))
    assert parse_fault("mail:random:0.2@RCPT", seed=1) == ("mail", Chance(0.2, 1, "RCPT"))


@pytest.mark.parametrize(
    "text", ["random:0", "random:0.9", "random:x", "random:", "random:0.1@(", "mail:random:2"]
)
def test_a_mistaken_chance_is_explained(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_fault(text)
    assert "random:" in caught.value.fix


def test_each_system_has_luck_of_its_own() -> None:
    world = World(0, only=("provider", "mail"))
    world.arm("", Chance(0.3, 7))
    found = []
    for system in world.systems.values():
        for place in PLACES:
            system.faults.take(place, *HTTP_FAULTS)
        found.append(system.faults.played)
    assert found[0]
    assert found[0] != found[1]
    world.stop()

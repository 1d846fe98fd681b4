"""Logging in: a token that expires is renewed without a word, a login taken away is shown to people."""

from __future__ import annotations

from typing import Final

from connectors.conformance.bench import Bench
from connectors.conformance.outcome import Behaviour, insist
from formats.errors import RemoteRefused

__all__ = ["BEHAVIOURS"]

_ALWAYS: Final = 1000


def expired(bench: Bench) -> None:
    keys = set(bench.trial.add(3))
    connector = bench.connector()
    bench.pull("", connector)
    fault = bench.arm("expired-token", "list")
    pulled = bench.pull("", connector)
    bench.insist_played(fault)
    insist(pulled.error is None, f"an expired token stops the reading: {pulled.error}")
    bench.read_on(pulled.cursor, keys - pulled.keys)


def revoked(bench: Bench) -> None:
    bench.trial.add(1)
    fault = bench.arm("revoked-token", "")
    pulled = bench.pull()
    bench.insist_played(fault)
    bench.arm("revoked-token", "", times=_ALWAYS)
    again = bench.pull()
    error = pulled.error or again.error
    insist(error is not None, "a login that no longer exists looks like a quiet day")
    insist(
        isinstance(error, RemoteRefused),
        f"a login that no longer exists is {type(error).__name__} instead of RemoteRefused: {error}",
    )
    steps = list(bench.connector().check())
    failed = [step for step in steps if not step.ok]
    insist(bool(failed), "check() finds nothing wrong with a login that no longer exists")
    insist(all(step.fix for step in failed), f"check() does not say what to do about {failed[0].name}")


BEHAVIOURS: Final = (
    Behaviour("expired token", "it is renewed and the work goes on", expired),
    Behaviour("revoked login", "it is parked for IT, and check() names the step", revoked),
)

"""Closing: twice, in the middle of reading, and before anything was asked."""

from __future__ import annotations

from typing import Final

from connectors.conformance.bench import Bench
from connectors.conformance.outcome import Behaviour

__all__ = ["BEHAVIOURS"]


def twice(bench: Bench) -> None:
    unused = bench.connector()
    unused.close()
    unused.close()
    keys = set(bench.trial.add(6))
    bench.read_on("", keys)
    used = bench.connector()
    next(iter(used.pull("")))
    used.close()
    used.close()
    bench.read_on("", keys)


BEHAVIOURS: Final = (Behaviour("close twice", "closing is safe at any time, and more than once", twice),)

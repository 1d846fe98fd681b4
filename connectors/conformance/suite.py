"""The conformance suite: every behaviour against one connector and its other side, each from afresh."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import PurePath

from connectors.conformance.behaviours import BEHAVIOURS
from connectors.conformance.bench import Bench
from connectors.conformance.outcome import Behaviour, Broken, NotApplicable, Outcome, Verdict
from connectors.conformance.registry import trial
from connectors.conformance.trial import Trial
from connectors.registry import ErpClass, erp

__all__ = ["run", "run_one"]


def run(kind: str, clock: Callable[[], datetime]) -> Iterator[Outcome]:
    """All behaviours of one kind of connector, one after the other; `clock` is the time of day.

    Raises KeyError for a kind without connector or trial, ConfigError for a plug-in that cannot be used.
    """
    made_by, make_trial = erp(kind), trial(kind)
    for behaviour in BEHAVIOURS:
        yield run_one(behaviour, make_trial, made_by, clock)


def run_one(
    behaviour: Behaviour, make_trial: Callable[[], Trial], made_by: ErpClass, clock: Callable[[], datetime]
) -> Outcome:
    """One behaviour against a system that was just started; it is stopped afterwards."""
    started = time.monotonic()
    verdict, note = Verdict.PASSED, ""
    try:
        bench = Bench(make_trial(), made_by, clock)
        try:
            behaviour.test(bench)
        finally:
            bench.close()
    except NotApplicable as reason:
        verdict, note = Verdict.NOT_APPLICABLE, str(reason)
    except Broken as reason:
        verdict, note = Verdict.FAILED, str(reason)
    except Exception as error:  # noqa: BLE001  # whatever a connector raises where it should not is what is looked for
        verdict, note = Verdict.FAILED, _surprise(error)
    return Outcome(behaviour.name, verdict, note, round(time.monotonic() - started, 2))


def _surprise(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {PurePath(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{place}: {str(error)[:300]}"

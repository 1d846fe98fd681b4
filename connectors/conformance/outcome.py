"""How a behaviour ends: passed, failed with the reason, or not applicable with the reason."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from connectors.conformance.bench import Bench

__all__ = ["Behaviour", "Broken", "NotApplicable", "Outcome", "Verdict", "insist"]


class Verdict(StrEnum):
    """What was found out about one behaviour of one connector."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_APPLICABLE = "not applicable"


class Broken(AssertionError):
    """The connector does not do what the behaviour asks; the text says what it did instead."""


class NotApplicable(Exception):
    """The interface cannot come into this situation, or its imitation cannot play it; the text says why."""


@dataclass(frozen=True, slots=True)
class Behaviour:
    """One thing that every connector does: `name` in a few words, `why` in a sentence, and the test of it."""

    name: str
    why: str
    test: Callable[[Bench], None]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one behaviour; `note` is the reason where it did not pass."""

    behaviour: str
    verdict: Verdict
    note: str
    seconds: float


def insist(holds: bool, otherwise: str) -> None:
    """Raises Broken with these words unless it holds."""
    if not holds:
        raise Broken(otherwise)

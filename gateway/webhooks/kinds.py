"""The events that webhooks are told of, and which of them somebody asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from gateway.pipeline.submission import State

__all__ = ["ALARM_EVENTS", "TEST", "TYPES", "invoice_type", "pattern", "wanted"]

TEST: Final = "webhook.test"
# By the event in the journal.
ALARM_EVENTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "alarm raised": "alarm.raised",
        "alarm told again": "alarm.repeated",
        "alarm taken": "alarm.taken",
        "alarm over": "alarm.over",
    }
)


def invoice_type(state: State) -> str:
    """The event of an invoice that came into this state."""
    return f"invoice.{state.value}"


TYPES: Final = (*(invoice_type(state) for state in State), *ALARM_EVENTS.values())
_GROUPS: Final = ("*", *dict.fromkeys(f"{name.partition('.')[0]}.*" for name in TYPES))


def pattern(text: str) -> str:
    """A type of event, or a group of them (invoice.*, alarm.*, *). ValueError for anything else."""
    if text not in TYPES and text not in _GROUPS:
        raise ValueError(f"there is no such event; use {', '.join((*_GROUPS, *TYPES))}")
    return text


def wanted(patterns: Iterable[str], kind: str) -> bool:
    """Whether one of the patterns asks for this type; a test is always wanted."""
    group = f"{kind.partition('.')[0]}.*"
    return kind == TEST or any(one in (kind, group, "*") for one in patterns)

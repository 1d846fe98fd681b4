"""How far the feed of billing documents was read, and which ones are still waited for.

The place is a change moment. Each visit looks back a little, because SAP may commit a change later than its
time says, and because clocks differ; what was given within that span is remembered.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from connectors.kit.cursors import read_cursor

__all__ = ["Place"]

_MOST_SEEN: Final = 2_000
_FORM: Final = "%Y-%m-%dT%H:%M:%S"


@dataclass(slots=True)
class Place:
    """The cursor. `at` is the newest change moment read (with seven decimals, Z; "" at first); `seen` the
    change moment with which each document within the overlap was given or set aside; `waiting` the documents
    that are not ready, each with the moment (aware UTC, ISO) since when."""

    at: str = ""
    seen: dict[str, str] = field(default_factory=dict)
    waiting: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, cursor: str) -> Place:
        """Raises RemoteUnexpected for a cursor that is not one of ours."""
        if not cursor:
            return cls()
        return read_cursor(cursor, cls._of, system="SAP's billing documents")

    @classmethod
    def _of(cls, data: Any) -> Place:
        return cls(
            str(data["at"]),
            {str(name): str(value) for name, value in data["seen"].items()},
            {str(name): str(value) for name, value in data["waiting"].items()},
        )

    def since(self, overlap: timedelta) -> str:
        """Where to begin: `at` less the overlap; "" from the very first."""
        if not self.at:
            return ""
        return f"{_parsed(self.at) - overlap:{_FORM}}.0000000Z"

    def give(self, number: str, moment: str) -> None:
        """This document is dealt with in this state. It does not move the place: it may have been read by its
        number, and others that changed before it are still to come."""
        self.seen[number] = moment
        self.waiting.pop(number, None)

    def written(self, overlap: timedelta) -> str:
        """As text, without what lies before the overlap, or was given before the last 2,000; that is
        forgotten."""
        since = self.since(overlap)
        recent = sorted(
            (entry for entry in self.seen.items() if entry[1] >= since), key=lambda entry: entry[1]
        )
        self.seen = dict(recent[-_MOST_SEEN:])
        data = {"at": self.at, "seen": self.seen, "waiting": self.waiting}
        return json.dumps(data, separators=(",", ":"))


def _parsed(moment: str) -> datetime:
    return datetime.strptime(moment[:19], _FORM).replace(tzinfo=UTC)

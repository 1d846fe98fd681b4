"""What a REST provider was given and has not settled yet: our message ids with its own, in one cell."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime

from connectors.base import StateCell

__all__ = ["Watch", "Watched"]


@dataclass(frozen=True, slots=True)
class Watched:
    """One message: when it was first handed over (aware, UTC, ISO 8601), and the provider's `guid`, "" while
    its answer is not known. `event` is the event that told of the delivery, `told_at` when, while the
    evidence is awaited; `looked_at` when the evidence was last asked for."""

    at: str
    guid: str = ""
    event: str = ""
    told_at: str = ""
    looked_at: str = ""


class Watch:
    """Safe to share between threads and processes; each call is committed when it returns."""

    def __init__(
        self,
        locked: Callable[[str], AbstractContextManager[StateCell]],
        now: Callable[[], datetime],
        most: int,
    ) -> None:
        self._locked, self._now, self._most = locked, now, most

    def get(self, message_id: str) -> Watched | None:
        """What is known of one message."""
        return self.all().get(message_id)

    def all(self) -> dict[str, Watched]:
        """All messages, oldest first."""
        with self._locked("watched") as cell:
            return _read(cell.value)

    def open(self, message_id: str) -> bool:
        """Note that this message is about to be handed over; whether it was noted already."""
        with self._changed() as known:
            there = message_id in known
            known.setdefault(message_id, Watched(self._now().isoformat()))
        return there

    def put(self, message_id: str, watched: Watched) -> None:
        """Keep this of the message."""
        with self._changed() as known:
            known[message_id] = watched

    def forget(self, message_id: str) -> None:
        """The message is settled, or was certainly not taken."""
        with self._changed() as known:
            known.pop(message_id, None)

    @contextmanager
    def _changed(self) -> Iterator[dict[str, Watched]]:
        with self._locked("watched") as cell:
            known = _read(cell.value)
            yield known
            # Whose answer is not known is never dropped: that it was handed over must not be forgotten.
            answered = [key for key, one in known.items() if one.guid and not one.event]
            for key in answered[: max(0, len(known) - self._most)]:
                del known[key]
            cell.save(json.dumps({key: asdict(one) for key, one in known.items()}))


def _read(text: str) -> dict[str, Watched]:
    return {key: Watched(**one) for key, one in json.loads(text or "{}").items()}

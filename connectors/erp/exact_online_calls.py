"""Webhooks of Exact Online: calls that say something changed, proved by a keyed hash.

A call holds a key only and is never trusted with more than "look now": nothing is fetched from the address it
names. Exact signs the bytes of the object `Content` with the webhook secret of the app (HMAC-SHA256 in hex).
Calls come without order and more than once.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import threading
from collections import OrderedDict
from typing import Any, Final

from connectors.base import Push
from formats.errors import RemoteRefused

__all__ = ["Calls", "genuine"]

_LARGEST: Final = 64 * 1024
_REMEMBERED: Final = 500
# The raw bytes count: written anew, a slash or a blank more would change the hash.
_CALL: Final = re.compile(
    rb'\s*\{\s*"Content"\s*:\s*(\{.*\})\s*,\s*"HashCode"\s*:\s*"([0-9A-Fa-f]{64})"\s*\}\s*', re.DOTALL
)


def genuine(body: bytes, secret: str) -> Any:
    """The Content of a call whose hash holds. Raises RemoteRefused for any other body."""
    match = _CALL.fullmatch(body) if len(body) <= _LARGEST else None
    if match is not None:
        hashed = hmac.new(secret.encode(), match[1], hashlib.sha256).hexdigest().upper()
        if hmac.compare_digest(hashed.encode(), match[2].upper()):
            try:
                content = json.loads(match[1])
            except (ValueError, RecursionError):
                content = None
            if isinstance(content, dict):
                return content
    raise RemoteRefused(
        "a call that is not signed by Exact Online was turned away",
        where="Exact Online webhooks",
        fix="compare the webhook secret with the app registration in Exact; nothing was done",
    )


class Calls:
    """Decides which calls are worth a look; remembers the last ones, so that a repeated one is not."""

    def __init__(self, division: int, client_id: str, topics: tuple[str, ...]) -> None:
        self._division, self._client_id, self._topics = division, client_id.lower(), topics
        self._lock = threading.Lock()
        self._seen: OrderedDict[tuple[str, ...], None] = OrderedDict()

    def worth_a_look(self, call: Push, secret: str) -> bool:
        """Whether something of this division changed that was not told before."""
        if not call.content:
            return False  # Exact tries the address with an empty call when a subscription is made
        content = genuine(call.content, secret)
        if (
            content.get("Division") != self._division
            or str(content.get("ClientId") or self._client_id).lower() != self._client_id
            or content.get("Topic") not in self._topics
        ):
            return False
        event = tuple(str(content.get(name)).lower() for name in ("Topic", "Key", "Action", "EventCreatedOn"))
        with self._lock:
            if event in self._seen:
                return False
            self._seen[event] = None
            if len(self._seen) > _REMEMBERED:
                self._seen.popitem(last=False)
        return True

"""The webhooks of the imitated Exact Online: subscriptions, the empty trial call, signed calls, tries again.

As the real service was seen to do it: an address is tried with an empty call before it is taken, a second
subscription to a topic is an error 500, a call holds nothing but a key, and its hash is over the raw bytes of
the object Content. The real service tries again after 2, 4, 8 ... minutes, ten times; here in `first_pause`
seconds and twice as much each time. Only addresses on loopback are called.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import threading
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit

from connectors.sandbox.exact_online_seed import DIVISION, seeded_id

__all__ = ["WEBHOOK_SECRET", "SubscriptionRefused", "Webhooks", "signed_call"]

WEBHOOK_SECRET: Final = "demo-webhook-secret"
_TRIES: Final = 10
_SECONDS: Final = 5.0
Row = dict[str, Any]


class SubscriptionRefused(Exception):
    """The text of an error 500."""


def signed_call(content: Row, secret: str = WEBHOOK_SECRET) -> bytes:
    """The body of one call, as it goes over the wire."""
    raw = json.dumps(content, separators=(",", ":")).encode()
    code = hmac.new(secret.encode(), raw, hashlib.sha256).hexdigest().upper()
    return b'{"Content":' + raw + b',"HashCode":"' + code.encode() + b'"}'


class Webhooks:
    """Subscriptions of one division. Thread-safe; `calls` logs each try as (topic, status), 0 for no
    answer."""

    def __init__(self, client_id: str, clock: Callable[[], datetime], first_pause: float = 0.05) -> None:
        self.subscriptions: list[Row] = []
        self.calls: list[tuple[str, int]] = []
        self._client_id = client_id
        self._clock = clock
        self._first_pause = first_pause
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []

    def subscribe(self, topic: str, url: str) -> Row:
        """Take a subscription in. Raises SubscriptionRefused."""
        parts = urlsplit(url)
        if parts.hostname not in ("127.0.0.1", "localhost"):
            raise SubscriptionRefused("Ongeldig: Callback URL")
        if any(row["Topic"] == topic for row in self.subscriptions):
            raise SubscriptionRefused("Gegevens bestaan reeds")
        status = self._post(url, b"")
        if status not in (200, 201):
            raise SubscriptionRefused(f"Ongeldig: Post to callback URL endpoint returns {status}")
        row = {
            "ID": seeded_id(f"subscription {topic}"),
            "Topic": topic,
            "CallbackURL": url,
            "Description": None,
            "Created": self._clock().replace(tzinfo=None, microsecond=0),
        }
        self.subscriptions.append(row)
        return row

    def fire(self, topic: str, entity: str, key: str, action: str, base_url: str, local: datetime) -> None:
        """Tell whoever subscribed, from a thread of its own."""
        content = {
            "Topic": topic,
            "ClientId": self._client_id,
            "Division": DIVISION,
            "Action": action,
            "Key": key,
            "ExactOnlineEndpoint": f"{base_url}/api/v1/{DIVISION}/{entity}(guid'{key}')",
            "EventCreatedOn": local.isoformat(timespec="milliseconds"),
        }
        for row in [row for row in self.subscriptions if row["Topic"] == topic]:
            thread = threading.Thread(
                target=self._deliver, args=(topic, row["CallbackURL"], signed_call(content))
            )
            with self._lock:
                self._threads.append(thread)
            thread.start()

    def stop(self) -> None:
        """End all tries."""
        self._stopping.set()
        with self._lock:
            waiting, self._threads = self._threads, []
        for thread in waiting:
            thread.join()
        self._stopping.clear()

    def _deliver(self, topic: str, url: str, body: bytes) -> None:
        for count in range(_TRIES + 1):
            status = self._post(url, body)
            with self._lock:
                self.calls.append((topic, status))
            if status in (200, 201) or self._stopping.wait(self._first_pause * 2**count):
                return

    def _post(self, url: str, body: bytes) -> int:
        parts = urlsplit(url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port or 80, timeout=_SECONDS)
        try:
            connection.request("POST", parts.path or "/", body, {"Content-Type": "application/json"})
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return 0
        finally:
            connection.close()

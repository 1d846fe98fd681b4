"""The way to another access point: one POST, and what came of it.

One request is one attempt; nothing is repeated here. Sources: Peppol AS4 profile 2.0.3; Peppol transport
security policy 1.1.0.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from threading import Lock
from typing import Final
from urllib.parse import urlsplit

from connectors.channels.peppol.as4.breaker import CircuitBreaker
from connectors.channels.peppol.as4.keys import TrustCheck
from connectors.channels.peppol.as4.outgoing import LARGEST_ANSWER, PreparedMessage
from connectors.channels.peppol.as4.verdicts import Concern, Outcome, Verdict, judge
from connectors.http import HttpClient, is_safe_address, retry_moment
from formats.errors import ConfigError, RemoteRefused, RemoteUnavailable, RemoteUnexpected

__all__ = ["As4Client"]

_MOST_CLIENTS: Final = 100
_EVERY_STATUS: Final = range(300, 600)


class As4Client:
    """Sends prepared messages. Safe to share between threads; close it when done.

    `timeout` is seconds to connect and seconds of silence until the answer. `verify` is True for the public
    certificate authorities, or the path of a PEM file. With `outside_only` nothing is sent to
    addresses inside our own network. `breaker` is shared by all clients of a process.
    """

    def __init__(
        self,
        *,
        trust: TrustCheck,
        clock: Callable[[], datetime],
        breaker: CircuitBreaker | None = None,
        timeout: tuple[float, float] = (5.0, 120.0),
        verify: bool | str = True,
        proxy: str = "",
        outside_only: bool = False,
    ) -> None:
        self._trust = trust
        self._clock = clock
        self._breaker = breaker or CircuitBreaker(clock)
        self._timeout = timeout
        self._verify = verify
        self._proxy = proxy
        self._outside_only = outside_only
        self._clients: OrderedDict[str, HttpClient] = OrderedDict()
        self._lock = Lock()

    def send(self, message: PreparedMessage, url: str) -> Outcome:
        """One attempt to the endpoint of the receiver's metadata; never raises for what the network or the
        other side does."""
        if not is_safe_address(url):
            return Outcome(
                Verdict.GIVE_UP,
                "the receiver's endpoint does not begin with https://",
                "the receiving access point has to correct its service metadata",
                Concern.ROUTE,
                refresh=True,
            )
        seat = message.sent.receiver_seat
        # The metadata of one receiver may name this certificate and a wrong address: that is not its owner's.
        circuit = f"{seat} at {_origin(url)}"
        wait = self._breaker.enter(circuit)
        if wait is not None:
            return Outcome(
                Verdict.RETRY,
                f"the access point {seat} did not answer several times, so it is left alone for a while",
                "it is tried again by itself",
                retry_at=wait,
            )
        outcome = self._attempt(message, url)
        if outcome.status == 0 or (outcome.status >= 500 and not outcome.errors and outcome.receipt is None):
            self._breaker.failed(circuit, message.message_id)
        else:
            self._breaker.succeeded(circuit)
        return outcome

    def close(self) -> None:
        """Close all connections; safe to repeat."""
        with self._lock:
            clients = list(self._clients.values())
            self._clients.clear()
        for client in clients:
            client.close()

    def _attempt(self, message: PreparedMessage, url: str) -> Outcome:
        try:
            answer = self._client(url).request(
                "POST",
                url,
                headers={"Content-Type": message.content_type, "Accept": "application/soap+xml, */*"},
                body=message.body(),
                allowed=_EVERY_STATUS,
            )
        except RemoteUnavailable as error:
            # Where nobody listens, the receiver may have moved.
            return Outcome(
                Verdict.RETRY,
                error.what,
                error.fix,
                code="EBMS:0005",
                refresh=not error.uncertain,
                uncertain=error.uncertain,
                retry_at=error.retry_at,
            )
        except (RemoteRefused, RemoteUnexpected) as error:
            uncertain = isinstance(error, RemoteUnexpected)
            return Outcome(Verdict.RETRY, error.what, error.fix, refresh=True, uncertain=uncertain)
        except ConfigError as error:
            return Outcome(Verdict.GIVE_UP, error.what, error.fix, Concern.ROUTE, refresh=True)
        now = self._clock()
        outcome = judge(
            message.sent,
            answer.status,
            answer.headers.get("Content-Type", ""),
            answer.content,
            trust=self._trust,
            at=now,
        )
        if outcome.verdict is Verdict.RETRY and answer.status in (429, 503):
            return replace(outcome, retry_at=retry_moment(answer.headers.get("Retry-After"), now))
        return outcome

    def _client(self, url: str) -> HttpClient:
        origin = _origin(url)
        with self._lock:
            client = self._clients.pop(origin, None)
            if client is None:
                client = HttpClient(
                    origin,
                    clock=self._clock,
                    timeout=self._timeout,
                    verify=self._verify,
                    proxy=self._proxy,
                    largest=LARGEST_ANSWER,
                    outside_only=self._outside_only,
                )
            self._clients[origin] = client
            oldest = self._clients.popitem(last=False)[1] if len(self._clients) > _MOST_CLIENTS else None
        if oldest is not None:
            oldest.close()
        return client


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"

"""Sending what is queued: one thread for each webhook, so that one that hangs holds up no other.

Events are looked for in the journal, queued, and sent until the receiver answers 2xx: at least once each, in
the order in which they happened for each invoice and alarm. What nobody takes within the hours of the
settings is parked and shown.
"""

from __future__ import annotations

import threading
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog

from connectors.http import HttpClient, retry_moment
from formats.errors import ConfigError, ConflictError, EInvoicingError, RemoteError, StorageError
from gateway.retry import RetryPolicy
from gateway.store import journal
from gateway.store import webhooks as store
from gateway.store.webhooks import Delivery, Webhook
from gateway.webhooks import signing
from gateway.webhooks.address import target
from gateway.webhooks.events import event_of
from gateway.webhooks.receivers import keys_of, receiver_of
from gateway.wiring import Gateway

__all__ = ["Sender"]

_log = structlog.get_logger("webhooks")
_RETRY: Final = RetryPolicy(attempts=1, first=5.0, growth=3.0, cap=3600.0, jitter=0.3)
_ENTRIES: Final = 500
_ENTRIES_A_ROUND: Final = 20_000
_BATCH: Final = 50
_SENT_A_ROUND: Final = 500
_LARGEST_ANSWER: Final = 64 * 1024
# Answers that say something about this one event; after others, everything for that receiver rests a while.
_ABOUT_ONE: Final = frozenset({400, 409, 413, 415, 422})
_GONE: Final = 410
_ANSWERS: Final = range(300, 600)


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What became of one attempt. `status` is 0 where there was no answer."""

    taken: bool
    status: int
    sentence: str
    retry_at: datetime | None = None


class Sender:
    """All webhooks of one gateway. Safe to share between threads; `stop` ends each after the call at hand."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._busy: dict[str, threading.Thread] = {}

    def stop(self) -> None:
        """Begin no other call. Safe to repeat."""
        self._stopping.set()

    def round(self) -> None:
        """Begin with every webhook that is not at work already; does not wait for any."""
        for webhook in self._webhooks():
            with self._lock:
                if self._stopping.is_set() or webhook.id in self._busy:
                    continue
                # A daemon: a receiver that never ends its answer must not hold the process.
                thread = threading.Thread(
                    target=self._worked, args=(webhook.id,), name=f"webhook {webhook.name}", daemon=True
                )
                self._busy[webhook.id] = thread
            thread.start()

    def wait(self, seconds: float) -> bool:
        """Until no webhook is at work; whether that was so within the time."""
        for thread in tuple(self._busy.values()):
            thread.join(seconds)
        return not any(thread.is_alive() for thread in tuple(self._busy.values()))

    def one(self, identifier: str) -> int:
        """Queue and send for one webhook now, in this thread; returns how many events were taken.

        Nothing is sent while another process does it, nor while the receiver rests.
        """
        with self._gateway.alone(f"webhook {identifier}"):
            self._queue(identifier)
            return self._send(identifier)

    def forget(self) -> int:
        """The texts of events that were taken long ago; that they were stays in the journal."""
        gateway = self._gateway
        before = gateway.clock() - timedelta(days=gateway.settings.webhooks.keep_days)
        with gateway.database.begin() as connection:
            return store.purge(connection, before)

    def _worked(self, identifier: str) -> None:
        try:
            self.one(identifier)
        except ConflictError:
            _log.info("changed by another worker", webhook=identifier)
        except StorageError as error:
            _log.error("storage", webhook=identifier, what=error.what, fix=error.fix)
        except EInvoicingError as error:
            _log.warning("not sent", webhook=identifier, what=error.what, fix=error.fix)
        finally:
            with self._lock:
                self._busy.pop(identifier, None)

    def _webhooks(self) -> tuple[Webhook, ...]:
        """All there are; those of the config folder are made known first."""
        gateway = self._gateway
        configured = {one.name for one in gateway.settings.webhook_files}
        with gateway.database.read() as connection:
            found = store.listing(connection)
        if {one.name for one in found if one.configured} != configured:
            with gateway.database.begin() as connection:
                store.keep_configured(connection, configured, now=gateway.clock())
                found = store.listing(connection)
        return found

    # Queueing.

    def _queue(self, identifier: str) -> None:
        gateway = self._gateway
        for _ in range(_ENTRIES_A_ROUND // _ENTRIES):
            with gateway.database.read() as connection:
                webhook = store.get(connection, identifier)
                if webhook is None or webhook.ended_at is not None:
                    return
                entries = journal.after(connection, webhook.cursor, _ENTRIES)
                if not entries:
                    return
                receiver = receiver_of(gateway, webhook)
                queued = [
                    event.queued
                    for event in (event_of(connection, gateway, entry) for entry in entries)
                    if event is not None and receiver.wants(event)
                ]
            with gateway.database.begin() as connection:
                moved = store.advance(connection, webhook, entries[-1].seq, queued, now=gateway.clock())
            if not moved or self._stopping.is_set():
                return

    # Sending.

    def _send(self, identifier: str) -> int:
        gateway = self._gateway
        sent = taken = 0
        while sent < _SENT_A_ROUND:
            with gateway.database.read() as connection:
                webhook = store.get(connection, identifier)
                if webhook is None or webhook.ended_at is not None or _rests(webhook, gateway.clock()):
                    return taken
                due = store.due(connection, identifier, now=gateway.clock(), limit=_BATCH)
            if not due:
                return taken
            with closing(self._client(webhook)) as line:
                for delivery in due:
                    if self._stopping.is_set():
                        return taken
                    outcome = line.post(delivery)
                    sent += 1
                    taken += outcome.taken
                    if not self._note(webhook, delivery, outcome):
                        return taken  # the receiver rests
        return taken

    def _client(self, webhook: Webhook) -> _Line:
        try:
            return _Line(self._gateway, webhook)
        except ConfigError as error:
            return _Line(self._gateway, webhook, problem=error)

    def _note(self, webhook: Webhook, delivery: Delivery, outcome: _Outcome) -> bool:
        """Commit what became of one attempt; False where nothing more is to be sent to this receiver now."""
        gateway, now = self._gateway, self._gateway.clock()
        told: dict[str, object] = {
            "webhook": webhook.id,
            "event": delivery.event,
            "type": delivery.type,
            "about": delivery.about,
            "attempt": delivery.failures + 1,
            "status": outcome.status,
        }
        give_up = timedelta(hours=gateway.settings.webhooks.give_up_hours)
        with gateway.database.begin() as connection:
            if outcome.taken:
                store.taken(connection, delivery, now=now)
                store.well(connection, webhook.id)
                journal.append(connection, "webhook delivered", told, now=now)
                return True
            told["what"] = outcome.sentence
            _log.warning("webhook not taken", webhook=webhook.name, id=delivery.event, why=outcome.sentence)
            rests_until = None
            if outcome.status not in _ABOUT_ONE:
                rests_until = _RETRY.next_try(webhook.failures + 1, now=now, retry_at=outcome.retry_at)
            due_at = _RETRY.next_try(delivery.failures + 1, now=now, retry_at=outcome.retry_at)
            store.failed(connection, delivery, outcome.sentence, due_at=due_at, rests_until=rests_until)
            # A receiver that is gone is gone for all that waits.
            before = now if outcome.status == _GONE else now - give_up
            parked = store.give_up(connection, webhook.id, before, outcome.sentence, now=now)
            if parked:
                span = {"events": len(parked), "first": parked[0], "last": parked[-1]}
                journal.append(connection, "webhook parked", {**told, **span}, now=now)
            elif delivery.sentence != outcome.sentence:
                journal.append(connection, "webhook waiting", told, now=now)
        return rests_until is None


class _Line:
    """The connection to one receiver. With `problem`, which is told instead, nothing is sent."""

    def __init__(self, gateway: Gateway, webhook: Webhook, *, problem: ConfigError | None = None) -> None:
        self._clock = gateway.clock
        self._problem = problem
        self._client: HttpClient | None = None
        if problem is not None:
            return
        wanted = gateway.settings.webhooks
        self._keys = keys_of(gateway, webhook, now=gateway.clock())
        found = target(receiver_of(gateway, webhook).url, hosts=wanted.hosts, inside=wanted.inside)
        self._path = found.path
        self._client = HttpClient(
            found.base_url,
            clock=gateway.clock,
            timeout=(min(5.0, wanted.seconds), wanted.seconds),
            largest=_LARGEST_ANSWER,
            longest=wanted.seconds,
            outside_only=not found.inside,
        )

    def close(self) -> None:
        if self._client is not None:
            self._client.close()

    def post(self, delivery: Delivery) -> _Outcome:
        """One attempt."""
        if self._problem is not None or self._client is None:
            return _Outcome(False, 0, str(self._problem.sentence if self._problem else ""))
        body, now = delivery.body.encode(), self._clock()
        headers = {
            "Content-Type": "application/json",
            **signing.headers(delivery.event, body, self._keys, now=now),
        }
        try:
            answer = self._client.request("POST", self._path, body=body, headers=headers, allowed=_ANSWERS)
        except RemoteError as error:
            return _Outcome(False, 0, error.what, getattr(error, "retry_at", None))
        if 200 <= answer.status < 300:
            return _Outcome(True, answer.status, "")
        moved = ", which leads elsewhere and is not followed" if answer.status < 400 else ""
        retry_at = retry_moment(answer.headers.get("Retry-After"), now)
        return _Outcome(False, answer.status, f"the receiver answered {answer.status}{moved}", retry_at)


def _rests(webhook: Webhook, now: datetime) -> bool:
    return webhook.rests_until is not None and webhook.rests_until > now

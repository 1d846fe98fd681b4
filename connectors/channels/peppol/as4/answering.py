"""The receiving side as a whole: a request in, the HTTP answer out, and what has to be stored in between.

Whoever offers an endpoint gives an `Inbox` and calls `Receiver.answer`. The order is the promise: a message
is stored durably before it is acknowledged, and a repetition gets the stored receipt and is not delivered a
second time. Source: Peppol AS4 profile 2.0.3; OASIS AS4 profile 1.0, sections 3.2 and 5.1.8.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final, Protocol

from connectors.channels.peppol.as4 import names
from connectors.channels.peppol.as4.incoming import ReceivedMessage, Rules, receive, refused_id
from connectors.channels.peppol.as4.keys import Keys, TrustCheck
from connectors.channels.peppol.as4.mime import Limits, SpooledRequest, spool, spool_async
from connectors.channels.peppol.as4.problems import DELIVERY_FAILURE, As4Problem, NotNow
from connectors.channels.peppol.as4.signals import error_signal, receipt_signal
from formats.errors import EInvoicingError

__all__ = ["Answer", "Inbox", "Receiver"]

_CONTENT_TYPE: Final = f"{names.SOAP_TYPE};charset=UTF-8"


class Inbox(Protocol):
    """Where received messages are stored."""

    def take(self, message: ReceivedMessage, receipt: bytes, /) -> bytes:
        """Store the message with its receipt durably, and return the receipt to answer with.

        A message is known by its id and the sender's seat. New: store message, evidence and `receipt` in one
        transaction, return `receipt`. Known with the same `payload_digest`: deliver nothing again; return the
        stored receipt where `references` are the same, and `receipt` where the header was written anew (its
        digests differ, and the sender would not recognise the old one). Known with another `payload_digest`:
        raise As4Problem(DUPLICATE). What cannot be stored raises any other error of the family, which is
        answered with EBMS:0202, so that the sender tries again.

        May be called by several threads and processes for the same message at the same time: a unique
        constraint decides. The files of `message` are removed afterwards; move or copy what is to stay.
        """
        ...


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back: HTTP status, content type and body; `problem` where the request was refused, and
    `message_id` where it could be read. `retry_after` is in seconds, for the header of that name; 0 for
    none."""

    status: int
    content: bytes = field(repr=False)
    message_id: str = ""
    problem: As4Problem | None = None
    content_type: str = _CONTENT_TYPE
    retry_after: int = 0


class Receiver:
    """Answers requests. Safe to share between threads.

    `clock` gives the aware time, `new_id` a fresh id local@domain for each answer. Temporary files go to
    `folder`.
    """

    def __init__(
        self,
        *,
        keys: Callable[[], Keys],
        trust: TrustCheck,
        inbox: Inbox,
        folder: Path,
        clock: Callable[[], datetime],
        new_id: Callable[[], str],
        rules: Rules | None = None,
        limits: Limits | None = None,
    ) -> None:
        self._keys = keys
        self._trust = trust
        self._inbox = inbox
        self._folder = folder
        self._clock = clock
        self._new_id = new_id
        self._rules = rules or Rules()
        self._limits = limits or Limits()

    def answer(self, content_type: str, body: Iterable[bytes]) -> Answer:
        """Read a whole request and answer it; every refusal is an answer, too."""
        try:
            request = spool(content_type, body, self._folder, self._limits)
        except As4Problem as problem:
            return self.refuse(problem)
        return self.answer_spooled(request)

    async def spool(self, content_type: str, body: AsyncIterable[bytes]) -> SpooledRequest:
        """Read a request that is awaited; raises As4Problem, which `refuse` answers.

        What comes out goes to `answer_spooled`, best in a worker thread.
        """
        return await spool_async(content_type, body, self._folder, self._limits)

    def answer_spooled(self, request: SpooledRequest) -> Answer:
        """Answer a request that was read; its files are removed."""
        with request:
            at = self._clock()
            keys = self._keys()
            try:
                with receive(
                    request, keys=keys, trust=self._trust, rules=self._rules, at=at, folder=self._folder
                ) as message:
                    return self._acknowledge(message, keys, at)
            except As4Problem as problem:
                return self.refuse(problem, refused_id(request))

    def refuse(self, problem: As4Problem, message_id: str = "") -> Answer:
        """The signed error that answers a refused request; a plain 503 for what can only not be taken now."""
        if isinstance(problem, NotNow):
            words = f"{problem.detail}; send the message again later\n".encode()
            return Answer(503, words, message_id, problem, "text/plain;charset=UTF-8", problem.retry_after)
        at = self._clock()
        key = self._keys().signing(at)
        signal = error_signal(problem, ref_to=message_id, key=key, at=at, message_id=self._new_id())
        return Answer(problem.status, signal, message_id, problem)

    def _acknowledge(self, message: ReceivedMessage, keys: Keys, at: datetime) -> Answer:
        receipt = receipt_signal(
            message.references,
            ref_to=message.message_id,
            key=keys.signing(at),
            at=at,
            message_id=self._new_id(),
        )
        if not message.is_ping:
            try:
                receipt = self._inbox.take(message, receipt)
            except As4Problem:
                raise
            except EInvoicingError as error:
                raise As4Problem(
                    DELIVERY_FAILURE, "the message cannot be stored at the moment", fix="send it again later"
                ) from error
        return Answer(200, receipt, message.message_id)

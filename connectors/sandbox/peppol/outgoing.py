"""What the imitated access points send by themselves or when told: invoices, Invoice Responses, MLS.

Every message has one id for all its attempts. Where the receiver gives no answer at all, it is tried again a
few times.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from connectors.sandbox.peppol import documents, names
from connectors.sandbox.peppol.access_point import AccessPoint, Arrival
from connectors.sandbox.peppol.agenda import Agenda
from connectors.sandbox.peppol.buyers import Response
from connectors.sandbox.peppol.documents import Finding, Person
from connectors.sandbox.peppol.envelope import Envelope
from connectors.sandbox.peppol.registers import SPIS, Destination, Registers
from connectors.sandbox.peppol.seal import Sealed
from connectors.sandbox.peppol.signals import Answer

__all__ = ["ATTEMPTS", "Outgoing", "Sending"]

ATTEMPTS: Final = 3
_RETRY_AFTER: Final = 0.5


@dataclass(slots=True)
class Sending:
    """One message that this side sent, and what came back; `answer` is None while it is on its way."""

    what: str
    message_id: str
    envelope: Envelope
    url: str
    attempts: int = 0
    answer: Answer | None = None
    problem: str = ""

    @property
    def delivered(self) -> bool:
        """A good receipt came back."""
        return self.answer is not None and self.answer.good

    def described(self) -> dict[str, object]:
        return {
            "what": self.what,
            "message_id": self.message_id,
            "instance_id": self.envelope.instance_id,
            "sender": self.envelope.sender,
            "receiver": self.envelope.receiver,
            "document_type": self.envelope.document_type,
            "url": self.url,
            "attempts": self.attempts,
            "delivered": self.delivered,
            "answer": self.problem or (self.answer.described() if self.answer else "on its way"),
        }


class Outgoing:
    """The sending side of all imitated access points; `sent` is in order of time."""

    def __init__(
        self,
        registers: Registers,
        access_points: Mapping[str, AccessPoint],
        agenda: Agenda,
        clock: Callable[[], datetime],
    ) -> None:
        self._registers = registers
        self._access_points = access_points
        self._agenda = agenda
        self._clock = clock
        self.sent: list[Sending] = []

    def send(
        self,
        payload: bytes,
        envelope: Envelope,
        *,
        access_point: str = "ap2",
        to: Destination | None = None,
        what: str = "document",
        message_id: str = "",
        attempts: int = 1,
    ) -> Sending:
        """Send one document now, to where the registers say or to `to`, and say what came back.

        Further attempts are made later, by themselves, up to `attempts` in all.
        """
        place = to or self._registers.route(envelope.receiver, envelope.document_type)
        if place is None:
            nowhere = Sending(what, "", envelope, "", problem="the receiver is registered nowhere")
            self.sent.append(nowhere)
            return nowhere
        point = self._access_points[access_point]
        message_id, sealed = point.write(envelope, payload, place, message_id=message_id)
        sending = Sending(what, message_id, envelope, place.url)
        self.sent.append(sending)
        self._attempt(sending, sealed, point, place, attempts)
        return sending

    def send_invoice(
        self,
        number: str,
        *,
        seller: Person,
        buyer: Person,
        kind: str = "invoice",
        mls_type: str = "",
        mls_to: str = "",
        access_point: str = "ap2",
    ) -> Sending:
        """A valid invoice, or "credit-note", from a supplier behind one of our access points."""
        today = self._clock().astimezone(UTC).date()
        credit = kind == "credit-note"
        make = documents.credit_note if credit else documents.invoice
        envelope = self.envelope(
            seller.participant,
            buyer.participant,
            names.CREDIT_NOTE if credit else names.INVOICE,
            names.BILLING,
            seller.country,
        )
        envelope = replace(envelope, mls_type=mls_type, mls_to=mls_to)
        payload = make(number, seller, buyer, issued=today)
        return self.send(payload, envelope, access_point=access_point, what=kind)

    def respond(
        self, arrival: Arrival, response: Response, *, number: str = "", attempts: int = 1
    ) -> Sending:
        """Send an Invoice Response to an invoice that arrived. Raises Refusal where it is none."""
        about = documents.read(arrival.payload)
        to, by = arrival.envelope.sender, arrival.envelope.receiver
        payload = documents.invoice_response(
            number or f"IR-{uuid.uuid4().hex[:12]}",
            Person(by, about.buyer_name or "Buyer"),
            Person(to, about.seller_name or "Seller"),
            about,
            response.code,
            response.reasons,
            at=self._clock(),
        )
        envelope = self.envelope(by, to, names.INVOICE_RESPONSE, names.INVOICE_RESPONSE_PROCESS, "BE")
        return self.send(
            payload, envelope, access_point=arrival.access_point, what="response", attempts=attempts
        )

    def send_mls(
        self, arrival: Arrival, code: str, findings: Sequence[Finding] = (), *, attempts: int = 1
    ) -> Sending:
        """Send a Message Level Status about an envelope that arrived, to MLS_TO where that is registered,
        else to the sender's access point."""
        own = f"{SPIS}:{self._access_points[arrival.access_point].seat[3:]}"
        receiver = arrival.envelope.mls_to
        if not receiver or self._registers.route(receiver, names.MLS) is None:
            receiver = f"{SPIS}:{arrival.from_party[3:]}"
        at = self._clock()
        payload = documents.mls(own, receiver, arrival.envelope.instance_id, code, findings, at=at)
        envelope = self.envelope(own, receiver, names.MLS, names.MLS_PROCESS, "BE")
        return self.send(payload, envelope, access_point=arrival.access_point, what="mls", attempts=attempts)

    def envelope(
        self, sender: str, receiver: str, document_type: str, process: str, country: str
    ) -> Envelope:
        """A fresh envelope, made now."""
        created = self._clock().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return Envelope(sender, receiver, str(uuid.uuid4()), document_type, process, country, created)

    def _attempt(
        self, sending: Sending, sealed: Sealed, point: AccessPoint, to: Destination, attempts: int
    ) -> None:
        sending.attempts += 1
        sending.answer = point.deliver(sending.message_id, sealed, to, sending.envelope.receiver)
        if sending.answer.kind == "nothing" and sending.attempts < attempts:
            self._agenda.add(
                _RETRY_AFTER * 2**sending.attempts,
                lambda: self._attempt(sending, sealed, point, to, attempts),
            )

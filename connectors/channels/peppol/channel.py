"""The Peppol network as a channel: look the receiver up, wrap, sign, encrypt, send, and keep the receipt.

A message that is sent again carries the same id and the same bytes under the signature, so the receiving
access point recognises it: there is nothing to ask before a repetition. Sources: Peppol AS4 profile 2.0.3,
Business Message Envelope 2.0.2.
"""

from __future__ import annotations

import io
import uuid
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from cryptography.hazmat.primitives.serialization import Encoding

from connectors.base import (
    CheckStep,
    DeliveryState,
    Exchange,
    NetworkDocument,
    OutboundMessage,
    Receipt,
    Surroundings,
)
from connectors.channels.peppol.access_point import AccessPointSettings
from connectors.channels.peppol.as4 import (
    As4Client,
    Outcome,
    OutgoingMessage,
    PreparedMessage,
    Verdict,
    prepare,
)
from connectors.channels.peppol.as4.verdicts import Concern
from connectors.channels.peppol.discovery.endpoint import ReceiverEndpoint
from connectors.channels.peppol.network import PeppolNetwork
from connectors.channels.peppol.pki.certificates import expiring
from connectors.channels.peppol.pki.trust import Role
from connectors.channels.peppol.refusals import Refusals
from formats.codelists.document_types import document_type_of
from formats.envelopes.sbdh import Header, MlsType, write_chunks
from formats.errors import (
    EInvoicingError,
    RemoteRefused,
    RemoteUnavailable,
    RemoteUnexpected,
    RouteError,
)
from formats.identifiers import DocumentTypeId, Identifier, ParticipantId, ProcessId

__all__ = ["Peppol", "instance_of"]

# Names the documents of our messages: the same for every attempt, and another id than the message's.
_INSTANCES: Final = uuid.UUID("6f0e5d0a-0f0c-5f6e-9c53-0d2b7c1f4e21")
_STATUS: Final = {"always": MlsType.ALWAYS_SEND, "on failure": MlsType.FAILURE_ONLY}
# phase4 forgets a message id after ten minutes, and then takes the message like a new one.
_FORGOTTEN_AFTER: Final = timedelta(minutes=15)
# A fixed date, so that the same evidence gives the same bytes.
_DATE: Final = (1980, 1, 1, 0, 0, 0)


def instance_of(message_id: str) -> str:
    """What answers call the document of a message of ours, told by the id of the message in the pipeline."""
    return str(uuid.uuid5(_INSTANCES, message_id))


@dataclass(frozen=True, slots=True)
class _Parcel:
    """One document to one receiver, with ids and moment that hold for every attempt."""

    message_id: str
    made_at: datetime
    sender: ParticipantId
    receiver: ParticipantId
    country: str
    content: bytes
    document_type: DocumentTypeId
    process: ProcessId
    may_be_there: bool

    @property
    def instance(self) -> str:
        return instance_of(self.message_id)


class Peppol:
    """Our own access point. Safe to share between threads."""

    asks_by_repeating: Final = True

    def __init__(self, name: str, settings: AccessPointSettings, surroundings: Surroundings) -> None:
        self._name = name
        self.settings = settings
        self.network = PeppolNetwork(settings, surroundings)
        self._clock = surroundings.clock
        self._refusals = Refusals(surroundings.locked)
        self.spool = surroundings.folder / settings.spool_folder
        ca_file = surroundings.folder / settings.ca_file
        self._client = As4Client(
            trust=lambda certificate, at: self.network.trust.require(certificate, Role.ACCESS_POINT, at),
            clock=surroundings.clock,
            verify=str(ca_file) if settings.ca_file else True,
            proxy=settings.proxy,
            outside_only=not settings.allow_internal,
        )

    @property
    def name(self) -> str:
        return self._name

    @property
    def seat(self) -> str:
        """The seat of our certificate, as POP000001. ConfigError where there is none."""
        return self.network.keys.seat_id

    def send(self, message: OutboundMessage) -> Receipt:
        """As Channel.send; the same message again is a repetition to the receiving access point."""
        return self._send(
            self._parcel(
                message.message_id,
                message.made_at or self._clock(),
                message.sender,
                message.receiver,
                message.country,
                message.files[0].content,
                message.buyer,
                may_be_there=message.may_be_there,
            )
        )

    def send_document(self, document: NetworkDocument) -> Receipt:
        """As SendsDocuments.send_document."""
        return self._send(
            self._parcel(
                document.message_id,
                document.made_at,
                document.sender,
                document.receiver,
                document.country,
                document.content,
                str(document.receiver),
                may_be_there=document.may_be_there,
            )
        )

    def find(self, message: OutboundMessage) -> Receipt | None:
        """None: nothing can be asked, and nothing need be. The same message sent again is recognised."""
        return None

    def receipts(self) -> Iterator[Receipt]:
        """Nothing: receipts are the answers, and what follows comes in as messages of its own."""
        return iter(())

    def settle(self, receipt: Receipt) -> None:
        """Nothing to tidy up."""

    def check(self) -> Iterator[CheckStep]:
        """Trust folder, our keys and certificates, the way through DNS and SMP to our own registration."""
        try:
            issuers = self.network.authorities.of(Role.ACCESS_POINT)
            yield CheckStep(
                "trust", True, f"{len(issuers)} issuing authorities of stage {self.settings.stage}"
            )
            seat = self.seat
        except EInvoicingError as error:
            yield CheckStep("keys and trust", False, error.what, error.fix)
            return
        at = self._clock()
        ending = expiring(self.network.held(), at)
        if ending:
            yield CheckStep("certificate", ending[0].days_left >= 0, ending[0].sentence, ending[0].fix)
        else:
            yield CheckStep("certificate", True, f"{seat}, valid for more than 90 days")
        own = ParticipantId.of_address(Identifier(seat[-6:], "0242"))
        steps = list(self.network.directory.steps(own, None, None, at))
        last = steps[-1]
        if last.ok:
            yield CheckStep("registration", True, f"{own.value} is found: {last.seen}")
        else:
            yield CheckStep(
                "registration",
                False,
                f"{own.value}: {last.seen}",
                last.fix or "register the service provider id in an SMP, so that statuses reach us",
            )

    def close(self) -> None:
        """Let go of all connections."""
        self._client.close()
        self.network.close()

    def _parcel(
        self,
        message_id: str,
        made_at: datetime,
        sender: Identifier | None,
        receiver: Identifier | None,
        country: str,
        content: bytes,
        buyer: str,
        *,
        may_be_there: bool,
    ) -> _Parcel:
        if sender is None or receiver is None:
            raise RouteError(
                f"{'the seller' if sender is None else buyer} has no address on the Peppol network",
                where=self.name,
                fix="fill the electronic address (BT-34 of the seller, BT-49 of the buyer) in the ERP",
            )
        document_type, process = document_type_of(content)
        return _Parcel(
            message_id,
            made_at,
            ParticipantId.of_address(sender),
            ParticipantId.of_address(receiver),
            country or self.settings.country,
            content,
            document_type,
            process,
            may_be_there,
        )

    def _send(self, parcel: _Parcel) -> Receipt:
        endpoint = self._endpoint(parcel)
        outcome, receipt = self._attempt(parcel, endpoint)
        if receipt is not None:
            return receipt
        # Not after an answer that leaves it open: what may be there already goes nowhere else.
        if (outcome.refresh or outcome.verdict is Verdict.REFRESH) and not outcome.uncertain:
            fresh = self._endpoint(parcel, fresh=True)
            moved = (fresh.url, fresh.certificate) != (endpoint.url, endpoint.certificate)
            if moved:
                outcome, receipt = self._attempt(parcel, fresh)
                if receipt is not None:
                    return receipt
        raise self._failure(parcel, outcome)

    def _endpoint(self, parcel: _Parcel, *, fresh: bool = False) -> ReceiverEndpoint:
        return self.network.directory.lookup(
            parcel.receiver, parcel.document_type, parcel.process, self._clock(), fresh=fresh
        )

    def _attempt(self, parcel: _Parcel, endpoint: ReceiverEndpoint) -> tuple[Outcome, Receipt | None]:
        header = Header(
            sender=parcel.sender,
            receiver=parcel.receiver,
            document_type=endpoint.document_type,
            process=endpoint.process,
            instance_id=parcel.instance,
            created_at=parcel.made_at,
            country_c1=parcel.country,
        )
        if not header.is_answer:
            header = self._wishing(header)
        self.spool.mkdir(mode=0o700, parents=True, exist_ok=True)
        message = OutgoingMessage(
            f"{parcel.message_id}@{self.settings.domain}",
            parcel.instance,
            parcel.made_at,
            parcel.sender.value,
            parcel.receiver.value,
            endpoint.document_type.value,
            endpoint.process.value,
            write_chunks(header, io.BytesIO(parcel.content)),
            endpoint.document_type.scheme,
            endpoint.process.scheme,
        )
        key = self.network.keys.signing(self._clock())
        with prepare(message, receiver=endpoint.certificate, key=key, folder=self.spool) as prepared:
            outcome = self._credible(
                prepared.message_id,
                self._client.send(prepared, endpoint.url),
                may_be_there=parcel.may_be_there,
            )
            if outcome.verdict not in (Verdict.DELIVERED, Verdict.ALREADY_THERE):
                return outcome, None
            return outcome, self._receipt(parcel, header, endpoint, prepared, outcome)

    def _credible(self, message_id: str, outcome: Outcome, *, may_be_there: bool) -> Outcome:
        """An "already there" counts only after an attempt whose end was not known: at the first one, and
        after an error of the other side, it proves nothing."""
        doubted = outcome.verdict is Verdict.ALREADY_THERE and not may_be_there
        if outcome.refused or doubted:
            # Also against the next: this attempt did not bring it there.
            self._refusals.note(message_id)
        if outcome.verdict is not Verdict.ALREADY_THERE or message_id not in self._refusals:
            return outcome
        return replace(
            outcome,
            verdict=Verdict.RETRY,
            concern=Concern.PROVIDER,
            what="the receiving access point calls the message a duplicate, but it was not sent before, or "
            "refused with an error: nothing proves that it is there",
            fix="it is tried again by itself; if it lasts, ask the buyer whether the invoice is there, and "
            "confirm or resend it",
            uncertain=True,
            retry_at=self._clock() + _FORGOTTEN_AFTER,
        )

    def _wishing(self, header: Header) -> Header:
        to = ParticipantId.of(self.settings.status_to) if self.settings.status_to else None
        return replace(header, mls_to=to, mls_type=_STATUS[self.settings.status_wanted])

    def _receipt(
        self,
        parcel: _Parcel,
        header: Header,
        endpoint: ReceiverEndpoint,
        prepared: PreparedMessage,
        outcome: Outcome,
    ) -> Receipt:
        waits = self.settings.delivered_by == "status" and not header.is_answer
        proven = outcome.receipt
        return Receipt(
            message_id=parcel.message_id,
            state=DeliveryState.ACCEPTED_FOR_TRANSPORT if waits else DeliveryState.DELIVERED,
            at=proven.at if proven is not None else self._clock(),
            text=outcome.what,
            evidence=_evidence(endpoint, prepared, outcome),
            media_type="application/zip",
            exchange=Exchange(
                peer=endpoint.seat_id,
                message_id=prepared.message_id,
                instance=parcel.instance,
                sender=parcel.sender.value,
                receiver=parcel.receiver.value,
                document_type=f"{endpoint.document_type.scheme}::{endpoint.document_type.value}",
                process=f"{endpoint.process.scheme}::{endpoint.process.value}",
                country=parcel.country,
                status_wanted=header.mls_type.value if header.mls_type is not None else "",
            ),
        )

    def _failure(self, parcel: _Parcel, outcome: Outcome) -> EInvoicingError:
        where = f"{self.name}, {parcel.receiver.value}"
        if outcome.verdict is not Verdict.GIVE_UP:
            return RemoteUnavailable(
                outcome.what,
                where=where,
                fix=outcome.fix or "it is tried again by itself",
                retry_at=outcome.retry_at,
                uncertain=outcome.uncertain,
                one_receiver=True,
            )
        if outcome.concern in (Concern.ROUTE, Concern.DOCUMENT):
            return RouteError(outcome.what, where=where, fix=outcome.fix)
        if outcome.concern is Concern.PRECONDITION:
            return RemoteRefused(outcome.what, where=where, fix=outcome.fix)
        return RemoteUnexpected(outcome.what, where=where, fix=outcome.fix, evidence=outcome.answer)


def _evidence(endpoint: ReceiverEndpoint, prepared: PreparedMessage, outcome: Outcome) -> bytes:
    """What proves the exchange, as one archive: request, receipt, the receiver's certificate and metadata."""
    parts = {
        "request.xml": prepared.envelope,
        "answer.xml": outcome.answer,
        "receiver.cer": endpoint.certificate.public_bytes(Encoding.DER),
        "metadata.xml": endpoint.evidence,
    }
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in parts.items():
            info = zipfile.ZipInfo(name, _DATE)
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, content)
    return buffer.getvalue()

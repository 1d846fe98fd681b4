"""What every connector speaks: documents out of an ERP, status back into it, messages out through a channel.

An ERP connector moves bytes and keeps its place; a channel hands over a finished document and proves it.
Neither knows what an invoice means, neither asks for the time to decide anything, and each failure is one of
`formats.errors`: RemoteUnavailable (retried), RemoteRefused (parked for IT), RemoteUnexpected (parked, with
evidence).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Protocol, runtime_checkable

from pydantic import BaseModel, ConfigDict, StringConstraints

from connectors.budget import CallBudget, CallLimit, InProcess
from formats.errors import EInvoicingError
from formats.identifiers import Identifier
from formats.model import Invoice

__all__ = [
    "Attachment",
    "Channel",
    "CheckStep",
    "ConnectorSettings",
    "Counts",
    "DeliveryState",
    "ErpConnector",
    "Exchange",
    "IncomingPayment",
    "NetworkDocument",
    "OpenInvoice",
    "OutboundMessage",
    "Page",
    "PartyPage",
    "PartyRecord",
    "PaymentState",
    "PaymentStatus",
    "PostsPayments",
    "PurchaseInvoice",
    "Push",
    "PushDoor",
    "ReadsParties",
    "Receipt",
    "RejectedDocument",
    "SecretReference",
    "SendsDocuments",
    "SourceDocument",
    "StateCell",
    "StatusReport",
    "Surroundings",
    "TakesPurchaseInvoices",
    "TakesPushes",
    "WokenByCalls",
    "WriteBack",
]


# `env:NAME` or `file:PATH` (relative to the config folder); the secret itself never stands in a config file.
SecretReference = Annotated[str, StringConstraints(pattern=r"^(env|file):.+")]


class ConnectorSettings(BaseModel):
    """The `settings:` of one source or channel. A connector's class derives its own, with a default for every
    choice.

    Field descriptions are shown to the operator when a value is wrong.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class StateCell(Protocol):
    """One small text that a connector keeps between calls and processes (tokens, a resolved id)."""

    @property
    def value(self) -> str:
        """What was saved last, "" at first."""
        ...

    def save(self, value: str) -> None:
        """Committed to the database, encrypted at rest where the installation says so, when this returns."""
        ...


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a connector is given besides its settings.

    `secret` turns a reference into the secret (ConfigError if it is not there); `clock` gives the aware UTC
    time; `locked` opens a StateCell of this connector that no other thread or process can open until it is
    closed. `ledger` opens the call budget of one tenant with its limits: all sources that name the same
    tenant share it. Where none is given, calls are counted in this process only. Paths in settings are below
    `folder`, the config folder.
    """

    secret: Callable[[str], str]
    clock: Callable[[], datetime]
    locked: Callable[[str], AbstractContextManager[StateCell]]
    ledger: Callable[[str, tuple[CallLimit, ...]], CallBudget] | None = None
    folder: Path = Path()

    def budget(self, tenant: str, *limits: CallLimit) -> CallBudget:
        """The call budget of one tenant, named so that people know it ("Exact Online 123456")."""
        if self.ledger is not None:
            return self.ledger(tenant, limits)
        return InProcess(tenant, limits, self.clock)


@dataclass(frozen=True, slots=True)
class SourceDocument:
    """One invoice as the ERP gave it, byte for byte.

    `key` is the ERP's own identity of the invoice and survives every change and repeat output of it;
    `revision` is the ERP's change marker (a row version, a document number, a time) and is only for people:
    whether something changed is decided by comparing content. `part` is the position of the invoice in
    `content` where one file holds several (from 0). `origin` says where the bytes were, for messages and the
    journal: a path, an address.
    """

    key: str
    revision: str
    media_type: str
    content: bytes
    part: int = 0
    origin: str = ""
    # What decides whether the invoice came again unchanged, where the bytes also hold what does not matter (a
    # change marker, our own status fields): a digest of the rest. "" where all bytes count.
    fingerprint: str = ""
    # The bytes as the ERP gave them, where `content` had to be made of them (a flat file, one IDoc of many);
    # kept as evidence beside it.
    original: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class RejectedDocument:
    """Something that arrived and cannot be taken as a document (too large, not settled for too long).

    It is kept at the other side, and shown to a person with `problem`; `key` names it stably. Where
    `needs_person` is false (a test document) it is only set aside, with `problem` as the reason in the
    journal.
    """

    key: str
    origin: str
    problem: EInvoicingError
    needs_person: bool = True


@dataclass(frozen=True, slots=True)
class Page:
    """Documents, and the cursor that may be stored once they are.

    The pipeline commits documents and cursor in one transaction, then calls `ErpConnector.acknowledge`.
    Reading from an older cursor gives the same documents again, never fewer.
    """

    documents: tuple[SourceDocument, ...]
    cursor: str
    rejected: tuple[RejectedDocument, ...] = ()
    # What `acknowledge` needs in order to tidy up at the other side (file names); opaque to the pipeline.
    handles: tuple[str, ...] = ()


class DeliveryState(StrEnum):
    """What is known of one message or, in a StatusReport, of one invoice.

    Receipts of channels know the first three only. ACCEPTED and DISPUTED are the buyer's words about an
    invoice that they hold; DISPUTED is a question as much as a complaint, and no refusal. CLOSED: a person
    decided that the matter is settled without this invoice; the text says why.
    """

    ACCEPTED_FOR_TRANSPORT = "sent"
    DELIVERED = "delivered"
    REJECTED = "rejected"
    PARKED = "parked"
    ACCEPTED = "accepted"
    DISPUTED = "disputed"
    CLOSED = "closed"

    @property
    def arrived(self) -> bool:
        """Whether the buyer's side holds the invoice and has not refused it."""
        return self in (DeliveryState.DELIVERED, DeliveryState.ACCEPTED, DeliveryState.DISPUTED)


@dataclass(frozen=True, slots=True)
class StatusReport:
    """The news about one invoice that the ERP should show.

    `reference` identifies this piece of news for ever (one invoice, one state), so that writing it back twice
    finds the first one. `key`, `number` and `document_id` name the invoice in the ERP's words:
    `SourceDocument.key`, BT-1, and the ERP's number of the outbound document (DOCNUM of an IDoc), where there
    is one. `at` is aware UTC.
    """

    reference: str
    key: str
    number: str
    document_id: str
    state: DeliveryState
    text: str
    at: datetime
    message_id: str = ""
    channel: str = ""
    xml: bytes = b""
    filename: str = ""


@dataclass(frozen=True, slots=True)
class WriteBack:
    """Proof that the ERP holds a StatusReport: where, and whether it was there already."""

    where: str
    existed: bool


class PaymentState(StrEnum):
    """How far an invoice is settled."""

    OPEN = "open"
    PARTLY_PAID = "partly paid"
    PAID = "paid"
    SETTLED = "settled otherwise"


@dataclass(frozen=True, slots=True)
class OpenInvoice:
    """An invoice whose payment we want to know: the ERP's key, BT-1, and the amount due in its currency."""

    key: str
    number: str
    currency: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class PaymentStatus:
    """What the ERP says about the settlement of one invoice.

    `paid` is the sum settled so far in the invoice currency, not negative; `on` the date of the last
    settlement. `evidence` is a short reference a person can look up (payment, clearing document, bank entry).
    """

    key: str
    number: str
    state: PaymentState
    currency: str
    paid: Decimal
    on: date | None = None
    evidence: str = ""


@dataclass(frozen=True, slots=True)
class IncomingPayment:
    """Money that arrived for invoices, to be posted in the ERP.

    `reference` identifies this posting for ever and stays the same on every retry. `amount` is positive, in
    `currency`; `invoices` names each invoice (key, BT-1) with the part of the amount that settles it;
    `account` is the house bank account (IBAN) it came in on, `evidence` the bank's reference.
    """

    reference: str
    on: date
    currency: str
    amount: Decimal
    invoices: tuple[tuple[str, str, Decimal], ...]
    account: str = field(default="", repr=False)
    evidence: str = ""


@dataclass(frozen=True, slots=True)
class PartyRecord:
    """A buyer as the ERP's master data has it, as far as invoices and routing need it.

    `facts` maps plain names to values, all text: `name`, `country`, `vat_id`, `company_id`,
    `electronic_address` (scheme:value), `email`, `iban` (several joined by a space), `route`, and what else
    the ERP knows. Empty facts are left out.
    """

    key: str
    facts: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class PartyPage:
    """Buyers, and the cursor that may be stored once they are."""

    parties: tuple[PartyRecord, ...]
    cursor: str


@dataclass(frozen=True, slots=True)
class Push:
    """What somebody sent to us over HTTP: a document for a push source, or a wake-up call of an ERP.

    Header names are in lower case. `idempotency_key` is "" where the sender gave none.
    """

    media_type: str
    content: bytes = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    idempotency_key: str = ""


@dataclass(frozen=True, slots=True)
class CheckStep:
    """One step of `gateway check`: what was tried, whether it worked, what was seen, what to do when it did
    not."""

    name: str
    ok: bool
    seen: str
    fix: str = ""


@dataclass(frozen=True, slots=True)
class PurchaseInvoice:
    """An invoice that was received over a network, for the ERP's purchase ledger.

    `key` identifies it for ever and stays the same on every retry. `invoice` is what it says, `original` the
    bytes as they came; `note` is what people should know of it ("" for nothing).
    """

    key: str
    invoice: Invoice
    original: Attachment
    note: str = ""


class ErpConnector(Protocol):
    """One ERP interface of one company."""

    @property
    def name(self) -> str:
        """The configured name of this source, as in `sources.yaml`."""
        ...

    def pull(self, cursor: str) -> Iterator[Page]:
        """Changed sales invoices after `cursor` ("" for the very first time), oldest change first.

        A failure in the middle raises after the pages before it were given; nothing given is lost by asking
        again.
        """
        ...

    def acknowledge(self, page: Page) -> None:
        """The page is stored for good: archive files, or do nothing. Safe to repeat."""
        ...

    def report_status(self, report: StatusReport) -> WriteBack:
        """Write one piece of news into the ERP by its own means; looked up first, so that it is there
        once."""
        ...

    def pull_payments(self, invoices: Sequence[OpenInvoice]) -> Iterator[PaymentStatus]:
        """Settlement of these invoices as far as the ERP knows; invoices it says nothing about are left
        out."""
        ...

    def check(self) -> Iterator[CheckStep]:
        """Try the connection step by step: name, TLS, login, rights, clock, one read.

        It reads only, except for one temporary file: where files are exchanged, the right to write is proved
        and the other side's clock is measured by writing, looking at and removing one small hidden file,
        `.gateway-check-<random>.tmp`, which the text of that step says.

        Never raises for what it is there to find; stops at the first step that makes the next one pointless.
        """
        ...

    def close(self) -> None:
        """Let go of sockets and files."""
        ...


@runtime_checkable
class PostsPayments(Protocol):
    """An ErpConnector that can also post incoming payments."""

    def post_payment(self, payment: IncomingPayment) -> WriteBack:
        """Post it once: looked up by its reference first, and confirmed by reading again."""
        ...


@runtime_checkable
class TakesPurchaseInvoices(Protocol):
    """An ErpConnector that can also take received invoices, as drafts that a person books."""

    def take_purchase(self, purchase: PurchaseInvoice) -> WriteBack:
        """Make one draft of it with the original beside it: looked up by its key first, so that it is there
        once.

        Raises RemoteBlocked for what a person has to arrange in the ERP first: a supplier, an account.
        """
        ...


@runtime_checkable
class ReadsParties(Protocol):
    """An ErpConnector that can also read the buyers' master data."""

    def pull_parties(self, cursor: str) -> Iterator[PartyPage]:
        """Buyers that changed after `cursor` ("" for all), as ErpConnector.pull does it for invoices."""
        ...


@runtime_checkable
class Counts(Protocol):
    """An ErpConnector that can also say how many invoices there are, so that none is missed unseen."""

    def count_posted(self, day: date) -> int:
        """How many invoices and credit notes dated this day (BT-2) the ERP holds as posted, of those that
        `pull` gives; asked with few calls, and reading nothing of them."""
        ...


@runtime_checkable
class WokenByCalls(Protocol):
    """An ErpConnector whose ERP can call when something changed, so that nobody needs to wait for the next
    poll."""

    def wake(self, call: Push) -> bool:
        """Whether this call is genuine and means that a pull is worthwhile now. RemoteRefused for a forged
        one."""
        ...


@dataclass(frozen=True, slots=True)
class PushDoor:
    """Who may push to a source, and how much at a time: any of these secrets is taken as bearer token."""

    tokens: tuple[SecretReference, ...]
    largest_body_bytes: int


@runtime_checkable
class TakesPushes(Protocol):
    """An ErpConnector that documents are pushed to."""

    @property
    def door(self) -> PushDoor:
        """What the gateway asks of a push before it hands it on."""
        ...

    def take(self, push: Push) -> Page:
        """The documents of one push; its cursor is that of the last page, and nothing is acknowledged.

        Raises MalformedDocument for a push that holds none.
        """
        ...


@dataclass(frozen=True, slots=True)
class Attachment:
    """One file of a message. `filename` has no folder in it."""

    filename: str
    media_type: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class OutboundMessage:
    """One finished invoice on its way to one receiver.

    `message_id` is made before the first attempt and stays the same on every retry; it is a UUID in lower
    case. `files[0]` is the invoice as the network wants it, and `digest` its SHA-256 in lower-case hex.
    `sender` and `receiver` are electronic addresses (EAS); for e-mail `mailbox` is the receiver instead.
    `link` is where the buyer may open the invoice, "" for none, and `body` names it: whoever has it can open
    the invoice, so neither belongs into logs. Only channels with `shows_links = True` are given one.
    """

    message_id: str
    number: str
    digest: str
    files: tuple[Attachment, ...]
    seller: str
    buyer: str
    sender: Identifier | None = None
    receiver: Identifier | None = None
    mailbox: str = ""
    subject: str = ""
    body: str = field(default="", repr=False)
    link: str = field(default="", repr=False)
    # When the first attempt began (aware UTC), the same on every retry; the seller's country (ISO 3166-1).
    made_at: datetime | None = None
    country: str = ""
    # Whether an earlier attempt with this id may have reached the other side.
    may_be_there: bool = False


@dataclass(frozen=True, slots=True)
class Exchange:
    """What a network wants proven and counted of one message that an access point took.

    `peer` is the other access point's seat, `message_id` the network's own id of the message, `instance` what
    answers call the document. `sender` and `receiver` are electronic addresses as scheme:value,
    `document_type` and `process` are written scheme::value. `status_wanted` is what answer was asked for, ""
    for none.
    """

    peer: str
    message_id: str
    instance: str
    sender: str
    receiver: str
    document_type: str
    process: str
    country: str
    status_wanted: str = ""


@dataclass(frozen=True, slots=True)
class NetworkDocument:
    """A document that goes over a network beside the invoices: an answer, a report.

    `message_id` is a UUID made before the first attempt, `made_at` (aware UTC) when it was; both stay the
    same on every retry. `sender` and `receiver` are electronic addresses, `country` is where the sender is at
    home (ISO 3166-1). `may_be_there` says that an earlier attempt with this id may have arrived.
    """

    message_id: str
    made_at: datetime
    sender: Identifier
    receiver: Identifier
    country: str
    content: bytes = field(repr=False)
    may_be_there: bool = False


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the other side said about one message: SENT (taken), DELIVERED (arrived) or REJECTED (refused,
    `text` why).

    `evidence` is the proof exactly as received, `at` the other side's time as aware UTC. `unreachable` says
    of a REJECTED message that the receiver cannot be reached this way at all, so that another channel may be
    tried.
    """

    message_id: str
    state: DeliveryState
    at: datetime
    text: str = ""
    evidence: bytes = field(default=b"", repr=False)
    media_type: str = "application/octet-stream"
    unreachable: bool = False
    # What `settle` needs in order to tidy up at the other side; opaque to the pipeline.
    handle: str = ""
    # Where a network counts what is exchanged.
    exchange: Exchange | None = None


class Channel(Protocol):
    """One way out."""

    @property
    def name(self) -> str:
        """The configured name of this channel, as in `channels.yaml`."""
        ...

    def send(self, message: OutboundMessage) -> Receipt:
        """Hand one message over.

        Raises RouteError for a receiver that the other side does not know, RemoteUnavailable with `uncertain`
        where it may have been taken although no answer came.
        """
        ...

    def find(self, message: OutboundMessage) -> Receipt | None:
        """Whether the other side already holds this message; asked before every repeated attempt.

        Raises RemoteUnavailable or RemoteRefused when it cannot be told; None means certainly not taken, but
        for a channel with `asks_by_repeating = True`: it cannot ask, and what it sends again is recognised.
        """
        ...

    def receipts(self) -> Iterator[Receipt]:
        """News about messages sent earlier, each as often as asked until it is settled."""
        ...

    def settle(self, receipt: Receipt) -> None:
        """This news is stored for good: archive or delete it at the other side. Safe to repeat."""
        ...

    def check(self) -> Iterator[CheckStep]:
        """As ErpConnector.check."""
        ...

    def close(self) -> None:
        """Let go of sockets and files."""
        ...


@runtime_checkable
class SendsDocuments(Protocol):
    """A Channel that also carries answers and reports."""

    def send_document(self, document: NetworkDocument) -> Receipt:
        """As Channel.send."""
        ...

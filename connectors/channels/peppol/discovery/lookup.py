"""From a participant to the access point that receives for it: DNS, SMP, signatures, certificates, step by
step.

The same walk serves sending (`Directory.lookup`, with a cache) and people (`Directory.steps`, which shows
each step). Sources: Peppol SML 1.3.0, SMP 1.4.0, Policy for use of identifiers 4.4.0.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from connectors.base import CheckStep
from connectors.channels.peppol.discovery.addresses import require_callable
from connectors.channels.peppol.discovery.endpoint import AS4_PROFILE, ReceiverEndpoint
from connectors.channels.peppol.discovery.naptr import SmpLookup, SmpPlace
from connectors.channels.peppol.discovery.smp import SignedAnswer, SmpClient
from connectors.channels.peppol.discovery.smp_documents import Endpoint
from connectors.channels.peppol.pki.certificates import read_certificate, seat_id
from connectors.channels.peppol.pki.trust import Reason, Role, Trust, UntrustedCertificate
from formats.errors import EInvoicingError, MalformedDocument, RemoteUnavailable, RouteError
from formats.identifiers import WILDCARD_SCHEME, DocumentTypeId, ParticipantId, ProcessId

__all__ = ["AS4_PROFILE", "Directory", "ReceiverEndpoint"]

KEPT: Final = timedelta(minutes=15)
ABSENT_KEPT: Final = timedelta(minutes=5)
_MOST_KEPT: Final = 1_000
_INVOICE: Final = (
    "urn:oasis:names:specification:ubl:schema:xsd:Invoice-2::Invoice##urn:cen.eu:en16931:2017#compliant"
    "#urn:fdc:peppol.eu:2017:poacc:billing:3.0::2.1"
)
_ASK: Final = "ask the buyer to have their Peppol provider correct the entry"
_Key = tuple[ParticipantId, DocumentTypeId, ProcessId | None]
_Walk = Generator[CheckStep, None, ReceiverEndpoint]


@dataclass(frozen=True, slots=True)
class _Kept:
    """What was found, or why not, and until when that counts."""

    found: ReceiverEndpoint | RouteError
    until: datetime


class Directory:
    """Looks receivers up. Safe to share between threads; close it when done.

    What was found is kept for 15 minutes, that there is nothing for 5; failures of the network are not kept.
    """

    def __init__(self, dns: SmpLookup, smp: SmpClient, trust: Trust, *, allow_internal: bool = False) -> None:
        self._dns = dns
        self._smp = smp
        self._trust = trust
        self._allow_internal = allow_internal
        self._lock = threading.Lock()
        self._kept: OrderedDict[_Key, _Kept] = OrderedDict()

    def lookup(
        self,
        participant: ParticipantId,
        document_type: DocumentTypeId,
        process: ProcessId | None,
        at: datetime,
        *,
        fresh: bool = False,
    ) -> ReceiverEndpoint:
        """Where documents of this exact type and process go at that time (aware UTC); any process for None.

        `fresh` drops what is kept and asks again. Raises RouteError where the receiver does not take it,
        RemoteUnavailable where that cannot be told now, RemoteUnexpected for answers that are not believed.
        """
        key = (participant, document_type, process)
        kept = None if fresh else self._held(key, at)
        if kept is not None:
            if isinstance(kept, RouteError):
                raise RouteError(kept.what, where=kept.where, fix=kept.fix)
            return kept
        self.forget(participant, document_type, process)
        try:
            found: ReceiverEndpoint | RouteError = _last(
                self._walk(_Progress(), participant, document_type, process, at)
            )
        except RouteError as error:
            found = error
        until = at + (ABSENT_KEPT if isinstance(found, RouteError) else KEPT)
        if isinstance(found, ReceiverEndpoint):
            ends = (found.expires_at, found.certificate.not_valid_after_utc)
            until = min([until, *(end for end in ends if end is not None)])
        with self._lock:
            self._kept[key] = _Kept(found, until)
            while len(self._kept) > _MOST_KEPT:
                self._kept.popitem(last=False)
        if isinstance(found, RouteError):
            raise found
        return found

    def forget(
        self, participant: ParticipantId, document_type: DocumentTypeId, process: ProcessId | None
    ) -> None:
        """Drop what is kept, after the receiver could not open a message or could not be reached; the next
        lookup asks again."""
        with self._lock:
            self._kept.pop((participant, document_type, process), None)

    def forget_all(self) -> None:
        """Drop everything that is kept, after it was decided anew whom to trust."""
        with self._lock:
            self._kept.clear()

    def document_types(self, participant: ParticipantId) -> tuple[DocumentTypeId, ...]:
        """What the participant can receive at all, as its SMP lists it; asked each time.

        Raises as `lookup`.
        """
        return self._smp.group(self._place(participant).url, participant).document_types

    def steps(
        self,
        participant: ParticipantId,
        document_type: DocumentTypeId | None,
        process: ProcessId | None,
        at: datetime,
    ) -> Iterator[CheckStep]:
        """Every step of a lookup that asks everything anew, up to the first that fails; raises nothing that
        the other side causes.

        Without a document type one of the list is taken, the Peppol BIS Billing 3 invoice first.
        """
        progress = _Progress()
        try:
            yield from self._walk(progress, participant, document_type, process, at, listed=True)
        except EInvoicingError as error:
            yield CheckStep(progress.step, False, error.what, error.fix)

    def close(self) -> None:
        """Let go of all connections; safe to repeat."""
        self._smp.close()

    def _held(self, key: _Key, at: datetime) -> ReceiverEndpoint | RouteError | None:
        with self._lock:
            kept = self._kept.get(key)
            if kept is None or at >= kept.until:
                return None
            self._kept.move_to_end(key)
            return kept.found

    def _place(self, participant: ParticipantId) -> SmpPlace:
        place = self._dns.find(participant)
        require_callable(
            place.url, whose="SMP", where=f"DNS, {place.name}", allow_internal=self._allow_internal
        )
        return place

    def _walk(
        self,
        progress: _Progress,
        participant: ParticipantId,
        wanted: DocumentTypeId | None,
        process: ProcessId | None,
        at: datetime,
        *,
        listed: bool = False,
    ) -> _Walk:
        yield progress.done("participant", f"{participant.key}, {participant.dns_label} in the DNS")
        progress.step = "SML"
        place = self._place(participant)
        yield progress.done("SML", f"{place.url} (says {place.resolver} of {place.name})")
        if wanted is not None and not listed and wanted.scheme != WILDCARD_SCHEME:
            exact = entry = wanted
        else:
            progress.step = "document types"
            types = self._smp.group(place.url, participant).document_types
            yield progress.done("document types", f"{len(types)} registered")
            progress.step = "document type"
            exact = wanted or _usual(participant, types)
            entry = _registered(participant, exact, types)
            yield progress.done("document type", entry.key)
        progress.step = "SMP"
        answer = self._smp.metadata(place.url, participant, entry, at)
        yield progress.done("SMP", _said(answer))
        progress.step = "process"
        offers = _of_process(answer, process)
        yield progress.done("process", offers[0].process.key)
        progress.step = "endpoint"
        offer = _in_force(participant, offers, at)
        require_callable(
            offer.url,
            whose="receiving access point",
            where=answer.url,
            allow_internal=self._allow_internal,
        )
        yield progress.done("endpoint", f"{offer.url}, {_span(offer)}")
        progress.step = "certificate"
        endpoint = self._checked(participant, exact, answer, offer, at)
        yield progress.done("certificate", _certificate_text(endpoint))
        return endpoint

    def _checked(
        self,
        participant: ParticipantId,
        exact: DocumentTypeId,
        answer: SignedAnswer,
        offer: Endpoint,
        at: datetime,
    ) -> ReceiverEndpoint:
        where = f"SMP entry of {participant}"
        try:
            certificate = read_certificate(offer.certificate, where=where)
            revocation = self._trust.examine(certificate, Role.ACCESS_POINT, at)
        except MalformedDocument as error:
            raise RouteError(error.what, where=where, fix=_ASK) from error
        except UntrustedCertificate as error:
            if error.reason is Reason.UNKNOWN_REVOCATION:
                raise RemoteUnavailable(error.what, where=error.where, fix=error.fix) from error
            raise RouteError(
                f"the receiving access point cannot be trusted: {error.what}",
                where=error.where,
                fix=error.fix,
            ) from error
        entry = answer.metadata.document_type
        return ReceiverEndpoint(
            participant=participant,
            document_type=exact.in_scheme(entry.scheme),
            registered_as=entry,
            process=offer.process,
            url=offer.url,
            certificate=certificate,
            smp_url=answer.url,
            found_at=at,
            activates_at=offer.activates_at,
            expires_at=offer.expires_at,
            transport_profile=offer.transport_profile,
            contact=offer.contact,
            revocation=revocation,
            evidence=answer.content,
        )


@dataclass(slots=True)
class _Progress:
    """Which step is being tried, so that a failure can be shown as that step."""

    step: str = "participant"

    def done(self, name: str, seen: str) -> CheckStep:
        return CheckStep(name, True, seen)


def _last(walk: _Walk) -> ReceiverEndpoint:
    while True:
        try:
            next(walk)
        except StopIteration as end:
            found: ReceiverEndpoint = end.value
            return found


def _usual(participant: ParticipantId, types: Sequence[DocumentTypeId]) -> DocumentTypeId:
    invoice = DocumentTypeId.of(_INVOICE)
    if not types:
        raise RouteError(
            f"{participant} is registered, but for no document type",
            where="SMP",
            fix="ask the buyer to have their Peppol provider register what they want to receive",
        )
    return invoice if invoice in types else types[0]


def _registered(
    participant: ParticipantId, exact: DocumentTypeId, types: Sequence[DocumentTypeId]
) -> DocumentTypeId:
    """The entry that takes this exact type: the exact one before those with a `*`, the longest first."""
    for candidate in exact.candidates():
        if candidate in types:
            return candidate
    raise RouteError(
        f"{participant} is not registered for this document type ({exact})",
        where="SMP",
        fix="choose a format that the buyer receives; gateway peppol lookup lists them",
    )


def _of_process(answer: SignedAnswer, process: ProcessId | None) -> tuple[Endpoint, ...]:
    offered = answer.metadata.endpoints
    offers = tuple(one for one in offered if process is None or one.process == process)
    if not offers:
        names = ", ".join(dict.fromkeys(str(one.process) for one in offered)) or "none"
        raise RouteError(
            f"{answer.metadata.participant} takes this document type, but not in the process {process} "
            f"(registered: {names})",
            where=answer.url,
            fix="choose a profile of a registered process, or ask the buyer",
        )
    return offers


def _in_force(participant: ParticipantId, offers: Sequence[Endpoint], at: datetime) -> Endpoint:
    """The AS4 endpoint that is active now; of several the one that began last."""
    where = f"SMP entry of {participant}"
    speaking = [one for one in offers if one.transport_profile == AS4_PROFILE]
    if not speaking:
        profiles = ", ".join(sorted({one.transport_profile for one in offers}))
        raise RouteError(
            f"{participant} has no endpoint for AS4 ({AS4_PROFILE}); registered: {profiles}",
            where=where,
            fix=_ASK,
        )
    active = [
        one
        for one in speaking
        if (one.activates_at is None or one.activates_at <= at)
        and (one.expires_at is None or at < one.expires_at)
    ]
    if not active:
        spans = "; ".join(_span(one) for one in speaking[:3])
        raise RouteError(f"{participant} has no endpoint that is active now ({spans})", where=where, fix=_ASK)
    return max(active, key=lambda one: one.activates_at.timestamp() if one.activates_at else float("-inf"))


def _said(answer: SignedAnswer) -> str:
    moved = ", after one redirect" if answer.redirected else ""
    return f"signed by {seat_id(answer.signer)}, {answer.url.partition('/services/')[0]}{moved}"


def _span(offer: Endpoint) -> str:
    begins = f"from {offer.activates_at:%Y-%m-%d}" if offer.activates_at else "from the beginning"
    return f"active {begins} " + (f"to {offer.expires_at:%Y-%m-%d}" if offer.expires_at else "on")


def _certificate_text(endpoint: ReceiverEndpoint) -> str:
    ends = endpoint.certificate.not_valid_after_utc
    said = endpoint.revocation.source if endpoint.revocation is not None else "not checked"
    return f"{endpoint.seat_id}, valid to {ends:%Y-%m-%d}, revocation: {said}"

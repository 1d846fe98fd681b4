"""Invoices through an outside access-point provider over REST, in the shape of Storecove's API v2.

A document is submitted under an id of ours (`idempotencyGuid`, our message id): the provider takes it once,
however often it comes, and says so by a refusal. What became of it is told by events in a queue of the
account, read one at a time and deleted; the proof is the evidence of the submission. Source: the provider's
public interface description (OpenAPI, version 2.0.1) and its documentation; what these leave open is a
setting (docs/channels/provider_rest.md).
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from connectors.base import CheckStep, DeliveryState, OutboundMessage, Receipt, Surroundings
from connectors.channels.provider_rest_settings import ProviderRestSettings
from connectors.channels.provider_rest_watch import Watch, Watched
from connectors.checking import in_order
from connectors.http import HttpAnswer
from formats.codelists.document_types import document_type_of
from formats.errors import (
    ConfigError,
    DocumentError,
    EInvoicingError,
    RemoteRefused,
    RemoteUnavailable,
    RemoteUnexpected,
    RouteError,
)
from formats.identifiers import PARTICIPANT_SCHEME

__all__ = ["ProviderRest"]

_GUID: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_MOST_LOOKS: Final = 20
_Route = dict[str, str]


class ProviderRest:
    """One account at one provider. Only `files[0]` of a message is sent: what belongs to an invoice is inside
    it. Safe to share between threads."""

    def __init__(self, name: str, settings: ProviderRestSettings, surroundings: Surroundings) -> None:
        self._name = name
        self._settings = settings
        self._secret = surroundings.secret
        self._clock = surroundings.clock
        self._http = settings.client(surroundings.clock)
        self._watch = Watch(surroundings.locked, surroundings.clock, settings.most_watched)

    @property
    def name(self) -> str:
        return self._name

    def send(self, message: OutboundMessage) -> Receipt:
        """Submit one document under our message id; safe to repeat.

        Raises RouteError for a receiver that the provider certainly does not reach, DocumentError for a
        document that it refuses, RemoteUnavailable with `uncertain` where it may have been taken. After an
        attempt whose end is not known nothing but its own word on our id counts.
        """
        body, route = self._prepared(message)
        resumed = self._watch.get(message.message_id) is not None
        if self._settings.ask_before_sending and not resumed:
            self._insist_on_receiver(message, route)
        return self._submit(message, body)

    def find(self, message: OutboundMessage) -> Receipt | None:
        """What the provider holds under our message id.

        The interface has no question for that. Where the provider's own id is known, its evidence is asked
        for; where an attempt ended without an answer, the document is submitted again under the same id,
        which the provider takes once. None means that no attempt ever got as far as the provider.
        """
        known = self._watch.get(message.message_id)
        if known is None:
            return None
        if known.guid:
            return self._proven(message.message_id, known) or self._taken(
                message.message_id, "the provider has it, and no evidence yet", b""
            )
        limit = datetime.fromisoformat(known.at) + timedelta(days=self._settings.remembers_ids_days)
        if self._clock() > limit:
            raise RemoteUnexpected(
                "an attempt ended without an answer so long ago that the provider may not know its id again",
                where=self._where(message),
                fix=f"look for {message.message_id} in the provider's own pages: if it is there, confirm the "
                "invoice as sent; if not, resend it",
            )
        return self._submit(message, self._prepared(message)[0])

    def receipts(self) -> Iterator[Receipt]:
        """The events of the queue, oldest first, and then the evidence of messages that no event told of.

        An event is deleted when it is settled. Where one is not, the next is not read: the queue gives the
        first one until it is deleted.
        """
        last = ""
        for _ in range(self._settings.most_events):
            answer = self._call("GET", "webhook_instances/")
            if answer.status == 204 or not answer.content.strip():
                break
            instance = _mapping(answer)
            guid, body = str(instance.get("guid", "")), instance.get("body")
            if not _GUID.fullmatch(guid):
                raise self._unexpected("an event of the queue has no id", answer)
            if guid == last:
                return
            last = guid
            receipt = self._of_event(guid, body if isinstance(body, str) else json.dumps(body), answer)
            if receipt is not None:
                yield receipt
            else:
                self._delete(guid)
        yield from self._looked_after()

    def settle(self, receipt: Receipt) -> None:
        """Delete the event, and watch the message no more once its outcome is known."""
        if _GUID.fullmatch(receipt.handle):
            self._delete(receipt.handle)
        if receipt.state in (DeliveryState.DELIVERED, DeliveryState.REJECTED):
            self._watch.forget(receipt.message_id)

    def check(self) -> Iterator[CheckStep]:
        """Connection, API key, and each company that sends; reads only."""
        settings = self._settings
        numbers = {*settings.legal_entities.values(), *filter(None, [settings.legal_entity_id])}
        return in_order(
            [
                (f"legal entity {number}", lambda number=number: self._entity(number))
                for number in sorted(numbers)
            ]
        )

    def close(self) -> None:
        self._http.close()

    # -- handing over ------------------------------------------------------------------------------------

    def _prepared(self, message: OutboundMessage) -> tuple[dict[str, object], _Route]:
        """The submission and its receiver. Raises RouteError without an address the provider has a name for,
        DocumentError for a document that cannot go, ConfigError for a seller without a legal entity."""
        where, settings = self._where(message), self._settings
        receiver = message.receiver
        if receiver is None or not receiver.scheme or not receiver.value:
            raise RouteError(
                "the buyer has no electronic address",
                where=where,
                fix="enter the Peppol identifier (scheme and number) of the buyer in the ERP",
            )
        scheme = settings.scheme(receiver.scheme)
        if scheme is None:
            raise RouteError(
                f"the provider has no name for the scheme {receiver.scheme[:25]} of the buyer's address",
                where=where,
                fix="check the electronic address of the buyer in the ERP, or name the scheme in `schemes`",
            )
        entity = settings.legal_entity(message.sender)
        if entity is None:
            raise ConfigError(
                f"no legal entity is set for the seller {message.sender}",
                where=where,
                fix="add its electronic address with the provider's number to legal_entities",
            )
        if not message.files or hashlib.sha256(message.files[0].content).hexdigest() != message.digest:
            raise DocumentError(
                "the document is not the one that was approved for sending",
                where=where,
                fix="process the invoice again",
            )
        content = message.files[0].content
        if len(content) > settings.largest_megabytes * 1024 * 1024:
            raise DocumentError(
                f"the document is larger than {settings.largest_megabytes} megabytes",
                where=where,
                fix="send it another way, or with smaller attachments",
            )
        route = {"scheme": scheme, "id": receiver.value}
        body: dict[str, object] = {
            "legalEntityId": entity,
            "idempotencyGuid": message.message_id,
            "routing": {"eIdentifiers": [route]},
            "document": {"documentType": "invoice", "rawDocumentData": self._raw(content)},
        }
        return body, route

    def _raw(self, content: bytes) -> dict[str, object]:
        kind, process = document_type_of(content)
        raw: dict[str, object] = {
            "document": base64.b64encode(content).decode(),
            "parse": self._settings.parse,
        }
        if self._settings.parse:
            cii = kind.value.startswith("urn:un:unece:")
            return {**raw, "parseStrategy": "cii" if cii else "ubl"}
        return {**raw, "documentTypeId": kind.value, "processId": process.value}

    def _insist_on_receiver(self, message: OutboundMessage, route: _Route) -> None:
        """Raises RouteError where the provider says that the receiver is not in the network."""
        question = {
            "documentTypes": ["invoice"],
            "network": "peppol",
            "metaScheme": PARTICIPANT_SCHEME,
            "scheme": route["scheme"],
            "identifier": route["id"],
        }
        try:
            answer = self._call("POST", "discovery/receives", json=question, allowed=(422,))
        except RemoteUnavailable as error:
            # A question changes nothing at the other side.
            raise RemoteUnavailable(
                error.what, where=error.where, fix="it is tried again by itself", retry_at=error.retry_at
            ) from error
        if answer.status == 422:
            said = "; ".join(f"{source} {details}".strip() for source, details in _problems(answer))
            raise self._not_reached(message, said or "it does not know such an address")
        code = str(_mapping(answer).get("code", "")).casefold()
        if code in {one.casefold() for one in self._settings.unreachable_codes}:
            raise self._not_reached(message, "the receiver is not in the network, or takes no invoices")
        if code not in {one.casefold() for one in self._settings.reachable_codes}:
            raise self._unexpected(
                "whether the receiver is in the network was not answered by yes or no", answer
            )

    def _submit(self, message: OutboundMessage, body: dict[str, object]) -> Receipt:
        message_id = message.message_id
        resumed = self._watch.open(message_id)
        try:
            answer = self._call("POST", "document_submissions", json=body, allowed=(422,))
        except (RemoteUnavailable, RemoteRefused) as error:
            if not resumed and not getattr(error, "uncertain", False):
                self._watch.forget(message_id)
            raise
        if answer.status == 422:
            return self._refused(message, answer, resumed=resumed)
        guid = str(_mapping(answer).get("guid", ""))
        if not _GUID.fullmatch(guid):
            raise self._unexpected("the document was taken, and the answer names no id", answer)
        self._watch.put(message_id, Watched(self._clock().isoformat(), guid))
        return self._taken(message_id, f"taken by the provider as {guid}", answer.content)

    def _refused(self, message: OutboundMessage, answer: HttpAnswer, *, resumed: bool) -> Receipt:
        """A refusal is one of three: it is there already, it cannot be delivered, it is wrong."""
        settings, problems = self._settings, _problems(answer)
        for source, details in problems:
            words = f"{source} {details}".casefold()
            if any(one.casefold() in words for one in settings.duplicate_sources):
                return self._taken(message.message_id, "the provider has it already", answer.content)
        said = "; ".join(f"{source}: {details}" if source else details for source, details in problems)[:500]
        if resumed:
            raise RemoteUnexpected(
                f"an earlier attempt ended without an answer, and now the provider refuses: {said}",
                where=self._where(message),
                fix=f"look for {message.message_id} in the provider's own pages: if it is there, confirm the "
                "invoice as sent; if not, mend what it says and resend it",
                evidence=answer.content,
            )
        self._watch.forget(message.message_id)
        for source, _ in problems:
            if any(one.casefold() in source.casefold() for one in settings.unreachable_sources):
                raise self._not_reached(message, said)
        raise DocumentError(
            f"the provider refuses the document: {said or 'without a reason'}",
            where=self._where(message),
            fix="mend what it names in the ERP; a corrected invoice goes out by itself",
        )

    # -- news --------------------------------------------------------------------------------------------

    def _of_event(self, handle: str, text: str, answer: HttpAnswer) -> Receipt | None:
        """The news of one event; None for one that is to be deleted at once."""
        try:
            event = json.loads(text)
        except (ValueError, RecursionError):
            event = None
        facts = event if isinstance(event, dict) else {}
        message_id = str(facts.get("idempotencyGuid") or "").lower()
        if facts.get("event_type") != "document_submission" or not _GUID.fullmatch(message_id):
            if self._settings.drop_foreign_events:
                return None
            raise RemoteUnexpected(
                "an event in the provider's queue is not about an invoice of ours",
                where=f"{self._name}, {answer.where}",
                fix="give the gateway an account of its own at the provider, or set drop_foreign_events",
                evidence=text.encode(),
            )
        settings, said = self._settings, str(facts.get("event", ""))
        state = DeliveryState.ACCEPTED_FOR_TRANSPORT
        if said in (*settings.unreachable_events, *settings.failed_events):
            state = DeliveryState.REJECTED
        elif said in settings.delivered_events:
            return self._delivered(message_id, handle, str(facts.get("guid", "")), text)
        return Receipt(
            message_id=message_id,
            state=state,
            at=self._clock(),
            text=": ".join(filter(None, [said, str(facts.get("details") or "")]))[:500],
            evidence=text.encode(),
            media_type="application/json",
            unreachable=said in settings.unreachable_events,
            handle=handle,
        )

    def _delivered(self, message_id: str, handle: str, guid: str, text: str) -> Receipt | None:
        """Delivered, with its evidence; while that is late the message is watched, and the event is done
        with."""
        known = self._watch.get(message_id) or Watched(self._clock().isoformat())
        known = replace(known, guid=known.guid or guid, event=text[:8_000])
        known = replace(known, told_at=known.told_at or self._clock().isoformat())
        found = self._proven(message_id, known)
        if found is not None:
            return replace(found, handle=handle)
        self._watch.put(message_id, replace(known, looked_at=self._clock().isoformat()))
        return None

    def _looked_after(self) -> Iterator[Receipt]:
        """Ask for the evidence of what was told delivered, and of what nothing was told of for too long."""
        now = self._clock()
        silent = timedelta(minutes=self._settings.look_after_minutes)
        due = [
            (key, one)
            for key, one in self._watch.all().items()
            if one.event or (one.guid and now - _moment(one.looked_at or one.at) >= silent)
        ]
        due.sort(key=lambda pair: pair[1].looked_at)
        for message_id, known in due[:_MOST_LOOKS]:
            found = self._proven(message_id, known)
            if found is None:
                self._watch.put(message_id, replace(known, looked_at=now.isoformat()))
            else:
                yield found

    def _proven(self, message_id: str, known: Watched) -> Receipt | None:
        """The delivery with its proof; None while there is none. A delivery that was told counts without it
        after some time."""
        content = b""
        if _GUID.fullmatch(known.guid):
            answer = self._call("GET", f"document_submissions/{known.guid}/evidence/sending", allowed=(404,))
            content = b"" if answer.status == 404 else answer.content
            if content:
                _mapping(answer)
        if not content and known.event:
            limit = _moment(known.told_at) + timedelta(minutes=self._settings.evidence_within_minutes)
            content = known.event.encode() if self._clock() >= limit else b""
        if not content:
            return None
        return Receipt(
            message_id=message_id,
            state=DeliveryState.DELIVERED,
            at=_moment(known.told_at) if known.told_at else self._clock(),
            text="delivered by the provider",
            evidence=content,
            media_type="application/json",
        )

    def _delete(self, event: str) -> None:
        self._call("DELETE", f"webhook_instances/{event}", allowed=(404,))

    # -- the interface -----------------------------------------------------------------------------------

    def _call(
        self, method: str, path: str, *, json: object = None, allowed: tuple[int, ...] = ()
    ) -> HttpAnswer:
        headers = {"Authorization": f"Bearer {self._secret(self._settings.api_key).strip()}"}
        return self._http.request(
            method, path, headers={**headers, "Accept": "application/json"}, json=json, allowed=allowed
        )

    def _entity(self, number: int) -> str:
        facts = _mapping(self._call("GET", f"legal_entities/{number}"))
        return f"{str(facts.get('party_name') or 'a company')[:100]} may send"

    def _taken(self, message_id: str, text: str, evidence: bytes) -> Receipt:
        return Receipt(
            message_id,
            DeliveryState.ACCEPTED_FOR_TRANSPORT,
            self._clock().astimezone(UTC),
            text,
            evidence,
            "application/json",
        )

    def _where(self, message: OutboundMessage) -> str:
        return f"{self._name}, invoice {message.number[:80]}"

    def _not_reached(self, message: OutboundMessage, said: str) -> EInvoicingError:
        return RouteError(
            f"the provider does not reach {message.receiver}: {said[:300]}",
            where=self._where(message),
            fix="ask the buyer for a valid address and enter it in the ERP",
        )

    def _unexpected(self, what: str, answer: HttpAnswer) -> EInvoicingError:
        return RemoteUnexpected(
            what,
            where=f"{self._name}, {answer.where}",
            fix="compare base_url and the provider's version with the answer, which is kept",
            evidence=answer.content,
        )


def _mapping(answer: HttpAnswer) -> dict[str, Any]:
    found = answer.json()
    if not isinstance(found, dict):
        raise RemoteUnexpected(
            "the answer is not the object that the interface promises",
            where=answer.where,
            fix="compare base_url and the provider's version with the answer, which is kept",
            evidence=answer.content,
        )
    return found


def _problems(answer: HttpAnswer) -> list[tuple[str, str]]:
    """Source and details of each problem in a refusal; the raw text where it is not of that shape."""
    try:
        found = answer.json()
    except EInvoicingError:
        found = None
    if isinstance(found, dict):
        found = found.get("errors", [found])
    if not isinstance(found, list):
        return [("", answer.content[:300].decode("utf-8", "replace"))]
    rows = [one if isinstance(one, dict) else {"details": one} for one in found[:20]]
    return [(str(row.get("source") or "")[:200], str(row.get("details") or "")[:300]) for row in rows]


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)

"""The imitated access-point provider with a REST interface, in the shape of Storecove's API v2.

    POST   /api/v2/document_submissions            {"legalEntityId", "idempotencyGuid", "routing", "document"}
    GET    /api/v2/document_submissions/<guid>/evidence/sending
    POST   /api/v2/discovery/receives              {"scheme", "identifier", ...} -> {"code": "OK" or "NOK"}
    GET    /api/v2/webhook_instances/              the first event of the queue, 204 for none
    DELETE /api/v2/webhook_instances/<guid>        it is done with
    GET    /api/v2/legal_entities/<id>

Every call carries the API key. A document is taken once for each `idempotencyGuid`; the second time is a
refusal (422) like that of a wrong one: [{"source", "details"}]. Delivery is at once: an event `succeeded`,
`no_action_taken` (nobody to deliver to) or `failed` goes into the queue, and evidence is there after a
success.

Faults by place: those of every web server by `METHOD /path`, there also revoked-token; `deliver <receiver>`
with rejected (given up) and not-serviced (nobody to deliver to); `event <message id> <event>` with
lost-receipt and duplicate; `evidence <message id>` with lost-receipt (not there yet). A receiver is written
`NL:KVK:12345678`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
import threading
import uuid
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from lxml import etree

from connectors.sandbox.faults import Faults
from connectors.sandbox.http_server import Reply, Request, SandboxHttpServer, json_reply, text_reply

__all__ = ["API_KEY", "ENTITIES", "UNREGISTERED", "ImitatedProviderRest"]

API_KEY: Final = "demo-provider-rest-key"
ENTITIES: Final[Mapping[int, str]] = {
    1001: "Nordlicht Werkzeuge GmbH",
    1002: "Brightwater NV",
    1003: "Vandael B.V.",
}
# Well-formed and in no register.
UNREGISTERED: Final = frozenset({"be:en:0000000097", "nl:kvk:00000000", "gln:0000000000000"})
_API: Final = "/api/v2"
_GUID: Final = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_SCHEME: Final = re.compile(r"[A-Z]{2}:[A-Z0-9]{1,10}|GLN|DUNS|LEI|GS1|IBAN|SPIS", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Held:
    """One document that was taken."""

    guid: str
    message_id: str
    receiver: str
    number: str
    outcome: str
    content: bytes = field(repr=False)

    def described(self) -> dict[str, object]:
        return {
            "message_id": self.message_id,
            "guid": self.guid,
            "number": self.number,
            "outcome": self.outcome,
            "sha256": hashlib.sha256(self.content).hexdigest(),
        }


class _Refused(Exception):
    def __init__(self, source: str, details: str) -> None:
        self.problem = {"source": source, "details": details}
        super().__init__(details)


class ImitatedProviderRest:
    """`unregistered` are receivers that the register of participants does not hold."""

    name = "provider-rest"

    def __init__(self, port: int = 47095, *, unregistered: Collection[str] = UNREGISTERED) -> None:
        self.faults = Faults()
        self._unregistered = {one.lower() for one in unregistered}
        self._lock = threading.RLock()
        self._held: dict[str, _Held] = {}
        self._events: list[tuple[str, str]] = []
        self._repeated: list[str] = []
        self.server = SandboxHttpServer(port, self.faults)
        for method, pattern, answer in (
            ("POST", "/document_submissions", self._submit),
            ("GET", f"/document_submissions/({_GUID})/evidence/sending", self._evidence),
            ("POST", "/discovery/receives", self._receives),
            ("GET", "/webhook_instances/", self._next_event),
            ("DELETE", f"/webhook_instances/({_GUID})", self._drop_event),
            ("GET", r"/legal_entities/(\d{1,9})", self._entity),
        ):
            self.server.route(method, _API + pattern, self._known(answer))

    @property
    def port(self) -> int:
        return self.server.port

    @property
    def url(self) -> str:
        return f"{self.server.url}{_API}"

    def start(self) -> None:
        self.server.start()

    def stop(self) -> None:
        self.server.stop()

    def addresses(self) -> Mapping[str, str]:
        return {"rest": self.url}

    def secrets(self) -> Mapping[str, str]:
        return {"provider-rest-key": API_KEY}

    def mend(self) -> list[str]:
        """Nothing is seeded wrong here."""
        return []

    def holdings(self) -> Mapping[str, object]:
        """Documents delivered by receiver, those that went nowhere, and message ids that came again."""
        with self._lock:
            receivers: dict[str, list[dict[str, object]]] = {}
            for one in self._held.values():
                if one.outcome == "succeeded":
                    receivers.setdefault(one.receiver, []).append(one.described())
            return {
                "delivered": sum(len(documents) for documents in receivers.values()),
                "receivers": {
                    receiver: {"count": len(documents), "documents": documents}
                    for receiver, documents in sorted(receivers.items())
                },
                "not delivered": [
                    one.described() for one in self._held.values() if one.outcome != "succeeded"
                ],
                "repeated": list(self._repeated),
                "waiting events": len(self._events),
            }

    def tell(self, event: Mapping[str, object]) -> None:
        """Put an event of another kind into the queue, as other uses of the account do."""
        with self._lock:
            self._events.append((str(uuid.uuid4()), json.dumps(event)))

    def _known(self, answer: Callable[[Request], Reply]) -> Callable[[Request], Reply]:
        def answered(request: Request) -> Reply:
            revoked = self.faults.take(f"{request.method} {request.path}", "revoked-token")
            if revoked or request.headers.get("authorization") != f"Bearer {API_KEY}":
                return text_reply("Unauthorized", 401)
            with self._lock:
                return answer(request)

        return answered

    def _submit(self, request: Request) -> Reply:
        try:
            asked = _object(request)
            message_id = str(asked.get("idempotencyGuid", "")).lower()
            if not re.fullmatch(_GUID, message_id):
                raise _Refused("idempotencyGuid", "is not a GUID")
            if message_id in self._held:
                self._repeated.append(message_id)
                raise _Refused("idempotencyGuid", "has already been used")
            if asked.get("legalEntityId") not in ENTITIES:
                raise _Refused("legalEntityId", "is not a legal entity of this account")
            receiver = _receiver(asked)
            content = _document(asked)
            number = _number(content)
        except _Refused as refusal:
            return json_reply([refusal.problem], 422)
        outcome = "succeeded"
        if receiver.lower() in self._unregistered or self.faults.take(f"deliver {receiver}", "not-serviced"):
            outcome = "no_action_taken"
        elif self.faults.take(f"deliver {receiver}", "rejected"):
            outcome = "failed"
        held = _Held(str(uuid.uuid4()), message_id, receiver, number, outcome, content)
        self._held[message_id] = held
        self._announce(held)
        return json_reply({"guid": held.guid})

    def _announce(self, held: _Held) -> None:
        place = f"event {held.message_id} {held.outcome}"
        if self.faults.take(place, "lost-receipt"):
            return
        details = {"no_action_taken": "no receiver was found", "failed": "the receiver's side refused it"}
        event = {
            "event_type": "document_submission",
            "event_group": "sending",
            "event": held.outcome,
            "details": details.get(held.outcome, ""),
            "guid": held.guid,
            "idempotencyGuid": held.message_id,
        }
        for _ in range(2 if self.faults.take(place, "duplicate") else 1):
            self._events.append((str(uuid.uuid4()), json.dumps(event)))

    def _evidence(self, request: Request) -> Reply:
        found = next((one for one in self._held.values() if one.guid == request.match[1]), None)
        if found is None or found.outcome != "succeeded":
            return text_reply("Not found", 404)
        if self.faults.take(f"evidence {found.message_id}", "lost-receipt"):
            return text_reply("Not found", 404)
        return json_reply(
            {
                "sender": "",
                "receiver": found.receiver,
                "network": "peppol",
                "documents": [],
                "evidence": {
                    "message_id": f"{found.guid}@provider.example",
                    "receiving_accesspoint": "CN=POP000099,O=Example AP,C=BE",
                    "transmission_datetime": datetime.now(UTC).isoformat(timespec="seconds"),
                },
            }
        )

    def _receives(self, request: Request) -> Reply:
        try:
            asked = _object(request)
        except _Refused as refusal:
            return json_reply([refusal.problem], 422)
        scheme, identifier = str(asked.get("scheme", "")), str(asked.get("identifier", ""))
        if not _SCHEME.fullmatch(scheme) or not identifier:
            return json_reply([{"source": "scheme", "details": "is not a known scheme"}], 422)
        known = f"{scheme}:{identifier}".lower() not in self._unregistered
        return json_reply({"code": "OK" if known else "NOK", "email": False})

    def _next_event(self, request: Request) -> Reply:
        if not self._events:
            return Reply(204)
        guid, body = self._events[0]
        return json_reply({"guid": guid, "body": body})

    def _drop_event(self, request: Request) -> Reply:
        before = len(self._events)
        self._events = [one for one in self._events if one[0] != request.match[1]]
        return Reply(204) if len(self._events) < before else text_reply("Not found", 404)

    def _entity(self, request: Request) -> Reply:
        number = int(request.match[1])
        if number not in ENTITIES:
            return text_reply("Not found", 404)
        return json_reply({"id": number, "party_name": ENTITIES[number], "country": "BE"})


def _object(request: Request) -> dict[str, Any]:
    try:
        found = request.json()
    except (ValueError, RecursionError) as error:
        raise _Refused("body", "is not JSON") from error
    if not isinstance(found, dict):
        raise _Refused("body", "is not an object")
    return found


def _receiver(asked: Mapping[str, Any]) -> str:
    try:
        (address,) = asked["routing"]["eIdentifiers"]
        scheme, value = str(address["scheme"]), str(address["id"])
    except (KeyError, TypeError, ValueError) as error:
        raise _Refused("routing.eIdentifiers", "exactly one is needed") from error
    if not _SCHEME.fullmatch(scheme) or not value:
        raise _Refused("routing.eIdentifiers", "is not a known scheme")
    return f"{scheme}:{value}"


def _document(asked: Mapping[str, Any]) -> bytes:
    try:
        raw = asked["document"]["rawDocumentData"]
        content = base64.b64decode(raw["document"], validate=True)
        parsed = raw.get("parse", True)
        complete = (
            raw["parseStrategy"] in ("ubl", "cii") if parsed else raw["documentTypeId"] and raw["processId"]
        )
    except (KeyError, TypeError, AttributeError, binascii.Error) as error:
        raise _Refused("document.rawDocumentData", "is not complete") from error
    if asked["document"].get("documentType") != "invoice" or not complete:
        raise _Refused("document", "is of no known type")
    return content


def _number(content: bytes) -> str:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        root = etree.fromstring(content, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise _Refused("document.rawDocumentData.document", "is not well-formed XML") from error
    within = root
    if etree.QName(root).localname == "CrossIndustryInvoice":
        within = next(root.iterchildren("{*}ExchangedDocument"), root)
    found = next(within.iterchildren("{*}ID"), None)
    if found is None or not (found.text or "").strip():
        raise _Refused("invoiceNumber", "is missing")
    return (found.text or "").strip()

"""The desk of the imitated network: what arrived there, and what it is to do, over HTTP and JSON.

    GET    /control/arrived         what arrived (newest 2,000 of each access point), with positions
    GET    /control/arrived/<message id>  the business document in its envelope, byte for byte
    GET    /control/sent            what was sent from here, with the answers
    GET    /control/participants    who is registered where
    POST   /control/participants    {"participant": "0208:...", "access_point": "ap2", "redirect": false}
    DELETE /control/participants    {"participant": "0208:..."}
    POST   /control/gateway         {"url": "http://...", "certificate": "gateway-next",
                                     "participants": ["0208:..."]}, each as wanted
    POST   /control/behaviour       {"participant": "0208:..." or "" for all, "behaviour": "rejects"}, or
                                    {"participant": ..., "responses": [{"code": "RE", "after": 1.5,
                                     "reasons": [{"code": "QTY", "text": "...", "list": "OPStatusReason"}]}]}
    POST   /control/mls             {"delay": 0.2, "code": "AB", "duty": "always",
                                     "findings": [{"code": "BV", "text": "...", "where": "/Invoice"}]}
    POST   /control/send            {"what": "invoice" or "credit-note", "number": "...", "seller": {...},
                                     "buyer": {...}, "mls_type": "ALWAYS_SEND", "access_point": "ap2"}, or
                                    {"what": "response", "message_id": "...", "code": "PD", "reasons": []}, or
                                    {"what": "mls", "message_id": "...", "code": "RE", "findings": [...]}
    POST   /control/revoke          {"certificate": "gateway"}
    POST   /control/testbed         {"url": "http://...", "receiver": "gateway", "recipient": "0208:...",
                                     "only": ["good"]}

A person is {"participant", "name", "country", "vat"}. A mistake is 400 with {"what", "where", "fix"}. Faults
are armed by the control server of the whole sandbox.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final
from urllib.parse import unquote

from connectors.sandbox.asking import answering_mistakes, asked_object
from connectors.sandbox.http_server import Reply, Request, json_reply, text_reply
from connectors.sandbox.peppol.access_point import Arrival
from connectors.sandbox.peppol.buyers import BEHAVIOURS, Response
from connectors.sandbox.peppol.documents import Finding, Person, Reason
from connectors.sandbox.peppol.network import ImitatedPeppol, MlsPlan
from connectors.sandbox.peppol.outgoing import Sending
from connectors.sandbox.peppol.pki import LEAVES
from connectors.sandbox.peppol.refusal import Refusal
from connectors.sandbox.peppol.testbed import Testbed
from formats.errors import ConfigError

__all__ = ["PeppolDesk"]

_HERE: Final = "peppol desk"

_MLS_CODES: Final = ("AP", "AB", "RE")
_DUTIES: Final = ("profile", "always", "never")
_RESPONSE_CODES: Final = ("AB", "IP", "UQ", "CA", "RE", "AP", "PD")


class PeppolDesk(ImitatedPeppol):
    """The imitated network together with its desk."""

    def _route(self) -> None:
        super()._route()
        for method, path, answer in (
            ("GET", "arrived", self._arrived),
            ("GET", "arrived/([^/]+)", self._document),
            ("GET", "sent", self._sent),
            ("GET", "participants", self._participants),
            ("POST", "participants", self._register),
            ("DELETE", "participants", self._forget),
            ("POST", "gateway", self._gateway),
            ("POST", "behaviour", self._behaviour),
            ("POST", "mls", self._mls),
            ("POST", "send", self._send),
            ("POST", "revoke", self._revoke),
            ("POST", "testbed", self._testbed),
        ):
            self.route(method, f"/control/{path}", answering_mistakes(answer))

    def _arrived(self, request: Request) -> Reply:
        return json_reply([one.described() for one in self.arrivals()])

    def _document(self, request: Request) -> Reply:
        wanted = unquote(request.match[1])
        for one in self.arrivals():
            if one.message_id == wanted:
                return Reply(200, one.document, "application/xml")
        return text_reply("no such message", 404)

    def _sent(self, request: Request) -> Reply:
        return json_reply([one.described() for one in tuple(self.outgoing.sent)])

    def _participants(self, request: Request) -> Reply:
        found = {
            participant: {
                "smp": name,
                "document_types": [service.identifier for service in publisher.services(participant)],
                "urls": sorted(
                    {
                        endpoint.url
                        for service in publisher.services(participant)
                        for endpoint in service.endpoints
                    }
                ),
            }
            for name, publisher in self.registers.publishers.items()
            for participant in publisher.participants()
        }
        return json_reply(found)

    def _register(self, request: Request) -> Reply:
        asked = asked_object(request, where=_HERE)
        participant = _text(asked, "participant")
        point = _text(asked, "access_point", "ap2", ("ap2", "ap3", "gateway"))
        self.registers.register(participant, access_point=point, redirect=bool(asked.get("redirect")))
        return json_reply({"registered": participant})

    def _forget(self, request: Request) -> Reply:
        participant = _text(asked_object(request, where=_HERE), "participant")
        self.registers.forget(participant)
        return json_reply({"forgotten": participant})

    def _gateway(self, request: Request) -> Reply:
        asked = asked_object(request, where=_HERE)
        label = _text(asked, "certificate", "-", ("-", *LEAVES))
        chosen = None if label == "-" else self.pki.leaf(label).certificate
        people = [str(one) for one in _rows(asked, "participants", str)]
        self.registers.gateway(_text(asked, "url", "-").strip("-"), certificate=chosen, participants=people)
        return json_reply({"gateway": self.registers.destination("gateway").url})

    def _behaviour(self, request: Request) -> Reply:
        asked = asked_object(request, where=_HERE)
        participant = _text(asked, "participant", "")
        if "responses" in asked:
            self.behave(participant, [_response(one) for one in _rows(asked, "responses", dict)])
        else:
            self.behave(participant, _text(asked, "behaviour", None, tuple(BEHAVIOURS)))
        return json_reply({"participant": participant})

    def _mls(self, request: Request) -> Reply:
        asked = asked_object(request, where=_HERE)
        now = self.mls_plan
        self.mls_plan = MlsPlan(
            _number(asked, "delay", now.delay),
            _text(asked, "code", now.code, _MLS_CODES),
            _findings(asked),
            _text(asked, "duty", now.duty, _DUTIES),
        )
        return json_reply({"duty": self.mls_plan.duty, "delay": self.mls_plan.delay})

    def _send(self, request: Request) -> Reply:
        asked = asked_object(request, where=_HERE)
        what = _text(asked, "what", None, ("invoice", "credit-note", "response", "mls"))
        try:
            return json_reply(self._sending(what, asked).described())
        except Refusal as refusal:
            raise _mistake(refusal.detail, "name the message id of an invoice that arrived") from refusal

    def _sending(self, what: str, asked: Mapping[str, Any]) -> Sending:
        if what == "response":
            code = _text(asked, "code", None, _RESPONSE_CODES)
            return self.outgoing.respond(self._arrival(asked), _response({**asked, "code": code}))
        if what == "mls":
            code = _text(asked, "code", None, _MLS_CODES)
            return self.outgoing.send_mls(self._arrival(asked), code, _findings(asked))
        return self.outgoing.send_invoice(
            _text(asked, "number"),
            seller=_person(asked, "seller"),
            buyer=_person(asked, "buyer"),
            kind=what,
            mls_type=_text(asked, "mls_type", ""),
            mls_to=_text(asked, "mls_to", ""),
            access_point=_text(asked, "access_point", "ap2", tuple(self.access_points)),
        )

    def _arrival(self, asked: Mapping[str, Any]) -> Arrival:
        wanted = _text(asked, "message_id")
        for one in self.arrivals():
            if wanted in (one.message_id, one.envelope.instance_id):
                return one
        raise _mistake(f"{wanted[:200]} has not arrived", "see GET /control/arrived")

    def _revoke(self, request: Request) -> Reply:
        label = _text(asked_object(request, where=_HERE), "certificate", None, tuple(LEAVES))
        self.pki.revoke(self.pki.leaf(label).certificate)
        return json_reply({"revoked": label})

    def _testbed(self, request: Request) -> Reply:
        asked = asked_object(request, where=_HERE)
        receiver = _text(asked, "receiver", "gateway", tuple(LEAVES))
        bed = Testbed(
            _text(asked, "url"),
            self.pki.leaf(receiver).certificate,
            self.pki,
            recipient=_text(asked, "recipient", "0208:1999307184"),
        )
        return json_reply([one.described() for one in bed.run(_rows(asked, "only", str))])


def _text(
    asked: Mapping[str, Any], name: str, default: str | None = None, choices: tuple[str, ...] = ()
) -> str:
    value = asked.get(name, default)
    if not isinstance(value, str):
        raise _mistake(f"{name} is missing or no text", f'send {{"{name}": "..."}}')
    if choices and value not in choices:
        raise _mistake(f"{value[:100]!r} is no {name}", f"use one of {', '.join(choices)}")
    return value


def _number(asked: Mapping[str, Any], name: str, default: float) -> float:
    value = asked.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 86_400:
        raise _mistake(f"{name} is not a number of seconds", f'send {{"{name}": 1.5}}')
    return float(value)


def _rows(asked: Mapping[str, Any], name: str, kind: type) -> list[Any]:
    rows = asked.get(name, [])
    if not isinstance(rows, list) or not all(isinstance(row, kind) for row in rows):
        raise _mistake(f"{name} is not a list of the right kind", "see the description of the desk")
    return rows


def _person(asked: Mapping[str, Any], name: str) -> Person:
    facts = asked.get(name)
    if not isinstance(facts, dict):
        raise _mistake(f"{name} is missing", f'send {{"{name}": {{"participant": "...", "name": "..."}}}}')
    person = Person(_text(facts, "participant"), _text(facts, "name"))
    return replace(person, country=_text(facts, "country", "BE"), vat=_text(facts, "vat", ""))


def _response(row: Mapping[str, Any]) -> Response:
    reasons = tuple(
        Reason(_text(one, "code"), _text(one, "text", ""), _text(one, "list", "OPStatusReason"))
        for one in _rows(row, "reasons", dict)
    )
    return Response(_text(row, "code", None, _RESPONSE_CODES), _number(row, "after", 0.0), reasons)


def _findings(asked: Mapping[str, Any]) -> tuple[Finding, ...]:
    return tuple(
        Finding(_text(one, "code"), _text(one, "text"), _text(one, "where", "NA"))
        for one in _rows(asked, "findings", dict)
    )


def _mistake(what: str, fix: str) -> ConfigError:
    return ConfigError(what, where=_HERE, fix=fix)

"""GET and POST /invoices/{id}/route: which ways this invoice can go, and another one for it alone or for this
buyer from now on."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Form, Request, Response
from sqlalchemy import Connection

from formats.errors import ConfigError, ConflictError
from gateway.access import buyer_routing
from gateway.access.buyer_routing import Wanted
from gateway.access.rights import Actor, Right
from gateway.pipeline import deciding, own_routes, parties, routing
from gateway.pipeline.convert import invoice_of
from gateway.pipeline.routing import Decision
from gateway.pipeline.submission import State, Verdict
from gateway.store.buyer_routes import Known
from gateway.store.submissions import Submission
from gateway.web.api.visible import company_of
from gateway.web.console.shell import Shell, refused_in_words
from gateway.web.guard import actor_of

__all__ = ["choosable", "router"]

_ONE, _BUYER = "invoice", "buyer"
_EMPTY: Final[Mapping[str, str]] = {
    "scope": _ONE,
    "to": "",
    "known": "",
    "reason": "",
    "until": "",
    "despite": "",
}


def router(shell: Shell) -> APIRouter:
    """The page and its form."""
    routes = APIRouter()
    gateway = shell.gateway

    def show(
        request: Request, identifier: str, form: Mapping[str, str], said: str = "", fix: str = ""
    ) -> Response:
        actor = actor_of(request)
        with gateway.database.read() as connection:
            submission = shell.submission(connection, actor, identifier)
            company = company_of(gateway, submission.source)
            decision, known = _decision(connection, shell, submission)
            further = deciding.further_ways(connection, gateway, submission) if decision is not None else ()
            acts = shell.holds(actor, Right.ACT_ON_INVOICES, submission)
            proposes = company is not None and actor.may(Right.PROPOSE_CHANGES, company)
        context: dict[str, Any] = {
            "one": submission,
            "decision": decision,
            "fits": decision is not None and _fits(decision),
            "known": known,
            # Other ways than that which is being tried: what may still be chosen for it alone.
            "further": [way.name for way in further] if acts else [],
            "gives": proposes and bool(known),
            "eyes": gateway.settings.four_eyes,
            "today": gateway.clock().date(),
            "form": {**_EMPTY, "to": further[0].name if further else "", **form},
            "said": said,
            "fix": fix,
        }
        status = HTTPStatus.UNPROCESSABLE_ENTITY if said else HTTPStatus.OK
        return shell.render(request, "change_route.html", context, section="invoices", status=status)

    @routes.get("/invoices/{identifier}/route")
    def page(request: Request, identifier: str) -> Response:
        return show(request, identifier, {})

    @routes.post("/invoices/{identifier}/route")
    def change(
        request: Request,
        identifier: str,
        scope: Annotated[str, Form(max_length=20)] = _ONE,
        to: Annotated[str, Form(max_length=200)] = "",
        known: Annotated[str, Form(max_length=10)] = "",
        reason: Annotated[str, Form(max_length=2000)] = "",
        until: Annotated[str, Form(max_length=20)] = "",
        despite: Annotated[str, Form(max_length=300)] = "",
    ) -> Response:
        actor = actor_of(request)
        with gateway.database.read() as connection:
            submission = shell.submission(connection, actor, identifier)
        shell.require(actor, Right.ACT_ON_INVOICES, submission)
        if not to and scope == _ONE:
            # The button beside the sentence: the next way, and the sentence is the reason.
            with refused_in_words(), gateway.database.begin() as connection:
                submission = shell.submission(connection, actor, identifier)
                deciding.change_route(connection, gateway, submission, by=actor.label)
            return shell.back(f"/invoices/{identifier}", "route")
        form = {
            "scope": scope, "to": to, "known": known, "reason": reason, "until": until, "despite": despite
        }  # fmt: skip
        try:
            done = _done(shell, actor, submission, form)
        except ConflictError:
            done = "faster"
        except ConfigError as error:
            return show(request, identifier, form, error.what, error.fix)
        return shell.back(f"/invoices/{identifier}", done)

    return routes


def choosable(connection: Connection, shell: Shell, actor: Actor, submission: Submission) -> bool:
    """Whether it stopped for its route, and this person can choose another: some way fits the invoice."""
    if submission.verdict != Verdict.ROUTE or not shell.holds(actor, Right.ACT_ON_INVOICES, submission):
        return False
    if submission.invoice_digest and (submission.channel or submission.route):
        return True  # a way was chosen for it before; nothing needs to be read for a long list
    decision, _ = _decision(connection, shell, submission)
    return decision is not None and _fits(decision)


def _fits(decision: Decision) -> bool:
    return any(not way.unfit for way in decision.ways)


def _done(shell: Shell, actor: Actor, submission: Submission, form: Mapping[str, str]) -> str:
    gateway = shell.gateway
    if form["scope"] != _BUYER:
        if not form["reason"].strip():
            raise ConfigError("a reason is needed", where="reason", fix="say why; the record keeps it")
        with gateway.database.begin() as connection:
            found = shell.submission(connection, actor, submission.id)
            deciding.change_route(
                connection, gateway, found, by=actor.label, to=form["to"], reason=form["reason"]
            )
        return "route"
    with gateway.database.read() as connection:
        decision, known = _decision(connection, shell, submission)
    company = company_of(gateway, submission.source)
    mark = next((one for one in known if form["known"] in ("", one.term)), None)
    if decision is None or company is None or mark is None:
        raise ConfigError(
            "nothing in this invoice tells its buyer from others",
            where="buyer",
            fix="enter a number or an electronic address of the buyer in the ERP",
        )
    wanted = Wanted(
        company, submission.buyer, mark, form["to"], form["reason"], _day(form["until"]), form["despite"]
    )
    buyer_routing.give(gateway, wanted, by=actor, decision=decision, submission=submission.id)
    return "proposed" if gateway.settings.four_eyes else "buyer-route"


def _decision(
    connection: Connection, shell: Shell, submission: Submission
) -> tuple[Decision | None, tuple[Known, ...]]:
    """How it may go by today's table, and what its buyer is known by; nothing before it was read."""
    gateway = shell.gateway
    if not submission.invoice_digest or company_of(gateway, submission.source) is None:
        return None, ()
    said = invoice_of(connection, submission)
    invoice, _ = parties.completed(connection, gateway, submission.source, said)
    if submission.state is State.PARKED and not submission.handed_over:
        decision = own_routes.decide(connection, gateway, submission, invoice)
    else:  # it has gone: what counts is the way of the next one to this buyer
        own = own_routes.in_force(connection, gateway, submission.source, invoice)
        decision = routing.decide(gateway.settings, invoice, submission.source, own)
    return decision, tuple(sorted(own_routes.marks(invoice, submission.source), key=_usual))


def _usual(mark: Known) -> int:
    """The number of a company first; an address that may not lead to the buyer last."""
    return ("BT-48", "BT-47", "BT-46", "BT-44", "BT-49").index(mark.term)


def _day(text: str) -> date | None:
    if not text.strip():
        return None
    try:
        return date.fromisoformat(text.strip())
    except ValueError as error:
        raise ConfigError("this is not a day", where="until", fix="write it as 2027-06-30") from error

"""GET /invoices/{id}: what happened to this invoice, why, and what can be done; and what people decide about
it."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Form, Request, Response

from formats.errors import ConflictError
from gateway.access.rights import Right
from gateway.pipeline import deciding
from gateway.pipeline.deciding import Outcome
from gateway.pipeline.message import signature_of
from gateway.pipeline.submission import State, Verdict
from gateway.web.console import behind, files, rerouting, story
from gateway.web.console.sharing import sharing
from gateway.web.console.shell import Shell, refused_in_words
from gateway.web.guard import actor_of
from gateway.web.languages import chosen

__all__ = ["router"]

# The way of an invoice when nothing stops it.
_WAY = (
    State.RECEIVED,
    State.MAPPED,
    State.CHECKED,
    State.READY,
    State.SENDING,
    State.SENT,
    State.DELIVERED,
    State.ACCEPTED,
    State.PAID,
)
_OF_A_DISPUTE = (Outcome.ANSWERED, Outcome.ACCEPTED, Outcome.CLOSED)


def router(shell: Shell) -> APIRouter:
    """The page of one invoice, its files, and its actions."""
    routes = APIRouter()

    @routes.get("/invoices/{identifier}")
    def page(request: Request, identifier: str) -> Response:
        actor = actor_of(request)
        gateway = shell.gateway
        language = _language(request)
        with gateway.database.read() as connection:
            submission = shell.submission(connection, actor, identifier)
            told = story.read(connection, gateway, submission, language)
            ways = deciding.further_ways(connection, gateway, submission)
            acts = shell.holds(actor, Right.ACT_ON_INVOICES, submission)
            shares = shell.holds(actor, Right.SHARE_WITH_BUYERS, submission)
            may_dismiss = acts and deciding.may_set_aside(connection, submission)
            held = behind.of(connection, submission, shell.sources(actor))
            buyer = sharing(connection, shell, submission, shares=shares)
            may_choose = rerouting.choosable(connection, shell, actor, submission)
            signature = signature_of(connection, submission)
        context: dict[str, Any] = {
            "one": submission,
            "story": told,
            "way": _WAY,
            "held": held,
            "signature": signature,
            "may_choose": may_choose,
            "buyer": buyer,
            # What is wrong in the data is wrong over every route.
            "ways": ways if acts and submission.verdict != Verdict.DOCUMENT else (),
            "may_retry": acts and deciding.may_retry(submission),
            "may_say": acts and deciding.may_resolve(submission, Outcome.SENT),
            "may_settle": acts and deciding.may_resolve(submission, Outcome.ANSWERED),
            "may_dismiss": may_dismiss,
            "may_prove": shell.holds(actor, Right.EXPORT_EVIDENCE, submission),
        }
        return shell.render(request, "invoice.html", context, section="invoices")

    @routes.get("/invoices/{identifier}/files/{name}")
    def file(request: Request, identifier: str, name: str) -> Response:
        actor = actor_of(request)
        with shell.gateway.database.read() as connection:
            submission = shell.submission(connection, actor, identifier)
            if name != "evidence.zip":
                return files.answer(connection, shell.gateway, submission, name, _language(request))
            shell.require(actor, Right.EXPORT_EVIDENCE, submission)
        return files.proof(shell.gateway, submission, by=actor.label)

    @routes.post("/invoices/{identifier}/retry")
    def retry(request: Request, identifier: str) -> Response:
        actor = actor_of(request)
        with shell.gateway.database.begin() as connection:
            submission = shell.submission(connection, actor, identifier)
            shell.require(actor, Right.ACT_ON_INVOICES, submission)
            fits = deciding.may_retry(submission)
            done = fits and deciding.retry(connection, submission, by=actor.label, now=shell.gateway.clock())
        return shell.back(f"/invoices/{identifier}", "retry" if done else "faster")

    @routes.post("/invoices/{identifier}/resolve")
    def resolve(
        request: Request,
        identifier: str,
        outcome: Annotated[Outcome, Form()],
        note: Annotated[str, Form(max_length=2000)] = "",
    ) -> Response:
        actor = actor_of(request)
        done = f"dispute-{outcome}" if outcome in _OF_A_DISPUTE else outcome.value
        try:
            with refused_in_words(), shell.gateway.database.begin() as connection:
                submission = shell.submission(connection, actor, identifier)
                shell.require(actor, Right.ACT_ON_INVOICES, submission)
                dismissed = outcome is Outcome.DISMISSED
                if deciding.may_resolve(submission, outcome) or (
                    dismissed and deciding.may_set_aside(connection, submission)
                ):
                    deciding.resolve(connection, shell.gateway, submission, outcome, note, by=actor.label)
                else:
                    done = "faster"
        except ConflictError:
            done = "faster"
        return shell.back(f"/invoices/{identifier}", done)

    return routes


def _language(request: Request) -> str:
    session = request.state.session
    own = session.person.language if session is not None else ""
    return chosen(request.headers.get("accept-language", ""), own)

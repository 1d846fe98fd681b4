"""GET /changes: what two people have to agree to, with what would change; proposing and deciding."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Form, Request, Response

from formats.errors import ConflictError
from gateway.access import agreeing
from gateway.access.four_eyes import Part
from gateway.access.rights import Actor, Right
from gateway.store import changes, people
from gateway.store.changes import Change
from gateway.web.console.shell import Shell, not_there, refused_in_words
from gateway.web.guard import actor_of
from gateway.web.problems import Problem

__all__ = ["router"]

_SHOWN: Final = 20
_MOST_LINES: Final = 400
_AROUND: Final = 3


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a difference: `sign` is "+", "-" or " "."""

    sign: str
    text: str


def router(shell: Shell) -> APIRouter:
    """The page and its two decisions."""
    routes = APIRouter()
    gateway = shell.gateway

    @routes.get("/changes")
    def page(request: Request) -> Response:
        actor = actor_of(request)
        with gateway.database.read() as connection:
            open_ = [one for one in changes.waiting(connection) if _sees(actor, one.company)]
            past = [one for one in changes.decided(connection, _SHOWN * 5) if _sees(actor, one.company)]
            proposed = {(one.kind, one.subject, one.digest) for one in open_}
            parts = [
                (part, changes.approved(connection, part.kind, part.subject))
                for part in agreeing.not_agreed(connection, gateway)
                if _sees(actor, part.company) and (part.kind, part.subject, part.digest) not in proposed
            ]
            turns = {one.id: agreeing.may_decide(connection, gateway, one, actor) for one in open_}
            names = {one.id: one.name for one in people.listing(connection)}
        context = {
            "four_eyes": gateway.settings.four_eyes,
            "open": [(one, _difference(one.before, one.after), turns[one.id]) for one in open_],
            "parts": [(part, _difference(_text(before), {"text": part.text})) for part, before in parts],
            "past": past[:_SHOWN],
            "names": names,
            "own": actor.id,
        }
        return shell.render(request, "changes.html", context, section="system")

    @routes.post("/changes/propose")
    def propose(
        request: Request,
        subject: Annotated[str, Form(max_length=300)] = "",
        digest: Annotated[str, Form(max_length=64)] = "",
        reason: Annotated[str, Form(max_length=2000)] = "",
    ) -> Response:
        actor = actor_of(request)
        part = _part(shell, actor, subject)
        if part.digest != digest:
            raise Problem(
                HTTPStatus.CONFLICT,
                "it is another text by now",
                fix="look at the page again before you propose",
            )
        with refused_in_words():
            agreeing.propose(gateway, part, reason=reason, by=actor)
        return shell.back("/changes", "proposed")

    @routes.post("/changes/{change}/decide")
    def decide(
        request: Request,
        change: str,
        verdict: Annotated[str, Form(max_length=10)] = "",
        answer: Annotated[str, Form(max_length=2000)] = "",
    ) -> Response:
        actor = actor_of(request)
        with gateway.database.read() as connection:
            found = changes.get(connection, change[:36])
        if found is None or not _sees(actor, found.company):
            raise not_there()
        if verdict not in ("approve", "decline"):
            raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "nothing was decided", fix="go back and choose")
        try:
            with refused_in_words():
                agreeing.decide(gateway, found, approved=verdict == "approve", answer=answer, by=actor)
        except ConflictError:
            return shell.back("/changes", "faster")
        return shell.back("/changes", "approved" if verdict == "approve" else "declined")

    return routes


def _part(shell: Shell, actor: Actor, subject: str) -> Part:
    with shell.gateway.database.read() as connection:
        parts = agreeing.not_agreed(connection, shell.gateway)
    found = next((part for part in parts if part.subject == subject and _sees(actor, part.company)), None)
    if found is None:
        raise not_there()
    return found


def _sees(actor: Actor, company: str) -> bool:
    rights = (Right.SEE_CHANGES, Right.PROPOSE_CHANGES, Right.DECIDE_CHANGES)
    return any(actor.may(right, company or None) for right in rights)


def _text(before: Change | None) -> Mapping[str, Any]:
    return before.after if before is not None else {}


def _difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Line]:
    old, new = _lines(before), _lines(after)
    found = difflib.unified_diff(old, new, n=_AROUND, lineterm="")
    lines = [Line(line[:1], line[1:]) for line in found if not line.startswith(("---", "+++", "@@"))]
    return lines[:_MOST_LINES]


def _lines(values: Mapping[str, Any]) -> list[str]:
    if set(values) == {"text"}:
        return str(values["text"]).splitlines()
    return [
        f"{name}: {value}" for name, value in sorted(values.items()) if name not in ("person", "party change")
    ]

"""POST /invoices/preview and /invoices/act: one decision for many, its effect shown before it runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from http import HTTPStatus
from typing import Annotated, Final

from fastapi import APIRouter, Form, Request, Response
from sqlalchemy import Connection

from formats.errors import ConfigError, ConflictError
from gateway.access.rights import Actor, Right
from gateway.pipeline import deciding
from gateway.pipeline.deciding import Outcome
from gateway.store import decided, submissions
from gateway.store.submissions import Submission
from gateway.web.console.shell import Shell
from gateway.web.guard import actor_of
from gateway.web.problems import Problem
from gateway.wiring import Gateway

__all__ = ["Action", "router"]

_MOST: Final = 200
_A_MINUTE: Final = 200
_MINUTE: Final = timedelta(minutes=1)

Picked = Annotated[list[str], Form(max_length=_MOST)]


class Action(StrEnum):
    """What can be done with many at once."""

    RETRY = "retry"
    ROUTE = "route"
    CANCEL = "cancel"
    CLOSE = "close"


@dataclass(frozen=True, slots=True)
class Effect:
    """What an action would do: `fitting` are those it is done to, `others` stay as they are."""

    fitting: tuple[Submission, ...]
    others: tuple[Submission, ...]
    amounts: Mapping[str, Decimal]


def router(shell: Shell) -> APIRouter:
    """Both steps."""
    routes = APIRouter()

    @routes.post("/invoices/preview")
    def preview(
        request: Request, action: Annotated[Action, Form()], pick: Picked, back: Annotated[str, Form()] = ""
    ) -> Response:
        effect = _effect(shell, actor_of(request), action, pick)
        context = {"action": action, "effect": effect, "back": _list(back), "most": _MOST, "pace": _A_MINUTE}
        return shell.render(request, "preview.html", context, section="invoices")

    @routes.post("/invoices/act")
    def act(
        request: Request,
        action: Annotated[Action, Form()],
        pick: Picked,
        reason: Annotated[str, Form(max_length=2000)] = "",
        back: Annotated[str, Form()] = "",
    ) -> Response:
        actor = actor_of(request)
        effect = _effect(shell, actor, action, pick)
        if action in (Action.CANCEL, Action.CLOSE) and not reason.strip():
            raise Problem(
                HTTPStatus.UNPROCESSABLE_ENTITY,
                "a reason is needed",
                fix="go back and say why",
            )
        _guard_rate(shell.gateway, actor, action, len(effect.fitting))
        done: list[Submission] = []
        failed = list(effect.others)
        for submission in effect.fitting:
            # Each for itself: one that a worker has in hand at this moment does not stop the others.
            (done if _done(shell.gateway, submission, action, actor, reason) else failed).append(submission)
        context = {"action": action, "acted": tuple(done), "left": tuple(failed), "back": _list(back)}
        return shell.render(request, "acted.html", context, section="invoices")

    return routes


def _effect(shell: Shell, actor: Actor, action: Action, picked: list[str]) -> Effect:
    fitting: list[Submission] = []
    others: list[Submission] = []
    with shell.gateway.database.read() as connection:
        for identifier in dict.fromkeys(picked):
            try:
                submission = submissions.get(connection, identifier[:36])
            except ConflictError:
                continue
            if not shell.holds(actor, Right.ACT_ON_INVOICES, submission):
                continue
            able = _FITS[action](connection, shell.gateway, submission)
            (fitting if able else others).append(submission)
    return Effect(tuple(fitting), tuple(others), _worth(fitting))


def _worth(found: list[Submission]) -> dict[str, Decimal]:
    worth: dict[str, Decimal] = {}
    for one in found:
        if one.amount is not None and one.currency:
            worth[one.currency] = worth.get(one.currency, Decimal(0)) + one.amount
    return dict(sorted(worth.items()))


def _may_retry(connection: Connection, gateway: Gateway, submission: Submission) -> bool:
    return deciding.may_retry(submission)


def _may_change(connection: Connection, gateway: Gateway, submission: Submission) -> bool:
    return bool(deciding.further_ways(connection, gateway, submission))


def _may_cancel(connection: Connection, gateway: Gateway, submission: Submission) -> bool:
    return deciding.may_cancel(submission)


def _may_close(connection: Connection, gateway: Gateway, submission: Submission) -> bool:
    return deciding.closing(submission) is not None


_FITS: Final[Mapping[Action, Callable[[Connection, Gateway, Submission], bool]]] = {
    Action.RETRY: _may_retry,
    Action.ROUTE: _may_change,
    Action.CANCEL: _may_cancel,
    Action.CLOSE: _may_close,
}


def _done(gateway: Gateway, submission: Submission, action: Action, actor: Actor, reason: str) -> bool:
    try:
        with gateway.database.begin() as connection:
            now, by = gateway.clock(), actor.label
            if action is Action.RETRY:
                return deciding.retry(connection, submission, by=by, now=now)
            if action is Action.ROUTE:
                deciding.change_route(connection, gateway, submission, by=by)
            else:
                outcome = deciding.closing(submission) if action is Action.CLOSE else Outcome.DISMISSED
                if outcome is None:
                    return False
                deciding.resolve(connection, gateway, submission, outcome, reason, by=by)
    except (ConflictError, ConfigError):
        return False
    return True


def _guard_rate(gateway: Gateway, actor: Actor, action: Action, number: int) -> None:
    """At most 200 invoices a minute and person, counted in the journal so that every process knows.

    A slip of the hand then stays one that can be called back.
    """
    now = gateway.clock()
    with gateway.database.begin() as connection:
        recent = decided.count_since(connection, actor.label, now - _MINUTE)
        if recent + number > _A_MINUTE:
            raise Problem(
                HTTPStatus.TOO_MANY_REQUESTS,
                f"more than {_A_MINUTE} invoices in one minute",
                fix="wait a minute, look at what the first ones did, then go on; nothing of this was done",
            )
        decided.note(connection, actor.label, action.value, number, now=now)


def _list(place: str) -> str:
    """The list that somebody came from: a page of invoices, and nothing else."""
    return place if place == "/invoices" or place.startswith("/invoices?") else "/invoices"

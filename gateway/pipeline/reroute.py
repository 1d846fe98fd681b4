"""Reroute: a channel said for certain that it does not reach the buyer; the next way is tried."""

from __future__ import annotations

from formats.errors import RouteError
from gateway.pipeline import own_routes
from gateway.pipeline.convert import invoice_of
from gateway.pipeline.submission import State
from gateway.store import attempts, submissions
from gateway.store.submissions import Submission
from gateway.wiring import Gateway

__all__ = ["next_route"]


def next_route(gateway: Gateway, submission: Submission, error: RouteError) -> Submission:
    """This channel does not reach the buyer: go back to the routing with the next one. Raises `error` without
    one."""
    with gateway.database.begin() as connection:
        now = gateway.clock()
        attempts.close(connection, submission.id, "unreachable", "", now=now)
        invoice = invoice_of(connection, submission)
        decision = own_routes.decide(connection, gateway, submission, invoice)
        fitting = decision.open
        if submission.route + 1 < len(fitting):
            return submissions.move(
                connection,
                submission,
                State.MAPPED,
                "rerouted",
                {
                    "from": submission.channel,
                    "to": fitting[submission.route + 1].channel,
                    "why": error.what,
                    **({"own route": decision.own.id} if decision.own is not None else {}),
                },
                now=now,
                route=submission.route + 1,
                message_id="",
                channel="",
                profile="",
            )
    raise error

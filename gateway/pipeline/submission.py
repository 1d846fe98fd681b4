"""The states of a submission, the moves between them, and the verdict that every stop carries."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

__all__ = ["HANDED_OVER", "MOVES", "WORKABLE", "State", "Verdict", "may_move"]


class State(StrEnum):
    """How far one revision of one invoice has come on its way to one channel."""

    RECEIVED = "received"
    MAPPED = "mapped"
    CHECKED = "checked"
    READY = "ready"
    SENDING = "sending"
    SENT = "sent"
    DELIVERED = "delivered"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    DISPUTED = "disputed"
    PAID = "paid"
    # The buyer disputed it, and a person decided that the matter is settled without it: corrected under
    # another number, credited, or written off. The buyer holds it all the same.
    CLOSED = "closed"
    PARKED = "parked"
    # Another submission carries this invoice: a newer revision, or the same one that came in twice.
    SUPERSEDED = "superseded"


class Verdict(StrEnum):
    """Why something stopped, which says who acts."""

    DOCUMENT = "document"  # finance mends data in the ERP
    ROUTE = "route"  # the buyer cannot be reached: finance or the buyer mends an address
    PROVIDER = "provider"  # someone else's system is down: we go on by ourselves
    PRECONDITION = "precondition"  # certificate, credentials, quota, configuration: IT acts


_STOPS: Final = frozenset({State.PARKED})

MOVES: Final[Mapping[State, frozenset[State]]] = MappingProxyType(
    {
        State.RECEIVED: _STOPS | {State.MAPPED, State.SUPERSEDED},
        State.MAPPED: _STOPS | {State.CHECKED, State.SUPERSEDED},
        State.CHECKED: _STOPS | {State.READY, State.SUPERSEDED},
        State.READY: _STOPS | {State.SENDING, State.SUPERSEDED},
        # Back to MAPPED: the channel said for certain that this receiver is not reached there; the next one
        # is tried.
        State.SENDING: _STOPS | {State.SENT, State.MAPPED},
        State.SENT: _STOPS | {State.DELIVERED, State.REJECTED, State.MAPPED},
        State.DELIVERED: _STOPS | {State.ACCEPTED, State.REJECTED, State.DISPUTED, State.PAID},
        State.ACCEPTED: _STOPS | {State.DISPUTED, State.PAID},
        # The invoice was refused: a corrected revision under the same number may take its place.
        State.REJECTED: _STOPS | {State.SUPERSEDED},
        # Back to DELIVERED: a person answered the question, and the buyer looks at it again.
        State.DISPUTED: _STOPS | {State.DELIVERED, State.ACCEPTED, State.REJECTED, State.CLOSED, State.PAID},
        State.CLOSED: _STOPS | {State.DISPUTED, State.PAID},
        # A payment can be taken back (a direct debit returned, a clearing reset).
        State.PAID: _STOPS | {State.DELIVERED},
        State.PARKED: frozenset(State) - {State.PARKED, State.PAID},
        State.SUPERSEDED: frozenset(),
    }
)

# States that a worker can take further by itself, given the time has come.
WORKABLE: Final = frozenset(
    {State.RECEIVED, State.MAPPED, State.CHECKED, State.READY, State.SENDING, State.PARKED}
)

# From here on the other side may hold the invoice: a changed revision can no longer quietly take its place.
HANDED_OVER: Final = frozenset(
    {
        State.SENDING,
        State.SENT,
        State.DELIVERED,
        State.ACCEPTED,
        State.REJECTED,
        State.DISPUTED,
        State.PAID,
        State.CLOSED,
    }
)


def may_move(old: State, new: State) -> bool:
    """Whether the life cycle allows this move; staying is always allowed (a retry, a note)."""
    return old is new or new in MOVES[old]

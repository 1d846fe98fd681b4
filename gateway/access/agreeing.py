"""Proposing and deciding, with what an approval sets going. Who proposes never decides.

Where four eyes are asked for, neither does a program, nor somebody whose account was changed in the console
and not yet confirmed by a second person: otherwise whoever manages people could make a second pair of eyes.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, update

from formats.errors import ConfigError
from gateway.access import four_eyes
from gateway.access.four_eyes import Part
from gateway.access.rights import RIGHTS, Actor, Right, Role
from gateway.pipeline import own_routes
from gateway.pipeline.parties import clear_change
from gateway.pipeline.submission import State
from gateway.store import changes, parties, people
from gateway.store.changes import Change, Kind
from gateway.store.parties import Change as PartyChange
from gateway.store.people import Person
from gateway.store.tables import submissions
from gateway.wiring import Gateway

__all__ = [
    "clear_or_propose",
    "decide",
    "may_decide",
    "not_agreed",
    "propose",
    "proposed",
    "proposed_to_clear",
    "require_eyes",
    "vouch_for",
]

_PARTY: Final = "party change"


def not_agreed(connection: Connection, gateway: Gateway) -> tuple[Part, ...]:
    """What is in force or wanted, and was not approved; nothing while four eyes are not asked for."""
    if not gateway.settings.four_eyes:
        return ()
    changed = (
        part for part in four_eyes.configured(gateway.settings) if not four_eyes.agreed(connection, part)
    )
    return (*changed, *own_routes.not_agreed(connection, gateway), *four_eyes.accounts_found(connection))


def propose(gateway: Gateway, part: Part, *, reason: str, by: Actor) -> Change:
    """Propose one part as it is now. ConfigError without the right, a reason, or where it waits already."""
    with gateway.database.begin() as connection:
        return proposed(connection, gateway, part, reason=reason, by=by)


def proposed(connection: Connection, gateway: Gateway, part: Part, *, reason: str, by: Actor) -> Change:
    """The same, in the caller's transaction."""
    require_eyes(connection, gateway, by, Right.PROPOSE_CHANGES, part.company)
    waiting = [
        one for one in changes.waiting(connection) if (one.kind, one.subject) == (part.kind, part.subject)
    ]
    if any(one.digest == part.digest for one in waiting):
        raise ConfigError("it is proposed already", where=part.subject, fix="a second person decides on it")
    before = changes.approved(connection, part.kind, part.subject)
    return changes.propose(
        connection,
        part.kind,
        part.subject,
        {"text": str(before.after.get("text", ""))} if before is not None else {},
        {"text": part.text},
        reason=reason,
        company=part.company,
        by=by,
        now=gateway.clock(),
        digest=part.digest,
    )


def decide(gateway: Gateway, change: Change, *, approved: bool, answer: str, by: Actor) -> Change:
    """Approve or decline, once, and set going what was approved.

    Raises ConfigError for one's own proposal and without the right, ConflictError where another was faster.
    """
    with gateway.database.begin() as connection:
        now = gateway.clock()
        require_eyes(connection, gateway, by, Right.DECIDE_CHANGES, change.company)
        if change.kind is Kind.PERSON and change.after.get("person") == by.id:
            raise ConfigError("nobody confirms themselves", where=change.subject, fix="ask a colleague")
        done = changes.decide(connection, change, approved=approved, answer=answer, by=by, now=now)
        if approved and change.kind is Kind.PERSON and not _more_of(connection, change):
            people.confirm(connection, str(change.after["person"]), True)
        own_routes.decided(connection, gateway, done, by=by)
        if approved:
            _go_on(connection, gateway, done, now=now)
        party = _party_change(connection, change) if approved else None
    if party is not None:
        clear_change(gateway, party, by=by.label, reason=f"{change.reason}; {answer or 'approved'}")
    return done


def may_decide(connection: Connection, gateway: Gateway, change: Change, by: Actor) -> bool:
    """Whether it is this person's turn."""
    if change.outcome or change.proposed_by == by.id or change.after.get("person") == by.id:
        return False
    try:
        require_eyes(connection, gateway, by, Right.DECIDE_CHANGES, change.company)
    except ConfigError:
        return False
    return True


def require_eyes(connection: Connection, gateway: Gateway, by: Actor, right: Right, company: str) -> None:
    """That somebody counts among four eyes. ConfigError with the reason where they do not."""
    if not by.may(right, company or None):
        raise ConfigError(
            "your role does not allow this for what it is about",
            where="changes",
            fix="ask somebody whose does",
        )
    person = people.get(connection, by.id)
    if person is None or not person.able:
        raise ConfigError(
            "a program does not count among four eyes", where="changes", fix="do it in the console yourself"
        )
    if gateway.settings.four_eyes and not person.confirmed:
        raise ConfigError(
            "your account was changed in the console, and a second person has not confirmed it yet",
            where="changes",
            fix="ask a colleague to look at the page Changes",
        )


def vouch_for(connection: Connection, gateway: Gateway, person: Person, what: str, *, by: Actor) -> None:
    """After somebody's access was changed in the console: where four eyes are asked for, whoever may decide
    does not count among them before a second person has confirmed the change."""
    if not gateway.settings.four_eyes or not _may_count(person.roles):
        return
    people.confirm(connection, person.id, False)
    changes.propose(
        connection,
        Kind.PERSON,
        person.login,
        {},
        {
            "person": person.id,
            "what": what,
            "roles": ", ".join(f"{role.value} ({company})" for company, role in sorted(person.roles.items())),
        },
        reason=what,
        company="",
        by=by,
        now=gateway.clock(),
    )


def clear_or_propose(gateway: Gateway, change: PartyChange, *, reason: str, by: Actor) -> str:
    """A changed account or address of a buyer was checked by somebody: "cleared"; "proposed" where a second
    person has to agree; "faster" where it was cleared already."""
    if not gateway.settings.four_eyes:
        return "cleared" if clear_change(gateway, change, by=by.label, reason=reason) else "faster"
    company = gateway.source_settings(change.source).company
    with gateway.database.begin() as connection:
        require_eyes(connection, gateway, by, Right.PROPOSE_CHANGES, company)
        if any(one.after.get(_PARTY) == change.id for one in changes.waiting(connection)):
            return "faster"
        changes.propose(
            connection,
            Kind.BANK_DETAILS if change.fact == "iban" else Kind.ROUTING,
            f"{change.fact} of {change.key} in {change.source}"[:300],
            {change.fact: parties.masked(change.fact, change.old)},
            {change.fact: parties.masked(change.fact, change.new), _PARTY: change.id},
            reason=reason,
            company=company,
            by=by,
            now=gateway.clock(),
        )
    return "proposed"


def proposed_to_clear(connection: Connection) -> frozenset[str]:
    """The changes of buyers that somebody has checked and that wait for a second person, by their ids."""
    return frozenset(str(one.after[_PARTY]) for one in changes.waiting(connection) if _PARTY in one.after)


def _more_of(connection: Connection, change: Change) -> bool:
    """Whether something else of this person waits still."""
    person = change.after.get("person")
    return any(one.after.get("person") == person for one in changes.waiting(connection))


def _may_count(roles: Mapping[str, Role]) -> bool:
    return any(RIGHTS[role] & {Right.PROPOSE_CHANGES, Right.DECIDE_CHANGES} for role in roles.values())


def _party_change(connection: Connection, change: Change) -> PartyChange | None:
    wanted: Any = change.after.get(_PARTY)
    if not wanted:
        return None
    return next((one for one in parties.changes(connection, waiting=True) if one.id == wanted), None)


def _go_on(connection: Connection, gateway: Gateway, change: Change, *, now: datetime) -> None:
    """What waited for exactly this is due now."""
    every = (*four_eyes.configured(gateway.settings), *four_eyes.known_accounts(connection))
    for part in every:
        if (part.kind, part.subject, part.digest) == (change.kind, change.subject, change.digest):
            connection.execute(
                update(submissions)
                .where(submissions.c.state == State.PARKED, submissions.c.sentence == part.stops)
                .values(due_at=now, failures=0, version=submissions.c.version + 1)
            )

"""Submissions: taking them in, claiming due ones for a worker, moving them on together with their journal
entry."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import Connection, Row, and_, insert, or_, select, update

from connectors.base import SourceDocument
from formats.errors import ConflictError, MalformedDocument
from gateway.pipeline.submission import HANDED_OVER, WORKABLE, State, Verdict, may_move
from gateway.store import documents, journal, words
from gateway.store.tables import claims, submissions

__all__ = [
    "Submission",
    "by_message_id",
    "claim_due",
    "find",
    "get",
    "judge_again",
    "listing",
    "move",
    "newest",
    "owners",
    "postpone",
    "read_row",
    "receive",
    "release",
    "release_workers",
    "requeue",
    "still_stopped",
    "stopped_before",
    "storable",
    "take_over",
    "workers",
]


@dataclass(frozen=True, slots=True)
class Submission:
    """One row of the table `submissions`, with states and verdict as their own types."""

    id: str
    version: int
    state: State
    resume_state: str
    verdict: str
    sentence: str
    fix: str
    failures: int
    due_at: datetime | None
    claimed_by: str
    claimed_until: datetime | None
    source: str
    source_key: str
    arrival: int
    revision: str
    origin: str
    content_digest: str
    part: int
    fingerprint: str
    number: str
    type_code: str
    issue_date: date | None
    buyer: str
    currency: str
    amount: Decimal | None
    mapping: str
    invoice_digest: str
    origins_digest: str
    report_digest: str
    document_digest: str
    pdf_digest: str
    route: int
    channel: str
    profile: str
    message_id: str
    superseded_by: str
    received_at: datetime
    changed_at: datetime
    sent_at: datetime | None

    @property
    def step(self) -> State:
        """The state whose next step is to be done: a parked submission goes on where it stopped."""
        return State(self.resume_state) if self.state is State.PARKED else self.state

    @property
    def handed_over(self) -> bool:
        """Whether the other side may hold this invoice."""
        return self.step in HANDED_OVER


_LONGEST_KEY: Final = 300
_LONGEST_REVISION: Final = 100
_COLUMNS: Final = tuple(field.name for field in fields(Submission))


def read_row(row: Row[Any]) -> Submission:
    """The submission of a row of the table."""
    values = {name: getattr(row, name) for name in _COLUMNS}
    return Submission(**{**values, "state": State(row.state)})


def receive(
    connection: Connection, source: str, document: SourceDocument, *, now: datetime
) -> Submission | None:
    """Take in one document of an ERP; None when it came before: as the newest of its key, whatever its change
    marker says (the echo of our own status), or under the very same marker (a file read twice).

    The document is archived and journaled in the caller's transaction. Raises MalformedDocument, before
    anything is written, for a key that no database takes.
    """
    if storable(document.key) != document.key:
        raise MalformedDocument(
            "the key of the document holds a sign that cannot be stored",
            where=f"source {source}",
            fix="correct the number in the system that wrote it",
        )
    key, revision = _bounded(document.key), storable(document.revision)[:_LONGEST_REVISION]
    origin = storable(document.origin)
    fingerprint = f"{document.fingerprint or documents.digest_of(document.content)}/{document.part}"
    if _came_before(connection, source, key, fingerprint, revision):
        return None
    digest = documents.put(connection, document.content, document.media_type, now=now)
    identifier = str(uuid.uuid4())
    made_of = {}
    if document.original:
        made_of["original"] = documents.put(
            connection, document.original, "application/octet-stream", now=now
        )
    entry = journal.append(
        connection,
        "received",
        {
            "source": source,
            "key": key,
            "revision": revision,
            "origin": origin,
            "part": document.part,
            "digest": digest,
            **made_of,
        },
        now=now,
        submission=identifier,
    )
    connection.execute(
        insert(submissions).values(
            id=identifier,
            version=1,
            state=State.RECEIVED,
            resume_state="",
            verdict="",
            sentence="",
            fix="",
            failures=0,
            due_at=now,
            claimed_by="",
            source=source,
            source_key=key,
            arrival=entry.seq,
            revision=revision,
            origin=origin,
            content_digest=digest,
            part=document.part,
            fingerprint=fingerprint,
            number="",
            type_code="",
            buyer="",
            currency="",
            mapping="",
            invoice_digest="",
            origins_digest="",
            report_digest="",
            document_digest="",
            pdf_digest="",
            route=0,
            channel="",
            profile="",
            message_id="",
            superseded_by="",
            received_at=now,
            changed_at=now,
        )
    )
    return get(connection, identifier)


def _came_before(connection: Connection, source: str, key: str, fingerprint: str, revision: str) -> bool:
    same_key = and_(submissions.c.source == source, submissions.c.source_key == key)
    newest = select(submissions.c.fingerprint).where(same_key).order_by(submissions.c.arrival.desc()).limit(1)
    if connection.scalar(newest) == fingerprint:
        return True
    very_same = select(submissions.c.id).where(
        same_key, submissions.c.fingerprint == fingerprint, submissions.c.revision == revision
    )
    return connection.scalar(very_same) is not None


def newest(connection: Connection, source: str, key: str) -> Submission | None:
    """The latest revision of one key of an ERP."""
    same_key = and_(submissions.c.source == source, submissions.c.source_key == _bounded(key))
    query = select(submissions).where(same_key).order_by(submissions.c.arrival.desc()).limit(1)
    row = connection.execute(query).one_or_none()
    return None if row is None else read_row(row)


def _bounded(key: str) -> str:
    """A key of any length in the room there is; different keys stay different."""
    if len(key) <= _LONGEST_KEY:
        return key
    return f"{key[: _LONGEST_KEY - 65]}#{hashlib.sha256(key.encode()).hexdigest()}"


def storable(text: str) -> str:
    """With "?" for what databases do not take: NUL, and halves of signs (surrogates)."""
    return text.replace("\0", "?").encode("utf-8", "replace").decode()


def get(connection: Connection, identifier: str) -> Submission:
    """One submission by id. Raises ConflictError when it is not there."""
    row = connection.execute(select(submissions).where(submissions.c.id == identifier)).one_or_none()
    if row is None:
        raise ConflictError(
            f"submission {identifier} is not there", where="database", fix="read the list again"
        )
    return read_row(row)


def find(connection: Connection, number: str) -> list[Submission]:
    """All submissions of an invoice number, of an id or the start of one (8 characters or more), or of the
    name of the file they came in; oldest first."""
    same = or_(submissions.c.number == number, submissions.c.origin.endswith(f"/{number}", autoescape=True))
    if len(number) >= 8:
        same = or_(same, submissions.c.id.startswith(number, autoescape=True))
    query = select(submissions).where(same).order_by(submissions.c.arrival)
    return [read_row(row) for row in connection.execute(query)]


def by_message_id(connection: Connection, message_id: str) -> Submission | None:
    """The submission that this message id was given to."""
    query = select(submissions).where(submissions.c.message_id == message_id)
    row = connection.execute(query).one_or_none() if message_id else None
    return None if row is None else read_row(row)


def listing(
    connection: Connection,
    *,
    states: Iterable[State] | None = None,
    source: str = "",
    changed_since: datetime | None = None,
) -> list[Submission]:
    """Submissions in the order they came, without those that another one stands for; of all sources unless
    one is named."""
    query = select(submissions).where(submissions.c.state != State.SUPERSEDED)
    if states is not None:
        query = query.where(submissions.c.state.in_(tuple(states)))
    if source:
        query = query.where(submissions.c.source == source)
    if changed_since is not None:
        query = query.where(submissions.c.changed_at >= changed_since)
    query = query.order_by(submissions.c.arrival)
    return [read_row(row) for row in connection.execute(query)]


def claim_due(
    connection: Connection, *, worker: str, now: datetime, limit: int, lease: timedelta
) -> list[Submission]:
    """Up to `limit` due submissions, the longest due first, reserved for this worker until the lease is
    over."""
    free = or_(submissions.c.claimed_until.is_(None), submissions.c.claimed_until < now)
    due = (
        select(submissions)
        .where(submissions.c.state.in_(WORKABLE), submissions.c.due_at <= now, free)
        .order_by(submissions.c.due_at, submissions.c.arrival)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    claimed = []
    for row in connection.execute(due).all():
        taken = connection.execute(
            update(submissions)
            .where(submissions.c.id == row.id, submissions.c.version == row.version)
            .values(version=row.version + 1, claimed_by=worker, claimed_until=now + lease)
        )
        if taken.rowcount == 1:
            claimed.append(get(connection, row.id))
    return claimed


def move(
    connection: Connection,
    submission: Submission,
    state: State,
    event: str,
    data: dict[str, object],
    *,
    now: datetime,
    actor: str = "gateway",
    **changes: Any,
) -> Submission:
    """Move to `state` with `changes`, and write the journal entry, in the caller's transaction.

    The verdict of an earlier stop is wiped unless `changes` brings one. Raises ConflictError if the
    submission was changed meanwhile, ValueError for a move that the life cycle does not know.
    """
    if not may_move(submission.state, state):
        raise ValueError(f"{submission.state} cannot become {state}")
    values: dict[str, Any] = {
        "state": state,
        "resume_state": "",
        "verdict": "",
        "sentence": "",
        "fix": "",
        "failures": 0,
        "due_at": now if state in WORKABLE else None,
        "judged_under": "",
        **changes,
        "version": submission.version + 1,
        "changed_at": now,
    }
    # A payment that is taken back leaves the invoice where it arrived long ago.
    if state is State.DELIVERED and submission.step not in (State.DELIVERED, State.PAID):
        values["delivered_at"] = now
    done = connection.execute(
        update(submissions)
        .where(submissions.c.id == submission.id, submissions.c.version == submission.version)
        .values(**values)
    )
    if done.rowcount != 1:
        raise ConflictError(
            f"submission {submission.id} was changed by another worker", where="database", fix="read it again"
        )
    journal.append(
        connection, event, {**data, "state": state}, now=now, submission=submission.id, actor=actor
    )
    moved = get(connection, submission.id)
    if (moved.number, moved.buyer) != (submission.number, submission.buyer):
        words.keep(connection, moved.number, moved.buyer)
    return moved


def release(connection: Connection, submission: Submission) -> None:
    """Give a claimed submission free again; no matter whether it moved on."""
    connection.execute(
        update(submissions)
        .where(submissions.c.id == submission.id, submissions.c.claimed_by == submission.claimed_by)
        .values(claimed_by="", claimed_until=None)
    )


def postpone(connection: Connection, submission: Submission, due_at: datetime) -> None:
    """Not now: its channel is known to be out of reach until then. Nothing happened, so nothing is
    journaled."""
    connection.execute(
        update(submissions)
        .where(submissions.c.id == submission.id, submissions.c.version == submission.version)
        .values(due_at=due_at, version=submission.version + 1)
    )


def workers(connection: Connection) -> list[str]:
    """Everyone who holds a claim."""
    query = select(submissions.c.claimed_by).where(submissions.c.claimed_by != "").distinct()
    return list(connection.scalars(query))


def release_workers(connection: Connection, workers: Iterable[str]) -> int:
    """Give free what these workers had claimed: they are known to be gone. Returns how many that were."""
    gone = tuple(workers)
    if not gone:
        return 0
    done = connection.execute(
        update(submissions)
        .where(submissions.c.claimed_by.in_(gone))
        .values(claimed_by="", claimed_until=None)
    )
    return done.rowcount


def still_stopped(
    connection: Connection, submission: Submission, due_at: datetime | None, *, judged_under: str
) -> Submission:
    """Tried again, and stopped for the very same reason. Nothing happened, so nothing is journaled.

    Raises ConflictError if the submission was changed meanwhile.
    """
    done = connection.execute(
        update(submissions)
        .where(submissions.c.id == submission.id, submissions.c.version == submission.version)
        .values(
            version=submission.version + 1,
            failures=submission.failures + 1,
            due_at=due_at,
            judged_under=judged_under,
        )
    )
    if done.rowcount != 1:
        raise ConflictError(
            f"submission {submission.id} was changed by another worker", where="database", fix="read it again"
        )
    return get(connection, submission.id)


def requeue(
    connection: Connection, identifiers: Sequence[str] | None, *, now: datetime, judged_under: str = ""
) -> int:
    """Make parked submissions due now: these, or (None) all that people may have mended.

    What waits for the other side keeps its time, and what was stopped for its own content under this very
    configuration (`Gateway.judged_under`) would only stop again. What IT had to mend is tried, also where the
    other side may hold it: it is asked before anything is sent again.

    What never was a document (its resume state is PARKED) has no step to take and is left alone.
    """
    query = update(submissions).where(
        submissions.c.state == State.PARKED, submissions.c.resume_state != State.PARKED
    )
    if identifiers is None:
        query = query.where(submissions.c.verdict != Verdict.PROVIDER)
        if judged_under:
            query = query.where(submissions.c.judged_under != judged_under)
    else:
        query = query.where(submissions.c.id.in_(identifiers))
    return connection.execute(
        query.values(due_at=now, failures=0, version=submissions.c.version + 1)
    ).rowcount


def judge_again(connection: Connection, source: str, verdict: Verdict, *, now: datetime) -> int:
    """What of this source was stopped with this verdict for its own content is due: something else than the
    configuration has changed that decides it."""
    return connection.execute(
        update(submissions)
        .where(
            submissions.c.source == source,
            submissions.c.state == State.PARKED,
            submissions.c.verdict == verdict,
            submissions.c.judged_under != "",
        )
        .values(judged_under="", due_at=now, version=submissions.c.version + 1)
    ).rowcount


def owners(connection: Connection, keys: Sequence[str]) -> list[Submission]:
    """The submissions that carry one of these claim keys."""
    query = (
        select(submissions)
        .join(claims, and_(claims.c.submission == submissions.c.id))
        .where(claims.c.key.in_(keys))
        .distinct()
        .order_by(submissions.c.arrival)
    )
    return [read_row(row) for row in connection.execute(query)]


def stopped_before(connection: Connection, submission: Submission) -> list[Submission]:
    """Parked revisions of the same ERP key that came before this one and that the other side cannot hold."""
    query = select(submissions).where(
        submissions.c.source == submission.source,
        submissions.c.source_key == submission.source_key,
        submissions.c.arrival < submission.arrival,
        submissions.c.state == State.PARKED,
        submissions.c.resume_state.not_in(HANDED_OVER),
    )
    return [read_row(row) for row in connection.execute(query.order_by(submissions.c.arrival))]


def take_over(
    connection: Connection, submission: Submission, keys: Sequence[str], instead_of: Sequence[Submission] = ()
) -> None:
    """Carry these claim keys from now on, instead of those owners and nobody else.

    A key that another submission got in the meantime raises ConflictError: the primary key of the table is
    what keeps two workers from both carrying an invoice.
    """
    expected = [submission.id, *(owner.id for owner in instead_of)]
    for key in keys:
        changed = connection.execute(
            update(claims)
            .where(claims.c.key == key, claims.c.submission.in_(expected))
            .values(submission=submission.id)
        )
        if changed.rowcount == 0:
            connection.execute(insert(claims).values(key=key, submission=submission.id))

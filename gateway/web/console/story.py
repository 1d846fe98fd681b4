"""The story of one invoice as its page tells it: findings with their arithmetic, events with their evidence,
terms with their origin, what belongs to it."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, select

from connectors.base import PaymentState, PaymentStatus
from formats.errors import EInvoicingError
from formats.finding import Finding, Severity
from formats.model.invoice import Invoice
from formats.model.names import name_of
from formats.model.terms import CATALOGUE
from formats.registry import PROFILES
from formats.render.view import view
from formats.render.words import LANGUAGES
from gateway.pipeline.convert import invoice_of
from gateway.pipeline.routing import chosen_way
from gateway.rules.clerk import Explained, explained
from gateway.store import documents, inbox, journal, reports, submissions
from gateway.store.inbox import Item
from gateway.store.reports import QueuedReport
from gateway.store.submissions import Submission
from gateway.store.tables import payments
from gateway.store.tables import submissions as rows
from gateway.wiring import Gateway

__all__ = ["Event", "Row", "Story", "Term", "Told", "findings_of", "read"]

_MOST_EVENTS: Final = 300
_MOST_TERMS: Final = 2_000
_MOST_FINDINGS: Final = 50
_MOST_LINES: Final = 100
_MOST_RELATED: Final = 20
_MOST_ADDENDS: Final = 12


@dataclass(frozen=True, slots=True)
class Row:
    """One line of an arithmetic: `kind` is "part", "expected", "stated" or "gap"; `value` as the template's
    amounts, `sign` what is done with it."""

    kind: str
    name: str
    term: str
    sign: str
    value: Any


@dataclass(frozen=True, slots=True)
class Told:
    """One rule that is broken, in the clerk's words, with its arithmetic and how often."""

    finding: Finding
    told: Explained
    sums: tuple[tuple[Row, ...], ...]
    places: int


@dataclass(frozen=True, slots=True)
class Event:
    """One entry of the journal. `files` are digests with what they are; what an entry does not say, as one of
    an earlier release may not, reads as a dash in `data`."""

    seq: int
    at: datetime
    actor: str
    event: str
    data: Mapping[str, Any]
    files: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Term:
    """Where one term came from; `concerned` where a finding names it."""

    term: str
    name: str
    value: str
    field: str
    source: str
    line: str
    concerned: bool


@dataclass(frozen=True, slots=True)
class Story:
    """All of it. `sheet` is the invoice as people read it, None where it was not mapped."""

    findings: tuple[Told, ...]
    events: tuple[Event, ...]
    terms: tuple[Term, ...]
    sheet: Mapping[str, Any] | None
    lines_left_out: int
    profile: str
    due: Any
    order: str
    address: str
    seller: str
    payment: PaymentStatus | None
    responses: tuple[Item, ...]
    revisions: tuple[Submission, ...]
    news: tuple[QueuedReport, ...]
    way: Mapping[str, Any]


def read(connection: Connection, gateway: Gateway, submission: Submission, language: str) -> Story:
    """Everything the page of one invoice shows; bounded, however long the invoice is."""
    invoice = _invoice(connection, submission)
    findings = findings_of(connection, submission.report_digest, invoice, language)
    concerned = {term.term for one in findings for term in one.told.terms}
    sheet = view(invoice, LANGUAGES[language]) if invoice is not None else None
    left_out = 0
    if sheet is not None:
        left_out = max(0, len(sheet["lines"]) - _MOST_LINES)
        sheet = {**sheet, "lines": sheet["lines"][:_MOST_LINES]}
    buyer = invoice.buyer if invoice else None
    return Story(
        findings=findings,
        events=_events(connection, submission),
        terms=_terms(connection, submission, concerned, language),
        sheet=sheet,
        lines_left_out=left_out,
        profile=PROFILES[submission.profile].title if submission.profile in PROFILES else "",
        due=invoice.due_date if invoice else None,
        order=(invoice.purchase_order_reference or "") if invoice else "",
        address=str(buyer.electronic_address) if buyer and buyer.electronic_address else "",
        seller=(invoice.seller.name or "") if invoice and invoice.seller else "",
        payment=_payment(connection, submission.id),
        responses=inbox.about(connection, submission.id, inbox.Kind.INVOICE_RESPONSE),
        revisions=_revisions(connection, submission),
        news=tuple(reports.of(connection, submission.id)),
        way=chosen_way(connection, submission),
    )


def findings_of(
    connection: Connection, digest: str, invoice: Invoice | None, language: str
) -> tuple[Told, ...]:
    """The findings of a stored report, each rule once, fatal ones first."""
    if not digest:
        return ()
    report = json.loads(documents.get(connection, digest).content)
    by_rule: dict[tuple[str, str], list[Finding]] = {}
    for entry in report.get("findings", ()):
        finding = Finding(
            **{**entry, "severity": Severity(entry["severity"]), "terms": tuple(entry["terms"])}
        )
        by_rule.setdefault((finding.rule, finding.text if finding.rule == "XSD" else ""), []).append(finding)
    found = []
    for same in list(by_rule.values())[:_MOST_FINDINGS]:
        told = explained(same[0], invoice, language)
        found.append(Told(same[0], told, tuple(_sums(told, language)), len(same)))
    return tuple(sorted(found, key=lambda one: one.finding.severity is not Severity.FATAL))


def _sums(told: Explained, language: str) -> list[tuple[Row, ...]]:
    made = []
    for one in told.sums:
        if one.difference == 0:
            continue
        lines = [
            Row("part", _name(name or one.of, language), name or one.of, sign, value)
            for sign, name, value in one.parts[:_MOST_ADDENDS]
        ]
        if len(one.parts) > _MOST_ADDENDS:
            rest = one.parts[_MOST_ADDENDS:]
            lines.append(Row("more", "", "", "", len(rest)))
        lines.append(Row("expected", "", "", "", one.expected))
        lines.append(Row("stated", _name(one.term, language), one.term, "", one.stated))
        if one.difference is not None:
            lines.append(Row("gap", "", "", "", one.difference))
        made.append(tuple(lines))
    return made


def _name(term: str, language: str) -> str:
    return name_of(term, language) if term in CATALOGUE else ""


def _invoice(connection: Connection, submission: Submission) -> Invoice | None:
    if not submission.invoice_digest:
        return None
    try:
        return invoice_of(connection, submission)
    except EInvoicingError:  # an archive that was damaged: the page shows the rest of the record
        return None


def _events(connection: Connection, submission: Submission) -> tuple[Event, ...]:
    """Newest first."""
    found = []
    for entry in journal.entries(connection, submission=submission.id):
        data = json.loads(entry.data)
        named = set(documents.DIGEST.findall(entry.data))
        files = tuple(
            (name, value) for name, value in data.items() if isinstance(value, str) and value in named
        )
        told = defaultdict(lambda: "—", data)
        found.append(
            Event(entry.seq, datetime.fromisoformat(entry.at), entry.actor, entry.event, told, files)
        )
    return tuple(reversed(found[-_MOST_EVENTS:]))


def _terms(
    connection: Connection, submission: Submission, concerned: set[str], language: str
) -> tuple[Term, ...]:
    """Those that a finding names first, then in the order of the mapping."""
    if not submission.origins_digest:
        return ()
    origins = json.loads(documents.get(connection, submission.origins_digest).content)
    found = [
        Term(
            origin["term"],
            _name(origin["term"], language),
            str(origin["value"])[:300],
            origin["field"],
            origin["source"],
            f"{origin['mapping']}, {origin['line']}" + (f", {origin['table']}" if origin["table"] else ""),
            origin["term"] in concerned,
        )
        for origin in origins[:_MOST_TERMS]
    ]
    return tuple(sorted(found, key=lambda one: not one.concerned))


def _revisions(connection: Connection, submission: Submission) -> tuple[Submission, ...]:
    """Other revisions of the same ERP document, newest first."""
    query = select(rows).where(
        rows.c.source == submission.source,
        rows.c.source_key == submission.source_key,
        rows.c.id != submission.id,
    )
    query = query.order_by(rows.c.arrival.desc()).limit(_MOST_RELATED)
    return tuple(submissions.read_row(row) for row in connection.execute(query))


def _payment(connection: Connection, submission: str) -> PaymentStatus | None:
    row = connection.execute(select(payments).where(payments.c.submission == submission)).one_or_none()
    if row is None:
        return None
    return PaymentStatus("", "", PaymentState(row.state), row.currency, row.paid, row.paid_on, row.evidence)

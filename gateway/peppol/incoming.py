"""The inbox: invoices are judged and handed over, answers are taken in; each step is committed with its
journal entry.

An invoice that the rules in force refuse is answered with a refusal and kept; one that could not be judged,
or only by rules that are out of date, is handed over and says so. Answers count only when they come from the
receiver of what they are about and keep the rules of their kind; others wait for a person.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final

import structlog
from sqlalchemy import Connection

from connectors.channels.peppol.channel import instance_of
from formats.detection import detect
from formats.errors import EInvoicingError, MalformedDocument
from formats.finding import Finding, Report, RunState, Severity
from formats.model import Invoice
from formats.registry import PROFILES, SYNTAXES
from formats.responses import application_response, invoice_response, message_level_status
from formats.responses.invoice_response import InvoiceResponse, LifeCycle
from formats.responses.message_level_status import Issue, IssueCode, MessageLevelStatus, StatusCode
from formats.syntaxes import ubl
from gateway.peppol import hand_over, statuses
from gateway.peppol.marks import marks_of
from gateway.pipeline import answers
from gateway.pipeline.submission import State, Verdict
from gateway.rules import clerk
from gateway.store import documents, exchanges, inbox, invoice_marks, submissions
from gateway.store.exchanges import Direction, Exchange
from gateway.store.inbox import Item, Kind
from gateway.store.inbox import State as Stage
from gateway.store.invoice_marks import Ground
from gateway.store.submissions import Submission
from gateway.wiring import Gateway

__all__ = ["faults_of_status", "work"]

_BATCH: Final = 50
_LONGEST: Final = 1000
_STATES: Final = {
    LifeCycle.DISPUTED: State.DISPUTED,
    LifeCycle.ACCEPTED: State.ACCEPTED,
    LifeCycle.REJECTED: State.REJECTED,
    # That it is paid is for the ERP and the bank to say; whoever says so has accepted the invoice.
    LifeCycle.PAID: State.ACCEPTED,
    LifeCycle.PARTLY_PAID: State.ACCEPTED,
    LifeCycle.DELIVERED: State.DELIVERED,
}
_TOLD: Final = {
    StatusCode.DELIVERED: State.DELIVERED,
    StatusCode.PASSED_ON: State.DELIVERED,
    StatusCode.REFUSED: State.REJECTED,
}
_GROUNDS: Final = {
    Ground.VAT: "under the same VAT number",
    Ground.REGISTRATION: "under the same registration",
    Ground.NAME: "under the same name",
    Ground.PARTICIPANT: "from the same participant",
}
# Whether the status is of the one specification or a later one has been decided by reading it.
_OTHER_MINOR: Final = "SCH-MLS-01"
_log = structlog.get_logger("inbox")


def work(gateway: Gateway) -> int:
    """Take every document that is due one step further; returns how many moved. Safe to repeat and to
    interrupt."""
    with gateway.database.read() as connection:
        due = inbox.due(connection, now=gateway.clock(), limit=_BATCH)
    return sum(_take_further(gateway, item) for item in due)


def _take_further(gateway: Gateway, item: Item) -> bool:
    with gateway.alone(f"inbox {item.id}"):
        with gateway.database.read() as connection:
            current = inbox.get(connection, item.id)
        if current is None or (current.state, current.due_at) != (item.state, item.due_at):
            return False
        try:
            _STEPS[current.kind](gateway, current)
        except MalformedDocument as error:
            _unreadable(gateway, current, error)
        except EInvoicingError as error:
            _later(gateway, current, error)
            return False
        return True


# -- invoices


def _invoice(gateway: Gateway, item: Item) -> None:
    if item.state is Stage.CHECKED:
        _hand_over(gateway, item)
        return
    with gateway.database.read() as connection:
        content = documents.get(connection, item.document_digest).content
    found = detect(content)
    if found.syntax is None or found.tree is None:
        raise MalformedDocument(
            found.reason, where="inbox", fix="ask the sender for an invoice that can be read"
        )
    binding = SYNTAXES[found.syntax]
    invoice = binding.read(content)
    profile = PROFILES.get(found.profile_key or "")
    report = gateway.rules.check(content, profile) if profile is not None else Report((), ())
    facts = _facts(invoice)
    refusing = _refusing(report)
    with gateway.database.begin() as connection:
        now = gateway.clock()
        values = {
            **facts,
            "profile": found.profile_key or "",
            "invoice_digest": documents.put(connection, ubl.write(invoice), "application/xml", now=now),
            "report_digest": documents.put(
                connection,
                json.dumps(asdict(report), ensure_ascii=False).encode(),
                "application/json",
                now=now,
            ),
        }
        told = {
            "number": facts["number"],
            "report": values["report_digest"],
            "invoice": values["invoice_digest"],
        }
        exchange = _exchange(connection, item)
        if refusing:
            sentence = clerk.sentence(refusing[0], invoice)
            issues = statuses.issues_of(report.findings)
            statuses.queue_status(
                connection, gateway, exchange, StatusCode.REFUSED, text="The rules refuse it", issues=issues
            )
            inbox.move(
                connection,
                item,
                Stage.REFUSED,
                "refused",
                {**told, "rules": sorted({one.rule for one in refusing})},
                now=now,
                verdict=Verdict.DOCUMENT,
                sentence=sentence,
                fix="the sender was told; a corrected invoice comes as a new one",
                **values,
            )
            return
        twin = invoice_marks.claim(connection, item.id, marks_of(invoice, exchange.sender))
        if twin is not None:
            inbox.move(
                connection,
                item,
                Stage.PARKED,
                "parked",
                {**told, "twin": twin.item, "by": twin.ground},
                now=now,
                verdict=Verdict.DOCUMENT,
                sentence=f"{facts['seller'] or exchange.sender} sent an invoice {facts['number']} before, on "
                f"{twin.received_at:%Y-%m-%d} ({_GROUNDS[twin.ground]})",
                fix="compare the two; then gateway inbox take, or gateway inbox dismiss",
                **values,
            )
            return
        inbox.move(
            connection,
            item,
            Stage.CHECKED,
            "checked",
            {**told, "checks": [f"{run.name} {run.release}: {run.state}" for run in report.runs]},
            now=now,
            due_at=now,
            sentence=_unjudged(report),
            **values,
        )


def _hand_over(gateway: Gateway, item: Item) -> None:
    # The draft first: it may fail and be tried again, and somebody may take the file away meanwhile.
    places = [hand_over.draft(gateway, item)]
    with gateway.database.read() as connection:
        exchange = _exchange(connection, item)
        places.append(hand_over.put(connection, gateway, item, exchange))
    place = "; ".join(filter(None, places))
    with gateway.database.begin() as connection:
        code = StatusCode.DELIVERED if place else StatusCode.PASSED_ON
        statuses.queue_status(connection, gateway, exchange, code)
        now = gateway.clock()
        inbox.move(
            connection,
            item,
            Stage.HANDED_OVER,
            "handed over",
            {"to": place or "nobody: neither a folder nor a connector is set"},
            now=now,
            handed_to=place,
            sentence=item.sentence,
        )


def _refusing(report: Report) -> tuple[Finding, ...]:
    """The findings for which an invoice is refused: those of the schema, and of rules that are up to date."""
    if any(run.state is RunState.FAILED and not run.note for run in report.runs):
        return report.fatal
    return ()


def _unjudged(report: Report) -> str:
    if not report.runs:
        return "nobody has judged it: no profile that we know"
    for run in report.not_run:
        return f"{run.name} could not be run: {run.note}"
    for run in report.runs:
        if run.state is RunState.FAILED:
            return f"{run.name} finds faults, and is out of date itself: {run.note}"
    return ""


def _facts(invoice: Invoice) -> dict[str, Any]:
    seller, buyer = invoice.seller, invoice.buyer
    amount = invoice.totals.due if invoice.totals else None
    whole = amount is not None and amount == amount.quantize(amount.__class__("0.01"))
    return {
        "number": (invoice.number or "")[:200],
        "issue_date": invoice.issue_date,
        "seller": ((seller.name if seller else "") or "")[:300],
        "buyer": ((buyer.name if buyer else "") or "")[:300],
        "currency": (invoice.currency or "")[:3],
        "amount": amount if whole else None,
    }


# -- answers


def _status(gateway: Gateway, item: Item) -> None:
    with gateway.database.read() as connection:
        content = documents.get(connection, item.document_digest).content
        status = message_level_status.read(content)
        about = [
            one
            for one in exchanges.by_instance(connection, Direction.OUT, status.refers_to)
            if one.peer == item.peer
        ]
    with gateway.database.begin() as connection:
        now = gateway.clock()
        if not about:
            _set_aside(
                connection,
                item,
                f"a status about {status.refers_to[:60]}, which we did not send to them",
                now,
            )
            return
        submission = submissions.by_message_id(connection, about[-1].message_id.partition("@")[0])
        mine = {"submission": submission.id, "number": submission.number} if submission else {}
        if faults := faults_of_status(content):
            _set_aside(connection, item, _broken("status", faults, status.code), now, **mine)
            return
        new = exchanges.set_status(connection, about[-1], status.code, at=now)
        known = exchanges.get(connection, Direction.OUT, item.peer, about[-1].message_id)
        before = known.status if known is not None else status.code
        if before != status.code and StatusCode.REFUSED in (before, status.code):
            # The network has one status for each document, so the first one stands until a person says more.
            said = message_level_status.describe(status)
            sentence = f"a second status, {status.code} after {before}, about the same document: {said}"
            _set_aside(
                connection, item, sentence, now, fix="ask the receiver which of the two is meant", **mine
            )
            return
        if submission is not None and new:
            _status_told(connection, gateway, submission, status, item)
        data = {"code": status.code, "about": status.refers_to, "new": new}
        sentence = message_level_status.describe(status)[:_LONGEST]
        inbox.move(
            connection, item, Stage.TAKEN_IN, "status taken in", data, now=now, sentence=sentence, **mine
        )


def _status_told(
    connection: Connection, gateway: Gateway, submission: Submission, status: MessageLevelStatus, item: Item
) -> None:
    sentence = message_level_status.describe(status)
    state = _TOLD[StatusCode(status.code)]
    if state is State.DELIVERED and submission.step not in (State.SENT, State.SENDING):
        state = submission.step
    data = {"channel": item.channel, "status": status.code, "receipt": item.document_digest}
    answers.take_in(connection, gateway, submission, state, sentence, data)


def _response(gateway: Gateway, item: Item) -> None:
    with gateway.database.read() as connection:
        content = documents.get(connection, item.document_digest).content
        response = invoice_response.read(content)
        exchange = _exchange(connection, item)
        submission = _answered(connection, response, exchange)
        earlier = _earlier(connection, submission, item) if submission is not None else ()
    with gateway.database.begin() as connection:
        now = gateway.clock()
        if submission is None:
            _set_aside(
                connection,
                item,
                f"a response about {response.invoice.number[:60]}, which we did not send to them",
                now,
            )
            return
        if faults := _fatal(invoice_response.check(content)):
            sentence = _broken("response", faults, response.code)
            number = response.invoice.number[:200]
            _set_aside(connection, item, sentence, now, submission=submission.id, number=number)
            return
        told = response.life_cycle
        follows = all(invoice_response.may_follow(one, response) for one in earlier)
        state = _STATES.get(told) if told is not None and follows else None
        if state is State.DELIVERED and submission.step is not State.SENT:
            state = None
        data = {
            "channel": item.channel,
            "response": response.code,
            "reasons": [one.code for one in response.reasons],
            "actions": [one.code for one in response.actions],
            "receipt": item.document_digest,
        }
        answers.take_in(connection, gateway, submission, state, invoice_response.describe(response), data)
        inbox.move(
            connection,
            item,
            Stage.TAKEN_IN,
            "response taken in",
            {"code": response.code, "follows": follows},
            now=now,
            submission=submission.id,
            number=response.invoice.number[:200],
            sentence=invoice_response.describe(response)[:_LONGEST],
            # An answer comes from the buyer of the invoice.
            buyer=response.sender.name[:300],
        )


def faults_of_status(content: bytes) -> tuple[Finding, ...]:
    """The rules that a Message Level Status breaks; of the older Message Level Response, which has rules of
    its own, only a code that says nothing. Raises MalformedDocument for what is neither."""
    status = message_level_status.read(content)
    older = application_response.AnswerKind.MESSAGE_LEVEL_RESPONSE
    if application_response.answer_kind(status.customization) is older:
        if status.code in frozenset(StatusCode):
            return ()
        text = f"ResponseCode {status.code[:20]!r} is not of the list"
        return (Finding("Message Level Response", Severity.FATAL, text),)
    return tuple(one for one in _fatal(message_level_status.check(content)) if one.rule != _OTHER_MINOR)


def _fatal(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    return tuple(one for one in findings if one.severity is Severity.FATAL)


def _broken(what: str, faults: tuple[Finding, ...], code: str) -> str:
    rules = "; ".join(f"{one.rule}: {one.text}" for one in faults[:5])
    return f"the {what} (code {code[:20]}) breaks the rules of the network: {rules}"[:_LONGEST]


def _answered(connection: Connection, response: InvoiceResponse, exchange: Exchange) -> Submission | None:
    """The invoice that a response is about: sent by us to the one who answers, under this number."""
    for submission in reversed(submissions.find(connection, response.invoice.number)):
        instance = instance_of(submission.message_id) if submission.message_id else ""
        for sent in exchanges.by_instance(connection, Direction.OUT, instance):
            if sent.receiver.lower() == exchange.sender.lower():
                return submission
    return None


def _earlier(connection: Connection, submission: Submission, item: Item) -> tuple[InvoiceResponse, ...]:
    found = inbox.about(connection, submission.id, Kind.INVOICE_RESPONSE)
    return tuple(
        invoice_response.read(documents.get(connection, one.document_digest).content)
        for one in found
        if one.id != item.id and one.state is Stage.TAKEN_IN
    )


# -- the rest


def _other(gateway: Gateway, item: Item) -> None:
    _hand_over(gateway, item)


def _unreadable(gateway: Gateway, item: Item, error: MalformedDocument) -> None:
    with gateway.database.begin() as connection:
        now = gateway.clock()
        issue = Issue(IssueCode.SYNTAX, error.what[:1000])
        statuses.queue_status(
            connection,
            gateway,
            _exchange(connection, item),
            StatusCode.REFUSED,
            text="It cannot be read",
            issues=(issue,),
        )
        inbox.move(
            connection,
            item,
            Stage.REFUSED,
            "refused",
            {"what": error.what},
            now=now,
            verdict=Verdict.DOCUMENT,
            sentence=error.what,
            fix=error.fix,
        )


def _set_aside(
    connection: Connection,
    item: Item,
    sentence: str,
    now: datetime,
    *,
    fix: str = "nothing of ours is changed by it; ask the sender if it should be",
    **changes: str,
) -> None:
    inbox.move(
        connection,
        item,
        Stage.PARKED,
        "parked",
        {"what": sentence},
        now=now,
        verdict=Verdict.DOCUMENT,
        sentence=sentence[:_LONGEST],
        fix=fix,
        **changes,
    )


def _later(gateway: Gateway, item: Item, error: EInvoicingError) -> None:
    _log.warning("not taken further", item=item.id, what=error.what, fix=error.fix)
    now = gateway.clock()
    with gateway.database.begin() as connection:
        inbox.postpone(
            connection,
            item,
            verdict=Verdict.PRECONDITION,
            error=error,
            due_at=gateway.settings.retry.next_try(item.failures + 1, now=now),
        )


def _exchange(connection: Connection, item: Item) -> Exchange:
    found = exchanges.get(connection, Direction.IN, item.peer, item.message_id)
    assert found is not None  # noqa: S101  # written in one transaction with the item
    return found


_STEPS: Final = {
    Kind.INVOICE: _invoice,
    Kind.INVOICE_RESPONSE: _response,
    Kind.MESSAGE_LEVEL_STATUS: _status,
    Kind.OTHER: _other,
}

"""Check: choose the way, write the e-invoice for it, and have the official rules judge it; mapped ->
checked."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection

from formats.errors import ConfigError, DocumentError
from formats.finding import Finding, Report
from formats.losses import losses
from formats.model import Invoice
from formats.registry import PROFILES, SYNTAXES
from gateway.access import four_eyes
from gateway.pipeline import canonical, numbering, own_routes, parties, routing
from gateway.pipeline.convert import invoice_of
from gateway.pipeline.numbers import with_numbers
from gateway.pipeline.submission import State
from gateway.pipeline.unchanged import as_it_came
from gateway.rules import clerk
from gateway.store import documents, submissions
from gateway.store.parties import Party
from gateway.store.submissions import Submission
from gateway.wiring import Gateway
from mappings.as_is import AsIs
from mappings.provenance import Origin

__all__ = ["BrokenRules", "check"]


class BrokenRules(DocumentError):
    """The official rules refuse the invoice; `report` has every finding, `digest` is its place in the
    archive."""

    def __init__(self, what: str, *, where: str, fix: str, report: Report, digest: str) -> None:
        super().__init__(what, where=where, fix=fix)
        self.report = report
        self.digest = digest


def check(gateway: Gateway, submission: Submission) -> Submission:
    """Write and check one invoice; running it twice gives the same bytes and the same findings.

    Raises RouteError when no way leads to the buyer, BrokenRules when the rules refuse it, ConfigError when a
    rule set could not be run: what was not checked is not sent.
    """
    four_eyes.require_routes(gateway)
    with gateway.database.read() as connection:
        said = invoice_of(connection, submission)
        invoice, party = parties.completed(connection, gateway, submission.source, said)
        own = own_routes.own_route(connection, gateway, submission, invoice)
        came = documents.get(connection, submission.content_digest).content
    mapping = gateway.mapping(submission.source)
    route = routing.choose(gateway.settings, invoice, submission, mapping, own)
    chosen = routing.decide(gateway.settings, invoice, submission.source, own).told(route)
    profile = PROFILES[route.profile]
    binding = SYNTAXES[profile.syntax]
    prepared = numbering.numbered(gateway, submission, profile, profile.prepare(invoice))
    written = binding.write(prepared)
    unchanged = as_it_came(came, profile, written) if isinstance(mapping, AsIs) else None
    content = unchanged or written
    report = with_numbers(gateway.rules.check(content, profile), prepared, on=gateway.clock().date())
    report_json = json.dumps(asdict(report), ensure_ascii=False, indent=1).encode()
    with gateway.database.begin() as connection:
        now = gateway.clock()
        report_digest = documents.put(connection, report_json, "application/json", now=now)
        document_digest = documents.put(connection, content, "application/xml", now=now)
        if report.passed:
            added = {} if party is None else _added(connection, gateway, submission, invoice, party)
            return submissions.move(
                connection,
                submission,
                State.CHECKED,
                "checked",
                {
                    "route": route.name,
                    "channel": route.channel,
                    "profile": route.profile,
                    "document": document_digest,
                    "report": report_digest,
                    "checks": [f"{run.name} {run.release}: {run.state}" for run in report.runs],
                    "warnings": sorted({finding.rule for finding in report.warnings}),
                    "not carried": [] if unchanged else list(losses(invoice, prepared, profile)),
                    **({"as it came": True} if unchanged else {}),
                    "from master data": ["BT-49"] if added else [],
                    **chosen,
                },
                now=now,
                report_digest=report_digest,
                document_digest=document_digest,
                channel=route.channel,
                profile=route.profile,
                message_id="",
                **added,
            )
    raise _refusal(gateway, submission, invoice, report, report_digest)


def _added(
    connection: Connection, gateway: Gateway, submission: Submission, invoice: Invoice, party: Party
) -> dict[str, Any]:
    """The canonical invoice with what the master data added, so that each later step and each retry sees the
    same; with the origin of it."""
    now = gateway.clock()
    buyer = invoice.buyer
    origin = Origin(
        term="BT-49",
        path="buyer.electronic_address",
        value=str(buyer.electronic_address) if buyer else "",
        field="Electronic address (master data)",
        source=f"party {party.key}, {party.changed_at:%Y-%m-%d %H:%M} UTC",
        mapping="routing.yaml",
        version="",
        line=0,
    )
    origins = json.loads(documents.get(connection, submission.origins_digest).content)
    text = json.dumps([*origins, origin._asdict()], ensure_ascii=False, indent=1).encode()
    return {
        "invoice_digest": documents.put(connection, *canonical.write(invoice), now=now),
        "origins_digest": documents.put(connection, text, "application/json", now=now),
    }


def _refusal(
    gateway: Gateway, submission: Submission, invoice: Invoice, report: Report, digest: str
) -> BrokenRules | ConfigError:
    where = f"{submission.source}, {submission.source_key}"
    if not report.fatal:
        run = report.not_run[0]
        return ConfigError(
            f"the check {run.name} could not be run: {run.note}", where=where, fix="see gateway check"
        )
    first = report.fatal[0]
    others = sorted({finding.rule for finding in report.fatal[1:]} - {first.rule})
    more = f" (and {len(others)} more: {', '.join(others[:5])})" if others else ""
    return BrokenRules(
        clerk.sentence(first, invoice) + more,
        where=where,
        fix=_fix(gateway, submission, first),
        report=report,
        digest=digest,
    )


def _fix(gateway: Gateway, submission: Submission, finding: Finding) -> str:
    """Which ERP fields to look at: those that the terms of the finding come from."""
    mapping = gateway.mapping(submission.source)
    labels = dict.fromkeys(label for term in finding.terms for label in mapping.labels(term)[:1])
    if not labels:
        return f"see the rule {finding.rule} with gateway explain {finding.rule}"
    return f"check in the ERP: {'; '.join(list(labels)[:4])} ({finding.rule})"

"""What a caller may see: the invoices of their companies, and nothing that tells of others."""

from __future__ import annotations

from http import HTTPStatus

from sqlalchemy import Connection

from formats.errors import ConflictError
from gateway.access.rights import Actor, Right
from gateway.store import documents, journal, submissions
from gateway.store.submissions import Submission
from gateway.web.problems import Problem
from gateway.wiring import Gateway

__all__ = ["companies", "company_of", "names", "sources_of", "submission"]


def companies(gateway: Gateway) -> frozenset[str]:
    """All companies that are set up."""
    return frozenset(source.company for source in gateway.settings.sources) | frozenset(
        gateway.settings.companies
    )


def company_of(gateway: Gateway, source: str) -> str | None:
    """The company that a source belongs to; None for one that is no longer configured, which only those see
    who see all companies."""
    return next((one.company for one in gateway.settings.sources if one.name == source), None)


def sources_of(gateway: Gateway, actor: Actor, right: Right = Right.SEE_INVOICES) -> tuple[str, ...] | None:
    """The sources of the caller's companies; None stands for all, those that were configured once
    included."""
    if actor.may(right):
        return None
    return tuple(source.name for source in gateway.settings.sources if actor.may(right, source.company))


def submission(
    connection: Connection,
    gateway: Gateway,
    actor: Actor,
    identifier: str,
    right: Right = Right.SEE_INVOICES,
) -> Submission:
    """One submission of the caller's companies. Problem 404 for all others: not even that they exist is
    told."""
    missing = Problem(HTTPStatus.NOT_FOUND, "there is no such invoice")
    try:
        found = submissions.get(connection, identifier)
    except ConflictError as error:
        raise missing from error
    company = company_of(gateway, found.source)
    if not actor.may(Right.SEE_INVOICES, company):
        raise missing
    if not actor.may(right, company):
        raise Problem(HTTPStatus.FORBIDDEN, "your role does not allow this for this company")
    return found


def names(connection: Connection, found: Submission, digest: str) -> bool:
    """Whether the journal of this invoice names a document."""
    return any(
        digest in documents.DIGEST.findall(entry.data)
        for entry in journal.entries(connection, submission=found.id)
    )

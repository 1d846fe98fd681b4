"""News that an ERP does not take."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import func, select

from gateway.alarms.model import Found
from gateway.store.tables import reports, submissions
from gateway.wiring import Gateway

__all__ = ["watch"]


def watch(gateway: Gateway, now: datetime) -> Iterator[Found]:
    """One finding for each source whose news failed as often as the retry settings say."""
    query = (
        select(submissions.c.source, func.count(), func.min(reports.c.made_at), func.max(reports.c.sentence))
        .join(submissions, submissions.c.id == reports.c.submission)
        .where(
            reports.c.done_at.is_(None),
            reports.c.due_at.is_not(None),
            reports.c.failures >= gateway.settings.retry.attempts,
        )
        .group_by(submissions.c.source)
        .order_by(submissions.c.source)
    )
    companies = {one.name: one.company for one in gateway.settings.sources}
    with gateway.database.read() as connection:
        found = connection.execute(query).all()
    for source, number, since, sentence in found:
        news = "One piece of news is" if number == 1 else f"{number} pieces of news are"
        yield Found(
            subject=source,
            since=since,
            sentence=f"{news} not in the ERP of {source} yet: {sentence}",
            fix=f"gateway check {source} says what is wrong; the news is written by itself afterwards",
            company=companies.get(source, ""),
        )

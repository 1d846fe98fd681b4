"""Sources that cannot be read, or are left out."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from gateway.alarms.model import Found
from gateway.pipeline.submission import Verdict
from gateway.store import sources
from gateway.wiring import Gateway

__all__ = ["watch"]


def watch(gateway: Gateway, now: datetime) -> Iterator[Found]:
    """What IT has to mend at once; what heals by itself once it failed as often as the retry settings say."""
    for left in gateway.settings.left_out:
        yield Found(left.name, now, f"{left.name} is left out: {left.problem.what}", left.problem.fix)
    with gateway.database.read() as connection:
        records = [(spec, sources.get(connection, spec.name)) for spec in gateway.settings.sources]
    for spec, record in records:
        waits = record.verdict == Verdict.PROVIDER and not gateway.settings.retry.exhausted(record.failures)
        if not record.verdict or waits:
            continue
        last = f", last read {record.read_at:%d %B %Y, %H:%M} UTC" if record.read_at else ", never read"
        yield Found(
            subject=spec.name,
            since=record.read_at or now,
            sentence=f"{spec.name} cannot be read{last}: {record.sentence}",
            fix=f"gateway check {spec.name} says what is wrong",
            company=spec.company,
        )

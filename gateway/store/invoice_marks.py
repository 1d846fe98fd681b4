"""What received invoices are known by, so that the same one is not handed over twice.

A mark is one ground with the invoice's number. Two processes that judge the same invoice at once wait for
each other: on PostgreSQL by advisory locks that end with the transaction, on SQLite as all writers do.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import Connection, delete, insert, select, text

from gateway.store.tables import inbox, invoice_marks

__all__ = ["Ground", "Mark", "Twin", "claim"]

# The inbox's states in which an invoice has not become anything; see `inbox.State`.
_GONE: Final = "refused"


class Ground(StrEnum):
    """What tells that it is the same sender, the surest first."""

    VAT = "vat"
    REGISTRATION = "registration"
    NAME = "name"
    PARTICIPANT = "participant"


@dataclass(frozen=True, slots=True)
class Mark:
    """One ground with its normalised value and number."""

    ground: Ground
    value: str
    number: str

    @property
    def digest(self) -> str:
        """SHA-256 of the whole, lower-case hex; also written by migration 0016."""
        return hashlib.sha256(f"{self.ground}|{self.value}|{self.number}".encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Twin:
    """An invoice that came before and is the same by `ground`; when it came (aware UTC)."""

    item: str
    ground: Ground
    received_at: datetime


def claim(connection: Connection, item: str, marks: Sequence[Mark]) -> Twin | None:
    """Write down what an invoice is known by; gives the one that is the same and was there, None where there
    is none.

    The oldest by the surest ground, without those that were refused or put aside. The same participant alone
    says nothing where both state a VAT number and these differ: one service may send for many. Safe to
    repeat. In the caller's transaction, which others with a mark in common wait for.
    """
    if connection.dialect.name == "postgresql":
        for digest in sorted(mark.digest for mark in marks):
            number = int(digest[:16], 16) - (1 << 63)
            connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": number})
    connection.execute(delete(invoice_marks).where(invoice_marks.c.item == item))
    if not marks:
        return None
    connection.execute(
        insert(invoice_marks),
        [{"mark": mark.digest, "item": item, "ground": mark.ground.value} for mark in marks],
    )
    return next(
        (twin for mark in _surest_first(marks) if (twin := _twin(connection, item, mark, marks))), None
    )


def _twin(connection: Connection, item: str, mark: Mark, marks: Sequence[Mark]) -> Twin | None:
    query = (
        select(inbox.c.id, inbox.c.received_at)
        .join(invoice_marks, invoice_marks.c.item == inbox.c.id)
        .where(invoice_marks.c.mark == mark.digest, inbox.c.id != item, inbox.c.state != _GONE)
        .order_by(inbox.c.received_at, inbox.c.id)
    )
    for other, received_at in connection.execute(query).all():
        if mark.ground is not Ground.PARTICIPANT or not _other_company(connection, other, marks):
            return Twin(other, mark.ground, received_at)
    return None


def _other_company(connection: Connection, other: str, marks: Sequence[Mark]) -> bool:
    own = {mark.digest for mark in marks if mark.ground is Ground.VAT}
    query = select(invoice_marks.c.mark).where(
        invoice_marks.c.item == other, invoice_marks.c.ground == Ground.VAT.value
    )
    theirs = set(connection.scalars(query))
    return bool(own and theirs) and not own & theirs


def _surest_first(marks: Sequence[Mark]) -> list[Mark]:
    order = list(Ground)
    return sorted(marks, key=lambda mark: order.index(mark.ground))

"""Which key signed what, and the numbers of files."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, String, Table, UniqueConstraint

from gateway.store.tables.base import DIGEST, ID, Moment, metadata

__all__ = ["file_counters", "file_numbers", "signatures"]

# What was signed, and by which key: the signed document is kept, and goes out again on every retry.
signatures = Table(
    "signatures",
    metadata,
    Column("submission", ID, primary_key=True),
    # The document before and after.
    Column("document", DIGEST, primary_key=True),
    Column("signed", DIGEST, nullable=False),
    Column("profile", String(50), nullable=False),
    Column("key", String(100), nullable=False),
    Column("certificate", DIGEST, nullable=False),
    Column("signed_at", Moment, nullable=False),
)

# The last number that each transmitter used for a file, and what has which number.
file_counters = Table(
    "file_counters",
    metadata,
    Column("transmitter", String(50), primary_key=True),
    Column("last", BigInteger, nullable=False),
)

file_numbers = Table(
    "file_numbers",
    metadata,
    Column("transmitter", String(50), primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("submission", ID, nullable=False),
    # How often the other side had taken a file of the submission before: it knows that name for ever.
    Column("outing", Integer, nullable=False),
    Column("given_at", Moment, nullable=False),
    UniqueConstraint("submission", "transmitter", "outing"),
)

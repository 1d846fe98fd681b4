"""The hash-chained journal."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table, Text

from gateway.store.tables.base import DIGEST, metadata

__all__ = ["journal", "journal_head"]

journal = Table(
    "journal",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("at", String(40), nullable=False),
    Column("submission", String(36), nullable=False),
    Column("actor", String(100), nullable=False),
    Column("event", String(40), nullable=False),
    Column("data", Text, nullable=False),
    Column("previous", DIGEST, nullable=False),
    Column("digest", DIGEST, nullable=False),
    Index("ix_journal_submission", "submission", "seq"),
)

# One row: the end of the chain. Locked by whoever appends, so that the chain never forks.
journal_head = Table(
    "journal_head",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("seq", BigInteger, nullable=False),
    Column("digest", DIGEST, nullable=False),
)

"""Alarms, whom they were told, and the counts that are compared."""

from __future__ import annotations

from sqlalchemy import Column, Date, Index, Integer, String, Table, Text, text

from gateway.store.tables.base import ID, Moment, metadata

__all__ = ["alarm_mails", "alarms", "counts"]

# What is not as it should be: one open row for each kind and subject, kept when it is over.
alarms = Table(
    "alarms",
    metadata,
    Column("id", ID, primary_key=True),
    Column("kind", String(30), nullable=False),
    Column("subject", String(300), nullable=False),
    # Whose it is; "" for what concerns the whole gateway.
    Column("company", String(100), nullable=False, default=""),
    # The higher, the more urgent within its kind; people are told when it rises.
    Column("level", Integer, nullable=False, default=0),
    Column("since", Moment, nullable=False),
    Column("sentence", Text, nullable=False),
    Column("fix", Text, nullable=False),
    Column("raised_at", Moment, nullable=False),
    Column("seen_at", Moment, nullable=False),
    Column("told_at", Moment, nullable=False),
    Column("ended_at", Moment),
    Column("taken_by", String(100), nullable=False, default=""),
    Column("taken_at", Moment),
    Column("reason", Text, nullable=False, default=""),
    Index("ix_alarms_ended_at", "ended_at", "raised_at"),
    Index(
        "uq_alarms_open",
        "kind",
        "subject",
        unique=True,
        sqlite_where=text("ended_at IS NULL"),
        postgresql_where=text("ended_at IS NULL"),
    ),
)

# E-mails about alarms, queued in the transaction that raises or ends them.
alarm_mails = Table(
    "alarm_mails",
    metadata,
    Column("message_id", ID, primary_key=True),
    Column("receiver", String(320), nullable=False),
    Column("subject", String(300), nullable=False),
    Column("body", Text, nullable=False),
    Column("made_at", Moment, nullable=False),
    Column("due_at", Moment),
    Column("sent_at", Moment),
    Column("failures", Integer, nullable=False, default=0),
    Column("sentence", Text, nullable=False, default=""),
    Index("ix_alarm_mails_due_at", "due_at"),
)

# Invoices of each source by the day they are dated; `posted` is what the ERP says, null where it was not
# asked, and `said` why.
counts = Table(
    "counts",
    metadata,
    Column("source", String(100), primary_key=True),
    Column("day", Date, primary_key=True),
    Column("posted", Integer),
    Column("said", Text, nullable=False, default=""),
    Column("asked_at", Moment),
    Column("received", Integer, nullable=False),
    Column("delivered", Integer, nullable=False),
    Column("acknowledged", Integer, nullable=False),
    Column("stopped", Integer, nullable=False),
    Column("counted_at", Moment, nullable=False),
)

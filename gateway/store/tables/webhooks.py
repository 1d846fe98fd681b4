"""Who else is told, and what they were told."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, String, Table, Text

from gateway.store.tables.base import Moment, metadata

__all__ = ["webhook_deliveries", "webhooks"]

# Who is told of what happens, at an address of theirs. Of those in the config folder only how far they are is
# kept here. `cursor` is the last journal entry that was looked at for them; secrets are sealed.
webhooks = Table(
    "webhooks",
    metadata,
    Column("id", String(110), primary_key=True),
    Column("name", String(100), nullable=False),
    Column("configured", Boolean, nullable=False),
    Column("url", Text, nullable=False, default=""),
    # JSON lists.
    Column("events", Text, nullable=False, default=""),
    Column("companies", Text, nullable=False, default=""),
    Column("secret", Text, nullable=False, default=""),
    Column("old_secret", Text, nullable=False, default=""),
    Column("old_until", Moment),
    Column("cursor", BigInteger, nullable=False),
    Column("failures", Integer, nullable=False, default=0),
    Column("rests_until", Moment),
    Column("sentence", Text, nullable=False, default=""),
    Column("made_by", String(100), nullable=False, default=""),
    Column("made_at", Moment, nullable=False),
    Column("ended_at", Moment),
)

# One event on its way to one webhook; `seq` is its journal entry, `about` the submission or the alarm.
# `due_at` is null once it needs no sending.
webhook_deliveries = Table(
    "webhook_deliveries",
    metadata,
    Column("webhook", String(110), primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("event", String(80), nullable=False),
    Column("type", String(40), nullable=False),
    Column("about", String(36), nullable=False),
    Column("body", Text, nullable=False),
    Column("state", String(20), nullable=False),
    Column("made_at", Moment, nullable=False),
    Column("due_at", Moment),
    Column("failures", Integer, nullable=False, default=0),
    Column("sentence", Text, nullable=False, default=""),
    Column("ended_at", Moment),
    Index("ix_webhook_deliveries_due", "webhook", "due_at"),
    Index("ix_webhook_deliveries_about", "webhook", "about", "seq"),
    Index("ix_webhook_deliveries_state", "state", "ended_at"),
)

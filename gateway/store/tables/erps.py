"""What is kept of ERPs: places read up to, budgets, master data, payments to post."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, Integer, String, Table, Text

from gateway.store.tables.base import DIGEST, ID, Moment, metadata

__all__ = [
    "call_windows",
    "connector_state",
    "failing_sides",
    "found_accounts",
    "parties",
    "party_changes",
    "party_cursors",
    "postings",
    "push_keys",
    "sources",
]

# Where each source was read up to, and how it is doing.
sources = Table(
    "sources",
    metadata,
    Column("name", String(100), primary_key=True),
    Column("cursor", Text, nullable=False, default=""),
    Column("failures", Integer, nullable=False, default=0),
    Column("due_at", Moment),
    Column("read_at", Moment),
    Column("verdict", String(20), nullable=False, default=""),
    Column("sentence", Text, nullable=False, default=""),
)

# Systems of others that failed when they were last asked for something; gone once they do it again.
failing_sides = Table(
    "failing_sides",
    metadata,
    # "source" or "channel", a space, and its name.
    Column("side", String(120), primary_key=True),
    Column("errand", String(20), primary_key=True),
    Column("since", Moment, nullable=False),
    Column("last_at", Moment, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("verdict", String(20), nullable=False),
    Column("what", Text, nullable=False),
    Column("fix", Text, nullable=False),
)

connector_state = Table(
    "connector_state",
    metadata,
    Column("connector", String(100), primary_key=True),
    Column("key", String(100), primary_key=True),
    Column("value", Text, nullable=False),
)

# Calls of each ERP tenant in the window of time that runs, for all processes together.
call_windows = Table(
    "call_windows",
    metadata,
    Column("tenant", String(200), primary_key=True),
    Column("name", String(50), primary_key=True),
    Column("started_at", Moment, nullable=False),
    Column("resets_at", Moment, nullable=False),
    Column("calls", Integer, nullable=False),
    Column("reserve", Integer, nullable=False),
    Column("used", Integer, nullable=False),
)

# The buyers' master data as each ERP last gave it; facts are JSON.
parties = Table(
    "parties",
    metadata,
    Column("source", String(100), primary_key=True),
    Column("key", String(300), primary_key=True),
    Column("facts", Text, nullable=False),
    # Two of the facts in plain letters and digits, by which an invoice finds its buyer.
    Column("vat_id", String(50), nullable=False, default=""),
    Column("company_id", String(50), nullable=False, default=""),
    Column("seen_at", Moment, nullable=False),
    Column("changed_at", Moment, nullable=False),
    Index("ix_parties_vat_id", "source", "vat_id"),
    Index("ix_parties_company_id", "source", "company_id"),
)

# Each fact that changed; `flagged` ones wait until a person has looked at them.
party_changes = Table(
    "party_changes",
    metadata,
    Column("id", ID, primary_key=True),
    Column("source", String(100), nullable=False),
    Column("key", String(300), nullable=False),
    Column("fact", String(100), nullable=False),
    Column("old", Text, nullable=False),
    Column("new", Text, nullable=False),
    Column("flagged", Boolean, nullable=False),
    Column("found_at", Moment, nullable=False),
    Column("cleared_at", Moment),
    Column("cleared_by", String(200), nullable=False, default=""),
    Column("reason", Text, nullable=False, default=""),
    Index("ix_party_changes_party", "source", "key"),
)

party_cursors = Table(
    "party_cursors",
    metadata,
    Column("source", String(100), primary_key=True),
    Column("cursor", Text, nullable=False),
    Column("read_at", Moment, nullable=False),
)

# Incoming payments on their way into the ERP; `payment` is JSON, done when the ERP holds it.
postings = Table(
    "postings",
    metadata,
    Column("reference", String(100), primary_key=True),
    Column("source", String(100), nullable=False),
    Column("payment", Text, nullable=False),
    Column("made_at", Moment, nullable=False),
    Column("due_at", Moment),
    Column("done_at", Moment),
    Column("failures", Integer, nullable=False, default=0),
    Column("verdict", String(20), nullable=False, default=""),
    Column("sentence", Text, nullable=False, default=""),
    Column("written_to", Text, nullable=False, default=""),
    Index("ix_postings_due", "due_at"),
)

# What was pushed under an idempotency key, and what was answered (JSON).
push_keys = Table(
    "push_keys",
    metadata,
    Column("source", String(100), primary_key=True),
    Column("key", String(200), primary_key=True),
    Column("digest", DIGEST, nullable=False),
    Column("answer", Text, nullable=False),
    Column("made_at", Moment, nullable=False),
)

# Accounts that invoices of a company named as the one to pay to, and that nobody has approved.
found_accounts = Table(
    "found_accounts",
    metadata,
    Column("company", String(100), primary_key=True),
    Column("digest", DIGEST, primary_key=True),
    Column("account", String(100), nullable=False),
    Column("submission", ID, nullable=False),
    Column("found_at", Moment, nullable=False),
)

"""The Peppol network: what was sent and received, and what is said about it."""

from __future__ import annotations

from sqlalchemy import Column, Date, Index, Integer, String, Table, Text, UniqueConstraint

from gateway.store.tables.base import DIGEST, ID, Cents, Moment, metadata

__all__ = ["exchanges", "inbox", "invoice_marks", "receivers", "signals"]

# Each message that was exchanged with another access point: `direction` is "out" or "in", `peer` the seat of
# the
# other one. Its primary key is what makes a message that comes twice one.
exchanges = Table(
    "exchanges",
    metadata,
    Column("direction", String(3), primary_key=True),
    Column("peer", String(50), primary_key=True),
    Column("message_id", String(255), primary_key=True),
    Column("channel", String(100), nullable=False),
    # The instance identifier of the envelope, by which a message level status names the document.
    Column("instance", String(255), nullable=False),
    Column("sender", String(200), nullable=False),
    Column("receiver", String(200), nullable=False),
    Column("document_type", String(600), nullable=False),
    Column("process", String(300), nullable=False),
    Column("country_c1", String(2), nullable=False),
    Column("country_c4", String(2), nullable=False),
    Column("end_user", String(200), nullable=False),
    # What tells the same message come again from another one under its id.
    Column("fingerprint", String(130), nullable=False),
    Column("evidence_digest", DIGEST, nullable=False),
    Column("receipt_digest", DIGEST, nullable=False),
    Column("at", Moment, nullable=False),
    # Of a sent message: what its message level status said. Of a received one: what we have to say, and said.
    Column("status_wanted", String(20), nullable=False, default=""),
    Column("status_to", String(200), nullable=False, default=""),
    Column("status_due_at", Moment),
    Column("status", String(2), nullable=False, default=""),
    Column("status_at", Moment),
    Index("ix_exchanges_instance", "direction", "instance"),
    Index("ix_exchanges_at", "at"),
    Index("ix_exchanges_status_due", "status_due_at"),
)

# Business documents that came in: invoices to us, answers to invoices of ours.
inbox = Table(
    "inbox",
    metadata,
    Column("id", ID, primary_key=True),
    Column("peer", String(50), nullable=False),
    Column("message_id", String(255), nullable=False),
    Column("channel", String(100), nullable=False),
    Column("kind", String(30), nullable=False),
    Column("state", String(20), nullable=False),
    Column("verdict", String(20), nullable=False, default=""),
    Column("sentence", Text, nullable=False, default=""),
    Column("fix", Text, nullable=False, default=""),
    Column("failures", Integer, nullable=False, default=0),
    Column("due_at", Moment),
    Column("document_digest", DIGEST, nullable=False),
    Column("invoice_digest", DIGEST, nullable=False, default=""),
    Column("report_digest", DIGEST, nullable=False, default=""),
    Column("profile", String(50), nullable=False, default=""),
    Column("number", String(200), nullable=False, default=""),
    Column("issue_date", Date),
    Column("seller", String(300), nullable=False, default=""),
    Column("buyer", String(300), nullable=False, default=""),
    Column("currency", String(3), nullable=False, default=""),
    Column("amount", Cents),
    # The submission of ours that an answer is about.
    Column("submission", String(36), nullable=False, default=""),
    Column("handed_to", Text, nullable=False, default=""),
    Column("received_at", Moment, nullable=False),
    Column("changed_at", Moment, nullable=False),
    UniqueConstraint("peer", "message_id"),
    Index("ix_inbox_due", "state", "due_at"),
    Index("ix_inbox_received_at", "received_at", "id"),
    Index("ix_inbox_number", "number"),
)

# What a received invoice is known by: the digest of a ground (VAT number, name ...) with its number.
invoice_marks = Table(
    "invoice_marks",
    metadata,
    Column("mark", DIGEST, primary_key=True),
    Column("item", ID, primary_key=True),
    Column("ground", String(20), nullable=False),
    Index("ix_invoice_marks_item", "item"),
)

# Answers and reports that go out over the network beside the invoices; the message id holds for all attempts.
signals = Table(
    "signals",
    metadata,
    Column("message_id", String(36), primary_key=True),
    Column("kind", String(30), nullable=False),
    Column("channel", String(100), nullable=False),
    Column("sender", String(200), nullable=False),
    Column("receiver", String(200), nullable=False),
    # Tried where the first receiver cannot be found; "" for none.
    Column("other_receiver", String(200), nullable=False, default=""),
    Column("about", String(300), nullable=False),
    Column("document_digest", DIGEST, nullable=False),
    Column("made_at", Moment, nullable=False),
    Column("due_at", Moment),
    Column("sent_at", Moment),
    Column("failures", Integer, nullable=False, default=0),
    Column("verdict", String(20), nullable=False, default=""),
    Column("sentence", Text, nullable=False, default=""),
    UniqueConstraint("kind", "about"),
    Index("ix_signals_due", "due_at"),
)

# What each buyer was last found to receive, for the nightly look at who moved; `endpoint` is JSON.
receivers = Table(
    "receivers",
    metadata,
    Column("participant", String(200), primary_key=True),
    Column("document_type", String(600), primary_key=True),
    Column("channel", String(100), nullable=False),
    Column("endpoint", Text, nullable=False),
    Column("checked_at", Moment, nullable=False),
    Column("drift", Text, nullable=False, default=""),
    Column("drifted_at", Moment),
    Column("failures", Integer, nullable=False, default=0),
)

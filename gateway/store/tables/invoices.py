"""Documents, the submissions that carry them, and how they are found."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Date,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
    literal_column,
    text,
)

from gateway.store.tables.base import DIGEST, ID, Cents, Moment, metadata

__all__ = [
    "HAS_VERDICT",
    "STANDS_FOR_ANOTHER",
    "attempts",
    "buyer_words",
    "claims",
    "document_parts",
    "documents",
    "number_words",
    "payments",
    "reports",
    "saved_views",
    "submissions",
]

# Written once, found by digest: source documents, e-invoices, receipts, reports, origins.
documents = Table(
    "documents",
    metadata,
    Column("digest", DIGEST, primary_key=True),
    Column("media_type", String(100), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("content", LargeBinary, nullable=False),
    Column("stored_at", Moment, nullable=False),
)

# The bytes of documents that came as large files, whose own content is empty; numbered from 0.
document_parts = Table(
    "document_parts",
    metadata,
    Column("digest", DIGEST, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("content", LargeBinary, nullable=False),
)

submissions = Table(
    "submissions",
    metadata,
    Column("id", ID, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("state", String(20), nullable=False),
    Column("resume_state", String(20), nullable=False, default=""),
    Column("verdict", String(20), nullable=False, default=""),
    Column("sentence", Text, nullable=False, default=""),
    Column("fix", Text, nullable=False, default=""),
    Column("failures", Integer, nullable=False, default=0),
    Column("due_at", Moment),
    Column("claimed_by", String(100), nullable=False, default=""),
    Column("claimed_until", Moment),
    Column("source", String(100), nullable=False),
    Column("source_key", String(300), nullable=False),
    # The order in which revisions came, also of those that came at the same moment.
    Column("arrival", BigInteger, nullable=False),
    Column("revision", String(100), nullable=False),
    Column("origin", Text, nullable=False, default=""),
    Column("content_digest", DIGEST, nullable=False),
    Column("part", Integer, nullable=False, default=0),
    # By what a revision is recognised when it comes again: all bytes, or what the connector says counts.
    Column("fingerprint", String(80), nullable=False),
    Column("number", String(200), nullable=False, default=""),
    Column("type_code", String(3), nullable=False, default=""),
    Column("issue_date", Date),
    Column("buyer", String(300), nullable=False, default=""),
    Column("currency", String(3), nullable=False, default=""),
    Column("amount", Cents),
    # BT-9; null too for what was read by a release that did not keep it.
    Column("payment_due", Date),
    Column("mapping", String(200), nullable=False, default=""),
    Column("invoice_digest", DIGEST, nullable=False, default=""),
    Column("origins_digest", DIGEST, nullable=False, default=""),
    Column("report_digest", DIGEST, nullable=False, default=""),
    Column("document_digest", DIGEST, nullable=False, default=""),
    Column("pdf_digest", DIGEST, nullable=False, default=""),
    Column("route", Integer, nullable=False, default=0),
    Column("channel", String(100), nullable=False, default=""),
    Column("profile", String(50), nullable=False, default=""),
    Column("message_id", String(36), nullable=False, default=""),
    Column("superseded_by", String(36), nullable=False, default=""),
    # What stopped this document was judged under this configuration; "" where other things decide, too.
    Column("judged_under", DIGEST, nullable=False, default=""),
    Column("received_at", Moment, nullable=False),
    Column("changed_at", Moment, nullable=False),
    Column("sent_at", Moment),
    # When it last came to the other side; what becomes of it there changes nothing of that.
    Column("delivered_at", Moment),
    UniqueConstraint("source", "source_key", "fingerprint", "revision"),
    Index("ix_submissions_due", "state", "due_at"),
    Index("ix_submissions_number", "number", "id"),
    Index("ix_submissions_message_id", "message_id"),
    # For lists of many: each in the order in which people ask for it.
    Index("ix_submissions_received_at", "received_at", "id"),
    Index("ix_submissions_changed_at", "changed_at", "id"),
    Index("ix_submissions_delivered_at", "delivered_at", "source"),
    Index("ix_submissions_state", "state", "received_at", "id", "source", "currency", "amount"),
    Index("ix_submissions_buyer", "buyer", "id"),
    Index("ix_submissions_amount", "amount", "id"),
    Index("ix_submissions_issue_date", "issue_date", "id"),
    Index("ix_submissions_channel", "channel", "received_at", "id"),
    Index("ix_submissions_source", "source", "received_at", "id"),
    Index("ix_submissions_currency", "currency", "received_at", "id"),
)

# Few of a million have a verdict, or stand for an earlier revision: the indices that hold only these are
# used where a query says so in the very words.
HAS_VERDICT = submissions.c.verdict != literal_column("''")

STANDS_FOR_ANOTHER = submissions.c.superseded_by != literal_column("''")

_VERDICT, _SUPERSEDED = text("verdict <> ''"), text("superseded_by <> ''")

Index(
    "ix_submissions_verdict",
    *(
        submissions.c[name]
        for name in (
            "verdict",
            "state",
            "received_at",
            "id",
            "due_at",
            "source",
            "channel",
            "currency",
            "amount",
        )
    ),
    sqlite_where=_VERDICT,
    postgresql_where=_VERDICT,
)

Index(
    "ix_submissions_superseded_by",
    submissions.c.superseded_by,
    sqlite_where=_SUPERSEDED,
    postgresql_where=_SUPERSEDED,
)

# What invoices are looked up by: each word of their numbers and buyers, without capitals and accents, once
# for each number and buyer. Compared sign by sign, whatever the language of the database: the search asks
# for ranges.
_WORD = String(60).with_variant(String(60, collation="C"), "postgresql")

number_words = Table(
    "number_words",
    metadata,
    Column("word", _WORD, primary_key=True),
    Column("number", String(200), primary_key=True),
    Index("ix_number_words_number", "number", "word"),
    sqlite_with_rowid=False,
)

buyer_words = Table(
    "buyer_words",
    metadata,
    Column("word", _WORD, primary_key=True),
    Column("buyer", String(300), primary_key=True),
    Index("ix_buyer_words_buyer", "buyer", "word"),
    sqlite_with_rowid=False,
)

# Who carries an invoice: one row for each ERP key and each business key, so that two revisions never both go
# out.
claims = Table(
    "claims",
    metadata,
    Column("key", String(500), primary_key=True),
    Column("submission", ID, nullable=False),
)

attempts = Table(
    "attempts",
    metadata,
    Column("submission", ID, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("channel", String(100), nullable=False),
    Column("message_id", String(36), nullable=False),
    Column("opened_at", Moment, nullable=False),
    Column("closed_at", Moment),
    Column("outcome", String(20), nullable=False, default=""),
    Column("receipt_digest", DIGEST, nullable=False, default=""),
)

# News for the ERP: written with the state that it reports, done when the ERP holds it.
reports = Table(
    "reports",
    metadata,
    Column("reference", String(60), primary_key=True),
    Column("submission", ID, nullable=False),
    Column("state", String(20), nullable=False),
    Column("text", Text, nullable=False),
    Column("made_at", Moment, nullable=False),
    Column("due_at", Moment),
    Column("done_at", Moment),
    Column("failures", Integer, nullable=False, default=0),
    Column("verdict", String(20), nullable=False, default=""),
    Column("sentence", Text, nullable=False, default=""),
    Column("written_to", Text, nullable=False, default=""),
    Index("ix_reports_due", "due_at"),
)

payments = Table(
    "payments",
    metadata,
    Column("submission", ID, primary_key=True),
    Column("state", String(20), nullable=False),
    Column("currency", String(3), nullable=False),
    Column("paid", Cents, nullable=False),
    Column("paid_on", Date),
    Column("evidence", Text, nullable=False, default=""),
    Column("seen_at", Moment, nullable=False),
    Index("ix_payments_state", "state"),
)

# Lists of invoices that people find again under a name of their own.
saved_views = Table(
    "saved_views",
    metadata,
    Column("id", ID, primary_key=True),
    Column("person", ID, nullable=False),
    Column("name", String(40), nullable=False),
    Column("question", Text, nullable=False),
    Column("made_at", Moment, nullable=False),
    UniqueConstraint("person", "name"),
)

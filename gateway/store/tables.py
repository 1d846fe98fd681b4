"""The tables. Moments are aware UTC, amounts whole cents, digests SHA-256 in lower-case hex, ids UUIDs as
text."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Dialect,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    false,
    literal_column,
    text,
    true,
)

__all__ = [
    "HAS_VERDICT",
    "STANDS_FOR_ANOTHER",
    "alarm_mails",
    "alarms",
    "api_tokens",
    "attempts",
    "buyer_routes",
    "buyer_words",
    "call_windows",
    "changes",
    "claims",
    "connector_state",
    "counts",
    "document_parts",
    "documents",
    "exchanges",
    "failing_sides",
    "file_counters",
    "file_numbers",
    "found_accounts",
    "grants",
    "inbox",
    "invoice_marks",
    "journal",
    "journal_head",
    "metadata",
    "number_words",
    "parties",
    "party_changes",
    "party_cursors",
    "payments",
    "people",
    "portal_calls",
    "portal_links",
    "postings",
    "push_keys",
    "receivers",
    "recovery_codes",
    "reports",
    "saved_views",
    "sessions",
    "sign_in_failures",
    "signals",
    "signatures",
    "sources",
    "spent_states",
    "submissions",
    "webhook_deliveries",
    "webhooks",
]


class Moment(TypeDecorator[datetime]):
    """An aware datetime, kept in UTC by every database."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment needs a time zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Cents(TypeDecorator[Decimal]):
    """An amount with at most two decimals, kept as whole cents: exact, and sortable in every database."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> Any:
        return None if value is None else int((value * 100).to_integral_exact())

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:
        return None if value is None else Decimal(value).scaleb(-2)


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

_DIGEST = String(64)
_ID = String(36)

# Written once, found by digest: source documents, e-invoices, receipts, reports, origins.
documents = Table(
    "documents",
    metadata,
    Column("digest", _DIGEST, primary_key=True),
    Column("media_type", String(100), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("content", LargeBinary, nullable=False),
    Column("stored_at", Moment, nullable=False),
)

# The bytes of documents that came as large files, whose own content is empty; numbered from 0.
document_parts = Table(
    "document_parts",
    metadata,
    Column("digest", _DIGEST, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("content", LargeBinary, nullable=False),
)

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

submissions = Table(
    "submissions",
    metadata,
    Column("id", _ID, primary_key=True),
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
    Column("content_digest", _DIGEST, nullable=False),
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
    Column("invoice_digest", _DIGEST, nullable=False, default=""),
    Column("origins_digest", _DIGEST, nullable=False, default=""),
    Column("report_digest", _DIGEST, nullable=False, default=""),
    Column("document_digest", _DIGEST, nullable=False, default=""),
    Column("pdf_digest", _DIGEST, nullable=False, default=""),
    Column("route", Integer, nullable=False, default=0),
    Column("channel", String(100), nullable=False, default=""),
    Column("profile", String(50), nullable=False, default=""),
    Column("message_id", String(36), nullable=False, default=""),
    Column("superseded_by", String(36), nullable=False, default=""),
    # What stopped this document was judged under this configuration; "" where other things decide, too.
    Column("judged_under", _DIGEST, nullable=False, default=""),
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
    Column("submission", _ID, nullable=False),
)

attempts = Table(
    "attempts",
    metadata,
    Column("submission", _ID, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("channel", String(100), nullable=False),
    Column("message_id", String(36), nullable=False),
    Column("opened_at", Moment, nullable=False),
    Column("closed_at", Moment),
    Column("outcome", String(20), nullable=False, default=""),
    Column("receipt_digest", _DIGEST, nullable=False, default=""),
)

# News for the ERP: written with the state that it reports, done when the ERP holds it.
reports = Table(
    "reports",
    metadata,
    Column("reference", String(60), primary_key=True),
    Column("submission", _ID, nullable=False),
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
    Column("submission", _ID, primary_key=True),
    Column("state", String(20), nullable=False),
    Column("currency", String(3), nullable=False),
    Column("paid", Cents, nullable=False),
    Column("paid_on", Date),
    Column("evidence", Text, nullable=False, default=""),
    Column("seen_at", Moment, nullable=False),
    Index("ix_payments_state", "state"),
)

journal = Table(
    "journal",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("at", String(40), nullable=False),
    Column("submission", String(36), nullable=False),
    Column("actor", String(100), nullable=False),
    Column("event", String(40), nullable=False),
    Column("data", Text, nullable=False),
    Column("previous", _DIGEST, nullable=False),
    Column("digest", _DIGEST, nullable=False),
    Index("ix_journal_submission", "submission", "seq"),
)

# One row: the end of the chain. Locked by whoever appends, so that the chain never forks.
journal_head = Table(
    "journal_head",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("seq", BigInteger, nullable=False),
    Column("digest", _DIGEST, nullable=False),
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
    Column("id", _ID, primary_key=True),
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
    Column("digest", _DIGEST, nullable=False),
    Column("answer", Text, nullable=False),
    Column("made_at", Moment, nullable=False),
)

# Who may sign in. `login` is in lower case; `password` is an argon2id hash, "" for people of an identity
# provider, whom `subject` names; `totp` is sealed, "" without a second factor.
people = Table(
    "people",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("login", String(200), nullable=False),
    Column("name", String(200), nullable=False),
    Column("language", String(2), nullable=False),
    Column("password", String(300), nullable=False, default=""),
    Column("subject", String(300), nullable=False, default=""),
    Column("totp", Text, nullable=False, default=""),
    Column("totp_step", BigInteger, nullable=False, default=0),
    Column("must_change_password", Boolean, nullable=False, default=False, server_default=false()),
    Column("needs_second_factor", Boolean, nullable=False, default=False, server_default=false()),
    # False from a change in the console until a second person has confirmed it, where four eyes are wanted.
    Column("confirmed", Boolean, nullable=False, default=True, server_default=true()),
    Column("locked_at", Moment),
    Column("made_at", Moment, nullable=False),
    Column("ended_at", Moment),
    UniqueConstraint("login"),
    Index("ix_people_subject", "subject"),
)

# What a person is to each company, "*" for all there are.
grants = Table(
    "grants",
    metadata,
    Column("person", _ID, primary_key=True),
    Column("company", String(100), primary_key=True),
    Column("role", String(20), nullable=False),
)

recovery_codes = Table(
    "recovery_codes",
    metadata,
    Column("person", _ID, primary_key=True),
    Column("digest", _DIGEST, primary_key=True),
    Column("used_at", Moment),
)

# Wrong sign-ins in a row, by the digest of what was typed as login: accounts that do not exist rest like
# others.
sign_in_failures = Table(
    "sign_in_failures",
    metadata,
    Column("login_digest", _DIGEST, primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("last_at", Moment, nullable=False),
    Column("rests_until", Moment),
)

# Only digests of what browsers and programs show are kept.
sessions = Table(
    "sessions",
    metadata,
    Column("digest", _DIGEST, primary_key=True),
    Column("person", _ID, nullable=False),
    Column("form_token", String(64), nullable=False),
    Column("made_at", Moment, nullable=False),
    Column("seen_at", Moment, nullable=False),
    Column("ends_at", Moment, nullable=False),
    # Through which provider the person signed in; "" for a password of ours.
    Column("provider", String(100), nullable=False, default="", server_default=""),
    Index("ix_sessions_person", "person"),
)

api_tokens = Table(
    "api_tokens",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("digest", _DIGEST, nullable=False),
    Column("name", String(200), nullable=False),
    # JSON: company to a list of rights.
    Column("scopes", Text, nullable=False),
    Column("made_by", String(100), nullable=False),
    # The person whose rights bound it, "" for the operator; the token it was made with, "" for none.
    Column("maker", _ID, nullable=False, default="", server_default=""),
    Column("parent", _ID, nullable=False, default="", server_default=""),
    Column("made_at", Moment, nullable=False),
    Column("ends_at", Moment, nullable=False),
    Column("used_at", Moment),
    Column("ended_at", Moment),
    UniqueConstraint("digest"),
)

# Changes that need four eyes: proposed by one person, decided by another. `before` and `after` are JSON.
changes = Table(
    "changes",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("kind", String(40), nullable=False),
    Column("subject", String(300), nullable=False),
    Column("company", String(100), nullable=False),
    Column("before", Text, nullable=False),
    Column("after", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("proposed_by", String(100), nullable=False),
    Column("proposed_at", Moment, nullable=False),
    Column("decided_by", String(100), nullable=False, default=""),
    Column("decided_at", Moment),
    Column("outcome", String(20), nullable=False, default=""),
    Column("answer", Text, nullable=False, default=""),
    # Of what would be in force after it; "" where nothing is held against it.
    Column("digest", _DIGEST, nullable=False, default="", server_default=""),
    Index("ix_changes_outcome", "outcome", "proposed_at"),
    Index("ix_changes_digest", "kind", "subject", "decided_at"),
)

# Accounts that invoices of a company named as the one to pay to, and that nobody has approved.
found_accounts = Table(
    "found_accounts",
    metadata,
    Column("company", String(100), primary_key=True),
    Column("digest", _DIGEST, primary_key=True),
    Column("account", String(100), nullable=False),
    Column("submission", _ID, nullable=False),
    Column("found_at", Moment, nullable=False),
)

# What a provider of identities gave back once: it opens nothing a second time.
spent_states = Table(
    "spent_states",
    metadata,
    Column("digest", _DIGEST, primary_key=True),
    Column("at", Moment, nullable=False),
)

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
    Column("evidence_digest", _DIGEST, nullable=False),
    Column("receipt_digest", _DIGEST, nullable=False),
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
    Column("id", _ID, primary_key=True),
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
    Column("document_digest", _DIGEST, nullable=False),
    Column("invoice_digest", _DIGEST, nullable=False, default=""),
    Column("report_digest", _DIGEST, nullable=False, default=""),
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
    Column("mark", _DIGEST, primary_key=True),
    Column("item", _ID, primary_key=True),
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
    Column("document_digest", _DIGEST, nullable=False),
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

# What is not as it should be: one open row for each kind and subject, kept when it is over.
alarms = Table(
    "alarms",
    metadata,
    Column("id", _ID, primary_key=True),
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
    Column("message_id", _ID, primary_key=True),
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

# Links by which a buyer opens one invoice without an account; what signs them is not in the database.
portal_links = Table(
    "portal_links",
    metadata,
    Column("id", String(22), primary_key=True),
    Column("submission", _ID, nullable=False),
    Column("made_by", String(100), nullable=False),
    Column("made_at", Moment, nullable=False),
    Column("ends_at", Moment, nullable=False),
    Column("revoked_by", String(100), nullable=False, default=""),
    Column("revoked_at", Moment),
    Column("openings", Integer, nullable=False, default=0),
    Column("opened_at", Moment),
    # The message that carries it to the buyer; none for one that somebody made by hand.
    Column("message_id", _ID),
    Index("ix_portal_links_submission", "submission"),
    Index("ix_portal_links_message_id", "message_id", unique=True),
)

# How often the portal is called: at most 65,536 rows of each kind, whoever calls.
portal_calls = Table(
    "portal_calls",
    metadata,
    Column("kind", String(10), primary_key=True),
    Column("bucket", Integer, primary_key=True, autoincrement=False),
    Column("since", Moment, nullable=False),
    Column("calls", Integer, nullable=False),
)

# What was signed, and by which key: the signed document is kept, and goes out again on every retry.
signatures = Table(
    "signatures",
    metadata,
    Column("submission", _ID, primary_key=True),
    # The document before and after.
    Column("document", _DIGEST, primary_key=True),
    Column("signed", _DIGEST, nullable=False),
    Column("profile", String(50), nullable=False),
    Column("key", String(100), nullable=False),
    Column("certificate", _DIGEST, nullable=False),
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
    Column("submission", _ID, nullable=False),
    # How often the other side had taken a file of the submission before: it knows that name for ever.
    Column("outing", Integer, nullable=False),
    Column("given_at", Moment, nullable=False),
    UniqueConstraint("submission", "transmitter", "outing"),
)

# Lists of invoices that people find again under a name of their own.
saved_views = Table(
    "saved_views",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("person", _ID, nullable=False),
    Column("name", String(40), nullable=False),
    Column("question", Text, nullable=False),
    Column("made_at", Moment, nullable=False),
    UniqueConstraint("person", "name"),
)

# The route that one buyer of a company goes by, whatever the order of routing.yaml says.
buyer_routes = Table(
    "buyer_routes",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("company", String(100), nullable=False),
    # What the buyer is known by: a business term (BT-44 for name and place) and its value; `key` is the value
    # as it is compared.
    Column("term", String(10), nullable=False),
    Column("value", String(300), nullable=False),
    Column("key", String(300), nullable=False),
    Column("buyer", String(300), nullable=False),
    Column("route", String(200), nullable=False),
    Column("reason", Text, nullable=False),
    Column("despite_mandate", Text, nullable=False),
    # The last day, in UTC; none for no end.
    Column("until", Date),
    Column("made_at", Moment, nullable=False),
    Column("made_by", String(100), nullable=False),
    Column("made_name", String(200), nullable=False),
    # An end that was proposed, where two people have to agree to it.
    Column("end_asked", Text, nullable=False, default=""),
    Column("ended_at", Moment),
    Column("ended_name", String(200), nullable=False, default=""),
    Column("end_reason", Text, nullable=False, default=""),
    Index("ix_buyer_routes_known", "company", "term", "key"),
)

"""Messages exchanged with other access points, what came in, what is answered, and documents in parts"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_TABLES = ("document_parts", "exchanges", "inbox", "signals", "receivers")


def _moment() -> sa.DateTime:
    return sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "document_parts",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("digest", "number", name=op.f("pk_document_parts")),
    )
    op.create_table(
        "exchanges",
        sa.Column("direction", sa.String(length=3), nullable=False),
        sa.Column("peer", sa.String(length=50), nullable=False),
        sa.Column("message_id", sa.String(length=255), nullable=False),
        sa.Column("channel", sa.String(length=100), nullable=False),
        sa.Column("instance", sa.String(length=255), nullable=False),
        sa.Column("sender", sa.String(length=200), nullable=False),
        sa.Column("receiver", sa.String(length=200), nullable=False),
        sa.Column("document_type", sa.String(length=600), nullable=False),
        sa.Column("process", sa.String(length=300), nullable=False),
        sa.Column("country_c1", sa.String(length=2), nullable=False),
        sa.Column("country_c4", sa.String(length=2), nullable=False),
        sa.Column("end_user", sa.String(length=200), nullable=False),
        sa.Column("fingerprint", sa.String(length=130), nullable=False),
        sa.Column("evidence_digest", sa.String(length=64), nullable=False),
        sa.Column("receipt_digest", sa.String(length=64), nullable=False),
        sa.Column("at", _moment(), nullable=False),
        sa.Column("status_wanted", sa.String(length=20), nullable=False),
        sa.Column("status_to", sa.String(length=200), nullable=False),
        sa.Column("status_due_at", _moment()),
        sa.Column("status", sa.String(length=2), nullable=False),
        sa.Column("status_at", _moment()),
        sa.PrimaryKeyConstraint("direction", "peer", "message_id", name=op.f("pk_exchanges")),
    )
    op.create_index("ix_exchanges_at", "exchanges", ["at"])
    op.create_index("ix_exchanges_instance", "exchanges", ["direction", "instance"])
    op.create_index("ix_exchanges_status_due", "exchanges", ["status_due_at"])
    op.create_table(
        "inbox",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("peer", sa.String(length=50), nullable=False),
        sa.Column("message_id", sa.String(length=255), nullable=False),
        sa.Column("channel", sa.String(length=100), nullable=False),
        sa.Column("kind", sa.String(length=30), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("verdict", sa.String(length=20), nullable=False),
        sa.Column("sentence", sa.Text(), nullable=False),
        sa.Column("fix", sa.Text(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("due_at", _moment()),
        sa.Column("document_digest", sa.String(length=64), nullable=False),
        sa.Column("invoice_digest", sa.String(length=64), nullable=False),
        sa.Column("report_digest", sa.String(length=64), nullable=False),
        sa.Column("profile", sa.String(length=50), nullable=False),
        sa.Column("number", sa.String(length=200), nullable=False),
        sa.Column("issue_date", sa.Date()),
        sa.Column("seller", sa.String(length=300), nullable=False),
        sa.Column("buyer", sa.String(length=300), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("amount", sa.BigInteger()),
        sa.Column("submission", sa.String(length=36), nullable=False),
        sa.Column("handed_to", sa.Text(), nullable=False),
        sa.Column("received_at", _moment(), nullable=False),
        sa.Column("changed_at", _moment(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inbox")),
        sa.UniqueConstraint("peer", "message_id", name=op.f("uq_inbox_peer_message_id")),
    )
    op.create_index("ix_inbox_due", "inbox", ["state", "due_at"])
    op.create_index("ix_inbox_number", "inbox", ["number"])
    op.create_table(
        "signals",
        sa.Column("message_id", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.String(length=30), nullable=False),
        sa.Column("channel", sa.String(length=100), nullable=False),
        sa.Column("sender", sa.String(length=200), nullable=False),
        sa.Column("receiver", sa.String(length=200), nullable=False),
        sa.Column("other_receiver", sa.String(length=200), nullable=False),
        sa.Column("about", sa.String(length=300), nullable=False),
        sa.Column("document_digest", sa.String(length=64), nullable=False),
        sa.Column("made_at", _moment(), nullable=False),
        sa.Column("due_at", _moment()),
        sa.Column("sent_at", _moment()),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("verdict", sa.String(length=20), nullable=False),
        sa.Column("sentence", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("message_id", name=op.f("pk_signals")),
        sa.UniqueConstraint("kind", "about", name=op.f("uq_signals_kind_about")),
    )
    op.create_index("ix_signals_due", "signals", ["due_at"])
    op.create_table(
        "receivers",
        sa.Column("participant", sa.String(length=200), nullable=False),
        sa.Column("document_type", sa.String(length=600), nullable=False),
        sa.Column("channel", sa.String(length=100), nullable=False),
        sa.Column("endpoint", sa.Text(), nullable=False),
        sa.Column("checked_at", _moment(), nullable=False),
        sa.Column("drift", sa.Text(), nullable=False),
        sa.Column("drifted_at", _moment()),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("participant", "document_type", name=op.f("pk_receivers")),
    )


def downgrade() -> None:
    for table in reversed(_TABLES):
        op.drop_table(table)

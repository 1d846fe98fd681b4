"""Indices for long lists, and the words that invoices are looked up by"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from gateway.store.words import words_of

revision = "0006"
down_revision = "0005"

_INDICES = {
    "ix_submissions_received_at": ["received_at", "id"],
    "ix_submissions_changed_at": ["changed_at", "id"],
    "ix_submissions_state": ["state", "received_at", "id"],
    "ix_submissions_buyer": ["buyer", "id"],
    "ix_submissions_amount": ["amount", "id"],
    "ix_submissions_issue_date": ["issue_date", "id"],
    "ix_submissions_channel": ["channel", "received_at", "id"],
    "ix_submissions_source": ["source", "received_at", "id"],
}


def upgrade() -> None:
    op.create_table(
        "invoice_words",
        # Compared sign by sign, whatever the language of the database: the search asks for ranges.
        sa.Column(
            "word", sa.String(60).with_variant(sa.String(60, collation="C"), "postgresql"), nullable=False
        ),
        sa.Column("submission", sa.String(length=36), nullable=False),
        sa.PrimaryKeyConstraint("word", "submission", name=op.f("pk_invoice_words")),
    )
    op.create_index("ix_invoice_words_submission", "invoice_words", ["submission"])
    for name, columns in _INDICES.items():
        op.create_index(name, "submissions", columns)
    connection = op.get_bind()
    known = sa.table("submissions", sa.column("id"), sa.column("number"), sa.column("buyer"))
    words = sa.table("invoice_words", sa.column("word"), sa.column("submission"))
    for row in connection.execute(sa.select(known)).all():
        for word in dict.fromkeys((*words_of(row.number), *words_of(row.buyer))):
            connection.execute(sa.insert(words).values(word=word, submission=row.id))


def downgrade() -> None:
    for name in _INDICES:
        op.drop_index(name, "submissions")
    op.drop_table("invoice_words")

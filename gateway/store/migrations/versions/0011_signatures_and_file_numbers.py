"""What was signed by which key, and the numbers of files"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.create_table(
        "signatures",
        sa.Column("submission", sa.String(length=36), nullable=False),
        sa.Column("document", sa.String(length=64), nullable=False),
        sa.Column("signed", sa.String(length=64), nullable=False),
        sa.Column("profile", sa.String(length=50), nullable=False),
        sa.Column("key", sa.String(length=100), nullable=False),
        sa.Column("certificate", sa.String(length=64), nullable=False),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("submission", "document", name=op.f("pk_signatures")),
    )
    op.create_table(
        "file_counters",
        sa.Column("transmitter", sa.String(length=50), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("transmitter", name=op.f("pk_file_counters")),
    )
    op.create_table(
        "file_numbers",
        sa.Column("transmitter", sa.String(length=50), nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("submission", sa.String(length=36), nullable=False),
        sa.Column("outing", sa.Integer(), nullable=False),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("transmitter", "number", name=op.f("pk_file_numbers")),
        sa.UniqueConstraint(
            "submission", "transmitter", "outing", name=op.f("uq_file_numbers_submission_transmitter_outing")
        ),
    )


def downgrade() -> None:
    op.drop_table("file_numbers")
    op.drop_table("file_counters")
    op.drop_table("signatures")

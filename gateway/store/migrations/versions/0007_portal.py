"""Links to the buyer portal, and how often it is called"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def _moment() -> sa.DateTime:
    return sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "portal_links",
        sa.Column("id", sa.String(length=22), nullable=False),
        sa.Column("submission", sa.String(length=36), nullable=False),
        sa.Column("made_by", sa.String(length=100), nullable=False),
        sa.Column("made_at", _moment(), nullable=False),
        sa.Column("ends_at", _moment(), nullable=False),
        sa.Column("revoked_by", sa.String(length=100), nullable=False),
        sa.Column("revoked_at", _moment()),
        sa.Column("openings", sa.Integer(), nullable=False),
        sa.Column("opened_at", _moment()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_portal_links")),
    )
    op.create_index("ix_portal_links_submission", "portal_links", ["submission"])
    op.create_table(
        "portal_calls",
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("bucket", sa.Integer(), nullable=False),
        sa.Column("since", _moment(), nullable=False),
        sa.Column("calls", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "bucket", name=op.f("pk_portal_calls")),
    )


def downgrade() -> None:
    op.drop_table("portal_calls")
    op.drop_table("portal_links")

"""Routes that single buyers go by: so far routing.yaml alone said it"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    op.create_table(
        "buyer_routes",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("company", sa.String(length=100), nullable=False),
        sa.Column("term", sa.String(length=10), nullable=False),
        sa.Column("value", sa.String(length=300), nullable=False),
        sa.Column("key", sa.String(length=300), nullable=False),
        sa.Column("buyer", sa.String(length=300), nullable=False),
        sa.Column("route", sa.String(length=200), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("despite_mandate", sa.Text(), nullable=False),
        sa.Column("until", sa.Date(), nullable=True),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.String(length=100), nullable=False),
        sa.Column("made_name", sa.String(length=200), nullable=False),
        sa.Column("end_asked", sa.Text(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_name", sa.String(length=200), nullable=False),
        sa.Column("end_reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_buyer_routes")),
    )
    op.create_index("ix_buyer_routes_known", "buyer_routes", ["company", "term", "key"])


def downgrade() -> None:
    op.drop_table("buyer_routes")

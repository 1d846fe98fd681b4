"""Which other sides fail, since when and why; which message a link to the portal went out in"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    op.create_table(
        "failing_sides",
        sa.Column("side", sa.String(length=120), nullable=False),
        sa.Column("errand", sa.String(length=20), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("verdict", sa.String(length=20), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("fix", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("side", "errand", name=op.f("pk_failing_sides")),
    )
    # What is known to fail is not called well until it is tried again.
    op.execute(
        "INSERT INTO failing_sides (side, errand, since, last_at, failures, verdict, what, fix)"
        " SELECT 'source ' || name, 'collect', COALESCE(read_at, CURRENT_TIMESTAMP), CURRENT_TIMESTAMP,"
        " failures, verdict, sentence, '' FROM sources WHERE verdict <> ''"
    )
    op.add_column("portal_links", sa.Column("message_id", sa.String(length=36), nullable=True))
    op.create_index("ix_portal_links_message_id", "portal_links", ["message_id"], unique=True)


def downgrade() -> None:
    op.drop_index("ix_portal_links_message_id", "portal_links")
    op.drop_column("portal_links", "message_id")
    op.drop_table("failing_sides")

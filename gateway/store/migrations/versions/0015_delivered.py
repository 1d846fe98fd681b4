"""When each invoice arrived, for what arrived today; what came in, in the order in which it came"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.add_column("submissions", sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True))
    # When it arrived was not kept; since its last change it has.
    op.execute(
        "UPDATE submissions SET delivered_at = changed_at"
        " WHERE state IN ('delivered', 'accepted', 'disputed', 'paid')"
    )
    op.create_index("ix_submissions_delivered_at", "submissions", ["delivered_at", "source"])
    op.create_index("ix_inbox_received_at", "inbox", ["received_at", "id"])


def downgrade() -> None:
    op.drop_index("ix_inbox_received_at", "inbox")
    op.drop_index("ix_submissions_delivered_at", "submissions")
    op.drop_column("submissions", "delivered_at")

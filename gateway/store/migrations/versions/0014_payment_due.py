"""When each invoice is due to be paid (BT-9), for what is overdue and what is expected"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.add_column("submissions", sa.Column("payment_due", sa.Date(), nullable=True))
    op.create_index("ix_payments_state", "payments", ["state"])


def downgrade() -> None:
    op.drop_index("ix_payments_state", "payments")
    op.drop_column("submissions", "payment_due")

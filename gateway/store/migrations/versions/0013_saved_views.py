"""Views of the invoice list that people keep, and indices that answer from themselves"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0011"

_STATE = ["state", "received_at", "id"]
_VERDICT = ["verdict", "state", "received_at", "id", "due_at", "source", "channel", "currency", "amount"]


def upgrade() -> None:
    op.drop_index("ix_submissions_state", "submissions")
    op.create_index("ix_submissions_state", "submissions", [*_STATE, "source", "currency", "amount"])
    _create_partial("ix_submissions_verdict", _VERDICT)
    _create_partial("ix_submissions_superseded_by", ["superseded_by"])
    op.create_table(
        "saved_views",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("person", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_views")),
        sa.UniqueConstraint("person", "name", name=op.f("uq_saved_views_person_name")),
    )


def downgrade() -> None:
    op.drop_table("saved_views")
    op.drop_index("ix_submissions_superseded_by", "submissions")
    op.drop_index("ix_submissions_verdict", "submissions")
    op.drop_index("ix_submissions_state", "submissions")
    op.create_index("ix_submissions_state", "submissions", _STATE)


def _create_partial(name: str, columns: list[str]) -> None:
    """An index of the rows alone in which the first column says something."""
    holds = sa.text(f"{columns[0]} <> ''")
    op.create_index(name, "submissions", columns, sqlite_where=holds, postgresql_where=holds)

"""Single sign-on, second factors that are required, tokens bound to their maker, and approvals by digest"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def _moment() -> sa.DateTime:
    return sa.DateTime(timezone=True)


def _flag(name: str, value: bool) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean(), nullable=False, server_default=sa.true() if value else sa.false())


def _word(name: str, length: int) -> sa.Column[str]:
    return sa.Column(name, sa.String(length=length), nullable=False, server_default="")


def upgrade() -> None:
    for column in (
        _flag("must_change_password", False),
        _flag("needs_second_factor", False),
        _flag("confirmed", True),
        sa.Column("locked_at", _moment()),
    ):
        op.add_column("people", column)
    op.add_column("sessions", _word("provider", 100))
    op.add_column("api_tokens", _word("maker", 36))
    op.add_column("api_tokens", _word("parent", 36))
    op.add_column("changes", _word("digest", 64))
    op.create_index("ix_changes_digest", "changes", ["kind", "subject", "decided_at"])
    op.create_table(
        "spent_states",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("at", _moment(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_spent_states")),
    )
    op.create_table(
        "found_accounts",
        sa.Column("company", sa.String(length=100), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("account", sa.String(length=100), nullable=False),
        sa.Column("submission", sa.String(length=36), nullable=False),
        sa.Column("found_at", _moment(), nullable=False),
        sa.PrimaryKeyConstraint("company", "digest", name=op.f("pk_found_accounts")),
    )


def downgrade() -> None:
    op.drop_table("found_accounts")
    op.drop_table("spent_states")
    op.drop_index("ix_changes_digest", "changes")
    op.drop_column("changes", "digest")
    op.drop_column("api_tokens", "parent")
    op.drop_column("api_tokens", "maker")
    op.drop_column("sessions", "provider")
    for name in ("locked_at", "confirmed", "needs_second_factor", "must_change_password"):
        op.drop_column("people", name)

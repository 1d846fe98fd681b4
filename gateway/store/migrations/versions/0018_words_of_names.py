"""The words of each number and each buyer once, in place of once for every invoice"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

from gateway.store.words import words_of

revision = "0018"
down_revision = "0017"

# The sign-by-sign order that the search asks for ranges in, whatever the language of the database.
_WORD = sa.String(60).with_variant(sa.String(60, collation="C"), "postgresql")
_NAMES = {"number": 200, "buyer": 300}
_PART = 5_000


def upgrade() -> None:
    connection = op.get_bind()
    for name, length in _NAMES.items():
        table = op.create_table(
            f"{name}_words",
            sa.Column("word", _WORD, nullable=False),
            sa.Column(name, sa.String(length), nullable=False),
            sa.PrimaryKeyConstraint("word", name, name=op.f(f"pk_{name}_words")),
            sqlite_with_rowid=False,
        )
        known = sa.table("submissions", sa.column(name)).c[name]
        for rows in _parts(connection, sa.select(known).where(known != "").distinct(), name):
            connection.execute(sa.insert(table), rows)
        op.create_index(f"ix_{name}_words_{name}", f"{name}_words", [name, "word"])
    op.drop_table("invoice_words")
    op.drop_index("ix_submissions_number", "submissions")
    op.create_index("ix_submissions_number", "submissions", ["number", "id"])
    op.create_index("ix_submissions_currency", "submissions", ["currency", "received_at", "id"])


def downgrade() -> None:
    op.drop_index("ix_submissions_currency", "submissions")
    op.drop_index("ix_submissions_number", "submissions")
    op.create_index("ix_submissions_number", "submissions", ["number"])
    table = op.create_table(
        "invoice_words",
        sa.Column("word", _WORD, nullable=False),
        sa.Column("submission", sa.String(length=36), nullable=False),
        sa.PrimaryKeyConstraint("word", "submission", name=op.f("pk_invoice_words")),
    )
    known = sa.table("submissions", sa.column("id"), sa.column("number"), sa.column("buyer"))
    connection = op.get_bind()
    for row in connection.execute(sa.select(known)).all():
        words = dict.fromkeys((*words_of(row.number), *words_of(row.buyer)))
        rows = [{"word": word, "submission": row.id} for word in words]
        if rows:
            connection.execute(sa.insert(table), rows)
    op.create_index("ix_invoice_words_submission", "invoice_words", ["submission"])
    for name in _NAMES:
        op.drop_table(f"{name}_words")


def _parts(connection: sa.Connection, query: sa.Select[Any], name: str) -> Iterator[list[dict[str, str]]]:
    """Word and name, some thousand rows at a time: there may be millions."""
    rows: list[dict[str, str]] = []
    for text in list(connection.scalars(query)):
        rows += ({"word": word, name: text} for word in words_of(text))
        if len(rows) >= _PART:
            yield rows
            rows = []
    if rows:
        yield rows

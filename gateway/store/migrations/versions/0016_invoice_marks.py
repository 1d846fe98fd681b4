"""What received invoices are known by: so far the seller's name as it was written, and nothing held two
processes apart"""

from __future__ import annotations

import hashlib
import re
import unicodedata

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"

_KNOWN = sa.text(
    "SELECT inbox.id, inbox.number, inbox.seller, exchanges.sender FROM inbox LEFT JOIN exchanges "
    "ON exchanges.peer = inbox.peer AND exchanges.message_id = inbox.message_id "
    "AND exchanges.direction = 'in' WHERE inbox.kind = 'invoice' AND inbox.number <> ''"
)


def upgrade() -> None:
    table = op.create_table(
        "invoice_marks",
        sa.Column("mark", sa.String(length=64), nullable=False),
        sa.Column("item", sa.String(length=36), nullable=False),
        sa.Column("ground", sa.String(length=20), nullable=False),
        sa.PrimaryKeyConstraint("mark", "item", name=op.f("pk_invoice_marks")),
    )
    op.create_index("ix_invoice_marks_item", "invoice_marks", ["item"])
    connection = op.get_bind()
    # Name and participant are in the tables; VAT numbers are known of what comes from now on.
    known = connection.execute(_KNOWN).all()
    rows = [row for one in known for row in _marks(*one)]
    for start in range(0, len(rows), 1_000):
        connection.execute(sa.insert(table), rows[start : start + 1_000])


def downgrade() -> None:
    op.drop_table("invoice_marks")


def _marks(item: str, number: str, seller: str, sender: str | None) -> list[dict[str, str]]:
    parts = "-".join(re.split(r"[\W_]+", _folded(number).strip())).strip("-")
    grounds = {"name": re.sub(r"[\W_]+", "", _folded(seller)), "participant": (sender or "").strip().lower()}
    return [
        {
            "mark": hashlib.sha256(f"{ground}|{value}|{parts}".encode()).hexdigest(),
            "item": item,
            "ground": ground,
        }
        for ground, value in grounds.items()
        if value and parts
    ]


def _folded(value: str) -> str:
    return unicodedata.normalize("NFKC", value).casefold()

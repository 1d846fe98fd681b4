"""Links for buyers, and routes of their own."""

from __future__ import annotations

from sqlalchemy import Column, Date, Index, Integer, String, Table, Text

from gateway.store.tables.base import ID, Moment, metadata

__all__ = ["buyer_routes", "portal_calls", "portal_links"]

# Links by which a buyer opens one invoice without an account; what signs them is not in the database.
portal_links = Table(
    "portal_links",
    metadata,
    Column("id", String(22), primary_key=True),
    Column("submission", ID, nullable=False),
    Column("made_by", String(100), nullable=False),
    Column("made_at", Moment, nullable=False),
    Column("ends_at", Moment, nullable=False),
    Column("revoked_by", String(100), nullable=False, default=""),
    Column("revoked_at", Moment),
    Column("openings", Integer, nullable=False, default=0),
    Column("opened_at", Moment),
    # The message that carries it to the buyer; none for one that somebody made by hand.
    Column("message_id", ID),
    Index("ix_portal_links_submission", "submission"),
    Index("ix_portal_links_message_id", "message_id", unique=True),
)

# How often the portal is called: at most 65,536 rows of each kind, whoever calls.
portal_calls = Table(
    "portal_calls",
    metadata,
    Column("kind", String(10), primary_key=True),
    Column("bucket", Integer, primary_key=True, autoincrement=False),
    Column("since", Moment, nullable=False),
    Column("calls", Integer, nullable=False),
)

# The route that one buyer of a company goes by, whatever the order of routing.yaml says.
buyer_routes = Table(
    "buyer_routes",
    metadata,
    Column("id", ID, primary_key=True),
    Column("company", String(100), nullable=False),
    # What the buyer is known by: a business term (BT-44 for name and place) and its value; `key` is the value
    # as it is compared.
    Column("term", String(10), nullable=False),
    Column("value", String(300), nullable=False),
    Column("key", String(300), nullable=False),
    Column("buyer", String(300), nullable=False),
    Column("route", String(200), nullable=False),
    Column("reason", Text, nullable=False),
    Column("despite_mandate", Text, nullable=False),
    # The last day, in UTC; none for no end.
    Column("until", Date),
    Column("made_at", Moment, nullable=False),
    Column("made_by", String(100), nullable=False),
    Column("made_name", String(200), nullable=False),
    # An end that was proposed, where two people have to agree to it.
    Column("end_asked", Text, nullable=False, default=""),
    Column("ended_at", Moment),
    Column("ended_name", String(200), nullable=False, default=""),
    Column("end_reason", Text, nullable=False, default=""),
    Index("ix_buyer_routes_known", "company", "term", "key"),
)

"""Who may sign in and as what, programs, and what waits for a second person."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    true,
)

from gateway.store.tables.base import DIGEST, ID, Moment, metadata

__all__ = [
    "api_tokens",
    "changes",
    "grants",
    "people",
    "recovery_codes",
    "sessions",
    "sign_in_failures",
    "spent_states",
]

# Who may sign in. `login` is in lower case; `password` is an argon2id hash, "" for people of an identity
# provider, whom `subject` names; `totp` is sealed, "" without a second factor.
people = Table(
    "people",
    metadata,
    Column("id", ID, primary_key=True),
    Column("login", String(200), nullable=False),
    Column("name", String(200), nullable=False),
    Column("language", String(2), nullable=False),
    Column("password", String(300), nullable=False, default=""),
    Column("subject", String(300), nullable=False, default=""),
    Column("totp", Text, nullable=False, default=""),
    Column("totp_step", BigInteger, nullable=False, default=0),
    Column("must_change_password", Boolean, nullable=False, default=False, server_default=false()),
    Column("needs_second_factor", Boolean, nullable=False, default=False, server_default=false()),
    # False from a change in the console until a second person has confirmed it, where four eyes are wanted.
    Column("confirmed", Boolean, nullable=False, default=True, server_default=true()),
    Column("locked_at", Moment),
    Column("made_at", Moment, nullable=False),
    Column("ended_at", Moment),
    UniqueConstraint("login"),
    Index("ix_people_subject", "subject"),
)

# What a person is to each company, "*" for all there are.
grants = Table(
    "grants",
    metadata,
    Column("person", ID, primary_key=True),
    Column("company", String(100), primary_key=True),
    Column("role", String(20), nullable=False),
)

recovery_codes = Table(
    "recovery_codes",
    metadata,
    Column("person", ID, primary_key=True),
    Column("digest", DIGEST, primary_key=True),
    Column("used_at", Moment),
)

# Wrong sign-ins in a row, by the digest of what was typed as login: accounts that do not exist rest like
# others.
sign_in_failures = Table(
    "sign_in_failures",
    metadata,
    Column("login_digest", DIGEST, primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("last_at", Moment, nullable=False),
    Column("rests_until", Moment),
)

# Only digests of what browsers and programs show are kept.
sessions = Table(
    "sessions",
    metadata,
    Column("digest", DIGEST, primary_key=True),
    Column("person", ID, nullable=False),
    Column("form_token", String(64), nullable=False),
    Column("made_at", Moment, nullable=False),
    Column("seen_at", Moment, nullable=False),
    Column("ends_at", Moment, nullable=False),
    # Through which provider the person signed in; "" for a password of ours.
    Column("provider", String(100), nullable=False, default="", server_default=""),
    Index("ix_sessions_person", "person"),
)

api_tokens = Table(
    "api_tokens",
    metadata,
    Column("id", ID, primary_key=True),
    Column("digest", DIGEST, nullable=False),
    Column("name", String(200), nullable=False),
    # JSON: company to a list of rights.
    Column("scopes", Text, nullable=False),
    Column("made_by", String(100), nullable=False),
    # The person whose rights bound it, "" for the operator; the token it was made with, "" for none.
    Column("maker", ID, nullable=False, default="", server_default=""),
    Column("parent", ID, nullable=False, default="", server_default=""),
    Column("made_at", Moment, nullable=False),
    Column("ends_at", Moment, nullable=False),
    Column("used_at", Moment),
    Column("ended_at", Moment),
    UniqueConstraint("digest"),
)

# Changes that need four eyes: proposed by one person, decided by another. `before` and `after` are JSON.
changes = Table(
    "changes",
    metadata,
    Column("id", ID, primary_key=True),
    Column("kind", String(40), nullable=False),
    Column("subject", String(300), nullable=False),
    Column("company", String(100), nullable=False),
    Column("before", Text, nullable=False),
    Column("after", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("proposed_by", String(100), nullable=False),
    Column("proposed_at", Moment, nullable=False),
    Column("decided_by", String(100), nullable=False, default=""),
    Column("decided_at", Moment),
    Column("outcome", String(20), nullable=False, default=""),
    Column("answer", Text, nullable=False, default=""),
    # Of what would be in force after it; "" where nothing is held against it.
    Column("digest", DIGEST, nullable=False, default="", server_default=""),
    Index("ix_changes_outcome", "outcome", "proposed_at"),
    Index("ix_changes_digest", "kind", "subject", "decided_at"),
)

# What a provider of identities gave back once: it opens nothing a second time.
spent_states = Table(
    "spent_states",
    metadata,
    Column("digest", DIGEST, primary_key=True),
    Column("at", Moment, nullable=False),
)

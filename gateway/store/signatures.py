"""What was signed for which submission: the signed document goes out on every retry."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, select

from gateway.store.tables import signatures

__all__ = ["Signature", "add", "of"]


@dataclass(frozen=True, slots=True)
class Signature:
    """One signed document: `document` and `signed` are its digests before and after, `profile` the kind of
    signature, `certificate` the SHA-256 of the signer's certificate, `signed_at` the time written in it."""

    submission: str
    document: str
    signed: str
    profile: str
    key: str
    certificate: str
    signed_at: datetime


def of(connection: Connection, submission: str, document: str) -> Signature | None:
    """How this document of the submission was signed, None where it was not."""
    query = select(signatures).where(signatures.c.submission == submission, signatures.c.document == document)
    row = connection.execute(query).one_or_none()
    return None if row is None else Signature(*row)


def add(connection: Connection, signature: Signature) -> None:
    """In the caller's transaction; two workers that sign the same at once meet at the primary key."""
    connection.execute(insert(signatures).values(**asdict(signature)))

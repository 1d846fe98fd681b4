"""The archive: every byte that came in, went out or proves something, by its SHA-256, written once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, insert, select

from formats.errors import StorageError
from gateway.store.tables import documents

__all__ = ["StoredDocument", "damaged", "digest_of", "get", "put"]


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """One archived document; `digest` is the SHA-256 of `content` in lower-case hex."""

    digest: str
    media_type: str
    content: bytes = field(repr=False)


def digest_of(content: bytes) -> str:
    """SHA-256 in lower-case hex."""
    return hashlib.sha256(content).hexdigest()


def put(connection: Connection, content: bytes, media_type: str, *, now: datetime) -> str:
    """Store once and return the digest; storing the same bytes again changes nothing."""
    digest = digest_of(content)
    if connection.scalar(select(documents.c.digest).where(documents.c.digest == digest)) is None:
        connection.execute(
            insert(documents).values(
                digest=digest, media_type=media_type, size=len(content), content=content, stored_at=now
            )
        )
    return digest


def get(connection: Connection, digest: str) -> StoredDocument:
    """The document, its bytes proven by its digest. Raises StorageError when it is missing or was altered."""
    row = connection.execute(select(documents).where(documents.c.digest == digest)).one_or_none()
    if row is None or digest_of(row.content) != digest:
        raise StorageError(
            f"the archived document {digest[:12]} is {'missing' if row is None else 'not what was stored'}",
            where="archive",
            fix="restore the database from a backup and run gateway audit verify",
        )
    return StoredDocument(row.digest, row.media_type, row.content)


def damaged(connection: Connection) -> Iterator[str]:
    """The digests of documents whose bytes no longer match."""
    query = select(documents.c.digest, documents.c.content)
    with connection.execute(query, execution_options={"yield_per": 50}) as rows:
        for digest, content in rows:
            if digest_of(content) != digest:
                yield digest

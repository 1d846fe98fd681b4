"""The archive: every byte that came in, went out or proves something, by its SHA-256, written once."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, select, type_coerce
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.types import NullType

from formats.errors import StorageError
from gateway.store.tables import documents

__all__ = ["DIGEST", "DamagedDocument", "StoredDocument", "damaged", "digest_of", "digests", "get", "put"]

# A digest as it stands in the data of journal entries.
DIGEST: Final = re.compile(r'"([0-9a-f]{64})"')


class DamagedDocument(StorageError):
    """One archived document is missing or was altered; it stops the invoice that needs it, not the others."""


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
        # Another process may store the same bytes at this moment: then they are there, which is all we want.
        insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
        connection.execute(
            insert(documents)
            .values(digest=digest, media_type=media_type, size=len(content), content=content, stored_at=now)
            .on_conflict_do_nothing()
        )
    return digest


def get(connection: Connection, digest: str) -> StoredDocument:
    """The document, its bytes proven by its digest. Raises DamagedDocument."""
    row = connection.execute(select(documents).where(documents.c.digest == digest)).one_or_none()
    if row is None or digest_of(row.content) != digest:
        raise DamagedDocument(
            f"the archived document {digest[:12]} is {'missing' if row is None else 'not what was stored'}",
            where="archive",
            fix="restore the database from a backup and run gateway audit verify",
        )
    return StoredDocument(row.digest, row.media_type, row.content)


def digests(connection: Connection) -> set[str]:
    """The digests of all archived documents."""
    return set(connection.scalars(select(documents.c.digest)))


def damaged(connection: Connection) -> Iterator[str]:
    """The digests of documents whose bytes no longer match."""
    # Without the column's type: bytes that somebody turned into text must not stop the search.
    content = type_coerce(documents.c.content, NullType())
    query = select(documents.c.digest, content)
    with connection.execute(query, execution_options={"yield_per": 50}) as rows:
        for digest, found in rows:
            if not isinstance(found, bytes | memoryview) or digest_of(bytes(found)) != digest:
                yield digest

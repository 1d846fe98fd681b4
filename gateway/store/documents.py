"""The archive: every byte that came in, went out or proves something, by its SHA-256, written once.

What comes as a file goes in and comes out in parts, so that 100 MB need no more memory than one of them.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import BinaryIO, Final

from sqlalchemy import Connection, bindparam, select, type_coerce
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.types import NullType

from formats.errors import StorageError
from gateway.store.tables import document_parts, documents

__all__ = [
    "DIGEST",
    "DamagedDocument",
    "StoredDocument",
    "damaged",
    "digest_of",
    "digests",
    "get",
    "parts",
    "put",
    "put_all",
    "put_file",
]

# A document's digest as it stands in the data of journal entries; certificates are named there, not kept.
DIGEST: Final = re.compile(r'(?<!"certificate_sha256":)(?<!"certificate_sha256": )"([0-9a-f]{64})"')
_PART: Final = 1024 * 1024
# Made once: to build a statement anew costs more than to run it.
_KNOWN: Final = select(documents.c.digest).where(documents.c.digest == bindparam("digest"))
_INSERT: Final = {
    "postgresql": postgresql.insert(documents).on_conflict_do_nothing(),
    "sqlite": sqlite.insert(documents).on_conflict_do_nothing(),
}


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
    if connection.scalar(_KNOWN, {"digest": digest}) is None:
        # Another process may store the same bytes at this moment: then they are there, which is all we want.
        connection.execute(_INSERT[connection.dialect.name], _row(digest, content, media_type, now))
    return digest


def put_all(
    connection: Connection, contents: Sequence[tuple[bytes, str]], *, now: datetime
) -> tuple[str, ...]:
    """As `put` for several documents, each with its media type, in one call of the database; the digests come
    in the same order. Meant for what is mostly new: the database is not asked first what it has."""
    found = [digest_of(content) for content, _ in contents]
    rows = {
        digest: _row(digest, content, media_type, now)
        for digest, (content, media_type) in zip(found, contents, strict=True)
    }
    # In one order for all: who stores the same at the same time waits for the other, and never both.
    connection.execute(_INSERT[connection.dialect.name], [rows[digest] for digest in sorted(rows)])
    return tuple(found)


def _row(digest: str, content: bytes, media_type: str, now: datetime) -> dict[str, object]:
    return {
        "digest": digest,
        "media_type": media_type,
        "size": len(content),
        "content": content,
        "stored_at": now,
    }


def put_file(connection: Connection, file: BinaryIO, media_type: str, *, now: datetime) -> str:
    """As `put`, for a file that is read from its start, a part at a time."""
    file.seek(0)
    hashed, size = hashlib.sha256(), 0
    while part := file.read(_PART):
        hashed.update(part)
        size += len(part)
    file.seek(0)
    if size <= _PART:
        return put(connection, file.read(), media_type, now=now)
    digest = hashed.hexdigest()
    if connection.scalar(select(documents.c.digest).where(documents.c.digest == digest)) is not None:
        return digest
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    # The row first: another process that stores the same file waits for it, and then finds it there.
    row = insert(documents).values(
        digest=digest, media_type=media_type, size=size, content=b"", stored_at=now
    )
    if connection.scalar(row.on_conflict_do_nothing().returning(documents.c.digest)) is not None:
        for number in range(-(-size // _PART)):
            values = {"digest": digest, "number": number, "content": file.read(_PART)}
            connection.execute(insert(document_parts).values(values))
    return digest


def get(connection: Connection, digest: str) -> StoredDocument:
    """The document, its bytes proven by its digest. Raises DamagedDocument."""
    row = connection.execute(select(documents).where(documents.c.digest == digest)).one_or_none()
    if row is None:
        raise _damage(digest, "missing")
    content = row.content if len(row.content) == row.size else b"".join(_parts(connection, digest))
    if digest_of(content) != digest:
        raise _damage(digest, "not what was stored")
    return StoredDocument(row.digest, row.media_type, content)


def parts(connection: Connection, digest: str) -> Iterator[bytes]:
    """The bytes of a document, a part at a time. DamagedDocument, at the latest after the last part, where
    they are not what was stored: what was made of them is then thrown away."""
    row = connection.execute(select(documents).where(documents.c.digest == digest)).one_or_none()
    if row is None:
        raise _damage(digest, "missing")
    hashed = hashlib.sha256()
    for part in [row.content] if len(row.content) == row.size else _parts(connection, digest):
        hashed.update(part)
        yield part
    if hashed.hexdigest() != digest:
        raise _damage(digest, "not what was stored")


def _parts(connection: Connection, digest: str) -> Iterator[bytes]:
    # One at a time: drivers read a whole result ahead.
    number = 0
    while (part := _part(connection, digest, number)) is not None:
        yield part
        number += 1


def _part(connection: Connection, digest: str, number: int) -> bytes | None:
    # Without the column's type: bytes that somebody turned into text are damage, not a fault of ours.
    query = select(type_coerce(document_parts.c.content, NullType())).where(
        document_parts.c.digest == digest, document_parts.c.number == number
    )
    found: object = connection.scalar(query)
    if found is None:
        return None
    if not isinstance(found, bytes | memoryview):
        raise _damage(digest, "not what was stored")
    return bytes(found)


def _damage(digest: str, how: str) -> DamagedDocument:
    return DamagedDocument(
        f"the archived document {digest[:12]} is {how}",
        where="archive",
        fix="restore the database from a backup and run gateway audit verify",
    )


def digests(connection: Connection) -> set[str]:
    """The digests of all archived documents."""
    return set(connection.scalars(select(documents.c.digest)))


def damaged(connection: Connection) -> Iterator[str]:
    """The digests of documents whose bytes no longer match."""
    # Without the column's type: bytes that somebody turned into text must not stop the search.
    content = type_coerce(documents.c.content, NullType())
    query = select(documents.c.digest, content, documents.c.size)
    in_parts = []
    with connection.execute(query, execution_options={"yield_per": 50}) as rows:
        for digest, found, size in rows:
            if not isinstance(found, bytes | memoryview):
                yield digest
            elif not found and size:
                in_parts.append(digest)
            elif digest_of(bytes(found)) != digest:
                yield digest
    for digest in in_parts:
        if not _whole(connection, digest):
            yield digest


def _whole(connection: Connection, digest: str) -> bool:
    try:
        for _ in parts(connection, digest):
            pass
    except DamagedDocument:
        return False
    return True

"""The archive: stored once, proven by digest, large files in parts."""

from __future__ import annotations

import hashlib
import io
import tracemalloc
from datetime import UTC, datetime

import pytest
from sqlalchemy import func, select, text

from gateway.store import documents
from gateway.store.database import Database
from gateway.store.documents import DamagedDocument
from gateway.store.tables import document_parts
from gateway.store.tables import documents as rows

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
LARGE = bytes(range(256)) * 4096 * 3 + b"the end"  # 3 MB and a little


def test_a_large_file_comes_back_as_it_was(database: Database) -> None:
    with database.begin() as connection:
        digest = documents.put_file(connection, io.BytesIO(LARGE), "application/xml", now=NOW)
        assert digest == hashlib.sha256(LARGE).hexdigest()
        assert documents.get(connection, digest).content == LARGE
        assert b"".join(documents.parts(connection, digest)) == LARGE
        assert max(len(part) for part in documents.parts(connection, digest)) <= 1024 * 1024
        assert list(documents.damaged(connection)) == []


def test_the_same_file_is_stored_once_however_it_comes(database: Database) -> None:
    with database.begin() as connection:
        first = documents.put_file(connection, io.BytesIO(LARGE), "application/xml", now=NOW)
        again = documents.put_file(connection, io.BytesIO(LARGE), "application/xml", now=NOW)
        whole = documents.put(connection, LARGE, "application/xml", now=NOW)
        assert first == again == whole
        assert connection.scalar(select(func.count()).select_from(rows)) == 1
        assert connection.scalar(select(func.count()).select_from(document_parts)) == 4


def test_several_at_once_are_each_stored_once(database: Database) -> None:
    with database.begin() as connection:
        known = documents.put(connection, b"known", "text/plain", now=NOW)
        found = documents.put_all(
            connection,
            [(b"new", "text/html"), (b"known", "application/xml"), (b"new", "text/html")],
            now=NOW,
        )
        assert found == (documents.digest_of(b"new"), known, documents.digest_of(b"new"))
        assert documents.digests(connection) == set(found)
        assert documents.get(connection, found[0]).media_type == "text/html"
        assert documents.get(connection, known).media_type == "text/plain"


@pytest.mark.parametrize("content", [b"", b"small", b"x" * 1024 * 1024])
def test_a_small_file_is_stored_whole(database: Database, content: bytes) -> None:
    with database.begin() as connection:
        digest = documents.put_file(connection, io.BytesIO(content), "text/plain", now=NOW)
        assert documents.get(connection, digest).content == content
        assert list(documents.parts(connection, digest)) == [content]
        assert connection.scalar(select(func.count()).select_from(document_parts)) == 0


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE document_parts SET content = 'x' WHERE number = 1",
        "DELETE FROM document_parts WHERE number = 3",
        "DELETE FROM document_parts",
    ],
)
def test_a_changed_or_missing_part_is_noticed(database: Database, damage: str) -> None:
    with database.begin() as connection:
        digest = documents.put_file(connection, io.BytesIO(LARGE), "application/xml", now=NOW)
        connection.execute(text(damage))
        assert list(documents.damaged(connection)) == [digest]
        with pytest.raises(DamagedDocument):
            documents.get(connection, digest)
        with pytest.raises(DamagedDocument):
            list(documents.parts(connection, digest))


def test_a_large_file_needs_the_memory_of_a_few_parts(database: Database) -> None:
    file = io.BytesIO(b"0123456789abcdef" * 65536 * 24)  # 24 MB
    tracemalloc.start()
    try:
        with database.begin() as connection:
            digest = documents.put_file(connection, file, "application/xml", now=NOW)
        with database.read() as connection:
            assert sum(len(part) for part in documents.parts(connection, digest)) == 24 * 1024 * 1024
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8 * 1024 * 1024

"""Evidence: everything about one invoice as one archive that can be read without the gateway."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import asdict
from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from formats.errors import ConfigError
from gateway.store import documents, journal, submissions

__all__ = ["archive", "record"]

_SUFFIXES: Final = {
    "application/xml": "xml",
    "text/xml": "xml",
    "application/json": "json",
    "application/pdf": "pdf",
    "application/pkcs7-mime": "p7m",
    "text/plain": "txt",
    "message/rfc822": "eml",
}
_README: Final = """This archive holds everything the gateway knows about one invoice.

journal.jsonl  what happened, one JSON object a line. Each digest is the SHA-256 of the JSON list
               [seq, at, submission, actor, event, data, previous], without blanks, in UTF-8.
documents/     every document the journal names, by its SHA-256.
"""
# A fixed date, so that the same evidence gives the same bytes.
_DATE: Final = (1980, 1, 1, 0, 0, 0)


def record(connection: Connection, submission: str, content: bytes, *, by: str, now: datetime) -> None:
    """Write into the journal that this archive was given to somebody."""
    data = {"what": "evidence", "digest": documents.digest_of(content)}
    journal.append(connection, "exported", data, now=now, submission=submission, actor=by)


def archive(connection: Connection, number: str) -> bytes:
    """A ZIP file with the journal entries of all submissions of this invoice and the documents they name.

    The same record gives the same bytes. Raises ConfigError for an unknown number.
    """
    found = submissions.find(connection, number)
    if not found:
        raise ConfigError(
            f"there is no invoice {number}", where="evidence", fix="gateway status lists all of them"
        )
    entries = [entry for item in found for entry in journal.entries(connection, submission=item.id)]
    entries.sort(key=lambda entry: entry.seq)
    digests = dict.fromkeys(digest for entry in entries for digest in documents.DIGEST.findall(entry.data))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        _add(file, "README.txt", _README.encode())
        _add(
            file,
            "journal.jsonl",
            "".join(json.dumps(asdict(entry), ensure_ascii=False) + "\n" for entry in entries).encode(),
        )
        for digest in digests:
            stored = documents.get(connection, digest)
            _add(file, f"documents/{digest}.{_SUFFIXES.get(stored.media_type, 'bin')}", stored.content)
    return buffer.getvalue()


def _add(file: zipfile.ZipFile, name: str, content: bytes) -> None:
    info = zipfile.ZipInfo(name, _DATE)
    info.compress_type = zipfile.ZIP_DEFLATED
    file.writestr(info, content)

"""Handing received documents to the ERP: as files, the document itself and what is known of it as JSON beside
it, or as drafts that a connector makes of invoices; or both.

A file appears under its name only when it is whole; the JSON comes first, so that whoever waits for the
document finds both. The same document handed over twice gives the same files and the same draft.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Iterable
from pathlib import Path

from sqlalchemy import Connection

from connectors.base import Attachment, PurchaseInvoice, TakesPurchaseInvoices
from formats.errors import ConfigError, StorageError
from formats.syntaxes import ubl
from gateway.store import documents
from gateway.store.exchanges import Exchange
from gateway.store.inbox import Item, Kind
from gateway.wiring import Gateway

__all__ = ["draft", "put"]


def draft(gateway: Gateway, item: Item) -> str:
    """Have the ERP make a draft of an invoice; returns where it is, "" where no connector is set or this is
    none. Talks to the ERP, so no transaction is open. Raises what the connector raises, and ConfigError for
    one that cannot take invoices.
    """
    name = gateway.settings.hand_over_to
    if not name or item.kind is not Kind.INVOICE or not item.invoice_digest:
        return ""
    connector = gateway.source(name)
    if not isinstance(connector, TakesPurchaseInvoices):
        raise ConfigError(
            f"the ERP of {name} does not take received invoices",
            where="gateway.yaml, hand_over",
            fix="name a source whose kind can (docs/connectors.md), or take hand_over out",
        )
    with gateway.database.read() as connection:
        invoice = ubl.read(documents.get(connection, item.invoice_digest).content)
        original = documents.get(connection, item.document_digest)
    file = Attachment(f"{_name(item)}.xml", original.media_type, original.content)
    return connector.take_purchase(PurchaseInvoice(item.id, invoice, file, item.sentence)).where


def put(connection: Connection, gateway: Gateway, item: Item, exchange: Exchange) -> str:
    """Write both files; returns where the document is, "" where no folder is set. Raises StorageError."""
    if not gateway.settings.inbox_folder:
        return ""
    folder = gateway.settings.folder / gateway.settings.inbox_folder
    name = _name(item)
    about = {
        "id": item.id,
        "kind": item.kind.value,
        "number": item.number,
        "issue_date": item.issue_date.isoformat() if item.issue_date else "",
        "seller": item.seller,
        "buyer": item.buyer,
        "currency": item.currency,
        "amount": str(item.amount) if item.amount is not None else "",
        "profile": item.profile,
        "note": item.sentence,
        "sender": exchange.sender,
        "receiver": exchange.receiver,
        "document_type": exchange.document_type,
        "process": exchange.process,
        "instance": exchange.instance,
        "access_point": exchange.peer,
        "received_at": item.received_at.isoformat(),
        "sha256": item.document_digest,
    }
    text = json.dumps(about, ensure_ascii=False, indent=1).encode()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write(folder / f"{name}.json", [text])
        _write(folder / f"{name}.xml", documents.parts(connection, item.document_digest))
    except OSError as error:
        raise StorageError(
            f"a received document cannot be written: {error.strerror}",
            where=str(folder),
            fix="make room, or let the gateway write into this folder",
        ) from error
    return str(folder / f"{name}.xml")


def _name(item: Item) -> str:
    number = re.sub(r"[^A-Za-z0-9._-]+", "_", item.number).strip("._")[:60]
    return f"{item.received_at:%Y%m%d}-{number or item.kind.value.replace(' ', '-')}-{item.id[:8]}"


def _write(file: Path, parts: Iterable[bytes]) -> None:
    handle, name = tempfile.mkstemp(prefix=".", suffix=".tmp", dir=file.parent)
    try:
        with os.fdopen(handle, "wb") as out:
            for part in parts:
                out.write(part)
            out.flush()
            os.fsync(out.fileno())
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise

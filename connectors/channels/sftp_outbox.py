"""Invoices to a Peppol access-point provider through an SFTP outbox; the provider's receipts come back as
files.

Two files hand one message over: first `<message id>.xml`, then `<message id>.json`, the manifest. Only the
manifest makes the provider pick it up, so a document alone was certainly not handed over and an interrupted
attempt can be finished. Both names come from our message id: the same message can lie there only once.

Providers differ in folder names and codes; those are settings. Files:

    manifest   message_id, file, sha256, size, sender, receiver, document_type, process (all texts, size a
    number) receipt    message_id, state ("delivered" or "rejected"), time, reason {code, text}; other fields
    are kept as
               evidence only
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Final

from lxml import etree
from pydantic import Field, StringConstraints

from connectors.base import (
    CheckStep,
    ConnectorSettings,
    DeliveryState,
    OutboundMessage,
    Receipt,
    Surroundings,
)
from connectors.sftp import RemoteFile, SftpClient, SftpSettings, check_steps, check_writing
from formats.errors import (
    ConflictError,
    DocumentError,
    EInvoicingError,
    RemoteUnavailable,
    RemoteUnexpected,
    RouteError,
)
from formats.syntaxes import xml

__all__ = ["SftpOutbox", "SftpOutboxSettings"]

_Folder = Annotated[str, StringConstraints(pattern=r"^/?[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*$")]
_RECEIPT_NAME: Final = re.compile(r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?:\.[0-9]{1,6})?\.json")
_STATES: Final = {"delivered": DeliveryState.DELIVERED, "rejected": DeliveryState.REJECTED}
# Peppol document type identifiers end in the version of the syntax (Policy for use of identifiers 4.4, 3.2).
_VERSIONS: Final = {
    "{urn:oasis:names:specification:ubl:schema:xsd:Invoice-2}Invoice": "2.1",
    "{urn:oasis:names:specification:ubl:schema:xsd:CreditNote-2}CreditNote": "2.1",
    "{urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100}CrossIndustryInvoice": "D16B",
}
_CBC: Final = "{urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2}"
_RSM: Final = "{urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100}"
_RAM: Final = "{urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100}"


class SftpOutboxSettings(ConnectorSettings):
    """The `settings:` of an SFTP outbox: the server, its folders, and the provider's words."""

    sftp: SftpSettings = Field(description="the provider's SFTP server and our account there")
    outbox_folder: _Folder = Field("/outbox", description="where we put messages")
    taken_folder: _Folder = Field(
        "/taken", description="where the provider moves what it has picked up, under the same names"
    )
    receipts_folder: _Folder = Field("/receipts", description="where the provider puts receipts")
    archive_folder: _Folder = Field(
        "/receipts/archive", description="where we move receipts that are stored; made where it is missing"
    )
    unreachable_codes: tuple[str, ...] = Field(
        ("SMP_LOOKUP_FAILED", "DOCUMENT_TYPE_NOT_SUPPORTED"),
        description="codes of refusals that mean: this receiver cannot be reached over the network at all",
    )
    most_receipts: int = Field(500, ge=1, le=100_000, description="receipts given in one round")
    largest_receipt_bytes: int = Field(65_536, ge=1_000, description="larger receipts are left for a person")


@dataclass(frozen=True, slots=True)
class _Kind:
    """What the network calls a document."""

    document_type: str
    process: str


class SftpOutbox:
    """One account at one provider. Only `files[0]` of a message is sent: what belongs to an invoice is inside
    it."""

    def __init__(self, name: str, settings: SftpOutboxSettings, surroundings: Surroundings) -> None:
        self._name = name
        self._settings = settings
        self._surroundings = surroundings
        self._sftp = SftpClient(name, settings.sftp, surroundings.secret)

    @property
    def name(self) -> str:
        return self._name

    def send(self, message: OutboundMessage) -> Receipt:
        """Put document and manifest into the outbox; safe to repeat, and it finishes what was left half done.

        Raises RouteError without electronic addresses, DocumentError for a document that is not a UBL or CII
        invoice, RemoteUnavailable with `uncertain` only where the manifest may have arrived.
        """
        document, manifest = self._prepared(message)
        held = self.find(message)
        if held is not None:
            return held
        self._put_document(message, document)
        try:
            self._sftp.write_atomically(self._outbox(message, "json"), manifest)
        except ConflictError as error:
            held = self.find(message)
            if held is None:
                raise RemoteUnavailable(
                    "the manifest could not be put into the outbox",
                    where=self._sftp.where,
                    fix="nothing to do, it is tried again",
                ) from error
            return held
        return self._taken(message.message_id, "put into the provider's outbox", manifest)

    def find(self, message: OutboundMessage) -> Receipt | None:
        """Follow the manifest on its way: outbox, taken, receipts, our archive of receipts.

        None means that the provider has no manifest, whether or not the document is already there. This holds
        as long as the provider keeps what it has taken, or its receipt is in the archive.
        """
        settings, name = self._settings, f"{message.message_id}.json"
        # In the direction in which the provider moves files, so that none slips past between two looks.
        waiting = self._sftp.stat(f"{settings.outbox_folder}/{name}")
        if waiting is not None:
            return self._found(message.message_id, "waits in the provider's outbox", waiting)
        taken = self._sftp.stat(f"{settings.taken_folder}/{name}")
        for folder in (settings.receipts_folder, settings.archive_folder):
            file = self._sftp.stat(f"{folder}/{name}")
            if file is not None:
                return self._receipt_found(message.message_id, folder, file)
        return self._found(message.message_id, "taken by the provider", taken) if taken is not None else None

    def receipts(self) -> Iterator[Receipt]:
        """The provider's receipts, oldest first.

        One that cannot be read does not hold up the others: all good ones are given first, then
        RemoteUnexpected tells of the rest, which stay in their folder until a person moves them.
        """
        settings = self._settings
        problems: list[RemoteUnexpected] = []
        given = 0
        for file in self._sftp.list(settings.receipts_folder):
            found = _RECEIPT_NAME.fullmatch(file.name)
            if found is None:
                continue
            if given >= settings.most_receipts:
                break
            try:
                receipt = self._read_receipt(found[1], settings.receipts_folder, file)
            except RemoteUnexpected as problem:
                problems.append(problem)
                continue
            if receipt is not None:
                given += 1
                yield receipt
        if problems:
            raise RemoteUnexpected(
                f"{len(problems)} receipts cannot be read; the first: {problems[0].what}",
                where=problems[0].where,
                fix="ask the provider for new receipts and move these files to another folder",
                evidence=problems[0].evidence,
            )

    def settle(self, receipt: Receipt) -> None:
        """Move the receipt's file into the archive folder. Nothing to do for other receipts."""
        name = receipt.handle
        if not _RECEIPT_NAME.fullmatch(name):
            return
        settings = self._settings
        old = f"{settings.receipts_folder}/{name}"
        if not self._sftp.exists(old):
            return
        self._sftp.ensure_folder(settings.archive_folder)
        for number in range(1, 100):
            kept = name if number == 1 else f"{name.removesuffix('.json')}-{number}.json"
            try:
                self._sftp.rename(old, f"{settings.archive_folder}/{kept}")
            except ConflictError:
                # Either it has gone meanwhile, or an earlier receipt of the same name is in the archive.
                if not self._sftp.exists(old):
                    return
            else:
                return
        raise RemoteUnexpected(
            f"the archive folder holds a hundred receipts named {name}",
            where=self._sftp.where,
            fix="ask the provider why it repeats this receipt, and tidy up the folder",
        )

    def check(self) -> Iterator[CheckStep]:
        """Name, connection and host key, login, the three folders, and the right to write and the clock by
        one temporary file in the outbox."""
        settings = self._settings
        folders = (settings.outbox_folder, settings.taken_folder, settings.receipts_folder)
        sound = True
        for step in check_steps(self._sftp, folders):
            sound = sound and (step.ok or step.name != f"folder {settings.outbox_folder}")
            yield step
        if sound and self._sftp.connected:
            yield from check_writing(self._sftp, settings.outbox_folder, self._surroundings.clock)

    def close(self) -> None:
        self._sftp.close()

    def _outbox(self, message: OutboundMessage, extension: str) -> str:
        return f"{self._settings.outbox_folder}/{message.message_id}.{extension}"

    def _prepared(self, message: OutboundMessage) -> tuple[bytes, bytes]:
        """The document and its manifest."""
        where = f"{self._name}, invoice {message.number[:80]}"
        for role, party in (("seller", message.sender), ("buyer", message.receiver)):
            if party is None or not party.scheme or not party.value:
                raise RouteError(
                    f"the {role} has no electronic address",
                    where=where,
                    fix="enter the Peppol identifier (scheme and number) of this party in the ERP, or choose "
                    "another channel",
                )
        if not message.files or hashlib.sha256(message.files[0].content).hexdigest() != message.digest:
            raise DocumentError(
                "the document is not the one that was approved for sending",
                where=where,
                fix="process the invoice again",
            )
        document = message.files[0].content
        kind = _kind(document, where)
        manifest = {
            "message_id": message.message_id,
            "file": f"{message.message_id}.xml",
            "sha256": message.digest,
            "size": len(document),
            "sender": str(message.sender),
            "receiver": str(message.receiver),
            "document_type": kind.document_type,
            "process": kind.process,
        }
        return document, json.dumps(manifest, ensure_ascii=False, indent=1).encode()

    def _put_document(self, message: OutboundMessage, document: bytes) -> None:
        path = self._outbox(message, "xml")
        try:
            self._sftp.write_atomically(path, document)
        except RemoteUnavailable as error:
            # Without its manifest a document is not handed over, whether it arrived or not.
            raise RemoteUnavailable(
                error.what, where=error.where, fix=error.fix, retry_at=error.retry_at
            ) from error
        except ConflictError as error:
            there = self._sftp.read(path, len(document) + 1)
            if there != document:
                raise RemoteUnexpected(
                    "another document lies in the outbox under the name of this message",
                    where=f"{self._sftp.where}{path}",
                    fix="have IT find out who put it there, and remove it",
                    evidence=hashlib.sha256(there).hexdigest().encode(),
                ) from error

    def _receipt_found(self, message_id: str, folder: str, file: RemoteFile) -> Receipt:
        """A receipt proves the handover even where it cannot be read; `receipts` then complains about it."""
        try:
            receipt = self._read_receipt(message_id, folder, file)
        except RemoteUnexpected:
            receipt = None
        return receipt or self._found(message_id, "the provider has written a receipt", file)

    def _read_receipt(self, message_id: str, folder: str, file: RemoteFile) -> Receipt | None:
        """None if the file has gone meanwhile. RemoteUnexpected if it is no receipt of this message."""
        path = f"{folder}/{file.name}"
        content = b""
        try:
            content = self._sftp.read(path, self._settings.largest_receipt_bytes)
            return self._parsed(message_id, content, file.name)
        except ConflictError:
            return None
        except DocumentError as error:
            problem = error.what
        except (ValueError, RecursionError, TypeError, KeyError) as error:
            problem = f"{path} is not a receipt ({type(error).__name__})"
        raise RemoteUnexpected(
            problem,
            where=f"{self._sftp.where}{path}",
            fix="ask the provider for a new receipt and move this file to another folder",
            evidence=content,
        )

    def _parsed(self, message_id: str, content: bytes, handle: str) -> Receipt:
        facts = json.loads(content)
        if facts["message_id"] != message_id:
            raise ValueError("the receipt of another message")
        at = datetime.fromisoformat(facts["time"])
        if at.tzinfo is None:
            raise ValueError("the time has no zone")
        state = _STATES[facts["state"]]
        code, text = "", "delivered by the provider"
        if state is DeliveryState.REJECTED:
            code, words = str(facts["reason"]["code"]), str(facts["reason"].get("text", ""))
            text = f"{code}: {words}" if words else code
        return Receipt(
            message_id=message_id,
            state=state,
            at=at.astimezone(UTC),
            text=text[:500],
            evidence=content,
            media_type="application/json",
            unreachable=code in self._settings.unreachable_codes,
            handle=handle,
        )

    def _found(self, message_id: str, text: str, file: RemoteFile) -> Receipt:
        return self._taken(message_id, text, b"", file.modified)

    def _taken(self, message_id: str, text: str, evidence: bytes, at: datetime | None = None) -> Receipt:
        return Receipt(
            message_id=message_id,
            state=DeliveryState.ACCEPTED_FOR_TRANSPORT,
            at=at or self._surroundings.clock(),
            text=text,
            evidence=evidence,
            media_type="application/json" if evidence else "application/octet-stream",
        )


def _kind(document: bytes, where: str) -> _Kind:
    """Document type and process, from where each syntax carries them (BT-24, BT-23)."""
    try:
        root = xml.parse(document)
    except EInvoicingError as error:
        raise DocumentError(error.what, where=where, fix=error.fix) from error
    version = _VERSIONS.get(str(root.tag))
    if version is None:
        raise DocumentError(
            "this provider takes UBL and CII invoices only",
            where=where,
            fix="choose a UBL or CII profile for this route",
        )
    if version == "D16B":
        context = f"{_RSM}ExchangedDocumentContext/{_RAM}"
        customization = _text(root, f"{context}GuidelineSpecifiedDocumentContextParameter/{_RAM}ID")
        process = _text(root, f"{context}BusinessProcessSpecifiedDocumentContextParameter/{_RAM}ID")
    else:
        customization, process = _text(root, f"{_CBC}CustomizationID"), _text(root, f"{_CBC}ProfileID")
    if not (customization and process):
        raise DocumentError(
            "the document does not say its specification (BT-24) or business process (BT-23)",
            where=where,
            fix="choose a Peppol profile for this route: it writes both",
        )
    name = etree.QName(root)
    return _Kind(f"{name.namespace}::{name.localname}##{customization}::{version}", process)


def _text(root: etree._Element, path: str) -> str:
    return (root.findtext(path) or "").strip()

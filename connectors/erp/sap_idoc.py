"""SAP over SFTP: INVOIC IDocs in, STATUS IDocs back, settlement from an extract of customer line items.

SAP writes INVOIC01/INVOIC02 IDocs as XML files through its XML port; conventions of names, markers and
folders differ per installation and are settings. Files are read where they lie, handed over byte for byte,
and moved into an archive folder only after they were stored; nothing is ever deleted.
"""

from __future__ import annotations

import fnmatch
import hashlib
import json
import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from lxml import etree
from pydantic import Field, field_validator

from connectors.base import (
    CheckStep,
    ConnectorSettings,
    DeliveryState,
    OpenInvoice,
    Page,
    PaymentStatus,
    RejectedDocument,
    SourceDocument,
    StatusReport,
    Surroundings,
    WriteBack,
)
from connectors.erp.sap_extract import Extract, read_extract
from connectors.erp.sap_status import status_filename, status_idoc
from connectors.sftp import RemoteFile, SftpClient, SftpSettings, check_steps, check_writing
from formats.errors import (
    ConflictError,
    DocumentError,
    EInvoicingError,
    MalformedDocument,
    RemoteRefused,
    RemoteUnexpected,
)
from formats.syntaxes import xml

__all__ = ["SapIdoc", "SapIdocSettings"]

_PAGE_FILES: Final = 50
_PAGE_BYTES: Final = 16 * 1024 * 1024
_ROOT: Final = re.compile(rb"<([A-Za-z_][A-Za-z0-9_.:-]*)")
_STATUS_DEFAULTS: Final = {
    DeliveryState.ACCEPTED_FOR_TRANSPORT: "22",
    DeliveryState.DELIVERED: "14",
    DeliveryState.REJECTED: "17",
    DeliveryState.PARKED: "05",
}


class SapIdocSettings(ConnectorSettings):
    """Settings of a source of the kind sap-idoc."""

    sftp: SftpSettings = Field(description="the SFTP server that SAP and the gateway exchange files on")
    folder: str = Field("/out", description="where SAP puts its INVOIC IDocs")
    file_pattern: str = Field("*", description="names of IDoc files, with * and ?")
    ignore: tuple[str, ...] = Field(
        ("*.tmp", "*.part", "*.filepart", ".*", "*.lock"),
        description="names of files that are still being written, with * and ?",
    )
    done_marker: str = Field(
        "", description="suffix of the marker that follows a finished file, as in .done; empty: no markers"
    )
    settle_seconds: float = Field(
        30, ge=0, description="a file is taken when size and time have not changed for this long"
    )
    give_up_after_seconds: float = Field(
        900, ge=0, description="a file that breaks off is shown to a person when unchanged for this long"
    )
    archive_folder: str = Field(
        "/out/archive", description="where files go once they are stored, below it by year and month"
    )
    status_folder: str = Field(
        "/in", description="where SAP reads STATUS IDocs from; empty: SAP is told nothing"
    )
    status_processed_folder: str = Field(
        "/in/processed", description="where SAP moves STATUS IDocs it has read; empty: it removes them"
    )
    status_codes: Mapping[DeliveryState, str] = Field(
        _STATUS_DEFAULTS, description="two-digit IDoc status for sent, delivered, rejected and parked"
    )
    port: str = Field("EINVGW", max_length=10, description="port of the gateway as SAP knows it (WE21)")
    partner: str = Field("EINVGW", max_length=10, description="logical system of the gateway (WE20)")
    sap_port: str = Field("SAPN01", max_length=10, description="port of the SAP system")
    sap_partner: str = Field(
        "", max_length=10, description="logical system of SAP; empty: the sender of the IDoc"
    )
    time_zone: str = Field("UTC", description="time zone of the SAP system, as in Europe/Berlin")
    extract_folder: str = Field(
        "", description="where SAP puts extracts of customer line items; empty: settlement is not read"
    )
    extract_pattern: str = Field(
        "cleared_items_*.csv", description="names of the extracts; the last one in order of names counts"
    )
    extract_encoding: str = Field("utf-8-sig", description="character set of the extracts")
    extract_delimiter: str = Field(";", min_length=1, max_length=1, description="between the columns")
    company_code: str = Field("", description="only lines of this company code; empty: of all")
    payment_document_types: frozenset[str] = Field(
        frozenset({"DZ", "ZP", "ZR", "ZV"}), description="types of accounting documents that mean money"
    )

    @field_validator("time_zone")
    @classmethod
    def _zone_exists(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError("no such time zone; write UTC or a name as in Europe/Berlin") from error
        return value

    @field_validator("status_codes")
    @classmethod
    def _codes_are_complete(cls, value: Mapping[DeliveryState, str]) -> Mapping[DeliveryState, str]:
        codes = {**_STATUS_DEFAULTS, **value}
        if any(not re.fullmatch(r"[0-9]{2}", code) for code in codes.values()):
            raise ValueError("an IDoc status has two digits")
        return codes


@dataclass(slots=True)
class _Batch:
    """A page in the making."""

    documents: list[SourceDocument] = field(default_factory=list)
    rejected: list[RejectedDocument] = field(default_factory=list)
    handles: list[str] = field(default_factory=list)
    files: int = 0
    size: int = 0

    def page(self) -> Page:
        return Page(tuple(self.documents), "", tuple(self.rejected), tuple(self.handles))


@dataclass(frozen=True, slots=True)
class _Ready:
    """A file to look into: whether its marker is there, and whether it was unchanged long enough to give
    up."""

    entry: RemoteFile
    marked: bool
    given_up: bool


class SapIdoc:
    """Pull INVOIC IDocs from a folder, oldest file first.

    Cursor: always "", since the folder itself says what is new; a file stays in it until `acknowledge` has
    moved it. A file is taken when its name is not one of `ignore`, its marker is there (if markers are used),
    and size and time have not changed for `settle_seconds`; the looks are remembered between processes. One
    that is not whole XML is left alone until unchanged for `give_up_after_seconds`, and handed over as it is
    after that, so that it is seen. The key of an invoice is sender, client, kind and number of the billing
    document; a repeat output has the same key and a new revision (DOCNUM), and is news in any case, for SAP
    waits for the status of that very IDoc: so there is no fingerprint. Where a file could not be read, its
    key is made of its name, and once it is put right under the same name its invoices have keys of their own:
    `origin`, folder and name, is what both have in common.

    Raises: RemoteUnavailable (retried), RemoteRefused (parked), RemoteUnexpected.
    """

    def __init__(self, name: str, settings: SapIdocSettings, surroundings: Surroundings) -> None:
        self._name = name
        self._settings = settings
        self._surroundings = surroundings
        self._sftp = SftpClient(name, settings.sftp, surroundings.secret)

    @property
    def name(self) -> str:
        return self._name

    def pull(self, cursor: str) -> Iterator[Page]:
        """As ErpConnector.pull; every call starts from what lies in the folder, whatever `cursor` is."""
        batch = _Batch()
        for ready in self._ready():
            self._take(ready, batch)
            if batch.files >= _PAGE_FILES or batch.size >= _PAGE_BYTES:
                yield batch.page()
                batch = _Batch()
        if batch.files:
            yield batch.page()

    def acknowledge(self, page: Page) -> None:
        """Move the files of this page into the archive; those moved already are fine."""
        archive = posixpath.join(self._settings.archive_folder, self._surroundings.clock().strftime("%Y/%m"))
        if page.handles:
            self._sftp.ensure_folder(archive)
        for handle in page.handles:
            self._archive(json.loads(handle), archive)

    def report_status(self, report: StatusReport) -> WriteBack:
        """Put a STATUS IDoc into SAP's inbound folder. Its name follows from `report.reference`, and it is
        looked for there and among the processed ones first."""
        settings = self._settings
        if not settings.status_folder:
            raise RemoteRefused(
                "this source has no folder for STATUS IDocs",
                where=self._name,
                fix="name status_folder in its settings, or switch off status reports for it",
            )
        filename = status_filename(report)
        path = posixpath.join(settings.status_folder, filename)
        sender, client = _sender_of(report.key)
        content = status_idoc(
            report,
            code=settings.status_codes[report.state],
            port=settings.port,
            partner=settings.partner,
            sap_port=settings.sap_port,
            sap_partner=settings.sap_partner or sender,
            client=client,
            zone=ZoneInfo(settings.time_zone),
        )
        for folder in filter(None, (settings.status_folder, settings.status_processed_folder)):
            if self._sftp.exists(posixpath.join(folder, filename)):
                return WriteBack(posixpath.join(folder, filename), existed=True)
        try:
            self._sftp.write_atomically(path, content)
        except ConflictError:
            return WriteBack(path, existed=True)
        return WriteBack(path, existed=False)

    def pull_payments(self, invoices: Sequence[OpenInvoice]) -> Iterator[PaymentStatus]:
        """Settlement of these invoices by the newest complete extract; none at all without one."""
        extract = self._newest_extract() if invoices and self._settings.extract_folder else None
        if extract is not None:
            yield from extract.statuses(invoices)

    def check(self) -> Iterator[CheckStep]:
        """Name, connection and host key, login, each folder, the right to write and the clock by one
        temporary file in the status folder, and one file read."""
        settings = self._settings
        folders = (settings.folder, settings.status_folder, settings.extract_folder)
        failed = set()
        for step in check_steps(self._sftp, tuple(filter(None, folders))):
            if not step.ok:
                failed.add(step.name)
            yield step
        if self._sftp.connected:
            yield self._check_archive()
            if f"folder {settings.status_folder}" in failed:
                yield CheckStep(
                    "clock", True, f"not measured: {settings.status_folder} has to be mended first"
                )
            elif settings.status_folder:
                yield from check_writing(self._sftp, settings.status_folder, self._surroundings.clock)
            else:
                yield CheckStep("clock", True, "not measured: there is no folder that we may write into")
            yield self._check_read()

    def close(self) -> None:
        self._sftp.close()

    def _ready(self) -> list[_Ready]:
        """The files to look into now: settled ones, and those whose marker did not come in time."""
        settings, now = self._settings, self._surroundings.clock()
        with self._surroundings.locked("looks") as cell:
            listed = self._sftp.list(settings.folder)
            before = _looks(cell.value)
            looks: dict[str, list[str]] = {}
            ready = []
            for entry, marked in self._candidates(listed):
                mark = f"{entry.size} {entry.modified}"
                known = before.get(entry.name)
                since = known[1] if known is not None and known[0] == mark else now.isoformat()
                looks[entry.name] = [mark, since]
                unchanged = (now - datetime.fromisoformat(since)).total_seconds()
                given_up = unchanged >= settings.give_up_after_seconds
                if (unchanged >= settings.settle_seconds) if marked else given_up:
                    ready.append(_Ready(entry, marked, given_up))
            saved = json.dumps(looks, ensure_ascii=False, sort_keys=True)
            if saved != cell.value:
                cell.save(saved)
        return ready

    def _candidates(self, listed: tuple[RemoteFile, ...]) -> Iterator[tuple[RemoteFile, bool]]:
        """Files that may be IDocs by their names, each with whether its marker is there (if one is used)."""
        settings = self._settings
        names = {entry.name for entry in listed}
        for entry in listed:
            if any(fnmatch.fnmatchcase(entry.name, pattern) for pattern in settings.ignore):
                continue
            if settings.done_marker and entry.name.endswith(settings.done_marker):
                continue
            if fnmatch.fnmatchcase(entry.name, settings.file_pattern):
                yield entry, not settings.done_marker or entry.name + settings.done_marker in names

    def _take(self, ready: _Ready, batch: _Batch) -> None:
        """Read one file into the page; one that has gone, grows or breaks off stays for the next time."""
        entry = ready.entry
        path = posixpath.join(self._settings.folder, entry.name)
        if not ready.marked:
            batch.files += 1
            batch.rejected.append(
                RejectedDocument(
                    f"{_file_key(entry.name)}/{entry.size}", path, self._unmarked(entry.name, path)
                )
            )
            return
        try:
            content = self._sftp.read(path)
        except ConflictError:
            return
        except DocumentError as error:
            batch.files += 1
            batch.rejected.append(RejectedDocument(f"{_file_key(entry.name)}/{entry.size}", path, error))
            return
        if len(content) != entry.size:
            return
        try:
            root = xml.parse(content, largest=self._settings.sftp.largest_file_bytes)
        except MalformedDocument:
            if _breaks_off(content) and not ready.given_up:
                return
            batch.documents.append(
                SourceDocument(_file_key(entry.name), "", "application/xml", content, 0, path)
            )
        else:
            self._sort_out(root, entry, path, content, batch)
        batch.files += 1
        batch.size += len(content)
        batch.handles.append(
            json.dumps([entry.name, entry.size, entry.modified.isoformat() if entry.modified else ""])
        )

    def _unmarked(self, name: str, path: str) -> DocumentError:
        minutes = self._settings.give_up_after_seconds / 60
        return DocumentError(
            f"{name} lies there for {minutes:g} minutes without its marker {self._settings.done_marker}",
            where=path,
            fix="if the file is complete, have IT write the marker or put the document out again",
        )

    def _sort_out(
        self, root: etree._Element, entry: RemoteFile, path: str, content: bytes, batch: _Batch
    ) -> None:
        """The IDocs of one well-formed file: invoices, and those that are not to be delivered."""
        idocs = root.findall("IDOC")
        if not idocs:
            batch.documents.append(
                SourceDocument(_file_key(entry.name), "", "application/xml", content, 0, path)
            )
        for part, idoc in enumerate(idocs):
            number = _text(idoc, "EDI_DC40/DOCNUM")
            problem = _not_for_delivery(idoc, number, path)
            if problem is not None:
                key = f"{_file_key(entry.name)}/{number or part}"
                is_test = bool(_text(idoc, "EDI_DC40/TEST"))
                batch.rejected.append(RejectedDocument(key, path, problem, needs_person=not is_test))
                continue
            key = _invoice_key(idoc) or f"{_file_key(entry.name)}/{part}"
            batch.documents.append(SourceDocument(key, number, "application/xml", content, part, path))

    def _archive(self, handle: list[str | int], archive: str) -> None:
        name, size, modified = str(handle[0]), handle[1], handle[2]
        path = posixpath.join(self._settings.folder, name)
        if not self._as_read(path, size, modified):
            # Gone: moved before. Changed: SAP has written a new file of the same name, which is not stored
            # yet.
            return
        target = self._move_aside(path, archive, name)
        if target and not self._as_read(target, size, modified):
            # Overwritten between the look and the move: back with it, under a name that is free.
            self._move_aside(target, self._settings.folder, name)
        if self._settings.done_marker:
            marker = name + self._settings.done_marker
            self._move_aside(posixpath.join(self._settings.folder, marker), archive, marker)

    def _as_read(self, path: str, size: object, modified: object) -> bool:
        found = self._sftp.stat(path)
        stamp = "" if found is None or found.modified is None else found.modified.isoformat()
        return found is not None and [found.size, stamp] == [size, modified]

    def _move_aside(self, path: str, folder: str, name: str) -> str:
        """Move a file into a folder, under another name where its own is taken; "" if it has gone."""
        stem, extension = posixpath.splitext(name)
        stamp = self._surroundings.clock().strftime("%Y%m%dT%H%M%SZ")
        names = [name, f"{stem}_{stamp}{extension}"]
        names += [f"{stem}_{stamp}_{count}{extension}" for count in range(2, 100)]
        for candidate in names:
            target = posixpath.join(folder, candidate)
            try:
                self._sftp.rename(path, target)
            except ConflictError:
                if not self._sftp.exists(path):
                    return ""
            else:
                return target
        raise RemoteUnexpected(
            f"no free name for {name} in {folder}", where=self._name, fix="have IT look at the folder"
        )

    def _newest_extract(self) -> Extract | None:
        settings = self._settings
        listed = self._sftp.list(settings.extract_folder)
        names = sorted(
            entry.name for entry in listed if fnmatch.fnmatchcase(entry.name, settings.extract_pattern)
        )
        for name in reversed(names):
            path = posixpath.join(settings.extract_folder, name)
            try:
                content = self._sftp.read(path)
            except ConflictError:
                continue
            # Without its last line end a file is still being written; the one before it counts.
            if content.endswith(b"\n"):
                return read_extract(
                    content,
                    encoding=settings.extract_encoding,
                    delimiter=settings.extract_delimiter,
                    company_code=settings.company_code,
                    payment_kinds=settings.payment_document_types,
                    where=f"{self._name}, {path}",
                )
        return None

    def _check_archive(self) -> CheckStep:
        folder = self._settings.archive_folder
        try:
            found = self._sftp.stat(folder)
        except EInvoicingError as error:
            return CheckStep(f"folder {folder}", False, error.what, error.fix)
        seen = "it is there" if found is not None else "not there yet, it is made with the first file"
        return CheckStep(f"folder {folder}", True, f"{seen}; writing was not tried")

    def _check_read(self) -> CheckStep:
        try:
            listed = self._sftp.list(self._settings.folder)
            files = [entry for entry, marked in self._candidates(listed) if marked]
            if not files:
                return CheckStep("read one file", True, "no file is waiting")
            content = self._sftp.read(posixpath.join(self._settings.folder, files[0].name))
        except EInvoicingError as error:
            return CheckStep("read one file", False, error.what, error.fix)
        return CheckStep("read one file", True, f"{files[0].name}, {len(content)} bytes")


def _looks(text: str) -> dict[str, list[str]]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _text(idoc: etree._Element, path: str) -> str:
    return (idoc.findtext(path) or "").strip()


def _file_key(name: str) -> str:
    return f"file:{hashlib.sha256(name.encode()).hexdigest()[:32]}"


def _invoice_key(idoc: etree._Element) -> str:
    """Sender, client, kind and number of the billing document; "" where one of the last two is missing."""
    number = next(
        (
            _text(reference, "BELNR")
            for reference in idoc.findall("E1EDK02")
            if _text(reference, "QUALF") == "009"
        ),
        "",
    )
    kind = _text(idoc, "E1EDK01/BSART")
    if not (number and kind):
        return ""
    parts = (_text(idoc, "EDI_DC40/SNDPRN"), _text(idoc, "EDI_DC40/MANDT"), kind, number.lstrip("0"))
    return "/".join(part.replace("/", "_") for part in parts)


def _sender_of(key: str) -> tuple[str, str]:
    """Logical system and client of SAP from the key of an invoice; empty where it is a file's key."""
    parts = key.split("/")
    return (parts[0], parts[1]) if len(parts) == 4 else ("", "")


def _not_for_delivery(idoc: etree._Element, number: str, path: str) -> DocumentError | None:
    message = _text(idoc, "EDI_DC40/MESTYP")
    if _text(idoc, "EDI_DC40/TEST"):
        what = f"IDoc {number} is a test: its control record says TEST = X, so it is not delivered"
        fix = "nothing to do if a test was meant; else put the document out again without the test flag"
    elif message and message != "INVOIC":
        what = f"IDoc {number} is a {message[:30]} message, not an invoice"
        fix = "correct the output in SAP (partner profile, transaction WE20), or the folder"
    else:
        return None
    return DocumentError(what, where=path, fix=fix)


def _breaks_off(content: bytes) -> bool:
    """Whether this looks like the beginning of an XML file whose end is still to come."""
    if not content.strip():
        return True
    if not content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        return False
    name = _ROOT.search(content)
    return name is None or not content.rstrip(b"\0 \t\r\n").endswith(b"</" + name[1] + b">")

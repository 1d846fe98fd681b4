"""SAP over SFTP: INVOIC IDocs in, STATUS IDocs back, settlement from an extract of customer line items.

SAP writes INVOIC01/INVOIC02 IDocs as XML files through its XML port, or as flat files through its file port;
conventions of names, markers and folders differ per installation and are settings
(`connectors.erp.files_pickup`). XML is handed over byte for byte. A flat file, and an XML file with more than
ten IDocs, is handed over IDoc by IDoc in the XML form that SAP itself would write, with the SHA-256 of the
file beside it; the file itself is kept as evidence.
"""

from __future__ import annotations

import codecs
import fnmatch
import hashlib
import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from lxml import etree
from pydantic import Field, field_validator

from connectors.base import (
    CheckStep,
    DeliveryState,
    OpenInvoice,
    PaymentStatus,
    RejectedDocument,
    SourceDocument,
    StatusReport,
    Surroundings,
    WriteBack,
)
from connectors.erp.files_pickup import PickupSettings, Waiting, file_key
from connectors.erp.files_source import FilesSource, NotYetWhole
from connectors.erp.sap_extract import Extract, read_extract
from connectors.erp.sap_flat_idoc import BreaksOff, FlatForm, is_flat, read_flat
from connectors.erp.sap_segments import Layout, layout
from connectors.erp.sap_status import status_filename, status_idoc
from connectors.sftp import SftpClient, SftpSettings, check_steps, check_writing
from formats.errors import (
    ConflictError,
    DocumentError,
    EInvoicingError,
    MalformedDocument,
    RemoteRefused,
)
from formats.syntaxes import xml

__all__ = ["SapIdoc", "SapIdocSettings"]

# More IDocs than this in one XML file are handed over one by one.
_MOST_TOGETHER: Final = 10
_ROOT: Final = re.compile(rb"<([A-Za-z_][A-Za-z0-9_.:-]*)")
_STATUS_DEFAULTS: Final = {
    DeliveryState.ACCEPTED_FOR_TRANSPORT: "22",
    DeliveryState.DELIVERED: "14",
    DeliveryState.REJECTED: "17",
    DeliveryState.PARKED: "05",
    DeliveryState.ACCEPTED: "16",
    # The buyer holds it and asks: no failure for SAP to act on; the text says what they ask.
    DeliveryState.DISPUTED: "14",
    DeliveryState.CLOSED: "31",
}


class SapIdocSettings(PickupSettings):
    """Settings of a source of the kind sap-idoc."""

    sftp: SftpSettings = Field(description="the SFTP server that SAP and the gateway exchange files on")
    form: Literal["auto", "xml", "flat"] = Field(
        "auto", description="how SAP writes IDocs: xml, flat, or auto to see for each file"
    )
    flat_encoding: str = Field(
        "utf-8", description="character set of flat files, as in utf-8, cp1252, iso-8859-1 or utf-16-le"
    )
    flat_segments: Mapping[str, str] = Field(
        {},
        description="layouts of your own or differing segments in flat files, as in Z1OWN: NAME 35 DATE 8",
    )
    message_types: tuple[str, ...] = Field(
        ("INVOIC",), description="message types that are invoices (MESTYP of the control record)"
    )
    status_folder: str = Field(
        "/in", description="where SAP reads STATUS IDocs from; empty: SAP is told nothing"
    )
    status_processed_folder: str = Field(
        "/in/processed", description="where SAP moves STATUS IDocs it has read; empty: it removes them"
    )
    status_codes: Mapping[DeliveryState, str] = Field(
        _STATUS_DEFAULTS,
        description="two-digit IDoc status for sent, delivered, rejected, parked, accepted, disputed and "
        "closed",
    )
    status_form: Literal["xml", "flat"] = Field(
        "xml", description="how STATUS IDocs are written: xml or flat"
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

    @field_validator("flat_encoding")
    @classmethod
    def _encoding_exists(cls, value: str) -> str:
        try:
            codecs.lookup(value)
        except LookupError as error:
            raise ValueError("no such character set; write utf-8, cp1252 or iso-8859-1") from error
        return value

    @field_validator("flat_segments")
    @classmethod
    def _layouts_are_layouts(cls, value: Mapping[str, str]) -> Mapping[str, str]:
        for name, fields in value.items():
            if not re.fullmatch(r"[A-Z][A-Z0-9_]{1,26}", name):
                raise ValueError(f"{name[:30]!r} is not the type of a segment, as in Z1OWN")
            layout(fields)
        return value

    @property
    def flat_form(self) -> FlatForm:
        """Character set and layouts of flat files."""
        own: dict[str, Layout] = {name: layout(fields) for name, fields in self.flat_segments.items()}
        return FlatForm.of(self.flat_encoding, own)

    @field_validator("status_codes")
    @classmethod
    def _codes_are_complete(cls, value: Mapping[DeliveryState, str]) -> Mapping[DeliveryState, str]:
        codes = {**_STATUS_DEFAULTS, **value}
        if any(not re.fullmatch(r"[0-9]{2}", code) for code in codes.values()):
            raise ValueError("an IDoc status has two digits")
        return codes


class SapIdoc(FilesSource):
    """Pull INVOIC IDocs from a folder, and put STATUS IDocs into another.

    A file that is not whole XML is left alone until unchanged for `give_up_after_seconds`, and handed over as
    it is after that, so that it is seen. The key of an invoice is sender, client, kind and number of the
    billing document; a repeat output has the same key and a new revision (DOCNUM), and is news in any case,
    for SAP waits for the status of that very IDoc: so there is no fingerprint. Where a file could not be
    read, its key is made of its name, and once it is put right under the same name its invoices have keys of
    their own: `origin`, folder and name, is what both have in common.
    """

    def __init__(self, name: str, settings: SapIdocSettings, surroundings: Surroundings) -> None:
        self._settings = settings
        self._sftp = SftpClient(name, settings.sftp, surroundings.secret)
        self._flat = settings.flat_form
        super().__init__(name, self._sftp, settings, surroundings)

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
        flat = self._flat if settings.status_form == "flat" else None
        filename = status_filename(report, flat=flat is not None)
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
            flat=flat,
        )
        return self._put_news(filename, content, settings.status_folder, settings.status_processed_folder)

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
            yield self._check_reading()

    def _found(self, waiting: Waiting) -> Iterator[SourceDocument | RejectedDocument]:
        name, path = waiting.entry.name, waiting.path
        try:
            if self._is_flat(waiting.content):
                idocs = read_flat(waiting.content, self._flat, path)
                yield from self._apart(idocs, f"flat file in {self._flat.encoding}", waiting)
            else:
                yield from self._found_in_xml(waiting)
        except BreaksOff as error:
            if not waiting.given_up:
                raise NotYetWhole from error
            yield RejectedDocument(file_key(name), path, error)
        except MalformedDocument as error:
            yield RejectedDocument(file_key(name), path, error)

    def _is_flat(self, content: bytes) -> bool:
        form = self._settings.form
        return form == "flat" or (form == "auto" and is_flat(content, self._flat))

    def _found_in_xml(self, waiting: Waiting) -> Iterator[SourceDocument | RejectedDocument]:
        name, path, content = waiting.entry.name, waiting.path, waiting.content
        whole = SourceDocument(file_key(name), "", "application/xml", content, 0, path)
        try:
            root = xml.parse(content, largest=self._settings.sftp.largest_file_bytes)
        except MalformedDocument as error:
            if _breaks_off(content) and not waiting.given_up:
                raise NotYetWhole from error
            yield whole
            return
        idocs = tuple(child for child in root if child.tag == "IDOC")
        if not idocs:
            yield whole
        if len(idocs) > _MOST_TOGETHER:
            yield from self._apart(idocs, "file", waiting)
            return
        for part, idoc in enumerate(idocs):
            rejected = self._rejected(idoc, name, path, part)
            key = _invoice_key(idoc) or f"{file_key(name)}/{part}"
            number = _text(idoc, "EDI_DC40/DOCNUM")
            yield rejected or SourceDocument(key, number, "application/xml", content, part, path)

    def _apart(
        self, idocs: tuple[etree._Element, ...], what: str, waiting: Waiting
    ) -> Iterator[SourceDocument | RejectedDocument]:
        """Each IDoc as a document of its own: what is handed over whole is read anew for every invoice."""
        name, path, content = waiting.entry.name, waiting.path, waiting.content
        digest = hashlib.sha256(content).hexdigest()
        for position, idoc in enumerate(idocs):
            rejected = self._rejected(idoc, name, path, position)
            if rejected is not None:
                yield rejected
                continue
            idoc.tail = None
            # Without the note: the very same IDoc may come again in another file.
            own = hashlib.sha256(etree.tostring(idoc, method="c14n")).hexdigest()
            root = etree.Element(
                _text(idoc, "EDI_DC40/CIMTYP") or _text(idoc, "EDI_DC40/IDOCTYP") or "INVOIC02"
            )
            root.append(etree.Comment(f" IDoc {position + 1} of a {what}, SHA-256 {digest} "))
            key = _invoice_key(idoc) or f"{file_key(name)}/{position}"
            number = _text(idoc, "EDI_DC40/DOCNUM")
            root.append(idoc)
            rendered = xml.serialize(root)
            yield SourceDocument(key, number, "application/xml", rendered, 0, path, own, content)

    def _rejected(self, idoc: etree._Element, name: str, path: str, part: int) -> RejectedDocument | None:
        number = _text(idoc, "EDI_DC40/DOCNUM")
        problem = _not_for_delivery(idoc, number, path, self._settings.message_types)
        if problem is None:
            return None
        is_test = bool(_text(idoc, "EDI_DC40/TEST"))
        return RejectedDocument(f"{file_key(name)}/{number or part}", path, problem, needs_person=not is_test)

    def _sample(self, name: str, path: str, content: bytes) -> CheckStep:
        return CheckStep("read one file", True, f"{name}, {len(content)} bytes")

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


def _text(idoc: etree._Element, path: str) -> str:
    return (idoc.findtext(path) or "").strip()


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


def _not_for_delivery(
    idoc: etree._Element, number: str, path: str, wanted: tuple[str, ...]
) -> DocumentError | None:
    message = _text(idoc, "EDI_DC40/MESTYP")
    if _text(idoc, "EDI_DC40/TEST"):
        what = f"IDoc {number} is a test: its control record says TEST = X, so it is not delivered"
        fix = "nothing to do if a test was meant; else put the document out again without the test flag"
    elif message and message not in wanted:
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

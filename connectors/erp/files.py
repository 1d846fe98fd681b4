"""Invoices as files, for every system that can export one: from a folder, from an SFTP server, or pushed.

Kinds `folder`, `sftp-files` and `push`. What the files are is told under `format:`, what is in them by the
mapping of the source. Files are picked up as `connectors.erp.files_pickup` says and archived once they are
stored. News goes back as small JSON files, where a folder for them is named.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence

from pydantic import Field

from connectors.base import (
    CheckStep,
    ConnectorSettings,
    OpenInvoice,
    Page,
    PaymentStatus,
    Push,
    PushDoor,
    RejectedDocument,
    SecretReference,
    SourceDocument,
    StatusReport,
    Surroundings,
    WriteBack,
)
from connectors.erp.files_format import FormatSettings
from connectors.erp.files_local import LocalShelf
from connectors.erp.files_pickup import PickupSettings, Waiting, file_key
from connectors.erp.files_readers import read_file
from connectors.erp.files_source import ClosableShelf, FilesSource
from connectors.sftp import SftpClient, SftpSettings, check_steps, check_writing
from formats.errors import DocumentError, EInvoicingError, MalformedDocument

__all__ = [
    "FilesSettings",
    "Folder",
    "FolderSettings",
    "PushFiles",
    "PushSettings",
    "SftpFiles",
    "SftpFilesSettings",
]


class FilesSettings(PickupSettings):
    """What both sources of files have in common."""

    format: FormatSettings = Field(description="what the files are")
    status_folder: str = Field(
        "", description="where news about the invoices is put as JSON files; empty: it stays in the gateway"
    )
    status_done_folder: str = Field(
        "", description="where the other side moves news that it has read; empty: it removes it"
    )


class FolderSettings(FilesSettings):
    """Settings of a source of the kind folder."""

    folder: str = Field(description="the folder that invoices are put into")
    archive_folder: str = Field(description="where files go once they are stored, on the same disk")
    largest_file_bytes: int = Field(52_428_800, gt=0, description="files larger than this are not read")


class SftpFilesSettings(FilesSettings):
    """Settings of a source of the kind sftp-files."""

    sftp: SftpSettings = Field(description="the SFTP server that invoices are put on")


class PushSettings(ConnectorSettings):
    """Settings of a source of the kind push."""

    format: FormatSettings = Field(description="what is pushed")
    token: SecretReference = Field(
        description="the secret that senders show as bearer token, as file:secrets/<name> or env:<NAME>"
    )
    previous_token: SecretReference | None = Field(
        None, description="the token before this one, taken as well while senders change over"
    )
    largest_body_bytes: int = Field(
        10_485_760, gt=0, le=104_857_600, description="what is larger than this is refused"
    )


class _Files(FilesSource):
    """Invoices in files whose form the settings tell.

    The key of an invoice is what the format's settings name, usually its number, so that the invoice in a
    later file is the same invoice; the revision is the first part of the file's SHA-256.
    """

    def __init__(
        self, name: str, shelf: ClosableShelf, settings: FilesSettings, surroundings: Surroundings
    ) -> None:
        super().__init__(name, shelf, settings, surroundings)
        self._files = settings

    def report_status(self, report: StatusReport) -> WriteBack:
        """Put the news into the status folder as JSON. Its name follows from `report.reference`, and it is
        looked for there and among the read ones first."""
        settings = self._files
        if not settings.status_folder:
            return WriteBack("kept in the gateway only: this source takes no news", existed=False)
        filename = f"STATUS_{hashlib.sha256(report.reference.encode()).hexdigest()[:32]}.json"
        return self._put_news(filename, _news(report), settings.status_folder, settings.status_done_folder)

    def pull_payments(self, invoices: Sequence[OpenInvoice]) -> Iterator[PaymentStatus]:
        """Files say nothing about payment."""
        return iter(())

    def _found(self, waiting: Waiting) -> Iterator[SourceDocument | RejectedDocument]:
        entry, path = waiting.entry, waiting.path
        digest = hashlib.sha256(waiting.content).hexdigest()
        position = 0
        try:
            for found in read_file(waiting.content, self._files.format, file=entry.name, where=path):
                key = found.key or f"{file_key(entry.name)}/{position}"
                position += 1
                if found.problem is not None:
                    # Under the key of the invoice, so that its mended revision takes the place of this.
                    yield RejectedDocument(key, path, found.problem)
                else:
                    yield found.document(key, digest[:16], path)
        except DocumentError as error:
            yield RejectedDocument(f"{file_key(entry.name)}/{digest[:16]}", path, error)

    def _sample(self, name: str, path: str, content: bytes) -> CheckStep:
        found = list(read_file(content, self._files.format, file=name, where=path))
        wrong = next((one.problem for one in found if one.problem is not None), None)
        seen = f"{name}, {len(content)} bytes, {len(found)} invoices"
        return CheckStep("read one file", wrong is None, seen, "" if wrong is None else wrong.sentence)


class Folder(_Files):
    """Invoices from a folder of this machine, or of a network drive mounted on it."""

    def __init__(self, name: str, settings: FolderSettings, surroundings: Surroundings) -> None:
        self._local = LocalShelf(name, settings.largest_file_bytes)
        super().__init__(name, self._local, settings, surroundings)

    def check(self) -> Iterator[CheckStep]:
        """Each folder, the right to write by one temporary file, and one file read."""
        settings = self._files
        for folder in dict.fromkeys(filter(None, (settings.folder, settings.status_folder))):
            try:
                seen = self._shelf.list(folder)
                self._local.probe(folder)
            except EInvoicingError as error:
                yield CheckStep(f"folder {folder}", False, error.what, error.fix)
                if folder == settings.folder:
                    return
            else:
                told = f"{len(seen)} files; a temporary file was written, looked at and removed"
                yield CheckStep(f"folder {folder}", True, told)
        yield self._check_reading()


class SftpFiles(_Files):
    """Invoices from a folder of an SFTP server."""

    def __init__(self, name: str, settings: SftpFilesSettings, surroundings: Surroundings) -> None:
        self._sftp = SftpClient(name, settings.sftp, surroundings.secret)
        super().__init__(name, self._sftp, settings, surroundings)

    def check(self) -> Iterator[CheckStep]:
        """Name, connection and host key, login, each folder, writing and clock where news is put, and one
        file read."""
        settings = self._files
        folders = tuple(filter(None, (settings.folder, settings.status_folder)))
        failed = set()
        for step in check_steps(self._sftp, folders):
            if not step.ok:
                failed.add(step.name)
            yield step
        if not self._sftp.connected:
            return
        if settings.status_folder and f"folder {settings.status_folder}" not in failed:
            yield from check_writing(self._sftp, settings.status_folder, self._surroundings.clock)
        yield self._check_reading()


class PushFiles:
    """Invoices that are pushed over HTTP; there is nothing to pull, and nothing is told back.

    Whoever pushed asks for the state of an invoice by the id in the answer.
    """

    def __init__(self, name: str, settings: PushSettings, surroundings: Surroundings) -> None:
        self._name = name
        self._settings = settings
        self._surroundings = surroundings

    @property
    def name(self) -> str:
        return self._name

    @property
    def door(self) -> PushDoor:
        settings = self._settings
        tokens = (settings.token, settings.previous_token)
        return PushDoor(tuple(token for token in tokens if token), settings.largest_body_bytes)

    def pull(self, cursor: str) -> Iterator[Page]:
        """Nothing: documents come when they are pushed."""
        return iter(())

    def acknowledge(self, page: Page) -> None:
        """Nothing is left at the other side."""

    def take(self, push: Push) -> Page:
        """The invoices of one push. All of them or none: a single one that cannot be taken raises
        MalformedDocument, for the sender is still there to put it right."""
        digest = hashlib.sha256(push.content).hexdigest()
        origin = f"push/{push.idempotency_key or digest[:16]}"
        documents: list[SourceDocument] = []
        for found in read_file(push.content, self._settings.format, file="push", where="pushed document"):
            if found.problem is not None:
                raise _refused(found.problem)
            documents.append(found.document(f"push:{digest[:32]}/{len(documents)}", digest[:16], origin))
        if not documents:
            raise MalformedDocument(
                "there is no invoice in it", where="pushed document", fix="send at least one"
            )
        return Page(tuple(documents), "")

    def report_status(self, report: StatusReport) -> WriteBack:
        """Kept for whoever asks."""
        return WriteBack("kept in the gateway, to be asked for", existed=False)

    def pull_payments(self, invoices: Sequence[OpenInvoice]) -> Iterator[PaymentStatus]:
        """Senders say nothing about payment."""
        return iter(())

    def check(self) -> Iterator[CheckStep]:
        """Whether the token is there."""
        try:
            length = len(self._surroundings.secret(self._settings.token).strip())
        except EInvoicingError as error:
            yield CheckStep("token", False, error.what, error.fix)
            return
        long_enough = length >= 20
        fix = "" if long_enough else "make one with at least 20 characters, by a password generator"
        yield CheckStep("token", long_enough, f"it has {length} characters", fix)

    def close(self) -> None:
        """Nothing is held open."""


def _refused(problem: DocumentError) -> MalformedDocument:
    return MalformedDocument(problem.what, where=problem.where, fix=problem.fix)


def _news(report: StatusReport) -> bytes:
    data = {
        "reference": report.reference,
        "key": report.key,
        "number": report.number,
        "state": str(report.state),
        "text": report.text,
        "at": report.at.isoformat(),
        "message_id": report.message_id,
        "channel": report.channel,
    }
    return (json.dumps(data, ensure_ascii=False, indent=1) + "\n").encode()

"""Status as a note beside the invoice, and the delivered e-invoice as a file: looked for before it is made.

For ERPs whose posted invoices cannot be written to, and whose records take notes and attachments. Neither
changes what the invoice says. The note is written last and so proves that both are there.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import UTC
from typing import Generic, Protocol, TypeVar

from connectors.base import StatusReport, WriteBack
from connectors.kit.records import Records

__all__ = ["FileRecords", "NoteBoard", "post_news"]

_Models = TypeVar("_Models", bound=Records)


class NoteBoard(Protocol):
    """Where notes and files of invoices are kept; `key` is the id of the invoice."""

    def find_note(self, key: int, reference: str) -> int:
        """The id of the note that holds `[reference]`, 0 where there is none."""
        ...

    def has_file(self, key: int, name: str) -> bool:
        """Whether a file of this name is attached."""
        ...

    def add_file(self, key: int, name: str, content: bytes) -> None:
        """Attach it."""
        ...

    def add_note(self, key: int, parts: tuple[str, ...]) -> int:
        """Make a note of these parts, the last of which is `[reference]`; its id."""
        ...


class FileRecords(ABC, Generic[_Models]):
    """Files as records of a model: `beside` gives the fields that tie one to the record with a key, `held`
    those that hold the content. Half a NoteBoard."""

    files = "ir.attachment"

    def __init__(self, models: _Models) -> None:
        self.models = models

    @abstractmethod
    def beside(self, key: int) -> Mapping[str, object]: ...

    @abstractmethod
    def held(self, content: bytes) -> Mapping[str, object]: ...

    def has_file(self, key: int, name: str) -> bool:
        domain = [(field, "=", value) for field, value in {**self.beside(key), "name": name}.items()]
        return bool(self.models.search(self.files, domain, ("name",), limit=1))

    def add_file(self, key: int, name: str, content: bytes) -> None:
        self.models.create(self.files, {"name": name, **self.beside(key), **self.held(content)})


def post_news(board: NoteBoard, key: int, report: StatusReport) -> WriteBack:
    """One note for each reference, however often this is called; whatever the board raises goes on."""
    note = board.find_note(key, report.reference)
    existed = note != 0
    if not existed:
        if report.state.arrived and report.xml:
            name = report.filename or f"{report.number.replace('/', '-')}.xml"
            if not board.has_file(key, name):
                board.add_file(key, name, report.xml)
        note = board.add_note(key, _parts(report))
    return WriteBack(f"note {note} on invoice {report.number}", existed)


def _parts(report: StatusReport) -> tuple[str, ...]:
    parts = (
        f"E-invoice {report.number}: {report.state}",
        report.text,
        f"{report.at.astimezone(UTC):%Y-%m-%d %H:%M} UTC",
        f"channel {report.channel}" if report.channel else "",
        f"message {report.message_id}" if report.message_id else "",
        f"[{report.reference}]",
    )
    return tuple(part for part in parts if part)

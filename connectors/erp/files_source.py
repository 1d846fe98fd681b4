"""What every source of files does: pages of what is found in them, files put away once it is stored, news as
files.

For files of any kind on an SFTP server or a local disk; `connectors.erp.files_pickup` says when a file is
ready. What is in a file only the connector knows, which derives from `FilesSource`.
"""

from __future__ import annotations

import posixpath
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Protocol

from connectors.base import CheckStep, Page, RejectedDocument, SourceDocument, Surroundings, WriteBack
from connectors.erp.files_pickup import Pickup, PickupSettings, Shelf, Waiting
from formats.errors import ConflictError, EInvoicingError

__all__ = ["ClosableShelf", "FilesSource", "NotYetWhole"]

_PAGE_BYTES: Final = 16 * 1024 * 1024
_PAGE_DOCUMENTS: Final = 500


class ClosableShelf(Shelf, Protocol):
    """A shelf that holds a connection."""

    def close(self) -> None: ...


class NotYetWhole(Exception):
    """Raised by `FilesSource._found` before it gives anything: the file was looked at too early."""


@dataclass(slots=True)
class _Batch:
    """A page in the making."""

    documents: list[SourceDocument] = field(default_factory=list)
    rejected: list[RejectedDocument] = field(default_factory=list)
    handles: list[str] = field(default_factory=list)
    files: int = 0
    size: int = 0

    @property
    def full(self) -> bool:
        return len(self.documents) >= _PAGE_DOCUMENTS or self.size >= _PAGE_BYTES

    def add(self, found: SourceDocument | RejectedDocument) -> None:
        if isinstance(found, RejectedDocument):
            self.rejected.append(found)
            return
        before = self.documents[-1].content if self.documents else b""
        self.documents.append(found)
        # Several invoices of one file may share its bytes.
        self.size += 0 if found.content is before else len(found.content)

    def page(self) -> Page:
        return Page(tuple(self.documents), "", tuple(self.rejected), tuple(self.handles))


class FilesSource(ABC):
    """Pull invoices from a folder, oldest file first.

    Cursor: always "", since the folder itself says what is new; a file stays in it until `acknowledge` has
    moved it. A file is taken when its name is not one of `ignore`, its marker is there (if markers are used),
    and size and time have not changed for `settle_seconds`; the looks are remembered between processes.

    Raises: RemoteUnavailable (retried), RemoteRefused (parked), RemoteUnexpected.
    """

    def __init__(
        self, name: str, shelf: ClosableShelf, settings: PickupSettings, surroundings: Surroundings
    ) -> None:
        self._name = name
        self._shelf = shelf
        self._pickup_settings = settings
        self._surroundings = surroundings
        self._pickup = Pickup(name, shelf, settings, surroundings)

    @property
    def name(self) -> str:
        return self._name

    @abstractmethod
    def _found(self, waiting: Waiting) -> Iterator[SourceDocument | RejectedDocument]:
        """What is in one file whose bytes are there, in its order. Raises NotYetWhole at the start for one
        that is to be looked at again later."""

    @abstractmethod
    def _sample(self, name: str, path: str, content: bytes) -> CheckStep:
        """What `check` says of one waiting file."""

    def pull(self, cursor: str) -> Iterator[Page]:
        """As ErpConnector.pull; every call starts from what lies in the folder, whatever `cursor` is.

        The handle of a file is on the page of its last invoice, so it stays where it is until all are stored.
        """
        batch = _Batch()
        for waiting in self._pickup.waiting():
            try:
                for found in self._taken(waiting):
                    batch.add(found)
                    if batch.full:
                        yield batch.page()
                        batch = _Batch()
            except NotYetWhole:
                continue
            batch.files += 1
            if handle := self._pickup.handle(waiting):
                batch.handles.append(handle)
            if batch.files >= self._pickup_settings.page_files:
                yield batch.page()
                batch = _Batch()
        if batch.files:
            yield batch.page()

    def acknowledge(self, page: Page) -> None:
        """Move the files of this page into the archive; those moved already are fine."""
        self._pickup.put_away(page.handles)

    def close(self) -> None:
        self._shelf.close()

    def _taken(self, waiting: Waiting) -> Iterator[SourceDocument | RejectedDocument]:
        if waiting.problem is None:
            yield from self._found(waiting)
        else:
            yield RejectedDocument(waiting.rejection_key, waiting.path, waiting.problem)

    def _put_news(self, filename: str, content: bytes, folder: str, read_folder: str) -> WriteBack:
        """Write a file into `folder`, unless it is there or, read by the other side, in `read_folder`."""
        path = posixpath.join(folder, filename)
        for place in filter(None, (folder, read_folder)):
            if self._shelf.exists(posixpath.join(place, filename)):
                return WriteBack(posixpath.join(place, filename), existed=True)
        try:
            self._shelf.write_atomically(path, content)
        except ConflictError:
            return WriteBack(path, existed=True)
        return WriteBack(path, existed=False)

    def _check_reading(self) -> CheckStep:
        """One waiting file read, and what is in it."""
        title, folder = "read one file", self._pickup_settings.folder
        try:
            listed = self._shelf.list(folder)
            files = [entry for entry, marked in self._pickup.candidates(listed) if marked]
            if not files:
                return CheckStep(title, True, "no file is waiting")
            path = posixpath.join(folder, files[0].name)
            return self._sample(files[0].name, path, self._shelf.read(path))
        except EInvoicingError as error:
            return CheckStep(title, False, error.what, error.fix)

"""Picking up files that another system puts into a folder: when one is finished, and where it goes
afterwards.

For every source that reads files, on an SFTP server or on a local disk. Files are read where they lie, and
moved into an archive folder only after they were stored; nothing is ever deleted. How a writer shows that a
file is finished differs per installation, so each convention is a setting: temporary names, a marker file, or
a size and time that no longer change.
"""

from __future__ import annotations

import fnmatch
import hashlib
import json
import posixpath
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from pydantic import Field

from connectors.base import ConnectorSettings, Surroundings
from connectors.sftp import RemoteFile
from formats.errors import ConflictError, DocumentError, RemoteUnexpected

__all__ = ["Pickup", "PickupSettings", "Shelf", "Waiting", "file_key"]


class Shelf(Protocol):
    """A place with folders and files: `connectors.sftp.SftpClient`, or a local disk.

    Paths have `/` between folders. The meaning of each call, and what it raises, is that of SftpClient.
    """

    def list(self, folder: str) -> tuple[RemoteFile, ...]: ...

    def stat(self, path: str) -> RemoteFile | None: ...

    def exists(self, path: str) -> bool: ...

    def read(self, path: str, largest: int | None = None) -> bytes: ...

    def write_atomically(self, path: str, content: bytes) -> None: ...

    def rename(self, old: str, new: str) -> None: ...

    def ensure_folder(self, path: str) -> None: ...


class PickupSettings(ConnectorSettings):
    """When a file of the folder is taken, and where it goes."""

    folder: str = Field("/out", description="where the other side puts its files")
    file_pattern: str = Field("*", description="names of the files to take, with * and ?")
    ignore: tuple[str, ...] = Field(
        ("*.tmp", "*.part", "*.filepart", ".*", "*.lock"),
        description="names of files that are still being written, with * and ?",
    )
    done_marker: str = Field(
        "", description="suffix of the marker that follows a finished file, as in .done; empty: no markers"
    )
    done_marker_replaces: bool = Field(
        False,
        description="true: the marker of a.xml is a.done; false: it is a.xml.done",
    )
    page_files: int = Field(50, ge=1, le=1000, description="how many files are stored in one go")
    settle_seconds: float = Field(
        30, ge=0, description="a file is taken when size and time have not changed for this long"
    )
    give_up_after_seconds: float = Field(
        900, ge=0, description="a file that breaks off is shown to a person when unchanged for this long"
    )
    archive_folder: str = Field("/out/archive", description="where files go once they are stored")
    archive_by_month: bool = Field(
        True, description="below the archive folder by year and month, as in 2026/11; false: all in one"
    )
    error_folder: str = Field(
        "", description="where files go that cannot be taken at all; empty: they stay where they are"
    )


@dataclass(frozen=True, slots=True)
class Waiting:
    """One file that is ready: its bytes, or the problem why it cannot be read.

    `given_up` says that it was unchanged for so long that nothing more is to be expected of it.
    """

    entry: RemoteFile
    path: str
    given_up: bool
    content: bytes = field(default=b"", repr=False)
    problem: DocumentError | None = None

    @property
    def rejection_key(self) -> str:
        """Names this very file: another one under its name, of another size, is another case."""
        return f"{file_key(self.entry.name)}/{self.entry.size}"


@dataclass(frozen=True, slots=True)
class _Ready:
    entry: RemoteFile
    marked: bool
    given_up: bool


def file_key(name: str) -> str:
    """A stable key for what is in a file that does not say what it is."""
    # A name that is no UTF-8 comes with surrogates in it.
    return f"file:{hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:32]}"


class Pickup:
    """The files of one folder, oldest first.

    The looks at sizes and times are remembered between processes, in the cell `looks`.
    """

    def __init__(self, name: str, shelf: Shelf, settings: PickupSettings, surroundings: Surroundings) -> None:
        self._name = name
        self._shelf = shelf
        self._settings = settings
        self._surroundings = surroundings

    def waiting(self) -> Iterator[Waiting]:
        """The finished files, each read when asked for; one that has gone or still grows is passed over."""
        for ready in self._ready():
            path = posixpath.join(self._settings.folder, ready.entry.name)
            if not ready.marked:
                yield Waiting(ready.entry, path, True, problem=self._unmarked(ready.entry.name, path))
                continue
            try:
                content = self._shelf.read(path)
            except ConflictError:
                continue
            except DocumentError as error:
                yield Waiting(ready.entry, path, ready.given_up, problem=error)
                continue
            if len(content) == ready.entry.size:
                yield Waiting(ready.entry, path, ready.given_up, content)

    def candidates(self, listed: tuple[RemoteFile, ...]) -> Iterator[tuple[RemoteFile, bool]]:
        """Files that are meant by their names, each with whether its marker is there (if one is used)."""
        settings = self._settings
        names = {entry.name for entry in listed}
        for entry in listed:
            if any(fnmatch.fnmatchcase(entry.name, pattern) for pattern in settings.ignore):
                continue
            if settings.done_marker and entry.name.endswith(settings.done_marker):
                continue
            if fnmatch.fnmatchcase(entry.name, settings.file_pattern):
                yield entry, not settings.done_marker or self._marker_of(entry.name) in names

    def handle(self, waiting: Waiting) -> str:
        """What `put_away` needs to know of a file that was handed on; "" for one that stays where it is."""
        entry, modified = waiting.entry, waiting.entry.modified
        stamp = modified.isoformat() if modified else ""
        if waiting.problem is None:
            return json.dumps([entry.name, entry.size, stamp])
        return json.dumps([entry.name, entry.size, stamp, "error"]) if self._settings.error_folder else ""

    def put_away(self, handles: tuple[str, ...]) -> None:
        """Move these files where they belong; those moved already are fine."""
        settings = self._settings
        archive = settings.archive_folder
        if settings.archive_by_month:
            archive = posixpath.join(archive, self._surroundings.clock().strftime("%Y/%m"))
        made: set[str] = set()
        for handle in handles:
            known = json.loads(handle)
            folder = settings.error_folder if len(known) > 3 else archive
            if folder not in made:
                self._shelf.ensure_folder(folder)
                made.add(folder)
            self._put_away(known, folder)

    def _ready(self) -> list[_Ready]:
        """The files to look into now: settled ones, and those whose marker did not come in time."""
        settings, now = self._settings, self._surroundings.clock()
        with self._surroundings.locked("looks") as cell:
            listed = self._shelf.list(settings.folder)
            before = _looks(cell.value)
            looks: dict[str, list[str]] = {}
            ready = []
            for entry, marked in self.candidates(listed):
                mark = f"{entry.size} {entry.modified}"
                known = before.get(entry.name)
                since = known[1] if known is not None and known[0] == mark else now.isoformat()
                looks[entry.name] = [mark, since]
                unchanged = (now - datetime.fromisoformat(since)).total_seconds()
                given_up = unchanged >= settings.give_up_after_seconds
                if (unchanged >= settings.settle_seconds) if marked else given_up:
                    ready.append(_Ready(entry, marked, given_up))
            saved = json.dumps(looks, sort_keys=True)
            if saved != cell.value:
                cell.save(saved)
        return ready

    def _marker_of(self, name: str) -> str:
        settings = self._settings
        stem = posixpath.splitext(name)[0] if settings.done_marker_replaces else name
        return stem + settings.done_marker

    def _unmarked(self, name: str, path: str) -> DocumentError:
        minutes = self._settings.give_up_after_seconds / 60
        return DocumentError(
            f"{name} lies there for {minutes:g} minutes without its marker {self._settings.done_marker}",
            where=path,
            fix="have IT see whether it is complete, and write the marker",
        )

    def _put_away(self, handle: list[str | int], folder: str) -> None:
        name, size, modified = str(handle[0]), handle[1], handle[2]
        path = posixpath.join(self._settings.folder, name)
        if not self._as_read(path, size, modified):
            # Gone: moved before. Changed: a new file of the same name was written, which is not stored yet.
            return
        target = self._move_aside(path, folder, name)
        if target and not self._as_read(target, size, modified):
            # Overwritten between the look and the move: back with it, under a name that is free.
            self._move_aside(target, self._settings.folder, name)
        if self._settings.done_marker:
            marker = self._marker_of(name)
            self._move_aside(posixpath.join(self._settings.folder, marker), folder, marker)

    def _as_read(self, path: str, size: object, modified: object) -> bool:
        found = self._shelf.stat(path)
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
                self._shelf.rename(path, target)
            except ConflictError:
                if not self._shelf.exists(path):
                    return ""
            else:
                return target
        raise RemoteUnexpected(
            f"no free name for {name} in {folder}", where=self._name, fix="have IT look at the folder"
        )


def _looks(text: str) -> dict[str, list[str]]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}

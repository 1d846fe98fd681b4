"""A local disk as a place to pick files up from, with the calls and the errors of an SFTP server."""

from __future__ import annotations

import errno
import os
import stat
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from connectors.sftp import RemoteFile
from formats.errors import (
    ConflictError,
    DocumentError,
    RemoteRefused,
    RemoteUnavailable,
    RemoteUnexpected,
)

__all__ = ["LocalShelf"]

_MOST_ENTRIES: Final = 200_000
_CHUNK: Final = 1024 * 1024


class LocalShelf:
    """Folders of this machine, or network drives mounted on it. `largest` is in bytes.

    Links are not followed: only regular files are read. Raises as `connectors.sftp.SftpClient` does:
    RemoteRefused for rights and folders that are not there, RemoteUnavailable for a disk that does not
    answer.
    """

    def __init__(self, name: str, largest: int) -> None:
        self._name = name
        self._largest = largest

    @property
    def where(self) -> str:
        """For messages: the configured name."""
        return self._name

    def list(self, folder: str) -> tuple[RemoteFile, ...]:
        """The regular files of one folder, oldest first, then by name."""
        with self._plain_words(folder):
            found = []
            with os.scandir(folder) as entries:
                for entry in entries:
                    if entry.is_file(follow_symlinks=False):
                        found.append(_remote(entry.name, entry.stat(follow_symlinks=False)))
                    if len(found) > _MOST_ENTRIES:
                        raise RemoteUnexpected(
                            f"{folder} holds over {_MOST_ENTRIES} files",
                            where=self._name,
                            fix="have IT look at the folder",
                        )
        oldest = datetime.min.replace(tzinfo=UTC)
        return tuple(sorted(found, key=lambda entry: (entry.modified or oldest, entry.name)))

    def stat(self, path: str) -> RemoteFile | None:
        """What is known about one file or folder; None when it is not there."""
        with self._plain_words(path):
            try:
                return _remote(Path(path).name, Path(path).lstat())
            except FileNotFoundError:
                return None

    def exists(self, path: str) -> bool:
        return self.stat(path) is not None

    def read(self, path: str, largest: int | None = None) -> bytes:
        """The whole file. DocumentError when it is larger than allowed, ConflictError when it has gone."""
        limit = self._largest if largest is None else largest
        with self._plain_words(path):
            try:
                descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            except FileNotFoundError as error:
                raise ConflictError(
                    f"{path} is no longer there", where=self._name, fix="look at the folder again"
                ) from error
            with os.fdopen(descriptor, "rb") as file:
                known = os.fstat(file.fileno())
                if not stat.S_ISREG(known.st_mode):
                    raise ConflictError(
                        f"{path} is not a regular file", where=self._name, fix="look at the folder again"
                    )
                if known.st_size > limit:
                    raise self._too_large(path, known.st_size, limit)
                content = file.read(limit + 1)
        if len(content) > limit:
            raise self._too_large(path, len(content), limit)
        return content

    def write_atomically(self, path: str, content: bytes) -> None:
        """Write under a temporary name and give the file its own at the end; ConflictError when it is
        taken."""
        temporary = f"{path}.{uuid.uuid4().hex[:12]}.tmp"
        with self._plain_words(path):
            try:
                with open(temporary, "xb") as file:  # noqa: PTH123  # paths are texts here, as on a server
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
                self._move(temporary, path)
            finally:
                with suppress(FileNotFoundError):
                    Path(temporary).unlink()

    def rename(self, old: str, new: str) -> None:
        """Move a file. ConflictError when `old` is not there or `new` is already taken."""
        with self._plain_words(new):
            self._move(old, new)

    def remove(self, path: str) -> None:
        """Delete one file; one that is not there is fine."""
        with self._plain_words(path), suppress(FileNotFoundError):
            Path(path).unlink()

    def ensure_folder(self, path: str) -> None:
        """Create the folder and those above it where they are missing."""
        with self._plain_words(path):
            Path(path).mkdir(parents=True, exist_ok=True)

    def probe(self, folder: str) -> RemoteFile:
        """Write one small hidden file into the folder, look at it, and remove it again."""
        path = Path(folder) / f".gateway-check-{uuid.uuid4().hex[:12]}.tmp"
        with self._plain_words(str(path)):
            path.write_bytes(b"gateway check\n")
            try:
                return _remote(path.name, path.lstat())
            finally:
                path.unlink()

    def close(self) -> None:
        """Nothing is held open."""

    def _move(self, old: str, new: str) -> None:
        try:
            # A hard link is refused where the name is taken, so nothing is ever replaced.
            os.link(old, new, follow_symlinks=False)
        except FileNotFoundError as error:
            if Path(old).exists():
                raise
            raise self._taken(old, new) from error
        except FileExistsError as error:
            raise self._taken(old, new) from error
        except OSError as error:
            if error.errno not in (errno.EXDEV, errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK):
                raise
            self._copy(old, new)
        Path(old).unlink()

    def _copy(self, old: str, new: str) -> None:
        """Onto another disk, or one without hard links."""
        try:
            with open(old, "rb") as source, open(new, "xb") as target:  # noqa: PTH123
                while chunk := source.read(_CHUNK):
                    target.write(chunk)
                target.flush()
                os.fsync(target.fileno())
                known = os.fstat(source.fileno())
            os.utime(new, ns=(known.st_atime_ns, known.st_mtime_ns))
        except (FileExistsError, FileNotFoundError) as error:
            raise self._taken(old, new) from error

    def _taken(self, old: str, new: str) -> ConflictError:
        return ConflictError(
            f"{old} cannot become {new}: it has gone, or the new name is taken",
            where=self._name,
            fix="look at the folder again",
        )

    def _too_large(self, path: str, size: int, limit: int) -> DocumentError:
        return DocumentError(
            f"{path} has at least {size} bytes, {limit} are allowed",
            where=self._name,
            fix="check the export, or raise largest_file_bytes of this source",
        )

    @contextmanager
    def _plain_words(self, path: str) -> Iterator[None]:
        try:
            yield
        except PermissionError as error:
            raise RemoteRefused(
                f"this user may not do this with {path}",
                where=self._name,
                fix="give the user that the gateway runs as the right to read and write there",
            ) from error
        except (FileNotFoundError, NotADirectoryError) as error:
            raise RemoteRefused(
                f"{path} is not there",
                where=self._name,
                fix="create the folder, mount the network drive, or correct the folder in the settings",
            ) from error
        except OSError as error:
            raise RemoteUnavailable(
                f"the disk does not do this with {path}: {error.strerror or 'no reason given'}",
                where=self._name,
                fix="check free space and the network drive; it is tried again by itself",
            ) from error


def _remote(name: str, known: os.stat_result) -> RemoteFile:
    modified = datetime.fromtimestamp(int(known.st_mtime), UTC)
    return RemoteFile(name, known.st_size, modified, stat.S_ISDIR(known.st_mode))

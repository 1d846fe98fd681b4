"""Content that stays in memory while it is small and goes to a file of its own when it is not."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final

from connectors.channels.peppol.as4.problems import TooLarge

__all__ = ["Blob", "Spool"]

CHUNK: Final = 256 * 1024


@dataclass(frozen=True, slots=True)
class Blob:
    """Bytes of known size: either `content`, or the file at `path` (readable by this user only).

    Whoever holds it calls `discard` at the end; a file may also be moved elsewhere before.
    """

    size: int
    content: bytes | None = field(default=None, repr=False)
    path: Path | None = None

    @classmethod
    def of(cls, content: bytes) -> Blob:
        """Bytes in memory."""
        return cls(len(content), content)

    def chunks(self, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """The bytes from `start` to before `end`, in pieces of at most 256 KiB."""
        end = self.size if end is None else end
        if self.content is not None:
            for position in range(start, end, CHUNK):
                yield self.content[position : min(position + CHUNK, end)]
            return
        with self._file.open("rb") as file:
            file.seek(start)
            left = end - start
            while left > 0 and (piece := file.read(min(CHUNK, left))):
                left -= len(piece)
                yield piece

    def read(self) -> bytes:
        """All bytes in memory, so only for what is known to be small."""
        if self.content is not None:
            return self.content
        return self._file.read_bytes()

    @property
    def _file(self) -> Path:
        if self.path is None:
            raise ValueError("a blob has either content or a path")
        return self.path

    def discard(self) -> None:
        """Remove the file; safe to repeat."""
        if self.path is not None:
            self.path.unlink(missing_ok=True)


class Spool:
    """Takes bytes piece by piece and makes a Blob of them.

    Up to `in_memory` bytes are kept in memory, more go to a new file in `folder`. More than `largest` bytes
    raise TooLarge, which names `what`. As a context manager it removes its file when anything fails.
    """

    def __init__(self, folder: Path, *, in_memory: int, largest: int, what: str) -> None:
        self._folder = folder
        self._in_memory = in_memory
        self._largest = largest
        self._what = what
        # One run of bytes: pieces of a few bytes each would take many times their size.
        self._held = bytearray()
        self._file: BinaryIO | None = None
        self._path: Path | None = None
        self.size = 0

    def write(self, piece: bytes) -> None:
        self.size += len(piece)
        if self.size > self._largest:
            raise TooLarge(f"{self._what} is larger than {self._largest} bytes")
        if self._file is None and self.size > self._in_memory:
            self._open()
        if self._file is not None:
            self._file.write(piece)
        else:
            self._held += piece

    def close(self) -> Blob:
        """What was written; nothing more can be."""
        if self._file is not None:
            self._file.close()
            return Blob(self.size, path=self._path)
        content = bytes(self._held)
        self._held = bytearray()
        return Blob(self.size, content)

    def abandon(self) -> None:
        """Forget everything and remove the file; safe to repeat."""
        self._held = bytearray()
        if self._file is not None:
            self._file.close()
        if self._path is not None:
            self._path.unlink(missing_ok=True)

    def __enter__(self) -> Spool:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self.abandon()

    def _open(self) -> None:
        handle, name = tempfile.mkstemp(prefix="as4-", dir=self._folder)
        self._path = Path(name)
        self._file = os.fdopen(handle, "wb")
        self._file.write(self._held)
        self._held = bytearray()

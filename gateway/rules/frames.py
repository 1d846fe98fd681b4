"""How the engine and its worker process talk: frames of bytes, each with its length in front."""

from __future__ import annotations

import struct
from typing import IO, Final

__all__ = ["LONGEST", "read_frame", "write_frame"]

_LENGTH: Final = struct.Struct(">Q")
LONGEST: Final = 256 * 1024 * 1024


def write_frame(stream: IO[bytes], content: bytes) -> None:
    """One frame, handed to the other process when this returns; OSError when that is gone."""
    stream.write(_LENGTH.pack(len(content)))
    stream.write(content)
    stream.flush()


def read_frame(stream: IO[bytes]) -> bytes | None:
    """The next frame; None when the other process has closed the pipe, in the middle of a frame too."""
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(head)
    if length > LONGEST:
        return None
    content = stream.read(length)
    return content if len(content) == length else None

"""The MIME envelope of an AS4 request, split on raw bytes while it comes in, and joined for sending.

Nothing is normalised: signatures cover bytes. Sizes, part counts and header lengths are bounded while
reading. Sources: RFC 2046 section 5.1, RFC 2045 section 6; WS-Security SwA profile 1.1.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import AsyncIterable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from email.message import Message
from enum import Enum, auto
from pathlib import Path
from typing import Final

from connectors.channels.peppol.as4 import names
from connectors.channels.peppol.as4.blobs import Blob, Spool
from connectors.channels.peppol.as4.problems import MIME_INCONSISTENCY, As4Problem, TooLarge

__all__ = [
    "Limits",
    "MimeReader",
    "Part",
    "SpooledRequest",
    "content_type",
    "head",
    "spool",
    "spool_async",
    "tail",
]

MEBIBYTE: Final = 1024 * 1024
_LONGEST_BOUNDARY: Final = 200
_LONGEST_PREAMBLE: Final = 64 * 1024
_MOST_HEADERS: Final = 50
# A boundary is chosen so that the content does not have it; each that is none costs as much as a whole chunk.
_MOST_FALSE: Final = 1_000
_LINE_END: Final = re.compile(rb"[ \t]{0,100}(\r?\n)")
_BLANKS: Final = b" \t\r\n"


@dataclass(frozen=True, slots=True)
class Limits:
    """What a request may have, in bytes: body as transferred, SOAP part, header block of one part; parts in
    number, the SOAP part and one attachment and one to spare; and how much of all its parts is kept in memory
    while it comes in, what is more going to files."""

    largest_body: int = 1024 * MEBIBYTE
    largest_envelope: int = MEBIBYTE
    largest_header: int = 16 * 1024
    most_parts: int = 3
    in_memory: int = 64 * 1024


@dataclass(frozen=True, slots=True)
class Part:
    """One attachment, its transfer encoding undone. Header names are in lower case."""

    headers: Mapping[str, str]
    content: Blob

    @property
    def href(self) -> str:
        """`cid:` and the Content-ID, as PartInfo names it; "" where the part has none."""
        content_id = self.headers.get("content-id", "").strip().removeprefix("<").removesuffix(">")
        return f"cid:{content_id}" if content_id else ""

    @property
    def media_type(self) -> str:
        return self.headers.get("content-type", "").split(";")[0].strip().lower()


@dataclass(frozen=True, slots=True)
class SpooledRequest:
    """A whole request, ready to be looked at: the SOAP part in memory, attachments in memory or in files.

    Close it (or use it with `with`) to remove the files. `size` is in bytes as transferred.
    """

    envelope: bytes = field(repr=False)
    attachments: tuple[Part, ...]
    size: int

    def close(self) -> None:
        for part in self.attachments:
            part.content.discard()

    def __enter__(self) -> SpooledRequest:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def spool(content_type: str, chunks: Iterable[bytes], folder: Path, limits: Limits) -> SpooledRequest:
    """Read a request body piece by piece; large attachments go to files in `folder`.

    Raises TooLarge, or As4Problem EBMS:0007 for what is no AS4 request; then nothing is left behind.
    """
    reader = MimeReader(content_type, folder, limits)
    with reader:
        for chunk in chunks:
            reader.feed(chunk)
        return reader.finish()


async def spool_async(
    content_type: str, chunks: AsyncIterable[bytes], folder: Path, limits: Limits
) -> SpooledRequest:
    """The same for a server that awaits its body. Writing blocks for the moment that the disk takes."""
    reader = MimeReader(content_type, folder, limits)
    with reader:
        async for chunk in chunks:
            reader.feed(chunk)
        return reader.finish()


class _At(Enum):
    PREAMBLE = auto()
    HEADERS = auto()
    CONTENT = auto()
    END = auto()
    SINGLE = auto()


class MimeReader:
    """Takes a request body in pieces of any size. Either multipart/related, or the SOAP part alone."""

    def __init__(self, content_type: str, folder: Path, limits: Limits) -> None:
        self._folder = folder
        self._limits = limits
        self._buffer = bytearray()
        self._size = 0
        self._preamble = 0
        self._headers: list[bytes] = []
        self._header_size = 0
        self._false = 0
        self._finished: list[Part] = []
        self._sink = self._new_sink({})
        media_type, boundary = _read_content_type(content_type)
        if media_type == names.SOAP_TYPE:
            self._dashes = self._delimiter = b""
            self._at = _At.SINGLE
        else:
            self._dashes = b"--" + boundary
            self._delimiter = b""
            self._at = _At.PREAMBLE

    def __enter__(self) -> MimeReader:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self.abandon()

    def feed(self, chunk: bytes) -> None:
        """Take the next piece. Raises TooLarge or As4Problem EBMS:0007."""
        self._size += len(chunk)
        if self._size > self._limits.largest_body:
            raise TooLarge(f"the request is larger than {self._limits.largest_body} bytes")
        if self._at is _At.END:
            return
        if self._at is _At.SINGLE:
            self._sink.write(chunk)
            return
        self._buffer += chunk
        while self._step():
            pass

    def finish(self) -> SpooledRequest:
        """The request, when all of it was fed. Raises As4Problem EBMS:0007 where the end is missing."""
        if self._at is _At.SINGLE:
            self._end_part()
        elif self._at is not _At.END:
            raise _broken("the request breaks off before its last boundary")
        if not self._finished:
            raise _broken("the request has no parts")
        envelope, *attachments = self._finished
        if envelope.media_type not in ("", names.SOAP_TYPE):
            raise _broken("the first part is not application/soap+xml")
        hrefs = [part.href for part in attachments]
        if "" in hrefs or len(set(hrefs)) != len(hrefs):
            raise _broken("an attachment has no Content-ID of its own")
        soap = envelope.content.read()
        envelope.content.discard()
        return SpooledRequest(soap, tuple(attachments), self._size)

    def abandon(self) -> None:
        """Remove what was written; safe to repeat."""
        self._sink.abandon()
        for part in self._finished:
            part.content.discard()

    def _step(self) -> bool:
        """Go on as far as the buffer allows; False when more bytes are needed."""
        if self._at is _At.PREAMBLE:
            return self._skip_preamble()
        if self._at is _At.HEADERS:
            return self._read_header_line()
        if self._at is _At.CONTENT:
            return self._read_content()
        self._buffer.clear()
        return False

    def _skip_preamble(self) -> bool:
        found = self._buffer.find(self._dashes)
        if found < 0:
            # One byte more than could be the start of it, to see whether it stands at the start of a line.
            self._drop_preamble(max(0, len(self._buffer) - len(self._dashes)))
            return False
        at_line_start = (self._preamble == 0 and found == 0) or self._buffer[found - 1 : found] == b"\n"
        line_end = _LINE_END.match(self._buffer, found + len(self._dashes))
        if at_line_start and line_end is None and len(self._buffer) - found < len(self._dashes) + 102:
            return False
        if not at_line_start or line_end is None:
            self._drop_preamble(found + 1)
            return True
        self._delimiter = line_end.group(1) + self._dashes
        del self._buffer[: line_end.end()]
        self._at = _At.HEADERS
        return True

    def _drop_preamble(self, count: int) -> None:
        del self._buffer[:count]
        self._preamble += count
        if self._preamble > _LONGEST_PREAMBLE:
            raise _broken("the request does not come to its first boundary")

    def _read_header_line(self) -> bool:
        end = self._buffer.find(b"\n")
        if end < 0:
            self._count_header(0)
            return False
        line = bytes(self._buffer[:end]).removesuffix(b"\r")
        self._count_header(end + 1)
        del self._buffer[: end + 1]
        if line:
            self._headers.append(line)
            return True
        if len(self._finished) >= self._limits.most_parts:
            raise TooLarge(f"the request has more than {self._limits.most_parts} parts")
        self._sink = self._new_sink(_read_headers(self._headers))
        self._headers, self._header_size = [], 0
        # The line end belongs to the boundary that may follow at once, when a part is empty.
        self._buffer[:0] = self._delimiter.partition(b"-")[0]
        self._sink.skip = len(self._delimiter) - len(self._dashes)
        self._at = _At.CONTENT
        return True

    def _count_header(self, size: int) -> None:
        self._header_size += size
        if max(self._header_size, len(self._buffer) if not size else 0) > self._limits.largest_header:
            raise TooLarge(f"the header of a part is larger than {self._limits.largest_header} bytes")

    def _read_content(self) -> bool:
        found = self._buffer.find(self._delimiter)
        if found < 0:
            ready = len(self._buffer) - len(self._delimiter) + 1
            if ready > 0:
                self._sink.write(bytes(self._buffer[:ready]))
                del self._buffer[:ready]
            return False
        after = found + len(self._delimiter)
        closing = self._buffer[after : after + 2] == b"--"
        line_end = None if closing else _LINE_END.match(self._buffer, after)
        if not closing and line_end is None:
            if len(self._buffer) - after < 102 and not self._buffer[after:].strip(b" \t\r-"):
                return False
            self._false += 1
            if self._false > _MOST_FALSE:
                raise _broken("the content has its own boundary in it too often")
            self._sink.write(bytes(self._buffer[: found + 1]))
            del self._buffer[: found + 1]
            return True
        self._sink.write(bytes(self._buffer[:found]))
        self._end_part()
        del self._buffer[: after if line_end is None else line_end.end()]
        self._at = _At.END if closing else _At.HEADERS
        return True

    def _new_sink(self, headers: Mapping[str, str]) -> _Sink:
        first = not self._finished
        largest = self._limits.largest_envelope if first else self._limits.largest_body
        held = sum(part.content.size for part in self._finished if part.content.path is None)
        return _Sink(
            headers,
            Spool(
                self._folder,
                in_memory=max(0, self._limits.in_memory - held),
                largest=largest,
                what="the SOAP part" if first else "an attachment",
            ),
        )

    def _end_part(self) -> None:
        self._finished.append(Part(self._sink.headers, self._sink.close()))


class _Sink:
    """Undoes the transfer encoding of one part; `skip` bytes at the start are not of the part."""

    def __init__(self, headers: Mapping[str, str], target: Spool) -> None:
        self.headers = headers
        self.skip = 0
        self._spool = target
        self._rest = b""
        self._padded = False
        encoding = headers.get("content-transfer-encoding", "binary").strip().lower()
        if encoding not in ("binary", "8bit", "7bit", "base64"):
            raise _broken("a part has a transfer encoding that is not in use for AS4")
        self._base64 = encoding == "base64"

    def write(self, data: bytes) -> None:
        if self.skip:
            data, self.skip = data[self.skip :], max(0, self.skip - len(data))
        if not self._base64:
            self._spool.write(data)
            return
        data = self._rest + data.translate(None, _BLANKS)
        whole = len(data) - len(data) % 4
        self._rest = data[whole:]
        self._decode(data[:whole])

    def close(self) -> Blob:
        if self._rest:
            raise _broken("a part is not complete base64")
        return self._spool.close()

    def abandon(self) -> None:
        self._spool.abandon()

    def _decode(self, data: bytes) -> None:
        if not data:
            return
        if self._padded:
            raise _broken("a part has something behind the end of its base64")
        try:
            self._spool.write(binascii.a2b_base64(data, strict_mode=True))
        except binascii.Error as error:
            raise _broken("a part is not base64") from error
        self._padded = data.endswith(b"=")


def content_type(boundary: str) -> str:
    """The Content-Type of a request; strict receivers want the parameter `type`."""
    return f'multipart/related; boundary="{boundary}"; type="{names.SOAP_TYPE}"'


def head(boundary: str, envelope: bytes, content_id: str) -> bytes:
    """All that stands before the bytes of the one attachment."""
    return (
        f"--{boundary}\r\nContent-Type: {names.SOAP_TYPE};charset=UTF-8\r\n"
        "Content-Transfer-Encoding: binary\r\n\r\n"
    ).encode("ascii") + (
        envelope
        + (
            f"\r\n--{boundary}\r\nContent-Type: application/octet-stream\r\n"
            f"Content-Transfer-Encoding: binary\r\nContent-ID: <{content_id}>\r\n\r\n"
        ).encode("ascii")
    )


def tail(boundary: str) -> bytes:
    """All that stands behind it."""
    return f"\r\n--{boundary}--\r\n".encode("ascii")


def _read_content_type(value: str) -> tuple[str, bytes]:
    message = Message()
    message["Content-Type"] = " ".join(value.split())
    media_type = message.get_content_type()
    if media_type == names.SOAP_TYPE:
        return media_type, b""
    boundary = message.get_param("boundary")
    if media_type != "multipart/related" or not isinstance(boundary, str) or not boundary:
        raise _broken("the request is not multipart/related with a boundary")
    if len(boundary) > _LONGEST_BOUNDARY or not boundary.isascii() or not boundary.isprintable():
        raise _broken("the boundary is not one")
    return media_type, boundary.encode("ascii")


def _read_headers(lines: list[bytes]) -> Mapping[str, str]:
    headers: dict[str, str] = {}
    for line in _unfolded(lines):
        name, colon, value = line.partition(":")
        name = name.strip().lower()
        if not colon or not name:
            raise _broken("a part has a header line without a name")
        if name in headers and name.startswith("content-"):
            raise _broken("a part has a header twice")
        headers[name] = value.strip()
        if len(headers) > _MOST_HEADERS:
            raise TooLarge(f"a part has more than {_MOST_HEADERS} headers")
    return headers


def _unfolded(lines: list[bytes]) -> Iterator[str]:
    current = ""
    for raw in lines:
        line = raw.decode("latin-1")
        if line[0] in " \t" and current:
            current += " " + line.strip()
            continue
        if current:
            yield current
        current = line
    if current:
        yield current


def _broken(what: str) -> As4Problem:
    return As4Problem(MIME_INCONSISTENCY, what, status=400)

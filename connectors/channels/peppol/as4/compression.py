"""Gzip of payloads, out and in; unpacking is bounded, for a small part can claim to be a large one.

Source: OASIS AS4 profile 1.0, section 3.1.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable
from typing import Final

from connectors.channels.peppol.as4.blobs import Blob, Spool
from connectors.channels.peppol.as4.problems import DECOMPRESSION_FAILURE, As4Problem

__all__ = ["pack", "unpack"]

_GZIP: Final = 31
_STEP: Final = 1024 * 1024
# Below this size a ratio says nothing: short repetitive documents pack very well.
_FREE: Final = 16 * 1024 * 1024


def pack(plain: Iterable[bytes], into: Spool, *, level: int = 6) -> tuple[Blob, bytes]:
    """The gzip bytes, without a time in them, and their SHA-256: the same input gives the same bytes."""
    squeezer = zlib.compressobj(level, zlib.DEFLATED, _GZIP)
    digest = hashlib.sha256()
    with into:
        for piece in plain:
            if packed := squeezer.compress(piece):
                digest.update(packed)
                into.write(packed)
        packed = squeezer.flush()
        digest.update(packed)
        into.write(packed)
        return into.close(), digest.digest()


def unpack(packed: Blob, into: Spool, *, most_ratio: int) -> tuple[Blob, bytes]:
    """The unpacked bytes and their SHA-256.

    `into` bounds the size (TooLarge); more than `most_ratio` times the packed size is refused above 16 MiB.
    Raises As4Problem EBMS:0303 for what is no gzip, damaged, cut off, followed by anything, or a bomb.
    """
    most = max(_FREE, packed.size * most_ratio)
    digest = hashlib.sha256()
    opener = zlib.decompressobj(_GZIP)
    with into:
        for piece in packed.chunks():
            rest = piece
            while rest and not opener.eof:
                plain = _step(opener, rest)
                digest.update(plain)
                into.write(plain)
                if into.size > most:
                    raise _failure(f"the payload unpacks to more than {most_ratio} times its size")
                rest = opener.unconsumed_tail
            if opener.eof and (opener.unused_data or rest):
                raise _failure("something follows the packed payload")
        while not opener.eof:
            plain = _step(opener, opener.unconsumed_tail)
            if not plain:
                raise _failure("the packed payload is cut off")
            digest.update(plain)
            into.write(plain)
        return into.close(), digest.digest()


def _step(opener: zlib._Decompress, piece: bytes) -> bytes:
    try:
        return opener.decompress(piece, _STEP)
    except zlib.error as error:
        raise _failure("the packed payload is damaged or no gzip") from error


def _failure(what: str) -> As4Problem:
    return As4Problem(DECOMPRESSION_FAILURE, what)

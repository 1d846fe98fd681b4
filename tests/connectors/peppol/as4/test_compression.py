"""Packing and unpacking, with those in mind who send a small part that claims to be a large one."""

from __future__ import annotations

import gzip
import zlib
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.channels.peppol.as4 import As4Problem, Blob, TooLarge
from connectors.channels.peppol.as4.blobs import Spool
from connectors.channels.peppol.as4.compression import pack, unpack
from connectors.channels.peppol.as4.signing import digest_of

MEBIBYTE = 1024 * 1024


def space(folder: Path, largest: int = 1024 * MEBIBYTE) -> Spool:
    return Spool(folder, in_memory=MEBIBYTE, largest=largest, what="the payload")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pieces=st.lists(st.binary(max_size=500), max_size=5))
def test_unpacking_gives_what_was_packed(tmp_path: Path, pieces: list[bytes]) -> None:
    packed, digest = pack(pieces, space(tmp_path))
    plain, plain_digest = unpack(packed, space(tmp_path), most_ratio=400)
    assert plain.read() == b"".join(pieces) == gzip.decompress(packed.read())
    assert (digest, plain_digest) == (digest_of(packed.read()), digest_of(plain.read()))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(junk=st.binary(max_size=200))
def test_any_bytes_are_unpacked_or_refused(tmp_path: Path, junk: bytes) -> None:
    for content in (
        junk,
        gzip.compress(junk, mtime=0)[: len(junk)],
        gzip.compress(b"x" * 500, mtime=0) + junk[:5],
    ):
        with suppress(As4Problem):
            plain, _ = unpack(Blob.of(content), space(tmp_path), most_ratio=400)
            assert gzip.decompress(content) == plain.read()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not gzip",
        zlib.compress(b"another format"),
        gzip.compress(b"cut off" * 100, mtime=0)[:-4],
        gzip.compress(b"wrong sum", mtime=0)[:-8] + b"12345678",
        gzip.compress(b"one", mtime=0) + b"more",
        gzip.compress(b"one", mtime=0) + gzip.compress(b"two", mtime=0),
    ],
)
def test_what_is_no_whole_gzip_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(As4Problem) as caught:
        unpack(Blob.of(content), space(tmp_path), most_ratio=400)
    assert caught.value.error.code == "EBMS:0303"


def test_a_bomb_is_stopped_at_its_ratio(tmp_path: Path) -> None:
    packed, _ = pack([b"\0" * MEBIBYTE] * 40, space(tmp_path))
    with pytest.raises(As4Problem, match="more than 400 times"):
        unpack(packed, space(tmp_path), most_ratio=400)
    assert not list(tmp_path.iterdir())


def test_a_payload_is_bounded_whatever_its_ratio(tmp_path: Path) -> None:
    packed, _ = pack([b"\0" * MEBIBYTE] * 4, space(tmp_path))
    with pytest.raises(TooLarge):
        unpack(packed, space(tmp_path, 3 * MEBIBYTE), most_ratio=10_000)
    assert not list(tmp_path.iterdir())

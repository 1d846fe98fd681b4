"""Splitting a request: whatever the pieces it comes in, byte for byte, and never more than allowed."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.channels.peppol.as4 import As4Problem, Limits, SpooledRequest, TooLarge, spool, spool_async
from connectors.channels.peppol.as4.mime import content_type, head, tail

TYPE = 'multipart/related; boundary="b"; type="application/soap+xml"'
SOAP = b"Content-Type: application/soap+xml;charset=UTF-8\r\n"


def request(*parts: bytes, end: bytes = b"\r\n", preamble: bytes = b"", epilogue: bytes = b"\r\n") -> bytes:
    """Parts, each with its header block, between boundaries."""
    return preamble + b"".join(b"--b" + end + part + end for part in parts) + b"--b--" + epilogue


def part(content: bytes, *, name: str = "x@y", encoding: str = "binary", extra: str = "") -> bytes:
    head = f"Content-ID: <{name}>\r\nContent-Transfer-Encoding: {encoding}\r\n{extra}\r\n"
    return head.encode("latin-1") + content


def read(body: bytes, folder: Path, *, size: int = 7, limits: Limits | None = None) -> SpooledRequest:
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    return spool(TYPE, pieces, folder, limits or Limits())


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    attachment=st.binary(max_size=300) | st.text("\r\n-b", max_size=60).map(str.encode),
    size=st.integers(1, 400),
)
def test_parts_come_out_byte_for_byte(tmp_path: Path, attachment: bytes, size: int) -> None:
    """However the network cuts the body, and however much the content looks like a boundary."""
    boundary = "b-0123456789"
    body = head(boundary, b"<a/>", "x@y") + attachment + tail(boundary)
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    found = spool(content_type(boundary), pieces, tmp_path, Limits())
    assert found.envelope == b"<a/>"
    assert [one.content.read() for one in found.attachments] == [attachment]
    assert found.attachments[0].href == "cid:x@y"
    assert found.size == len(body)


def test_outer_headers_repeated_before_the_first_boundary_are_passed_over(tmp_path: Path) -> None:
    preamble = b'Content-Type: multipart/related; boundary="b"\r\nMIME-Version: 1.0\r\n\r\n'
    found = read(request(SOAP + b"\r\n<a/>", part(b"x"), preamble=preamble), tmp_path)
    assert (found.envelope, found.attachments[0].content.read()) == (b"<a/>", b"x")


def test_line_feeds_alone_end_lines_where_the_sender_uses_them(tmp_path: Path) -> None:
    body = request(SOAP + b"\r\n<a/>", part(b"x\ry"), end=b"\n").replace(b"\r\n", b"\n")
    found = read(body, tmp_path)
    assert (found.envelope, found.attachments[0].content.read()) == (b"<a/>", b"x\ry")


def test_blanks_after_a_boundary_and_folded_headers_are_read(tmp_path: Path) -> None:
    body = request(SOAP + b"\r\n<a/>", part(b"x", extra="Content-Type: a/b;\r\n\tname=c\r\n"))
    found = read(body.replace(b"--b\r\n", b"--b \t\r\n"), tmp_path)
    assert found.attachments[0].headers["content-type"] == "a/b; name=c"


def test_a_longer_boundary_inside_a_part_is_content(tmp_path: Path) -> None:
    found = read(request(SOAP + b"\r\n<a/>", part(b"x\r\n--bc\r\ny\r\n--b.")), tmp_path)
    assert found.attachments[0].content.read() == b"x\r\n--bc\r\ny\r\n--b."


def test_empty_parts_are_read(tmp_path: Path) -> None:
    assert read(request(SOAP + b"\r\n<a/>", part(b"")), tmp_path).attachments[0].content.size == 0


@pytest.mark.parametrize("encoding", ["binary", "8bit", "7bit", "Base64"])
@pytest.mark.parametrize("size", [1, 3, 50])
def test_transfer_encodings_are_undone(tmp_path: Path, encoding: str, size: int) -> None:
    plain = b"0123456789" * 20
    sent = base64.encodebytes(plain).replace(b"\n", b"\r\n") if encoding == "Base64" else plain
    found = read(request(SOAP + b"\r\n<a/>", part(sent, encoding=encoding)), tmp_path, size=size)
    assert found.attachments[0].content.read() == plain


def test_large_parts_go_to_files_of_this_user_only(tmp_path: Path) -> None:
    limits = Limits(in_memory=1_000)
    with read(request(SOAP + b"\r\n<a/>", part(b"x" * 5_000)), tmp_path, size=900, limits=limits) as found:
        blob = found.attachments[0].content
        assert blob.path is not None
        assert blob.path.stat().st_mode & 0o077 == 0
        assert blob.read() == b"x" * 5_000
        assert b"".join(blob.chunks(4_990)) == b"x" * 10
    assert not list(tmp_path.iterdir())


def test_a_soap_part_alone_is_a_request(tmp_path: Path) -> None:
    """Messages of the test service come without attachments."""
    found = spool("application/soap+xml; charset=UTF-8", [b"<a", b"/>"], tmp_path, Limits())
    assert (found.envelope, found.attachments) == (b"<a/>", ())


def test_a_server_that_awaits_its_body_gets_the_same(tmp_path: Path) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for byte in request(SOAP + b"\r\n<a/>", part(b"x")):
            yield bytes([byte])

    found = asyncio.run(spool_async(TYPE, pieces(), tmp_path, Limits()))
    assert (found.envelope, found.attachments[0].content.read()) == (b"<a/>", b"x")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"nothing",
        b"--b\r\n" + SOAP + b"\r\n<a/>",
        b"--b\r\n" + SOAP + b"\r\n<a/>\r\n--b\r\n",
        request(),
        request(b"Content-Type: text/html\r\n\r\n<a/>"),
        request(SOAP + b"\r\n<a/>", b"Content-Type: a/b\r\n\r\nno id"),
        request(SOAP + b"\r\n<a/>", part(b"1"), part(b"2")),
        request(SOAP + b"\r\n<a/>", part(b"x", encoding="quoted-printable")),
        request(SOAP + b"\r\n<a/>", part(b"eHg=eHg=", encoding="base64")),
        request(SOAP + b"\r\n<a/>", part(b"eH", encoding="base64")),
        request(SOAP + b"\r\n<a/>", part(b"!!!!", encoding="base64")),
        request(SOAP + b"\r\n<a/>", part(b"x", extra="Content-ID: <z@y>\r\n")),
        request(SOAP + b"\r\n<a/>", b"no colon\r\n\r\nx"),
        b"x" * 70_000 + request(SOAP + b"\r\n<a/>"),
    ],
    ids=lambda body: body[:12].decode() + str(len(body)),
)
def test_what_is_no_request_is_refused(tmp_path: Path, body: bytes) -> None:
    with pytest.raises(As4Problem) as caught:
        read(body, tmp_path, limits=Limits(in_memory=0))
    assert caught.value.error.code == "EBMS:0007"
    assert caught.value.status == 400
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "value",
    [
        "",
        "text/xml",
        "multipart/related",
        'multipart/related; boundary=""',
        f"multipart/related; boundary={'b' * 201}",
    ],
)
def test_a_content_type_without_a_boundary_is_refused(tmp_path: Path, value: str) -> None:
    with pytest.raises(As4Problem, match="boundary"):
        spool(value, [request(SOAP + b"\r\n<a/>")], tmp_path, Limits())


@pytest.mark.parametrize(
    ("body", "limits"),
    [
        (request(SOAP + b"\r\n<a/>", part(b"x" * 2_000)), Limits(largest_body=1_000)),
        (request(SOAP + b"\r\n" + b"x" * 2_000), Limits(largest_envelope=1_000)),
        (
            request(SOAP + b"\r\n<a/>", part(b"x", extra="X: " + "y" * 2_000 + "\r\n")),
            Limits(largest_header=500),
        ),
        (request(SOAP + b"\r\n<a/>", b"X" * 2_000), Limits(largest_header=500)),
        (request(SOAP + b"\r\n<a/>", *(part(b"", name=f"{n}@y") for n in range(9))), Limits(most_parts=5)),
        (
            request(SOAP + b"\r\n<a/>", part(b"x", extra="".join(f"X{n}: y\r\n" for n in range(99)))),
            Limits(),
        ),
    ],
    ids=["body", "envelope", "header", "header without end", "parts", "header lines"],
)
def test_more_than_the_limits_is_answered_413_and_leaves_nothing(
    tmp_path: Path, body: bytes, limits: Limits
) -> None:
    with pytest.raises(TooLarge) as caught:
        read(body, tmp_path, limits=limits)
    assert caught.value.status == 413
    assert not list(tmp_path.iterdir())


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.binary(max_size=300) | st.text("-b\r\n :C", max_size=80).map(str.encode))
def test_any_bytes_are_read_or_refused(tmp_path: Path, body: bytes) -> None:
    with suppress(As4Problem):
        found = read(b"--b\r\n" + body, tmp_path)
        assert found.envelope in body


def test_all_parts_of_a_request_share_one_budget_of_memory(tmp_path: Path) -> None:
    """So that many connections that stay open cost files, not memory."""
    body = request(SOAP + b"\r\n" + b"<" * 40_000, part(b"x" * 40_000), part(b"y" * 20_000, name="z@y"))
    with read(body, tmp_path, size=9_000) as found:
        kept = [one.content for one in found.attachments if one.content.path is None]
        assert sum(one.size for one in kept) + len(found.envelope) <= 64 * 1024
        assert [one.content.read()[:1] for one in found.attachments] == [b"x", b"y"]
    with read(request(SOAP + b"\r\n" + b"<" * 100_000), tmp_path, size=9_000) as found:
        assert found.envelope == b"<" * 100_000
    assert not list(tmp_path.iterdir())


def test_content_full_of_false_boundaries_is_refused(tmp_path: Path) -> None:
    """Each costs as much as a chunk, on the thread that serves everybody."""
    with pytest.raises(As4Problem, match="boundary"):
        read(request(SOAP + b"\r\n<a/>", part(b"\r\n--bX" * 2_000)), tmp_path, size=9_000)
    assert not list(tmp_path.iterdir())

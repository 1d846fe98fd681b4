"""Colours that can be read, and logos that only show."""

from __future__ import annotations

import struct
import zlib

import pytest
from PIL import Image

from formats.errors import ConfigError
from formats.render.appearance import LARGEST_LOGO, Appearance, read_logo

_SVG = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 4 2">'


def logo(media: str) -> bytes:
    """A red picture, twice as wide as high."""
    if media == "image/svg+xml":
        return f'{_SVG}<rect width="4" height="2" fill="red"/></svg>'.encode()
    from io import BytesIO

    written = BytesIO()
    Image.new("RGB", (40, 20), "red").save(written, media.removeprefix("image/"))
    return written.getvalue()


@pytest.mark.parametrize("media", ["image/png", "image/jpeg"])
def test_pictures_are_told_by_their_bytes_and_measured(media: str) -> None:
    found = read_logo(logo(media))
    assert (found.media_type, found.width, found.height) == (media, 40, 20)
    assert f"data:{media};base64," in found.as_svg


def test_an_svg_is_taken_as_it_is() -> None:
    found = read_logo(logo("image/svg+xml"))
    assert found.media_type == "image/svg+xml"
    assert "<rect" in found.as_svg


@pytest.mark.parametrize(
    "inside",
    [
        "<script>alert(1)</script>",
        '<rect onclick="x()"/>',
        '<use href="https://a.example/x.svg"/>',
        '<use xlink:href="file:///etc/passwd"/>',
        '<image href="x.png"/>',
        "<style>@import 'https://a.example/x.css';</style>",
        '<rect fill="url(https://a.example/x)"/>',
        "<foreignObject/>",
        '<a href="#x"/>',
    ],
)
def test_an_svg_that_runs_or_loads_something_is_refused(inside: str) -> None:
    with pytest.raises(ConfigError, match="loads something"):
        read_logo(f"{_SVG}{inside}</svg>".encode())


def test_an_svg_may_point_into_itself() -> None:
    assert read_logo(f'{_SVG}<rect id="a" fill="url(#b)"/><use href="#a"/></svg>'.encode())


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"GIF89a", "no PNG, JPEG or SVG"),
        (b"", "no PNG, JPEG or SVG"),
        (b"<html/>", "no SVG"),
        (b"<!DOCTYPE svg [<!ENTITY a 'b'>]><svg/>", "no PNG, JPEG or SVG"),
        (b"\x89PNG\r\n\x1a\n", "damaged PNG"),
        (b"\xff\xd8\xff\xe0\x00\x10", "damaged JPEG"),
        (bytes(LARGEST_LOGO + 1), "bytes, 524288 are allowed"),
        (
            b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", 60_000, 60_000) + zlib.compress(b""),
            "60000 by 60000 pixels",
        ),
    ],
)
def test_what_is_no_fit_picture_is_refused(content: bytes, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        read_logo(content)


@pytest.mark.parametrize("colour", ["red", "#12345", "#1234567", "#12345g", '#123456"); x', ""])
def test_a_colour_is_six_digits_and_nothing_else(colour: str) -> None:
    with pytest.raises(ConfigError, match="is not a colour"):
        Appearance(colour)


@pytest.mark.parametrize(
    ("colour", "heading", "on_colour"),
    [
        ("#1f5673", "#1f5673", "#ffffff"),
        ("#ffd400", "#1b2a3d", "#1b2a3d"),
        ("#e4002b", "#e4002b", "#ffffff"),
        ("#ffffff", "#1b2a3d", "#1b2a3d"),
    ],
    ids=["deep", "yellow", "red", "white"],
)
def test_letters_can_be_read_in_every_colour(colour: str, heading: str, on_colour: str) -> None:
    look = Appearance(colour)
    assert (look.heading, look.on_colour) == (heading, on_colour)

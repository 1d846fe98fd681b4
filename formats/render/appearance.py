"""How a seller's readable invoices look: its colour and its logo."""

from __future__ import annotations

import base64
import re
import struct
from dataclasses import dataclass
from typing import Final

from lxml import etree

from formats.errors import ConfigError, MalformedDocument
from formats.syntaxes import xml

__all__ = ["LARGEST_LOGO", "PLAIN", "Appearance", "Logo", "read_logo"]

LARGEST_LOGO: Final = 512 * 1024
_LONGEST_SIDE: Final = 4_000
_COLOUR: Final = re.compile(r"#[0-9A-Fa-f]{6}\Z")
_INK: Final = "#1b2a3d"
_WHITE: Final = "#ffffff"
# WCAG 2.2, 1.4.3: what normal and large text need to be read.
_NORMAL_TEXT: Final = 4.5
_LARGE_TEXT: Final = 3.0

_PNG: Final = b"\x89PNG\r\n\x1a\n"
_JPEG: Final = b"\xff\xd8\xff"
_SVG: Final = "{http://www.w3.org/2000/svg}svg"
_LINK: Final = re.compile(r"\{http://www\.w3\.org/1999/xlink\}href\Z|href\Z")
_OUTSIDE: Final = re.compile(r"url\(\s*['\"]?(?!#)|@import", re.IGNORECASE)
_ACTIVE: Final = frozenset({"script", "foreignObject", "iframe", "animate", "set", "image", "a"})
_WHERE: Final = "appearance, logo"


@dataclass(frozen=True, slots=True)
class Logo:
    """A picture that was looked at: its bytes and its media type, image/png, image/jpeg or image/svg+xml.

    `width` and `height` are in pixels; an SVG has none here, it brings its own size.
    """

    content: bytes
    media_type: str
    width: int = 0
    height: int = 0

    @property
    def address(self) -> str:
        """The picture as a data URL."""
        return f"data:{self.media_type};base64,{base64.b64encode(self.content).decode()}"

    @property
    def as_svg(self) -> str:
        """The picture as the text of an SVG, which is how typst takes pictures from data."""
        if self.media_type == "image/svg+xml":
            return etree.tostring(xml.parse(self.content), encoding="unicode")
        size = f'width="{self.width}" height="{self.height}"'
        return f'<svg xmlns="http://www.w3.org/2000/svg" {size}><image {size} href="{self.address}"/></svg>'


@dataclass(frozen=True, slots=True)
class Appearance:
    """`colour` is #rrggbb, for headings, rules and the box of the amount due; `logo` stands in the head in
    place of the seller's name. Raises ConfigError for another spelling of the colour."""

    colour: str = "#1f5673"
    logo: Logo | None = None

    def __post_init__(self) -> None:
        if not _COLOUR.match(self.colour):
            raise ConfigError(
                f"{self.colour[:40]!r} is not a colour",
                where="appearance, colour",
                fix='write it as six hexadecimal digits in quotes, "#1f5673"',
            )

    @property
    def heading(self) -> str:
        """The colour for letters on white: the seller's, or ink where that is too pale to read."""
        return self.colour if _contrast(self.colour, _WHITE) >= _NORMAL_TEXT else _INK

    @property
    def on_colour(self) -> str:
        """White or ink, whichever can be read on the seller's colour."""
        return _WHITE if _contrast(self.colour, _WHITE) >= _LARGE_TEXT else _INK


PLAIN: Final = Appearance()


def read_logo(content: bytes) -> Logo:
    """A PNG, JPEG or SVG picture of at most 512 kB and 4,000 by 4,000 pixels, told by its bytes.

    An SVG must not run or load anything. Raises ConfigError.
    """
    if len(content) > LARGEST_LOGO:
        raise _unfit(f"the logo has {len(content)} bytes, {LARGEST_LOGO} are allowed", "save it smaller")
    if content.startswith(_PNG):
        return _bounded(Logo(content, "image/png", *_png_size(content)))
    if content.startswith(_JPEG):
        return _bounded(Logo(content, "image/jpeg", *_jpeg_size(content)))
    try:
        root = xml.parse(content, largest=LARGEST_LOGO)
    except MalformedDocument as error:
        raise _unfit("the logo is no PNG, JPEG or SVG picture", "save it as one of them") from error
    if root.tag != _SVG:
        raise _unfit("the logo is XML, but no SVG picture", "save it as PNG, JPEG or SVG")
    _require_harmless(root)
    return Logo(content, "image/svg+xml")


def _png_size(content: bytes) -> tuple[int, int]:
    if content[12:16] != b"IHDR" or len(content) < 24:
        raise _unfit("the logo is a damaged PNG", "save it again")
    width, height = struct.unpack(">II", content[16:24])
    return width, height


def _jpeg_size(content: bytes) -> tuple[int, int]:
    """From the frame header, ITU-T T.81 section B.2.2; the segments before it are skipped by their length."""
    at = 2
    while at + 9 < len(content) and content[at] == 0xFF:
        marker, length = content[at + 1], int.from_bytes(content[at + 2 : at + 4], "big")
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack(">HH", content[at + 5 : at + 9])
            return width, height
        at += 2 + max(length, 2)
    raise _unfit("the logo is a damaged JPEG", "save it again")


def _bounded(logo: Logo) -> Logo:
    if not (0 < logo.width <= _LONGEST_SIDE and 0 < logo.height <= _LONGEST_SIDE):
        raise _unfit(
            f"the logo has {logo.width} by {logo.height} pixels, {_LONGEST_SIDE} each way are allowed",
            "save it smaller; 600 pixels are sharp in print",
        )
    return logo


def _require_harmless(root: etree._Element) -> None:
    for element in root.iter(etree.Element):
        name = etree.QName(element).localname
        values = [*map(str, element.attrib.values()), element.text or ""]
        handlers = any(str(key).lower().startswith("on") for key in element.attrib)
        links = (str(value) for key, value in element.attrib.items() if _LINK.match(str(key)))
        if name in _ACTIVE or handlers or any(not link.startswith("#") for link in links):
            raise _unfit(
                f"the logo has a {name} element that runs or loads something", "save it as plain SVG"
            )
        if any(_OUTSIDE.search(value) for value in values):
            raise _unfit(f"the {name} element of the logo loads something", "save it as plain SVG")


def _unfit(what: str, fix: str) -> ConfigError:
    return ConfigError(what, where=_WHERE, fix=fix)


def _contrast(one: str, other: str) -> float:
    """The contrast ratio of WCAG 2.2, from 1 to 21."""
    dark, bright = sorted((_luminance(one), _luminance(other)))
    return (bright + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    parts = (int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5))
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue

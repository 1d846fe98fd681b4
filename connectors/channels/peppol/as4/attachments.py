"""What exactly is signed of an attachment: its bytes, or what its media type makes of them.

The SwA transform hashes XML as exclusive canonical XML and other text with CRLF line ends; everything else,
and so everything packed, byte for byte. Senders differ in what they do with parts that are not packed, so
the bytes are tried first. Where only the other form has the signed digest, that form is what is handed on:
nothing is given out that the signature does not cover. Source: WSS 1.1.1 SwA profile, section 5.4.
"""

from __future__ import annotations

import hmac
import re
from typing import Final

from lxml import etree

from connectors.channels.peppol.as4.blobs import Blob
from connectors.channels.peppol.as4.signing import digest_of
from formats.errors import MalformedDocument
from formats.syntaxes.xml import parse

__all__ = ["Attachment"]

_XML: Final = re.compile(r"(text|application)/xml|[^/]+/[^/]+\+xml")
_LINE_END: Final = re.compile(rb"\r\n?|\n")
# Larger ones come packed; the canonical form takes many times its size in memory.
_LARGEST: Final = 20 * 1024 * 1024


class Attachment:
    """An opened attachment; `blob` is what the verified digest covers, once `matches` said so."""

    def __init__(self, href: str, media_type: str, blob: Blob, digest: bytes) -> None:
        self.href = href
        self.blob = blob
        self._media_type = media_type.split(";")[0].strip().lower()
        self._digest = digest

    def matches(self, digest: bytes) -> bool:
        """Whether this is the SHA-256 that was signed."""
        if hmac.compare_digest(self._digest, digest):
            return True
        other = self._other_form()
        if other is None or not hmac.compare_digest(digest_of(other), digest):
            return False
        self.blob.discard()
        self.blob, self._digest = Blob.of(other), digest
        return True

    def _other_form(self) -> bytes | None:
        if self.blob.size > _LARGEST:
            return None
        if _XML.fullmatch(self._media_type):
            return _canonical(self.blob.read())
        if self._media_type.startswith("text/"):
            return _LINE_END.sub(b"\r\n", self.blob.read())
        return None


def _canonical(content: bytes) -> bytes | None:
    try:
        tree = parse(content, largest=_LARGEST, as_written=True).getroottree()
        return etree.tostring(tree, method="c14n", exclusive=True, with_comments=False)
    except (MalformedDocument, etree.C14NError):  # a relative name space has no canonical form
        return None

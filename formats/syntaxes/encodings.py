"""In which encoding a document is, and in which it says it is: XML 1.0 (fifth edition), 4.3.3 and appendix F.

A document whose first bytes are of one encoding and whose declaration names another is in error. libxml2
takes it by its first bytes, other parsers refuse it or read other letters, so the receiver would see another
document than the sender.
"""

from __future__ import annotations

import re
from typing import Final

from formats.errors import MalformedDocument

__all__ = ["contradiction"]

_DECLARED: Final = re.compile(r"""\A<\?xml\s[^>]*?\sencoding\s*=\s*["']\s*([A-Za-z][A-Za-z0-9._-]*)\s*["']""")
_HEAD: Final = 800
# First bytes -> how they are read, and the names that a declaration may give them, without case and hyphens.
_UTF_8: Final = frozenset(("utf8",))
_UTF_16: Final = frozenset(("utf16", "utf16le", "utf16be", "ucs2", "iso10646ucs2"))
_UTF_32: Final = frozenset(("utf32", "utf32le", "utf32be", "ucs4", "iso10646ucs4"))
_WIDE: Final = _UTF_16 | _UTF_32
_STARTS: Final = (
    (b"\xef\xbb\xbf", "utf-8-sig", "UTF-8", _UTF_8),
    (b"\xff\xfe\x00\x00", "utf-32", "UTF-32", _UTF_32),
    (b"\x00\x00\xfe\xff", "utf-32", "UTF-32", _UTF_32),
    (b"<\x00\x00\x00", "utf-32-le", "UTF-32", _UTF_32),
    (b"\x00\x00\x00<", "utf-32-be", "UTF-32", _UTF_32),
    (b"\xff\xfe", "utf-16", "UTF-16", _UTF_16),
    (b"\xfe\xff", "utf-16", "UTF-16", _UTF_16),
    (b"<\x00", "utf-16-le", "UTF-16", _UTF_16),
    (b"\x00<", "utf-16-be", "UTF-16", _UTF_16),
)


def contradiction(content: bytes) -> MalformedDocument | None:
    """Why the first bytes and the declaration of a document do not go together; None where they do."""
    for start, codec, name, fitting in _STARTS:
        if content.startswith(start):
            declared = _declared(content[:_HEAD].decode(codec, "ignore"))
            return None if not declared or _plain(declared) in fitting else _error(name, declared)
    declared = _declared(content[:_HEAD].decode("latin-1")) if content.startswith(b"<?xml") else ""
    if _plain(declared) not in _WIDE:
        return None
    return _error("UTF-8 or another encoding of single bytes", declared)


def _declared(head: str) -> str:
    found = _DECLARED.match(head)
    return found[1][:40] if found else ""


def _plain(name: str) -> str:
    return name.lower().replace("-", "").replace("_", "")


def _error(found: str, declared: str) -> MalformedDocument:
    return MalformedDocument(
        f"the document is written in {found}, but its first line says {declared}; "
        "receivers would read it differently",
        where="XML document, line 1",
        fix="save it in the encoding that its first line names, best in UTF-8 without a byte order mark",
    )

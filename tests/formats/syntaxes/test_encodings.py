"""A document that names another encoding than its own is refused, as XML demands and receivers do."""

from __future__ import annotations

import pytest

from formats.errors import MalformedDocument
from formats.syntaxes import xml

BODY = "<name>Stra\u00dfe</name>"


def _written(declared: str, codec: str, start: bytes = b"") -> bytes:
    head = f"<?xml version='1.0' encoding='{declared}' ?>" if declared else ""
    return start + (head + BODY).encode(codec)


@pytest.mark.parametrize(
    ("content", "really", "named"),
    [
        (_written("UTF-8", "utf-16"), "UTF-16", "UTF-8"),
        (_written("utf8", "utf-16-be", b"\xfe\xff"), "UTF-16", "utf8"),
        (_written("UTF-8", "utf-16-le"), "UTF-16", "UTF-8"),
        (_written("ISO-8859-1", "utf-16-be"), "UTF-16", "ISO-8859-1"),
        (_written("UTF-8", "utf-32"), "UTF-32", "UTF-8"),
        (_written("UTF-16", "utf-32"), "UTF-32", "UTF-16"),
        (_written("UTF-16", "utf-8", b"\xef\xbb\xbf"), "UTF-8", "UTF-16"),
        (_written("ISO-8859-1", "utf-8", b"\xef\xbb\xbf"), "UTF-8", "ISO-8859-1"),
        (_written("UTF-16", "utf-8"), "single bytes", "UTF-16"),
    ],
)
def test_a_contradiction_is_refused_in_plain_words(content: bytes, really: str, named: str) -> None:
    """Both encodings are named, so that IT knows which to mend."""
    with pytest.raises(MalformedDocument) as caught:
        xml.parse(content)
    assert really in caught.value.what
    assert f"its first line says {named}" in caught.value.what


@pytest.mark.parametrize(
    "content",
    [
        _written("UTF-8", "utf-8"),
        _written("", "utf-8"),
        _written("utf-8", "utf-8", b"\xef\xbb\xbf"),
        _written("UTF8", "utf-8", b"\xef\xbb\xbf"),
        _written("", "utf-8", b"\xef\xbb\xbf"),
        _written("ISO-8859-1", "latin-1"),
        _written("windows-1252", "cp1252"),
        _written("UTF-16", "utf-16"),
        _written("utf-16", "utf-16-be", b"\xfe\xff"),
        _written("UTF-16LE", "utf-16-le"),
        _written("", "utf-16"),
    ],
)
def test_what_agrees_with_itself_is_read(content: bytes) -> None:
    """With and without a byte order mark, with and without a declaration."""
    assert xml.parse(content).text == "Stra\u00dfe"


def test_a_declaration_inside_a_document_is_no_declaration() -> None:
    """Only the first line counts."""
    text = "<name>&lt;?xml version='1.0' encoding='UTF-16'?></name>"
    assert xml.parse(text.encode()).tag == "name"

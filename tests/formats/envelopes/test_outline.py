"""Skimming says what walking says: of whatever document, and wherever the pieces of it break."""

from __future__ import annotations

from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from formats.envelopes import outline as module
from formats.envelopes.outline import Outline, outline
from formats.errors import MalformedDocument

LARGEST = 1_000_000
# What looks like the end of the document, and is not.
ASIDES = [
    "<!-- </d></r> -->",
    "<![CDATA[</d></r>]]>",
    "<?p </d></r>?>",
    "<d/>",
    "<d a='</r>/'/>".replace("</r>", "&lt;/r>"),
    "<d>]]&gt;</d>",
    '<d b="/>" />',
    "<de/>",
    "<d-e></d-e>",
    "<d.e f='/'>x</d.e>",
    "<o:d xmlns:o='urn:o'>o:d</o:d>",
    "<p:x/>",
    "-p:y",
    "text",
    " ",
]
inner = st.lists(st.sampled_from(ASIDES), max_size=6).map("".join)
documents = st.builds(
    "{}<r xmlns:p='urn:p'{}>{}<h>{}</h>{}<{}{}>{}</{}{}>{}</r{}>{}".format,
    st.sampled_from(["", "<?xml version='1.0'?>", "<!-- <r> -->", "\ufeff", "<!DOCTYPE r>"]),
    st.sampled_from(["", " xmlns='urn:r'", " q='>'"]),
    st.sampled_from(["", "\n", "text"]),
    inner,
    st.sampled_from(["", "\n  ", "<!-- <d> -->", "<?d?>"]),
    st.shared(st.sampled_from(["d", "p:d", "é"]), key="name"),
    st.sampled_from(["", " xmlns='urn:d'", " xmlns:p='urn:other'", "\n a='/>'"]),
    inner,
    st.shared(st.sampled_from(["d", "p:d", "é"]), key="name"),
    st.sampled_from(["", "\n"]),
    st.sampled_from(["", "\n", "<d/>", "<!-- x -->", "text", "</r><r>"]),
    st.sampled_from(["", " ", "\n"]),
    st.sampled_from(["", "\n", "<!-- </r> -->", "<?r </r>?>", "junk"]),
)


def walked(content: bytes, children: bool) -> Outline | None:
    try:
        return module._walked(BytesIO(content), children, LARGEST)
    except MalformedDocument:
        return None


def skimmed(content: bytes, children: bool) -> Outline | None:
    return module._skimmed(BytesIO(content), children, LARGEST)


@pytest.mark.parametrize("children", [True, False])
@pytest.mark.parametrize("size", [65_536, 7])
@given(text=documents)
def test_what_is_skimmed_is_what_is_there(children: bool, size: int, text: str) -> None:
    content = text.encode()
    before, module._CHUNK = module._CHUNK, size  # type: ignore[misc]  # so that pieces break everywhere
    try:
        found = skimmed(content, children)
        assert found is None or found == walked(content, children)
    finally:
        module._CHUNK = before  # type: ignore[misc]


@pytest.mark.parametrize("text", ["<r><h/><d>{}</d></r>", "<r xmlns='urn:r'><h/>\n<d a='1'>{}</d>\n</r>\n"])
@pytest.mark.parametrize("aside", ASIDES)
def test_ordinary_documents_are_skimmed(text: str, aside: str) -> None:
    """Else all of this would be for nothing."""
    content = text.format(aside).replace("<r", "<r xmlns:p='urn:p'", 1).encode()
    for children in (True, False):
        assert skimmed(content, children) == walked(content, children) is not None


@pytest.mark.parametrize(
    "content",
    [
        b"<r><h/><d></r>",
        b"<!DOCTYPE r><r><h/><d/></r>",
        b"<a>" * 300 + b"</a>" * 300,
        b"<r><h/><d>&x;</d></r>",
        "<r><h/><d/></r>".encode("utf-16"),
        b"",
    ],
    ids=["broken", "declaration", "deep", "entity", "UTF-16", "empty"],
)
def test_what_is_refused_is_refused_with_its_reason(content: bytes) -> None:
    assert skimmed(content, True) is None
    with pytest.raises(MalformedDocument) as refused:
        outline(BytesIO(content), children=True, largest=LARGEST)
    assert refused.value.fix

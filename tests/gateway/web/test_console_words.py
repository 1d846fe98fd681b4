"""The texts of the pages in four languages: none is missing, none is left over, all say the same things."""

from __future__ import annotations

import io
import re
from functools import cache
from importlib import resources

import pytest
from babel.messages import Message
from babel.messages.extract import extract_python
from babel.messages.pofile import read_po
from jinja2.ext import babel_extract

from gateway.web.console import shell
from gateway.web.languages import LANGUAGES, words

_OTHERS = sorted(set(LANGUAGES) - {"en"})
_PLACEHOLDER = re.compile(r"%(?:\([a-z]+\)[sd]|%)")
_WEB = resources.files("gateway.web")


@cache
def used() -> frozenset[tuple[str, ...]]:
    """Every text that a template or a page asks for: alone, or with its plural."""
    found = set()
    options = {"trim_blocks": "true", "lstrip_blocks": "true"}
    for folder in (_WEB / "templates", _WEB / "templates" / "console", _WEB / "templates" / "portal"):
        for file in folder.iterdir():
            if file.name.endswith(".html"):
                template = io.BytesIO(file.read_bytes())
                calls = babel_extract(template, ("_", "gettext", "ngettext"), (), options)
                found |= {_text(message) for _, _, message, _ in calls}
    source = io.BytesIO((_WEB / "pages.py").read_bytes())
    found |= {_text(message) for _, _, message, _ in extract_python(source, {"ngettext": None}, (), {})}
    return frozenset(found)


def _text(message: object) -> tuple[str, ...]:
    return (message,) if isinstance(message, str) else tuple(part for part in message if part)  # type: ignore[attr-defined]


@cache
def catalogue(language: str) -> dict[tuple[str, ...], Message]:
    with (_WEB / "locale" / f"{language}.po").open("rb") as file:
        return {_text(message.id): message for message in read_po(file, locale=language) if message.id}


def test_the_templates_have_texts() -> None:
    assert len(used()) > 300
    assert ("Work list",) in used()


@pytest.mark.parametrize("language", _OTHERS)
def test_no_text_is_missing_and_none_is_left_over(language: str) -> None:
    assert set(catalogue(language)) == used()


@pytest.mark.parametrize("language", _OTHERS)
def test_each_text_is_there_and_holds_the_same_places(language: str) -> None:
    for key, message in catalogue(language).items():
        given = _text(message.string)
        assert len(given) == len(key), key
        assert not message.fuzzy, key
        wanted = sorted(_PLACEHOLDER.findall(key[-1]))
        for place, text in enumerate(given):
            assert text.strip(), key
            places = sorted(_PLACEHOLDER.findall(text))
            # "One invoice" needs no number, and may have one.
            assert places == wanted or (len(given) == 2 and place == 0 and not places), (key, text)


@pytest.mark.parametrize(
    ("language", "count", "text"),
    [("nl", 1, "dag"), ("nl", 2, "dagen"), ("de", 0, "Tage"), ("fr", 0, "jour"), ("fr", 2, "jours")],
)
def test_numbers_take_the_form_of_their_language(language: str, count: int, text: str) -> None:
    told = words(language).ngettext("%(num)d day", "%(num)d days", count)
    assert told == f"%(num)d {text}"


def test_whatever_was_done_is_said_on_the_next_page() -> None:
    """The word that a page is sent back with is one that pages know, and the other way round."""
    told = (_WEB / "templates" / "console" / "macros.html").read_text("utf-8")
    assert set(re.findall(r'done == "([a-z-]+)"', told)) == shell._DONE

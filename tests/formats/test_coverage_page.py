"""The published coverage table says what the binding tables do, today."""

from __future__ import annotations

import pytest

from formats.model.names import LANGUAGES, name_of
from formats.model.terms import CATALOGUE
from formats.registry import PROFILES, SYNTAXES
from tests.coverage_page import PAGE, page


def test_the_page_is_up_to_date() -> None:
    """If not: python -m tests.coverage_page."""
    assert PAGE.read_text(encoding="utf-8") == page()


def test_every_term_and_profile_stands_on_it() -> None:
    table = page().partition("## Terms")[2].partition("## ")[0]
    rows = [line.split(" | ") for line in table.splitlines()[4:] if line]
    assert [row[0].removeprefix("| ") for row in rows] == list(CATALOGUE)
    assert {len(row) for row in rows} == {2 + len(SYNTAXES) + len(PROFILES)}
    assert all(f"`{key}`" in page() for key in PROFILES)


def test_every_term_has_a_name_of_its_own() -> None:
    """Two terms under one name would be told apart by nobody, in any language."""
    for language in LANGUAGES:
        names = [name_of(term, language) for term in CATALOGUE]
        assert len(set(names)) == len(names)
        assert not [name for name in names if "_" in name or not name or name != name.strip()]


@pytest.mark.parametrize(
    ("term", "name"),
    [
        ("BT-49", "Buyer electronic address"),
        ("BT-165", "Deliver to address line 3"),
        ("BT-151", "Invoiced item VAT category code"),
        ("BG-23", "VAT breakdown"),
        ("BT-9", "Payment due date"),
    ],
)
def test_names_read_well(term: str, name: str) -> None:
    assert name_of(term) == name


def test_there_is_no_name_for_what_there_is_not() -> None:
    with pytest.raises(KeyError):
        name_of("BT-4")

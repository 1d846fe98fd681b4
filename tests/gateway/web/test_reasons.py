"""What is stored in English is read in the language of who looks; programs get it as it is stored."""

from __future__ import annotations

import html

import pytest

from gateway.access.rights import Role
from gateway.reasons import reason
from tests.gateway.web.conftest import Web
from tests.gateway.web.test_console import stopped

WHAT = "Ruis has no address that an e-invoice can go to"


def shown(web: Web, name: str, path: str) -> str:
    answer = web.client.get(path, headers=web.headers(name))
    assert answer.status_code == 200
    return html.unescape(answer.text)


@pytest.mark.parametrize("language", ["nl", "de", "fr"])
def test_a_stop_is_told_in_the_readers_language(web: Web, language: str) -> None:
    one = stopped(web, "2026-1", sentence=WHAT)
    web.add("marit", {"*": Role.FINANCE}, language)
    told = reason(WHAT, language)
    assert told != WHAT
    assert told[1:] in shown(web, "marit", "/")
    page = shown(web, "marit", f"/invoices/{one.id}")
    # Why it stopped, and when.
    assert page.count(told[1:]) >= 2
    assert WHAT not in page


def test_english_readers_read_what_is_stored(web: Web) -> None:
    stopped(web, "2026-1", sentence=WHAT)
    web.add("ann", {"*": Role.FINANCE})
    assert WHAT in shown(web, "ann", "/")


def test_what_a_sentence_is_filled_with_stays_text(web: Web) -> None:
    evil = "<script>alert(1)</script> has no address that an e-invoice can go to"
    one = stopped(web, "2026-1", sentence=evil)
    web.add("marit", {"*": Role.FINANCE}, "nl")
    page = web.client.get(f"/invoices/{one.id}", headers=web.headers("marit")).text
    assert "<script>" not in page
    assert html.escape("<script>alert(1)</script>") in page
    assert "has no address" not in page


def test_a_refusal_is_told_in_the_readers_language(web: Web) -> None:
    web.add("marit", {"*": Role.FINANCE}, "nl")
    form = {"form_token": web.form_token("marit"), "note": "", "outcome": "dismissed"}
    one = stopped(web, "2026-1", sentence=WHAT)
    answer = web.client.post(f"/invoices/{one.id}/resolve", data=form, headers=web.headers("marit"))
    assert answer.status_code == 422
    page = html.unescape(answer.text)
    assert reason("say how you know, or why", "nl")[1:] in page
    assert "say how you know" not in page.lower()

"""Answers in another form: sound still, and the names that a client looks for are gone."""

from __future__ import annotations

import json

import pytest

from connectors.sandbox.altered import altered, confided

PAGE = json.dumps({"rows": [{"id": 7, "tags": ["a"]}], "next": {"at": 3}}).encode()


def test_all_fields_have_other_names() -> None:
    """Values stay, so that a client which keeps the answer keeps them, too."""
    changed = altered(PAGE, "application/json", rows_only=False)
    assert changed is not None
    assert json.loads(changed) == {"rows_": [{"id_": 7, "tags_": ["a"]}], "next_": {"at_": 3}}


def test_only_those_of_records() -> None:
    changed = altered(PAGE, "application/json;charset=utf-8", rows_only=True)
    assert changed is not None
    assert json.loads(changed) == {"rows": [{"id_": 7, "tags_": ["a"]}], "next": {"at": 3}}


def test_the_envelope_of_soap_stays() -> None:
    answer = b'<s:Envelope xmlns:s="urn:s"><s:Body><Answer a="1"><Row/></Answer></s:Body></s:Envelope>'
    assert altered(answer, "text/xml", rows_only=False) == (
        b'<s:Envelope xmlns:s="urn:s"><s:Body><Answer_ a="1"><Row_/></Answer_></s:Body></s:Envelope>'
    )


@pytest.mark.parametrize(
    ("body", "media_type", "rows_only"),
    [
        (b"%PDF", "application/pdf", False),
        (b"{", "application/json", False),
        (b"[1]", "application/json", False),
        (b'{"a": 1}', "application/json", True),
        (b"<a/>", "text/xml", True),
    ],
)
def test_where_there_is_nothing_to_rename(body: bytes, media_type: str, rows_only: bool) -> None:
    assert altered(body, media_type, rows_only=rows_only) is None


def test_what_is_for_the_receiver_alone() -> None:
    """Whatever a login answers, and tokens wherever they stand; addresses are no secret."""
    answer = json.dumps({"access_token": "abcdef0123456789", "name": "Lindehoeve B.V.", "n": 5}).encode()
    assert set(confided(answer, "application/json", "GET /me")) == {"abcdef0123456789"}
    assert set(confided(answer, "application/json", "POST /login")) == {"abcdef0123456789", "Lindehoeve B.V."}
    assert list(confided(b"<a/>", "text/xml", "POST /login")) == []

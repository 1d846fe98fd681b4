"""Fields keep their place in a sentence, whatever they hold by default."""

from __future__ import annotations

from tests.words import templates


def test_a_field_that_is_empty_by_default_stays_a_place() -> None:
    held = {one.text for one in templates()}
    assert "the buyer asks: {1}" in held
    assert "the buyer says that the price is not right, line {1}: {2}" in held
    assert "{1}. Answer to {2}" in held


def test_what_routes_and_laws_say_against_a_way_is_collected() -> None:
    held = {one.text for one in templates()}
    assert {"the invoice has no {1}", "it is not for buyers in {1}", "it does not go over {1}"} <= held

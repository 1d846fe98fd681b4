"""Sentences find their template, whatever fills it; what is not known stays as it is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.reasons import reason
from gateway.reasons.catalogue import gathered
from gateway.reasons.lookup import told
from gateway.reasons.template import Template, made

WORDS = (
    ("the connection broke off", "de verbinding brak af"),
    ("it is tried again by itself", "het wordt vanzelf opnieuw geprobeerd"),
    ("SAP has no invoice {1}", "factuur {1} is er niet in SAP"),
    ("{1} cannot be read: {2}", "{1} kan niet worden gelezen: {2}"),
    ("{1} cannot be read", "{1} is onleesbaar"),
    ("{1} has {2} lines, {3} are allowed", "{3} regels mogen, {1} heeft er {2}"),
    ("nothing has come since {1}", "niets kwam sinds {1}"),
    ("it usually sends on {1}", "zij komt meestal op {1}"),
    ("Mondays", "maandagen"),
    ("Fridays", "vrijdagen"),
    ("{1} to {2}", "{1} tot en met {2}"),
    ("{1} never came in", "{1} nooit binnengekomen"),
)
TERMS = {"Buyer reference": "Referentie van de koper"}
DUTCH = gathered("nl", WORDS, TERMS)


@pytest.mark.parametrize(
    ("english", "dutch"),
    [
        ("the connection broke off", "de verbinding brak af"),
        ("The connection broke off.", "De verbinding brak af."),
        ("SAP has no invoice 4711", "factuur 4711 is er niet in SAP"),
        ("the file has 12 lines, 10 are allowed", "10 regels mogen, the file heeft er 12"),
        ("sap cannot be read", "sap is onleesbaar"),
        (
            "sap cannot be read: SAP has no invoice 9",
            "sap kan niet worden gelezen: factuur 9 is er niet in SAP",
        ),
        ("Buyer reference cannot be read", "Referentie van de koper is onleesbaar"),
        (
            "The connection broke off. It is tried again by itself",
            "De verbinding brak af. Het wordt vanzelf opnieuw geprobeerd",
        ),
        (
            "sap cannot be read: the connection broke off; it is tried again by itself",
            "sap kan niet worden gelezen: de verbinding brak af; het wordt vanzelf opnieuw geprobeerd",
        ),
        ("3 never came in; 4 never came in", "3 nooit binnengekomen; 4 nooit binnengekomen"),
        ("nothing has come since Friday 20 November 2026", "niets kwam sinds vrijdag 20 november 2026"),
        ("nothing has come since 20 November 2026, 10:15", "niets kwam sinds 20 november 2026, 10:15"),
        ("the sum cannot be read: 1,250.00 EUR", "the sum kan niet worden gelezen: 1.250,00 EUR"),
        ("version 1.25 cannot be read", "version 1.25 is onleesbaar"),
        (
            "Buyer reference 747.00 + Buyer reference 157.27 cannot be read",
            "Referentie van de koper 747,00 + Referentie van de koper 157,27 is onleesbaar",
        ),
        ("it usually sends on Mondays to Fridays", "zij komt meestal op maandagen tot en met vrijdagen"),
    ],
)
def test_a_sentence_is_told_in_the_other_language(english: str, dutch: str) -> None:
    found = told(english, DUTCH)
    assert found is not None
    assert found.text == dutch


@pytest.mark.parametrize("text", ["", "closed by agreement with Ruis", "Mondays and more", "{1}", "..."])
def test_what_is_not_known_stays_english(text: str) -> None:
    assert told(text, DUTCH) is None


def test_only_what_is_known_of_several_sentences_is_translated() -> None:
    found = told("the moon is blue; the connection broke off", DUTCH)
    assert found is not None
    assert found.text == "the moon is blue; de verbinding brak af"
    assert not found.whole


def test_the_template_with_most_fixed_text_wins() -> None:
    words = gathered("nl", (("{1} of {2}", "x"), ("line {1} of {2} is empty", "leeg: {1}, {2}")), {})
    found = told("line 3 of 4711 is empty", words)
    assert found is not None
    assert found.text == "leeg: 3, 4711"


def test_names_that_hold_an_and_are_no_sentence() -> None:
    """ "{1} and {2}" joins weekdays only."""
    words = gathered("nl", (("{1} and {2}", "{1} en {2}"), ("{1} is not there", "{1} is er niet")), {})
    found = told("Ruis and Sons is not there", words)
    assert found is not None
    assert found.text == "Ruis and Sons is er niet"


@pytest.mark.parametrize("language", ["en", "xx", ""])
def test_without_a_catalogue_the_sentence_stays(language: str) -> None:
    assert reason("the connection broke off", language) == "the connection broke off"


def test_what_fills_a_place_is_text_and_nothing_else() -> None:
    """Neither places nor patterns nor markup in a value mean anything."""
    value = r"<b>{2}</b> %(x)s \1 .* {0.__class__}"
    found = told(f"SAP has no invoice {value}", DUTCH)
    assert found is not None
    assert found.text == f"factuur {value} is er niet in SAP"


class _Counted(str):
    """A text that counts how far it is searched."""

    searched = 0

    def find(self, *args: object) -> int:
        _Counted.searched += 1
        return super().find(*args)  # type: ignore[arg-type]


def test_each_part_of_a_template_is_looked_for_once() -> None:
    """No going back: a text that repeats a part a thousand times takes as many searches as one that does
    not."""
    template = made("{1} in {2} of {3} for {4} is missing", "{1}")
    hostile = _Counted("in of for " * 1_000)
    assert template.fits(hostile) is None
    assert template.fits(_Counted("a in " * 2_000 + "is missing")) is None
    assert _Counted.searched <= 2 * 3


class _Asked(dict[str, Template]):
    """Counts how often something is looked up in it."""

    times = 0

    def get(self, *args: object) -> Template | None:  # type: ignore[override]
        self.times += 1
        return super().get(*args)  # type: ignore[call-overload, no-any-return]


@pytest.mark.parametrize(
    "text",
    [
        "SAP has no invoice " * 600,
        "a; b: c. " * 1_200,
        " cannot be read: " * 650,
        " has lines, are allowed" * 500,
        "." * 10_000,
        "(" * 10_000,
    ],
)
def test_hostile_sentences_end_and_stay_text(text: str) -> None:
    """However often a text can be taken apart, the catalogue is asked a fixed number of times."""
    exact = _Asked(DUTCH.exact)
    told(text, replace(DUTCH, exact=exact))
    assert 0 < exact.times <= 200
    assert reason(text, "nl") == text


@pytest.mark.parametrize(
    ("english", "dutch"),
    [
        ("there is no mapping is no way", None),
        ("SAP has no invoice which is not there", None),
        ("sap cannot be read: the login is not known", "sap kan niet worden gelezen: the login is not known"),
        ("SAP has no invoice BT-10 or BT-13", "factuur BT-10 of BT-13 is er niet in SAP"),
        ("SAP has no invoice Now or Never", "factuur Now or Never is er niet in SAP"),
    ],
)
def test_no_sentence_is_half_in_each_language(english: str, dutch: str | None) -> None:
    """English words of ours are not put amid others; what somebody said, behind a colon, is."""
    words = gathered("nl", (*WORDS, ("{1} is no way", "{1} is geen weg"), ("{1} or {2}", "{1} of {2}")), {})
    found = told(english, words)
    assert (found and found.text) == dutch


def test_what_a_buyer_says_is_told_in_the_order_of_each_language() -> None:
    said = "the buyer says that the price is not right, line 2 Ring: It is 4. Answer to an@klaproos.example"
    assert reason(said, "nl") == (
        "de koper zegt dat de prijs niet juist is, regel 2 Ring: It is 4. Antwoord aan an@klaproos.example"
    )
    assert reason("the buyer asks: which order is it?", "de") == "der Käufer fragt: which order is it?"

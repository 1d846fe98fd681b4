"""Our own words around the publishers' rules, in the languages of the people who read them.

The rules' texts are the publishers' and stay as published.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

__all__ = ["LANGUAGES", "words"]

_TABLE: Final[Mapping[str, tuple[str, str, str, str]]] = MappingProxyType(
    {
        "rule": ("Rule", "Regel", "Regel", "Règle"),
        "severity": ("Severity", "Ernst", "Schwere", "Gravité"),
        "fatal": (
            "fatal: the invoice is refused",
            "fataal: de factuur wordt geweigerd",
            "fatal: die Rechnung wird abgelehnt",
            "fatale : la facture est refusée",
        ),
        "warning": (
            "warning: the invoice is accepted",
            "waarschuwing: de factuur wordt aanvaard",
            "Warnung: die Rechnung wird angenommen",
            "avertissement : la facture est acceptée",
        ),
        "says": ("Published text", "Gepubliceerde tekst", "Veröffentlichter Text", "Texte publié"),
        "terms": ("Business terms", "Bedrijfstermen", "Geschäftsbegriffe", "Termes métier"),
        "applies to": ("Looks at", "Kijkt naar", "Betrifft", "Porte sur"),
        "test": ("Must hold", "Moet waar zijn", "Muss gelten", "Doit être vrai"),
        "fault": ("Must not hold", "Mag niet waar zijn", "Darf nicht gelten", "Ne doit pas être vrai"),
        "release": ("From", "Uit", "Aus", "Source"),
        "invoice": ("Invoice", "Factuur", "Rechnung", "Facture"),
        "kept": (
            "This invoice does not break the rule.",
            "Deze factuur voldoet aan de regel.",
            "Diese Rechnung verletzt die Regel nicht.",
            "Cette facture respecte la règle.",
        ),
        "not judged": (
            "This invoice has not been judged yet.",
            "Deze factuur is nog niet beoordeeld.",
            "Diese Rechnung wurde noch nicht geprüft.",
            "Cette facture n'a pas encore été contrôlée.",
        ),
        "why": ("What is wrong", "Wat er mis is", "Was nicht stimmt", "Ce qui ne va pas"),
        "place": ("Where in the XML", "Waar in de XML", "Wo im XML", "Où dans le XML"),
        "line": ("line", "regel", "Zeile", "ligne"),
        "origin": (
            "Where to mend it in the ERP",
            "Waar te herstellen in het ERP",
            "Wo im ERP zu berichtigen",
            "Où corriger dans l'ERP",
        ),
        "none": ("not filled", "niet ingevuld", "nicht gefüllt", "non renseigné"),
    }
)
LANGUAGES: Final = ("en", "nl", "de", "fr")


def words(language: str) -> Mapping[str, str]:
    """The words in one of LANGUAGES. Raises KeyError for any other."""
    if language not in LANGUAGES:
        raise KeyError(language)
    column = LANGUAGES.index(language)
    return MappingProxyType({key: row[column] for key, row in _TABLE.items()})

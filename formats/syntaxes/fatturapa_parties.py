"""The parties in FatturaPA, ordinary and simplified: the same facts, in groups of their own in each."""

from __future__ import annotations

import re
from typing import Any, Final

from lxml import etree

from formats.identifiers import Identifier
from formats.syntaxes.fatturapa_kinds import AMOUNT, TAX_NUMBER, Basic, Latin, own_text
from formats.syntaxes.fatturapa_shape import is_fiscal_code
from formats.syntaxes.fatturapa_text import basic
from formats.syntaxes.kinds import put_text
from formats.syntaxes.table import Element, Entry, Group, Term

__all__ = [
    "BUYER_NAME",
    "BUYER_NUMBERS",
    "BUYER_SEAT",
    "REGISTER",
    "SELLER_CONTACT",
    "SELLER_NAME",
    "SELLER_NUMBERS",
    "SELLER_SEAT",
    "address",
]

_SHORTEST_PHONE: Final = 5
_EMAIL: Final = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+\Z")


def address(*terms: str) -> tuple[Entry, ...]:
    """An address by its terms: line 1, line 2, post code, city, subdivision, country."""
    line, number, post_code, city, province, country = terms
    return (
        Term(line, "Indirizzo", Latin(60)),
        Term(number, "NumeroCivico", Basic(8)),
        Term(post_code, "CAP"),
        Term(city, "Comune", Latin(60)),
        Term(province, "Provincia"),
        Term(country, "Nazione"),
    )


class _FiscalCode(Basic):
    """A buyer's fiscal code, which EN 16931 knows under the ICD 0210."""

    def read(self, element: etree._Element) -> Any:
        text = own_text(element)
        return Identifier(text, "0210") if text else None

    def write(self, element: etree._Element, value: Any, surrounding: Any) -> None:
        put_text(element, basic(value.value)[:16])


def _is_coded(value: Identifier | None) -> bool:
    return value is not None and value.scheme in ("0210", "9907") and is_fiscal_code(value.value)


SELLER_NUMBERS: Final[tuple[Entry, ...]] = (
    Term("BT-31", "IdFiscaleIVA", TAX_NUMBER),
    Term("BT-32", "CodiceFiscale", Basic(16), when=is_fiscal_code),
)
SELLER_NAME: Final[tuple[Entry, ...]] = (
    Term("BT-27", "Denominazione", Latin(80)),
    Term("IT-6", "Nome", Latin(60)),
    Term("IT-7", "Cognome", Latin(60)),
)
SELLER_SEAT: Final = Group("BG-5", "Sede", address("BT-35", "BT-36", "BT-38", "BT-37", "BT-39", "BT-40"))
# The entry in the company register (REA).
REGISTER: Final = Element(
    "IscrizioneREA",
    (
        Term("IT-10", "Ufficio"),
        Term("IT-11", "NumeroREA", Basic(20)),
        Term("IT-12", "CapitaleSociale", AMOUNT),
        Term("IT-13", "SocioUnico"),
        Term("IT-14", "StatoLiquidazione"),
    ),
)
SELLER_CONTACT: Final = Element(
    "Contatti",
    (
        Term("BT-42", "Telefono", Basic(12), when=lambda text: len(basic(text).strip()) >= _SHORTEST_PHONE),
        Term("BT-43", "Email", Basic(256), when=lambda text: bool(_EMAIL.match(text))),
    ),
)
BUYER_NUMBERS: Final[tuple[Entry, ...]] = (
    Term("BT-48", "IdFiscaleIVA", TAX_NUMBER),
    Term("BT-47", "CodiceFiscale", _FiscalCode(16), when=_is_coded),
)
BUYER_NAME: Final[tuple[Entry, ...]] = (
    Term("BT-44", "Denominazione", Latin(80)),
    Term("IT-8", "Nome", Latin(60)),
    Term("IT-9", "Cognome", Latin(60)),
)
BUYER_SEAT: Final = Group("BG-8", "Sede", address("BT-50", "BT-51", "BT-53", "BT-52", "BT-54", "BT-55"))

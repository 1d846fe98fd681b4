"""Codes of the Polish structure FA(3) and what they are in EN 16931. Source: the schema FA(3) 1-0E."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

__all__ = [
    "EXEMPT",
    "LINE_WORDS",
    "MARGINS",
    "MEANS",
    "MEANS_BACK",
    "RATES",
    "SLOTS",
    "SLOT_RATES",
    "UNITS",
    "UNITS_BACK",
    "WORDS",
]

# P_12 -> VAT category and rate; a rate of None is what EN 16931 leaves out (O).
RATES: Final[Mapping[str, tuple[str, str | None]]] = MappingProxyType(
    {
        "23": ("S", "23"),
        "22": ("S", "22"),
        "8": ("S", "8"),
        "7": ("S", "7"),
        "5": ("S", "5"),
        "4": ("S", "4"),
        "3": ("S", "3"),
        "0 KR": ("Z", "0"),
        "0 WDT": ("K", "0"),
        "0 EX": ("G", "0"),
        "zw": ("E", "0"),
        "oo": ("AE", "0"),
        "np I": ("O", None),
        "np II": ("AE", "0"),
    }
)
EXEMPT: Final = "zw"

# P_12 -> the number of its sums, P_13_n and P_14_n.
SLOTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "23": "1",
        "22": "1",
        "8": "2",
        "7": "2",
        "5": "3",
        "4": "4",
        "3": "4",
        "oss": "5",
        "0 KR": "6_1",
        "0 WDT": "6_2",
        "0 EX": "6_3",
        "zw": "7",
        "np I": "8",
        "np II": "9",
        "oo": "10",
        "margin": "11",
    }
)
# The number of the sums -> the usual P_12, where no line tells which; in the order of the schema.
SLOT_RATES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "1": "23",
        "2": "8",
        "3": "5",
        "4": "4",
        "5": "oss",
        "6_1": "0 KR",
        "6_2": "0 WDT",
        "6_3": "0 EX",
        "7": "zw",
        "8": "np I",
        "9": "np II",
        "10": "oo",
        "11": "margin",
    }
)

# VATEX code of a margin scheme -> P_PMarzy_...
MARGINS: Final[Mapping[str, str]] = MappingProxyType(
    {"VATEX-EU-D": "2", "VATEX-EU-F": "3_1", "VATEX-EU-I": "3_2", "VATEX-EU-J": "3_3"}
)

# UNTDID 4461 -> FormaPlatnosci.
MEANS: Final[Mapping[str, str]] = MappingProxyType(
    {"10": "1", "48": "2", "54": "2", "55": "2", "20": "4", "30": "6", "31": "6", "42": "6", "58": "6"}
)
MEANS_BACK: Final[Mapping[str, str]] = MappingProxyType({"1": "10", "2": "48", "4": "20", "6": "30"})

# UN/ECE Recommendation 20 -> what Polish invoices write; any other code is written as it is.
UNITS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "H87": "szt.",
        "EA": "szt",
        "C62": "jedn.",
        "HUR": "godz.",
        "MIN": "min",
        "DAY": "dzień",
        "MON": "mies.",
        "ANN": "rok",
        "KGM": "kg",
        "GRM": "g",
        "TNE": "t",
        "LTR": "l",
        "MTR": "m",
        "KMT": "km",
        "MTK": "m2",
        "MTQ": "m3",
        "KWH": "kWh",
        "SET": "kpl.",
        "XPK": "opak.",
        "XPX": "paleta",
        "LS": "usł.",
    }
)
UNITS_BACK: Final[Mapping[str, str]] = MappingProxyType({words: unit for unit, words in UNITS.items()})

# Term -> the key under which FA(3) carries it as an additional description (DodatkowyOpis): of the invoice,
# of a line.
WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "BT-10": "Referencja nabywcy",
        "BT-11": "Projekt",
        "BT-14": "Numer zamówienia sprzedaży",
        "BT-15": "Potwierdzenie odbioru",
        "BT-17": "Przetarg",
        "BT-19": "Konto księgowe nabywcy",
        "BT-20": "Warunki płatności",
        "BT-83": "Tytuł płatności",
        "BT-28": "Nazwa handlowa sprzedawcy",
        "BT-45": "Nazwa handlowa nabywcy",
        "BT-41": "Osoba kontaktowa sprzedawcy",
        "BT-56": "Osoba kontaktowa nabywcy",
    }
)
LINE_WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "BT-127": "Uwagi do pozycji",
        "BT-132": "Pozycja zamówienia",
        "BT-133": "Konto księgowe nabywcy",
        "BT-154": "Opis",
        "BT-156": "Indeks nabywcy",
        "BT-159": "Kraj pochodzenia",
    }
)

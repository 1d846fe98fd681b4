"""The codes of FatturaPA and what they are in EN 16931.

Source: SdI, technical rules for European invoices 2.6 (15 May 2025); Agenzia delle Entrate, technical
specification 1.9. Where several of ours share one of theirs, the first that is listed is read back.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

__all__ = [
    "CATEGORY_OF",
    "CREDIT_NOTE",
    "DOCUMENT_TYPES",
    "LEGAL_TEXT",
    "MEANS",
    "NATURE_OF",
    "NATURE_OF_REASON",
    "TYPE_OF",
    "first_of",
]

CREDIT_NOTE: Final = "TD04"

# UNTDID 1001 (BT-3) -> TipoDocumento.
DOCUMENT_TYPES: Final[Mapping[str, str]] = MappingProxyType(
    {"380": "TD01", "386": "TD02", "381": "TD04", "383": "TD05", "389": "TD01", "261": "TD04"}
)
# TipoDocumento -> BT-3, where it is not the inverse: fees, self-issued documents, deferred invoices, goods.
TYPE_OF: Final[Mapping[str, str]] = MappingProxyType(
    {
        **{theirs: ours for ours, theirs in DOCUMENT_TYPES.items()},
        "TD01": "380",
        "TD04": "381",
        "TD03": "386",
        "TD06": "380",
        "TD24": "380",
        "TD25": "380",
        "TD26": "380",
        "TD28": "380",
        **{f"TD{number}": "389" for number in (16, 17, 18, 19, 20, 21, 22, 23, 27, 29)},
    }
)

# UNTDID 4461 (BT-81) -> ModalitaPagamento.
MEANS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "10": "MP01",
        "1": "MP01",
        "20": "MP02",
        "ZZZ": "MP04",
        "30": "MP05",
        "58": "MP05",
        **dict.fromkeys(("15", "16", "45", "51", "56", "68", "93", "94", "95"), "MP05"),
        **dict.fromkeys(("60", "61", "62", "63", "64", "65", "66", "67"), "MP06"),
        **dict.fromkeys(("48", "54", "55"), "MP08"),
        **dict.fromkeys(("70", "8", "44"), "MP12"),
        **dict.fromkeys(("31", "24", "74", "75", "76", "77", "78"), "MP13"),
        "57": "MP15",
        "42": "MP17",
        "50": "MP18",
        **dict.fromkeys(("59", "49"), "MP19"),
        "97": "MP22",
        "9": "MP23",
    }
)

# Natura -> UNTDID 5305. N1 and N2 are "not in scope" in Italy, which EN 16931 allows for a whole invoice
# only.
CATEGORY_OF: Final[Mapping[str, str]] = MappingProxyType(
    {
        **dict.fromkeys(("N1", "N2", "N2.1", "N2.2", "N4", "N5"), "E"),
        **dict.fromkeys(("N3", "N3.1", "N3.3", "N3.4", "N3.5"), "G"),
        **dict.fromkeys(("N3.2", "N3.6", "N7"), "K"),
        **dict.fromkeys(("N6", *(f"N6.{number}" for number in range(1, 10))), "AE"),
    }
)
# UNTDID 5305 -> Natura, where the invoice does not say it (IT-42, IT-43) and no reason does.
NATURE_OF: Final[Mapping[str, str]] = MappingProxyType(
    {"E": "N4", "G": "N3.1", "K": "N3.2", "AE": "N6.9", "O": "N2.2"}
)
# VATEX code (BT-121) -> Natura.
NATURE_OF_REASON: Final[Mapping[str, str]] = MappingProxyType(
    {
        "VATEX-EU-G": "N3.1",
        "VATEX-EU-IC": "N3.2",
        "VATEX-EU-O": "N2.2",
        "VATEX-EU-D": "N5",
        "VATEX-EU-F": "N5",
        "VATEX-EU-I": "N5",
        "VATEX-EU-J": "N5",
        "VATEX-EU-151": "N7",
    }
)
# Natura -> the text that RiferimentoNormativo has where the invoice gives no reason (BT-120, BT-121).
LEGAL_TEXT: Final[Mapping[str, str]] = MappingProxyType(
    {
        "N1": "Escluso art. 15 DPR 633/72",
        "N2": "Non soggetto",
        "N3": "Non imponibile",
        "N4": "Esente art. 10 DPR 633/72",
        "N5": "Regime del margine",
        "N6": "Inversione contabile",
        "N7": "IVA assolta in altro stato UE",
    }
)


def first_of(codes: Mapping[str, str], theirs: str | None) -> str | None:
    """Our code for one of theirs; None where there is none."""
    return next((ours for ours, code in codes.items() if code == theirs), None)

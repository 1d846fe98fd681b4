"""FatturaPA 1.2: FPR12 to companies and consumers, FPA12 to the public administration, through the Sistema di
Interscambio.

There are no published business rules; the schema judges, and the SdI's own controls after sending. Files to
the public administration must be signed; the others may be. Source:
Agenzia delle Entrate, technical specification 1.9 of the formats (in force since 1 April 2025).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Final

from formats.profiles.profile import FileNumbers, Profile
from formats.syntaxes import fatturapa_files

__all__ = ["PRIVATE", "PUBLIC", "SIMPLIFIED"]

PRIVATE: Final = Profile(
    key="fatturapa-fpr12",
    title="FatturaPA 1.2, private (FPR12)",
    specification_id="FPR12",
    business_process=None,
    syntax="fatturapa-1.2",
    rule_packs=(),
    valid_from=date(2025, 4, 1),
    sources=("https://www.fatturapa.gov.it/", "https://www.agenziaentrate.gov.it/"),
    schema="fatturapa-fpr12",
    national=True,
    signatures=("fatturapa-cades", "fatturapa-xades"),
    file_numbers=FileNumbers(
        transmitter=fatturapa_files.transmitter,
        text=fatturapa_files.progressive,
        numbered=fatturapa_files.numbered,
        file_name=fatturapa_files.file_name,
    ),
)
PUBLIC: Final = replace(
    PRIVATE,
    key="fatturapa-fpa12",
    title="FatturaPA 1.2, public administration (FPA12)",
    specification_id="FPA12",
    schema="fatturapa-fpa12",
    must_be_signed=True,
)

SIMPLIFIED: Final = replace(
    PRIVATE,
    key="fatturapa-fsm10",
    title="FatturaPA simplified (FSM10)",
    specification_id="FSM10",
    syntax="fatturapa-simplified-1.0",
    schema="fatturapa-fsm10",
)

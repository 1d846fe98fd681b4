"""The French reform: invoices between companies in France, as their platforms take them.

The French CIUS has the identifier of the core invoice itself, so nothing in the document tells it from any
other; it is chosen by name (--profile fr-ctc). Over Peppol it has one of its own. EXTENDED-CTC-FR may say
more than the core invoice and is judged, not written. Source: AFNOR XP Z12-012 1.4 and FNFE-MPE, France_RFE
1.4.0 (rules BR-FR, flow 2), fatal when sending since 1 September 2026.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Final

from formats.profiles.profile import Profile

__all__ = ["CII", "EXTENDED_CII", "EXTENDED_UBL", "UBL"]

UBL: Final = Profile(
    key="fr-ctc-ubl",
    title="French reform, UBL 2.1",
    specification_id="urn:cen.eu:en16931:2017#compliant#urn:peppol:france:billing:cius:1.0",
    business_process=None,
    syntax="ubl-2.1",
    rule_packs=("en16931-ubl", "fr-flux2-ubl"),
    valid_from=date(2026, 9, 1),
    sources=("https://github.com/fnfempe/France_RFE",),
    family="fr-ctc",
    judged_only=True,
)

CII: Final = replace(
    UBL,
    key="fr-ctc-cii",
    title="French reform, CII",
    syntax="cii-d16b",
    rule_packs=("en16931-cii", "fr-flux2-cii"),
)

EXTENDED_UBL: Final = replace(
    UBL,
    key="extended-ctc-fr-ubl",
    title="EXTENDED-CTC-FR, UBL 2.1",
    specification_id="urn:cen.eu:en16931:2017#conformant#urn.cpro.gouv.fr:1p0:extended-ctc-fr",
    also=("extended-ctc-fr", "urn:peppol:france:billing:extended:1.0"),
    rule_packs=("extended-ctc-fr-ubl", "fr-flux2-ubl"),
    family="extended-ctc-fr",
)

EXTENDED_CII: Final = replace(
    EXTENDED_UBL,
    key="extended-ctc-fr-cii",
    title="EXTENDED-CTC-FR, CII",
    syntax="cii-d16b",
    schema="cii-d22b",
    rule_packs=("extended-ctc-fr-cii", "fr-flux2-cii"),
)

"""XRechnung 3.0: the German restrictions on EN 16931, for invoices to public buyers, in UBL and in CII.

Identifiers only until KoSIT's rules are added (gateway rules add). The extension and CVD add to the
identifier and are judged by the same rules. Source: KoSIT, Standard XRechnung 3.0.2 and its Schematron 2.5.0.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Final

from formats.profiles.profile import Profile

__all__ = ["CII", "UBL"]

UBL: Final = Profile(
    key="xrechnung-ubl",
    title="XRechnung 3.0, UBL 2.1",
    specification_id="urn:cen.eu:en16931:2017#compliant#urn:xeinkauf.de:kosit:xrechnung_3.0",
    business_process="urn:fdc:peppol.eu:2017:poacc:billing:01:1.0",
    syntax="ubl-2.1",
    rule_packs=("en16931-ubl", "xrechnung-ubl"),
    valid_from=date(2024, 2, 1),
    sources=("https://xeinkauf.de/xrechnung/", "https://github.com/itplr-kosit/xrechnung-schematron"),
    also=(":xrechnung",),
    family="xrechnung",
)

CII: Final = replace(
    UBL,
    key="xrechnung-cii",
    title="XRechnung 3.0, CII",
    syntax="cii-d16b",
    rule_packs=("en16931-cii", "xrechnung-cii"),
)

"""NLCIUS (SI-UBL 2.0): the Dutch restrictions on EN 16931, for invoices to the Dutch government.

Identifiers only until SimplerInvoicing's rules are added (gateway rules add); their files hold the rules of
EN 16931 too. Source: Stichting Peppolautoriteit / NEN, NLCIUS 1.0.3; SimplerInvoicing, SI-UBL 2.0.3.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Final

from formats.profiles.profile import Profile

__all__ = ["CII", "G_ACCOUNT", "UBL"]

UBL: Final = Profile(
    key="nlcius-ubl",
    title="NLCIUS (SI-UBL 2.0)",
    specification_id="urn:cen.eu:en16931:2017#compliant#urn:fdc:nen.nl:nlcius:v1.0",
    business_process=None,
    syntax="ubl-2.1",
    rule_packs=("nlcius-ubl",),
    valid_from=date(2019, 4, 18),
    sources=("https://github.com/peppolautoriteit-nl/validation",),
    also=("urn:fdc:nen.nl:nlcius:v1.0",),
    family="nlcius",
)

CII: Final = replace(
    UBL, key="nlcius-cii", title="NLCIUS, CII", syntax="cii-d16b", rule_packs=("nlcius-cii",)
)

# Invoices with a part to a blocked account (G-rekening); its rules hold those of NLCIUS too.
G_ACCOUNT: Final = replace(
    UBL,
    key="nlcius-gaccount",
    title="NLCIUS (SI-UBL 2.0) with G-account",
    specification_id=f"{UBL.specification_id}#conformant#urn:fdc:nen.nl:gaccount:v1.0",
    rule_packs=("nlcius-gaccount-ubl",),
    also=("urn:fdc:nen.nl:gaccount:v1.0",),
    family="",
)

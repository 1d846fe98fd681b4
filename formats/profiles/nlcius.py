"""NLCIUS (SI-UBL 2.0): the Dutch restrictions on EN 16931, for invoices to the Dutch government.

Identifiers only until SimplerInvoicing's rules are added (gateway rules add); their files hold the rules of
EN 16931 too. Source: Stichting Peppolautoriteit / NEN, NLCIUS 1.0.3; SimplerInvoicing, SI-UBL 2.0.3.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Final

from formats.profiles.profile import Profile

__all__ = ["CII", "UBL"]

UBL: Final = Profile(
    key="nlcius-ubl",
    title="NLCIUS (SI-UBL 2.0)",
    specification_id="urn:cen.eu:en16931:2017#compliant#urn:fdc:nen.nl:nlcius:v1.0",
    business_process=None,
    syntax="ubl-2.1",
    rule_packs=("nlcius-ubl",),
    valid_from=date(2019, 4, 18),
    sources=("https://github.com/peppolautoriteit-nl/validation",),
)

CII: Final = replace(
    UBL, key="nlcius-cii", title="NLCIUS, CII", syntax="cii-d16b", rule_packs=("nlcius-cii",)
)

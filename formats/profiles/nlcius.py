"""NLCIUS (SI-UBL 2.0): the Dutch restrictions on EN 16931, for invoices to the Dutch government.

Identifiers only until SimplerInvoicing's rules are added (gateway rules add); their files hold the rules of
EN 16931 too. Prepared are the numbers of the trade register (KvK, 0106) and of public bodies (OIN, 0190),
which people group by blanks and dots. Source: Stichting Peppolautoriteit / NEN, NLCIUS 1.0.3;
SimplerInvoicing, SI-UBL 2.0.3.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Final

from formats.identifiers import Identifier
from formats.model.invoice import Invoice
from formats.profiles.profile import Profile
from formats.profiles.shaping import compact_number, with_identifiers

__all__ = ["CII", "G_ACCOUNT", "UBL"]

_GROUPED: Final = frozenset({"0106", "0190"})


def _shape(invoice: Invoice) -> Invoice:
    def compact(identifier: Identifier) -> Identifier:
        if identifier.scheme not in _GROUPED:
            return identifier
        return replace(identifier, value=compact_number(identifier.value))

    return with_identifiers(invoice, compact)


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
    shape=_shape,
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

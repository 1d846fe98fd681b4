"""Peppol BIS Self-Billing 3.0: invoices that the buyer writes in the seller's name.

Identifiers only until OpenPeppol's rules are added (gateway rules add). Source: OpenPeppol, BIS Self-Billing
3.0, release of May 2026.
"""

from __future__ import annotations

from datetime import date
from typing import Final

from formats.profiles.profile import Profile

__all__ = ["PROFILE"]

PROFILE: Final = Profile(
    key="peppol-selfbilling-3",
    title="Peppol BIS Self-Billing 3.0",
    specification_id="urn:cen.eu:en16931:2017#compliant#urn:fdc:peppol.eu:2017:poacc:selfbilling:3.0",
    business_process="urn:fdc:peppol.eu:2017:poacc:selfbilling:01:1.0",
    syntax="ubl-2.1",
    rule_packs=("en16931-ubl", "peppol-selfbilling-ubl"),
    valid_from=date(2026, 8, 17),
    sources=("https://docs.peppol.eu/poacc/self-billing/3.0/",),
    also=("urn:fdc:peppol.eu:2017:poacc:selfbilling:3.0",),
)

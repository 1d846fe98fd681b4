"""Peppol BIS Billing 3.0: invoices and credit notes over the Peppol network.

Source: OpenPeppol, BIS Billing 3.0.21 (May 2026, mandatory from 17 August 2026).
"""

from __future__ import annotations

from datetime import date
from typing import Final

from formats.profiles.profile import Profile

__all__ = ["PROFILE"]

PROFILE: Final = Profile(
    key="peppol-bis-3",
    title="Peppol BIS Billing 3.0",
    specification_id="urn:cen.eu:en16931:2017#compliant#urn:fdc:peppol.eu:2017:poacc:billing:3.0",
    business_process="urn:fdc:peppol.eu:2017:poacc:billing:01:1.0",
    syntax="ubl-2.1",
    rule_packs=("en16931-ubl", "peppol-ubl"),
    valid_from=date(2026, 8, 17),
    sources=("https://docs.peppol.eu/poacc/billing/3.0/",),
    also=("urn:fdc:peppol.eu:2017:poacc:billing:3.0",),
    family="peppol",
)

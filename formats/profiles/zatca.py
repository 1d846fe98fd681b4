"""ZATCA phase 2: tax invoices of Saudi Arabia, standard and simplified.

They name no specification (BT-24): their business process tells them. They are judged, not written: a chain
of digests, a signature and a QR code belong to them. Identifiers only until ZATCA's rules are added (gateway
rules add). Source: Zakat, Tax and Customs Authority, Electronic Invoice XML Implementation Standard 1.2, and
the rules of its SDK.
"""

from __future__ import annotations

from typing import Final

from formats.profiles.profile import Profile

__all__ = ["PROFILE"]

PROFILE: Final = Profile(
    key="zatca",
    title="ZATCA tax invoice",
    specification_id="",
    business_process="reporting:1.0",
    syntax="ubl-2.1",
    rule_packs=("zatca-en16931", "zatca"),
    valid_from=None,
    sources=("https://zatca.gov.sa/en/E-Invoicing/",),
    judged_only=True,
)

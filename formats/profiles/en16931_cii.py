"""The plain core invoice of EN 16931 as a Cross Industry Invoice, for buyers who ask for CII.

Source: EN 16931-1:2017 with A1:2019, EN 16931-3-3, and the CEN/TC 434 validation artefacts.
"""

from __future__ import annotations

from datetime import date
from typing import Final

from formats.profiles.profile import Profile

__all__ = ["PROFILE"]

PROFILE: Final = Profile(
    key="en16931-cii",
    title="EN 16931 core invoice, CII",
    specification_id="urn:cen.eu:en16931:2017",
    business_process=None,
    syntax="cii-d16b",
    rule_packs=("en16931-cii",),
    valid_from=date(2017, 10, 17),
    sources=("https://github.com/ConnectingEurope/eInvoicing-EN16931",),
    family="en16931",
)

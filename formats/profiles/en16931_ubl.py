"""The plain core invoice of EN 16931 in UBL 2.1, for buyers without an address on a network.

Source: EN 16931-1:2017 with A1:2019, and the CEN/TC 434 validation artefacts.
"""

from __future__ import annotations

from datetime import date
from typing import Final

from formats.profiles.profile import Profile

__all__ = ["PROFILE"]

PROFILE: Final = Profile(
    key="en16931-ubl",
    title="EN 16931 core invoice, UBL 2.1",
    specification_id="urn:cen.eu:en16931:2017",
    business_process=None,
    syntax="ubl-2.1",
    rule_packs=("en16931-ubl",),
    valid_from=date(2017, 10, 17),
    sources=("https://github.com/ConnectingEurope/eInvoicing-EN16931",),
    family="en16931",
)

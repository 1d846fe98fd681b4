"""HR CIUS 2025: the Croatian use of EN 16931 under Fiscalization 2.0, in UBL.

Croatian invoices also name the time of issue, the operator and the operator's OIB (HR-BT-2, HR-BT-4,
HR-BT-5), and a KPD class of each item (BT-158 under CG); of these the core invoice has only the last, so
documents are judged, and not written for sending. Identifiers only until the tax administration's rules are
added. Source: Ministry of Finance of Croatia, specification of use of the core invoice, 2025.
"""

from __future__ import annotations

from datetime import date
from typing import Final

from formats.profiles.profile import Profile

__all__ = ["PROFILE"]

PROFILE: Final = Profile(
    key="cius-hr",
    title="HR CIUS 2025",
    specification_id=(
        "urn:cen.eu:en16931:2017#compliant#urn:mfin.gov.hr:cius-2025:1.0#conformant#urn:mfin.gov.hr:ext-2025:1.0"
    ),
    business_process="P1",
    syntax="ubl-2.1",
    rule_packs=("en16931-ubl",),
    valid_from=date(2026, 1, 1),
    sources=("https://porezna-uprava.gov.hr/",),
    also=("urn:mfin.gov.hr:",),
    judged_only=True,
)

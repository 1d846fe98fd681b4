"""KSeF FA(3): the Polish structured invoice, in force since 1 February 2026.

No rules are published beyond the schema; what KSeF checks on arrival it says there. The invoice itself is not
signed. Source: Ministry of Finance of Poland, structure FA(3), and CIRFMF/ksef-docs.
"""

from __future__ import annotations

from datetime import date
from typing import Final

from formats.profiles.profile import Profile

__all__ = ["PROFILE"]

PROFILE: Final = Profile(
    key="ksef",
    title="KSeF FA(3)",
    specification_id="3",
    business_process=None,
    syntax="ksef-fa3",
    rule_packs=(),
    valid_from=date(2026, 2, 1),
    sources=("https://ksef.podatki.gov.pl/", "https://github.com/CIRFMF/ksef-docs"),
    national=True,
)

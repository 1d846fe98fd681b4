"""Factur-X and ZUGFeRD in the EN 16931 profile: the XML that a hybrid PDF embeds as factur-x.xml.

It has the identifier of the core invoice itself (BT-24) and differs from plain CII by its own, narrower
schema and rules. Source: FNFE-MPE and FeRD, Factur-X 1.09.2 / ZUGFeRD 2.5.2, in force since 1 September 2026.
"""

from __future__ import annotations

from datetime import date
from typing import Final

from formats.profiles.profile import Profile

__all__ = ["PROFILE"]

PROFILE: Final = Profile(
    key="facturx-en16931",
    title="Factur-X / ZUGFeRD EN 16931, XML part",
    specification_id="urn:cen.eu:en16931:2017",
    business_process=None,
    syntax="cii-d16b",
    rule_packs=("facturx-en16931",),
    valid_from=date(2026, 9, 1),
    sources=("https://fnfe-mpe.org/factur-x/", "https://www.ferd-net.de/"),
    schema="facturx-en16931",
    in_pdf=True,
)

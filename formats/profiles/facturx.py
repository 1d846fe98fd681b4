"""Factur-X and ZUGFeRD: the XML that a hybrid PDF embeds as factur-x.xml, in its five profiles.

EN 16931 has the identifier of the core invoice itself (BT-24) and differs from plain CII by its own, narrower
schema and rules. MINIMUM and BASIC WL have no lines and are no invoices under German law; EXTENDED may say
more than the core invoice: these are judged, not written. Source: FNFE-MPE and FeRD, Factur-X 1.09.2 /
ZUGFeRD 2.5.2, in force since 1 September 2026. The older ZUGFeRD 2.0 identifiers are those of the code lists
in its rules.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Final

from formats.profiles.profile import Profile

__all__ = ["BASIC", "BASIC_WL", "EN16931", "EXTENDED", "MINIMUM"]

EN16931: Final = Profile(
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

MINIMUM: Final = replace(
    EN16931,
    key="facturx-minimum",
    title="Factur-X / ZUGFeRD MINIMUM, XML part",
    specification_id="urn:factur-x.eu:1p0:minimum",
    also=("urn:zugferd.de:2p0:minimum",),
    rule_packs=("facturx-minimum",),
    schema="facturx-minimum",
    judged_only=True,
)

BASIC_WL: Final = replace(
    MINIMUM,
    key="facturx-basicwl",
    title="Factur-X / ZUGFeRD BASIC WL, XML part",
    specification_id="urn:factur-x.eu:1p0:basicwl",
    also=("urn:zugferd.de:2p0:basicwl",),
    rule_packs=("facturx-basicwl",),
    schema="facturx-basicwl",
)

BASIC: Final = replace(
    MINIMUM,
    key="facturx-basic",
    title="Factur-X / ZUGFeRD BASIC, XML part",
    specification_id="urn:cen.eu:en16931:2017#compliant#urn:factur-x.eu:1p0:basic",
    also=("urn:zugferd.de:2p0:basic",),
    rule_packs=("facturx-basic",),
    schema="facturx-basic",
)

EXTENDED: Final = replace(
    MINIMUM,
    key="facturx-extended",
    title="Factur-X / ZUGFeRD EXTENDED, XML part",
    specification_id="urn:cen.eu:en16931:2017#conformant#urn:factur-x.eu:1p0:extended",
    also=("urn:zugferd.de:2p0:extended",),
    rule_packs=("facturx-extended",),
    schema="facturx-extended",
)

"""Factur-X and ZUGFeRD: the XML that a hybrid PDF embeds as factur-x.xml, in its profiles.

EN 16931 has the identifier of the core invoice itself (BT-24) and differs from plain CII by its own, narrower
schema and rules. BASIC has no room for some terms; EXTENDED could say more than the core invoice, and what is
written is what the core invoice says. MINIMUM and BASIC WL have no lines and are no invoices under German
law: they are for France. A German XRechnung may be embedded as well. Source: FNFE-MPE and FeRD, Factur-X
1.09.2 / ZUGFeRD 2.5.2, in force since 1 September 2026. The older ZUGFeRD 2.0 identifiers are those of the
code lists in its rules.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from types import MappingProxyType
from typing import Final

from formats.model.terms import CATALOGUE
from formats.profiles import xrechnung
from formats.profiles.profile import Profile

__all__ = ["BASIC", "BASIC_WL", "EN16931", "EXTENDED", "HYBRIDS", "MINIMUM", "XRECHNUNG", "Hybrid"]

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
    signatures=("pades-b",),
)

# Where the schema of BASIC has no place for what the core invoice may say.
_NOT_IN_BASIC: Final = frozenset(
    {
        *("BG-6", "BG-9", "BG-18", "BG-24", "BG-32"),
        *("BT-7", "BT-11", "BT-14", "BT-15", "BT-17", "BT-18", "BT-33", "BT-82", "BT-85", "BT-86", "BT-114"),
        *("BT-128", "BT-132", "BT-133", "BT-154", "BT-155", "BT-156", "BT-158", "BT-159"),
    }
)
# And all for which that of MINIMUM has one.
_IN_MINIMUM: Final = frozenset(
    {
        *("BT-1", "BT-2", "BT-3", "BT-5", "BT-10", "BT-13", "BT-23", "BT-24", "BT-27", "BT-30", "BT-31"),
        *("BT-32", "BT-40", "BT-44", "BT-47", "BT-109", "BT-110", "BT-112", "BT-115"),
    }
)

BASIC: Final = replace(
    EN16931,
    key="facturx-basic",
    title="Factur-X / ZUGFeRD BASIC, XML part",
    specification_id="urn:cen.eu:en16931:2017#compliant#urn:factur-x.eu:1p0:basic",
    also=("urn:zugferd.de:2p0:basic",),
    rule_packs=("facturx-basic",),
    schema="facturx-basic",
    without=_NOT_IN_BASIC,
)

BASIC_WL: Final = replace(
    BASIC,
    key="facturx-basicwl",
    title="Factur-X / ZUGFeRD BASIC WL, XML part",
    specification_id="urn:factur-x.eu:1p0:basicwl",
    also=("urn:zugferd.de:2p0:basicwl",),
    rule_packs=("facturx-basicwl",),
    schema="facturx-basicwl",
    judged_only=True,
    without=_NOT_IN_BASIC | {"BG-25"},
)

MINIMUM: Final = replace(
    BASIC_WL,
    key="facturx-minimum",
    title="Factur-X / ZUGFeRD MINIMUM, XML part",
    specification_id="urn:factur-x.eu:1p0:minimum",
    also=("urn:zugferd.de:2p0:minimum",),
    rule_packs=("facturx-minimum",),
    schema="facturx-minimum",
    without=frozenset(name for name in CATALOGUE if name.startswith("BT-") and name not in _IN_MINIMUM),
)

EXTENDED: Final = replace(
    EN16931,
    key="facturx-extended",
    title="Factur-X / ZUGFeRD EXTENDED, XML part",
    specification_id="urn:cen.eu:en16931:2017#conformant#urn:factur-x.eu:1p0:extended",
    also=("urn:zugferd.de:2p0:extended",),
    rule_packs=("facturx-extended",),
    schema="facturx-extended",
)

XRECHNUNG: Final = replace(
    xrechnung.CII,
    key="facturx-xrechnung",
    title="XRechnung 3.0 in a ZUGFeRD PDF, XML part",
    also=(),
    family="",
    in_pdf=True,
    signatures=("pades-b",),
)


@dataclass(frozen=True, slots=True)
class Hybrid:
    """How a PDF names what it carries: the ConformanceLevel of its metadata, the name of the embedded file,
    and whether it is an invoice by the law of every country."""

    level: str
    filename: str = "factur-x.xml"
    everywhere: bool = True


HYBRIDS: Final[Mapping[str, Hybrid]] = MappingProxyType(
    {
        MINIMUM.key: Hybrid("MINIMUM", everywhere=False),
        BASIC_WL.key: Hybrid("BASIC WL", everywhere=False),
        BASIC.key: Hybrid("BASIC"),
        EN16931.key: Hybrid("EN 16931"),
        EXTENDED.key: Hybrid("EXTENDED"),
        XRECHNUNG.key: Hybrid("XRECHNUNG", "xrechnung.xml"),
    }
)

"""RO_CIUS 1.0.1: the Romanian restrictions on EN 16931, for RO e-Factura.

Identifiers only until the ministry's rules are added (gateway rules add). Source: Ministry of Finance of
Romania, RO_CIUS 1.0.1 and its Schematron 1.0.9.
"""

from __future__ import annotations

from datetime import date
from typing import Final

from formats.profiles.profile import Profile

__all__ = ["PROFILE"]

PROFILE: Final = Profile(
    key="cius-ro",
    title="RO_CIUS 1.0.1",
    specification_id="urn:cen.eu:en16931:2017#compliant#urn:efactura.mfinante.ro:CIUS-RO:1.0.1",
    business_process=None,
    syntax="ubl-2.1",
    rule_packs=("en16931-ubl", "cius-ro-ubl"),
    valid_from=date(2022, 7, 1),
    sources=("https://mfinante.gov.ro/ro/web/efactura",),
    also=("urn:efactura.mfinante.ro:CIUS-RO",),
)

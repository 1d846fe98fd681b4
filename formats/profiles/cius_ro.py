"""RO_CIUS 1.0.1: the Romanian restrictions on EN 16931, for RO e-Factura.

Identifiers only until the ministry's rules are added (gateway rules add). The ministry publishes EN 16931 and
its own rules in one set and judges by that; its EN 16931 part is of an older release than CEN's current one,
by which two of its own examples would fail (UBL-SR-53). Source: Ministry of Finance of Romania, RO_CIUS 1.0.1
and its Schematron 1.0.9.
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
    rule_packs=("cius-ro-en16931-ubl",),
    valid_from=date(2022, 7, 1),
    sources=("https://mfinante.gov.ro/ro/web/efactura",),
    also=("urn:efactura.mfinante.ro:CIUS-RO",),
)

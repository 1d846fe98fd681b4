"""RO_CIUS 1.0.1: the Romanian restrictions on EN 16931, for RO e-Factura.

Identifiers only until the ministry's rules are added (gateway rules add). The ministry publishes EN 16931 and
its own rules in one set and judges by that; its EN 16931 part is of an older release than CEN's current one,
by which two of its own examples would fail (UBL-SR-53).

Prepared are Romanian addresses: the county as its code (Cluj, CJ and RO-CJ are one), and the sectors of
Bucharest as SECTOR1 to SECTOR6. Source: Ministry of Finance of Romania, RO_CIUS 1.0.1
and its Schematron 1.0.9.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from functools import cache
from typing import Final

from formats.codelists.tables import rows
from formats.model.invoice import Invoice
from formats.model.party import Address
from formats.profiles.profile import Profile
from formats.profiles.shaping import with_addresses

__all__ = ["PROFILE"]

_BUCHAREST: Final = "RO-B"
_SECTOR: Final = re.compile(r"(?:BUCURESTI\W*)?SECTOR(?:UL)?\W*([1-6])(?:\W*BUCURESTI)?")


@cache
def _counties() -> Mapping[str, str]:
    """What people write, in capitals and without marks, to the code."""
    listed = rows("romanian_counties")
    names = {row["name"]: row["code"] for row in listed}
    short = {row["code"].removeprefix("RO-"): row["code"] for row in listed}
    return names | short | {row["code"]: row["code"] for row in listed} | {"BUCHAREST": _BUCHAREST}


def _shape(invoice: Invoice) -> Invoice:
    return with_addresses(invoice, _address)


def _address(address: Address) -> Address:
    if address.country != "RO":
        return address
    said = _plain(address.subdivision)
    named = said.removeprefix("JUDETUL ").removeprefix("JUD. ").removeprefix("MUNICIPIUL ")
    county = _counties().get(named, address.subdivision)
    sector = _SECTOR.fullmatch(_plain(address.city)) if county == _BUCHAREST else None
    city = f"SECTOR{sector[1]}" if sector else address.city
    return replace(address, subdivision=county, city=city)


def _plain(text: str | None) -> str:
    """In capitals, without marks and outer blanks: BUCURESTI for București."""
    apart = unicodedata.normalize("NFD", (text or "").strip().upper())
    return "".join(sign for sign in apart if not unicodedata.combining(sign))


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
    shape=_shape,
)

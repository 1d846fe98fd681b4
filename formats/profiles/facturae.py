"""Facturae 3.2.2: the Spanish invoice, demanded by public buyers (FACe) and signed.

A public buyer wants its administrative centres (ES-G5, codes of DIR3) and a signature under policy 3.1
(`formats.signatures.profiles`, facturae-3.1). No rules are published beyond the schema. Source: Ley 25/2013
and the order HAP/1650/2015; www.facturae.gob.es.
"""

from __future__ import annotations

from typing import Final

from formats.profiles.profile import Profile

__all__ = ["PROFILE"]

PROFILE: Final = Profile(
    key="facturae",
    title="Facturae 3.2.2",
    specification_id="3.2.2",
    business_process=None,
    syntax="facturae-3.2.2",
    rule_packs=(),
    valid_from=None,
    sources=("https://www.facturae.gob.es/formato/Paginas/version-3-2.aspx",),
    national=True,
    signatures=("facturae-3.1",),
    must_be_signed=True,
)

"""The vocabularies and profiles that there are, one line each."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from formats.profiles import (
    cius_ro,
    en16931_cii,
    en16931_ubl,
    facturx_en16931,
    nlcius,
    peppol_bis3,
    xrechnung,
)
from formats.profiles.profile import Profile
from formats.syntaxes import cii, ubl
from formats.syntaxes.binding import Binding

__all__ = ["PROFILES", "SYNTAXES"]

SYNTAXES: Final[Mapping[str, Binding]] = MappingProxyType(
    {
        ubl.KEY: ubl.BINDING,
        cii.KEY: cii.BINDING,
    }
)

PROFILES: Final[Mapping[str, Profile]] = MappingProxyType(
    {
        peppol_bis3.PROFILE.key: peppol_bis3.PROFILE,
        en16931_ubl.PROFILE.key: en16931_ubl.PROFILE,
        en16931_cii.PROFILE.key: en16931_cii.PROFILE,
        facturx_en16931.PROFILE.key: facturx_en16931.PROFILE,
        xrechnung.UBL.key: xrechnung.UBL,
        xrechnung.CII.key: xrechnung.CII,
        nlcius.UBL.key: nlcius.UBL,
        nlcius.CII.key: nlcius.CII,
        cius_ro.PROFILE.key: cius_ro.PROFILE,
    }
)

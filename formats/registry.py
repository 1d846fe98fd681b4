"""The vocabularies and profiles that there are, one line each."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from formats.profiles import (
    cius_ro,
    en16931_cii,
    en16931_ubl,
    facturx,
    french_reform,
    nlcius,
    peppol_bis3,
    peppol_selfbilling3,
    pint,
    xrechnung,
    zatca,
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

# In order: of several profiles that a document may be of, the first counts.
PROFILES: Final[Mapping[str, Profile]] = MappingProxyType(
    {
        peppol_bis3.PROFILE.key: peppol_bis3.PROFILE,
        peppol_selfbilling3.PROFILE.key: peppol_selfbilling3.PROFILE,
        en16931_ubl.PROFILE.key: en16931_ubl.PROFILE,
        en16931_cii.PROFILE.key: en16931_cii.PROFILE,
        facturx.EN16931.key: facturx.EN16931,
        facturx.MINIMUM.key: facturx.MINIMUM,
        facturx.BASIC_WL.key: facturx.BASIC_WL,
        facturx.BASIC.key: facturx.BASIC,
        facturx.EXTENDED.key: facturx.EXTENDED,
        french_reform.UBL.key: french_reform.UBL,
        french_reform.CII.key: french_reform.CII,
        french_reform.EXTENDED_UBL.key: french_reform.EXTENDED_UBL,
        french_reform.EXTENDED_CII.key: french_reform.EXTENDED_CII,
        xrechnung.UBL.key: xrechnung.UBL,
        xrechnung.CII.key: xrechnung.CII,
        nlcius.G_ACCOUNT.key: nlcius.G_ACCOUNT,
        nlcius.UBL.key: nlcius.UBL,
        nlcius.CII.key: nlcius.CII,
        cius_ro.PROFILE.key: cius_ro.PROFILE,
        zatca.PROFILE.key: zatca.PROFILE,
        **{profile.key: profile for profile in pint.PROFILES},
    }
)

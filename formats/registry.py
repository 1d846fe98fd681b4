"""The vocabularies and profiles that there are, one line each."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from formats.profiles import (
    cius_hr,
    cius_ro,
    en16931_cii,
    en16931_ubl,
    facturae,
    facturx,
    fatturapa,
    french_reform,
    ksef,
    nlcius,
    peppol_bis3,
    peppol_selfbilling3,
    pint,
    xrechnung,
    zatca,
)
from formats.profiles.profile import Profile
from formats.syntaxes import cii, fatturapa_simplified, ubl
from formats.syntaxes import facturae as facturae_syntax
from formats.syntaxes import fatturapa as fatturapa_syntax
from formats.syntaxes import ksef as ksef_syntax
from formats.syntaxes.binding import Binding

__all__ = ["PROFILES", "SYNTAXES"]

SYNTAXES: Final[Mapping[str, Binding]] = MappingProxyType(
    {
        ubl.KEY: ubl.BINDING,
        cii.KEY: cii.BINDING,
        fatturapa_syntax.KEY: fatturapa_syntax.BINDING,
        fatturapa_simplified.KEY: fatturapa_simplified.BINDING,
        facturae_syntax.KEY: facturae_syntax.BINDING,
        ksef_syntax.KEY: ksef_syntax.BINDING,
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
        facturx.XRECHNUNG.key: facturx.XRECHNUNG,
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
        cius_hr.PROFILE.key: cius_hr.PROFILE,
        zatca.PROFILE.key: zatca.PROFILE,
        fatturapa.PRIVATE.key: fatturapa.PRIVATE,
        fatturapa.PUBLIC.key: fatturapa.PUBLIC,
        fatturapa.SIMPLIFIED.key: fatturapa.SIMPLIFIED,
        facturae.PROFILE.key: facturae.PROFILE,
        ksef.PROFILE.key: ksef.PROFILE,
        **{profile.key: profile for profile in pint.PROFILES},
    }
)

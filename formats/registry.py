"""The vocabularies and profiles that there are, one line each."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from formats.profiles import en16931_ubl, peppol_bis3
from formats.profiles.profile import Profile
from formats.syntaxes import ubl
from formats.syntaxes.binding import Binding

__all__ = ["PROFILES", "SYNTAXES"]

SYNTAXES: Final[Mapping[str, Binding]] = MappingProxyType(
    {
        ubl.KEY: ubl.BINDING,
    }
)

PROFILES: Final[Mapping[str, Profile]] = MappingProxyType(
    {
        peppol_bis3.PROFILE.key: peppol_bis3.PROFILE,
        en16931_ubl.PROFILE.key: en16931_ubl.PROFILE,
    }
)

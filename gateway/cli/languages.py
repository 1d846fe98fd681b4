"""The languages that commands speak: the gateway's own words; what publishers say stays as published."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["Language"]


class Language(StrEnum):
    """Of our own words."""

    EN = "en"
    NL = "nl"
    DE = "de"
    FR = "fr"

"""Peppol PINT: the international invoice, with the specialisations whose rules are published.

Each country has a shared part, which is the same for all, and an aligned part of its own. They are judged,
not written: they know taxes that are no VAT. Identifiers only until OpenPeppol's rules are added (gateway
rules add). Source: OpenPeppol, PINT 1.1 and its specialisations, identifiers as in their rules.
"""

from __future__ import annotations

from typing import Final

from formats.profiles.profile import Profile

__all__ = ["PROFILES"]

_BILLING: Final = "urn:peppol:bis:billing"
_SELF_BILLING: Final = "urn:peppol:bis:selfbilling"


def _profile(key: str, name: str, kind: str, country: str, process: str, packs: tuple[str, ...]) -> Profile:
    identifier = f"urn:peppol:pint:{kind}-1" + (f"@{country}-1" if country else "")
    return Profile(
        key=key,
        title=f"Peppol PINT {name}",
        specification_id=identifier,
        business_process=process,
        syntax="ubl-2.1",
        rule_packs=packs,
        valid_from=None,
        sources=("https://docs.peppol.eu/poac/pint/",),
        also=(f"{identifier}.",) if country else (),  # later versions of a specialisation, "@jp-1.2"
        judged_only=True,
    )


def _pair(set_key: str) -> tuple[str, str]:
    return f"{set_key}-shared", f"{set_key}-aligned"


PROFILES: Final = (
    _profile("pint-ae", "United Arab Emirates", "billing", "ae", _BILLING, _pair("pint-ae")),
    _profile("pint-aunz", "Australia and New Zealand", "billing", "aunz", _BILLING, _pair("pint-aunz")),
    _profile(
        "pint-eu",
        "European Union",
        "billing",
        "eu",
        _BILLING,
        ("pint-eu-shared", "pint-eu-en16931", "pint-eu-aligned"),
    ),
    _profile("pint-jp", "Japan", "billing", "jp", _BILLING, _pair("pint-jp")),
    _profile("pint-jp-ntr", "Japan, not tax related", "nontaxinvoice", "jp", _BILLING, _pair("pint-jp-ntr")),
    _profile("pint-my", "Malaysia", "billing", "my", _BILLING, _pair("pint-my")),
    _profile("pint-om", "Oman", "billing", "om", _BILLING, _pair("pint-om")),
    _profile("pint-sg", "Singapore", "billing", "sg", _BILLING, _pair("pint-sg")),
    _profile(
        "pint-ae-selfbilling",
        "United Arab Emirates, self-billing",
        "selfbilling",
        "ae",
        _SELF_BILLING,
        _pair("pint-ae-selfbilling"),
    ),
    _profile(
        "pint-aunz-selfbilling",
        "Australia and New Zealand, self-billing",
        "selfbilling",
        "aunz",
        _SELF_BILLING,
        _pair("pint-aunz-selfbilling"),
    ),
    _profile(
        "pint-jp-selfbilling",
        "Japan, self-billing",
        "selfbilling",
        "jp",
        _SELF_BILLING,
        _pair("pint-jp-selfbilling"),
    ),
    _profile(
        "pint-my-selfbilling",
        "Malaysia, self-billing",
        "selfbilling",
        "my",
        _SELF_BILLING,
        _pair("pint-my-selfbilling"),
    ),
    _profile(
        "pint-om-selfbilling",
        "Oman, self-billing",
        "selfbilling",
        "om",
        _SELF_BILLING,
        _pair("pint-om-selfbilling"),
    ),
    _profile("pint", "billing, without a specialisation", "billing", "", _BILLING, ("pint-shared",)),
)

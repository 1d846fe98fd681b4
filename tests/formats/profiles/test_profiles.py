"""Profiles: identifiers set, everything else left alone, and nothing named that does not exist."""

from __future__ import annotations

from dataclasses import replace

import pytest

from formats.model import Invoice
from formats.profiles.profile import Profile
from formats.registry import PROFILES, SYNTAXES
from gateway.rules.packs import KNOWN
from tests.strategies import sample_invoice


@pytest.mark.parametrize("key", PROFILES)
def test_profiles_name_things_that_exist(key: str) -> None:
    """Its syntax is one of ours, its rule packs are known, its key is its own."""
    profile = PROFILES[key]
    assert profile.key == key
    assert profile.syntax in SYNTAXES
    assert set(profile.rule_packs) <= set(KNOWN)
    assert profile.sources


def test_a_prepared_invoice_differs_in_its_identifiers_only() -> None:
    profile = PROFILES["peppol-bis-3"]
    plain = replace(sample_invoice(), specification_id=None, business_process=None)
    prepared = profile.prepare(plain)
    assert prepared.specification_id == profile.specification_id
    assert prepared.business_process == profile.business_process
    assert replace(prepared, specification_id=None, business_process=None) == plain


def test_a_profile_without_a_process_keeps_the_invoice_s_own() -> None:
    profile: Profile = PROFILES["en16931-ubl"]
    assert profile.prepare(Invoice(business_process="P1")).business_process == "P1"


def test_no_two_profiles_of_a_syntax_claim_one_document() -> None:
    """But for Factur-X, which is told from the plain core invoice by the PDF around it."""
    claimed = [
        (
            profile.syntax,
            profile.specification_id,
            profile.business_process if not profile.specification_id else "",
        )
        for profile in PROFILES.values()
        if not profile.in_pdf
    ]
    assert len(claimed) == len(set(claimed))


def test_a_family_has_one_member_in_each_syntax() -> None:
    members = [(profile.family, profile.syntax) for profile in PROFILES.values() if profile.family]
    assert len(members) == len(set(members))
    assert not {family for family, _ in members} & set(PROFILES)


def test_parts_that_tell_a_profile_tell_only_its_own() -> None:
    """No identifier of one profile reads as another version of a second one in the same syntax."""
    for profile in PROFILES.values():
        others = [
            other.key
            for other in PROFILES.values()
            if other.syntax == profile.syntax
            and other.specification_id != profile.specification_id
            and other.resembles(profile.specification_id)
        ]
        assert set(others) <= {"nlcius-ubl"}, profile.key

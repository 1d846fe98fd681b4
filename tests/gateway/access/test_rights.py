"""Who may do what, company by company."""

from __future__ import annotations

import pytest

from gateway.access.rights import ALL_COMPANIES, RIGHTS, Actor, Right, Role


def test_nobody_holds_all_rights() -> None:
    for role, rights in RIGHTS.items():
        assert rights < set(Right), role


def test_compliance_reads_everything_and_changes_nothing() -> None:
    changing = {right for right in Right if right.value.rpartition(":")[2] not in ("read", "export")}
    assert not RIGHTS[Role.COMPLIANCE] & changing
    assert set(Right) - changing == RIGHTS[Role.COMPLIANCE]


def test_who_sets_up_does_not_decide_about_invoices_and_the_other_way_round() -> None:
    assert Right.ACT_ON_INVOICES not in RIGHTS[Role.ADMINISTRATOR]
    assert Right.SET_UP not in RIGHTS[Role.FINANCE]
    assert Right.MANAGE_PEOPLE not in RIGHTS[Role.FINANCE]


@pytest.mark.parametrize(
    ("company", "may"), [("vandael", True), ("veldhoek", False), (None, False)], ids=["own", "other", "all"]
)
def test_a_right_for_one_company_is_none_for_another(company: str | None, may: bool) -> None:
    actor = Actor("1", "Marit", {"vandael": RIGHTS[Role.FINANCE]})
    assert actor.may(Right.ACT_ON_INVOICES, company) is may


def test_a_right_for_all_companies_holds_for_each_and_for_what_belongs_to_none() -> None:
    actor = Actor("1", "Ine", {ALL_COMPANIES: RIGHTS[Role.COMPLIANCE], "vandael": RIGHTS[Role.FINANCE]})
    assert actor.may(Right.SEE_RECORD)
    assert actor.may(Right.SEE_RECORD, "veldhoek")
    assert actor.may(Right.ACT_ON_INVOICES, "vandael")
    assert not actor.may(Right.ACT_ON_INVOICES, "veldhoek")
    assert actor.companies(Right.ACT_ON_INVOICES, frozenset({"vandael", "veldhoek"})) == {"vandael"}
    assert actor.companies(Right.SEE_RECORD, frozenset({"vandael", "veldhoek"})) == {"vandael", "veldhoek"}

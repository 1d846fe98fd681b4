"""Buyers read from Exact Online: which, what of them, and how they are kept in step."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

import pytest

from connectors.base import ReadsParties
from connectors.erp.exact_online_parties import electronic_address
from connectors.sandbox.exact_online_seed import seeded_id
from formats.errors import RemoteUnavailable, RemoteUnexpected
from tests.connectors.exact_site import Site, site_of

KINDS: Mapping[int, str] = {1: "0088", 2: "company"}


@pytest.fixture
def site() -> Iterator[Site]:
    with site_of() as found:
        yield found


def _read(connector: ReadsParties, cursor: str = "") -> tuple[dict[str, Mapping[str, str]], str]:
    found: dict[str, Mapping[str, str]] = {}
    for page in connector.pull_parties(cursor):
        found |= {party.key: party.facts for party in page.parties}
        cursor = page.cursor
    return found, cursor


def test_every_customer_comes_with_what_routing_needs(site: Site) -> None:
    found, _ = _read(site.connector())
    assert len(found) == 11
    assert found[seeded_id("account 2")] == {
        "name": "Bakkerij De Ochtend B.V.",
        "number": "2",
        "country": "NL",
        "vat_id": "NL856234187B01",
        "company_id": "71203465",
        "electronic_address": "0106:71203465",
        "email": "boekhouding@deochtend.example",
        "iban": "NL91ABNA0417164300",
    }
    assert found[seeded_id("account 8")]["electronic_address"] == "0190:00000001004321765000"
    assert "electronic_address" not in found[seeded_id("account 11")]


def test_only_what_changed_comes_again(site: Site) -> None:
    connector = site.connector()
    _, cursor = _read(connector)
    assert _read(connector, cursor) == ({}, cursor)
    site.exact.change_account(4, PeppolIdentifier="0208:0738124072")
    found, cursor = _read(connector, cursor)
    assert list(found) == [seeded_id("account 4")]
    assert found[seeded_id("account 4")]["electronic_address"] == "0208:0738124072"


def test_suppliers_are_no_business_of_ours(site: Site) -> None:
    site.exact.change_account(4, Status="S")
    found, _ = _read(site.connector())
    assert seeded_id("account 4") not in found


def test_a_buyer_whom_exact_serves_itself_says_so(site: Site) -> None:
    site.exact.change_account(2, InvoicingMethod=32)
    found, _ = _read(site.connector())
    assert "Exact Online" in found[seeded_id("account 2")]["route"]


def test_bank_accounts_are_left_alone_where_not_wanted(site: Site) -> None:
    found, _ = _read(site.connector(buyers_bank_accounts=False))
    assert not any("iban" in facts for facts in found.values())
    assert site.exact.server.count("GET", "BankAccounts") == 0


def test_a_moved_division_is_read_from_the_start(site: Site) -> None:
    connector = site.connector()
    _, cursor = _read(connector)
    site.exact.move_division()
    found, _ = _read(connector, cursor)
    assert len(found) == 11


def test_a_failure_in_the_middle_loses_nothing() -> None:
    with site_of(sync_page=4) as site:
        connector = site.connector()
        cursor, found = "", set[str]()
        site.fault("server-error@crm/Accounts")
        for _ in range(5):
            try:
                for page in connector.pull_parties(cursor):
                    found |= {party.key for party in page.parties}
                    cursor = page.cursor
                    if len(found) == 4:
                        site.fault("unavailable@crm/Accounts")
            except RemoteUnavailable:
                continue
        assert len(found) == 11


@pytest.mark.parametrize("cursor", ["{]", "[]", "{}", '{"version": "x", "moved": ""}'])
def test_a_broken_cursor_is_said_to_be_broken(site: Site, cursor: str) -> None:
    with pytest.raises(RemoteUnexpected, match="cannot be read"):
        list(site.connector().pull_parties(cursor))


@pytest.mark.parametrize(
    ("account", "address"),
    [
        ({"PeppolIdentifier": "0208:0738124072", "OINNumber": "1"}, "0208:0738124072"),
        ({"PeppolIdentifierType": 1, "PeppolIdentifier": "8712345000103"}, "0088:8712345000103"),
        ({"PeppolIdentifierType": 2, "PeppolIdentifier": "7120 3465", "Country": "NL "}, "0106:71203465"),
        (
            {"PeppolIdentifierType": 9, "PeppolIdentifier": "x", "GlnNumber": "8712345000103"},
            "0088:8712345000103",
        ),
        ({"OINNumber": "00000001004321765000", "GlnNumber": "8712345000103"}, "0190:00000001004321765000"),
        ({"ChamberOfCommerce": "0738.124.072", "Country": "BE "}, "0208:0738124072"),
        ({"ChamberOfCommerce": "HRB 1", "Country": "DE", "VATNumber": "DE 317845607"}, "9930:DE317845607"),
        ({"VATNumber": "GB123456789"}, ""),
        ({}, ""),
    ],
)
def test_the_order_of_electronic_addresses(account: dict[str, object], address: str) -> None:
    assert electronic_address(account, KINDS) == address


def test_the_kinds_of_identifiers_can_be_set(site: Site) -> None:
    """The numbers that Exact gives them are not published."""
    site.exact.change_account(2, PeppolIdentifierType=7, PeppolIdentifier="NL:X1")
    found, cursor = _read(site.connector(peppol_kinds={7: "9944"}))
    assert found[seeded_id("account 2")]["electronic_address"] == "9944:NLX1"
    assert json.loads(cursor)["version"] > 9_000_000

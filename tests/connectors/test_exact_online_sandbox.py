"""The imitated Exact Online, where the connector does not go: as the real service was seen to behave."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import requests

from connectors.sandbox.exact_online import ImitatedExactOnline
from connectors.sandbox.exact_online_login import CLIENT_ID, CLIENT_SECRET, FIRST_REFRESH_TOKEN
from connectors.sandbox.exact_online_seed import DIVISION, seeded_id
from tests.connectors.exact_site import Clock, Store, site_of

INVOICES = "salesinvoice/SalesInvoices"


class Caller:
    """Somebody who calls with a living token and no help from the connector."""

    def __init__(self, exact: ImitatedExactOnline) -> None:
        self.exact = exact
        form = {
            "grant_type": "refresh_token",
            "refresh_token": FIRST_REFRESH_TOKEN,
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
        }
        self.tokens = requests.post(f"{exact.server.url}/api/oauth2/token", data=form, timeout=5).json()
        self._headers = {
            "Authorization": f"Bearer {self.tokens['access_token']}",
            "Accept": "application/json",
        }

    def __call__(
        self, method: str, place: str, query: dict[str, str] | None = None, body: object = None
    ) -> requests.Response:
        url = f"{self.exact.server.url}/api/v1/{DIVISION}/{place}"
        return requests.request(method, url, params=query, json=body, headers=self._headers, timeout=5)

    def d(self, place: str, **query: str) -> Any:
        answer = self("GET", place, {f"${name}": value for name, value in query.items()})
        assert answer.status_code == 200, answer.text
        return answer.json()["d"]


@pytest.fixture
def caller() -> Iterator[Caller]:
    exact = ImitatedExactOnline(clock=Clock(), minutely=60)
    exact.start()
    yield Caller(exact)
    exact.stop()
    assert exact.server.failures == []


def test_the_life_of_a_token_is_a_text(caller: Caller) -> None:
    assert caller.tokens["expires_in"] == "600"


@pytest.mark.parametrize(
    ("query", "shape"),
    [
        ({"select": "InvoiceID", "top": "5"}, list),
        ({"select": "InvoiceID", "top": "60"}, list),
        ({"select": "InvoiceID", "top": "61"}, dict),
        ({"select": "InvoiceID"}, dict),
    ],
)
def test_the_envelope_changes_with_the_number_asked_for(
    caller: Caller, query: dict[str, str], shape: type
) -> None:
    assert isinstance(caller.d(INVOICES, **query), shape)


def test_a_page_of_sixty_leads_to_the_next_with_a_smaller_top(caller: Caller) -> None:
    caller.exact.add(60)
    page = caller.d(INVOICES, select="InvoiceID", top="70")
    assert len(page["results"]) == 60
    assert "$top=10" in page["__next"]
    assert "$skiptoken=" in page["__next"]


def test_what_is_asked_wrongly_is_an_error_400_that_counts(caller: Caller) -> None:
    for query in ({}, {"$select": "Nonsense"}, {"$select": "InvoiceID", "$filter": "Nonsense eq 1"}):
        assert caller("GET", INVOICES, query).status_code == 400
    missing = caller("GET", INVOICES, {})
    assert "$select" in missing.json()["error"]["message"]["value"]


def test_a_feed_may_be_filtered_by_its_timestamp_only(caller: Caller) -> None:
    feed = "sync/SalesInvoice/SalesInvoices"
    assert caller("GET", feed, {"$select": "ID", "$filter": "Status eq 50"}).status_code == 400
    rows = caller.d(feed, select="ID,Timestamp,InvoiceID", filter="Timestamp gt 1L")["results"]
    assert len(rows) > len({row["InvoiceID"] for row in rows})  # a row for each line


def test_deletions_have_a_feed_of_their_own(caller: Caller) -> None:
    assert caller.d("sync/Deleted", select="EntityKey", filter="Timestamp gt 1L")["results"] == []
    caller.exact.remove(26700010)
    (row,) = caller.d(
        "sync/Deleted", select="EntityKey,EntityType", filter="Timestamp gt 1L and EntityType eq 13"
    )["results"]
    assert row["EntityKey"] == seeded_id("invoice 26700010")


def test_ten_errors_block_an_endpoint_for_an_hour_and_no_other(caller: Caller) -> None:
    for _ in range(10):
        assert caller("GET", "crm/Accounts", {}).status_code == 400
    blocked = caller("GET", "crm/Accounts", {"$select": "ID", "$top": "1"})
    assert (blocked.status_code, blocked.headers["X-RateLimit-Minutely-Remaining"]) == (429, "49")
    assert caller("GET", INVOICES, {"$select": "InvoiceID", "$top": "1"}).status_code == 200


def test_the_sixty_first_call_of_a_minute_is_refused_with_the_minute_only(caller: Caller) -> None:
    statuses = [caller("GET", INVOICES, {"$select": "InvoiceID", "$top": "1"}) for _ in range(61)]
    assert [answer.status_code for answer in statuses] == [200] * 60 + [429]
    assert "X-RateLimit-Remaining" in statuses[0].headers
    assert "X-RateLimit-Remaining" not in statuses[60].headers
    assert statuses[60].headers["X-RateLimit-Minutely-Remaining"] == "0"


def test_no_json_without_asking_for_it(caller: Caller) -> None:
    caller._headers["Accept"] = "*/*"
    assert caller("GET", INVOICES, {"$top": "1"}).content.startswith(b"<feed")


def test_dates_are_local_wall_clock_and_codes_are_padded(caller: Caller) -> None:
    code = caller.d("vat/VATCodes", select="Code,Percentage", top="2")
    assert [(row["Code"], row["Percentage"]) for row in code] != []
    assert all(len(row["Code"]) == 3 for row in code)
    account = caller.d("crm/Accounts", select="Code,Country", top="1")[0]
    assert (len(account["Code"]), account["Country"]) == (18, "NL ")
    invoice = caller.d(f"{INVOICES}(guid'{seeded_id('invoice 26700001').upper()}')")
    assert int(invoice["InvoiceDate"][6:-2]) % 86_400_000 == 0


LINE = {"Description": "Advies", "Quantity": 2, "NetPrice": 50.0, "VATCode": "4  "}


def test_an_invoice_made_by_the_interface_is_open_until_it_is_printed(caller: Caller) -> None:
    made = caller("POST", INVOICES, body={"OrderedBy": seeded_id("account 2"), "SalesInvoiceLines": [LINE]})
    assert made.status_code == 201
    invoice = made.json()["d"]
    assert (invoice["Status"], invoice["InvoiceNumber"], invoice["VATAmountFC"]) == (20, None, None)
    assert caller.exact.books.receivables[-1]["InvoiceNumber"] != invoice["InvoiceNumber"]
    printed = caller("POST", "salesinvoice/PrintedSalesInvoices", body={"InvoiceID": invoice["InvoiceID"]})
    after = printed.json()["d"]
    assert (after["Status"], after["InvoiceNumber"], after["VATAmountFC"]) == (50, 26700021, 21.0)
    owed = caller.exact.books.receivables[-1]
    assert (owed["InvoiceNumber"], str(owed["AmountFC"])) == (26700021, "-121.00")


def test_only_customers_can_be_invoiced_and_errors_are_in_the_users_language(caller: Caller) -> None:
    caller.exact.change_account(2, Status="S")
    refused = caller(
        "POST", INVOICES, body={"OrderedBy": seeded_id("account 2"), "SalesInvoiceLines": [LINE]}
    )
    assert refused.status_code == 500
    assert refused.json()["error"]["message"]["value"].startswith("Ongeldig")


def test_an_open_invoice_can_be_changed_and_deleted_a_processed_one_neither(caller: Caller) -> None:
    body = {"OrderedBy": seeded_id("account 2"), "SalesInvoiceLines": [LINE]}
    made = caller("POST", INVOICES, body=body).json()["d"]
    place = f"{INVOICES}(guid'{made['InvoiceID']}')"
    assert caller("PUT", place, body={"YourRef": "PO 1", "DueDate": "2026-12-31"}).status_code == 204
    assert caller.d(place)["YourRef"] == "PO 1"
    assert caller("PUT", place, body={"AmountFC": 1}).status_code == 400
    assert caller("DELETE", place).status_code == 204
    assert caller("GET", place).status_code == 404
    done = f"{INVOICES}(guid'{seeded_id('invoice 26700001')}')"
    for method, sent in (("PUT", {"YourRef": "x"}), ("DELETE", None)):
        assert caller(method, done, body=sent).status_code == 500


def test_a_used_refresh_token_and_a_wrong_secret_are_told_apart(caller: Caller) -> None:
    url = f"{caller.exact.server.url}/api/oauth2/token"
    form = {
        "grant_type": "refresh_token",
        "refresh_token": FIRST_REFRESH_TOKEN,
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
    }
    used = requests.post(url, data=form, timeout=5)
    assert (used.status_code, used.json()["error_description"]) == (401, "Old refresh token used.")
    wrong = requests.post(url, data={**form, "client_secret": "x"}, timeout=5)
    assert (wrong.status_code, wrong.json()["error"]) == (401, "invalid_client")
    early = requests.post(url, data={**form, "refresh_token": caller.tokens["refresh_token"]}, timeout=5)
    assert (early.status_code, "not expired" in early.text) == (400, True)


def test_a_pull_survives_the_turn_of_the_day_and_the_change_of_the_clocks() -> None:
    """The last Sunday of October: an invoice saved in the hour that comes twice."""
    with site_of() as site:
        for moment in ("2026-10-25T00:30:00+00:00", "2026-10-25T01:30:00+00:00", "2026-03-29T01:30:00+00:00"):
            site.clock.now = site.clock.now.fromisoformat(moment)
            (key,) = site.exact.add(1)
            store = Store()
            store.pull(site.connector())
            assert key in {one.key for page in store.pages for one in page.documents}
            site.clock.now += timedelta(days=1)

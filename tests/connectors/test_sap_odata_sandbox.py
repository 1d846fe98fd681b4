"""The imitated S/4HANA itself: what real systems were seen to do, so that passing here means something."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import requests

from connectors.sandbox.s4_login import CSRF_FAILED, PASSWORD, USER
from tests.connectors.s4_bench import Host

BILLING = "API_BILLING_DOCUMENT_SRV/"
STATUS = "YY1_EINVSTATUS_CDS/YY1_EINVSTATUS"
JSON = {"Accept": "application/json"}


class Browser:
    """A client that knows nothing of our connector."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.auth = (USER, PASSWORD)

    def __call__(self, path: str, method: str = "GET", **options: Any) -> requests.Response:
        options.setdefault("headers", JSON)
        url = f"{self.host.s4.server.url}/sap/opu/odata/sap/{path}"
        return self.session.request(method, url, timeout=10, **options)

    def d(self, path: str, **query: str) -> Any:
        answer = self(path, params={f"${name}": value for name, value in query.items()})
        assert answer.status_code == 200, answer.text
        return answer.json()["d"]

    def code(self, path: str, **query: str) -> tuple[int, str]:
        answer = self(path, params={f"${name}": value for name, value in query.items()})
        return answer.status_code, str(answer.json()["error"]["code"])

    def token(self) -> dict[str, str]:
        answer = self("YY1_EINVSTATUS_CDS/", headers={**JSON, "x-csrf-token": "fetch"})
        return {**JSON, "X-CSRF-Token": answer.headers["x-csrf-token"]}


@pytest.fixture
def host() -> Iterator[Host]:
    made = Host(seeded=True)
    yield made
    made.close()


@pytest.fixture
def browser(host: Host) -> Iterator[Browser]:
    made = Browser(host)
    yield made
    made.session.close()


@pytest.mark.parametrize("path", [BILLING, "NO_SUCH_SERVICE/", f"{BILLING}A_BillingDocument"])
def test_logon_comes_before_routing(browser: Browser, path: str) -> None:
    browser.session.auth = (USER, "wrong")
    answer = browser(path)
    assert (answer.status_code, answer.headers["Content-Type"]) == (401, "text/html;charset=utf-8")
    assert answer.headers["WWW-Authenticate"].startswith("Basic realm=")


def test_an_unknown_service_is_forbidden_not_missing(browser: Browser) -> None:
    assert browser.code("NO_SUCH_SERVICE/") == (403, "/IWFND/MED/170")
    assert browser.code("API_BILLING_DOCUMENT_SRV;v=2/") == (403, "/IWFND/MED/170")


def test_without_a_wish_for_json_it_speaks_atom(browser: Browser) -> None:
    answer = browser(f"{BILLING}A_BillingDocument", headers={})
    assert answer.headers["Content-Type"].startswith("application/atom+xml")
    error = browser(f"{BILLING}A_Nothing", headers={"Accept": "application/xml"})
    assert error.headers["Content-Type"].startswith(("application/xml", "application/atom"))
    assert browser(f"{BILLING}A_BillingDocument?$format=json&$top=1", headers={}).json()["d"]["results"]


def test_padded_and_unpadded_keys_find_the_same_record(browser: Browser) -> None:
    plain, padded = (
        browser.d(f"{BILLING}A_BillingDocument('{number}')") for number in ("90000201", "0090000201")
    )
    assert plain == padded
    assert (plain["BillingDocument"], plain["SoldToParty"], plain["DocumentReferenceID"]) == (
        "90000201",
        "100001",
        "0090000201",
    )
    assert plain["TotalNetAmount"] == "3937.40"
    assert plain["BillingDocumentDate"] == "/Date(1791158400000)/"
    assert plain["CreationTime"] == "PT08H15M30S"
    assert plain["LastChangeDateTime"].endswith("+0000)/")
    assert "123456" in plain["__metadata"]["etag"]
    assert set(plain["to_Item"]) == {"__deferred"}


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"filter": "BillingDocumentDate ge '2026-10-01'"}, 400),
        ({"filter": "billingdocument eq '1'"}, 400),
        ({"filter": "TotalNetAmount gt '5'"}, 400),
        ({"filter": "BillingDocument in ('1')"}, 400),
        ({"filter": "BillingDocument eq '1' and"}, 400),
        ({"select": "NoSuchField"}, 400),
        ({"expand": "to_Nothing"}, 400),
        ({"orderby": "NoSuchField"}, 400),
        ({"top": "many"}, 400),
        ({"search": "x"}, 400),
    ],
)
def test_mistakes_in_a_question_are_refused(browser: Browser, query: dict[str, str], status: int) -> None:
    assert browser.code(f"{BILLING}A_BillingDocument", **query)[0] == status


def test_what_is_not_there_is_404(browser: Browser) -> None:
    for path in (
        "A_BillingDocument('4711')",
        "a_billingdocument",
        "A_BillingDocument('90000201')/to_Nothing",
    ):
        assert browser.code(BILLING + path) == (404, "/IWBEP/CM_MGW_RT/020")


def test_long_texts_can_neither_be_filtered_nor_sorted(browser: Browser) -> None:
    place = f"{BILLING}A_BillingDocumentText"
    assert browser.code(place, filter="substringof('a',LongText)")[0] == 400
    assert browser.code(place, orderby="LongText")[0] == 400
    assert browser.d(place, filter="LongTextID eq '0001'")["results"]


def test_counting_skipping_and_ordering(browser: Browser) -> None:
    place = f"{BILLING}A_BillingDocument"
    found = browser.d(place, top="2", skip="1", inlinecount="allpages", orderby="BillingDocument desc")
    assert [row["BillingDocument"] for row in found["results"]] == ["90000423", "90000422"]
    assert found["__count"] == "43"
    assert browser(f"{place}/$count", headers={}).text == "43"


def test_all_sets_can_be_read_by_themselves(browser: Browser) -> None:
    items = browser.d(f"{BILLING}A_BillingDocumentItem", filter="BillingDocument eq '90000201'")["results"]
    assert [row["BillingDocumentItem"] for row in items] == ["10", "20"]
    conditions = browser.d(
        f"{BILLING}A_BillingDocumentItemPrcgElmnt", filter="BillingDocument eq '0090000201'"
    )
    assert {row["ConditionType"] for row in conditions["results"]} == {"PPR0", "TTX1", "DCD1", "PCIP"}


def test_a_further_page_has_an_opaque_token_that_can_end(host: Host, browser: Browser) -> None:
    host.s4.page = 10
    host.s4.internal_links = True
    following = browser.d(f"{BILLING}A_BillingDocument")["__next"]
    assert following.startswith("http://vhs4hci.internal.example:44300/sap/opu/odata/sap/")
    path = following.partition("/odata/sap/")[2]
    assert len(browser.d(path)["results"]) == 10
    host.s4.epoch += 1
    assert browser(path).status_code == 410


@pytest.mark.parametrize(
    ("language", "functions", "unit"),
    [("EN", ["SP", "BP", "PY"], "PC"), ("DE", ["AG", "RE", "RG"], "ST")],
)
def test_the_language_of_the_logon_decides_about_names(
    browser: Browser, language: str, functions: list[str], unit: str
) -> None:
    answer = browser(
        f"{BILLING}A_BillingDocument('90000201')?$expand=to_Partner,to_Item",
        headers={**JSON, "sap-language": language},
    ).json()["d"]
    assert [row["PartnerFunction"] for row in answer["to_Partner"]["results"]] == functions
    assert answer["to_Item"]["results"][0]["BillingQuantityUnit"] == unit


# Writing.


def test_a_token_has_24_signs_and_comes_with_two_cookies(browser: Browser) -> None:
    answer = browser("YY1_EINVSTATUS_CDS/", headers={**JSON, "X-CSRF-Token": "FETCH"})
    assert len(answer.headers["x-csrf-token"]) == 24
    assert set(browser.session.cookies.keys()) == {"SAP_SESSIONID_S4H_100", "sap-usercontext"}
    head = browser("YY1_EINVSTATUS_CDS/", "HEAD", headers={"X-CSRF-Token": "fetch"})
    assert head.headers["x-csrf-token"] == answer.headers["x-csrf-token"]


def test_a_token_is_worth_nothing_without_its_cookies(host: Host, browser: Browser) -> None:
    headers = browser.token()
    record = json.dumps({"CompanyCode": "1000", "BillingDocument": "1"})
    assert browser(STATUS, "POST", data=record, headers=headers).status_code == 201
    for spoil in (browser.session.cookies.clear, host.s4.logon.expire_sessions):
        headers = browser.token()
        spoil()
        answer = browser(STATUS, "POST", data=record, headers=headers)
        assert (answer.status_code, answer.text) == (403, CSRF_FAILED)
        assert (answer.headers["x-csrf-token"], len(answer.content)) == ("Required", 28)
    assert browser(STATUS, "POST", data=record).status_code == 403


def test_a_session_ends_when_nobody_uses_it(host: Host, browser: Browser) -> None:
    headers = browser.token()
    host.clock.forward(minutes=31)
    assert browser(STATUS, "POST", data="{}", headers=headers).status_code == 403


@pytest.mark.parametrize("status", [501, 405])
def test_billing_documents_cannot_be_written_to(host: Host, browser: Browser, status: int) -> None:
    host.s4.read_only_status = status
    headers = browser.token()
    answer = browser(f"{BILLING}A_BillingDocument('90000201')", "PATCH", data="{}", headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, "/IWBEP/CM_MGW_RT/021")


def test_a_row_needs_its_entity_tag(browser: Browser) -> None:
    headers = browser.token()
    made = browser(
        STATUS, "POST", data=json.dumps({"BillingDocument": "1", "Status": "SENT"}), headers=headers
    ).json()["d"]
    place = f"{STATUS}(guid'{made['SAP_UUID']}')"
    change = json.dumps({"Status": "DELIVERED"})

    def patched(**more: str) -> int:
        return browser(place, "PATCH", data=change, headers={**headers, **more}).status_code

    assert patched() == 428
    assert patched(**{"If-Match": 'W/"stale"'}) == 412
    assert patched(**{"If-Match": made["__metadata"]["etag"]}) == 204
    assert patched(**{"If-Match": made["__metadata"]["etag"]}) == 412
    assert patched(**{"If-Match": "*"}) == 204
    assert browser.d(place)["Status"] == "DELIVERED"


def test_cancelling_makes_a_second_document_and_cannot_be_done_twice(browser: Browser) -> None:
    headers = browser.token()
    path = f"{BILLING}Cancel?BillingDocument='90000214'"
    (first,) = browser(path, "POST", headers=headers).json()["d"]["results"]
    (second,) = browser(path, "POST", headers=headers).json()["d"]["results"]
    assert (first["SystemMessageType"], second["SystemMessageType"]) == ("S", "E")
    new = browser.d(f"{BILLING}A_BillingDocument('{first['CancellationBillingDocument']}')")
    assert (new["BillingDocumentType"], new["CancelledBillingDocument"]) == ("S1", "90000214")
    assert browser.d(f"{BILLING}A_BillingDocument('90000214')")["BillingDocumentIsCancelled"] is True


def test_a_pdf_is_base64_with_line_breaks(host: Host, browser: Browser) -> None:
    found = browser.d(f"{BILLING}GetPDF?BillingDocument='90000201'")["GetPDF"]["BillingDocumentBinary"]
    assert "\r\n" in found
    assert base64.b64decode(found).startswith(b"%PDF")
    host.s4.without_pdf.add("90000202")
    assert browser(f"{BILLING}GetPDF?BillingDocument='90000202'").status_code == 400


def test_the_service_document_and_the_metadata(browser: Browser) -> None:
    assert "A_BillingDocumentItem" in browser.d(BILLING)["EntitySets"]
    answer = browser(f"{BILLING}$metadata")
    assert answer.headers["Content-Type"].startswith("application/xml")
    assert b'm:ConcurrencyMode="Fixed"' in answer.content


def test_accounting_lags_behind_billing(host: Host, browser: Browser) -> None:
    host.s4.posting_delay = timedelta(minutes=5)
    (number,) = host.s4.bill(1)
    place = "API_OPLACCTGDOCITEMCUBE_SRV/A_OperationalAcctgDocItemCube"
    assert browser.d(place, filter=f"BillingDocument eq '{number}'")["results"] == []
    host.clock.forward(minutes=6)
    (line,) = browser.d(place, filter=f"BillingDocument eq '{number}'")["results"]
    assert (line["IsCleared"], line["ClearingDate"], line["ClearingAccountingDocument"]) == (False, None, "")
    assert (line["OriginalReferenceDocument"], line["DebitCreditCode"]) == (number.zfill(10), "S")


def test_the_clerk_mends_what_was_wrong(host: Host) -> None:
    assert len(host.s4.mend()) == 3
    assert (
        host.s4.document("90000212")["TotalGrossAmount"]
        == host.s4.document("90000212")["TotalNetAmount"] + host.s4.document("90000212")["TaxAmount"]
    )

"""NetSuite over SuiteQL and REST against the imitated account: pulled, written, paid, and gone wrong."""

from __future__ import annotations

import base64
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.x509.oid import NameOID
from pydantic import ValidationError

from connectors.base import (
    DeliveryState,
    IncomingPayment,
    OpenInvoice,
    Page,
    PaymentState,
    RejectedDocument,
    SourceDocument,
    StateCell,
    StatusReport,
    Surroundings,
)
from connectors.erp.netsuite_rest import NetSuiteRestSource
from connectors.erp.netsuite_rest_bundle import plain
from connectors.erp.netsuite_rest_login import Client, TokenSecrets, assertion, oauth_header
from connectors.erp.netsuite_rest_service import text
from connectors.erp.netsuite_rest_settings import NetSuiteRestSettings
from connectors.http import HttpAnswer, HttpClient
from connectors.sandbox.faults import Fault
from connectors.sandbox.netsuite import NetSuiteSandbox
from connectors.sandbox.netsuite_login import CONSUMER_KEY, CONSUMER_SECRET, TOKEN, TOKEN_SECRET
from connectors.sandbox.netsuite_records import Custom, Ref, Row
from connectors.sandbox.netsuite_rest_login import CERTIFICATE_ID, CLIENT_ID, TOKEN_PATH, Certificate
from connectors.sandbox.netsuite_seeds import SEEDED_CREDIT_MEMOS, SEEDED_INVOICES
from formats.errors import (
    ConfigError,
    RemoteBlocked,
    RemoteError,
    RemoteRefused,
    RemoteUnavailable,
    RemoteUnexpected,
)
from tests.conftest import SteppingClock

SENT_AT: Final = datetime(2026, 11, 23, 8, 5, tzinfo=UTC)
WRONG_TOTAL: Final = "BW-2026-0115"
QUERY: Final = "POST .*/suiteql"
WITH_FILE: Final = "BW-2026-0111"
SENDABLE: Final = sorted({*SEEDED_INVOICES, *SEEDED_CREDIT_MEMOS} - {WRONG_TOTAL, WITH_FILE})


def no_cell(name: str) -> AbstractContextManager[StateCell]:
    raise AssertionError(f"no state is kept, {name} was asked for")


@pytest.fixture
def account(clock: SteppingClock) -> Iterator[NetSuiteSandbox]:
    sandbox = NetSuiteSandbox(0, clock=clock)
    sandbox.start()
    yield sandbox
    sandbox.stop()
    assert sandbox.failures == []


Make = Callable[..., NetSuiteRestSource]


@pytest.fixture
def connect(account: NetSuiteSandbox, clock: SteppingClock) -> Iterator[Make]:
    """Connectors to the account, with other settings, secrets or clock where a test names them."""
    made: list[NetSuiteRestSource] = []

    def make(
        *, secrets: dict[str, str] | None = None, at: Callable[[], datetime] = clock, **settings: Any
    ) -> NetSuiteRestSource:
        known = {**account.secrets(), **(secrets or {})}
        wanted = {
            "account": "1234567_SB1",
            "base_url": account.addresses()["rest"],
            "client_id": "file:netsuite_client_id",
            "certificate_id": CERTIFICATE_ID,
            "private_key": "file:netsuite_private_key",
            "read_seconds": 0.8,
            "busy_seconds": 0.01,
            **settings,
        }
        surroundings = Surroundings(
            secret=lambda reference: known[reference.removeprefix("file:")], clock=at, locked=no_cell
        )
        settings_ = NetSuiteRestSettings.model_validate(wanted)
        connector = NetSuiteRestSource("brightwater", settings_, surroundings)
        made.append(connector)
        return connector

    yield make
    for connector in made:
        connector.close()


@pytest.fixture
def netsuite(connect: Make) -> NetSuiteRestSource:
    return connect()


TBA: Final = {
    "login": "tba",
    "consumer_key": "file:netsuite_consumer_key",
    "consumer_secret": "file:netsuite_consumer_secret",
    "token_id": "file:netsuite_token_id",
    "token_secret": "file:netsuite_token_secret",
}


def documents(pages: Iterator[Page]) -> list[SourceDocument]:
    return [document for page in pages for document in page.documents]


def rejections(pages: Iterator[Page]) -> list[RejectedDocument]:
    return [one for page in pages for one in page.rejected]


def content(document: SourceDocument) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(document.content)
    return found


def numbers(pages: Iterator[Page]) -> list[str]:
    return sorted(content(document)["record"]["tranid"] for document in documents(pages))


def one(netsuite: NetSuiteRestSource, number: str) -> dict[str, Any]:
    found = [content(document) for document in documents(netsuite.pull(""))]
    return next(document for document in found if document["record"]["tranid"] == number)


def queries(account: NetSuiteSandbox) -> int:
    return account._http.count("POST", "suiteql")


REPORT: Final = StatusReport(
    reference="brightwater/invoice/1002/delivered",
    key="invoice/1002",
    number="BW-2026-0102",
    document_id="",
    state=DeliveryState.DELIVERED,
    text="",
    at=SENT_AT,
    message_id="7c3f2c1e-0000-4000-8000-000000000001",
)

# Signing in.


def rsa_key(size: int = 2048) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, size)


def pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def part(data: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(data).encode()).rstrip(b"=").decode()


def claims(account: NetSuiteSandbox, **changed: object) -> dict[str, object]:
    now = int(account.clock().timestamp())
    return {
        "iss": CLIENT_ID,
        "scope": "rest_webservices",
        "aud": f"{account.addresses()['rest']}{TOKEN_PATH}",
        "iat": now,
        "exp": now + 300,
        **changed,
    }


def asked(account: NetSuiteSandbox, assertion_text: str) -> HttpAnswer:
    """What the token endpoint says to this assertion."""
    http = HttpClient(account.addresses()["rest"], clock=account.clock)
    try:
        return http.request(
            "POST",
            TOKEN_PATH,
            form={
                "grant_type": "client_credentials",
                "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
                "client_assertion": assertion_text,
            },
            allowed=(400, 401),
        )
    finally:
        http.close()


def test_an_assertion_says_what_the_flow_asks_for() -> None:
    """Issuer, audience, scope, certificate; it lives five minutes and differs each time."""
    key = pem(ec.generate_private_key(ec.SECP256R1()))
    client = Client("client-1", "cert-1", key, scopes=("rest_webservices", "restlets"))
    first, second = (assertion(client, "https://x.example/token", SENT_AT) for _ in range(2))
    head, payload = (json.loads(base64.urlsafe_b64decode(text + "==")) for text in first.split(".")[:2])
    assert head == {"typ": "JWT", "alg": "ES256", "kid": "cert-1"}
    assert (payload["iss"], payload["aud"]) == ("client-1", "https://x.example/token")
    assert payload["scope"] == "rest_webservices,restlets"
    assert (payload["iat"], payload["exp"]) == (int(SENT_AT.timestamp()), int(SENT_AT.timestamp()) + 300)
    assert first != second


@pytest.mark.parametrize(
    ("made", "algorithm"),
    [
        (rsa_key, "PS256"),
        (lambda: ec.generate_private_key(ec.SECP256R1()), "ES256"),
        (lambda: ec.generate_private_key(ec.SECP384R1()), "ES384"),
        (lambda: ec.generate_private_key(ec.SECP521R1()), "ES512"),
    ],
)
def test_each_kind_of_key_signs_in_its_own_way(
    account: NetSuiteSandbox,
    connect: Make,
    made: Callable[[], rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey],
    algorithm: str,
) -> None:
    """RSA keys with PSS, curves with the hash of their size; the account verifies each."""
    key = made()
    account.rest_login.certificates["own"] = Certificate(key.public_key())
    netsuite = connect(secrets={"netsuite_private_key": pem(key)}, certificate_id="own")
    assert numbers(netsuite.pull("")) == SENDABLE
    client = Client(CLIENT_ID, "own", pem(key))
    head = json.loads(base64.urlsafe_b64decode(assertion(client, "x", SENT_AT).split(".")[0] + "=="))
    assert head["alg"] == algorithm


def test_no_secret_shows_in_the_credentials_text() -> None:
    """A value that ends up in a log says nothing."""
    shown = repr(Client("client-1", "cert-1", "very-secret")) + repr(
        TokenSecrets("1234567", "ck", "cs-secret", "tk-secret", "ts-secret")
    )
    assert "secret" not in shown.replace("private_key", "").replace("_secret", "")


def test_rs256_is_no_choice_and_the_account_refuses_it(account: NetSuiteSandbox, connect: Make) -> None:
    """The older RSA signature is not accepted by the token endpoint."""
    with pytest.raises(ValidationError, match="algorithm"):
        connect(algorithm="RS256")
    key = rsa_key()
    account.rest_login.certificates["own"] = Certificate(key.public_key())
    signed = f"{part({'alg': 'RS256', 'kid': 'own', 'typ': 'JWT'})}.{part(claims(account))}"
    signature = key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
    encoded = base64.urlsafe_b64encode(signature).rstrip(b"=").decode()
    answer = asked(account, f"{signed}.{encoded}")
    assert (answer.status, answer.json()["error"]) == (400, "invalid_request")


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"exp": 2_000_000_000}, "AssertionLivesTooLong"),
        ({"aud": "https://other.example/token"}, "AudienceMismatch"),
        ({"scope": "restlets"}, "ScopeMissing"),
    ],
)
def test_the_imitation_refuses_other_claims(
    account: NetSuiteSandbox, changed: dict[str, object], reason: str
) -> None:
    """An hour is the longest life, the address and the scope are checked."""
    key = ec.generate_private_key(ec.SECP256R1())
    account.rest_login.certificates["own"] = Certificate(key.public_key())
    # The client's own signing, over other claims.
    template = assertion(Client(CLIENT_ID, "own", pem(key)), "x", account.clock()).split(".")[0]
    signed = f"{template}.{part(claims(account, **changed))}"
    pair = decode_dss_signature(key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
    raw = b"".join(number.to_bytes(32, "big") for number in pair)
    assert asked(account, f"{signed}.{base64.urlsafe_b64encode(raw).decode()}").status == 400
    assert account.rest_login.audit_trail == [reason]


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"certificate_id": "cert-other"}, "CertificateUnknown"),
        ({"audience": "https://x"}, "AudienceMismatch"),
    ],
)
def test_a_refused_login_says_where_to_look(
    account: NetSuiteSandbox, connect: Make, settings: dict[str, str], reason: str
) -> None:
    """NetSuite keeps the reason in its own audit trail, so the remedy points there."""
    with pytest.raises(RemoteRefused, match="Login Audit Trail") as caught:
        list(connect(**settings).pull(""))
    assert account.rest_login.audit_trail == [reason]
    assert not any(secret in str(caught.value) for secret in account.secrets().values())


def test_an_expired_certificate_is_refused_and_the_second_one_taken(
    account: NetSuiteSandbox, connect: Make
) -> None:
    """While a certificate is replaced both are configured."""
    old = account.rest_login.certificates[CERTIFICATE_ID]
    account.rest_login.certificates[CERTIFICATE_ID] = replace(old, until=account.clock())
    with pytest.raises(RemoteRefused):
        list(connect().pull(""))
    key = ec.generate_private_key(ec.SECP256R1())
    account.rest_login.certificates["new"] = Certificate(key.public_key())
    netsuite = connect(
        secrets={"new_key": pem(key)}, next_certificate_id="new", next_private_key="file:new_key"
    )
    assert numbers(netsuite.pull("")) == SENDABLE


def test_a_clock_ten_minutes_off_is_refused(
    account: NetSuiteSandbox, connect: Make, clock: SteppingClock
) -> None:
    """The signature is right and too old all the same."""
    with pytest.raises(RemoteRefused, match="clock"):
        list(connect(at=lambda: clock() + timedelta(minutes=10)).pull(""))
    assert account.rest_login.audit_trail == ["InvalidTimestamp"]


def test_after_three_refusals_the_same_credentials_are_not_tried_again(
    account: NetSuiteSandbox, netsuite: NetSuiteRestSource
) -> None:
    """A loop would lock the user out; other credentials are tried at once."""
    account.rest_login.revoked = True
    for _ in range(5):
        with pytest.raises(RemoteRefused):
            list(netsuite.pull(""))
    assert len(account.rest_login.audit_trail) == 3


def test_a_token_that_ends_in_the_middle_is_renewed(account: NetSuiteSandbox, connect: Make) -> None:
    """Paging goes on with the next one, and nothing is lost."""
    netsuite = connect(batch_size=5)
    pages = netsuite.pull("")
    first = next(pages)
    account.rest_login.expire()
    rest = list(pages)
    assert numbers(iter([first, *rest])) == SENDABLE
    assert account.rest_login.granted == 2


def test_a_token_is_renewed_before_its_end(
    account: NetSuiteSandbox, netsuite: NetSuiteRestSource, clock: SteppingClock
) -> None:
    """At nine tenths of its life, which the service tells as a text."""
    list(netsuite.pull(""))
    clock.advance(minutes=53)
    list(netsuite.pull(""))
    assert account.rest_login.granted == 1
    clock.advance(minutes=2)
    list(netsuite.pull(""))
    assert account.rest_login.granted == 2
    assert "TokenRejected" not in account.rest_login.audit_trail


def test_the_signature_of_a_request_as_published() -> None:
    """Token-based authentication over REST: the query is part of what is signed, the realm is not."""
    known = TokenSecrets("1234567_SB1", "ck-demo-0001", "cs-demo-0001", "tk-demo-0001", "ts-demo-0001")
    header = oauth_header(
        known,
        "POST",
        "https://1234567-sb1.suitetalk.api.netsuite.com/services/rest/query/v1/suiteql",
        (("limit", "1000"), ("offset", "0")),
        "12345678901234567890",
        1767225600,
    )
    assert 'oauth_signature="ffj3Pdgmqe2HIQwJr71HsH3ZOhDkqrZk%2FR1EiNB1c2o%3D"' in header
    assert 'realm="1234567_SB1"' in header


def test_an_integration_with_a_token_reads_the_same(account: NetSuiteSandbox, connect: Make) -> None:
    """Token-based authentication for REST, each request signed anew."""
    assert numbers(connect(**TBA).pull("")) == SENDABLE
    assert set(account.rest_login.audit_trail) == {"Success"}


@pytest.mark.parametrize(
    ("realm", "signed_query", "times", "reason"),
    [
        ("1234567_sb1", True, 1, "AccountMismatch"),
        ("1234567_SB1", False, 1, "InvalidSignature"),
        ("1234567_SB1", True, 2, "InvalidNonce"),
    ],
)
def test_signed_requests_that_the_account_refuses(
    account: NetSuiteSandbox, realm: str, signed_query: bool, times: int, reason: str
) -> None:
    """The account id in small letters, a query left out of the signature, a nonce used twice."""
    known = TokenSecrets(realm, CONSUMER_KEY, CONSUMER_SECRET, TOKEN, TOKEN_SECRET)
    base, path = account.addresses()["rest"], "/services/rest/record/v1/invoice"
    query = [("limit", "5")]
    header = oauth_header(
        known,
        "GET",
        f"{base}{path}",
        query if signed_query else (),
        "12345678901234567890",
        int(account.clock().timestamp()),
    )
    http = HttpClient(base, clock=account.clock)
    for _ in range(times):
        answer = http.request("GET", path, query=query, headers={"Authorization": header}, allowed=(401,))
    http.close()
    assert (answer.status, account.rest_login.audit_trail[-1]) == (401, reason)
    assert answer.json()["o:errorDetails"][0]["o:errorCode"] == "INVALID_LOGIN"


@pytest.mark.parametrize("spelling", ["1234567_sb1", "1234567-SB1", "1234567-sb1", ""])
def test_the_account_id_is_checked_before_anything_is_sent(connect: Make, spelling: str) -> None:
    """Mixing up host name and account id is the commonest mistake."""
    with pytest.raises(ValidationError, match="account"):
        connect(account=spelling)


def test_what_a_login_needs_is_asked_for_by_name(connect: Make) -> None:
    """Both ways of logging in name what is missing; unencrypted addresses are only for this machine."""
    with pytest.raises(ValidationError, match="certificate_id"):
        connect(certificate_id="")
    with pytest.raises(ValidationError, match="token_secret"):
        connect(**{**TBA, "token_secret": None})
    with pytest.raises(ValidationError, match="https"):
        connect(base_url="http://netsuite.example.com")
    with pytest.raises(ValidationError, match="time zone"):
        connect(time_zone="Mars/Olympus")


def test_a_key_that_is_none_is_a_mistake_of_the_configuration(connect: Make) -> None:
    """Said without showing it."""
    with pytest.raises(ConfigError, match="private key") as caught:
        list(connect(secrets={"netsuite_private_key": "not-a-key"}).pull(""))
    assert "not-a-key" not in str(caught.value)
    with pytest.raises(ConfigError, match="PS256"):
        list(connect(algorithm="PS256").pull(""))


# Pulling.


def test_approved_invoices_and_credit_memos_come_and_others_do_not(netsuite: NetSuiteRestSource) -> None:
    """Open and paid ones; pending ones wait, a void one is only noted."""
    pages = list(netsuite.pull(""))
    assert numbers(iter(pages)) == SENDABLE
    (void,) = [rejected for rejected in rejections(iter(pages)) if not rejected.needs_person]
    assert void.key == "invoice/1018"


@pytest.mark.parametrize("approval", ["1", "3", "11"])
def test_an_invoice_that_is_not_approved_waits(
    account: NetSuiteSandbox, netsuite: NetSuiteRestSource, approval: str
) -> None:
    """Whatever its status letter says."""
    account.transaction("BW-2026-0102").fields["approvalStatus"] = Ref(approval, "not approved")
    account.save("BW-2026-0102")
    assert "BW-2026-0102" not in numbers(netsuite.pull(""))


def test_a_document_holds_what_belongs_to_the_invoice(netsuite: NetSuiteRestSource) -> None:
    """Lines with item and tax, adjustments below their line, shipping, customer, addresses, seller."""
    found = one(netsuite, "BW-2026-0103")
    assert [line["itemid"] for line in found["lines"]] == ["BI-TURB", "BI-BUF"]
    assert [[row["itemtype"] for row in line["adjustments"]] for line in found["lines"]] == [
        ["Discount"],
        ["Markup"],
    ]
    assert found["lines"][0]["tax"][0]["name"] == "S-BE"
    assert found["shipping"][0]["amount"] == "35"
    assert found["customer"]["taxRegistration"] == [{"country": "BE", "number": "BE1999412696"}]
    assert (found["seller"]["registration"], found["billing"]["country"]) == ("BE1999307184", "BE")
    assert found["term"] == {"daysuntilnetdue": "30", "name": "Net 30"}


def test_amounts_have_the_sign_that_people_see(netsuite: NetSuiteRestSource) -> None:
    """Detail rows are negative on invoices and positive on credit memos; both become positive."""
    for number in ("BW-2026-0101", "BW-CN-2026-0011"):
        for line in one(netsuite, number)["lines"]:
            assert Decimal(line["amount"]) > 0
            assert Decimal(line["quantity"]) > 0
            assert Decimal(line["tax"][0]["amount"]) > 0


def test_costs_of_goods_sold_are_no_lines(netsuite: NetSuiteRestSource) -> None:
    """They repeat the item, with an amount."""
    found = one(netsuite, "BW-2026-0101")
    assert [line["itemid"] for line in found["lines"]] == ["BI-PH7", "SRV-CAL"]


def test_numbers_lose_their_exponent_and_nulls_are_just_absent(netsuite: NetSuiteRestSource) -> None:
    """The service says 8.75E-2 for the price of one vial, and leaves out what is empty."""
    (vial, _) = one(netsuite, "BW-2026-0110")["lines"]
    assert vial["rate"] == "0.0875"
    assert "memo" not in one(netsuite, "BW-2026-0101")["record"]
    assert [plain(value) for value in ("1.0E-2", "121", "-3.5E2", "NaN", "x", None, "1E99")] == [
        "0.010",
        "121",
        "-350",
        None,
        None,
        None,
        None,
    ]


def test_business_dates_are_not_moved_by_zones(netsuite: NetSuiteRestSource) -> None:
    """The account lives nine hours behind the seller."""
    assert one(netsuite, "BW-2026-0101")["record"]["trandate"] == "2026-10-05"


def test_a_credit_memo_names_the_invoice_it_was_made_from(netsuite: NetSuiteRestSource) -> None:
    """And an invoice of an order would name the order."""
    assert one(netsuite, "BW-CN-2026-0011")["source"] == {
        "id": "1001",
        "tranid": "BW-2026-0101",
        "trandate": "2026-10-05",
        "type": "CustInvc",
    }


def test_the_same_rows_give_the_same_bytes(netsuite: NetSuiteRestSource) -> None:
    """Whether something changed is decided by comparing content."""
    first, second = documents(netsuite.pull("")), documents(netsuite.pull(""))
    assert [document.content for document in first] == [document.content for document in second]


def test_nothing_new_is_one_page_and_one_query(
    account: NetSuiteSandbox, netsuite: NetSuiteRestSource, clock: SteppingClock
) -> None:
    """What was given within the overlap is remembered and not read again."""
    (*_, last) = netsuite.pull("")
    clock.advance(minutes=5)
    before = queries(account)
    (page,) = netsuite.pull(last.cursor)
    assert page.documents == ()
    assert queries(account) == before + 1


def test_a_change_after_the_cursor_is_found(
    account: NetSuiteSandbox, netsuite: NetSuiteRestSource, clock: SteppingClock
) -> None:
    """And only that, by a revision that people can read."""
    (*_, last) = netsuite.pull("")
    clock.advance(hours=1)
    account.save("BW-2026-0102", otherRefNum="KZ/2026/0913")
    clock.advance(minutes=1)
    (document,) = documents(netsuite.pull(last.cursor))
    assert (document.key, document.revision) == ("invoice/1002", "2026-11-23 01:00:00")


def test_a_change_in_the_second_of_the_last_one_is_found(
    account: NetSuiteSandbox, netsuite: NetSuiteRestSource, clock: SteppingClock
) -> None:
    """Moments have no fractions: what was saved twice in one second is read once more."""
    account.save("BW-2026-0102", otherRefNum="first")
    (*_, last) = netsuite.pull("")
    account.save("BW-2026-0102", otherRefNum="second")
    (document,) = documents(netsuite.pull(last.cursor))
    assert content(document)["record"]["otherrefnum"] == "second"


def test_a_record_that_shows_up_late_is_found_by_the_overlap(
    account: NetSuiteSandbox, netsuite: NetSuiteRestSource, clock: SteppingClock
) -> None:
    """Saved before the last change that was seen, visible only afterwards."""
    account.save("BW-2026-0101")
    (*_, last) = netsuite.pull("")
    account.transaction("BW-2026-0102").modified = clock() - timedelta(minutes=90)
    assert "BW-2026-0102" in numbers(netsuite.pull(last.cursor))


def test_the_hour_that_comes_twice_loses_nothing(
    account: NetSuiteSandbox, netsuite: NetSuiteRestSource, clock: SteppingClock
) -> None:
    """When summer time ends the account's clock goes back from 2 to 1."""
    clock.now = datetime(2026, 11, 1, 8, 50, tzinfo=UTC)  # 01:50, still summer time
    for record in account.records.values():
        record.modified = clock() - timedelta(days=2)
    account.save("BW-2026-0101")
    (*_, last) = netsuite.pull("")
    clock.advance(minutes=25)  # 01:15, by then winter time
    account.save("BW-2026-0102")
    clock.advance(minutes=1)
    assert "BW-2026-0102" in numbers(netsuite.pull(last.cursor))


def test_batches_come_oldest_first_and_each_cursor_leads_to_the_rest(connect: Make) -> None:
    """After a crash between two pages, reading on from the stored cursor gives all that was not stored."""
    netsuite = connect(batch_size=5)
    pages = list(netsuite.pull(""))
    assert len(pages) == 4
    revisions = [found.revision for page in pages for found in page.documents]
    assert revisions == sorted(revisions)
    rest = {document.key for page in pages[2:] for document in page.documents}
    assert rest <= {document.key for document in documents(netsuite.pull(pages[1].cursor))}


def test_windows_of_days_come_to_the_same(connect: Make, account: NetSuiteSandbox) -> None:
    """A query gives so many rows at most, so long times are read in windows."""
    netsuite = connect(first_pull_days=90, window_days=1)
    assert numbers(netsuite.pull("")) == SENDABLE
    assert queries(account) > 90


@pytest.mark.parametrize("count", [1000, 1001])
def test_a_page_is_not_taken_for_the_whole(account: NetSuiteSandbox, connect: Make, count: int) -> None:
    """A thousand rows at a time; the next page begins behind the last row."""
    account.sell(count - 20)
    found = documents(connect(batch_size=500, read_seconds=30).pull(""))
    assert len(found) == count - 20 + len(SENDABLE)
    assert len({document.key for document in found}) == len(found)


def test_rows_beyond_the_cap_of_a_query_come_all_the_same(account: NetSuiteSandbox, connect: Make) -> None:
    """Each page is a query of its own, so the cap for one query is never met."""
    account.row_cap = 7
    assert numbers(connect(page_size=5, batch_size=4).pull("")) == SENDABLE


def test_a_page_given_twice_is_the_same_rows(account: NetSuiteSandbox, connect: Make) -> None:
    """Each row counts once."""
    account.faults.arm(Fault("duplicate", "suiteql", times=20))
    netsuite = connect(page_size=5)
    found = documents(netsuite.pull(""))
    assert sorted(content(document)["record"]["tranid"] for document in found) == SENDABLE


def test_rows_that_shift_while_paging_lose_nothing(
    account: NetSuiteSandbox, connect: Make, clock: SteppingClock
) -> None:
    """Saved after it was given and before the next page: given again at the end, and none is skipped."""
    netsuite = connect(page_size=5, batch_size=5)
    pages = netsuite.pull("")
    first = next(pages)
    clock.advance(minutes=1)
    account.save("BW-2026-0101", otherRefNum="changed meanwhile")
    found = [content(document) for document in documents(iter([first, *pages]))]
    orders = [one["record"]["otherrefnum"] for one in found if one["record"]["tranid"] == "BW-2026-0101"]
    assert orders == ["NZ-4471", "changed meanwhile"]
    assert {one["record"]["tranid"] for one in found} == set(SENDABLE)


def test_a_column_that_is_not_exposed_is_done_without(account: NetSuiteSandbox, connect: Make) -> None:
    """Columns depend on the features of an account; check names those it does not show."""
    account.hidden_columns |= {"upccode", "taxpointdate", "custcol_price_per"}
    netsuite = connect()
    assert numbers(netsuite.pull("")) == SENDABLE
    (read,) = [step for step in netsuite.check() if step.name == "read"]
    assert "upccode" in read.seen


def test_a_column_that_is_needed_is_asked_for(account: NetSuiteSandbox, netsuite: NetSuiteRestSource) -> None:
    """Without totals there is no invoice."""
    account.hidden_columns.add("foreigntotal")
    with pytest.raises(RemoteUnexpected, match="foreigntotal"):
        list(netsuite.pull(""))


def test_lines_that_do_not_make_the_total_are_for_a_person(netsuite: NetSuiteRestSource) -> None:
    """Rows that the role may not see are missing without a word; such an invoice is not sent."""
    (wrong,) = [rejected for rejected in rejections(netsuite.pull("")) if rejected.key == "invoice/1015"]
    assert wrong.needs_person
    assert "make 778.64, its total is 788.64" in wrong.problem.what


def test_an_invoice_with_a_file_does_not_go_without_it(connect: Make) -> None:
    """This interface brings no files; a person decides, for one invoice or by the settings for all."""
    (held,) = [one for one in rejections(connect().pull("")) if "file" in one.problem.what]
    assert (held.key, held.needs_person) == ("invoice/1011", True)
    assert WITH_FILE in numbers(connect(attachment_field="").pull(""))


def test_a_customer_that_is_not_visible_is_for_a_person(
    account: NetSuiteSandbox, netsuite: NetSuiteRestSource
) -> None:
    """The other invoices go on."""
    del account.records["customer", "804"]
    pages = list(netsuite.pull(""))
    hidden = [rejected.key for rejected in rejections(iter(pages)) if "customer" in rejected.problem.what]
    assert hidden == ["invoice/1006", "creditMemo/1202"]
    assert "BW-2026-0101" in numbers(iter(pages))


def test_a_missing_right_for_customers_stops_the_pull(
    account: NetSuiteSandbox, netsuite: NetSuiteRestSource
) -> None:
    """Without customers no invoice would have a buyer; IT hears of it, and nothing is skipped."""
    account.forbidden.add("customer")
    with pytest.raises(RemoteRefused, match="INSUFFICIENT_PERMISSION"):
        list(netsuite.pull(""))


def test_two_invoices_of_one_number_are_two(account: NetSuiteSandbox, netsuite: NetSuiteRestSource) -> None:
    """Numbers repeat between subsidiaries; the internal id is the key."""
    (number,) = account.sell()
    account.records["invoice", number].fields["tranId"] = "BW-2026-0101"
    account.save("BW-2026-0101")
    keys = [
        document.key
        for document in documents(netsuite.pull(""))
        if content(document)["record"]["tranid"] == "BW-2026-0101"
    ]
    assert sorted(keys) == ["invoice/1001", f"invoice/{number}"]


def test_only_the_wanted_subsidiaries(account: NetSuiteSandbox, connect: Make) -> None:
    """By internal id."""
    assert numbers(connect(subsidiaries=["3"]).pull("")) == SENDABLE
    assert numbers(connect(subsidiaries=["4"]).pull("")) == []


def test_voiding_after_it_went_out_is_noted(
    account: NetSuiteSandbox, netsuite: NetSuiteRestSource, clock: SteppingClock
) -> None:
    """Nothing is sent again, and the journal says what happened."""
    (*_, last) = netsuite.pull("")
    clock.advance(hours=1)
    account.void("BW-2026-0102")
    (page,) = netsuite.pull(last.cursor)
    (void,) = page.rejected
    assert (page.documents, void.key, void.needs_person) == ((), "invoice/1002", False)
    assert "credit memo" in void.problem.fix


@pytest.mark.parametrize("cursor", ["yesterday", '{"at": "x", "seen": {}}', "[]"])
def test_an_unreadable_cursor_names_its_remedy(netsuite: NetSuiteRestSource, cursor: str) -> None:
    """A damaged cursor is for an operator, not for a guess."""
    with pytest.raises(ConfigError, match="reset the cursor"):
        list(netsuite.pull(cursor))


def test_nothing_in_a_cursor_becomes_part_of_a_query(netsuite: NetSuiteRestSource) -> None:
    """Values are checked or quoted before they stand in SuiteQL."""
    with pytest.raises(ConfigError):
        list(netsuite.pull('{"at": "2026-11-22 19:00:00\' OR 1=1 --", "seen": {}}'))
    assert text("PO' OR '1'='1") == "'PO'' OR ''1''=''1'"


# Taxes.


def test_a_legacy_account_with_one_tax_code_is_read(
    account: NetSuiteSandbox, netsuite: NetSuiteRestSource
) -> None:
    """Its lines do not tell their code, but there is only one."""
    account.legacy_tax = True
    found = one(netsuite, "BW-2026-0101")
    assert found["engine"] == "legacy"
    assert [line["tax"] for line in found["lines"]] == [[{"code": "11", "name": "S-BE", "rate": "0.21"}]] * 2
    assert found["record"]["taxtotal"] == "391.02"


def test_a_legacy_invoice_with_several_tax_codes_needs_soap(
    account: NetSuiteSandbox, netsuite: NetSuiteRestSource
) -> None:
    """Which line has which is not told, so nothing is guessed."""
    account.legacy_tax = True
    (refused,) = [one for one in rejections(netsuite.pull("")) if one.key == "invoice/1002"]
    assert "netsuite-soap" in refused.problem.fix


def test_rates_in_percent_are_a_setting(account: NetSuiteSandbox, connect: Make) -> None:
    """What SuiteQL says is a fraction in every account known; the other reading is at hand."""
    found = one(connect(tax_rate="percent"), "BW-2026-0101")
    assert found["lines"][0]["tax"][0]["rate"] == "0.0021"


def test_a_seller_number_that_is_not_valid_on_the_day_is_not_used(
    account: NetSuiteSandbox, connect: Make
) -> None:
    """Of several registrations the one of that country and day counts."""
    subsidiary = account.records["subsidiary", "3"]
    subsidiary.sublists["registrations"] = [
        Row(
            {
                "nexusCountry": "BE",
                "taxRegistrationNumber": "BE0000000097",
                "validUntil": date(2026, 10, 31),
            }
        ),
        Row(
            {
                "nexusCountry": "BE",
                "taxRegistrationNumber": "BE1999307184",
                "effectiveFrom": date(2026, 11, 1),
            }
        ),
        Row({"nexusCountry": "NL", "taxRegistrationNumber": "NL999123452B01"}),
    ]
    netsuite = connect()
    assert one(netsuite, "BW-2026-0101")["seller"]["registration"] == "BE0000000097"
    assert one(netsuite, "BW-2026-0112")["seller"]["registration"] == "BE1999307184"
    subsidiary.sublists["registrations"] = subsidiary.sublists["registrations"][:1]
    seller = one(netsuite, "BW-2026-0112")["seller"]
    assert "registration" not in seller
    assert "federalIdNumber" not in seller


# Failures on the way.


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("too-many-requests", RemoteUnavailable),
        ("server-error", RemoteUnavailable),
        ("unavailable", RemoteUnavailable),
        ("truncated", RemoteUnavailable),
        ("drop-before", RemoteUnavailable),
        ("html", RemoteUnexpected),
        ("revoked-token", RemoteRefused),
    ],
)
@pytest.mark.parametrize("place", ["suiteql", "GET .*/customer/"])
def test_after_a_failure_the_next_pull_gives_everything(
    account: NetSuiteSandbox, connect: Make, place: str, kind: str, expected: type[RemoteError]
) -> None:
    """Each failure says who acts, and asking again from the same cursor loses nothing."""
    netsuite = connect()
    account.faults.arm(Fault(kind, place))
    with pytest.raises(expected) as caught:
        list(netsuite.pull(""))
    assert getattr(caught.value, "uncertain", False) is False
    account.rest_login.revoked = False
    assert numbers(netsuite.pull("")) == SENDABLE


def test_a_full_account_is_asked_again_after_a_pause(account: NetSuiteSandbox, connect: Make) -> None:
    """NetSuite names no time, so the pauses grow; after the last attempt it is tried later."""
    account.faults.arm(Fault("too-many-requests-bare", "suiteql", times=2))
    assert numbers(connect(busy_attempts=3).pull("")) == SENDABLE
    account.faults.arm(Fault("too-many-requests-bare", "suiteql", times=3))
    with pytest.raises(RemoteUnavailable, match="same time"):
        list(connect(busy_attempts=3).pull(""))


def test_a_time_that_the_service_names_counts(
    account: NetSuiteSandbox, netsuite: NetSuiteRestSource, clock: SteppingClock
) -> None:
    """Retry-After goes to the scheduler instead of waiting here."""
    account.faults.arm(Fault("too-many-requests", "suiteql", seconds=90))
    with pytest.raises(RemoteUnavailable) as caught:
        list(netsuite.pull(""))
    assert caught.value.retry_at == clock() + timedelta(seconds=90)


def test_connectors_of_one_account_keep_within_its_limit(
    clock: SteppingClock, connect: Make, account: NetSuiteSandbox
) -> None:
    """Eight at once with two places: the account, which takes two at a time, refuses none."""
    account._running = threading.BoundedSemaphore(2)
    account.latency = 0.01
    connectors = [connect(parallel=2, busy_attempts=1) for _ in range(8)]
    results: list[int] = []

    def work(connector: NetSuiteRestSource) -> None:
        results.append(len(documents(connector.pull(""))))

    threads = [threading.Thread(target=work, args=(connector,)) for connector in connectors]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [len(SENDABLE)] * 8


def test_a_busy_tenant_does_not_hold_up_another(
    clock: SteppingClock, connect: Make, account: NetSuiteSandbox
) -> None:
    """Places belong to an account."""
    other = NetSuiteSandbox(0, clock=clock)
    other.start()
    try:
        account.faults.arm(Fault("slow", "suiteql", seconds=0.5))
        busy = threading.Thread(target=lambda: list(connect(parallel=1).pull("")))
        busy.start()
        quick = connect(parallel=1, base_url=other.addresses()["rest"])
        assert numbers(quick.pull("")) == SENDABLE
        busy.join()
    finally:
        other.stop()


def test_links_in_answers_are_not_followed(account: NetSuiteSandbox, connect: Make) -> None:
    """The next page is asked for by its rows; an address in an answer, foreign or not, is never called."""
    netsuite = connect(page_size=5)
    list(netsuite.pull(""))
    assert not [call for call in account._http.calls if call.status == 404]
    assert queries(account) > 10


def test_an_answer_that_is_too_large_is_refused(account: NetSuiteSandbox, connect: Make) -> None:
    """Read as a stream, and cut at the limit."""
    account.save("BW-2026-0102", message="x" * 1_200_000)
    with pytest.raises(RemoteUnexpected, match="larger than"):
        list(connect(largest_answer_mib=1).pull(""))


def test_a_day_of_calls_can_be_bounded(account: NetSuiteSandbox, connect: Make, clock: SteppingClock) -> None:
    """Reading stops in time, writing still goes, and check tells before."""
    netsuite = connect(calls_per_day=6, calls_kept=4)
    (calls,) = [step for step in connect(calls_per_day=40, calls_kept=4).check() if step.name == "calls"]
    assert not calls.ok
    with pytest.raises(RemoteUnavailable, match="used up") as caught:
        list(netsuite.pull(""))
    assert caught.value.retry_at == datetime(2026, 11, 24, tzinfo=UTC)


def test_the_end_of_soap_does_not_concern_rest(
    account: NetSuiteSandbox, netsuite: NetSuiteRestSource
) -> None:
    """Release 2028.2."""
    account.release = (2028, 2)
    assert numbers(netsuite.pull("")) == SENDABLE


# Writing the status back.


def test_news_is_written_into_the_custom_fields(
    account: NetSuiteSandbox, netsuite: NetSuiteRestSource
) -> None:
    """State, message and moment, in text fields whose names the settings give."""
    assert not netsuite.report_status(REPORT).existed
    assert account.holdings()["status_notes"] == {
        "BW-2026-0102": {
            "custbody_einv_status": "delivered",
            "custbody_einv_message_id": "7c3f2c1e-0000-4000-8000-000000000001",
            "custbody_einv_sent_at": "2026-11-23T08:05:00+00:00",
        }
    }


def test_the_same_news_twice_is_written_once(account: NetSuiteSandbox, netsuite: NetSuiteRestSource) -> None:
    """Looked up first, also when the first answer was lost."""
    account.faults.arm(Fault("drop-after", "PATCH"))
    with pytest.raises(RemoteUnavailable) as caught:
        netsuite.report_status(REPORT)
    assert caught.value.uncertain
    assert netsuite.report_status(REPORT).existed
    assert len(account.updates) == 1


def test_older_news_does_not_replace_newer(account: NetSuiteSandbox, netsuite: NetSuiteRestSource) -> None:
    """ "sent" that was retried for an hour does not undo "delivered"."""
    netsuite.report_status(REPORT)
    late = replace(REPORT, state=DeliveryState.ACCEPTED_FOR_TRANSPORT, at=SENT_AT - timedelta(minutes=3))
    assert netsuite.report_status(late).existed
    assert account.transaction("BW-2026-0102").custom["custbody_einv_status"].value == "delivered"


def test_a_rejection_says_why_and_a_later_delivery_clears_it(
    account: NetSuiteSandbox, netsuite: NetSuiteRestSource
) -> None:
    """The error field holds what is wrong now."""
    fields = account.transaction("BW-2026-0102").custom
    netsuite.report_status(
        replace(REPORT, state=DeliveryState.REJECTED, text="The buyer\nrefused it. " + "x" * 400)
    )
    assert fields["custbody_einv_error"].value.startswith("The buyer refused it.")
    assert len(fields["custbody_einv_error"].value) == 300
    netsuite.report_status(replace(REPORT, at=SENT_AT + timedelta(hours=1)))
    assert "custbody_einv_error" not in fields


def test_neither_our_note_nor_a_payment_makes_another_invoice(
    account: NetSuiteSandbox, netsuite: NetSuiteRestSource, clock: SteppingClock
) -> None:
    """The record moved, so it comes again: with the very same bytes."""
    (*_, last) = netsuite.pull("")
    before = {document.key: document.content for document in documents(netsuite.pull(""))}
    clock.advance(hours=1)
    netsuite.report_status(REPORT)
    account.pay("BW-2026-0102", Decimal("100.00"))
    (after,) = documents(netsuite.pull(last.cursor))
    assert after.content == before["invoice/1002"]


def test_a_real_change_makes_another_document(account: NetSuiteSandbox, netsuite: NetSuiteRestSource) -> None:
    """Also one of the customer, whose record is read again only when it changed."""
    before = one(netsuite, "BW-2026-0102")
    account.records["customer", "802"].fields["email"] = "other@kestrel-ziekenhuis.example"
    account.records["customer", "802"].modified = account.clock()
    assert one(netsuite, "BW-2026-0102")["customer"] != before["customer"]
    account.save("BW-2026-0102", otherRefNum="KZ/2026/0913")
    assert one(netsuite, "BW-2026-0102")["record"]["otherrefnum"] == "KZ/2026/0913"


def test_customers_are_read_once_while_they_stay_the_same(
    account: NetSuiteSandbox, netsuite: NetSuiteRestSource
) -> None:
    """One record costs one call, so it is kept until it changes."""
    list(netsuite.pull(""))
    list(netsuite.pull(""))
    assert account._http.count("GET", "/customer/") == 10


def test_someone_else_saving_meanwhile_is_read_again(
    account: NetSuiteSandbox, netsuite: NetSuiteRestSource
) -> None:
    """RCRD_HAS_BEEN_CHANGED three times, then it is written; endlessly is tried later."""
    account.edit_meanwhile("BW-2026-0102", times=3)
    assert not netsuite.report_status(REPORT).existed
    account.edit_meanwhile("BW-2026-0101", times=99)
    with pytest.raises(RemoteUnavailable, match="keeps changing"):
        netsuite.report_status(replace(REPORT, key="invoice/1001"))


@pytest.mark.parametrize("hindrance", ["closed period", "lock"])
def test_what_cannot_be_changed_gets_a_custom_record(
    account: NetSuiteSandbox, netsuite: NetSuiteRestSource, hindrance: str
) -> None:
    """Known by an external id, so that a lost answer makes no second one, and the invoice is not touched."""
    if hindrance == "lock":
        account.lock_record("BW-2026-0102")
    else:
        account.close_period(date(2026, 10, 31))
    before = account.transaction("BW-2026-0102").modified
    account.faults.arm(Fault("drop-after", "POST .*/customrecord_einv_log"))
    with pytest.raises(RemoteUnavailable):
        netsuite.report_status(REPORT)
    assert netsuite.report_status(REPORT).existed
    (note,) = account.notes.values()
    assert note["custrecord_einv_invoice"] == {"id": "1002"}
    assert (note["custrecord_einv_state"], note["custrecord_einv_reference"]) == (
        "delivered",
        REPORT.reference,
    )
    assert account.transaction("BW-2026-0102").modified == before


def test_without_a_custom_record_a_closed_period_is_for_a_person(
    account: NetSuiteSandbox, connect: Make
) -> None:
    """With the way out."""
    account.close_period(date(2026, 10, 31))
    with pytest.raises(RemoteBlocked, match="Allow Non-G/L Changes"):
        connect(log_record="").report_status(REPORT)
    assert account.updates == []


def test_status_can_always_go_into_the_custom_record(account: NetSuiteSandbox, connect: Make) -> None:
    """Then no invoice is touched, and none comes again for it."""
    assert not connect(write_to="record").report_status(REPORT).existed
    assert connect(write_to="record").report_status(REPORT).existed
    assert (len(account.notes), account.updates) == (1, [])


def test_a_misspelled_field_is_not_taken_for_written(account: NetSuiteSandbox, connect: Make) -> None:
    """NetSuite would ignore it and say 204; it is asked to refuse, and check finds it before."""
    netsuite = connect(status_field="custbody_einv_statuss")
    with pytest.raises(RemoteUnexpected, match="custbody_einv_statuss"):
        netsuite.report_status(REPORT)
    (step,) = [step for step in netsuite.check() if step.name == "write-back"]
    assert not step.ok
    assert "custbody_einv_statuss" in step.seen


def test_a_mandatory_field_of_the_form_is_for_a_person(
    account: NetSuiteSandbox, netsuite: NetSuiteRestSource
) -> None:
    """The account's own words name it."""
    account.mandatory = "Sales Region"
    with pytest.raises(RemoteBlocked, match="Please enter value"):
        netsuite.report_status(REPORT)


def test_a_missing_right_to_edit_is_for_it(account: NetSuiteSandbox, netsuite: NetSuiteRestSource) -> None:
    """Not a matter of this one invoice."""
    account.forbidden.add("update")
    with pytest.raises(RemoteRefused, match="INSUFFICIENT_PERMISSION"):
        netsuite.report_status(REPORT)


@pytest.mark.parametrize("key", ["0090000123", "invoice/1 OR 1=1", "customer/801", "invoice/"])
def test_a_key_of_another_system_is_refused_before_anything_is_sent(
    account: NetSuiteSandbox, netsuite: NetSuiteRestSource, key: str
) -> None:
    """A key names a record type and an internal id."""
    with pytest.raises(ConfigError, match="not a key"):
        netsuite.report_status(replace(REPORT, key=key))
    with pytest.raises(ConfigError, match="not a key"):
        list(netsuite.pull_payments([OpenInvoice(key, "x", "EUR", Decimal(1))]))
    assert account._http.calls == []


# Payments.


def open_invoice(number: str, key: str, amount: str = "1.00") -> OpenInvoice:
    return OpenInvoice(key, number, "EUR", Decimal(amount))


def test_settlement_is_read_by_the_links(account: NetSuiteSandbox, netsuite: NetSuiteRestSource) -> None:
    """Paid, partly paid and open; the link table has two rows for each payment, which count once."""
    asked_for = [
        open_invoice("BW-2026-0101", "invoice/1001"),
        open_invoice("BW-2026-0103", "invoice/1003"),
        open_invoice("BW-2026-0102", "invoice/1002"),
        open_invoice("gone", "invoice/999999"),
    ]
    paid, partly, open_ = netsuite.pull_payments(asked_for)
    assert (paid.state, paid.paid, paid.on) == (PaymentState.PAID, Decimal("2253.02"), date(2026, 10, 19))
    assert re.fullmatch(r"CustPymt PAY\d+: 2253\.02", paid.evidence)
    assert (partly.state, partly.paid) == (PaymentState.PARTLY_PAID, Decimal("1000.00"))
    assert (open_.state, open_.paid, open_.on) == (PaymentState.OPEN, Decimal("0.00"), None)


def test_a_payment_that_does_not_touch_the_invoice_is_seen(
    account: NetSuiteSandbox, netsuite: NetSuiteRestSource
) -> None:
    """Asked by id: the moment of the last change may stay."""
    before = account.transaction("BW-2026-0102").modified
    account.pay("BW-2026-0102", Decimal("1205.07"))
    (status,) = netsuite.pull_payments([open_invoice("BW-2026-0102", "invoice/1002")])
    assert account.transaction("BW-2026-0102").modified == before
    assert (status.state, status.paid) == (PaymentState.PAID, Decimal("1205.07"))


def test_an_invoice_set_against_a_credit_memo_is_settled_otherwise(
    account: NetSuiteSandbox, netsuite: NetSuiteRestSource
) -> None:
    """No money came."""
    account.pay("BW-2026-0102", Decimal("1205.07"), kind="CustCred")
    (status,) = netsuite.pull_payments([open_invoice("BW-2026-0102", "invoice/1002")])
    assert status.state is PaymentState.SETTLED
    assert "CustCred" in status.evidence


def payment(amount: str = "1205.07") -> IncomingPayment:
    return IncomingPayment(
        "stmt-2026-11-23/17",
        date(2026, 11, 23),
        "EUR",
        Decimal(amount),
        (("invoice/1002", "BW-2026-0102", Decimal(amount)),),
        account="BE80979012345677",
        evidence="STMT 17",
    )


def test_a_payment_is_posted_once_whatever_becomes_of_the_answer(
    account: NetSuiteSandbox, connect: Make
) -> None:
    """Looked up by its external id first; the bank account follows from the IBAN."""
    netsuite = connect(bank_accounts={"BE80979012345677": "120"})
    account.faults.arm(Fault("drop-after", "POST .*/customerPayment"))
    with pytest.raises(RemoteUnavailable) as caught:
        netsuite.post_payment(payment())
    assert caught.value.uncertain
    assert netsuite.post_payment(payment()).existed
    (posted,) = [one for one in account.payments if one.external_id]
    assert posted.applied == {"1002": Decimal("1205.07")}
    assert posted.facts["account"] == {"id": "120"}
    assert posted.facts["payment"] == 1205.07
    (status,) = netsuite.pull_payments([open_invoice("BW-2026-0102", "invoice/1002")])
    assert status.state is PaymentState.PAID


def test_more_than_is_open_is_for_a_person(account: NetSuiteSandbox, netsuite: NetSuiteRestSource) -> None:
    """NetSuite refuses it in its own words."""
    with pytest.raises(RemoteBlocked, match="more than the amount remaining"):
        netsuite.post_payment(payment("9999.00"))
    assert [one for one in account.payments if one.external_id] == []


# Buyers.


def test_customers_come_with_what_routing_needs(
    account: NetSuiteSandbox, netsuite: NetSuiteRestSource, clock: SteppingClock
) -> None:
    """All of them first, then those that changed."""
    pages = list(netsuite.pull_parties(""))
    facts = {party.key: dict(party.facts) for page in pages for party in page.parties}
    assert len(facts) == 10
    assert facts["customer/801"] == {
        "name": "Noordzee Analytics NV",
        "country": "BE",
        "vat_id": "BE1999412696",
        "electronic_address": "0208:1999412696",
        "email": "invoices@noordzee-analytics.example",
    }
    clock.advance(days=3)
    customer = account.records["customer", "801"]
    customer.custom["custentity_peppol_id"] = Custom("String", "0208:1999508708")
    customer.modified = clock()
    (page,) = netsuite.pull_parties(pages[-1].cursor)
    (changed,) = [party for party in page.parties if party.key == "customer/801"]
    assert changed.facts["electronic_address"] == "0208:1999508708"
    assert "1999508708" not in repr(changed)


# Checking.


def test_check_tells_each_step(account: NetSuiteSandbox, connect: Make) -> None:
    """With what was seen, on the real clock."""
    account.login_clock = lambda: datetime.now(UTC)
    steps = list(connect(at=lambda: datetime.now(UTC)).check())
    assert [step.name for step in steps] == [
        *("name", "clock", "login", "tax", "search", "read", "time zone", "write-back"),
    ]
    assert [step for step in steps if not step.ok] == []


def test_a_wrong_time_zone_is_noticed(connect: Make) -> None:
    """The same record is told by SuiteQL and by REST, which says UTC."""
    (step,) = [step for step in connect(time_zone="Europe/Brussels").check() if step.name == "time zone"]
    assert not step.ok
    assert "time_zone" in step.fix


def test_a_certificate_that_ends_soon_is_told(connect: Make, clock: SteppingClock) -> None:
    """30 days before; two years are the longest that NetSuite takes."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "gateway")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(clock() - timedelta(days=300))
        .not_valid_after(clock() + timedelta(days=20))
        .sign(key, hashes.SHA256())
    )
    text_ = certificate.public_bytes(serialization.Encoding.PEM).decode()
    netsuite = connect(secrets={"certificate": text_}, certificate="file:certificate")
    (step,) = [step for step in netsuite.check() if step.name == "certificate"]
    assert (step.ok, step.seen) == (False, "ends on 2026-12-13")


def test_a_host_that_does_not_exist_ends_the_check(connect: Make) -> None:
    """The next steps would tell nothing."""
    (step,) = connect(base_url="https://1234567-sb1.netsuite.invalid").check()
    assert (step.name, step.ok) == ("name", False)


# The imitation itself: what it refuses, a client must know.


def raw(account: NetSuiteSandbox, method: str, path: str, body: object = None, **headers: str) -> HttpAnswer:
    """One request with a fresh token."""
    client = Client(CLIENT_ID, CERTIFICATE_ID, account.secrets()["netsuite_private_key"])
    audience = f"{account.addresses()['rest']}{TOKEN_PATH}"
    token = asked(account, assertion(client, audience, account.clock())).json()["access_token"]
    http = HttpClient(account.addresses()["rest"], clock=account.clock)
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        return http.request(
            method,
            path,
            headers={"Authorization": f"Bearer {token}", **sent},
            json=body,
            allowed=(400, 404),
        )
    finally:
        http.close()


SUITEQL: Final = "/services/rest/query/v1/suiteql"


@pytest.mark.parametrize(
    ("path", "headers", "query"),
    [
        (SUITEQL, {}, "SELECT c.id FROM currency c"),
        (f"{SUITEQL}?limit=10&offset=5", {"Prefer": "transient"}, "SELECT c.id FROM currency c"),
        (f"{SUITEQL}?limit=1001", {"Prefer": "transient"}, "SELECT c.id FROM currency c"),
        (SUITEQL, {"Prefer": "transient"}, "DELETE FROM currency"),
        (SUITEQL, {"Prefer": "transient"}, "SELECT c.nothing FROM currency c"),
        (SUITEQL, {"Prefer": "transient"}, "SELECT c.id FROM currency c; SELECT 1"),
    ],
)
def test_queries_that_the_imitation_refuses(
    account: NetSuiteSandbox, path: str, headers: dict[str, str], query: str
) -> None:
    """No Prefer header, an offset that the limit does not divide, too large a page, anything but a query."""
    assert raw(account, "POST", path, {"q": query}, **headers).status == 400


def test_a_raw_date_has_the_format_of_the_user(account: NetSuiteSandbox) -> None:
    """Which is why each date is asked for with TO_CHAR."""
    query = {"q": "SELECT t.trandate, t.memo FROM transaction t WHERE t.id = 1001"}
    (row,) = raw(account, "POST", SUITEQL, query, Prefer="transient").json()["items"]
    assert row == {"links": [], "trandate": "10/5/2026"}


def test_an_unknown_field_is_ignored_unless_an_error_is_asked_for(account: NetSuiteSandbox) -> None:
    """204 and nothing written is the service's default."""
    path = "/services/rest/record/v1/invoice/1002"
    assert raw(account, "PATCH", path, {"custbody_none": "x"}).status == 204
    refused = raw(account, "PATCH", path, {"custbody_none": "x"}, X_NetSuite_PropertyNameValidation="error")
    assert refused.json()["o:errorDetails"][0]["o:errorPath"] == "custbody_none"


def test_an_asynchronous_request_with_one_key_is_carried_out_once(account: NetSuiteSandbox) -> None:
    """The idempotency key protects only those."""
    path, body = "/services/rest/record/v1/customrecord_einv_log", {"custrecord_einv_state": "sent"}
    headers = {"Prefer": "respond-async", "X_NetSuite_Idempotency_Key": "0b6b0a3e"}
    first, second = (raw(account, "POST", path, body, **headers) for _ in range(2))
    assert (first.status, first.headers["Location"]) == (202, second.headers["Location"])
    assert len(account.notes) == 1
    job = raw(account, "GET", first.headers["Location"].partition(account.addresses()["rest"])[2]).json()
    assert job["completed"] is True


def test_an_invoice_is_paid_by_transforming_it(account: NetSuiteSandbox) -> None:
    """In part, then with more than is open, which is refused."""
    path = "/services/rest/record/v1/invoice/1002/!transform/customerPayment"
    assert raw(account, "POST", path, {"payment": 205.07, "externalId": "p-1"}).status == 204
    assert account.transaction("BW-2026-0102").fields["amountRemaining"] == Decimal("1000.00")
    for body, code in (
        ({"payment": 1000.01}, "USER_ERROR"),
        ({"payment": 1, "externalId": "p-1"}, "DUP_RCRD"),
    ):
        refused = raw(account, "POST", path, body)
        assert (refused.status, refused.json()["o:errorDetails"][0]["o:errorCode"]) == (400, code)
    assert raw(account, "POST", path, {"payment": 1000}).status == 204
    assert account.transaction("BW-2026-0102").status == "_invoicePaidInFull"


def test_sublists_come_only_when_they_are_asked_for(account: NetSuiteSandbox) -> None:
    """Otherwise there is a link."""
    path = "/services/rest/record/v1/invoice/1001"
    assert "items" not in raw(account, "GET", path).json()["item"]
    assert raw(account, "GET", f"{path}?expandSubResources=true").json()["item"]["totalResults"] == 2
    assert raw(account, "GET", "/services/rest/record/v1/invoice/999").status == 404

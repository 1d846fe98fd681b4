"""Signing in through a provider of identities: a real one on loopback, asked as a browser asks it."""

from __future__ import annotations

import base64
import hmac
import json
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from fastapi.testclient import TestClient

from connectors.sandbox.identity import ImitatedIdentityProvider, signed
from gateway.access.rights import Role
from gateway.store import journal, people
from gateway.store.people import Person
from gateway.web.app import create_app
from gateway.web.guard import COOKIE
from gateway.wiring import Gateway
from tests.gateway import prepared

RETURN = "https://testserver/sign-in/demo/return"
SIGN_IN = """
sign_in:
  providers:
    - name: demo
      title: Example identity
      issuer: {issuer}
      client_id: e-invoicing-gateway
      client_secret: file:secrets/identity
      grants:
        - {{value: it, role: administrator}}
        - {{value: invoices-nl, role: finance, companies: [vandael]}}
"""


@dataclass(slots=True)
class Office:
    """A gateway and the provider that its people sign in with."""

    provider: ImitatedIdentityProvider
    gateway: Gateway
    client: TestClient

    def begin(self, next_: str = "/invoices") -> str:
        """The address of the provider that the browser is sent to."""
        answer = self.client.get(f"/sign-in/demo?next={next_}")
        assert answer.status_code == 303
        return answer.headers["location"]

    def choose(self, address: str, who: str) -> str:
        """The person says who they are there; the address that leads back here."""
        answer = requests.get(f"{address}&as={who}", allow_redirects=False, timeout=5)
        assert answer.status_code == 302
        return str(answer.headers["location"])

    def sign_in(self, who: str, next_: str = "/invoices") -> httpx2.Response:
        """The whole way."""
        return self.client.get(self.choose(self.begin(next_), who))

    def person(self, login: str) -> Person | None:
        with self.gateway.database.read() as connection:
            return people.by_login(connection, login)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, written: Path) -> Iterator[Office]:
    provider = ImitatedIdentityProvider(redirects=(RETURN,))
    provider.start()
    config = shutil.copytree(written, tmp_path_factory.mktemp("oidc") / "config")
    prepared.sqlite_copy(config / "gateway.db")
    (config / "secrets" / "identity").write_text("demo-identity-secret\n")
    main = config / "gateway.yaml"
    text = main.read_text().replace("web:\n", "web:\n  address: https://testserver\n", 1)
    main.write_text(text + SIGN_IN.format(issuer=provider.url))
    with closing(Gateway.open(config)) as gateway:
        app = create_app(gateway)
        with TestClient(app, base_url="https://testserver", follow_redirects=False) as client:
            client.headers["accept"] = "text/html"
            yield Office(provider, gateway, client)
    provider.stop()


@pytest.fixture
def office(running: Office) -> Iterator[Office]:
    running.client.cookies.clear()
    yield running
    running.provider.forge, running.provider.claims = None, {}
    assert not running.provider.server.failures


def refused(answer: httpx2.Response) -> bool:
    return answer.status_code in (403, 502) and COOKIE not in answer.headers.get("set-cookie", "")


def test_a_group_of_the_provider_is_a_role_here_and_the_page_that_was_asked_for_opens(office: Office) -> None:
    answer = office.sign_in("marit", "/invoices")
    assert (answer.status_code, answer.headers["location"]) == (303, "/invoices")
    marit = office.person("marit@vandael.example")
    assert marit is not None
    assert marit.roles == {"vandael": Role.FINANCE}
    assert not marit.password
    assert office.client.get("/invoices").status_code == 200
    assert office.client.get("/people").status_code == 403


def test_somebody_without_a_role_here_gets_no_access_and_is_told_why(office: Office) -> None:
    answer = office.sign_in("joris")
    assert refused(answer)
    assert "you have no access here" in answer.text
    assert office.person("joris@vandael.example") is None


def test_what_the_provider_takes_away_is_gone_at_the_next_sign_in(office: Office) -> None:
    office.sign_in("marit")
    cookie = office.client.cookies[COOKIE]
    office.provider.claims = {"groups": ["all-staff"]}
    assert refused(office.sign_in("marit"))
    marit = office.person("marit@vandael.example")
    assert marit is not None
    assert marit.roles == {}
    headers = {"Cookie": f"{COOKIE}={cookie}"}
    office.client.cookies.clear()
    assert office.client.get("/invoices", headers=headers).status_code == 303


def test_an_account_with_a_password_is_not_taken_over_by_its_address(office: Office) -> None:
    with office.gateway.database.begin() as connection:
        now = office.gateway.clock()
        own = people.add(
            connection,
            "ingrid@nordlicht.example",
            "Ingrid",
            {"vandael": Role.VIEWER},
            language="en",
            now=now,
            password="kept",
        )
    answer = office.sign_in("ingrid")
    assert refused(answer)
    assert "not tied to Example identity" in answer.text
    with office.gateway.database.begin() as connection:
        people.link(connection, own.id, "link:demo")
    assert office.sign_in("ingrid").status_code == 303
    ingrid = office.person("ingrid@nordlicht.example")
    assert ingrid is not None
    assert (ingrid.id, ingrid.roles) == (own.id, {"*": Role.ADMINISTRATOR})


def test_a_locked_person_stays_outside(office: Office) -> None:
    office.sign_in("marit")
    marit = office.person("marit@vandael.example")
    assert marit is not None
    with office.gateway.database.begin() as connection:
        people.lock(connection, marit.id, now=office.gateway.clock())
    try:
        assert "locked" in office.sign_in("marit").text
    finally:
        with office.gateway.database.begin() as connection:
            people.unlock(connection, marit.id)


@pytest.mark.parametrize("confirmed", [False, None, "false", "true", 1])
def test_an_address_that_is_not_plainly_confirmed_makes_nobody(office: Office, confirmed: object) -> None:
    claims = {"sub": "user-new", "email": "new@vandael.example", "email_verified": confirmed}
    office.provider.claims = claims
    assert refused(office.sign_in("marit"))
    assert office.person("new@vandael.example") is None


def test_the_provider_is_asked_with_pkce_state_and_nonce(office: Office) -> None:
    asked = parse_qs(urlsplit(office.begin()).query)
    again = parse_qs(urlsplit(office.begin()).query)
    assert asked["code_challenge_method"] == ["S256"]
    for name in ("state", "nonce", "code_challenge"):
        assert len(asked[name][0]) >= 43
        assert asked[name] != again[name]


def forged(claims: dict[str, Any], header: dict[str, Any], signature: Callable[[bytes], bytes]) -> str:
    def part(value: bytes) -> str:
        return base64.urlsafe_b64encode(value).decode().rstrip("=")

    said = f"{part(json.dumps(header).encode())}.{part(json.dumps(claims).encode())}"
    return f"{said}.{part(signature(said.encode()))}"


def shared_secret(provider: ImitatedIdentityProvider, claims: dict[str, Any]) -> str:
    """Signed with the public key as if it were a shared secret."""
    key = requests.get(f"{provider.url}/jwks", timeout=5).json()["keys"][0]
    numbers = [int.from_bytes(base64.urlsafe_b64decode(key[name] + "=="), "big") for name in ("x", "y")]
    public = ec.EllipticCurvePublicNumbers(numbers[0], numbers[1], ec.SECP256R1()).public_key()
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    header = {"alg": "HS256", "kid": key["kid"]}
    return forged(claims, header, lambda said: hmac.digest(pem, said, "sha256"))


def somebody_else(provider: ImitatedIdentityProvider, claims: dict[str, Any]) -> str:
    """Signed with another key under the name of the right one."""
    kid = requests.get(f"{provider.url}/jwks", timeout=5).json()["keys"][0]["kid"]
    other = ec.derive_private_key(4711, ec.SECP256R1())
    return signed(other, {"alg": "ES256", "kid": kid}, claims)


LIES: dict[str, Callable[[ImitatedIdentityProvider, dict[str, Any]], str]] = {
    "nonce of another sign-in": lambda p, claims: p.sign({**claims, "nonce": "other"}),
    "no nonce": lambda p, claims: p.sign({k: v for k, v in claims.items() if k != "nonce"}),
    "for another program": lambda p, claims: p.sign({**claims, "aud": "another-program"}),
    "for two, issued to the other": lambda p, claims: p.sign(
        {**claims, "aud": [claims["aud"], "other"], "azp": "other"}
    ),
    "of another issuer": lambda p, claims: p.sign({**claims, "iss": "https://elsewhere.example"}),
    "expired": lambda p, claims: p.sign({**claims, "exp": int(time.time()) - 600}),
    "without an end": lambda p, claims: p.sign({k: v for k, v in claims.items() if k != "exp"}),
    "without a person": lambda p, claims: p.sign({**claims, "sub": ""}),
    "not signed": lambda p, claims: forged(claims, {"alg": "none"}, lambda said: b""),
    "public key as shared secret": shared_secret,
    "another key under the right name": somebody_else,
    "no token at all": lambda p, claims: "nothing",
    "larger than any token": lambda p, claims: p.sign({**claims, "name": "x" * 100_000}),
}


@pytest.mark.parametrize("lie", list(LIES))
def test_a_token_that_does_not_hold_opens_nothing(office: Office, lie: str) -> None:
    office.provider.forge = lambda claims: LIES[lie](office.provider, claims)
    assert refused(office.sign_in("marit"))


def test_a_new_key_of_the_provider_is_found_by_itself(office: Office) -> None:
    assert office.sign_in("marit").status_code == 303
    office.provider.rotate()
    # The keys were asked for a moment ago; a provider that changes them twice a minute is none.
    client = office.client.app.state.doors.find("demo")  # type: ignore[attr-defined]  # of the application
    client._keys_at = None
    assert office.sign_in("marit").status_code == 303


def test_an_answer_opens_once(office: Office) -> None:
    address = office.begin()
    cookie = office.client.cookies["gateway_sign_in"]
    back = office.choose(address, "marit")
    assert office.client.get(back).status_code == 303
    office.client.cookies.clear()
    headers = {"Cookie": f"gateway_sign_in={cookie}"}
    assert refused(office.client.get(back, headers=headers))
    # Nor with a new code under the old state.
    assert refused(office.client.get(office.choose(address, "marit"), headers=headers))


def test_an_answer_belongs_to_the_browser_that_asked(office: Office) -> None:
    back = office.choose(office.begin(), "marit")
    office.client.cookies.clear()
    assert refused(office.client.get(back))
    office.begin()
    assert refused(office.client.get(back))


def test_an_answer_of_another_provider_is_not_taken(office: Office) -> None:
    back = office.choose(office.begin(), "marit")
    place, _, _ = back.partition("&iss=")
    assert refused(office.client.get(f"{place}&iss=https%3A%2F%2Felsewhere.example"))


def test_who_says_no_there_is_not_let_in_here(office: Office) -> None:
    assert refused(office.sign_in("nobody"))


@pytest.mark.parametrize(
    "place", ["//elsewhere.example", "https://elsewhere.example/", "/%5Celsewhere", "/%09/x"]
)
def test_nobody_is_sent_to_another_site_afterwards(office: Office, place: str) -> None:
    assert office.sign_in("marit", place).headers["location"] == "/"


def test_signing_out_offers_to_end_the_session_there_too(office: Office) -> None:
    office.sign_in("marit")
    answer = office.client.post("/sign-out")
    assert answer.headers["location"] == "/sign-in?out=demo"
    page = office.client.get("/sign-in?out=demo")
    assert f"{office.provider.url}/logout?client_id=" in page.text
    assert office.client.get("/invoices").status_code == 303


def test_a_provider_that_is_down_is_said_and_the_password_still_works(office: Office) -> None:
    client = office.client.app.state.doors.find("demo")  # type: ignore[attr-defined]  # of the application
    known, client._published = client._published, None
    office.provider.stop()
    try:
        answer = office.client.get("/sign-in/demo")
        assert answer.status_code == 502
        assert "did not let you in" in answer.text
        assert 'name="password"' in answer.text
    finally:
        office.provider.start()
        client._published = known


def test_each_way_in_is_in_the_journal_without_the_address_of_the_refused(office: Office) -> None:
    office.sign_in("marit")
    office.sign_in("joris")
    with office.gateway.database.read() as connection:
        entries = list(journal.entries(connection))
    assert any(one.event == "signed in" and json.loads(one.data).get("provider") == "demo" for one in entries)
    refusals = [json.loads(one.data) for one in entries if one.event == "sign-in refused"]
    assert any(one.get("why") == "no role" for one in refusals)
    assert "joris" not in json.dumps(refusals)

"""Logon at the imitated S/4HANA: three ways in, sessions, tokens, certificates, secrets in errors."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors.erp.sap_odata import SapOData
from connectors.sandbox.certificates import authority_pem
from connectors.sandbox.s4_login import CLIENT_ID, CLIENT_SECRET, PASSWORD
from connectors.sandbox.s4_tls import client_pem
from formats.errors import ConfigError, EInvoicingError, RemoteRefused, RemoteUnexpected
from tests.connectors.s4_bench import Host, content, pulled


@pytest.fixture
def host() -> Iterator[Host]:
    made = Host()
    made.s4.bill(1)
    yield made
    made.close()


@pytest.fixture
def encrypted(tmp_path: Path) -> Iterator[tuple[Host, str]]:
    """A host that speaks https, and the file of the authority to trust."""
    made = Host(tls=True)
    made.s4.bill(1)
    authority = tmp_path / "authority.pem"
    authority.write_text(authority_pem())
    yield made, str(authority)
    made.close()


def oauth(host: Host, **changes: Any) -> SapOData:
    return host.connector(
        login="oauth", client_id=CLIENT_ID, client_secret="file:secrets/s4-client-secret", **changes
    )


def test_a_communication_user_logs_in_and_keeps_one_session(host: Host) -> None:
    connector = host.connector()
    for _ in range(3):
        assert len(pulled(connector)[0]) == 1
    assert host.s4.logon.sessions == 1


def test_a_wrong_password_is_refused_and_not_tried_again(host: Host) -> None:
    host.secrets["s4-password"] = "wrong"
    with pytest.raises(RemoteRefused, match="does not accept the logon"):
        pulled(host.connector())
    assert host.calls == 1


def test_an_oauth_client_gets_one_token_and_uses_it(host: Host) -> None:
    connector = oauth(host)
    for _ in range(3):
        assert len(pulled(connector)[0]) == 1
    assert host.s4.logon.token_requests == 1


def test_a_token_is_renewed_before_it_ends(host: Host) -> None:
    connector = oauth(host)
    pulled(connector)
    host.clock.forward(minutes=59, seconds=30)
    assert pulled(connector)[0]
    assert host.s4.logon.token_requests == 2
    assert host.s4.server.count("GET", "A_BillingDocument") == 4


def test_a_token_that_ends_early_is_renewed_once(host: Host) -> None:
    connector = oauth(host)
    pulled(connector)
    host.arm("expired-token", "A_BillingDocument")
    assert len(pulled(connector)[0]) == 1
    assert host.s4.logon.token_requests == 2


def test_a_locked_client_is_refused_and_not_tried_for_ever(host: Host) -> None:
    connector = oauth(host)
    pulled(connector)
    host.arm("revoked-token")
    before = host.calls
    with pytest.raises(RemoteRefused, match="token endpoint answered 401"):
        pulled(connector)
    assert host.calls == before + 2


def test_a_token_endpoint_elsewhere_can_be_named(host: Host) -> None:
    """As where an API gateway stands in front of SAP."""
    connector = oauth(host, token_url=f"{host.s4.server.url}/sap/bc/sec/oauth2/token")
    assert len(pulled(connector)[0]) == 1


def test_a_client_certificate_is_enough(encrypted: tuple[Host, str]) -> None:
    host, authority = encrypted
    connector = host.connector(
        login="certificate", certificate="file:secrets/s4-client.pem", ca_file=authority, user=""
    )
    assert len(pulled(connector)[0]) == 1


def test_another_certificate_of_the_same_authority_is_refused(encrypted: tuple[Host, str]) -> None:
    host, authority = encrypted
    host.secrets["s4-client.pem"] = client_pem("SOMEBODY_ELSE")
    connector = host.connector(
        login="certificate", certificate="file:secrets/s4-client.pem", ca_file=authority
    )
    with pytest.raises(RemoteRefused, match="does not accept the logon"):
        pulled(connector)


def test_a_host_whose_certificate_nobody_vouches_for_gets_no_password(encrypted: tuple[Host, str]) -> None:
    host, _ = encrypted
    with pytest.raises(RemoteRefused, match="certificate of the other side does not hold"):
        pulled(host.connector())
    assert host.calls == 0


def test_a_certificate_without_its_key_is_named_at_once(encrypted: tuple[Host, str]) -> None:
    host, authority = encrypted
    host.secrets["s4-client.pem"] = client_pem().partition("-----BEGIN PRIVATE")[0]
    with pytest.raises(ConfigError, match="private key is missing"):
        host.connector(login="certificate", certificate="file:secrets/s4-client.pem", ca_file=authority)


def test_links_to_another_host_are_refused(host: Host) -> None:
    host.s4.nested = 1
    host.s4.foreign_links = "http://attacker.example"
    with pytest.raises(RemoteUnexpected, match=r"attacker\.example, which is not called"):
        pulled(host.connector())


def test_links_with_the_internal_name_are_followed_on_our_own_host(host: Host) -> None:
    """SAP behind a reverse proxy shows its own name in links."""
    host.s4.nested = 1
    host.s4.internal_links = True
    connector = host.connector(known_hosts=("http://vhs4hci.internal.example:44300",))
    (document,), _, _ = pulled(connector)
    assert [one["PartnerFunction"] for one in content(document)["billing"]["to_Partner"]] == [
        "SP",
        "BP",
        "PY",
    ]


def test_secrets_are_in_no_error_and_no_log(host: Host, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    texts = []
    for connector in (host.connector(), oauth(host)):
        pulled(connector)
        for fault in ("html", "server-error", "truncated", "drop-before"):
            host.arm(fault, "A_BillingDocument$")
            with pytest.raises(EInvoicingError) as caught:
                pulled(connector)
            texts.append(str(caught.value))
    whole = " ".join(texts) + caplog.text
    assert "A_BillingDocument" in whole
    for secret in (PASSWORD, CLIENT_SECRET, "Basic ", "Bearer "):
        assert secret not in whole

"""The encrypted way to SMPs and access points: only a server that proves its name is talked to.

Real TLS servers on the loopback interface, with certificates of an authority of their own.
"""

from __future__ import annotations

import datetime as dates
import ipaddress
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from connectors.channels.peppol.as4 import As4Client, Verdict
from connectors.channels.peppol.discovery.smp import SmpClient, SmpOptions
from connectors.channels.peppol.pki.revocation import Unchecked
from connectors.channels.peppol.pki.trust import Role, Stage, Trust, authorities
from formats.errors import RemoteError
from formats.identifiers import ParticipantId
from tests.conftest import SteppingClock
from tests.connectors.peppol.as4.test_http import AccessPoint
from tests.connectors.peppol.as4.world import Network
from tests.connectors.peppol.authorities import NOW, Authority, Leaf, World, name, rsa_key, usage
from tests.connectors.peppol.servers import WebServer, web_server

BUYER = ParticipantId.of("0088:7300010000001")
GROUP = (
    '<smp:ServiceGroup xmlns:smp="http://busdox.org/serviceMetadata/publishing/1.0/" '
    'xmlns:ids="http://busdox.org/transport/identifiers/1.0/"><ids:ParticipantIdentifier '
    f'scheme="iso6523-actorid-upis">{BUYER.value}</ids:ParticipantIdentifier>'
    "<smp:ServiceMetadataReferenceCollection/></smp:ServiceGroup>"
).encode()


@dataclass(frozen=True)
class Web:
    """Authorities of web servers: one that is believed, one that nobody knows."""

    folder: Path
    believed: Authority
    unknown: Authority

    @property
    def ca_file(self) -> str:
        return str(self.folder / "web-ca.pem")

    def context(self, kind: str) -> ssl.SSLContext:
        """What a server shows: "good", or what is wrong with its certificate."""
        issuer = self.unknown if kind == "unknown authority" else self.believed
        host: x509.GeneralName = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
        if kind == "wrong host":
            host = x509.DNSName("ap.other.example")
        # A handshake asks the real clock.
        today = dates.datetime.now(dates.UTC)
        ends = today - timedelta(days=1) if kind == "expired" else today + timedelta(days=30)
        leaf = _server(issuer, host, today - timedelta(days=60), ends)
        file = self.folder / f"{kind}.pem".replace(" ", "-")
        file.write_bytes(leaf.pem + leaf.key_pem())
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context


def _server(issuer: Authority, host: x509.GeneralName, begins: dates.datetime, ends: dates.datetime) -> Leaf:
    key = rsa_key("web server")
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name("web server"))
        .issuer_name(issuer.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(ends)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([host]), critical=False)
        .add_extension(usage(digital_signature=True, key_encipherment=True), critical=True)
        .sign(issuer.key, hashes.SHA256())
    )
    return Leaf(certificate, key)


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Web:
    folder = tmp_path_factory.mktemp("web")
    made = Web(folder, Authority.made("Example Web CA"), Authority.made("Nobody's Web CA"))
    (folder / "web-ca.pem").write_bytes(made.believed.pem)
    return made


@pytest.fixture
def encrypted(network: Network, web: Web) -> Iterator[Callable[[str], AccessPoint]]:
    """Makes an access point that shows a certificate of this kind."""
    servers: list[tuple[AccessPoint, threading.Thread]] = []

    def made(kind: str) -> AccessPoint:
        server = AccessPoint(network)
        server.socket = web.context(kind).wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        servers.append((server, thread))
        return server

    yield made
    for server, thread in servers:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def encrypted_smp(web: Web) -> Iterator[Callable[[str], WebServer]]:
    """Makes an SMP that shows a certificate of this kind."""
    with web_server() as server:
        server.pages[f"/{BUYER.url_segment}"] = GROUP

        def made(kind: str) -> WebServer:
            inner = server._server
            inner.socket = web.context(kind).wrap_socket(inner.socket, server_side=True)
            return server

        yield made


def sent(access_point: AccessPoint, network: Network, verify: bool | str) -> Verdict:
    out = As4Client(trust=network.trust, clock=SteppingClock(NOW), verify=verify, timeout=(2.0, 5.0))
    try:
        url = access_point.url.replace("http:", "https:")
        outcome = out.send(network.prepare(b"<Invoice/>"), url)
    finally:
        out.close()
    if outcome.verdict is Verdict.DELIVERED:
        return outcome.verdict
    assert outcome.status == 0
    assert "certificate" in outcome.what.lower() or "tls" in outcome.what.lower(), outcome.what
    return outcome.verdict


def asked(smp: WebServer, verify: bool | str) -> ParticipantId:
    world = World.made()
    trusted = authorities(Stage.TEST, world.certificates)
    assert trusted.of(Role.SMP)
    client = SmpClient(
        Trust(trusted, Unchecked()),
        clock=lambda: NOW,
        options=SmpOptions(verify=verify, allow_internal=True, timeout=(2.0, 5.0)),
    )
    try:
        return client.group(smp.url.replace("http:", "https:"), BUYER).participant
    finally:
        client.close()


def test_an_access_point_that_proves_its_name_gets_the_message(
    encrypted: Callable[[str], AccessPoint],
    network: Network,
    web: Web,
) -> None:
    assert sent(encrypted("good"), network, web.ca_file) is Verdict.DELIVERED
    assert network.inbox.payloads == [b"<Invoice/>"]


@pytest.mark.parametrize("kind", ["wrong host", "expired", "unknown authority"])
def test_an_access_point_that_does_not_gets_nothing(
    encrypted: Callable[[str], AccessPoint],
    network: Network,
    web: Web,
    kind: str,
) -> None:
    """It is tried again, for its owner may mend it; not one byte of the document leaves before."""
    server = encrypted(kind)
    assert sent(server, network, web.ca_file) is Verdict.RETRY
    assert server.requests == []
    assert network.inbox.payloads == []


def test_by_default_only_the_public_authorities_count(
    encrypted: Callable[[str], AccessPoint],
    network: Network,
) -> None:
    server = encrypted("good")
    assert sent(server, network, True) is Verdict.RETRY
    assert server.requests == []


def test_an_smp_that_proves_its_name_is_asked(encrypted_smp: Callable[[str], WebServer], web: Web) -> None:
    assert asked(encrypted_smp("good"), web.ca_file) == BUYER


@pytest.mark.parametrize("kind", ["wrong host", "expired", "unknown authority"])
def test_an_smp_that_does_not_is_not_asked(
    encrypted_smp: Callable[[str], WebServer], web: Web, kind: str
) -> None:
    smp = encrypted_smp(kind)
    with pytest.raises(RemoteError) as refused:
        asked(smp, web.ca_file)
    assert "certificate" in refused.value.what.lower() or "tls" in refused.value.what.lower()
    assert smp.calls == []

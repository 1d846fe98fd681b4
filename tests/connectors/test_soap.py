"""The SOAP client against real servers on loopback: what an answer means, and what is never fetched."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

import pytest

from connectors.http import HttpClient
from connectors.sandbox.faults import Faults
from connectors.sandbox.http_server import Reply, Request, SandboxHttpServer
from connectors.sandbox.netsuite_wsdl import WSDL_PATH, documents
from connectors.soap import FaultRules, SoapClient, SoapFault
from formats.errors import RemoteError, RemoteRefused, RemoteUnavailable, RemoteUnexpected

NOW: Final = datetime(2026, 11, 20, 10, tzinfo=UTC)
RULES: Final = FaultRules(
    refused=("INVALID_LOGIN",), busy=("limit exceeded",), broken=("unexpected error",), refused_fix="renew it"
)
BINDING: Final = "{urn:platform_2025_2.webservices.netsuite.com}NetSuiteBinding"
GOOD: Final = (
    b'<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Header><id>7</id></e:Header>'
    b"<e:Body><answer><value>1</value></answer></e:Body></e:Envelope>"
)


def fault_11(text: str, code: str = "", kind: str = "someFault") -> bytes:
    return (
        '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body><e:Fault>'
        f"<faultcode>e:Server.userException</faultcode><faultstring>{text}</faultstring><detail>"
        f'<f:{kind} xmlns:f="urn:f"><f:code>{code}</f:code></f:{kind}></detail>'
        "</e:Fault></e:Body></e:Envelope>"
    ).encode()


@dataclass
class Service:
    """A service with the description of the imitated NetSuite and whatever answer a test wants."""

    server: SandboxHttpServer
    answer: Reply = field(default_factory=lambda: Reply(200, GOOD, "text/xml"))
    description: dict[str, bytes] = field(default_factory=dict)

    def describe(self, request: Request) -> Reply:
        content = self.description.get(request.path)
        return Reply(404) if content is None else Reply(200, content, "text/xml")

    def client(self, **options: object) -> SoapClient:
        http = HttpClient(self.server.url, clock=lambda: NOW, timeout=(1.0, 1.0), largest=200_000)
        return SoapClient(
            http,
            wsdl=WSDL_PATH,
            port="/port",
            binding=BINDING,
            rules=RULES,
            **options,  # type: ignore[arg-type]  # a test names what it needs
        )


@pytest.fixture
def service() -> Iterator[Service]:
    server = SandboxHttpServer(0, Faults())
    made = Service(server)
    server.route("GET", "/.*", made.describe)
    server.route("POST", "/port", lambda _: made.answer)
    server.start()
    made.description = documents(server.url)
    yield made
    server.stop()
    assert server.failures == []


def ask(service: Service, *, changes: bool = False) -> bytes:
    client = service.client()
    try:
        return client.call("getServerTime", headers={}, changes=changes).content
    finally:
        client.close()


def test_the_answer_keeps_the_bytes_as_they_came(service: Service) -> None:
    """An auditor may ask what the service really said."""
    assert ask(service) == GOOD


def test_the_configured_address_counts_and_not_the_one_in_the_description(service: Service) -> None:
    """The description names a generic host; the call arrived here all the same."""
    assert b"webservices.netsuite.example" in service.description[WSDL_PATH]
    ask(service)
    assert service.server.count("POST", "^/port$") == 1


def test_the_description_is_fetched_once(service: Service) -> None:
    """Two calls of one client read the description together."""
    client = service.client()
    client.call("getServerTime", headers={})
    client.call("getServerTime", headers={})
    client.close()
    assert service.server.count("GET", "netsuite.wsdl") == 1


@pytest.mark.parametrize("status", [200, 500])
@pytest.mark.parametrize(
    ("text", "code", "expected"),
    [
        ("Invalid login", "INVALID_LOGIN", RemoteRefused),
        ("Request limit exceeded", "", RemoteUnavailable),
        ("An unexpected error occurred", "", RemoteUnavailable),
        ("No such operation", "ODD", RemoteUnexpected),
    ],
)
def test_a_fault_is_a_fault_whatever_the_http_status(
    service: Service, status: int, text: str, code: str, expected: type[RemoteError]
) -> None:
    """HTTP 200 does not make an answer out of a fault."""
    service.answer = Reply(status, fault_11(text, code), "text/xml")
    with pytest.raises(expected, match=text):
        ask(service)


def test_the_remedy_for_refused_logins_is_the_services_own(service: Service) -> None:
    """The rules of the service say what an operator does about its credentials."""
    service.answer = Reply(500, fault_11("no", "INVALID_LOGIN"), "text/xml")
    with pytest.raises(RemoteRefused) as caught:
        ask(service)
    assert caught.value.fix == "renew it"


def test_faults_of_soap_12_are_read_too(service: Service) -> None:
    """Code/Value and Reason/Text instead of faultcode and faultstring."""
    service.answer = Reply(
        500,
        b'<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope"><e:Body><e:Fault><e:Code>'
        b"<e:Value>e:Receiver</e:Value></e:Code><e:Reason><e:Text>limit exceeded</e:Text></e:Reason>"
        b"</e:Fault></e:Body></e:Envelope>",
        "application/soap+xml",
    )
    with pytest.raises(RemoteUnavailable, match="limit exceeded"):
        ask(service)


@pytest.mark.parametrize(("changes", "uncertain"), [(False, False), (True, True)])
def test_an_answer_that_breaks_off_may_have_been_carried_out(
    service: Service, changes: bool, uncertain: bool
) -> None:
    """Half an envelope, of the announced length: to be tried again, and looked up first if it changes
    something."""
    service.answer = Reply(200, GOOD[: len(GOOD) // 2], "text/xml")
    with pytest.raises(RemoteUnavailable) as caught:
        ask(service, changes=changes)
    assert caught.value.uncertain is uncertain


@pytest.mark.parametrize(("changes", "uncertain"), [(False, False), (True, True)])
def test_only_a_change_is_uncertain_after_a_dropped_connection(
    service: Service, changes: bool, uncertain: bool
) -> None:
    """A search can be repeated without a thought, although it travels as POST."""
    client = service.client()
    client.load()
    service.server.stop()
    stopped = SandboxHttpServer(service.server.port, Faults())
    stopped.route("POST", "/port", _drop)
    stopped.start()
    try:
        with pytest.raises(RemoteUnavailable) as caught:
            client.call("getServerTime", headers={}, changes=changes)
    finally:
        client.close()
        stopped.stop()
    assert caught.value.uncertain is uncertain


def _drop(_: Request) -> Reply:
    raise ConnectionAbortedError


@pytest.mark.parametrize(("status", "expected"), [(200, RemoteUnexpected), (500, RemoteUnavailable)])
def test_a_web_page_is_no_answer(service: Service, status: int, expected: type[RemoteError]) -> None:
    """A login page is for IT, a broken server for later."""
    service.answer = Reply(status, b"<!DOCTYPE html><html><body>Sign in</body></html>", "text/html")
    with pytest.raises(expected, match="web page"):
        ask(service)


@pytest.mark.parametrize(
    "content",
    [
        b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>' + GOOD,
        b'<!DOCTYPE x SYSTEM "file:///etc/hostname">' + GOOD,
        b"<not-an-envelope/>",
        b'<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body/></e:Envelope>',
        b"plain words",
    ],
    ids=["entity bomb", "outside entity", "other XML", "empty body", "no XML"],
)
def test_hostile_and_strange_answers_are_refused(service: Service, content: bytes) -> None:
    """Nothing of them is expanded or believed; the start is kept as evidence."""
    service.answer = Reply(200, content, "text/xml")
    with pytest.raises(RemoteUnexpected) as caught:
        ask(service)
    assert caught.value.evidence == content


def test_an_answer_without_end_is_cut(service: Service) -> None:
    """More than the client's limit is not read into memory."""
    service.answer = Reply(200, GOOD + b" " * 300_000, "text/xml")
    with pytest.raises(RemoteUnexpected, match="larger than"):
        ask(service)


def test_a_description_with_a_document_type_is_refused(service: Service) -> None:
    """Entities in the description would be expanded by whoever reads it."""
    service.description[WSDL_PATH] = service.description[WSDL_PATH].replace(
        b"<definitions", b'<!DOCTYPE definitions [<!ENTITY a "b">]><definitions', 1
    )
    with pytest.raises(RemoteUnexpected, match="document type"):
        ask(service)


@pytest.fixture
def elsewhere() -> Iterator[SandboxHttpServer]:
    """Another host that would gladly serve schemas."""
    server = SandboxHttpServer(0, Faults())
    server.route("GET", "/.*", lambda request: Reply(200, documents(server.url)[request.path], "text/xml"))
    server.start()
    yield server
    server.stop()


def test_schemas_from_another_host_are_not_fetched(service: Service, elsewhere: SandboxHttpServer) -> None:
    """An import cannot make us call a machine inside the network."""
    service.description = documents(elsewhere.url)
    with pytest.raises(RemoteUnexpected, match="outside its own host"):
        ask(service)
    assert elsewhere.calls == []


def test_schemas_from_a_named_host_are_fetched(service: Service, elsewhere: SandboxHttpServer) -> None:
    """Where a service keeps its schemas on a second host, the settings name it."""
    service.description = documents(elsewhere.url)
    client = service.client(schemas=[HttpClient(elsewhere.url, clock=lambda: NOW)])
    client.load()
    client.close()
    assert elsewhere.count("GET", "core.xsd") == 1


def test_a_description_of_another_service_is_named_as_such(service: Service) -> None:
    """XML that is no description stops at the first use, with the address of the description."""
    service.description[WSDL_PATH] = b"<html><body>moved</body></html>"
    with pytest.raises(RemoteUnexpected, match=r"netsuite\.wsdl"):
        ask(service)


def test_a_parameter_that_the_description_does_not_know_is_refused_here(service: Service) -> None:
    """Nothing is sent that the service does not describe."""
    client = service.client()
    with pytest.raises(RemoteUnexpected, match="does not allow"):
        client.call("getServerTime", headers={}, surprise="1")
    client.close()
    assert service.server.count("POST", "/port") == 0


def test_rules_look_at_kind_code_and_text() -> None:
    """Entries name a kind or code exactly, or are part of the text."""
    rules = FaultRules(busy=("tooManyFault", "E_17", "out of breath"))

    def error(fault: SoapFault) -> RemoteError:
        return rules.error(fault, where="x", changes=False, evidence=b"")

    assert isinstance(error(SoapFault("c", "t", kind="tooManyFault")), RemoteUnavailable)
    assert isinstance(error(SoapFault("c", "t", code="E_17")), RemoteUnavailable)
    assert isinstance(error(SoapFault("c", "we are out of breath")), RemoteUnavailable)
    assert isinstance(error(SoapFault("c", "t", code="E_170")), RemoteUnexpected)

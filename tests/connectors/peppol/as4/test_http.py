"""The way over HTTP, against servers that answer, refuse, stay silent, or are not there."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from connectors.channels.peppol.as4 import As4Client, CircuitBreaker, CircuitState, Concern, Limits, Verdict
from connectors.channels.peppol.as4.outgoing import BodyFile
from tests.conftest import SteppingClock
from tests.connectors.peppol.as4.world import Network


class AccessPoint(ThreadingHTTPServer):
    """Answers with a receiver, or with what `plan` says instead: (status, headers, body)."""

    daemon_threads = True

    def __init__(self, network: Network) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.network = network
        self.plan: list[tuple[int, dict[str, str], bytes]] = []
        self.requests: list[dict[str, Any]] = []
        self.silent = threading.Event()
        self.speak = threading.Event()

    def handle_error(self, *_: object) -> None:
        """Clients may leave before the end."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/as4"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: AccessPoint

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        self.server.requests.append({"headers": dict(self.headers.items()), "length": length})
        if self.server.silent.is_set():
            self.server.speak.wait(5)
            self.close_connection = True
            return

        def body() -> Iterator[bytes]:
            left = length
            while left:
                piece = self.rfile.read(min(left, 65_536))
                left -= len(piece)
                yield piece

        if self.server.plan:
            for _ in body():
                pass
            status, headers, content = self.server.plan.pop(0)
        else:
            answer = self.server.network.receiver().answer(self.headers["Content-Type"], body())
            status, headers, content = answer.status, {"Content-Type": answer.content_type}, answer.content
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def access_point(network: Network) -> Iterator[AccessPoint]:
    with AccessPoint(network) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.speak.set()
        server.shutdown()
        thread.join()


@contextmanager
def client(network: Network, clock: SteppingClock, **settings: Any) -> Iterator[As4Client]:
    made = As4Client(trust=network.trust, clock=clock, **settings)
    yield made
    made.close()


def circuit(access_point: AccessPoint) -> str:
    return f"POP000002 at {access_point.url.removesuffix('/as4')}"


def test_a_message_is_delivered_with_its_receipt(
    network: Network, clock: SteppingClock, access_point: AccessPoint
) -> None:
    prepared = network.prepare(b"<Invoice/>")
    with client(network, clock) as out:
        outcome = out.send(prepared, access_point.url)
    assert (outcome.verdict, outcome.status) == (Verdict.DELIVERED, 200)
    assert outcome.receipt is not None
    assert outcome.receipt.ref_to == "m-1@a.example"
    assert network.inbox.payloads == [b"<Invoice/>"]
    [request] = access_point.requests
    assert request["headers"]["Content-Type"].startswith("multipart/related; boundary=")
    assert request["length"] == prepared.size


def test_a_message_in_files_is_streamed_and_may_be_sent_again(
    network: Network, clock: SteppingClock, access_point: AccessPoint
) -> None:
    payload = bytes(range(256)) * 40_000
    with (
        network.prepare([payload[:5_000_000], payload[5_000_000:]]) as prepared,
        client(network, clock) as out,
    ):
        assert out.send(prepared, access_point.url).verdict is Verdict.DELIVERED
    noise = [b"%d" % (number * 7919) for number in range(400_000)]
    with network.prepare(noise, message_id="m-2@a.example") as prepared, client(network, clock) as out:
        assert isinstance(prepared.body(), BodyFile)
        access_point.plan = [(502, {}, b"")]
        assert out.send(prepared, access_point.url).verdict is Verdict.RETRY
        assert out.send(prepared, access_point.url).verdict is Verdict.DELIVERED
    assert network.inbox.payloads == [payload, b"".join(noise)]
    assert not list(network.folder.iterdir())


def test_a_request_over_the_receivers_limit_gives_up_with_the_reason(
    network: Network, clock: SteppingClock, access_point: AccessPoint
) -> None:
    network.limits = Limits(largest_body=1_000)
    with client(network, clock) as out:
        outcome = out.send(network.prepare(), access_point.url)
    assert (outcome.verdict, outcome.status) == (Verdict.GIVE_UP, 413)


def test_where_nobody_listens_the_receiver_may_have_moved(network: Network, clock: SteppingClock) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with client(network, clock) as out:
        outcome = out.send(network.prepare(), f"http://127.0.0.1:{port}/as4")
    assert (outcome.verdict, outcome.refresh, outcome.uncertain) == (Verdict.RETRY, True, False)


def test_silence_leaves_it_open_whether_the_message_arrived(
    network: Network, clock: SteppingClock, access_point: AccessPoint
) -> None:
    access_point.silent.set()
    with client(network, clock, timeout=(1.0, 0.2)) as out:
        outcome = out.send(network.prepare(), access_point.url)
    assert (outcome.verdict, outcome.refresh, outcome.uncertain) == (Verdict.RETRY, False, True)


def test_a_redirect_is_not_followed(
    network: Network, clock: SteppingClock, access_point: AccessPoint
) -> None:
    access_point.plan = [(307, {"Location": "http://127.0.0.1:1/elsewhere"}, b"")]
    with client(network, clock) as out:
        outcome = out.send(network.prepare(), access_point.url)
    assert (outcome.verdict, outcome.refresh) == (Verdict.REFRESH, True)


def test_the_time_that_the_other_side_names_is_kept(
    network: Network, clock: SteppingClock, access_point: AccessPoint
) -> None:
    access_point.plan = [(503, {"Retry-After": "120"}, b"")]
    with client(network, clock) as out:
        outcome = out.send(network.prepare(), access_point.url)
    assert outcome.retry_at == clock() + timedelta(minutes=2)


def test_an_answer_without_end_is_not_read_to_its_end(
    network: Network, clock: SteppingClock, access_point: AccessPoint
) -> None:
    access_point.plan = [(200, {}, b"x" * 2_000_000)]
    with client(network, clock) as out:
        outcome = out.send(network.prepare(), access_point.url)
    assert (outcome.verdict, outcome.uncertain) == (Verdict.RETRY, True)


@pytest.mark.parametrize("url", ["http://ap.example/as4", "ftp://ap.example", "", "https://user@ap.example"])
def test_an_endpoint_that_is_not_encrypted_or_none_gets_nothing(
    network: Network, clock: SteppingClock, url: str
) -> None:
    with client(network, clock) as out:
        outcome = out.send(network.prepare(), url)
    assert (outcome.verdict, outcome.concern) == (Verdict.GIVE_UP, Concern.ROUTE)


def test_an_access_point_that_is_down_is_left_alone_for_a_while(
    network: Network, clock: SteppingClock, access_point: AccessPoint
) -> None:
    breaker = CircuitBreaker(clock, failures=2, pause=timedelta(minutes=1))
    access_point.plan = [(502, {}, b"")] * 2
    prepared = network.prepare()
    with client(network, clock, breaker=breaker) as out:
        out.send(network.prepare(message_id="m-0@a.example"), access_point.url)
        out.send(prepared, access_point.url)
        waiting = out.send(prepared, access_point.url)
        assert waiting.retry_at == clock() + timedelta(minutes=1)
        assert not waiting.uncertain
        assert len(access_point.requests) == 2
        clock.advance(minutes=2)
        assert out.send(prepared, access_point.url).verdict is Verdict.DELIVERED
    assert breaker.state(circuit(access_point)) is CircuitState.CLOSED


def test_a_wrong_address_in_one_entry_does_not_stop_the_others(
    network: Network, clock: SteppingClock, access_point: AccessPoint
) -> None:
    """It names the certificate of an access point that listens elsewhere."""
    breaker = CircuitBreaker(clock, failures=2)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with client(network, clock, breaker=breaker) as out:
        for number in range(3):
            lost = network.prepare(message_id=f"lost-{number}@a.example")
            out.send(lost, f"http://127.0.0.1:{port}/as4")
        assert out.send(network.prepare(), access_point.url).verdict is Verdict.DELIVERED


def test_refusals_do_not_open_the_circuit(
    network: Network, clock: SteppingClock, access_point: AccessPoint
) -> None:
    """An access point that says no is up."""
    breaker = CircuitBreaker(clock, failures=1)
    network.inbox.stored[("m-1@a.example", "POP000001")] = (b"other", (), b"")
    with client(network, clock, breaker=breaker) as out:
        assert out.send(network.prepare(), access_point.url).verdict is Verdict.ALREADY_THERE
    assert breaker.state(circuit(access_point)) is CircuitState.CLOSED

"""The HTTP way out, against a real server on loopback that says exactly the bytes a test wants said."""

from __future__ import annotations

import gzip
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from connectors.http import HttpClient, is_safe_address, new_session, retry_moment
from connectors.sandbox.certificates import authority_pem, server_context
from connectors.sandbox.faults import Fault, Faults
from connectors.sandbox.http_server import SandboxHttpServer, json_reply
from formats.errors import ConfigError, RemoteRefused, RemoteUnavailable, RemoteUnexpected

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)


class Speaker:
    """Takes one request per connection, says `answer`, waits if told to, and closes."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self._context = context
        self.answer = b""
        self.hold = threading.Event()
        self.hold.set()
        self.requests: list[bytes] = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            if self._context is not None:
                try:
                    connection = self._context.wrap_socket(connection, server_side=True)
                except OSError:  # the client refused our certificate
                    connection.close()
                    continue
            with connection:
                connection.settimeout(5)
                self.requests.append(_read_request(connection))
                self.hold.wait(5)
                if self.answer:
                    connection.sendall(self.answer)

    def say(self, status: str, body: bytes = b"", *headers: str) -> None:
        lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers]
        self.answer = "\r\n".join(lines).encode() + b"\r\n\r\n" + body

    def close(self) -> None:
        self.hold.set()
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(5)


def _read_request(connection: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(65536)
    head, _, body = data.partition(b"\r\n\r\n")
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            while len(body) < int(value):
                body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


@pytest.fixture
def server() -> Iterator[Speaker]:
    speaker = Speaker()
    yield speaker
    speaker.close()


@pytest.fixture
def connect(server: Speaker) -> Iterator[Callable[..., HttpClient]]:
    made: list[HttpClient] = []

    def make(**choices: object) -> HttpClient:
        made.append(HttpClient(server.url, clock=lambda: NOW, **choices))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for client in made:
        client.close()


Connect = Callable[..., HttpClient]


def test_json_amounts_are_exact(server: Speaker, connect: Connect) -> None:
    server.say("200 OK", b'{"amount": 0.1}')
    assert connect().get_json("/x") == {"amount": Decimal("0.1")}


def test_the_query_is_encoded_once_and_a_full_address_is_used_as_it_stands(
    server: Speaker, connect: Connect
) -> None:
    server.say("200 OK", b"{}")
    client = connect()
    client.get_json("/x", query={"$filter": "Name eq 'a b&c'"})
    client.get_json(server.url + "/x?$skiptoken=guid'1'&a=%20b")
    assert server.requests[0].startswith(b"GET /x?$filter=Name%20eq%20'a%20b%26c' ")
    assert server.requests[1].startswith(b"GET /x?$skiptoken=guid'1'&a=%20b ")


def test_forms_and_json_carry_their_media_type(server: Speaker, connect: Connect) -> None:
    server.say("200 OK")
    client = connect()
    client.request("POST", "/f", form={"code": "a/b+c"})
    client.request("POST", "/j", json={"name": "Möller"})
    assert b"application/x-www-form-urlencoded" in server.requests[0]
    assert server.requests[0].endswith(b"code=a%2Fb%2Bc")
    assert server.requests[1].endswith('{"name": "Möller"}'.encode())


@pytest.mark.parametrize(
    ("status", "error"),
    [
        ("401 Unauthorized", RemoteRefused),
        ("403 Forbidden", RemoteRefused),
        ("404 Not Found", RemoteUnexpected),
        ("400 Bad Request", RemoteUnexpected),
        ("302 Found", RemoteUnexpected),
        ("408 Request Timeout", RemoteUnavailable),
        ("429 Too Many Requests", RemoteUnavailable),
        ("500 Internal Server Error", RemoteUnavailable),
        ("503 Service Unavailable", RemoteUnavailable),
    ],
)
def test_the_status_decides_who_acts(
    server: Speaker, connect: Connect, status: str, error: type[Exception]
) -> None:
    server.say(status, b"", "Location: http://192.0.2.1/elsewhere")
    with pytest.raises(error):
        connect().request("GET", "/x")


def test_an_allowed_status_comes_back_with_its_headers(server: Speaker, connect: Connect) -> None:
    server.say("403 Forbidden", b"no", "Reason: LicenseExpired")
    answer = connect().request("GET", "/x", allowed=(403,))
    assert (answer.status, answer.headers["reason"], answer.content) == (403, "LicenseExpired", b"no")


@pytest.mark.parametrize(
    ("value", "wait"),
    [
        ("5", timedelta(seconds=5)),
        ("Sun, 22 Nov 2026 08:01:00 GMT", timedelta(minutes=1)),
        ("Sun, 22 Nov 2026 09:01:00 +0100", timedelta(minutes=1)),
        ("999999999999", timedelta(hours=24)),
        ("Sun, 22 Nov 2099 08:01:00 GMT", timedelta(hours=24)),
        ("-5", None),
        ("Sun, 22 Nov 2026 07:59:00 GMT", None),
        ("soon", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_is_obeyed_within_reason(value: str | None, wait: timedelta | None) -> None:
    assert retry_moment(value, NOW) == (None if wait is None else NOW + wait)


@pytest.mark.parametrize("status", ["429 Too Many Requests", "503 Service Unavailable"])
def test_a_named_waiting_time_reaches_the_caller(server: Speaker, connect: Connect, status: str) -> None:
    server.say(status, b"", "Retry-After: 120")
    with pytest.raises(RemoteUnavailable) as caught:
        connect().request("GET", "/x")
    assert caught.value.retry_at == NOW + timedelta(seconds=120)
    assert not caught.value.uncertain


def test_a_login_page_with_200_is_not_an_empty_answer(server: Speaker, connect: Connect) -> None:
    server.say("200 OK", b"<html><body>Please sign in</body></html>", "Content-Type: text/html")
    with pytest.raises(RemoteUnexpected, match="web page") as caught:
        connect().get_json("/x")
    assert caught.value.evidence.startswith(b"<html>")


@pytest.mark.parametrize("body", [b"[" * 200_000, b'{"a": NaN}', b"\xff\xfe", b""])
def test_broken_json_is_unexpected(server: Speaker, connect: Connect, body: bytes) -> None:
    server.say("200 OK", body)
    with pytest.raises(RemoteUnexpected):
        connect().get_json("/x")


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\nContent-Encoding: gzip\r\n\r\nnot gzip",
        b"",
        b"HTTP/1.1 2",
    ],
)
def test_a_broken_off_answer_is_unavailable_not_empty(
    server: Speaker, connect: Connect, answer: bytes
) -> None:
    server.answer = answer
    with pytest.raises(RemoteUnavailable) as read:
        connect().request("GET", "/x")
    assert not read.value.uncertain
    with pytest.raises(RemoteUnavailable) as written:
        connect().request("POST", "/x", body=b"1")
    assert written.value.uncertain


def test_silence_is_unavailable_and_after_a_post_uncertain(server: Speaker, connect: Connect) -> None:
    server.hold.clear()
    client = connect(timeout=(1.0, 0.05))
    with pytest.raises(RemoteUnavailable) as written:
        client.request("POST", "/x", body=b"1")
    assert written.value.uncertain
    server.hold.set()


def test_a_host_that_is_down_is_certain_not_to_have_done_anything() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    client = HttpClient(f"http://127.0.0.1:{port}", clock=lambda: NOW)
    with pytest.raises(RemoteUnavailable) as caught:
        client.request("POST", "/x", body=b"1")
    assert not caught.value.uncertain


def test_an_answer_without_end_is_cut(server: Speaker, connect: Connect) -> None:
    packed = gzip.compress(bytes(3_000_000))
    server.say("200 OK", packed, "Content-Encoding: gzip")
    assert len(packed) < 10_000
    with pytest.raises(RemoteUnexpected, match="larger than 1000000"):
        connect(largest=1_000_000).request("GET", "/x")


@pytest.mark.parametrize(
    "address",
    [
        "http://192.0.2.1/x",
        "//192.0.2.1/x",
        "https://127.0.0.1/x",
        "http://user@127.0.0.1/x",
        "http://127.0.0.1\\@192.0.2.1/x",
        "file:///etc/passwd",
        "http://127.0.0.1.example.com/x",
        "/x\r\nHost: 192.0.2.1",
    ],
)
def test_no_other_host_is_ever_called(connect: Connect, address: str) -> None:
    with pytest.raises(RemoteUnexpected, match="outside its own host"):
        connect().request("GET", address)


def test_errors_name_the_place_and_no_secret(server: Speaker, connect: Connect) -> None:
    server.say("500 Internal Server Error", b"token=hidden")
    with pytest.raises(RemoteUnavailable) as caught:
        connect().request(
            "POST",
            "/token",
            query={"key": "hidden"},
            headers={"Authorization": "hidden"},
            form={"a": "hidden"},
        )
    assert caught.value.where == f"POST {server.url}/token"
    assert "hidden" not in str(caught.value)
    assert caught.value.uncertain


def test_an_unknown_certificate_is_refused_and_a_named_authority_believed(tmp_path: Path) -> None:
    authority = tmp_path / "ca.pem"
    authority.write_text(authority_pem())
    server = Speaker(server_context("http test"))
    server.say("200 OK", b"{}")
    address = server.url.replace("http:", "https:")
    with pytest.raises(RemoteRefused, match="certificate"):
        HttpClient(address, clock=lambda: NOW).get_json("/x")
    trusting = HttpClient(address, clock=lambda: NOW, verify=str(authority))
    assert trusting.get_json("/x") == {}
    trusting.close()
    server.close()


def test_the_environment_is_not_asked_for_a_proxy(
    server: Speaker, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    server.say("200 OK", b"{}")
    assert connect().get_json("/x") == {}


def test_cookies_are_not_kept(server: Speaker, connect: Connect) -> None:
    server.say("200 OK", b"{}", "Set-Cookie: session=1; Path=/")
    client = connect()
    client.get_json("/x")
    client.get_json("/x")
    assert b"session=1" not in server.requests[1]


@pytest.mark.parametrize(
    "address", ["example.com", "ftp://example.com", "https://u:p@example.com", "http://"]
)
def test_a_wrong_base_address_is_a_configuration_error(address: str) -> None:
    with pytest.raises(ConfigError):
        HttpClient(address, clock=lambda: NOW)


def test_a_session_uses_the_named_authorities_only() -> None:
    with new_session(verify="/somewhere/ca.pem", headers={"X-A": "1"}) as session:
        assert session.verify == "/somewhere/ca.pem"
        assert not session.trust_env
        assert session.headers["X-A"] == "1"


def _imitation() -> SandboxHttpServer:
    server = SandboxHttpServer(0, Faults())
    server.route("GET", r"/things/(\d+)", lambda request: json_reply({"id": request.match[1]}))
    server.route("POST", "/things", lambda request: json_reply({"got": len(request.body)}, 201))
    return server


@pytest.fixture
def imitation() -> Iterator[SandboxHttpServer]:
    server = _imitation()
    server.start()
    yield server
    server.stop()
    assert server.failures == []


@pytest.mark.parametrize(
    ("kind", "method", "error", "done"),
    [
        ("too-many-requests", "GET", RemoteUnavailable, 0),
        ("too-many-requests-bare", "GET", RemoteUnavailable, 0),
        ("server-error", "GET", RemoteUnavailable, 0),
        ("unavailable", "GET", RemoteUnavailable, 0),
        ("html", "GET", RemoteUnexpected, 0),
        ("truncated", "GET", RemoteUnavailable, 1),
        ("drop-before", "GET", RemoteUnavailable, 0),
        ("drop-after", "GET", RemoteUnavailable, 1),
    ],
)
def test_each_fault_of_the_imitation_is_played_once_and_then_over(
    imitation: SandboxHttpServer, kind: str, method: str, error: type[Exception], done: int
) -> None:
    """`done` counts how often the imitation really worked while the fault was on."""
    worked: list[str] = []
    imitation.route(method, "/work", lambda request: worked.append(request.path) or json_reply({"a": "b"}))  # type: ignore[func-returns-value]
    imitation.faults.arm(Fault(kind, "GET /work", seconds=3))
    client = HttpClient(imitation.url, clock=lambda: NOW)
    with pytest.raises(error) as caught:
        client.get_json("/work")
    assert len(worked) == done
    if kind == "too-many-requests":
        assert getattr(caught.value, "retry_at", None) == NOW + timedelta(seconds=3)
    assert client.get_json("/work") == {"a": "b"}
    client.close()


def test_the_imitation_stops_with_open_connections_and_starts_again_at_its_address() -> None:
    server = _imitation()
    server.start()
    client = HttpClient(server.url, clock=lambda: NOW)
    assert client.get_json("/things/7") == {"id": "7"}
    server.stop()
    with pytest.raises(RemoteUnavailable):
        client.get_json("/things/7")
    server.start()
    assert client.get_json("/things/8") == {"id": "8"}
    client.close()
    server.stop()
    assert server.count("GET", "things") == 2


def test_the_imitation_refuses_bodies_over_its_bound() -> None:
    server = SandboxHttpServer(0, Faults(), largest=10)
    server.route("POST", "/things", lambda request: json_reply({}))
    server.start()
    client = HttpClient(server.url, clock=lambda: NOW)
    answer = client.request("POST", "/things", body=b"x" * 11, allowed=(413,))
    client.close()
    server.stop()
    assert answer.status == 413


@pytest.mark.parametrize(
    ("address", "safe"),
    [
        ("https://erp.example.com", True),
        ("http://127.0.0.1:47020", True),
        ("http://localhost/path", True),
        ("http://[::1]:8080", True),
        ("http://erp.example.com", False),
        ("http://127.0.0.1.evil.example", False),
        ("http://localhost@evil.example", False),
        ("ftp://127.0.0.1", False),
    ],
)
def test_secrets_travel_encrypted_or_not_at_all(address: str, safe: bool) -> None:
    assert is_safe_address(address) is safe

"""gateway connect, and the calls with which an ERP wakes the gateway: real processes and real sockets."""

from __future__ import annotations

import re
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import IO, Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import requests
import uvicorn
from fastapi import FastAPI
from sqlalchemy import func, select

from connectors.sandbox.exact_online import ImitatedExactOnline
from connectors.sandbox.exact_online_login import CLIENT_ID
from connectors.sandbox.exact_online_seed import DIVISION, seeded_id
from connectors.sandbox.exact_online_webhooks import signed_call
from connectors.sandbox.registry import BASE_PORT
from formats.errors import ConfigError, RemoteRefused
from gateway.cli.connect import code_of, source_of
from gateway.cli.setup import write_config
from gateway.store import sources
from gateway.store.tables import submissions
from gateway.web.wake import Wakes, router
from gateway.wiring import Gateway

PROGRAM = (sys.executable, "-m", "gateway.cli.main")


@dataclass(frozen=True, slots=True)
class Offline:
    """The imitated Exact Online and a config folder that knows only it."""

    exact: ImitatedExactOnline
    config: Path


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A config folder with Exact Online, not connected yet, and an empty database of the current schema."""
    folder = tmp_path_factory.mktemp("connect") / "config"
    write_config(folder, BASE_PORT)
    for file in (folder / "sources").glob("*.yaml"):
        if file.stem != "exact":
            file.unlink()
    Gateway.open(folder).close()
    file = folder / "sources" / "exact.yaml"
    text = file.read_text("utf-8")
    file.write_text(text.replace("  refresh_token: file:", "  # refresh_token: file:"), "utf-8")
    return folder


@pytest.fixture
def offline(template: Path, tmp_path: Path) -> Iterator[Offline]:
    config = tmp_path / "config"
    shutil.copytree(template, config)
    exact = ImitatedExactOnline()
    exact.start()
    found = Offline(exact, config)
    address = f"http://127.0.0.1:{_free_port()}/exact/callback"
    exact.login.redirect_uris.add(address)
    _set(found, "base_url", exact.server.url)
    _set(found, "redirect_url", address)
    yield found
    exact.stop()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _set(offline: Offline, name: str, value: str) -> None:
    """Change one setting of the source."""
    file = offline.config / "sources" / "exact.yaml"
    text = re.sub(rf"(?m)^  (# )?{name}:.*$", f"  {name}: {value}", file.read_text("utf-8"))
    file.write_text(text, "utf-8")


class Command:
    """`gateway connect` as a process of its own, in a `with` block, so that it never outlives a test."""

    def __enter__(self) -> Command:
        return self

    def __exit__(self, *_: object) -> None:
        with self._process:
            self._process.kill()

    def __init__(self, offline: Offline, *arguments: str) -> None:
        self._process = subprocess.Popen(  # noqa: S603
            [*PROGRAM, "-c", str(offline.config), "connect", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.output = ""

    def address(self) -> str:
        """The address that a person is to open."""
        for line in self._out:
            self.output += line
            if "/api/oauth2/auth?" in line:
                return line.strip()
        raise AssertionError(self.output)

    def listening(self) -> None:
        for line in self._out:
            self.output += line
            if line.startswith("Waiting"):
                return
        raise AssertionError(self.output)

    def end(self, pasted: str = "") -> int:
        out, _ = self._process.communicate(pasted, timeout=60)
        self.output += out
        return self._process.returncode

    @property
    def _out(self) -> IO[str]:
        assert self._process.stdout is not None
        return self._process.stdout


def _login(address: str) -> str:
    """A person logs in at Exact and allows the access; where the browser is sent then."""
    answer = requests.get(address, allow_redirects=False, timeout=10)
    assert answer.status_code == 302, answer.text
    return str(answer.headers["Location"])


def test_a_login_in_the_browser_connects_and_the_next_command_works(offline: Offline) -> None:
    with Command(offline, "exact", "--no-browser") as command:
        address = command.address()
        command.listening()
        page = requests.get(_login(address), timeout=10)
        assert (page.status_code, "Thank you" in page.text) == (200, True)
        assert page.headers["Referrer-Policy"] == "no-referrer"
        assert command.end() == 0
        assert "exact-vandael is connected; both tokens are stored." in command.output
        assert "Next: gateway check exact-vandael" in command.output
        assert "Van Dael" in command.output
        checked = subprocess.run(  # noqa: S603
            [*PROGRAM, "-c", str(offline.config), "pull", "exact-vandael"],
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert "20 new documents" in checked.stdout
        assert offline.exact.login.token_calls == 1


def test_a_source_left_alone_for_its_ended_login_is_taken_up_at_once(offline: Offline) -> None:
    opened = Gateway.open(offline.config)
    with opened.database.begin() as connection:
        sources.failed(
            connection,
            "exact-vandael",
            verdict="precondition",
            sentence="log in again",
            due_at=opened.clock() + timedelta(hours=4),
        )
    with Command(offline, "exact", "--code") as command:
        back = _login(command.address())
        # The code alone will do where a person copied it by hand.
        assert command.end(parse_qs(urlsplit(back).query)["code"][0] + "\n") == 0
    with opened.database.read() as connection:
        record = sources.get(connection, "exact-vandael")
    opened.close()
    assert record.due_at is not None
    assert record.due_at <= opened.clock()
    assert record.sentence == ""


def test_neither_code_nor_tokens_are_printed_or_logged(offline: Offline) -> None:
    with Command(offline, "exact", "--no-browser") as command:
        back = _login(command.address())
        command.listening()
        requests.get(back, timeout=10)
        assert command.end() == 0
        assert parse_qs(urlsplit(back).query)["code"][0] not in command.output
        assert "stampNL001" not in command.output


def test_an_answer_with_another_state_is_turned_away_and_the_right_one_still_works(offline: Offline) -> None:
    """Somebody else's answer must not connect us to somebody else's books."""
    with Command(offline, "exact", "--no-browser") as command:
        back = _login(command.address())
        command.listening()
        parts = urlsplit(back)
        code = parse_qs(parts.query)["code"][0]
        for query in ({"code": code, "state": "guessed"}, {"code": code}, {"state": ""}):
            refused = requests.get(f"{back.split('?')[0]}?{urlencode(query)}", timeout=10)
            assert (refused.status_code, code in refused.text) == (400, False)
        assert requests.get(f"{parts.scheme}://{parts.netloc}/favicon.ico", timeout=10).status_code == 404
        assert offline.exact.login.token_calls == 0
        requests.get(back, timeout=10)
        assert command.end() == 0


def test_a_person_who_says_no_ends_it_with_the_reason(offline: Offline) -> None:
    offline.exact.login.refuses = "access_denied"
    with Command(offline, "exact", "--no-browser") as command:
        back = _login(command.address())
        command.listening()
        assert requests.get(back, timeout=10).status_code == 400
        assert command.end() == 2
        assert "access_denied" in command.output
        assert offline.exact.login.token_calls == 0


def test_nobody_logging_in_ends_it_too(offline: Offline) -> None:
    with Command(offline, "exact", "--no-browser", "--wait", "1") as command:
        assert command.end() == 2
        assert "within 1 seconds" in command.output
        assert "--code" in command.output


def test_the_answer_can_be_pasted_where_there_is_no_browser(offline: Offline) -> None:
    """Also where the registered address is another machine's."""
    _set(offline, "redirect_url", "https://gateway.example/exact/callback")
    with Command(offline, "exact") as command:
        back = _login(command.address())
        assert back.startswith("https://gateway.example/exact/callback?")
        assert command.end(f"{back}\n") == 0
        assert "is connected" in command.output


@pytest.mark.parametrize(
    "query",
    [
        "code=x&state=another",
        "code=x",
        "code=x&state=",
        "",
        "state=asked",
        "error=access_denied&state=asked",
        "code=&state=asked",
        "code=x&state=%C3%A9",
        "code=x&state=other&state=asked",
    ],
)
def test_an_answer_that_is_not_ours_or_not_a_yes_is_not_used(query: str) -> None:
    with pytest.raises(RemoteRefused, match="gateway connect"):
        code_of(query, "asked")


def test_the_code_of_an_answer_is_decoded_once() -> None:
    assert code_of("code=a%2520b%2B%2F&state=asked", "asked") == "a%20b+/"


def test_a_pasted_answer_of_somebody_else_connects_nothing(offline: Offline) -> None:
    with Command(offline, "exact", "--code") as command:
        _login(command.address())
        assert command.end("https://gateway.example/exact/callback?code=x&state=another\n") == 2
        assert "does not belong to this login" in command.output.replace("\n", " ")
        assert offline.exact.login.token_calls == 0


def test_a_registered_address_with_https_is_served_with_a_certificate_of_this_login(offline: Offline) -> None:
    address = f"https://localhost:{_free_port()}/exact/callback"
    offline.exact.login.redirect_uris.add(address)
    _set(offline, "redirect_url", address)
    with Command(offline, "exact", "--no-browser") as command:
        back = _login(command.address())
        command.listening()
        assert back.startswith(address)
        trusting = ssl.create_default_context()
        trusting.check_hostname = False
        trusting.verify_mode = ssl.CERT_NONE
        opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=trusting))
        with opener.open(back.replace("localhost", "127.0.0.1"), timeout=10) as page:
            assert b"Thank you" in page.read()
        assert command.end() == 0
        assert "certificate" in command.output


def test_a_taken_port_is_said_to_be_taken(offline: Offline) -> None:
    _set(offline, "redirect_url", f"{offline.exact.server.url}/exact/callback")
    with Command(offline, "exact", "--no-browser") as command:
        assert command.end() == 2
        assert "cannot be listened on" in command.output


def test_a_wrong_division_is_found_at_once(offline: Offline) -> None:
    _set(offline, "division", "999")
    with Command(offline, "exact", "--code") as command:
        back = _login(command.address())
        assert command.end(f"{back}\n") == 1
        assert "FAIL Division" in command.output


# Calls of the ERP.


@contextmanager
def _serving(gateway: Gateway, wakes: Wakes | None = None, longest_reading: float = 10.0) -> Iterator[str]:
    app = FastAPI()
    app.include_router(router(gateway, wakes, longest_reading=longest_reading))
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", lifespan="on"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        _until(lambda: server.started)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}/api/v1/sources/exact-vandael/wake"
    finally:
        server.should_exit = True
        thread.join()


def _until(true: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


@pytest.fixture
def gateway(offline: Offline) -> Iterator[Gateway]:
    _set(offline, "refresh_token", "file:secrets/exact-refresh-token")
    opened = Gateway.open(offline.config)
    yield opened
    opened.close()


def test_a_source_is_found_by_name_beginning_or_kind(gateway: Gateway) -> None:
    assert {source_of(gateway, name) for name in ("exact", "exact-vandael", "exact-online")} == {
        "exact-vandael"
    }
    with pytest.raises(ConfigError, match="name one of exact-vandael"):
        source_of(gateway, "oracle")


def _call(**changes: object) -> bytes:
    content: dict[str, Any] = {
        "Topic": "SalesInvoices",
        "ClientId": CLIENT_ID,
        "Division": DIVISION,
        "Action": "Update",
        "Key": seeded_id("invoice 26700001"),
        "ExactOnlineEndpoint": "",
        "EventCreatedOn": "2026-11-22T09:00:10.127",
        **changes,
    }
    return signed_call(content)


def test_a_genuine_call_leads_to_one_visit(gateway: Gateway) -> None:
    visits: list[str] = []
    wakes = Wakes(gateway, visits.append)
    with _serving(gateway, wakes) as url:
        for _ in range(3):
            assert requests.post(url, data=_call(), timeout=10).status_code == 200
        _until(lambda: bool(visits))
    wakes.close()
    assert visits == ["exact-vandael"]


def test_calls_during_a_visit_lead_to_one_more(gateway: Gateway) -> None:
    """A visit under way may have passed the change already."""
    visits: list[str] = []
    begun, go_on = threading.Event(), threading.Event()

    def visit(source: str) -> None:
        visits.append(source)
        begun.set()
        go_on.wait(20)

    wakes = Wakes(gateway, visit)
    with _serving(gateway, wakes) as url:
        requests.post(url, data=_call(), timeout=10)
        assert begun.wait(20)
        for number in range(5):
            requests.post(url, data=_call(Key=f"{number}"), timeout=10)
        go_on.set()
        _until(lambda: len(visits) == 2)
    wakes.close()
    assert len(visits) == 2


def test_forged_oversized_and_misdirected_calls_do_nothing(gateway: Gateway, offline: Offline) -> None:
    visits: list[str] = []
    wakes = Wakes(gateway, visits.append)
    with _serving(gateway, wakes) as url:
        forged = _call().replace(b"Update", b"Delete")
        statuses = [
            requests.post(url, data=forged, timeout=10).status_code,
            requests.post(url, data=b"x" * 70_000, timeout=10).status_code,
            requests.post(url, data=b"", timeout=10).status_code,
            requests.post(url.replace("exact-vandael", "nowhere"), data=_call(), timeout=10).status_code,
            requests.get(url, timeout=10).status_code,
        ]
    wakes.close()
    assert statuses == [401, 413, 200, 404, 405]
    assert visits == []
    assert offline.exact.server.calls == []


def test_a_call_that_does_not_come_to_its_end_is_given_up(gateway: Gateway) -> None:
    """And one for a source that takes none is not waited for."""
    wakes = Wakes(gateway, lambda source: None)
    with _serving(gateway, wakes, longest_reading=0.2) as url:
        parts = urlsplit(url)
        for name, status in (("exact-vandael", b"408"), ("nowhere", b"404")):
            head = f"POST /api/v1/sources/{name}/wake HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{{"
            with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=5) as slow:
                slow.sendall(head.encode())
                assert slow.recv(100).split()[1] == status
    wakes.close()


def test_a_missing_secret_is_our_own_fault_and_the_call_comes_again(
    gateway: Gateway, offline: Offline
) -> None:
    (offline.config / "secrets" / "exact-webhook-secret").unlink()
    wakes = Wakes(gateway, lambda source: None)
    with _serving(gateway, wakes) as url:
        assert requests.post(url, data=_call(), timeout=10).status_code == 503
    wakes.close()


def test_a_source_that_asked_for_a_pause_is_not_woken(gateway: Gateway) -> None:
    with gateway.database.begin() as connection:
        sources.failed(
            connection,
            "exact-vandael",
            verdict="provider",
            sentence="the day's calls are spent",
            due_at=gateway.clock() + timedelta(hours=1),
        )
    visits: list[str] = []
    wakes = Wakes(gateway, visits.append)
    with _serving(gateway, wakes) as url:
        assert requests.post(url, data=_call(), timeout=10).status_code == 200
    wakes.close()
    assert visits == []


def test_a_webhook_brings_a_changed_invoice_without_waiting_for_the_poll(
    gateway: Gateway, offline: Offline
) -> None:
    """From the subscription to the document, over real sockets, with the pipeline's own visit."""

    def received() -> int:
        with gateway.database.read() as connection:
            return connection.scalar(select(func.count()).select_from(submissions)) or 0

    with _serving(gateway) as url:
        assert requests.post(url, data=_call(), timeout=10).status_code == 200
        _until(lambda: received() == 20)
        offline.exact.webhooks.subscribe("SalesInvoices", url)
        offline.exact.add(1)
        _until(lambda: received() == 21)
    # The end of the application ends the threads of its visits.
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("wake")]

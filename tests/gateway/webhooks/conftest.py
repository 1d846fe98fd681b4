"""A gateway with one webhook, and a receiver on this machine that can be ended and started again."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from connectors.base import SourceDocument
from gateway.cli.setup import write_config
from gateway.pipeline.submission import State
from gateway.store import submissions
from gateway.store.submissions import Submission
from gateway.webhooks.sender import Sender
from gateway.wiring import Gateway
from tests.gateway import prepared

SECRET = "whsec_" + base64.b64encode(b"invented, and long enough to sign").decode()
NAME = "shop"
ID = f"config.{NAME}"


@dataclass(frozen=True, slots=True)
class Got:
    """One request, as it came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def event(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found


@dataclass(slots=True)
class Receiver:
    """Takes events and answers with the next of `answers`, or 204; each may carry headers."""

    port: int = 0
    got: list[Got] = field(default_factory=list)
    answers: list[tuple[int, dict[str, str], bytes]] = field(default_factory=list)
    held: threading.Event | None = None
    _server: ThreadingHTTPServer | None = None

    def start(self) -> None:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                receiver.got.append(Got(self.path, headers, body))
                if receiver.held is not None:
                    receiver.held.wait(5)
                status, more, content = receiver.answers.pop(0) if receiver.answers else (204, {}, b"")
                self.send_response(status)
                for name, value in {"Content-Length": str(len(content)), **more}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *arguments: Any) -> None:
                """Quiet."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: Any) -> None:
                """A caller that hangs up early is what some of these tests are about."""

        self._server = Server(("127.0.0.1", self.port), Handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/events?to=shop"

    @property
    def types(self) -> list[str]:
        return [one.event["type"] for one in self.got]


@dataclass(slots=True)
class Time:
    """The gateway's clock, which a test moves."""

    now: datetime = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, **span: float) -> None:
        self.now += timedelta(**span)


@dataclass(slots=True)
class World:
    """The gateway, its receiver and its clock."""

    gateway: Gateway
    receiver: Receiver
    time: Time
    sender: Sender

    def invoice(self, number: str, source: str = "exact-vandael") -> Submission:
        with self.gateway.database.begin() as connection:
            document = SourceDocument(number, "1", "text/xml", f"<invoice>{number}</invoice>".encode())
            taken = submissions.receive(connection, source, document, now=self.time.now)
            assert taken is not None
            return submissions.move(
                connection,
                taken,
                State.MAPPED,
                "mapped",
                {},
                now=self.time.now,
                number=number,
                buyer="Kessel",
            )

    def move(self, submission: Submission, *states: State, **data: object) -> Submission:
        for state in states:
            with self.gateway.database.begin() as connection:
                submission = submissions.move(
                    connection, submission, state, state.value, dict(data), now=self.time.now
                )
        return submission

    def deliver(self, number: str) -> Submission:
        way = (State.CHECKED, State.READY, State.SENDING, State.SENT, State.DELIVERED)
        return self.move(self.invoice(number), *way)

    def begin(self) -> None:
        """The webhook is known, and begins here."""
        self.sender.round()
        assert self.sender.wait(5)

    def round(self) -> None:
        self.sender.round()
        assert self.sender.wait(5)


def signature(secret: bytes, got: Got) -> str:
    """As a receiver computes it: from what came, by the documentation."""
    signed = f"{got.headers['webhook-id']}.{got.headers['webhook-timestamp']}.".encode() + got.body
    return "v1," + base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    config = tmp_path_factory.mktemp("webhooks") / "config"
    write_config(config, 21000)
    return config


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    made.start()
    yield made
    made.stop()


@pytest.fixture
def config(tmp_path: Path, written: Path, receiver: Receiver) -> Path:
    folder = shutil.copytree(written, tmp_path / "config")
    shutil.rmtree(folder / "webhooks", ignore_errors=True)
    (folder / "webhooks").mkdir()
    (folder / "webhooks" / "shop.yaml").write_text(
        f"name: {NAME}\nurl: {receiver.url}\nevents: [invoice.*, alarm.*]\nsecrets: ['file:secrets/shop']\n"
    )
    (folder / "secrets" / "shop").write_text(SECRET + "\n")
    with (folder / "gateway.yaml").open("a") as file:
        file.write(f"\nwebhooks:\n  inside: ['127.0.0.1:{receiver.port}']\n  seconds: 2\n")
    prepared.sqlite_copy(folder / "gateway.db")
    return folder


@pytest.fixture
def world(config: Path, receiver: Receiver) -> Iterator[World]:
    time = Time()
    gateway = Gateway.open(config, clock=time)
    sender = Sender(gateway)
    made = World(gateway, receiver, time, sender)
    made.begin()
    yield made
    sender.stop()
    assert sender.wait(5)
    gateway.close()

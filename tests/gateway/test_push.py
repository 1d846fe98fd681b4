"""Invoices pushed over HTTP: real calls to a real server, with the database behind it."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from sqlalchemy import func, select

from connectors.base import ErpConnector, Page, RejectedDocument, SourceDocument
from connectors.erp.files import Folder
from formats.errors import ConfigError, DocumentError
from formats.syntaxes import ubl
from gateway.cli.setup import write_config
from gateway.pipeline.collect import collect
from gateway.pipeline.convert import convert, invoice_of
from gateway.pipeline.submission import State
from gateway.store import documents, journal, submissions
from gateway.store.database import Database
from gateway.store.tables import push_keys
from gateway.store.tables import submissions as submission_rows
from gateway.web.app import create_app
from gateway.web.server import WebServer
from gateway.wiring import Gateway
from tests.strategies import sample_invoice

TOKEN = "demo-token-of-the-imitated-shop"
INVOICE = {
    "number": "S-1",
    "issue_date": "2026-11-20",
    "buyer_name": "Wendt",
    "lines": [{"line": "1", "description": "Service", "quantity": 3, "price": 10.10, "tax_rate": 19}],
}


@dataclass
class Site:
    """A gateway with push sources, and its server."""

    gateway: Gateway
    server: WebServer
    woken: list[str]

    def post(self, content: bytes | dict[str, Any] | list[Any], source: str = "shop", **headers: str) -> Any:
        sent = content if isinstance(content, bytes) else json.dumps(content).encode()
        shown = {"Authorization": f"Bearer {TOKEN}", **{k.replace("_", "-"): v for k, v in headers.items()}}
        url = f"{self.server.url}/api/v1/sources/{source}/documents"
        return requests.post(url, data=sent, headers=shown, timeout=20)

    def count(self) -> int:
        with self.gateway.database.read() as connection:
            return connection.scalar(select(func.count()).select_from(submission_rows)) or 0


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A config folder, written once: it takes longer than most of these tests."""
    config = tmp_path_factory.mktemp("push") / "config"
    write_config(config, 21000)
    return config


@contextmanager
def running(config: Path, database: str) -> Iterator[Site]:
    for file in (config / "sources").glob("*.yaml"):
        file.unlink()
    sample = (config / "samples" / "sources" / "push.yaml").read_text("utf-8")
    (config / "sources" / "shop.yaml").write_text(sample, "utf-8")
    as_is = sample.replace("name: shop", "name: ready").replace("json_invoice", "einvoice")
    as_is = as_is.replace("kind: json ", "kind: einvoice ").replace("10485760", "100000")
    (config / "sources" / "ready.yaml").write_text(as_is, "utf-8")
    main = (config / "gateway.yaml").read_text("utf-8")
    (config / "gateway.yaml").write_text(
        main.replace("database: sqlite:///gateway.db", f"database: {database}"), "utf-8"
    )
    gateway = Gateway.open(config)
    woken: list[str] = []
    server = WebServer(create_app(gateway, woken=lambda: woken.append("woken")), "127.0.0.1", 0)
    server.start()
    yield Site(gateway, server, woken)
    server.stop()
    gateway.close()


@pytest.fixture
def site(tmp_path: Path, database_address: str, written: Path) -> Iterator[Site]:
    """On each of the databases."""
    with running(shutil.copytree(written, tmp_path / "config"), database_address) as site:
        yield site


@pytest.fixture
def door(tmp_path: Path, written: Path) -> Iterator[Site]:
    """For what is decided before anything is stored."""
    database = f"sqlite:///{tmp_path / 'gateway.db'}"
    with running(shutil.copytree(written, tmp_path / "config"), database) as site:
        yield site


def test_a_pushed_invoice_is_stored_answered_and_worked_on(site: Site) -> None:
    answer = site.post(INVOICE)
    assert answer.status_code == 202
    [taken] = answer.json()["invoices"]
    assert (taken["key"], taken["new"]) == ("S-1", True)
    assert site.woken == ["woken"]
    with site.gateway.database.read() as connection:
        submission = submissions.get(connection, taken["submission"])
        stored = documents.get(connection, answer.json()["digest"])
    assert json.loads(stored.content) == INVOICE
    moved = convert(site.gateway, submission)
    with site.gateway.database.read() as connection:
        invoice = invoice_of(connection, moved)
    assert (invoice.number, str(invoice.lines[0].net_amount)) == ("S-1", "30.30")


def test_an_einvoice_needs_no_mapping_and_tells_where_its_values_stand(site: Site) -> None:
    answer = site.post(ubl.write(sample_invoice()), "ready", Content_Type="application/xml")
    assert answer.status_code == 202
    with site.gateway.database.read() as connection:
        submission = submissions.get(connection, answer.json()["invoices"][0]["submission"])
    moved = convert(site.gateway, submission)
    with site.gateway.database.read() as connection:
        assert ubl.write(invoice_of(connection, moved)) == ubl.write(sample_invoice())
        origins = json.loads(documents.get(connection, moved.origins_digest).content)
    assert moved.mapping == "einvoice 1"
    assert {origin["source"] for origin in origins if origin["term"] == "BT-1"} == {"/Invoice/cbc:ID"}


def test_the_same_push_under_the_same_key_is_answered_the_same(site: Site) -> None:
    first = site.post(INVOICE, Idempotency_Key="k-1")
    second = site.post(INVOICE, Idempotency_Key="k-1")
    assert (first.status_code, second.status_code) == (202, 202)
    assert first.json() == second.json()
    assert (first.headers.get("Idempotent-Replayed"), second.headers["Idempotent-Replayed"]) == (None, "true")
    assert site.count() == 1
    assert site.woken == ["woken"]


def test_another_content_under_the_same_key_is_refused(site: Site) -> None:
    site.post(INVOICE, Idempotency_Key="k-1")
    answer = site.post({**INVOICE, "number": "S-2"}, Idempotency_Key="k-1")
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert "another content" in answer.json()["detail"]
    assert site.count() == 1


def test_keys_belong_to_their_source(site: Site) -> None:
    site.post(INVOICE, Idempotency_Key="k-1")
    assert site.post(ubl.write(sample_invoice()), "ready", Idempotency_Key="k-1").status_code == 202


def test_the_same_push_at_the_same_moment_is_taken_once(site: Site) -> None:
    answers: list[Any] = []

    def send() -> None:
        answers.append(site.post(INVOICE, Idempotency_Key="k-1"))

    threads = [threading.Thread(target=send) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.text for answer in answers}) == 1
    assert site.count() == 1


def test_without_a_key_the_same_invoice_is_told_as_known(site: Site) -> None:
    first, second = site.post(INVOICE).json(), site.post(INVOICE).json()
    assert first["invoices"][0]["submission"] == second["invoices"][0]["submission"]
    assert (first["invoices"][0]["new"], second["invoices"][0]["new"]) == (True, False)


def test_a_refused_push_leaves_nothing_and_its_key_is_free(site: Site) -> None:
    answer = site.post([INVOICE, 5], Idempotency_Key="k-1")
    assert answer.status_code == 422
    assert {"title", "status", "detail", "where", "fix"} <= answer.json().keys()
    with site.gateway.database.read() as connection:
        assert connection.scalar(select(func.count()).select_from(push_keys)) == 0
    assert site.count() == 0
    assert site.post([INVOICE], Idempotency_Key="k-1").status_code == 202


def test_several_invoices_in_one_push_have_a_submission_each(site: Site) -> None:
    answer = site.post([{**INVOICE, "number": f"S-{n}"} for n in range(20)])
    assert [one["key"] for one in answer.json()["invoices"]] == [f"S-{n}" for n in range(20)]
    assert site.count() == 20


def test_each_push_is_in_the_journal_with_its_digest(site: Site) -> None:
    digest = site.post(INVOICE, Idempotency_Key="k-1").json()["digest"]
    with site.gateway.database.read() as connection:
        entries = [entry for entry in journal.entries(connection) if entry.event == "pushed"]
    assert [(json.loads(entry.data)["digest"], json.loads(entry.data)["key"]) for entry in entries] == [
        (digest, "k-1")
    ]


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer wrong", f"Basic {TOKEN}", TOKEN, f"Bearer {TOKEN[:-1]}", "Bearer ä"]
)
def test_without_the_token_nothing_is_taken(door: Site, header: str) -> None:
    answer = door.post(INVOICE, Authorization=header)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert TOKEN not in answer.text
    assert door.count() == 0


def test_the_previous_token_is_taken_while_senders_change_over(door: Site) -> None:
    config = door.gateway.settings.folder
    file = config / "sources" / "shop.yaml"
    file.write_text(file.read_text("utf-8").replace("# previous_token", "previous_token"), "utf-8")
    (config / "secrets" / "push-token-old").write_text("the-token-of-last-year\n")
    renewed = Gateway.open(config)
    server = WebServer(create_app(renewed), "127.0.0.1", 0)
    server.start()
    try:
        old = Site(renewed, server, []).post(INVOICE, Authorization="Bearer the-token-of-last-year")
        assert old.status_code == 202
    finally:
        server.stop()
        renewed.close()


def test_a_source_that_takes_no_pushes_is_not_there(door: Site) -> None:
    for name in ("nowhere", "..%2f.."):
        assert door.post(INVOICE, name).status_code == 404
    assert door.post(INVOICE, "shop%00").status_code == 422


@pytest.mark.parametrize("key", ["", "two words", "x" * 201, "a\u00e4"])
def test_an_impossible_key_is_refused(door: Site, key: str) -> None:
    url = f"{door.server.url}/api/v1/sources/shop/documents"
    headers = {"Authorization": f"Bearer {TOKEN}".encode(), "Idempotency-Key": key.encode()}
    answer = requests.post(url, data=json.dumps(INVOICE), headers=headers, timeout=10)
    assert answer.status_code == 400


def test_a_large_body_is_refused_whether_announced_or_not(door: Site) -> None:
    large = b" " * 100_001
    assert door.post(large, "ready").status_code == 413
    url = f"{door.server.url}/api/v1/sources/ready/documents"
    pieces = (large[start : start + 10_000] for start in range(0, len(large), 10_000))
    headers = {"Authorization": f"Bearer {TOKEN}"}
    assert requests.post(url, data=pieces, headers=headers, timeout=10).status_code == 413


def test_a_compressed_body_is_refused(door: Site) -> None:
    assert door.post(b"\x1f\x8b", Content_Encoding="gzip").status_code == 415


def test_the_description_of_the_interface_names_the_route(door: Site) -> None:
    described = requests.get(f"{door.server.url}/api/v1/openapi.json", timeout=10).json()
    route = described["paths"]["/api/v1/sources/{name}/documents"]["post"]
    assert [list(way) for way in route["security"]] == [["sourceToken"]]
    assert described["components"]["securitySchemes"]["sourceToken"]["scheme"] == "bearer"
    for path in ("/docs", "/redoc", "/nothing"):
        answer = requests.get(f"{door.server.url}{path}", timeout=10)
        assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


def test_health_says_that_gateway_and_database_answer(door: Site) -> None:
    assert requests.get(f"{door.server.url}/health", timeout=10).json()["status"] == "ok"


def test_a_taken_port_is_told_in_plain_words(door: Site) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=f"port {port}"):
            WebServer(create_app(door.gateway), "127.0.0.1", port).start()


def test_the_running_gateway_takes_pushes_and_works_on_them_at_once(tmp_path: Path, written: Path) -> None:
    """`gateway run` as a process of its own, ended by the signal that services are ended with."""
    config = shutil.copytree(written, tmp_path / "config")
    for file in (config / "sources").glob("*.yaml"):
        file.unlink()
    shutil.copy(config / "samples" / "sources" / "push.yaml", config / "sources" / "shop.yaml")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    main = (config / "gateway.yaml").read_text("utf-8")
    (config / "gateway.yaml").write_text(main.replace("port: 8080", f"port: {port}"), "utf-8")
    command = (sys.executable, "-m", "gateway.cli.main", "-c", str(config), "run")
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, stdout=quiet, stderr=quiet) as process:  # noqa: S603  # our own program
        try:
            url = f"http://127.0.0.1:{port}"
            eventually(lambda: requests.get(f"{url}/health", timeout=5).status_code == 200)
            answer = requests.post(
                f"{url}/api/v1/sources/shop/documents",
                json=INVOICE,
                headers={"Authorization": f"Bearer {TOKEN}"},
                timeout=20,
            )
            assert answer.status_code == 202
            identifier = answer.json()["invoices"][0]["submission"]
            database = Database(f"sqlite:///{config / 'gateway.db'}")
            eventually(lambda: state_of(database, identifier) is not State.RECEIVED)
            database.close()
        finally:
            process.terminate()
        assert process.wait(30) == 0


def state_of(database: Database, identifier: str) -> State:
    with database.read() as connection:
        return submissions.get(connection, identifier).state


def eventually(holds: Callable[[], bool], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with suppress(requests.ConnectionError):
            if holds():
                return
        time.sleep(0.1)
    raise AssertionError("it did not come true in time")


@pytest.mark.parametrize(
    ("invoices", "said"),
    [
        (rb'{"number": "\ud800"}', "holds a control character, or half of a sign"),
        (rb'{"number": "1\u0000"}', "holds a control character, or half of a sign"),
        (b'[{"number": 1, "total": 1}, {"number": 1, "total": 2}]', "2 different invoices"),
    ],
)
def test_a_number_that_cannot_stand_for_an_invoice_is_refused(site: Site, invoices: bytes, said: str) -> None:
    answer = site.post(invoices)
    assert answer.status_code == 422
    assert said in answer.json()["detail"]
    assert site.count() == 0


class OddFeed(Folder):
    """A source whose documents have keys and places that no database takes."""

    def __init__(self) -> None:
        """Nothing is opened."""

    def pull(self, cursor: str) -> Iterator[Page]:
        """One odd document among others, and one odd thing that was not taken."""
        keys = ("1", "2\ud800", "3\0", "4")
        taken = tuple(
            SourceDocument(key, key, "text/plain", key[:1].encode(), 0, f"/in/{key}") for key in keys
        )
        problem = DocumentError("too large", where="here", fix="make it smaller")
        yield Page(taken, "", (RejectedDocument("5\0", "/in/5\ud800", problem),))

    def acknowledge(self, page: Page) -> None:
        """Nothing to do."""


class OddGateway(Gateway):
    """Reads the odd source, whatever is asked for."""

    def source(self, name: str) -> ErpConnector:
        """The odd one."""
        return OddFeed()


def test_a_key_that_no_database_takes_stops_its_document_and_no_other(site: Site) -> None:
    gateway = OddGateway(site.gateway.settings)
    try:
        assert collect(gateway, "shop") == 5
        assert collect(gateway, "shop") == 0
        with gateway.database.read() as connection:
            found = submissions.listing(connection)
    finally:
        gateway.close()
    stopped = [one for one in found if one.state is State.PARKED]
    assert {one.source_key for one in found} - {one.source_key for one in stopped} == {"1", "4"}
    assert sorted(one.origin for one in stopped) == ["/in/2?", "/in/3?", "/in/5?"]
    assert len({one.source_key for one in stopped}) == 3

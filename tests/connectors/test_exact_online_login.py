"""The login at Exact Online: first tokens from a code, and one refresh at a time whatever happens."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from connectors.base import Surroundings
from connectors.erp.exact_online import ExactOnline, ExactOnlineSettings
from connectors.sandbox.exact_online import ImitatedExactOnline
from connectors.sandbox.exact_online_login import CLIENT_ID
from connectors.sandbox.exact_online_seed import DIVISION
from connectors.sandbox.faults import Fault, Faults
from connectors.sandbox.http_server import SandboxHttpServer, json_reply
from formats.errors import RemoteRefused, RemoteUnavailable
from gateway.store import schema
from gateway.store.connector_state import ConnectorState
from gateway.store.database import Database
from tests.connectors.exact_site import Site, site_of

LOCAL = "http://127.0.0.1:8765/exact/callback"


@pytest.fixture
def site() -> Iterator[Site]:
    with site_of() as found:
        found.exact.login.redirect_uris.add(LOCAL)
        yield found


def _answer(connector: ExactOnline, state: str = "s1") -> dict[str, str]:
    """What the browser brings back after a person said yes."""
    answer = requests.get(connector.authorize_url(state), allow_redirects=False, timeout=5)
    assert answer.status_code == 302
    parts = urlsplit(answer.headers["Location"])
    return {name: values[0] for name, values in parse_qs(parts.query).items()}


def _unconnected(site: Site) -> ExactOnline:
    return site.connector(refresh_token=None, redirect_url=LOCAL)


def test_a_code_becomes_tokens_that_are_stored_before_they_are_used(site: Site) -> None:
    connector = _unconnected(site)
    connector.take_code(_answer(connector)["code"])
    stored = json.loads(site.cells.values["tokens"])
    assert stored["access"]
    assert stored["refresh"]
    assert site.exact.server.count("GET", "/api/v1") == 0
    assert [step.name for step in connector.connected() if step.ok] == ["Login", "Division"]
    assert site.exact.login.token_calls == 1


def test_a_code_with_signs_that_must_be_encoded_arrives_whole(site: Site) -> None:
    connector = _unconnected(site)
    code = _answer(connector)["code"]
    assert set("!/+") <= set(code)
    connector.take_code(code)


def test_the_address_of_the_login_names_the_registered_address_unchanged(site: Site) -> None:
    address = _unconnected(site).authorize_url("a b&c")
    assert f"redirect_uri={LOCAL}&" in address
    assert parse_qs(urlsplit(address).query)["state"] == ["a b&c"]


def test_a_code_works_once(site: Site) -> None:
    connector = _unconnected(site)
    code = _answer(connector)["code"]
    connector.take_code(code)
    before = site.cells.values["tokens"]
    with pytest.raises(RemoteRefused, match="does not take this code"):
        connector.take_code(code)
    assert site.cells.values["tokens"] == before


def test_a_code_dies_after_three_minutes(site: Site) -> None:
    connector = _unconnected(site)
    code = _answer(connector)["code"]
    site.clock.forward(minutes=3)
    with pytest.raises(RemoteRefused, match="begin again"):
        connector.take_code(code)


def test_another_redirect_address_than_the_registered_one_is_refused(site: Site) -> None:
    connector = site.connector(refresh_token=None, redirect_url="https://other.example/callback")
    answer = requests.get(connector.authorize_url("s"), allow_redirects=False, timeout=5)
    assert answer.status_code == 400


def test_a_source_that_nobody_connected_says_how(site: Site) -> None:
    with pytest.raises(RemoteRefused, match="gateway connect exact-vandael"):
        list(_unconnected(site).pull(""))
    assert site.exact.login.token_calls == 0
    site.clock.now = datetime.now(UTC)
    *_, last = _unconnected(site).check()
    assert (last.name, last.ok) == ("Login", False)
    assert "gateway connect exact-vandael" in last.fix


def test_connecting_again_mends_a_broken_connection(site: Site) -> None:
    connector = site.connector(redirect_url=LOCAL)
    list(connector.pull(""))
    site.exact.login.revoke()
    with pytest.raises(RemoteRefused):
        list(connector.pull(""))
    connector.take_code(_answer(connector)["code"])
    assert sum(len(page.documents) for page in connector.pull("")) == 20


@pytest.mark.parametrize(
    "answer",
    [
        {"access_token": "a", "refresh_token": "b"},
        {"access_token": "a", "refresh_token": "b", "expires_in": "600", "token_type": "bearer"},
        {"access_token": "a", "refresh_token": "b", "expires_in": 600},
    ],
)
def test_the_life_of_a_token_may_be_a_text_a_number_or_missing(site: Site, answer: dict[str, Any]) -> None:
    server = SandboxHttpServer(0, Faults())
    server.route("POST", "/api/oauth2/token", lambda _: json_reply(answer))
    server.start()
    connector = site.connector(base_url=server.url, redirect_url=LOCAL)
    connector.take_code("code")
    server.stop()
    assert json.loads(site.cells.values["tokens"])["refresh"] == "b"


def test_a_refresh_after_five_minutes_is_not_even_tried(site: Site) -> None:
    connector = site.connector()
    list(connector.pull(""))
    site.clock.forward(seconds=300)
    list(connector.pull(""))
    assert site.exact.login.token_calls == 1


def test_tokens_are_asked_for_no_more_than_exact_allows_in_a_day(site: Site) -> None:
    connector = site.connector(logins_per_day=3)
    for _ in range(3):
        list(connector.pull_payments([]))
        list(connector.pull(""))
        site.clock.forward(seconds=601)
    with pytest.raises(RemoteUnavailable) as caught:
        list(connector.pull(""))
    assert caught.value.retry_at == datetime(2026, 11, 23, tzinfo=UTC)
    assert site.exact.login.token_calls == 3
    site.clock.now = datetime(2026, 11, 23, tzinfo=UTC)
    list(connector.pull(""))


def test_the_imitation_allows_two_hundred_token_calls_a_day(site: Site) -> None:
    login = f"{site.exact.server.url}/api/oauth2/token"
    statuses = [requests.post(login, data={"client_id": "x"}, timeout=5).status_code for _ in range(201)]
    assert (set(statuses[:200]), statuses[200]) == ({401}, 429)


def test_a_fortnight_of_silence_does_not_end_the_connection(site: Site) -> None:
    connector = site.connector()
    list(connector.pull(""))
    for _ in range(3):
        site.clock.forward(days=14)
        list(connector.pull(""))


# Real processes, the database we ship with, its lock.


def _process(folder: Path, url: str, *, die: str = "") -> subprocess.Popen[str]:
    """A process of its own that asks for an access token; `die` names the step in which it is killed."""
    program = f"""
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from connectors.base import Surroundings
from connectors.erp.exact_online import ExactOnline, ExactOnlineSettings
from connectors.erp import exact_online_login
from gateway.store.connector_state import ConnectorState
from gateway.store.database import Database

if {die!r}:
    setattr(exact_online_login.Login, {die!r}, lambda *_: os.kill(os.getpid(), signal.SIGKILL))
folder = Path({str(folder)!r})
database = Database(f"sqlite:///{{folder / 'gateway.db'}}")
state = ConnectorState(database, folder / "locks")
secrets = {{"file:s": "demo-exact-client-secret", "file:r": "stampNL001.demo-refresh-1"}}
connector = ExactOnline(
    "exact",
    ExactOnlineSettings(
        base_url={url!r}, division={DIVISION}, client_id={CLIENT_ID!r},
        client_secret="file:s", refresh_token="file:r",
    ),
    Surroundings(secrets.__getitem__, lambda: datetime.now(UTC), lambda key: state.locked("exact", key)),
)
print("ready", flush=True)
sys.stdin.readline()
print(connector._login.access_token(), flush=True)
"""
    return subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )


def _go(*processes: subprocess.Popen[str]) -> list[str]:
    """Let them all go at once; what each printed."""
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    return [process.communicate(timeout=60)[0].strip() for process in processes]


@pytest.fixture
def real(tmp_path: Path) -> Iterator[tuple[ImitatedExactOnline, Database]]:
    exact = ImitatedExactOnline()
    exact.start()
    database = Database(f"sqlite:///{tmp_path / 'gateway.db'}")
    schema.upgrade(database)
    yield exact, database
    database.close()
    exact.stop()


def test_two_processes_at_once_make_one_token_call(
    real: tuple[ImitatedExactOnline, Database], tmp_path: Path
) -> None:
    """Whoever comes second finds the tokens of the first."""
    exact, _ = real
    exact.faults.arm(Fault("slow", "token", 1, 0.5))
    first, second = _go(*(_process(tmp_path, exact.server.url) for _ in range(2)))
    assert first == second
    assert first.startswith("stampNL001.")
    assert exact.login.token_calls == 1


def test_a_process_killed_between_answer_and_commit_leaves_a_clear_word(
    real: tuple[ImitatedExactOnline, Database], tmp_path: Path
) -> None:
    """The new refresh token is lost for good; the next process says so once, and asks Exact no more."""
    exact, database = real
    dying = _process(tmp_path, exact.server.url, die="_granted")
    assert _go(dying) == [""]
    assert dying.returncode == -signal.SIGKILL
    state = ConnectorState(database, tmp_path / "locks")
    secrets = {**exact.secrets()}
    connector = ExactOnline(
        "exact",
        ExactOnlineSettings(
            base_url=exact.server.url,
            division=DIVISION,
            client_id=CLIENT_ID,
            client_secret="file:exact-client-secret",
            refresh_token="file:exact-refresh-token",
        ),
        Surroundings(
            secret=lambda name: secrets[name.removeprefix("file:")],
            clock=lambda: datetime.now(UTC) + timedelta(minutes=11),
            locked=lambda key: state.locked("exact", key),
        ),
    )
    with closing(connector):
        for _ in range(3):
            with pytest.raises(RemoteRefused, match=r"was killed.*gateway connect exact"):
                list(connector.pull(""))
    assert exact.login.token_calls == 2


def test_a_killed_holder_frees_the_lock(real: tuple[ImitatedExactOnline, Database], tmp_path: Path) -> None:
    """Killed before the request was sent, nothing is lost: the next process just goes on."""
    exact, _ = real
    assert _go(_process(tmp_path, exact.server.url, die="_ask")) == [""]
    (token,) = _go(_process(tmp_path, exact.server.url))
    assert token.startswith("stampNL001.")
    assert exact.login.token_calls == 1

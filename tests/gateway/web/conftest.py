"""A gateway behind its web application, with a person of each role, asked without a socket."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from fastapi.testclient import TestClient

from gateway.access.passwords import Passwords
from gateway.access.rights import Role
from gateway.cli.setup import write_config
from gateway.store import people, sessions
from gateway.web.app import create_app
from gateway.web.guard import COOKIE
from gateway.wiring import Gateway
from tests.gateway import prepared

PASSWORD = "kettle rainbow oboe"
QUICK = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


@dataclass(slots=True)
class Web:
    """The application, and what browsers of people show."""

    gateway: Gateway
    client: TestClient
    cookies: dict[str, str] = field(default_factory=dict)

    def add(self, name: str, roles: dict[str, Role], language: str = "en") -> None:
        """A person with these roles, signed in."""
        now = self.gateway.clock()
        kept = QUICK.kept(PASSWORD, login=name)
        with self.gateway.database.begin() as connection:
            person = people.add(connection, name, name, roles, language=language, now=now, password=kept)
            self.cookies[name] = sessions.open_for(connection, person.id, now=now)

    def headers(self, name: str) -> dict[str, str]:
        """What the browser of this person sends."""
        return {"Cookie": f"{COOKIE}={self.cookies[name]}", "Accept": "text/html"}

    def form_token(self, name: str) -> str:
        """What every form of this person carries."""
        with self.gateway.database.read() as connection:
            session, _ = sessions.find(connection, self.cookies[name], now=self.gateway.clock())
        assert session is not None
        return session.form_token


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A config folder, written once: it takes longer than most of these tests."""
    config = tmp_path_factory.mktemp("web") / "config"
    write_config(config, 21000)
    return config


@pytest.fixture
def web(tmp_path: Path, written: Path) -> Iterator[Web]:
    import shutil

    config = shutil.copytree(written, tmp_path / "config")
    prepared.sqlite_copy(config / "gateway.db")
    gateway = Gateway.open(config)
    with TestClient(create_app(gateway), base_url="https://testserver", follow_redirects=False) as client:
        yield Web(gateway, client)
    gateway.close()

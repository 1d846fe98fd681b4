"""gateway people: the first administrator, and everybody after."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from formats.errors import ConfigError
from gateway.cli.program import app
from gateway.cli.setup import write_config
from gateway.store import people
from gateway.store.people import Person
from gateway.wiring import Gateway
from tests.gateway import prepared

LOGIN = "ingrid@nordlicht.example"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    folder = tmp_path / "config"
    write_config(folder, 21000)
    prepared.sqlite_copy(folder / "gateway.db")
    (tmp_path / "password").write_text("kettle rainbow oboe\n")
    return folder


def call(config: Path, *arguments: str) -> str:
    done = CliRunner().invoke(app, ["--config", str(config), "people", *arguments])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.output


def add(config: Path, *more: str) -> str:
    file = str(config.parent / "password")
    return call(config, "add", LOGIN, "--name", "Ingrid Nordahl", "--password-file", file, *more)


def known(config: Path) -> Person | None:
    with closing(Gateway.open(config)) as gateway, gateway.database.read() as connection:
        return people.by_login(connection, LOGIN)


def test_an_administrator_of_everything_is_let_in_and_the_password_is_nowhere(config: Path) -> None:
    told = add(config, "--role", "administrator")
    assert "may sign in now" in told
    person = known(config)
    assert person is not None
    assert person.roles == {"*": "administrator"}
    assert person.password.startswith("$argon2id$")
    assert b"kettle rainbow oboe" not in (config / "gateway.db").read_bytes()


def test_a_role_can_be_for_some_companies_only(config: Path) -> None:
    add(config, "--role", "finance", "--company", "nordlicht", "--company", "vandael")
    person = known(config)
    assert person is not None
    assert person.roles == {"nordlicht": "finance", "vandael": "finance"}


def test_a_company_that_is_not_there_is_told(config: Path) -> None:
    with pytest.raises(ConfigError, match="there is no company nordlich"):
        add(config, "--role", "finance", "--company", "nordlich")
    assert known(config) is None


def test_the_last_administrator_stays(config: Path) -> None:
    add(config, "--role", "administrator")
    with pytest.raises(ConfigError, match="last administrator"):
        call(config, "end", LOGIN)


def test_somebody_who_left_is_listed_and_cannot_sign_in(config: Path) -> None:
    add(config, "--role", "viewer")
    call(config, "end", LOGIN)
    person = known(config)
    assert person is not None
    assert person.ended_at is not None
    assert LOGIN in call(config, "list")


def test_another_password_takes_the_place_of_the_first(config: Path) -> None:
    add(config, "--role", "viewer")
    before = known(config)
    (config.parent / "other").write_text("gravel teapot window\n")
    call(config, "password", LOGIN, "--password-file", str(config.parent / "other"))
    after = known(config)
    assert before is not None
    assert after is not None
    assert before.password != after.password


def test_a_short_password_is_refused(config: Path) -> None:
    (config.parent / "password").write_text("short\n")
    with pytest.raises(ConfigError, match="12 to 256"):
        add(config, "--role", "viewer")

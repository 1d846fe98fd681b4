"""gateway tokens and gateway changes: what the operator makes, and two people at a terminal."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from formats.errors import ConfigError
from gateway.access.passwords import Passwords
from gateway.access.rights import ALL_COMPANIES, Role
from gateway.cli.program import app
from gateway.cli.setup import write_config
from gateway.store import people, tokens
from gateway.wiring import Gateway
from tests.gateway import prepared
from tests.gateway.access.conftest import PASSWORD


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory, passwords: Passwords) -> Path:
    folder = tmp_path_factory.mktemp("commands") / "config"
    write_config(folder, 21000)
    prepared.sqlite_copy(folder / "gateway.db")
    main = folder / "gateway.yaml"
    main.write_text(main.read_text().replace("four_eyes: off", "four_eyes: on"))
    (folder.parent / "password").write_text(PASSWORD + "\n")
    with closing(Gateway.open(folder)) as gateway, gateway.database.begin() as connection:
        for login in ("marit", "joris"):
            kept = passwords.kept(PASSWORD, login=login)
            roles = {ALL_COMPANIES: Role.FINANCE}
            people.add(connection, login, login, roles, language="en", now=gateway.clock(), password=kept)
    return folder


def call(config: Path, *arguments: str) -> str:
    done = CliRunner().invoke(app, ["--config", str(config), *arguments])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.output


def test_the_operator_makes_lists_and_revokes_a_token(config: Path) -> None:
    shown = call(config, "tokens", "make", "warehouse", "--scope", "record:read", "--days", "5").strip()
    assert shown.startswith("gw_")
    listed = call(config, "tokens", "list")
    assert "warehouse" in listed
    assert shown not in listed
    with closing(Gateway.open(config)) as gateway, gateway.database.read() as connection:
        actor, _ = tokens.actor_of(connection, shown, now=gateway.clock())
        (one,) = tokens.listing(connection)
    assert actor is not None
    call(config, "tokens", "revoke", one.id[:8])
    with closing(Gateway.open(config)) as gateway, gateway.database.read() as connection:
        assert tokens.actor_of(connection, shown, now=gateway.clock()) == (None, False)


def test_a_token_for_a_company_that_is_none_is_not_made(config: Path) -> None:
    with pytest.raises(ConfigError, match="no company nobody"):
        call(config, "tokens", "make", "x", "--scope", "record:read", "--company", "nobody")


def test_two_people_at_a_terminal_agree_and_one_alone_does_not(config: Path) -> None:
    password = ("--password-file", str(config.parent / "password"))
    assert "not proposed  routing: routing.yaml" in call(config, "changes")
    done = call(
        config,
        "changes",
        "propose",
        "--login",
        "marit",
        "--reason",
        "first",
        "--subject",
        "routing.yaml",
        *password,
    )
    change = done.split()[0]
    for login, words in (("marit", "of their own"), ("nobody", "not you")):
        with pytest.raises(ConfigError, match=words):
            call(config, "changes", "approve", change, "--login", login, "--answer", "yes", *password)
    told = call(config, "changes", "approve", change, "--login", "joris", "--answer", "yes", *password)
    assert "is approved" in told
    assert "routing.yaml" not in call(config, "changes")


def test_a_lost_phone_is_reset_and_a_lock_opened(config: Path) -> None:
    with closing(Gateway.open(config)) as gateway, gateway.database.begin() as connection:
        joris = people.by_login(connection, "joris")
        assert joris is not None
        people.set_second_factor(connection, joris.id, "sealed", ("digest",))
    call(config, "people", "reset", "joris")
    call(config, "people", "lock", "joris")
    assert "locked" in call(config, "people", "list")
    call(config, "people", "unlock", "joris")
    call(config, "people", "require", "joris")
    with closing(Gateway.open(config)) as gateway, gateway.database.read() as connection:
        joris = people.by_login(connection, "joris")
        assert joris is not None
        assert (joris.totp, joris.able, joris.needs_second_factor) == ("", True, True)
        assert people.recovery_codes_left(connection, joris.id) == 0
    with pytest.raises(ConfigError, match="no provider"):
        call(config, "people", "link", "joris", "entra")

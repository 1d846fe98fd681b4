"""The offline world as a whole: ports, secrets, control server, and the sample config that talks to it."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from pydantic import BaseModel
from ruamel.yaml import YAML

from connectors.channels.email import EmailSettings
from connectors.channels.sftp_outbox import SftpOutboxSettings
from connectors.sandbox.faults import Fault, Faults
from connectors.sandbox.provider import ImitatedProvider
from connectors.sandbox.registry import SYSTEMS
from connectors.sandbox.world import World, parse_fault
from formats.errors import ConfigError

CHANNELS = ("provider", "mail")
CONFIG = Path(__file__).parents[2] / "config" / "channels"


@pytest.fixture
def world() -> Iterator[World]:
    with World(0, only=CHANNELS) as world:
        yield world


def control(world: World) -> str:
    return world.addresses()["control"]["http"]


def ask(method: str, url: str, body: object = None) -> tuple[int, Any]:
    answer = requests.request(method, url, json=body, timeout=5)
    return answer.status_code, answer.json()


def test_every_system_starts_on_any_free_ports() -> None:
    """All registered systems together, each with addresses of its own."""
    with World(0) as world:
        addresses = world.addresses()
        assert set(addresses) == {"control", *(imitation.name for imitation in SYSTEMS)}
        # One server of a system may speak several protocols.
        every = [address for places in addresses.values() for address in {*places.values()}]
        assert len(set(every)) == len(every)
        assert all("127.0.0.1" in address for address in every)
        assert world.holdings().keys() == world.systems.keys()
        json.dumps(world.holdings(), default=str)


def test_ports_of_the_systems_do_not_overlap() -> None:
    taken = [imitation.offset + number for imitation in SYSTEMS for number in range(imitation.ports)]
    assert len(set(taken)) == len(taken)
    assert 0 not in taken


def test_secret_names_belong_to_one_system_each() -> None:
    world = World(0)
    names = [name for system in world.systems.values() for name in system.secrets()]
    world.stop()
    assert len(set(names)) == len(names)
    assert set(world.secrets()) == set(names)


@pytest.mark.parametrize("text", ["slow@(", "slow@[a-", "slow@?x"])
def test_a_fault_whose_place_is_no_regular_expression_is_refused(text: str) -> None:
    """At once, and not when a request comes by."""
    with pytest.raises(ConfigError, match="regular expression"):
        Fault.parse(text)


def test_an_armed_fault_is_played_as_often_as_it_says() -> None:
    faults = Faults()
    faults.arm(Fault.parse("slow@^GET /a*2"))
    assert faults.take("GET /b") is None
    assert faults.take("GET /a", "html") is None
    assert [faults.take("GET /a") is not None for _ in range(3)] == [True, True, False]


def test_a_taken_port_is_named_and_nothing_stays_running() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        base = port - 40
        before = threading.active_count()
        world = World(base, only=("mail", "provider"))
        with pytest.raises(ConfigError, match=f"port {port} is taken") as caught:
            world.start()
        assert "--base-port" in caught.value.fix
        assert threading.active_count() == before


def test_a_taken_control_port_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(ConfigError, match=f"port {port} is taken by another program, so control"):
            World(port, only=("provider",)).start()


@pytest.mark.parametrize("port", [-1, 80, 65_500])
def test_base_ports_that_do_not_fit_are_refused(port: int) -> None:
    with pytest.raises(ConfigError, match="first port"):
        World(port, only=("provider",))


def test_the_control_server_shows_addresses_and_holdings(world: World) -> None:
    url = control(world)
    assert ask("GET", url) == (200, {name: dict(places) for name, places in world.addresses().items()})
    status, holdings = ask("GET", f"{url}/holdings")
    assert (status, set(holdings)) == (200, set(CHANNELS))
    assert ask("GET", f"{url}/holdings/mail") == (200, holdings["mail"])
    status, mistake = ask("GET", f"{url}/holdings/nobody")
    assert (status, set(mistake)) == (400, {"what", "where", "fix"})


def test_faults_are_armed_and_forgotten_over_the_control_server(world: World) -> None:
    url = control(world)
    faults = world.systems["mail"].faults
    assert ask("POST", f"{url}/faults", {"system": "mail", "fault": "full@DATA*2"})[0] == 200
    assert faults.take("smtp DATA x") == Fault("full", "DATA", 2)
    ask("DELETE", f"{url}/faults")
    assert faults.take("smtp DATA x") is None


@pytest.mark.parametrize(
    "body",
    [
        {"system": "mail", "fault": "no such"},
        {"system": "nobody", "fault": "full"},
        {"system": "mail"},
        {"system": 1, "fault": "full"},
        ["mail"],
    ],
)
def test_mistaken_faults_are_explained(world: World, body: object) -> None:
    status, mistake = ask("POST", f"{control(world)}/faults", body)
    assert (status, set(mistake)) == (400, {"what", "where", "fix"})


def test_mending_over_the_control_server(world: World) -> None:
    url = control(world)
    assert ask("POST", f"{url}/mend", {"system": "mail"}) == (200, {"mail": []})
    assert set(ask("POST", f"{url}/mend")[1]) == set(CHANNELS)
    assert ask("POST", f"{url}/mend", {"system": "nobody"})[0] == 400


def test_quit_wakes_whoever_waits(world: World) -> None:
    assert not world.wait(0)
    ask("POST", f"{control(world)}/quit")
    assert world.wait(5)


def test_faults_on_the_command_line_name_their_system() -> None:
    assert parse_fault("provider:lost-receipt@0106*2") == ("provider", Fault("lost-receipt", "0106", 2))
    for text in ("lost-receipt", "nobody:full", "mail:no such"):
        with pytest.raises(ConfigError):
            parse_fault(text)


@pytest.mark.parametrize(
    ("file", "settings"),
    [("provider.yaml", SftpOutboxSettings), ("email.yaml", EmailSettings)],
    ids=["provider", "email"],
)
def test_sample_config_fits_the_sandbox_as_it_stands(file: str, settings: type[BaseModel]) -> None:
    """Ports, host key and names of secrets in the samples are those of the sandbox at its default ports."""
    read = YAML(typ="safe").load((CONFIG / file).read_text("utf-8"))
    checked = settings.model_validate(read["settings"]).model_dump(mode="json")
    world = World(only=CHANNELS)
    secrets = world.secrets()
    assert all(value.removeprefix("file:secrets/") in secrets for value in texts(checked, "file:"))
    if isinstance(provider := world.systems["provider"], ImitatedProvider) and "sftp" in checked:
        assert checked["sftp"]["host_key"] == provider.host_key
        assert checked["sftp"]["port"] == provider.port
    else:
        addresses = world.systems["mail"].addresses()
        assert addresses["smtp"].endswith(f":{checked['smtp']['port']}")
        assert addresses["imap"].endswith(f":{checked['imap']['port']}")
    world.stop()


def texts(value: object, start: str) -> list[str]:
    """Every text in nested plain data that starts so."""
    if isinstance(value, dict):
        return [text for one in value.values() for text in texts(one, start)]
    return [value] if isinstance(value, str) and value.startswith(start) else []

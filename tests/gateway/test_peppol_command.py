"""gateway peppol, as a person and as a script use it, against the imitated network."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.sandbox.peppol import buyers
from connectors.sandbox.peppol.network import ImitatedPeppol
from gateway.cli.setup import write_config
from tests.gateway.test_commands import gateway

BUYER = buyers.BUYERS[0]
# As in the sample configuration, whose routing names it.
NETWORK = "peppol-access-point"
CHANNEL = """
name: {name}
kind: peppol
settings:
  domain: ap.example.com
  country: BE
  zones: [participant.sml.sandbox.example]
  resolvers: ["{dns}"]
  trust_folder: secrets/peppol-trust
  keys:
    - key: file:secrets/peppol-ap.pem
  revocation_hosts: ["{host}"]
  allow_internal: true
"""


@pytest.fixture(scope="module")
def imitated() -> Iterator[ImitatedPeppol]:
    made = ImitatedPeppol(0)
    made.start()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def config(imitated: ImitatedPeppol, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("peppol") / "config"
    write_config(folder, 47000)
    for name, text in imitated.secrets().items():
        file = folder / "secrets" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
    for file in (folder / "channels").glob("peppol*.yaml"):
        file.unlink()
    add(folder, imitated, NETWORK)
    return folder


def add(folder: Path, imitated: ImitatedPeppol, name: str) -> Path:
    file = folder / "channels" / f"{name}.yaml"
    text = CHANNEL.format(
        name=name, dns=imitated.addresses()["dns"], host=imitated.url.removeprefix("http://")
    )
    file.write_text(text, "utf-8")
    return file


def test_lookup_shows_every_step_and_what_the_participant_receives(config: Path) -> None:
    shown = gateway(config, "peppol", "lookup", BUYER)
    lines = shown.splitlines()
    assert [line.split()[:2] for line in lines[:8]] == [
        *(["ok", "participant"], ["ok", "SML"], ["ok", "document"], ["ok", "document"]),
        *(["ok", "SMP"], ["ok", "process"], ["ok", "endpoint"], ["ok", "certificate"]),
    ]
    assert "Receives 13 document types:" in lines
    assert "POP000002" in shown


def test_lookup_for_machines(config: Path) -> None:
    found = json.loads(gateway(config, "peppol", "lookup", BUYER, "--json"))
    assert found["participant"] == f"iso6523-actorid-upis::{BUYER}"
    assert all(step["ok"] for step in found["steps"])
    assert len(found["receives"]) == 13


def test_lookup_of_one_document_type_and_process(config: Path) -> None:
    kind = json.loads(gateway(config, "peppol", "lookup", BUYER, "--json"))["receives"][1]
    found = gateway(config, "peppol", "lookup", BUYER, "--document-type", kind, "--json")
    steps = {step["step"]: step["seen"] for step in json.loads(found)["steps"]}
    assert steps["document type"] == kind
    wrong = gateway(config, "peppol", "lookup", BUYER, "--process", "urn:example:none", expect=1)
    assert "FAIL process" in wrong


def test_a_failing_step_says_what_to_do_and_ends_with_1(config: Path) -> None:
    shown = gateway(config, "peppol", "lookup", "0208:0999999922", expect=1)
    assert "FAIL SML" in shown
    assert "to do: check scheme and number with the buyer" in shown
    assert "Receives" not in shown


def test_a_wrong_call_is_2(config: Path) -> None:
    assert "is no participant" in gateway(config, "peppol", "lookup", "nonsense", expect=2)


def test_certificates_lists_ours_and_the_authorities(config: Path) -> None:
    shown = gateway(config, "peppol", "certificates")
    assert [word in shown for word in ("POP000001", "access point CA", "SMP CA")] == [True] * 3
    listed = json.loads(gateway(config, "peppol", "certificates", "--json"))
    assert [one["warns"] for one in listed] == [False] * 3
    assert listed[0]["days_left"] > 90


def test_of_several_channels_one_is_named(config: Path, imitated: ImitatedPeppol) -> None:
    second = add(config, imitated, "second")
    try:
        said = gateway(config, "peppol", "certificates", expect=2)
        assert f"several Peppol channels: {NETWORK}, second" in said
        assert gateway(config, "peppol", "certificates", "--channel", "second")
        said = gateway(config, "peppol", "certificates", "--channel", "none", expect=2)
        assert "no such Peppol channel" in said
    finally:
        second.unlink()

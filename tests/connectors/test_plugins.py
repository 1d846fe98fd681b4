"""Plug-ins: found by their metadata, merged under their names, and never able to break or replace the
rest."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from connectors import registry
from connectors.conformance.registry import trial
from connectors.sandbox import registry as sandboxes
from formats import plugins
from formats.errors import ConfigError
from gateway import settings
from gateway.cli.plugins import plugin_steps
from gateway.cli.setup import write_config
from mappings import registry as mapping_registry

Install = Callable[..., None]
CONNECTOR = """
from connectors.base import ConnectorSettings

class Settings(ConnectorSettings):
    pass

class Thing:
    def __init__(self, name: str, settings: Settings, surroundings: object) -> None:
        self.name = name

class Undeclared:
    def __init__(self, name, settings, surroundings):
        pass
"""
SANDBOX = """
from connectors.sandbox.registry import Imitation

GOOD = Imitation("{name}", "nowhere:Thing", {offset})
"""
MAPPING = 'mapping: {name}\nversion: "1"\ndocument: A thing\nreads: json\nterms:\n  BT-1: doc.number\n'


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Write a package with its metadata into a folder that Python looks into."""
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)

    def written(package: str, points: dict[str, dict[str, str]], files: dict[str, str]) -> None:
        for name, text in files.items():
            file = tmp_path / package / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, "utf-8")
        metadata = tmp_path / f"{package}-1.0.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        text = "".join(
            f"[einvoicing_gateway.{group}]\n" + "".join(f"{key} = {value}\n" for key, value in names.items())
            for group, names in points.items()
        )
        (metadata / "entry_points.txt").write_text(text)
        plugins.forget()

    yield written
    for name in set(sys.modules) - before:
        if name.startswith("plug_"):
            del sys.modules[name]
    monkeypatch.undo()
    plugins.forget()


def test_a_kind_of_a_plug_in_is_one_like_the_others(install: Install) -> None:
    points = {"erps": {"thing": "plug_a.code:Thing"}, "channels": {"chute": "plug_a.code:Thing"}}
    install("plug_a", points, {"__init__.py": "", "code.py": CONNECTOR})
    assert {"thing", *registry.ERPS} == set(registry.erp_kinds())
    assert {"chute", *registry.CHANNELS} == set(registry.channel_kinds())
    assert "plug_a.code" not in sys.modules, "looking at the names loads nothing"
    assert registry.settings_of(registry.erp("thing")).__name__ == "Settings"
    assert registry.channel("chute").__name__ == "Thing"  # type: ignore[attr-defined]  # it is a class
    assert [(step.name, step.ok, step.seen) for step in plugin_steps()] == [
        ("channel chute", True, "from plug_a 1.0"),
        ("erp thing", True, "from plug_a 1.0"),
    ]


def test_a_name_that_is_taken_cannot_be_taken_over(install: Install) -> None:
    """Whoever uses it is told who claims it; all others go on."""
    install("plug_b", {"erps": {"sap-idoc": "plug_b.code:Thing"}}, {"__init__.py": "", "code.py": CONNECTOR})
    with pytest.raises(ConfigError, match=r"claimed by the gateway itself .* and plug_b 1\.0") as caught:
        registry.erp("sap-idoc")
    assert "remove one" in caught.value.fix
    assert registry.erp("exact-online")
    (step,) = plugin_steps()
    assert not step.ok


def test_two_plug_ins_with_one_name_are_both_named(install: Install) -> None:
    for name in ("plug_c", "plug_d"):
        install(name, {"erps": {"thing": f"{name}.code:Thing"}}, {"__init__.py": "", "code.py": CONNECTOR})
    with pytest.raises(ConfigError, match=r"plug_c 1\.0 .* and plug_d 1\.0"):
        registry.erp("thing")


@pytest.mark.parametrize(
    ("place", "code"),
    [
        ("plug_e.code:Missing", CONNECTOR),
        ("plug_e.nowhere:Thing", CONNECTOR),
        ("plug_e.code:Thing", "raise ValueError('no licence')"),
        ("plug_e.code:Undeclared", CONNECTOR),
    ],
)
def test_a_broken_plug_in_is_told_and_stops_nothing(
    install: Install, tmp_path: Path, place: str, code: str
) -> None:
    install("plug_e", {"erps": {"thing": place}}, {"__init__.py": "", "code.py": code})
    (step,) = plugin_steps()
    assert (step.ok, step.name) == (False, "erp thing")
    assert step.fix
    write_config(tmp_path / "config", 21000)
    (tmp_path / "config" / "sources" / "thing.yaml").write_text(
        "name: our-thing\nkind: thing\nmapping: netsuite\ncompany: brightwater\n"
    )
    read = settings.read(tmp_path / "config")
    assert "our-thing" not in {source.name for source in read.sources}
    assert {source.kind for source in read.sources} >= {"sap-idoc", "exact-online"}
    (left_out,) = read.left_out
    assert left_out.name == "our-thing"


def test_a_mapping_of_a_plug_in_brings_its_tables(install: Install) -> None:
    text = MAPPING.format(name="things") + "  BT-5: {from: doc.money, table: money}\n"
    text = text.replace("reads: json", "reads: json\ntables_from: [tables/things.yaml]")
    files = {"__init__.py": "", "things.yaml": text, "tables/things.yaml": "money:\n  E: EUR\n"}
    install("plug_f", {"mappings": {"things": "plug_f"}}, files)
    assert "things" in mapping_registry.names()
    mapping = mapping_registry.load("things")
    assert mapping.document == "A thing"
    assert mapping.tables["money"]["E"]
    own = {"ours.yaml": 'mapping: ours\nversion: "2"\nextends: things\n'}
    assert mapping_registry.load("ours", own).document == "A thing", "a company's own file extends it"


def test_a_mapping_that_is_not_there_is_told(install: Install) -> None:
    points = {"mappings": {"things": "plug_g", "netsuite": "plug_g"}}
    install("plug_g", points, {"__init__.py": "", "netsuite.yaml": MAPPING.format(name="netsuite")})
    with pytest.raises(ConfigError, match="does not bring"):
        mapping_registry.load("things")
    with pytest.raises(ConfigError, match="claimed by"):
        mapping_registry.load("netsuite")
    assert mapping_registry.load("exact_online")


def test_an_imitation_of_a_plug_in_has_a_place_of_its_own(install: Install) -> None:
    files = {
        "__init__.py": "",
        "one.py": SANDBOX.format(name="one", offset=110),
        "two.py": SANDBOX.format(name="two", offset=20),
        "three.py": SANDBOX.format(name="other", offset=130),
    }
    points = {"sandboxes": {name: f"plug_h.{name}:GOOD" for name in ("one", "two", "three")}}
    install("plug_h", points, files)
    assert [one.name for one in sandboxes.systems() if one not in sandboxes.SYSTEMS] == ["one"]
    with pytest.raises(ConfigError, match="no free place at 20, which exact has"):
        sandboxes.added("two")
    with pytest.raises(ConfigError, match="names no Imitation called three"):
        sandboxes.added("three")


def test_a_trial_of_a_plug_in_is_found(install: Install) -> None:
    install("plug_i", {"trials": {"thing": "plug_i.code:Thing"}}, {"__init__.py": "", "code.py": CONNECTOR})
    assert trial("thing").__name__ == "Thing"

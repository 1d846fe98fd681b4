"""Everything that is registered is complete: class, imitation, mapping, example, tests, words."""

from __future__ import annotations

import re
import subprocess
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from connectors import registry
from connectors.base import Channel, ConnectorSettings, ErpConnector
from connectors.sandbox.registry import BASE_PORT, SYSTEMS
from formats.registry import PROFILES, SYNTAXES
from gateway import __version__, config_file, settings
from gateway.cli.setup import write_config
from gateway.rules.packs import KNOWN
from mappings import registry as mapping_registry
from tests.architecture.sources import ROOT, Module, modules


def examples(folder: str) -> dict[str, tuple[Path, dict[str, Any]]]:
    """The example files of one folder of config/, and of its samples, by the kind they are of."""
    found = {}
    for file in sorted(ROOT.glob(f"config/samples/{folder}/*.yaml")) + sorted(
        ROOT.glob(f"config/{folder}/*.yaml")
    ):
        content = config_file.plain(config_file.load(file))
        found[content["kind"]] = (file, content)
    assert found
    return found


def assert_complete(made_by: type, protocol: type) -> None:
    needed = [name for name in vars(protocol) if not name.startswith("_")]
    assert needed
    assert [name for name in needed if not hasattr(made_by, name)] == []
    described = registry.settings_of(made_by)  # type: ignore[arg-type]  # the class as its maker
    assert issubclass(described, ConnectorSettings)
    assert [name for name, field in described.model_fields.items() if not field.description] == []


def assert_imitated(file: Path) -> None:
    """The example talks to a system of the offline world, at its place; a sample may need none."""
    ports = {int(port) for port in re.findall(r"\b470\d\d\b", file.read_text("utf-8"))}
    places = {BASE_PORT + one.offset + number for one in SYSTEMS for number in range(one.ports)}
    assert ports or file.parents[1].name == "samples"
    assert ports <= places


@pytest.mark.parametrize("kind", sorted(registry.ERPS))
def test_an_erp_interface_is_complete(kind: str) -> None:
    made_by: Any = registry.erp(kind)
    assert_complete(made_by, ErpConnector)
    file, example = examples("sources")[kind]
    assert example["mapping"] in mapping_registry.MAPPINGS
    homes = (ROOT / "config" / "companies", ROOT / "config" / "samples" / "companies")
    assert any((home / f"{example['company']}.yaml").is_file() for home in homes)
    assert_imitated(file)
    module = registry.ERPS[kind].partition(":")[0].rpartition(".")[2]
    assert (ROOT / "tests" / "connectors" / f"test_{module}.py").is_file()


@pytest.mark.parametrize("kind", sorted(registry.CHANNELS))
def test_a_channel_is_complete(kind: str) -> None:
    made_by: Any = registry.channel(kind)
    assert_complete(made_by, Channel)
    file, example = examples("channels")[kind]
    assert_imitated(file)
    routing = ROOT / "config" / "routing.yaml"
    if file.parents[1].name == "samples":
        # It is shown as a route that may be taken in.
        assert f"#   channel: {example['name']}\n" in routing.read_text("utf-8")
    else:
        routes = config_file.plain(config_file.load(routing))["routes"]
        assert example["name"] in {route["channel"] for route in routes}
    module = registry.CHANNELS[kind].partition(":")[0].removeprefix("connectors.channels.")
    *folder, name = module.split(".")
    assert (ROOT / "tests" / "connectors" / Path(*folder) / f"test_{name}.py").is_file()


@pytest.mark.parametrize("imitation", SYSTEMS, ids=lambda one: one.name)
def test_an_imitated_system_is_complete(imitation: Any) -> None:
    system = imitation.make(0)
    try:
        assert system.name == imitation.name
        for name in ("faults", "start", "stop", "addresses", "secrets", "mend", "holdings"):
            assert hasattr(system, name)
    finally:
        system.stop()


@pytest.mark.parametrize("name", mapping_registry.MAPPINGS)
def test_a_mapping_compiles_and_is_tested(name: str) -> None:
    mapping = mapping_registry.load(name)
    assert (mapping.name, bool(mapping.version), bool(mapping.document)) == (name, True, True)
    assert (ROOT / "tests" / "mappings" / f"test_{name}.py").is_file()


def test_every_mapping_file_is_registered() -> None:
    assert {file.stem for file in (ROOT / "mappings").glob("*.yaml")} == set(mapping_registry.MAPPINGS)


@pytest.mark.parametrize("key", sorted(PROFILES))
def test_a_profile_names_what_there_is(key: str) -> None:
    profile = PROFILES[key]
    assert profile.key == key
    assert profile.title
    assert profile.syntax in SYNTAXES
    assert set(profile.rule_packs) <= set(KNOWN)


def test_the_examples_hold_as_gateway_init_writes_them(tmp_path: Path) -> None:
    write_config(tmp_path / "config", 21000)
    read = settings.read(tmp_path / "config")
    assert {source.kind for source in read.sources} <= set(registry.ERPS)
    assert {channel.kind for channel in read.channels} | set(examples("channels")) == set(registry.CHANNELS)
    assert {route.profile for route in read.routes} <= set(PROFILES)
    text = "".join(file.read_text("utf-8") for file in (tmp_path / "config").rglob("*.yaml"))
    assert re.findall(r"\b470\d\d\b", text) == []
    references = set(re.findall(r"^[^#\n]*\b(file:[^\s\]]+)", text, re.MULTILINE))
    # Of Tryton there is no imitation whose login could be written, a seal is issued by an authority, and what
    # events are signed with is agreed with their receiver.
    own = {
        "file:secrets/tryton_password",
        "file:secrets/webhook-shop",
        *(f"file:secrets/seal.{end}" for end in ("pem", "key", "password")),
    }
    for reference in references - own:
        assert settings.reveal(reference, tmp_path / "config"), reference


def test_the_version_is_the_one_on_top_of_the_changelog() -> None:
    found = re.search(
        r"^## ([0-9]+\.[0-9]+\.[0-9]+) ", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE
    )
    assert found is not None
    assert found[1] == __version__


@pytest.mark.parametrize("module", modules(), ids=lambda module: module.name)
def test_a_module_says_what_it_is_and_offers_what_it_names(module: Module) -> None:
    if not module.tree.body or "migrations" in module.name:
        return  # an empty package; a step of a migration, which nobody imports
    assert module.tree.body[0].lineno == 1
    loaded = import_module(module.name)
    assert (loaded.__doc__ or "").strip()
    offered = getattr(loaded, "__all__", ())
    assert [name for name in offered if not hasattr(loaded, name)] == []
    assert len(offered) == len(set(offered))


def tracked() -> list[Path]:
    if not (ROOT / ".git").exists():
        pytest.skip("not a checkout: which files belong to the project is not known")
    listed = subprocess.run(
        ["git", "ls-files", "-z"],  # noqa: S607
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def test_no_file_knows_the_machine_it_was_written_on() -> None:
    """Paths of one machine, and addresses of package registries, are nobody else's."""
    machine = re.compile(rb"/(?:root|work|Users|home/[a-z][a-z0-9_-]*)/[A-Za-z0-9_.]")
    registries = re.compile(
        rb"--(?:extra-)?index-url|pypi\.[a-z]|pythonhosted\.|artifactory|\bproxy\.golang\."
    )
    this = Path(__file__).resolve()
    wrong = []
    for file in tracked():
        if file.resolve() == this:
            continue
        content = file.read_bytes()
        for pattern in (machine, registries):
            wrong += [
                f"{file.relative_to(ROOT)}: {match.group().decode()}" for match in pattern.finditer(content)
            ]
    assert wrong == []

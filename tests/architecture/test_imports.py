"""Who may import whom, and what each layer leaves alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import pytest

from tests.architecture.sources import LAYERS, Module, modules

MAY_IMPORT: Final[Mapping[str, frozenset[str]]] = {
    "formats": frozenset({"formats"}),
    "mappings": frozenset({"mappings", "formats"}),
    "connectors": frozenset({"connectors", "formats"}),
    "gateway": frozenset(LAYERS),
}
# What the pure layers have nothing to do with: the network, processes, databases, the clock.
OUTSIDE_WORLD: Final = frozenset(
    {
        *("asyncio", "ftplib", "http", "imaplib", "smtplib", "socket", "ssl", "subprocess", "time"),
        *("aiosmtpd", "alembic", "apscheduler", "paramiko", "psycopg", "requests", "sqlalchemy", "zeep"),
        *("sqlite3", "structlog", "typer"),
    }
)
# Each library that talks to the outside is wrapped in few places; the imitated other sides have their own.
WRAPPED: Final[Mapping[str, frozenset[str]]] = {
    "requests": frozenset({"connectors.http", "connectors.soap", "gateway.rules"}),
    "paramiko": frozenset({"connectors.sftp"}),
    "zeep": frozenset({"connectors.soap", "connectors.erp.netsuite_service", "connectors.erp.netsuite_soap"}),
    "smtplib": frozenset({"connectors.channels.mail_submission"}),
    "imaplib": frozenset({"connectors.channels.mailbox"}),
    "apscheduler": frozenset({"gateway.scheduler"}),
    "saxonche": frozenset({"gateway.rules"}),
    "typer": frozenset({"gateway.cli"}),
}
SANDBOX: Final = "connectors.sandbox"
CLOCK: Final = "gateway.clock"
THE_TIME: Final = frozenset(
    {
        *("datetime.now", "datetime.utcnow", "datetime.today", "date.today", "time.time", "time.time_ns"),
        *("datetime.datetime.now", "datetime.datetime.utcnow", "datetime.date.today"),
    }
)


def is_below(name: str, packages: Iterable[str]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


@pytest.fixture(params=LAYERS)
def layer(request: pytest.FixtureRequest) -> tuple[Module, ...]:
    """All modules of one layer."""
    return tuple(module for module in modules() if module.layer == request.param)


def test_a_layer_imports_only_what_is_below_it(layer: tuple[Module, ...]) -> None:
    wrong = [
        f"{module.place}:{line} imports {name}"
        for module in layer
        for line, name in module.imports()
        if is_below(name, LAYERS) and name.partition(".")[0] not in MAY_IMPORT[module.layer]
    ]
    assert wrong == []


def test_nothing_of_the_product_imports_the_tests(layer: tuple[Module, ...]) -> None:
    assert [
        module.place for module in layer for _, name in module.imports() if is_below(name, ["tests"])
    ] == []


def test_the_imitated_systems_share_no_code_with_the_clients_they_test() -> None:
    """What a client gets wrong, its own code would not notice."""
    wrong = [
        f"{module.place}:{line} imports {name}"
        for module in modules()
        if is_below(module.name, [SANDBOX])
        for line, name in module.imports()
        if is_below(name, LAYERS) and not is_below(name, [SANDBOX, "formats.errors", "formats.plugins"])
    ]
    assert wrong == []


def test_the_product_itself_does_not_need_the_imitated_systems() -> None:
    """Only the commands that start them, the logins of the examples, and what puts connectors to the test
    do."""
    users = {
        module.place
        for module in modules()
        if not is_below(module.name, [SANDBOX, "connectors.conformance"])
        for _, name in module.imports()
        if is_below(name, [SANDBOX])
    }
    commands = {"demo", "plugins", "sandbox", "setup"}
    assert users <= {f"gateway/cli/{command}.py" for command in commands}


@pytest.mark.parametrize("pure", ["formats", "mappings"])
def test_the_pure_layers_leave_the_outside_world_alone(pure: str) -> None:
    wrong = [
        f"{module.place}:{line} imports {name}"
        for module in modules()
        if module.layer == pure
        for line, name in module.imports()
        if name.partition(".")[0] in OUTSIDE_WORLD
    ]
    assert wrong == []


@pytest.mark.parametrize("library", sorted(WRAPPED))
def test_what_reaches_the_outside_is_wrapped_once(library: str) -> None:
    wrong = [
        f"{module.place}:{line} imports {name}"
        for module in modules()
        if not is_below(module.name, [SANDBOX, *WRAPPED[library]])
        for line, name in module.imports()
        if name.partition(".")[0] == library
    ]
    assert wrong == []


def test_only_the_clock_asks_for_the_time() -> None:
    """Everything else is given the time, so that it can be repeated; imitated systems live in their own."""
    wrong = [
        f"{module.place}:{line} calls {name}"
        for module in modules()
        if not is_below(module.name, [SANDBOX, "connectors.conformance", CLOCK])
        for line, name in module.calls()
        if name in THE_TIME
    ]
    assert wrong == []


def test_nothing_is_printed_and_nothing_is_run_from_text() -> None:
    """Output goes through the console of the command line, or into the log; only compiled rules and the
    compiled expressions of mappings are run, which hold nothing but names and literals of our own writing."""
    forbidden = {"print", "eval", "exec", "pickle.load", "pickle.loads", "os.system"}
    wrong = [
        f"{module.place}:{line} calls {name}"
        for module in modules()
        if not is_below(module.name, ["formats.rules", "gateway.rules", "mappings.written"])
        for line, name in module.calls()
        if name in forbidden
    ]
    assert wrong == []


def test_foreign_xml_goes_through_the_hardened_parser() -> None:
    """Entity bombs and external entities are refused in one place."""
    # Schemas are the operator's own files; their parser reaches nothing but the folder they lie in.
    trusted = [SANDBOX, "formats.syntaxes.xml", "gateway.rules.xsd"]
    parsers = {"etree.fromstring", "etree.parse", "etree.XML", "etree.XMLParser", "etree.iterparse"}
    wrong = [
        f"{module.place}:{line} calls {name}"
        for module in modules()
        if not is_below(module.name, trusted)
        for line, name in module.calls()
        if name in parsers
    ]
    assert wrong == []


def test_the_table_would_notice() -> None:
    """The rules above look at imports that there are."""
    seen = {name.partition(".")[0] for module in modules() for _, name in module.imports()}
    assert set(WRAPPED) - {"saxonche"} <= seen
    assert any(name in THE_TIME for module in modules() for _, name in module.calls())

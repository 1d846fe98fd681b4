"""Sources come and go while the gateway runs; what is broken is told and touches nothing."""

from __future__ import annotations

import json
import os
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from formats.errors import ConfigError
from formats.profiles.profile import Profile
from gateway import scheduler
from gateway.alarms.watches import sources as watch
from gateway.cli.setup import write_config
from gateway.config_file import ConfigProblems
from gateway.source_files import Difference, SourceFiles
from gateway.store import journal, sources, submissions
from gateway.wiring import Gateway
from tests.gateway import prepared
from tests.gateway.conftest import ON_EACH

_SOURCE = """name: {name}
kind: folder
mapping: {mapping}
company: {company}
poll_seconds: {poll}
settings:
  folder: {folder}
  archive_folder: {folder}-archive
  settle_seconds: 0
  format:
    kind: json
    key: [number]
"""


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A config folder whose one source is a folder."""
    config = tmp_path_factory.mktemp("files") / "config"
    write_config(config, 21000)
    for file in (config / "sources").glob("*.yaml"):
        file.unlink()
    source(config, "first")
    return config


@pytest.fixture(params=ON_EACH)
def gateway(request: pytest.FixtureRequest, tmp_path: Path, written: Path) -> Iterator[Gateway]:
    config = shutil.copytree(written, tmp_path / "config")
    if request.param == "postgres":
        address = request.getfixturevalue("database_address_of_postgres")
        main = config / "gateway.yaml"
        main.write_text(main.read_text("utf-8").replace("sqlite:///gateway.db", address), "utf-8")
    else:
        prepared.sqlite_copy(config / "gateway.db")
    with closing(Gateway.open(config)) as opened:
        yield opened


@pytest.fixture
def database_address_of_postgres() -> Iterator[str]:
    if not os.environ.get("GATEWAY_TEST_POSTGRES"):
        pytest.skip("no PostgreSQL server: set GATEWAY_TEST_POSTGRES to postgresql://user@host:port/postgres")
    with prepared.postgres(migrated=True) as address:
        yield address


class Errands:
    """What was started and stopped."""

    def __init__(self, gateway: Gateway) -> None:
        self.told: list[tuple[str, str]] = []
        self.files = SourceFiles(
            gateway,
            lambda spec: self.told.append(("start", spec.name)),
            lambda name: self.told.append(("stop", name)),
        )

    def settled(self) -> Difference | None:
        """Two looks: the first sees that something was written, the second that it is whole."""
        assert self.files.look() is None
        return self.files.look()


def source(
    config: Path, name: str, *, company: str = "vandael", mapping: str = "json_invoice", poll: float = 300
) -> Path:
    folder = config.parent / f"in-{name}"
    folder.mkdir(exist_ok=True)
    file = config / "sources" / f"{name}.yaml"
    file.write_text(
        _SOURCE.format(name=name, mapping=mapping, company=company, poll=poll, folder=folder), "utf-8"
    )
    return file


def names(gateway: Gateway) -> list[str]:
    return [one.name for one in gateway.settings.sources]


def problem(gateway: Gateway) -> ConfigError | None:
    return gateway.not_taken_up[1] if gateway.not_taken_up is not None else None


def noted(gateway: Gateway) -> list[dict[str, object]]:
    with gateway.database.read() as connection:
        found = journal.entries(connection, event="sources taken up")
        return [json.loads(entry.data) for entry in found]


def test_a_new_file_is_taken_up_at_the_second_look(gateway: Gateway) -> None:
    """At the first one it may be half written."""
    errands = Errands(gateway)
    folder = gateway.settings.folder
    assert errands.files.look() is None
    source(folder, "second")
    assert errands.settled() == Difference(("second",), (), ())
    assert errands.told == [("start", "second")]
    assert names(gateway) == ["first", "second"]
    assert gateway.source("second").name == "second"
    assert noted(gateway) == [{"added": ["second"], "changed": [], "removed": []}]
    assert errands.files.look() is None


def test_a_change_and_an_end_leave_the_other_sources_their_connectors(gateway: Gateway) -> None:
    folder = gateway.settings.folder
    source(folder, "second")
    errands = Errands(gateway)
    errands.settled()
    first, second = gateway.source("first"), gateway.source("second")
    hour = gateway.clock() + timedelta(hours=1)
    with gateway.database.begin() as connection:
        sources.failed(connection, "second", verdict="precondition", sentence="no", due_at=hour)
    source(folder, "second", poll=60)
    assert errands.settled() == Difference((), ("second",), ())
    with gateway.database.read() as connection:
        assert sources.get(connection, "second").due_at is None
    assert errands.told[-2:] == [("stop", "second"), ("start", "second")]
    assert gateway.source("second") is not second
    (folder / "sources" / "second.yaml").unlink()
    assert errands.settled() == Difference((), (), ("second",))
    assert errands.told[-1] == ("stop", "second")
    assert names(gateway) == ["first"]
    assert gateway.source("first") is first


def test_a_broken_file_is_told_and_changes_nothing(gateway: Gateway) -> None:
    errands = Errands(gateway)
    folder = gateway.settings.folder
    file = source(folder, "second", company="nobody")
    source(folder, "third")
    assert errands.settled() is None
    assert names(gateway) == ["first"]
    assert errands.told == []
    error = problem(gateway)
    assert isinstance(error, ConfigProblems)
    assert "nobody" in error.what
    (found,) = watch.watch(gateway, gateway.clock())
    assert found.subject == "configuration"
    assert "second.yaml" in found.sentence
    file.write_text(file.read_text("utf-8").replace("nobody", "vandael"), "utf-8")
    assert errands.settled() == Difference(("second", "third"), (), ())
    assert problem(gateway) is None
    assert list(watch.watch(gateway, gateway.clock())) == []


def test_a_source_brings_its_new_company_and_mapping_along_and_changes_no_other(gateway: Gateway) -> None:
    """What other sources work with stays as it was at the start."""
    errands = Errands(gateway)
    folder = gateway.settings.folder
    companies = folder / "companies"
    text = (companies / "vandael.yaml").read_text("utf-8")
    (companies / "another.yaml").write_text(text.replace("Van Dael Groothandel B.V.", "Another B.V."))
    (companies / "vandael.yaml").write_text(text.replace("Van Dael Groothandel B.V.", "Renamed B.V."))
    (folder / "mappings").mkdir(exist_ok=True)
    (folder / "mappings" / "ours.yaml").write_text(
        'mapping: ours\nversion: "ours-1"\nextends: json_invoice\n'
    )
    (folder / "mappings" / "json_invoice.yaml").write_text(
        'mapping: json_invoice\nversion: "other"\nextends: json_invoice\n'
    )
    source(folder, "second", company="another", mapping="ours")
    assert errands.settled() == Difference(("second",), (), ())
    assert gateway.company("second")["name"] == "Another B.V."
    assert gateway.company("first")["name"] == "Van Dael Groothandel B.V."
    assert gateway.mapping("second").version.startswith("ours-1")
    assert not gateway.mapping("first").version.startswith("other")


def test_what_is_changed_elsewhere_waits_for_the_next_start(gateway: Gateway) -> None:
    errands = Errands(gateway)
    routing = gateway.settings.folder / "routing.yaml"
    routing.write_text(routing.read_text("utf-8").replace("attach_pdf: true", "attach_pdf: false"), "utf-8")
    assert not errands.settled()
    assert any(route.attach_pdf for route in gateway.settings.routes)
    assert problem(gateway) is None


class _NoWarming:
    """Rules that nobody asks here."""

    def warm(self, profiles: list[Profile]) -> None:
        """Nothing to compile."""

    def close(self) -> None:
        """Nothing to end."""


def while_it_runs(gateway: Gateway, scenario: Callable[[], None]) -> None:
    """The scheduler as `gateway run` has it, ended by its signal when the scenario is over."""
    failed: list[BaseException] = []

    def play() -> None:
        try:
            scenario()
        except BaseException as error:  # noqa: BLE001  # told by the test's own thread
            failed.append(error)
        finally:
            os.kill(os.getpid(), signal.SIGTERM)

    thread = threading.Thread(target=play, name="scenario")
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    gateway.rules.close()
    gateway.rules = _NoWarming()  # type: ignore[assignment]  # no document gets as far as the rules
    try:
        scheduler.run(gateway, lambda wake: thread.start())
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        thread.join()
    if failed:
        raise failed[0]


def wait(holds: Callable[[], object]) -> None:
    end = time.monotonic() + 120
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.parametrize("gateway", ["sqlite"], indirect=True)
def test_a_running_scheduler_reads_a_source_that_was_added_and_no_longer_one_that_went(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scheduler, "_FILES_SECONDS", 0.2)
    folder = gateway.settings.folder

    def read(name: str) -> bool:
        with gateway.database.read() as connection:
            return sources.get(connection, name).read_at is not None

    def keys() -> set[str]:
        with gateway.database.read() as connection:
            return {f"{one.source} {one.source_key}" for one in submissions.listing(connection)}

    def scenario() -> None:
        wait(lambda: read("first"))
        first = gateway.source("first")
        (folder / "sources" / "broken.yaml").write_text("name: [")
        wait(lambda: problem(gateway))
        (folder / "sources" / "broken.yaml").unlink()
        file = source(folder, "second", poll=1)
        (folder.parent / "in-second" / "a.json").write_text('{"number": "A-1"}')
        wait(lambda: "second A-1" in keys())
        assert problem(gateway) is None
        file.unlink()
        wait(lambda: names(gateway) == ["first"])
        assert gateway.source("first") is first

    while_it_runs(gateway, scenario)
    told = noted(gateway)
    assert [one["added"] for one in told] == [["second"], []]
    assert [one["removed"] for one in told] == [[], ["second"]]

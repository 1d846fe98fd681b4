"""A gateway in this process against the offline world, moved on by the rounds and the clock of a test."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from connectors.sandbox.mail import ImitatedMail
from connectors.sandbox.provider import ImitatedProvider
from connectors.sandbox.sap import ImitatedSap
from connectors.sandbox.sap_documents import Billing
from connectors.sandbox.sap_seeds import BILLINGS, Output
from formats.finding import CheckRun, Report, RunState
from formats.profiles.profile import Profile
from gateway import logs
from gateway.pipeline.runner import Runner
from gateway.pipeline.submission import State
from gateway.rules import RulesEngine
from gateway.store import journal, reports, submissions
from gateway.store.reports import QueuedReport
from gateway.store.submissions import Submission
from gateway.wiring import Gateway
from tests.conftest import SteppingClock
from tests.gateway.offline import Offline, offline_world

__all__ = ["NoRules", "SharedRules", "Story", "billing", "tell"]

UNREGISTERED = "0208:0000000097"


class SharedRules:
    """The engine of the first gateway for those after it too: starting one takes longer than most stories."""

    def __init__(self) -> None:
        self._engine: RulesEngine | None = None

    def lend(self, gateway: Gateway) -> None:
        """Let this gateway use the engine; closing the gateway leaves it running."""
        if self._engine is None:
            self._engine = gateway.rules
        else:
            gateway.rules.close()
        gateway.rules = self  # type: ignore[assignment]  # it checks like the engine itself

    def check(self, content: bytes, profile: Profile) -> Report:
        assert self._engine is not None
        return self._engine.check(content, profile)

    def close(self) -> None:
        """Left to `end`."""

    def end(self) -> None:
        if self._engine is not None:
            self._engine.close()


class NoRules(SharedRules):
    """An engine that can judge nothing, as after a crash that no restart helps."""

    def check(self, content: bytes, profile: Profile) -> Report:
        return Report((CheckRun("the rules", "", RunState.NOT_RUN, "the rules process ended"),), ())


@dataclass(slots=True)
class Story:
    """A running world, a gateway on it, and its clock, which stands still until it is moved."""

    offline: Offline
    gateway: Gateway
    runner: Runner
    clock: SteppingClock

    @property
    def sap(self) -> ImitatedSap:
        system = self.offline.world.systems["sap"]
        assert isinstance(system, ImitatedSap)
        return system

    @property
    def provider(self) -> ImitatedProvider:
        system = self.offline.world.systems["provider"]
        assert isinstance(system, ImitatedProvider)
        return system

    @property
    def mail(self) -> ImitatedMail:
        system = self.offline.world.systems["mail"]
        assert isinstance(system, ImitatedMail)
        return system

    def put(self, *billings: Billing) -> None:
        """SAP puts out these documents, each in a file of its own."""
        for one in billings:
            self.sap.put_out(Output((one,)))

    def round(self) -> None:
        self.runner.round()

    def rounds(self, count: int = 2, **span: float) -> None:
        """Rounds with a pause between them."""
        for _ in range(count):
            self.clock.advance(**(span or {"minutes": 1}))
            self.runner.round()

    def listed(self) -> list[Submission]:
        with self.gateway.database.read() as connection:
            return submissions.listing(connection)

    def all_of(self, number: str) -> list[Submission]:
        """Every submission of one number, oldest first, repetitions included."""
        with self.gateway.database.read() as connection:
            return submissions.find(connection, number)

    def one(self, number: str) -> Submission:
        """The only submission of this number that another one does not stand for."""
        (found,) = [item for item in self.all_of(number) if item.state is not State.SUPERSEDED]
        return found

    def states(self) -> dict[str, State]:
        return {item.number or item.source_key: item.state for item in self.listed()}

    def events(self, submission: Submission) -> list[str]:
        with self.gateway.database.read() as connection:
            return [entry.event for entry in journal.entries(connection, submission=submission.id)]

    def news(self, submission: Submission) -> list[QueuedReport]:
        with self.gateway.database.read() as connection:
            return reports.of(connection, submission.id)

    def told(self, number: str) -> list[str]:
        """The IDoc status codes that SAP was given for one invoice, in order."""
        records: Any = self.offline.holdings()["sap"]["status_records"]
        return [record["STATUS"] for record in records if record["invoice"].lstrip("0") == number]

    def assert_sound(self) -> None:
        """The chain holds and nobody got anything twice."""
        with self.gateway.database.read() as connection:
            _, broken = journal.verify(connection)
        assert broken is None
        twice = {name: count for name, count in self.offline.arrivals().items() if count > 1}
        assert twice == {}


def billing(seed: str, /, **changes: Any) -> Billing:
    """One of SAP's seeded documents, changed; `customer` may be a mapping of changes to its customer."""
    found = next(one for one in BILLINGS if one.number.lstrip("0") == seed)
    customer = changes.pop("customer", None)
    if isinstance(customer, Mapping):
        customer = replace(found.customer, **customer)
    return replace(found, **changes, **({"customer": customer} if customer else {}))


@contextmanager
def tell(
    folder: Path,
    rules: SharedRules,
    *,
    erps: Collection[str] = ("sap",),
    seeded: bool = False,
    database: str = "",
    settings: Mapping[str, str] | None = None,
    now: datetime = datetime(2026, 11, 23, 8, 0, tzinfo=UTC),
) -> Iterator[Story]:
    """A story; SAP's folder is empty unless it is to be `seeded`; `now` is where the clock starts. `settings`
    are replacements in gateway.yaml and the files of the channels."""
    clock = SteppingClock(now)
    with offline_world(folder, erps, database) as offline:
        if not seeded:
            for file in (offline.world.systems["sap"].root / "out").glob("*.xml"):  # type: ignore[attr-defined]
                file.unlink()
        for old, new in {"jitter: 0.3": "jitter: 0", **(settings or {})}.items():
            _edit(offline.config, old, new)
        gateway = Gateway.open(offline.config, clock=clock)
        logs.configure("critical", "text")
        rules.lend(gateway)
        try:
            yield Story(offline, gateway, Runner(gateway), clock)
        finally:
            gateway.close()


def _edit(config: Path, old: str, new: str) -> None:
    changed = 0
    for file in (config / "gateway.yaml", *(config / "channels").glob("*.yaml")):
        text = file.read_text("utf-8")
        changed += text.count(old)
        file.write_text(text.replace(old, new), "utf-8")
    assert changed, f"no setting {old!r}"

"""The ledger of calls in the database: shared by all, never overspent, told to people."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from connectors.budget import CallLimit
from formats.errors import RemoteUnavailable
from gateway.cli.main import app
from gateway.clock import utc_now
from gateway.store.budgets import Budgets
from gateway.store.database import Database
from tests.conftest import SteppingClock
from tests.gateway.stories import SharedRules, tell

MINUTE = CallLimit("minute", 60, 60, reserve=5)
DAY = CallLimit("day", 100, 86_400, reserve=10)
# One of several processes that spend the same budget, call by call, until it is used up; it tells how many
# calls it got.
SPENDER = """
import sys
from datetime import UTC, datetime
from connectors.budget import CallLimit
from formats.errors import RemoteUnavailable
from gateway.store.budgets import Budgets
from gateway.store.database import Database

database = Database(sys.argv[1])
now = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
limits = (CallLimit("day", 90, 86400), CallLimit("hour", 80, 3600))
budget = Budgets(database, lambda: now).ledger("t", limits)
sys.stdin.readline()
got = 0
try:
    while True:
        budget.spend()
        got += 1
except RemoteUnavailable:
    sys.stdout.write(f"{got}\\n")
database.close()
"""


@pytest.fixture
def budgets(database: Database, clock: SteppingClock) -> Budgets:
    return Budgets(database, clock)


def test_several_processes_never_spend_the_same_call(database: Database, database_address: str) -> None:
    spenders = [
        subprocess.Popen(  # noqa: S603  # our own text
            [sys.executable, "-c", SPENDER, database_address],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    for spender in spenders:
        assert spender.stdin is not None
        spender.stdin.write("go\n")
        spender.stdin.flush()
    got = [int(spender.communicate(timeout=120)[0]) for spender in spenders]
    assert sum(got) == 80, got
    assert [spender.returncode for spender in spenders] == [0, 0, 0]


def test_the_ledger_outlives_the_process(database: Database, clock: SteppingClock) -> None:
    Budgets(database, clock).ledger("Exact 1", (MINUTE, DAY)).spend(50)
    later = Budgets(database, clock).ledger("Exact 1", (MINUTE, DAY))
    assert later.forecast(1).left == 5
    assert Budgets(database, clock).ledger("Exact 2", (MINUTE, DAY)).forecast(1).left == 55


def test_reading_stops_at_the_reserve_and_writing_goes_on(budgets: Budgets) -> None:
    ledger = budgets.ledger("t", (MINUTE, DAY))
    ledger.spend(55)
    with pytest.raises(RemoteUnavailable, match="kept for writing") as caught:
        ledger.spend()
    assert caught.value.retry_at == datetime(2026, 11, 23, 8, 1, tzinfo=UTC)
    ledger.spend(5, writing=True)
    with pytest.raises(RemoteUnavailable):
        ledger.spend(writing=True)


def test_windows_begin_anew_by_themselves(budgets: Budgets, clock: SteppingClock) -> None:
    ledger = budgets.ledger("t", (MINUTE, DAY))
    ledger.spend(40)
    clock.advance(minutes=1)
    assert (ledger.forecast(50).limit, ledger.forecast(50).left) == ("day", 50)
    ledger.spend(50)
    clock.advance(minutes=1)
    with pytest.raises(RemoteUnavailable, match="this day"):
        ledger.spend()
    clock.advance(days=1)
    ledger.spend(55)


def test_the_other_side_knows_better(budgets: Budgets, clock: SteppingClock) -> None:
    """Other programs of the customer use the same tenant, and its own limit may be another one."""
    ledger = budgets.ledger("t", (MINUTE, DAY))
    ledger.learn("day", calls=5000, remaining=12, resets_at=clock() + timedelta(hours=3))
    assert ledger.forecast(3).left == 2
    with pytest.raises(RemoteUnavailable) as caught:
        ledger.spend(3)
    assert caught.value.retry_at == clock() + timedelta(hours=3)
    ledger.learn("day", calls=5000, remaining=4000)
    assert ledger.forecast(3).left == 2
    ledger.learn("fortnight", calls=1, remaining=0)


def test_people_see_where_each_tenant_stands(budgets: Budgets, clock: SteppingClock) -> None:
    budgets.ledger("b", (MINUTE,)).spend(3)
    budgets.ledger("a", (DAY,)).spend(7, writing=True)
    first, second = budgets.standing()
    assert (first.tenant, first.used, first.left) == ("a", 7, 83)
    assert first.sentence == (
        "7 of 100 calls of this day used, 83 left for reading, 10 kept for writing; "
        "whole again at 2026-11-24 00:00 UTC"
    )
    assert (second.tenant, second.used) == ("b", 3)
    clock.advance(minutes=5)
    assert budgets.standing()[1].used == 0
    assert budgets.standing()[1].resets_at == datetime(2026, 11, 23, 8, 6, tzinfo=UTC)


def test_a_changed_reserve_holds_at_once(database: Database, clock: SteppingClock) -> None:
    Budgets(database, clock).ledger("t", (MINUTE,)).spend(30)
    roomier = Budgets(database, clock).ledger("t", (CallLimit("minute", 60, 60, reserve=30),))
    with pytest.raises(RemoteUnavailable):
        roomier.spend()
    roomier.spend(writing=True)
    assert Budgets(database, clock).standing()[0].reserve == 30


def test_gateway_check_tells_where_each_tenant_stands(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rules = SharedRules()
    with tell(tmp_path, rules, now=utc_now()) as story:
        story.gateway.budgets.ledger("Exact Online 123456", (DAY,)).spend(3)
        app(["-c", str(story.offline.config), "check", "--json"], standalone_mode=False)
        steps = json.loads(capsys.readouterr().out)
    rules.end()
    (told,) = [step for step in steps if step["name"] == "call budgets"]
    assert (told["step"], told["ok"]) == ("Exact Online 123456", True)
    assert told["seen"].startswith("3 of 100 calls of this day used, 87 left for reading")

"""What the journal says about routes and their prices, added up."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import ValidationError

from gateway.cli.invoices import print_costs
from gateway.cli.setup import write_config
from gateway.pipeline.costs import MonthlyCost, by_month
from gateway.settings import Route
from gateway.store import journal
from gateway.store.database import Database
from gateway.wiring import Gateway
from tests.gateway import prepared

EUR_12 = {"amount": "0.12", "currency": "EUR"}
ROUTE = {"name": "a", "channel": "b", "profile": "c"}


def sent(database: Database, at: datetime, message: str, **more: object) -> None:
    told: Mapping[str, object] = {"channel": "rest", "message_id": message, "route": "REST", **more}
    with database.begin() as connection:
        journal.append(connection, "sent", told, now=at)


def test_messages_are_counted_once_by_month_and_route_at_the_price_of_their_day(database: Database) -> None:
    october, november = datetime(2026, 10, 31, 23, 59, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC)
    sent(database, october, "1", cost=EUR_12)
    sent(database, november, "2", cost=EUR_12)
    sent(database, november, "2", cost=EUR_12)
    sent(database, november, "3", cost={"amount": "0.10", "currency": "EUR"})
    sent(database, november, "4", cost={"amount": "0.1", "currency": "CHF"})
    sent(database, november, "5", channel="email", route="e-mail")
    with database.begin() as connection:
        journal.append(connection, "delivered", {"channel": "rest", "cost": EUR_12}, now=november)
    with database.read() as connection:
        assert by_month(connection) == (
            MonthlyCost("2026-10", "REST", "rest", 1, Decimal("0.12"), "EUR"),
            MonthlyCost("2026-11", "REST", "rest", 1, Decimal("0.1"), "CHF"),
            MonthlyCost("2026-11", "REST", "rest", 2, Decimal("0.22"), "EUR"),
            MonthlyCost("2026-11", "e-mail", "email", 1, None, ""),
        )


def test_what_was_sent_before_routes_were_kept_is_counted_by_channel(database: Database) -> None:
    with database.begin() as connection:
        told: dict[str, object] = {"channel": "rest", "message_id": "1"}
        journal.append(connection, "sent", told, now=datetime(2026, 11, 1, tzinfo=UTC))
    with database.read() as connection:
        assert by_month(connection) == (MonthlyCost("2026-11", "rest", "rest", 1, None, ""),)


@pytest.mark.parametrize(
    ("cost", "problem"),
    [
        ({"amount": 0.12, "currency": "EUR"}, "in quotes"),
        ({"amount": "-1", "currency": "EUR"}, "greater than or equal"),
        ({"amount": "NaN", "currency": "EUR"}, "finite"),
        ({"amount": "1", "currency": "euro"}, "match pattern"),
    ],
)
def test_a_price_is_exact_and_has_a_currency(cost: dict[str, object], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        Route.model_validate({**ROUTE, "cost": cost})
    found = Route.model_validate({**ROUTE, "cost": EUR_12}).cost
    assert found is not None
    assert found.amount == Decimal("0.12")


def test_people_and_machines_see_the_same_sums(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "config"
    write_config(config, 47000)
    prepared.sqlite_copy(config / "gateway.db")
    with closing(Gateway.open(config)) as gateway:
        print_costs(gateway)
        assert "Nothing was handed over yet" in capsys.readouterr().out
        sent(gateway.database, datetime(2026, 11, 1, tzinfo=UTC), "1", cost=EUR_12)
        sent(gateway.database, datetime(2026, 11, 2, tzinfo=UTC), "2", cost=EUR_12)
        print_costs(gateway)
        line = next(line for line in capsys.readouterr().out.splitlines() if "2026-11" in line)
        assert line.split() == ["2026-11", "REST", "rest", "2", "EUR", "0.24"]
        print_costs(gateway, as_json=True)
        (row,) = json.loads(capsys.readouterr().out)
        assert (row["messages"], row["amount"], row["currency"]) == (2, "0.24", "EUR")

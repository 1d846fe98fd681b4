"""The description of the interface is true: schemathesis asks whatever it allows and forbids, and every
answer is as it says."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from gateway.access.rights import ALL_COMPANIES, RIGHTS, Role
from gateway.store import tokens
from gateway.web.app import create_app
from gateway.web.decisions import DECISIONS
from gateway.wiring import Gateway
from tests.gateway import prepared
from tests.gateway.web.conftest import Web
from tests.gateway.web.test_api import OURS, THEIRS, add

_OPERATIONS = sorted(
    name for name in DECISIONS if name.partition(" ")[2].startswith("/api/v1/") and "openapi" not in name
)

schemathesis = pytest.importorskip("schemathesis", reason="needs schemathesis: pip install schemathesis")


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory, written: Path) -> Iterator[Any]:
    """The application with a few invoices, and its own description of itself."""
    config = shutil.copytree(written, tmp_path_factory.mktemp("described") / "config")
    prepared.sqlite_copy(config / "gateway.db")
    gateway = Gateway.open(config)
    web = Web(gateway, None)  # type: ignore[arg-type]  # schemathesis asks, not the test client
    for number in range(3):
        add(web, OURS, f"A-{number}", parked=number == 1)
        add(web, THEIRS, f"B-{number}")
    schema = schemathesis.openapi.from_asgi("/api/v1/openapi.json", create_app(gateway))
    schema.config.headers = token(gateway)
    yield schema
    gateway.close()


def token(gateway: Gateway) -> dict[str, str]:
    now = gateway.clock()
    with gateway.database.begin() as connection:
        _, shown = tokens.make(
            connection,
            "everything",
            {ALL_COMPANIES: RIGHTS[Role.ADMINISTRATOR] | RIGHTS[Role.FINANCE]},
            made_by="it",
            ends_at=now + timedelta(days=1),
            now=now,
        )
    return {"Authorization": f"Bearer {shown}"}


@pytest.mark.parametrize("operation", _OPERATIONS)
def test_every_answer_is_as_described(described: Any, operation: str) -> None:
    method, _, path = operation.partition(" ")

    @hypothesis.given(case=described[path][method].as_strategy())
    @hypothesis.settings(max_examples=25, deadline=None, suppress_health_check=list(hypothesis.HealthCheck))
    def ask(case: Any) -> None:
        # A place in a list or an id that fits the description may still not be there.
        case.call_and_validate(excluded_checks=[schemathesis.checks.positive_data_acceptance])

    ask()


def test_every_operation_is_described(described: Any) -> None:
    """But the description itself, and where another protocol speaks."""
    found = {one.ok().label for one in described.get_all_operations()}
    assert set(_OPERATIONS) <= found

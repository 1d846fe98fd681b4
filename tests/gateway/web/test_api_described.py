"""The description of the interface is true: schemathesis asks whatever it allows and forbids, and every
answer is as it says."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from gateway.access.rights import ALL_COMPANIES, Right
from gateway.store import tokens
from gateway.web.app import create_app
from gateway.web.decisions import DECISIONS
from gateway.wiring import Gateway
from tests.gateway import prepared
from tests.gateway.conftest import ON_EACH
from tests.gateway.web.conftest import Web
from tests.gateway.web.test_api import OURS, THEIRS, add

_OPERATIONS = sorted(
    name for name in DECISIONS if name.partition(" ")[2].startswith("/api/v1/") and "openapi" not in name
)

schemathesis = pytest.importorskip("schemathesis", reason="needs schemathesis: pip install schemathesis")


# With each operation asked this often; what differs between databases shows early.
_EXAMPLES = {"sqlite": 20, "postgres": 8}


@pytest.fixture(scope="module", params=ON_EACH)
def described(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, written: Path
) -> Iterator[Any]:
    """The application with a few invoices, and its own description of itself."""
    config = shutil.copytree(written, tmp_path_factory.mktemp("described") / "config")
    with ExitStack() as stack:
        if request.param == "sqlite":
            prepared.sqlite_copy(config / "gateway.db")
        elif os.environ.get("GATEWAY_TEST_POSTGRES"):
            address = stack.enter_context(prepared.postgres(migrated=True))
            main = config / "gateway.yaml"
            main.write_text(main.read_text().replace("sqlite:///gateway.db", address))
        else:
            pytest.skip("no PostgreSQL server: set GATEWAY_TEST_POSTGRES")
        yield from _served(config, request.param)


def _served(config: Path, kind: str) -> Iterator[Any]:
    gateway = Gateway.open(config)
    web = Web(gateway, None)  # type: ignore[arg-type]  # schemathesis asks, not the test client
    for number in range(3):
        add(web, OURS, f"A-{number}", parked=number == 1)
        add(web, THEIRS, f"B-{number}")
    schema = schemathesis.openapi.from_asgi("/api/v1/openapi.json", create_app(gateway))
    schema.config.headers = token(gateway)
    yield schema, _EXAMPLES[kind]
    gateway.close()


def token(gateway: Gateway) -> dict[str, str]:
    now = gateway.clock()
    with gateway.database.begin() as connection:
        _, shown = tokens.make(
            connection,
            "everything",
            {ALL_COMPANIES: frozenset(Right)},
            made_by="it",
            ends_at=now + timedelta(days=1),
            now=now,
        )
    return {"Authorization": f"Bearer {shown}"}


@pytest.mark.parametrize("operation", _OPERATIONS)
def test_every_answer_is_as_described(described: Any, operation: str) -> None:
    method, _, path = operation.partition(" ")
    schema, examples = described

    @hypothesis.given(case=schema[path][method].as_strategy())
    @hypothesis.settings(
        max_examples=examples, deadline=None, suppress_health_check=list(hypothesis.HealthCheck)
    )
    def ask(case: Any) -> None:
        # A place in a list or an id that fits the description may still not be there.
        case.call_and_validate(excluded_checks=[schemathesis.checks.positive_data_acceptance])

    ask()


def test_every_operation_is_described(described: Any) -> None:
    """But the description itself, and where another protocol speaks."""
    found = {one.ok().label for one in described[0].get_all_operations()}
    assert set(_OPERATIONS) <= found

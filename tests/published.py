"""The current official rules, where this machine has them.

GATEWAY_TEST_RULES names a folder of JARs, which the script tests/fetch-rules fills.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest

from gateway.rules.compiled import CompiledPacks
from gateway.rules.intake import offers, take_in
from gateway.rules.store import RuleShelf

__all__ = ["published_rules"]


def published_rules(keys: tuple[str, ...], folder: Path) -> RuleShelf:
    """A shelf with these rule sets, as an operator would add them; the test is skipped where they are absent.

    A set that comes with a Python package in its current release is not looked for.
    """
    top = os.environ.get("GATEWAY_TEST_RULES")
    if top is None:
        pytest.skip(f"official rules {', '.join(keys)}: GATEWAY_TEST_RULES is not set")
    for key in keys:
        _add(Path(top), key, folder)
    return RuleShelf([folder])


def _add(top: Path, key: str, folder: Path) -> None:
    prefix = next((jar for start, jar in _JARS.items() if key.startswith(start)), "")
    if not prefix:
        return  # it comes with a Python package
    jars = sorted(top.glob(f"phive-rules-{prefix}-[0-9]*.jar"))
    if not jars:
        pytest.skip(f"official rules {key}: no phive-rules-{prefix} in GATEWAY_TEST_RULES")
    (offer,) = offers(jars[-1], RuleShelf([folder]), _compiled(), only=[key])
    take_in(offer, folder, source=jars[-1].name, now=datetime(2026, 11, 22, tzinfo=UTC))


@cache
def _compiled() -> CompiledPacks:
    return CompiledPacks()


# The start of a rule set's key -> the JAR that it comes in.
_JARS = {
    "en16931-": "en16931",
    "peppol-": "peppol",
    "pint": "peppol",
    "xrechnung-": "xrechnung",
    "nlcius-": "simplerinvoicing",
    "cius-ro-": "cius-ro",
    "zatca": "zatca",
}

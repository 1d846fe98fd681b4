"""Which kind of connector has a trial: those of this package by the name of their file, those of plug-ins."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import cast

from connectors.conformance.trial import Trial
from connectors.registry import ERPS
from formats import plugins

__all__ = ["trial", "trial_kinds"]


def trial_kinds() -> tuple[str, ...]:
    """The kinds of ERP interface that can be put to the test; none is loaded."""
    return tuple(sorted(plugins.merged("trials", _own())))


def trial(kind: str) -> Callable[[], Trial]:
    """What makes the other side of this kind. Raises KeyError for a kind that is not one of `trial_kinds`,
    ConfigError for a plug-in that cannot be used."""
    return cast(Callable[[], Trial], plugins.load(plugins.merged("trials", _own())[kind]))


def _own() -> dict[str, str]:
    places = {kind: f"connectors.conformance.{kind.replace('-', '_')}" for kind in ERPS}
    return {kind: f"{place}:Trial" for kind, place in places.items() if find_spec(place) is not None}

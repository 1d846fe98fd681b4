"""How a connector tries itself for `gateway check`: step by step, up to the first that fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from connectors.base import CheckStep
from formats.errors import EInvoicingError

__all__ = ["in_order"]


def in_order(steps: Sequence[tuple[str, Callable[[], str]]]) -> Iterator[CheckStep]:
    """Each step by its name; a step says what it saw, or raises one of `formats.errors`, which ends them."""
    for name, step in steps:
        try:
            yield CheckStep(name, True, step())
        except EInvoicingError as error:
            yield CheckStep(name, False, error.what, error.fix)
            return

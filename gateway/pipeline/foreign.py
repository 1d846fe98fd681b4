"""Foreign code: a connector that breaks in a way it should not stops itself, not the others."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from formats.errors import ConfigError, EInvoicingError

__all__ = ["contained"]

_log = structlog.get_logger("connectors")


@contextmanager
def contained(name: str) -> Iterator[None]:
    """What a source or channel raises beside the errors it may raise becomes a ConfigError, with the whole
    fault in the log."""
    try:
        yield
    except EInvoicingError:
        raise
    except Exception as fault:  # connectors come from others, too, and can raise anything
        _log.error("fault of a connector", name=name, exc_info=fault)
        raise ConfigError(
            f"the connector of {name} met a fault of its own ({type(fault).__name__})",
            where=name,
            fix="send the log to its maintainers; nothing is lost, and it is tried again by itself",
        ) from fault

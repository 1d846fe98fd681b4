"""The stored place of a source: JSON of the connector's own making, which might be another connector's."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final, TypeVar

from formats.errors import RemoteUnexpected

__all__ = ["read_cursor"]

_Place = TypeVar("_Place")
_RESET: Final = "reset the cursor of this source; invoices that went out already are recognised"


def read_cursor(
    cursor: str, make: Callable[[Any], _Place], *, system: str, where: str = "cursor of the source"
) -> _Place:
    """What `make` makes of the JSON; RemoteUnexpected where it is not of its form. "" is for the caller."""
    try:
        return make(json.loads(cursor))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise RemoteUnexpected(
            f"the stored place in {system} cannot be read",
            where=where,
            fix=f"was the kind of this source changed? give the new one another name; else {_RESET}",
        ) from error

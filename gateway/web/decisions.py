"""Who may call what: one decision for each route. A route without one answers nobody, and fails a test."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from gateway.access.rights import Right

__all__ = ["DECISIONS", "Decision", "Way"]


class Way(StrEnum):
    """How a caller shows who they are."""

    # Nobody need: what is told is for everybody.
    OPEN = "open"
    # The token or signature of one source, checked by the route itself.
    SOURCE = "source"
    # A message signed by an access point of the network, checked by the route itself.
    NETWORK = "network"
    # A signed link, checked by the route itself.
    LINK = "link"
    # A session or an API token that holds the right.
    ACTOR = "actor"


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision. `right` is needed for the way ACTOR: for some company where the route shows only what
    belongs to the caller's companies, for all of them where `everywhere`."""

    way: Way
    right: Right | None = None
    everywhere: bool = False


_OPEN: Final = Decision(Way.OPEN)
_SOURCE: Final = Decision(Way.SOURCE)


# By method and path as the route declares it.
DECISIONS: Final[Mapping[str, Decision]] = MappingProxyType(
    {
        "GET /health": _OPEN,
        "GET /api/v1/openapi.json": _OPEN,
        "POST /api/v1/sources/{name}/documents": _SOURCE,
        "POST /api/v1/sources/{name}/wake": _SOURCE,
        "POST /as4": Decision(Way.NETWORK),
        "POST /as4/{name}": Decision(Way.NETWORK),
        "GET /sign-in": _OPEN,
        "POST /sign-in": _OPEN,
        "POST /sign-out": _OPEN,
        "GET /static/{name}": _OPEN,
    }
)

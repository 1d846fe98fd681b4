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
_INVOICES: Final = Decision(Way.ACTOR, Right.SEE_INVOICES)
_SYSTEM: Final = Decision(Way.ACTOR, Right.SEE_SYSTEM)
_SEE: Final = Decision(Way.ACTOR, Right.SEE_INVOICES)
_ACT: Final = Decision(Way.ACTOR, Right.ACT_ON_INVOICES)
# What comes in belongs to no source, and so to no single company.
_SEE_INBOX: Final = Decision(Way.ACTOR, Right.SEE_INVOICES, everywhere=True)
_ACT_ON_INBOX: Final = Decision(Way.ACTOR, Right.ACT_ON_INVOICES, everywhere=True)


# By method and path as the route declares it.
DECISIONS: Final[Mapping[str, Decision]] = MappingProxyType(
    {
        "GET /health": _OPEN,
        "GET /api/v1/openapi.json": _OPEN,
        "POST /api/v1/sources/{name}/documents": _SOURCE,
        "POST /api/v1/sources/{name}/wake": _SOURCE,
        "POST /as4": Decision(Way.NETWORK),
        "POST /as4/{name}": Decision(Way.NETWORK),
        "GET /ready": _OPEN,
        "GET /metrics": Decision(Way.ACTOR, Right.SEE_SYSTEM, everywhere=True),
        "GET /api/v1/invoices": _INVOICES,
        "GET /api/v1/invoices/{id}": _INVOICES,
        "GET /api/v1/invoices/{id}/events": _INVOICES,
        "GET /api/v1/invoices/{id}/terms": _INVOICES,
        "GET /api/v1/invoices/{id}/files/{name}": _INVOICES,
        "GET /api/v1/invoices/{id}/evidence": Decision(Way.ACTOR, Right.EXPORT_EVIDENCE),
        "POST /api/v1/invoices/{id}/retry": Decision(Way.ACTOR, Right.ACT_ON_INVOICES),
        "GET /api/v1/events": Decision(Way.ACTOR, Right.SEE_RECORD, everywhere=True),
        "GET /api/v1/inbox": Decision(Way.ACTOR, Right.SEE_INVOICES, everywhere=True),
        "GET /api/v1/inbox/{id}": Decision(Way.ACTOR, Right.SEE_INVOICES, everywhere=True),
        "GET /api/v1/sources": _SYSTEM,
        "GET /api/v1/channels": _SYSTEM,
        "GET /api/v1/mappings": _SYSTEM,
        "GET /api/v1/rules": _SYSTEM,
        "GET /api/v1/budgets": _SYSTEM,
        "GET /sign-in": _OPEN,
        "POST /sign-in": _OPEN,
        "POST /sign-out": _OPEN,
        "GET /static/{name}": _OPEN,
        "GET /": _SEE,
        "POST /changes/{change}/clear": Decision(Way.ACTOR, Right.DECIDE_CHANGES),
        "GET /invoices": _SEE,
        "GET /invoices/export.csv": _SEE,
        "POST /invoices/preview": _ACT,
        "POST /invoices/act": _ACT,
        "GET /invoices/{identifier}": _SEE,
        "GET /invoices/{identifier}/files/{name}": _SEE,
        "POST /invoices/{identifier}/retry": _ACT,
        "POST /invoices/{identifier}/route": _ACT,
        "POST /invoices/{identifier}/resolve": _ACT,
        "GET /inbox": _SEE_INBOX,
        "GET /inbox/{identifier}": _SEE_INBOX,
        "GET /inbox/{identifier}/files/{name}": _SEE_INBOX,
        "POST /inbox/{identifier}/take": _ACT_ON_INBOX,
        "POST /inbox/{identifier}/dismiss": _ACT_ON_INBOX,
        "POST /inbox/{identifier}/respond": _ACT_ON_INBOX,
        "GET /overview": Decision(Way.ACTOR, Right.SEE_FIGURES),
        "GET /record": Decision(Way.ACTOR, Right.SEE_RECORD, everywhere=True),
        "GET /system": Decision(Way.ACTOR, Right.SEE_SYSTEM),
    }
)

"""Who may call what: one decision for each route. A route without one answers nobody, and fails a test."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from gateway.access.rights import Right

__all__ = ["DECISIONS", "Decision", "Way", "is_for_programs"]

_FOR_PROGRAMS: Final = ("/api/", "/metrics")


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
    # A session that holds the right; for what is made for programs, an API token that does.
    ACTOR = "actor"
    # A session, whatever the person's roles: it is about nothing but their own account.
    PERSON = "person"


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision. `right` is needed for the way ACTOR: for some company where the route shows only what
    belongs to the caller's companies, for all of them where `everywhere`."""

    way: Way
    right: Right | None = None
    everywhere: bool = False


def is_for_programs(path: str) -> bool:
    """Whether API tokens open this route. Pages take people only: what a page does may be more than any one
    scope of a token says."""
    return path.startswith(_FOR_PROGRAMS)


_OPEN: Final = Decision(Way.OPEN)
_BUYER: Final = Decision(Way.LINK)
_SHARE: Final = Decision(Way.ACTOR, Right.SHARE_WITH_BUYERS)
_SOURCE: Final = Decision(Way.SOURCE)
_INVOICES: Final = Decision(Way.ACTOR, Right.SEE_INVOICES)
_SYSTEM: Final = Decision(Way.ACTOR, Right.SEE_SYSTEM)
_SEE: Final = Decision(Way.ACTOR, Right.SEE_INVOICES)
_OWN: Final = Decision(Way.PERSON)
_TOKENS: Final = Decision(Way.ACTOR, Right.MAKE_TOKENS)
_SEE_TOKENS: Final = Decision(Way.ACTOR, Right.SEE_TOKENS)
_SEE_PEOPLE: Final = Decision(Way.ACTOR, Right.SEE_PEOPLE, everywhere=True)
_SEE_WEBHOOKS: Final = Decision(Way.ACTOR, Right.SEE_WEBHOOKS, everywhere=True)
_PEOPLE: Final = Decision(Way.ACTOR, Right.MANAGE_PEOPLE, everywhere=True)
_SET_UP: Final = Decision(Way.ACTOR, Right.SET_UP, everywhere=True)
_ALARMS: Final = Decision(Way.ACTOR, Right.TAKE_ALARMS)
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
        "GET /api/v1/documents/{digest}": _INVOICES,
        "POST /api/v1/invoices/{id}/retry": Decision(Way.ACTOR, Right.ACT_ON_INVOICES),
        "GET /api/v1/invoices/{id}/links": _SHARE,
        "POST /api/v1/invoices/{id}/links": _SHARE,
        "DELETE /api/v1/invoices/{id}/links/{link}": _SHARE,
        "GET /api/v1/events": Decision(Way.ACTOR, Right.SEE_RECORD, everywhere=True),
        "GET /api/v1/inbox": Decision(Way.ACTOR, Right.SEE_INVOICES, everywhere=True),
        "GET /api/v1/inbox/{id}": Decision(Way.ACTOR, Right.SEE_INVOICES, everywhere=True),
        "GET /api/v1/sources": _SYSTEM,
        "GET /api/v1/channels": _SYSTEM,
        "GET /api/v1/mappings": _SYSTEM,
        "GET /api/v1/rules": _SYSTEM,
        # A tenant of an ERP may serve several companies, and its name tells who they are.
        "GET /api/v1/budgets": Decision(Way.ACTOR, Right.SEE_SYSTEM, everywhere=True),
        "GET /api/v1/alarms": _SYSTEM,
        "POST /api/v1/alarms/{id}/take": _ALARMS,
        "GET /api/v1/counts": _SYSTEM,
        "GET /api/v1/routes": _SYSTEM,
        "GET /api/v1/routes/try": _SYSTEM,
        "GET /api/v1/buyer-routes": _SYSTEM,
        "POST /api/v1/buyer-routes": Decision(Way.ACTOR, Right.PROPOSE_CHANGES),
        "GET /api/v1/buyer-routes/{id}": _SYSTEM,
        "POST /api/v1/buyer-routes/{id}/end": Decision(Way.ACTOR, Right.PROPOSE_CHANGES),
        "GET /api/v1/webhooks": _SEE_WEBHOOKS,
        "POST /api/v1/webhooks": _SET_UP,
        "GET /api/v1/webhooks/{id}": _SEE_WEBHOOKS,
        "DELETE /api/v1/webhooks/{id}": _SET_UP,
        "POST /api/v1/webhooks/{id}/secret": _SET_UP,
        "POST /api/v1/webhooks/{id}/test": _SET_UP,
        "POST /api/v1/webhooks/{id}/replay": _SET_UP,
        "GET /api/v1/webhooks/{id}/deliveries": _SEE_WEBHOOKS,
        "GET /alarms": _SYSTEM,
        "POST /alarms/{identifier}/take": _ALARMS,
        "GET /sign-in": _OPEN,
        "POST /sign-in": _OPEN,
        "POST /sign-out": _OPEN,
        "GET /sign-in/{provider}": _OPEN,
        "GET /sign-in/{provider}/return": _OPEN,
        "GET /account": _OWN,
        "POST /account/password": _OWN,
        "POST /account/language": _OWN,
        "POST /account/sessions/end": _OWN,
        "GET /account/second-factor": _OWN,
        "POST /account/second-factor": _OWN,
        "POST /account/second-factor/remove": _OWN,
        "GET /tokens": _SEE_TOKENS,
        "POST /tokens": _TOKENS,
        "POST /tokens/{token}/end": _TOKENS,
        "GET /api/v1/tokens": _SEE_TOKENS,
        "POST /api/v1/tokens": _TOKENS,
        "DELETE /api/v1/tokens/{id}": _TOKENS,
        "GET /people": _SEE_PEOPLE,
        "POST /people": _PEOPLE,
        "GET /people/{person}": _SEE_PEOPLE,
        "POST /people/{person}/roles": _PEOPLE,
        "POST /people/{person}/lock": _PEOPLE,
        "POST /people/{person}/unlock": _PEOPLE,
        "POST /people/{person}/end-sessions": _PEOPLE,
        "POST /people/{person}/end": _PEOPLE,
        "POST /people/{person}/password": _PEOPLE,
        "POST /people/{person}/second-factor": _PEOPLE,
        "GET /changes": Decision(Way.ACTOR, Right.SEE_CHANGES),
        "POST /changes/propose": Decision(Way.ACTOR, Right.PROPOSE_CHANGES),
        "POST /changes/{change}/decide": Decision(Way.ACTOR, Right.DECIDE_CHANGES),
        "GET /routes": _SYSTEM,
        "POST /routes/{identifier}/end": Decision(Way.ACTOR, Right.PROPOSE_CHANGES),
        "GET /sources/new": _SET_UP,
        "POST /sources/new": _SET_UP,
        "GET /static/{name}": _OPEN,
        "GET /": _SEE,
        "POST /changes/{change}/clear": Decision(Way.ACTOR, Right.DECIDE_CHANGES),
        "GET /invoices": _SEE,
        "GET /invoices/export.csv": _SEE,
        # A kept list is the person's own and changes nothing of an invoice.
        "POST /invoices/views": _SEE,
        "POST /invoices/views/{identifier}/remove": _SEE,
        "POST /invoices/preview": _ACT,
        "POST /invoices/act": _ACT,
        "GET /invoices/{identifier}": _SEE,
        "GET /invoices/{identifier}/files/{name}": _SEE,
        "POST /invoices/{identifier}/retry": _ACT,
        "GET /invoices/{identifier}/route": _SEE,
        "POST /invoices/{identifier}/route": _ACT,
        "POST /invoices/{identifier}/resolve": _ACT,
        "POST /invoices/{identifier}/links": _SHARE,
        "POST /invoices/{identifier}/links/{link}/revoke": _SHARE,
        "GET /p/{shown}": _BUYER,
        "POST /p/{shown}": _BUYER,
        "GET /p/{shown}/invoice": _BUYER,
        "GET /p/{shown}/files/{name}": _BUYER,
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

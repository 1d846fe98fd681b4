"""Roles and what each may do, and the actor of a request: a person or a token, company by company.

IT sets up and does not decide about money; finance decides and does not set up; compliance reads everything
and changes nothing. Nobody holds all rights.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

__all__ = ["ALL_COMPANIES", "RIGHTS", "Actor", "Right", "Role"]

ALL_COMPANIES: Final = "*"


class Right(StrEnum):
    """One thing that somebody may do. The words are those of API scopes and of refusals."""

    SEE_INVOICES = "invoices:read"
    # Retry, reroute, cancel, resolve, and everything else that decides what becomes of an invoice.
    ACT_ON_INVOICES = "invoices:act"
    PUSH_DOCUMENTS = "documents:push"
    SHARE_WITH_BUYERS = "portal:share"
    SEE_FIGURES = "figures:read"
    SEE_RECORD = "record:read"
    EXPORT_EVIDENCE = "record:export"
    SEE_SYSTEM = "system:read"
    # To say that one looks after an alarm, so that it is not told again.
    TAKE_ALARMS = "alarms:take"
    SET_UP = "system:write"
    # The programs that are told what happens, without what they are told with.
    SEE_WEBHOOKS = "webhooks:read"
    # Who may sign in, and with SEE_TOKENS everybody's tokens.
    SEE_PEOPLE = "people:read"
    MANAGE_PEOPLE = "people:write"
    # One's own tokens for programs, never what they show.
    SEE_TOKENS = "tokens:read"
    # Tokens for programs, with no more rights than their maker's.
    MAKE_TOKENS = "tokens:write"
    SEE_CHANGES = "changes:read"
    # To propose and to decide on changes that need four eyes: bank details, routes, mappings.
    PROPOSE_CHANGES = "changes:propose"
    DECIDE_CHANGES = "changes:decide"


class Role(StrEnum):
    """What a person is to one company."""

    ADMINISTRATOR = "administrator"
    FINANCE = "finance"
    COMPLIANCE = "compliance"
    VIEWER = "viewer"


RIGHTS: Final[Mapping[Role, frozenset[Right]]] = MappingProxyType(
    {
        Role.ADMINISTRATOR: frozenset(
            {
                Right.SEE_INVOICES,
                Right.SEE_FIGURES,
                Right.SEE_SYSTEM,
                Right.SET_UP,
                Right.TAKE_ALARMS,
                Right.SEE_WEBHOOKS,
                Right.SEE_PEOPLE,
                Right.MANAGE_PEOPLE,
                Right.SEE_TOKENS,
                Right.MAKE_TOKENS,
                Right.SEE_CHANGES,
                Right.PROPOSE_CHANGES,
                Right.DECIDE_CHANGES,
            }
        ),
        Role.FINANCE: frozenset(
            {
                Right.SEE_INVOICES,
                Right.ACT_ON_INVOICES,
                Right.SHARE_WITH_BUYERS,
                Right.TAKE_ALARMS,
                Right.SEE_FIGURES,
                Right.SEE_SYSTEM,
                Right.SEE_TOKENS,
                Right.MAKE_TOKENS,
                Right.SEE_CHANGES,
                Right.PROPOSE_CHANGES,
                Right.DECIDE_CHANGES,
            }
        ),
        Role.COMPLIANCE: frozenset(
            {
                Right.SEE_INVOICES,
                Right.SEE_FIGURES,
                Right.SEE_RECORD,
                Right.EXPORT_EVIDENCE,
                Right.SEE_SYSTEM,
                Right.SEE_WEBHOOKS,
                Right.SEE_PEOPLE,
                Right.SEE_TOKENS,
                Right.SEE_CHANGES,
            }
        ),
        Role.VIEWER: frozenset({Right.SEE_INVOICES, Right.SEE_FIGURES}),
    }
)


# Who may change these may read them, too: tokens name what they need most.
_WITH: Final[Mapping[Right, frozenset[Right]]] = MappingProxyType(
    {
        Right.SEE_WEBHOOKS: frozenset({Right.SET_UP}),
        Right.SEE_PEOPLE: frozenset({Right.MANAGE_PEOPLE}),
        Right.SEE_TOKENS: frozenset({Right.MAKE_TOKENS}),
        Right.SEE_CHANGES: frozenset({Right.PROPOSE_CHANGES, Right.DECIDE_CHANGES}),
    }
)


def _holds(rights: frozenset[Right], right: Right) -> bool:
    return right in rights or not rights.isdisjoint(_WITH.get(right, frozenset()))


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks: `id` and `name` go into the journal. `grants` maps each company, or ALL_COMPANIES, to the
    rights there."""

    id: str
    name: str
    grants: Mapping[str, frozenset[Right]]

    def may(self, right: Right, company: str | None = None) -> bool:
        """Whether the right is held for this company; without one, for all companies there are.

        What belongs to no company (the record as a whole, the set-up, the people) is asked without one.
        """
        if _holds(self.grants.get(ALL_COMPANIES, frozenset()), right):
            return True
        return company is not None and _holds(self.grants.get(company, frozenset()), right)

    def may_somewhere(self, right: Right) -> bool:
        """Whether the right is held for at least one company."""
        return any(_holds(rights, right) for rights in self.grants.values())

    def companies(self, right: Right, known: frozenset[str]) -> frozenset[str]:
        """The companies, of those there are, for which the right is held."""
        return frozenset(company for company in known if self.may(right, company))

    @property
    def label(self) -> str:
        """How the journal names the actor."""
        return f"{self.name} ({self.id})"[:100]

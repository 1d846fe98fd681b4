"""Which e-invoice a buyer gets by law or by custom: the table of mandates, what the operator says about it,
and what of it holds for one invoice.

The facts and their sources stand in mandates.yaml beside this file; `config/mandates.yaml` adds to it. A row
that is not confirmed from the law, or that binds only some sellers, stops nothing until the operator applies
it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

from formats.model import Invoice
from formats.registry import PROFILES
from gateway import config_file

__all__ = [
    "NETWORKS",
    "BuyerKind",
    "Held",
    "Mandate",
    "OwnMandates",
    "held",
    "networks_of",
    "table",
    "why_not",
]

TABLE: Final = Path(__file__).with_name("mandates.yaml")
_ALTERNATIVES: Final = re.compile(r"\s+or\s+")
_TERM: Final = r"[A-Z]{2}-[A-Z]?\d+(-\d+)?"
_Id = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{1,59}$")]
_Country = Annotated[str, StringConstraints(pattern=r"^([A-Z]{2}|\*)$")]
_Network = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{2,30}$")]
_Needed = Annotated[str, StringConstraints(pattern=rf"^{_TERM}( or {_TERM})*$")]
_Said = Annotated[str, StringConstraints(min_length=1, max_length=1000)]

#: What networks are called in the table and in routing.yaml.
NETWORKS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "peppol": "the Peppol network",
        "email": "e-mail",
        "sdi": "the Sistema di Interscambio",
        "face": "FACe",
        "ksef": "KSeF",
        "anaf": "RO e-Factura",
        "pa": "an approved platform (PA)",
        "chorus-pro": "Chorus Pro",
        "eracun": "the Croatian eRačun network",
        "nemhandel": "NemHandel",
        "digipoort": "Digipoort",
        "fatoora": "Fatoora",
    }
)
# What a kind of channel reaches by itself. A provider takes documents for any network unless its route says
# otherwise.
_REACHED: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {"peppol": frozenset({"peppol"}), "email": frozenset({"email"})}
)


class BuyerKind(StrEnum):
    """What mandates tell buyers apart by."""

    BUSINESS = "business"
    PUBLIC = "public"
    CONSUMER = "consumer"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Mandate(_Part):
    """One row: a duty (`must`) or a custom (`may`), for invoices between these countries to these kinds of
    buyers.

    `since` and `until` are the first and last day, inclusive, of the date named by `decided_by`. An empty
    `networks` means any way; `needs` are business terms, alternatives joined by "or".
    """

    id: _Id = Field(description="small letters, digits and hyphens, for example be-business")
    seller: tuple[_Country, ...] = Field(min_length=1, description='countries, ISO 3166-1, or ["*"]')
    buyer: tuple[_Country, ...] = Field(min_length=1, description='countries, ISO 3166-1, or ["*"]')
    kinds: tuple[BuyerKind, ...] = Field(min_length=1, description="business, public, consumer")
    since: date = Field(description="the first day, as 2026-01-01")
    until: date | None = Field(None, description="the last day, as 2027-12-31; left out for no end")
    decided_by: Literal["issue", "delivery", "later"] = Field(
        "issue", description="issue, delivery, or later: the later of the two"
    )
    demand: Literal["must", "may"] = Field(description="must or may")
    profiles: tuple[str, ...] = Field(min_length=1, description="profiles that satisfy it, usual one first")
    networks: tuple[_Network, ...] = Field((), description=f"any of {', '.join(NETWORKS)}; empty for any way")
    needs: tuple[_Needed, ...] = Field((), description='business terms, as [BT-49, "BT-10 or BT-13"]')
    law: _Said = Field(description="the law, or where the custom comes from")
    source: _Said = Field(description="where it can be read")
    note: str = Field("", max_length=1000, description="what else a person should know")
    only_if: str = Field("", max_length=300, description="which sellers it binds, in words; empty for all")
    unverified: bool = Field(False, description="true where the law itself was not read")

    @field_validator("profiles")
    @classmethod
    def _known_profiles(cls, profiles: tuple[str, ...]) -> tuple[str, ...]:
        for key in profiles:
            if key not in PROFILES:
                raise ValueError(f"{key[:60]!r} is no profile; use some of {', '.join(PROFILES)}")
        return profiles

    @field_validator("networks")
    @classmethod
    def _known_networks(cls, networks: tuple[str, ...]) -> tuple[str, ...]:
        for name in networks:
            if name not in NETWORKS:
                raise ValueError(f"{name!r} is no network; use some of {', '.join(NETWORKS)}")
        return networks

    @model_validator(mode="after")
    def _in_order(self) -> Mandate:
        if self.until is not None and self.until < self.since:
            raise ValueError("until lies before since")
        return self

    @property
    def binds_all(self) -> bool:
        """Whether it counts without the operator having applied it."""
        return not (self.only_if or self.unverified)

    @property
    def sentence(self) -> str:
        """Since when which law demands, or expects, what."""
        verb = "demands" if self.demand == "must" else "expects"
        over = f" over {self._ways}" if self.networks else ""
        until = f" until {self.until:%-d %B %Y}" if self.until else ""
        return f"{self.law} {verb} {self._listed}{over} since {self.since:%-d %B %Y}{until}"

    @property
    def wanted(self) -> str:
        """Profiles and networks in words."""
        return f"{self._listed}, sent over {self._ways}" if self.networks else self._listed

    @property
    def _listed(self) -> str:
        profiles = " or ".join(self.profiles[:3])
        return f"{profiles} and others" if len(self.profiles) > 3 else profiles

    @property
    def _ways(self) -> str:
        return " or ".join(NETWORKS[name] for name in self.networks)

    def concerns(self, seller: str, buyer: str, kind: BuyerKind) -> bool:
        """Whether it is about invoices between these countries (ISO 3166-1) to such buyers."""
        return (
            kind in self.kinds
            and any(country in ("*", seller) for country in self.seller)
            and any(country in ("*", buyer) for country in self.buyer)
        )

    def holds_on(self, day: date) -> bool:
        """Whether it is in force on a day."""
        return self.since <= day and (self.until is None or day <= self.until)

    def day_of(self, invoice: Invoice) -> date | None:
        """The date of this invoice that decides; None where it has none."""
        if self.decided_by == "issue":
            return invoice.issue_date
        delivered = invoice.delivery.delivered_on if invoice.delivery else None
        day = delivered or (invoice.period.end if invoice.period else None) or invoice.issue_date
        if self.decided_by == "later" and day is not None and invoice.issue_date is not None:
            return max(day, invoice.issue_date)
        return day

    def missing(self, present: frozenset[str]) -> tuple[str, ...]:
        """What it needs and an invoice with these terms does not have."""
        return tuple(need for need in self.needs if not present.intersection(_ALTERNATIVES.split(need)))

    def refuses(self, profile: str, networks: frozenset[str] | None) -> str:
        """Why a way that writes this profile and reaches these networks (None: any) does not satisfy it; ""
        where it does."""
        if profile not in self.profiles:
            return f"{profile} is not what it asks for ({self.wanted})"
        if self.networks and networks is not None and not networks.intersection(self.networks):
            return f"it does not go over {self._ways}"
        return ""


class OwnMandates(_Part):
    """What config/mandates.yaml says: rows of the operator's own (an id of the table replaces that row), rows
    that apply to this installation or are set aside with a reason, and the kind of single buyers by one of
    their identifiers."""

    rows: tuple[Mandate, ...] = Field((), description="rows like those of gateway routing show --json")
    apply: tuple[_Id, ...] = Field((), description="ids of rows that bind your companies")
    set_aside: dict[_Id, _Said] = Field(default_factory=dict, description="id: the reason")
    buyers: dict[_Said, BuyerKind] = Field(
        default_factory=dict, description="identifier: business, public or consumer"
    )


@dataclass(frozen=True, slots=True)
class Held:
    """What the table says of one invoice: duties that bind it, what is usual, and rows that do not count,
    each with the reason."""

    must: tuple[Mandate, ...]
    may: tuple[Mandate, ...]
    left_out: tuple[tuple[Mandate, str], ...]


@cache
def _packaged() -> tuple[Mandate, ...]:
    return config_file.validated(OwnMandates, config_file.load(TABLE), TABLE).rows


def table(own: OwnMandates) -> tuple[Mandate, ...]:
    """The packaged rows with the operator's own in their places, and his further ones behind them."""
    mine = {row.id: row for row in own.rows}
    packaged = tuple(mine.pop(row.id, row) for row in _packaged())
    return packaged + tuple(mine.values())


def held(own: OwnMandates, invoice: Invoice, seller: str, buyer: str, kind: BuyerKind) -> Held:
    """The rows in force for an invoice between these countries, on the dates of the invoice itself; without a
    date none is."""
    must, may, left_out = [], [], []
    for row in table(own):
        day = row.day_of(invoice)
        if day is None or not row.concerns(seller, buyer, kind) or not row.holds_on(day):
            continue
        if row.demand == "may":
            may.append(row)
        elif why := why_not(own, row):
            left_out.append((row, why))
        else:
            must.append(row)
    return Held(tuple(must), tuple(may), tuple(left_out))


def why_not(own: OwnMandates, row: Mandate) -> str:
    """Why a duty does not count here; "" where it does."""
    if row.id in own.set_aside:
        return f"set aside: {own.set_aside[row.id]}"
    if row.binds_all or row.id in own.apply:
        return ""
    return f"counts if {row.only_if}" if row.only_if else "not verified"


def networks_of(kind: str, told: Iterable[str]) -> frozenset[str] | None:
    """What a channel of this kind reaches; `told` is what its route says. None: any network."""
    said = frozenset(told)
    return said or _REACHED.get(kind)

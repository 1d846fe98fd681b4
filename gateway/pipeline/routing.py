"""Routing: which ways lead to a buyer, in the order in which they are tried, and why.

routing.yaml says which channels serve whom; the table of mandates (`gateway.mandates`) says what is demanded.
A way that a mandate forbids is passed over, unless its route says why it is taken all the same. A route that
people gave to one buyer comes first (`gateway.pipeline.own_routes` finds it).
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from sqlalchemy import Connection

from formats.errors import RouteError
from formats.model import Invoice
from formats.model.party import Address
from gateway.buyer_kinds import KnownKind, kind_of_buyer
from gateway.mandates import Held, Mandate, held, networks_of
from gateway.settings import Route, Settings
from gateway.store import journal
from gateway.store.buyer_routes import BuyerRoute
from gateway.store.submissions import Submission
from mappings.as_is import AsIs
from mappings.engine import CompiledMapping

__all__ = [
    "Decision",
    "MandateNotMet",
    "NoRoute",
    "Way",
    "choose",
    "chosen_way",
    "decide",
    "present_terms",
    "taken",
    "ways",
]


class NoRoute(RouteError):
    """The invoice holds no address that any route could use."""


class MandateNotMet(NoRoute):
    """A law demands what no route or not this invoice can give."""


@dataclass(frozen=True, slots=True)
class Way:
    """One route, and what speaks against it: `unfit` where it is not for this invoice, `against` where it
    does not do what `law` demands; both in words, "" for nothing. `own` is what people decided for this
    buyer, where that is why it comes first."""

    route: Route
    unfit: str
    law: Mandate | None = None
    against: str = ""
    own: BuyerRoute | None = None

    @property
    def refused(self) -> str:
        """Which mandate forbids it, and why, in words; "" where none does."""
        return f"{self.law.sentence} ({self.law.id}), and {self.against}" if self.law is not None else ""

    @property
    def is_open(self) -> bool:
        return not self.unfit and (not self.refused or bool(self.despite))

    @property
    def despite(self) -> str:
        """Why it may be taken where a mandate demands another; "" where it may not."""
        return (self.own.despite_mandate if self.own is not None else "") or self.route.despite_mandate


@dataclass(frozen=True, slots=True)
class Decision:
    """Everything that decides how an invoice goes: its countries (ISO 3166-1, "" where it names none), the
    kind of buyer, the mandates, the ways in the order of routing.yaml behind the buyer's own, and what
    mandates miss in it. `own` is what people decided for this buyer, whether its route is taken or not."""

    seller: str
    buyer: str
    kind: KnownKind
    held: Held
    ways: tuple[Way, ...]
    missing: tuple[tuple[Mandate, str], ...]
    own: BuyerRoute | None = None

    @property
    def open(self) -> tuple[Route, ...]:
        """The routes that may be taken, first choice first."""
        return tuple(way.route for way in self.ways if way.is_open)

    @property
    def forbidden(self) -> tuple[Way, ...]:
        """Ways that would fit but for a mandate."""
        return tuple(way for way in self.ways if not way.unfit and not way.is_open)

    def because(self, route: Route) -> str:
        """Why this route, in one sentence for people."""
        told = [self._own(route)] if self.own is not None else []
        told += [f"the buyer is {_A[self.kind.kind]}: {self.kind.because}"]
        told += [mandate.sentence for mandate in self.held.must]
        if not self.held.must:
            told += [f"no duty; {mandate.sentence}" for mandate in self.held.may[:1]]
        way = next((way for way in self.ways if way.route == route), None)
        if way is not None and way.refused:
            told.append(f"{way.against}, and it is taken all the same: {way.despite}")
        before = [w for w in self.ways[: self.ways.index(way)] if w.refused and not w.is_open] if way else []
        # The laws were named above.
        told += [f"{passed.route.name} is passed over: {passed.against}" for passed in before]
        return "; ".join(told)

    def told(self, route: Route) -> Mapping[str, object]:
        """What the journal keeps of the choice."""
        way = next((way for way in self.ways if way.route == route), None)
        return {
            "buyer kind": str(self.kind.kind),
            "mandates": [mandate.id for mandate in self.held.must],
            "because": self.because(route),
            **({"despite mandate": way.despite} if way is not None and way.refused else {}),
            **({"own route": self.own.id} if self.own is not None else {}),
        }

    def _own(self, route: Route) -> str:
        """What people decided for this buyer, and why it is not taken where it is not."""
        own = self.own
        assert own is not None  # noqa: S101  # asked only where there is one
        who = f"{own.made_name}, {own.made_at:%-d %B %Y}"
        if (way := next((way for way in self.ways if way.own is not None), None)) is None:
            return (
                f"{own.route} was chosen for this buyer ({who}), but routing.yaml has no such route any more"
            )
        if way.route == route:
            return f"{own.route} was chosen for this buyer ({who}): {own.reason}"
        why = way.unfit or ("" if way.is_open else way.refused) or "it did not reach the buyer"
        return f"{own.route} was chosen for this buyer ({who}), but is not taken: {why}"


_A = {"business": "a business", "public": "a public body", "consumer": "a consumer"}


def decide(
    settings: Settings,
    invoice: Invoice,
    source: str,
    own: BuyerRoute | None = None,
    *,
    kind: KnownKind | None = None,
) -> Decision:
    """How this invoice may go. The dates of the invoice decide which mandates are in force.

    `own` puts its route first and sets aside that route's countries and kinds of buyers, but not the terms it
    needs, its sources, nor any mandate. `kind` is that of the buyer where somebody says it.
    """
    present = present_terms(invoice)
    seller = _country(invoice.seller.address if invoice.seller else None)
    buyer = _country(invoice.buyer.address if invoice.buyer else None)
    kind = kind or kind_of_buyer(invoice, settings.mandates.buyers)
    found = held(settings.mandates, invoice, seller, buyer, kind.kind)
    missing = tuple((row, need) for row in found.must for need in row.missing(present))
    kinds = {channel.name: channel.kind for channel in settings.channels}
    first = next((route for route in settings.routes if own is not None and route.name == own.route), None)
    judged = []
    for route in sorted(settings.routes, key=lambda route: route is not first):
        unfit = _unfit(route, source, buyer, kind, present, chosen=route is first)
        law, against = _refused(route, kinds.get(route.channel, ""), found.must, missing)
        judged.append(Way(route, unfit, law, against, own if route is first else None))
    return Decision(seller, buyer, kind, found, tuple(judged), missing, own)


def ways(
    settings: Settings, invoice: Invoice, source: str, own: BuyerRoute | None = None
) -> tuple[Route, ...]:
    """The routes that fit this invoice and its mandates, first choice first."""
    return decide(settings, invoice, source, own).open


def choose(
    settings: Settings,
    invoice: Invoice,
    submission: Submission,
    mapping: CompiledMapping | AsIs,
    own: BuyerRoute | None = None,
) -> Route:
    """The route whose turn it is: the first, or the next one after a channel could not reach the buyer.

    Raises RouteError naming the ERP fields that would open a way, MandateNotMet naming the law.
    """
    decision = decide(settings, invoice, submission.source, own)
    fitting = decision.open
    if submission.route < len(fitting):
        return fitting[submission.route]
    buyer = (invoice.buyer.name if invoice.buyer else None) or "the buyer"
    where = f"{submission.source}, {submission.source_key}"
    wanted = dict.fromkeys(term for route in settings.routes for term in route.needs)
    present = present_terms(invoice)
    missing = [_label(mapping, term) for term in wanted if term not in present]
    if fitting:
        raise RouteError(
            f"{buyer} could not be reached: {submission.sentence or 'every way was tried'}"
            + _forbidden(decision),
            where=where,
            fix="ask the buyer for a valid address and enter it in the ERP"
            + (f": {', '.join(missing)}" if missing else ""),
        )
    if decision.held.must:
        raise _not_met(decision, buyer, where, mapping)
    raise NoRoute(
        f"{buyer} has no address that an e-invoice can go to",
        where=where,
        fix=f"fill one of these in the ERP: {', '.join(missing)}"
        if missing
        else "add a route in routing.yaml",
    )


def chosen_way(connection: Connection, submission: Submission) -> Mapping[str, Any]:
    """What the journal says of the last choice for this submission: route, channel, profile and, since
    mandates are known, "buyer kind", "mandates" and "because"; empty before there was one."""
    last = deque(journal.entries(connection, submission=submission.id, event="checked"), maxlen=1)
    return json.loads(last[0].data) if last else {}


def taken(connection: Connection, settings: Settings, submission: Submission) -> Route | None:
    """The route that was chosen last for this submission; None where the configuration has it no more."""
    known = [
        route
        for route in settings.routes
        if (route.channel, route.profile) == (submission.channel, submission.profile)
    ]
    if len(known) > 1:
        name = chosen_way(connection, submission).get("route")
        known = [route for route in known if route.name == name] or known
    return known[0] if known else None


def _forbidden(decision: Decision) -> str:
    """What mandates say against the ways that are left; each law is named once."""
    named: set[str] = set()
    told: list[str] = []
    for way in decision.forbidden:
        law = way.law.id if way.law is not None else ""
        if law in named:
            told.append(f"; {way.route.name} may not be used either, for {way.against}")
        else:
            told.append(f"; {way.route.name} may not be used, for {way.refused}")
        named.add(law)
    return "".join(told)


def _not_met(decision: Decision, buyer: str, where: str, mapping: CompiledMapping | AsIs) -> MandateNotMet:
    """What is demanded, since when, and the first thing to mend."""
    law = decision.held.must[0]
    lacking = dict.fromkeys(_label(mapping, need) for _, need in decision.missing)
    if lacking:
        fix = f"fill this in the ERP: {', '.join(lacking)}"
    else:
        serving = [
            way for way in decision.ways if not way.refused and way.unfit
        ]  # the right way, were it for this buyer
        fix = (
            f"the route {serving[0].route.name} would do, but {serving[0].unfit}"
            if serving
            else f"add a route to routing.yaml that writes {law.wanted}"
        )
    why = "the invoice lacks " + ", ".join(lacking) if lacking else "no route does that"
    return MandateNotMet(
        f"{buyer} cannot be invoiced in this way: {law.sentence}, and {why}",
        where=where,
        fix=f"{fix}; or write despite_mandate with the reason at a route ({law.id}, gateway routing show)",
    )


def _unfit(
    route: Route, source: str, country: str, kind: KnownKind, present: frozenset[str], *, chosen: bool
) -> str:
    """`chosen`: people gave it to this buyer, so what it says of buyers in general does not count."""
    if route.sources and source not in route.sources:
        return f"it is not for {source}"
    if not chosen and route.countries and country not in route.countries:
        return f"it is not for buyers in {country or 'an unknown country'}"
    if not chosen and route.buyers and kind.kind not in route.buyers:
        return f"it is not for {_A[kind.kind]}"
    lacking = [term for term in route.needs if term not in present]
    return f"the invoice has no {', no '.join(lacking)}" if lacking else ""


def _refused(
    route: Route, channel_kind: str, must: tuple[Mandate, ...], missing: tuple[tuple[Mandate, str], ...]
) -> tuple[Mandate | None, str]:
    networks = networks_of(channel_kind, route.networks)
    for mandate in must:
        if against := mandate.refuses(route.profile, networks):
            return mandate, against
    if missing:
        mandate, need = missing[0]
        return mandate, f"the invoice has no {need}"
    return None, ""


def _label(mapping: CompiledMapping | AsIs, need: str) -> str:
    """The ERP field of a term, or of alternatives."""
    return " / ".join((mapping.labels(term) or (term,))[0] for term in need.split(" or "))


def _country(address: Address | None) -> str:
    return (address.country or "") if address is not None else ""


def present_terms(invoice: Invoice) -> frozenset[str]:
    """All business terms that have a value anywhere in the invoice."""
    found: set[str] = set()
    _walk(invoice, "", found)
    return frozenset(found)


def _walk(value: object, within: str, found: set[str]) -> None:
    if not is_dataclass(value) or isinstance(value, type):
        return
    for spec in fields(value):
        name = spec.metadata.get("term") or spec.metadata.get("group")
        if name is None:
            continue
        name = name if isinstance(name, str) else name.get(within, "")
        inner = getattr(value, spec.name)
        items = inner if isinstance(inner, tuple) else (inner,)
        for item in items:
            if item is not None:
                found.add(name)
                _walk(item, name, found)

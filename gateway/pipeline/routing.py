"""Routing: which ways lead to a buyer, in the order in which they are tried."""

from __future__ import annotations

from dataclasses import fields, is_dataclass

from formats.errors import RouteError
from formats.model import Invoice
from gateway.settings import Route, Settings
from gateway.store.submissions import Submission
from mappings.as_is import AsIs
from mappings.engine import CompiledMapping

__all__ = ["NoRoute", "choose", "present_terms", "ways"]


class NoRoute(RouteError):
    """The invoice holds no address that any route could use."""


def ways(settings: Settings, invoice: Invoice, source: str) -> tuple[Route, ...]:
    """The routes that fit this invoice, first choice first."""
    present = present_terms(invoice)
    country = invoice.buyer.address.country if invoice.buyer and invoice.buyer.address else None
    return tuple(
        route
        for route in settings.routes
        if (not route.sources or source in route.sources)
        and (not route.countries or country in route.countries)
        and all(term in present for term in route.needs)
    )


def choose(
    settings: Settings, invoice: Invoice, submission: Submission, mapping: CompiledMapping | AsIs
) -> Route:
    """The route whose turn it is: the first, or the next one after a channel could not reach the buyer.

    Raises RouteError naming the ERP fields that would open a way.
    """
    fitting = ways(settings, invoice, submission.source)
    if submission.route < len(fitting):
        return fitting[submission.route]
    buyer = (invoice.buyer.name if invoice.buyer else None) or "the buyer"
    wanted = dict.fromkeys(term for route in settings.routes for term in route.needs)
    present = present_terms(invoice)
    missing = [
        mapping.labels(term)[0] if mapping.labels(term) else term for term in wanted if term not in present
    ]
    if fitting:
        raise RouteError(
            f"{buyer} could not be reached: {submission.sentence or 'every way was tried'}",
            where=f"{submission.source}, {submission.source_key}",
            fix="ask the buyer for a valid address and enter it in the ERP"
            + (f": {' or '.join(missing)}" if missing else ""),
        )
    raise NoRoute(
        f"{buyer} has no address that an e-invoice can go to",
        where=f"{submission.source}, {submission.source_key}",
        fix=f"fill one of these in the ERP: {' or '.join(missing)}"
        if missing
        else "add a route in routing.yaml",
    )


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

"""What an invoice says for a business term, wherever in the model it stands."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from formats.model.invoice import Invoice
from formats.model.terms import CATALOGUE, TermField

__all__ = ["values_of"]


def values_of(invoice: Invoice, term: str, line: int | None = None) -> tuple[Any, ...]:
    """The values of a term in document order; () where it is not filled.

    `line` is the position of one invoice line (from 0): of terms in lines only its values count. Of a group
    they are the model's values of it. Raises KeyError for a term that there is not.
    """
    return tuple(_below(invoice, (*_way_to(term), CATALOGUE[term]), line))


def _way_to(term: str) -> tuple[TermField, ...]:
    within = CATALOGUE[term].within
    return (*_way_to(within), CATALOGUE[within]) if within else ()


def _below(value: Any, way: tuple[TermField, ...], line: int | None) -> Iterator[Any]:
    step, rest = way[0], way[1:]
    found = getattr(value, step.attribute)
    every = found if isinstance(found, tuple) else (found,)
    if step.name == "BG-25" and line is not None:
        every = every[line : line + 1]
    for one in every:
        if one is None:
            continue
        if rest:
            yield from _below(one, rest, line)
        else:
            yield one

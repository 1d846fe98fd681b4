"""What a readable invoice costs: PDF, HTML page, and the PDF that carries its XML, by number of pages.

One process with a warm compiler; every round has an invoice number of its own, so that nothing of the round
before helps but fonts and template. By the wall clock: the fastest round, the median, and what 95 of 100 stay
below; `processor` is the same of processor time in all threads, which a busy machine stretches less. `load`
is that of the machine, before and after.
"""

from __future__ import annotations

import io
import itertools
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final

import pypdf

from formats.model import Invoice
from formats.model.totals import calculate
from formats.registry import PROFILES, SYNTAXES
from formats.render.hybrid import render_hybrid
from formats.render.page import render_page
from formats.render.pdf import render_pdf
from tests.strategies import sample_invoice

# Lines, for about 1, 2, 10 and 100 pages, and rounds.
_SIZES: Final = ((3, 30), (20, 30), (165, 10), (1_950, 3))
_PROFILE: Final = PROFILES["facturx-en16931"]


def run() -> list[dict[str, Any]]:
    """One row for each size."""
    return [_measure(_invoice(lines), rounds) for lines, rounds in _SIZES]


def _invoice(lines: int) -> Invoice:
    invoice = sample_invoice()
    assert invoice.totals is not None
    repeated = itertools.islice(itertools.cycle(invoice.lines), lines)
    numbered = tuple(
        replace(line, identifier=str(number), net_amount=(line.net_amount or Decimal(0)) + number)
        for number, line in enumerate(repeated, 1)
    )
    return calculate(replace(invoice, lines=numbered))


def _measure(invoice: Invoice, rounds: int) -> dict[str, Any]:
    numbers = itertools.count()
    document = SYNTAXES[_PROFILE.syntax].write(_PROFILE.prepare(invoice))

    def next_one() -> Invoice:
        return replace(invoice, number=f"B-{next(numbers)}")

    first, before = render_pdf(invoice), os.getloadavg()[0]
    found = {
        "pdf_ms": _times(rounds, lambda: render_pdf(next_one())),
        "page_ms": _times(rounds, lambda: render_page(next_one())),
        "hybrid_ms": _times(rounds, lambda: render_hybrid(next_one(), document, _PROFILE)),
    }
    return {
        "benchmark": "rendering",
        "pages": len(pypdf.PdfReader(io.BytesIO(first)).pages),
        "lines": len(invoice.lines),
        "kilobytes": round(len(first) / 1024),
        "load": [round(before, 1), round(os.getloadavg()[0], 1)],
        **found,
    }


def _times(rounds: int, work: Callable[[], object]) -> dict[str, float]:
    spent: list[float] = []
    computed: list[float] = []
    for _ in range(rounds):
        started, started_cpu = time.perf_counter(), time.process_time()
        work()
        spent.append((time.perf_counter() - started) * 1000)
        computed.append((time.process_time() - started_cpu) * 1000)
    return {**_spread(spent, ""), **_spread(computed, "processor_")}


def _spread(times: list[float], kind: str) -> dict[str, float]:
    ordered = sorted(times)
    late = ordered[min(len(ordered) - 1, round(len(ordered) * 0.95))]
    return {
        f"{kind}least": round(ordered[0], 1),
        f"{kind}median": round(statistics.median(ordered), 1),
        f"{kind}p95": round(late, 1),
    }

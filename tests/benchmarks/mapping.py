"""What an invoice costs from the ERP's bytes to the canonical invoice, by mapping, for invoices of ten lines.

The document is an example of tests/data/mappings whose lines are repeated; parsing and mapping are timed
apart, as medians in one process. `share of mapping` is that of the mapping in bytes to checked e-invoice.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from formats.registry import PROFILES, SYNTAXES
from gateway.mapping_examples import Case
from gateway.rules.engine import RulesEngine
from gateway.rules.store import RuleShelf, rule_folders
from mappings.engine import CompiledMapping
from mappings.registry import load
from mappings.source import READERS
from tests.golden import MAPPING_EXAMPLES

LINES: Final = 10
_ROUNDS: Final = 40
# Where the lines are in each mapping's document, and an example that has more than the least to say.
_MEASURED: Final[Mapping[str, tuple[str, str]]] = {
    "sap_invoic02": ("E1EDP01", "allowances-and-charges"),
    "sap_billing_document": ("billing.to_Item", "discount-and-charge"),
    "exact_online": ("invoice.SalesInvoiceLines.results", "allowances-and-charges"),
    "netsuite": ("line", "discount-and-markup-with-shipping"),
    "netsuite_rest": ("lines", "discount-and-markup-with-shipping"),
    "odoo": ("lines", "line-discount"),
    "tryton": ("invoice.lines", "two-vat-rates"),
    "csv_invoice": ("rows", "discount"),
    "json_invoice": ("lines", "discount"),
}


def run() -> list[dict[str, Any]]:
    """One row for each mapping."""
    return [
        _measure(load(name), Case(name, MAPPING_EXAMPLES / name / example), at)
        for name, (at, example) in _MEASURED.items()
    ]


def _measure(mapping: CompiledMapping, case: Case, at: str) -> dict[str, Any]:
    content, company = case.source(), case.company()
    document = READERS[mapping.reads](content, 0)
    rows = _lines_of(document, at)
    rows[:] = [rows[index % len(rows)] for index in range(LINES)]
    invoice = mapping.map_plain(document, company).invoice
    profile = PROFILES["peppol-bis-3"]
    engine = RulesEngine(RuleShelf(rule_folders(None)))
    engine.warm()
    written = SYNTAXES[profile.syntax].write(profile.prepare(invoice))
    engine.check(written, profile)
    parse = _median(lambda: READERS[mapping.reads](content, 0))
    mapped = _median(lambda: mapping.map_plain(document, company))
    rest = _median(lambda: engine.check(SYNTAXES[profile.syntax].write(profile.prepare(invoice)), profile))
    engine.close()
    return {
        "benchmark": "mapping",
        "mapping": mapping.name,
        "lines": len(invoice.lines),
        "parse_ms": round(parse, 2),
        "map_ms": round(mapped, 2),
        "write_and_check_ms": round(rest, 2),
        "invoices_per_second": round(1000 / (parse + mapped), 1),
        "share_of_mapping": f"{mapped / (parse + mapped + rest):.0%}",
    }


def _lines_of(document: Any, at: str) -> list[Any]:
    for part in at.split("."):
        document = document[part]
    assert isinstance(document, list)
    return document


def _median(work: Callable[[], object]) -> float:
    """Milliseconds."""
    spent = []
    for _ in range(_ROUNDS):
        started = time.perf_counter()
        work()
        spent.append(time.perf_counter() - started)
    return statistics.median(spent) * 1000

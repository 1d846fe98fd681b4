"""Every example of our own mappings gives exactly the invoice that lies beside it, as terms and as UBL."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from formats.model.plain import from_plain
from formats.syntaxes import ubl
from gateway.mapping_examples import Case, accept, cases, judge, mappings_in
from mappings.registry import MAPPINGS, load
from tests.golden import MAPPING_EXAMPLES
from tests.mappings.special_cases import absent_from_examples

# What an ERP's interface, or the table of small senders, does not tell or cannot have.
LACKS: Mapping[str, set[str]] = {
    "csv_invoice": {"BG-20", "BG-21", "BG-28", "BT-125"},
    "netsuite_rest": {"BT-125"},
    "odoo": {
        *("BG-28", "BT-113", "BT-125", "BT-149 of 100"),
        *("a buyer with neither", "cash discount terms"),
    },
    "sap_billing_document": {"BG-20", "BG-21"},
    "tryton": {
        *("BG-20", "BG-21", "BG-27", "BG-28", "BT-113", "BT-125", "BT-149 of 100"),
        "a buyer with neither",
    },
}
ALL = [case for name in mappings_in(MAPPING_EXAMPLES) for case in cases(MAPPING_EXAMPLES, name)]


@pytest.mark.parametrize("case", ALL, ids=lambda case: f"{case.mapping}/{case.name}")
def test_an_example_gives_what_lies_beside_it(case: Case) -> None:
    verdict = judge(case, load(case.mapping))
    assert verdict.passed, (verdict.problem, verdict.changes)


@pytest.mark.parametrize("mapping", sorted({case.mapping for case in ALL}))
def test_a_mapping_has_examples_and_each_folder_is_one(mapping: str) -> None:
    assert len([case for case in ALL if case.mapping == mapping]) >= 5


@pytest.mark.parametrize("mapping", MAPPINGS)
def test_the_special_cases_of_invoicing_are_among_the_examples(mapping: str) -> None:
    documents = {
        file.parent.name: file.read_bytes() for file in (MAPPING_EXAMPLES / mapping).glob("*/invoice.xml")
    }
    assert absent_from_examples(documents) == LACKS.get(mapping, set())


@pytest.mark.parametrize("mapping", MAPPINGS)
def test_an_amount_with_a_third_decimal_is_refused_by_every_mapping(mapping: str) -> None:
    problems = [file.read_text("utf-8") for file in (MAPPING_EXAMPLES / mapping).glob("*/problem.txt")]
    assert any("needs a third decimal, and an e-invoice has room for two" in problem for problem in problems)


def test_an_example_fails_for_each_thing_that_differs(tmp_path: Path) -> None:
    """A changed term, a changed UBL, a missing expectation and a refusal are told apart."""
    case = Case("acme", tmp_path)
    (tmp_path / "source.json").write_text('{"number": "7", "date": "2026-11-02"}', "utf-8")
    mapping = load(
        "acme",
        {
            "acme.yaml": "mapping: acme\nversion: '1'\ndocument: Acme\nreads: json\n"
            "terms:\n  BT-1: {from: doc.number, required: true}\n  BT-2: {from: doc.date, using: iso_date}\n"
        },
    )
    assert "accept" in judge(case, mapping).problem
    accept(case, mapping)
    assert judge(case, mapping).passed
    (tmp_path / "source.json").write_text('{"number": "8", "date": "2026-11-02"}', "utf-8")
    assert judge(case, mapping).changes == (("BT-1", "7", "8"),)
    accept(case, mapping)
    (tmp_path / "invoice.xml").write_bytes(ubl.write(from_plain({"BT-1": "8"})))
    assert "UBL" in judge(case, mapping).problem
    (tmp_path / "source.json").write_text('{"date": "2026-11-02"}', "utf-8")
    assert "refused" in judge(case, mapping).problem
    accept(case, mapping)
    assert judge(case, mapping).passed
    (tmp_path / "source.json").write_text('{"number": "8"}', "utf-8")
    assert "not refused" in judge(case, mapping).problem

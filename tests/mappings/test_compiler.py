"""Mistakes in mapping files are found when they are compiled, with file, line and remedy."""

from __future__ import annotations

import pytest

from formats.errors import ConfigError
from mappings.compiler import compile_mapping
from mappings.registry import MAPPINGS, library, load

HEAD = 'mapping: acme\nversion: "1"\ndocument: Acme invoice\nreads: json\nterms:\n  BT-2: doc.date\n'


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("BT-1: doc.[", "cannot be read"),
        ("BT-999: doc.x", "no place in the invoice"),
        ("BT-27: doc.x", "no place in the invoice"),
        ("BG-4: {terms: {BT-44: doc.x}}", "no place in BG-4"),
        ("BT-1: {form: doc.x}", "unexpected"),
        ("BT-1: {field: Number}", "neither from nor const"),
        ("BT-1: {from: doc.x, using: shout}", "no function shout"),
        ("BT-1: {from: doc.x, table: codes}", "no table codes"),
        ("BG-25: {each: doc.lines}", "terms"),
        ("number: doc.x", "number"),
        ("BT-1: [doc.x", "expected"),
    ],
)
def test_a_mistake_is_named_with_file_and_line(line: str, what: str) -> None:
    with pytest.raises(ConfigError, match=what) as caught:
        compile_mapping("acme", {"acme.yaml": f"{HEAD}  {line}\n"})
    assert caught.value.where.startswith("acme.yaml, line")
    assert caught.value.fix


def test_a_line_deep_inside_is_the_one_that_is_named() -> None:
    ways = "        - {from: doc.a}\n        - {from: 'doc.('}\n"
    text = HEAD + "  BG-7:\n    terms:\n      BT-44: doc.name\n      BT-48:\n" + ways
    with pytest.raises(ConfigError) as caught:
        compile_mapping("acme", {"acme.yaml": text})
    assert caught.value.where == "acme.yaml, line 12"


def test_a_mapping_that_is_not_there_names_those_that_are() -> None:
    with pytest.raises(ConfigError, match="no mapping file sap"):
        compile_mapping("sap", {"acme.yaml": HEAD})


def test_mappings_that_extend_each_other_are_refused() -> None:
    texts = {
        "a.yaml": 'mapping: a\nversion: "1"\nextends: b\n',
        "b.yaml": 'mapping: b\nversion: "1"\nextends: a\n',
    }
    with pytest.raises(ConfigError, match="circle"):
        compile_mapping("a", texts)


def test_a_mapping_of_its_own_says_what_it_reads() -> None:
    with pytest.raises(ConfigError, match="needs reads, document and terms"):
        compile_mapping("acme", {"acme.yaml": 'mapping: acme\nversion: "1"\n'})


@pytest.mark.parametrize("name", MAPPINGS)
def test_the_mappings_that_come_with_the_gateway_compile(name: str) -> None:
    assert load(name).reads in ("json", "xml", "idoc")


def test_a_company_extends_a_mapping_of_the_gateway() -> None:
    own = {
        "mappings/our.yaml": "",
        "our.yaml": 'mapping: our\nversion: "7"\nextends: sap_invoic02\n'
        "tables:\n  tax_codes:\n    A7: {category: Z}\nterms:\n  BT-10: {const: fixed}\n",
    }
    mapping = load("our", own)
    assert mapping.version.startswith("7 on sap_invoic02 ")
    assert mapping.tables["tax_codes"]["A7"] == {"category": "Z"}
    assert mapping.tables["tax_codes"]["A1"] == load("sap_invoic02").tables["tax_codes"]["A1"]


def test_the_library_names_every_file_once() -> None:
    assert {f"{name}.yaml" for name in MAPPINGS} <= set(library())


def test_tables_are_for_codes_and_bounded() -> None:
    rows = "".join(f"    k{number}: {{a: 1, b: 2, c: 3}}\n" for number in range(400))
    big = f"{HEAD}tables:\n  codes:\n{rows}"
    assert compile_mapping("acme", {"acme.yaml": big}).tables["codes"]["k399"] == {"a": 1, "b": 2, "c": 3}
    with pytest.raises(ConfigError, match="characters"):
        compile_mapping("acme", {"acme.yaml": HEAD + "# " + "x" * 4_000_001})
    same = "".join(f"  t{number}: *rows\n" for number in range(200))
    repeated = f"{HEAD}tables:\n  t: &rows\n{rows}{same}"
    with pytest.raises(ConfigError, match="its tables hold 321600 cells together"):
        compile_mapping("acme", {"acme.yaml": repeated})


def test_a_negation_of_a_part_is_refused_with_what_to_write() -> None:
    with pytest.raises(
        ConfigError, match=r"put what is negated into brackets, as in !\(item.name\)"
    ) as caught:
        compile_mapping("acme", {"acme.yaml": f"{HEAD}  BT-20: {{from: doc.a, when: '!doc.closed'}}\n"})
    assert caught.value.where == "acme.yaml, line 7"

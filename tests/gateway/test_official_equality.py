"""The compiled rules say what the official artefacts say: on every official document, and on damaged ones.

Needs the official documents (GATEWAY_TESTDATA) and the current rules (GATEWAY_TEST_RULES).
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest

from formats.finding import Severity
from gateway.rules.engine import Engine, RulesEngine
from gateway.rules.judging import judge_bytes
from gateway.rules.samples import samples
from gateway.rules.verify import compare
from tests.corpora import changed, official
from tests.official import folder, test_cases, verdicts
from tests.published import published_rules

# What the verdict files call the artefacts -> profile that runs them (with others, for Peppol's own cases).
PROFILES = {
    "cen-ubl": "en16931-ubl",
    "cen-cii": "en16931-cii",
    "peppol-ubl": "peppol-bis-3",
    "xrechnung-ubl": "xrechnung-ubl",
    "xrechnung-cii": "xrechnung-cii",
}
CURRENT = ("en16931-ubl", "en16931-cii", "peppol-ubl", "xrechnung-ubl", "xrechnung-cii")
SETS = [f"peppol-bis-3/rule-cases/{name}" for name in ("PEPPOL", "DE", "DK", "GR", "IT", "NL", "NO", "SE")]
SETS += ["en16931/ubl/rule-cases/invoice", "en16931/ubl/rule-cases/creditnote", "en16931/cii/rule-cases"]
DOCUMENTS = ["en16931/ubl/examples", "en16931/ubl/testfiles", "en16931/cii/examples", "peppol-bis-3/examples"]
DOCUMENTS += ["peppol-bis-3/national", "xrechnung/testsuite", "xrechnung/rule-cases"]
# Rule sets without official verdicts: there Saxon is asked.
OTHERS = (
    "peppol-selfbilling-ubl",
    "nlcius-ubl",
    "nlcius-cii",
    "cius-ro-ubl",
    "zatca",
    "zatca-en16931",
    "pint-ae-shared",
    "pint-ae-aligned",
    "pint-eu-en16931",
    "pint-jp-aligned",
    "pint-my-aligned",
    "pint-om-aligned",
    "pint-sg-aligned",
    "facturx-en16931",
    "fr-flux2-ubl",
)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RulesEngine]:
    with RulesEngine(published_rules(CURRENT, tmp_path_factory.mktemp("rules"))) as made:
        yield made


def _documents(name: str) -> Iterator[tuple[tuple[str, int], bytes]]:
    if name in SETS:
        yield from (((case.file, case.number), case.document) for case in test_cases(name))
    else:
        top = folder(name)
        yield from (((file, number), (top / file).read_bytes()) for file, number in verdicts(name))


@pytest.mark.testdata
@pytest.mark.parametrize("name", [*SETS, *DOCUMENTS])
def test_every_official_document_gets_the_official_verdict(engine: RulesEngine, name: str) -> None:
    """The same ids with the same severity, none missing and none extra."""
    official = verdicts(name)
    compared = 0
    for place, content in _documents(name):
        verdict = official[place]
        if "error" in verdict:
            continue
        profile = PROFILES[verdict["rules"][-1]]
        report = judge_bytes(content, engine, profile, rules_despite_schema=True).report
        assert report is not None, place
        assert report.not_run == (), place
        # Peppol's own cases were run through Peppol's rules alone.
        other = ("BR-", "UBL-") if verdict["rules"] == ["peppol-ubl"] else ()
        for severity in Severity:
            ids = {finding.rule for finding in report.findings if finding.severity is severity} - {"XSD"}
            assert sorted(rule for rule in ids if not rule.startswith(other)) == verdict[severity], place
        compared += 1
    assert compared


@pytest.mark.parametrize("key", CURRENT)
def test_damaged_documents_get_saxons_verdict(key: str, tmp_path: Path) -> None:
    """What no publisher thought of: a few hundred damaged copies, judged by both engines."""
    shelf = published_rules((key,), tmp_path)
    pack = shelf.find(key)
    with RulesEngine(shelf) as own, RulesEngine(shelf, engine=Engine.SAXON) as saxon:
        result = compare(pack, samples(key, pack.syntax), own, saxon, copies=60)
    assert result.unequal == ()
    assert result.holds
    assert result.stopped < result.documents // 2


@pytest.mark.testdata
@pytest.mark.parametrize("key", OTHERS)
def test_other_rule_sets_compile_and_agree_with_saxon(key: str, tmp_path: Path) -> None:
    """Each on its own official documents and changed copies of them, the schema's opinion aside."""
    shelf = published_rules((key,), tmp_path)
    pack = shelf.find(key)
    with RulesEngine(shelf) as own, RulesEngine(shelf, engine=Engine.SAXON) as saxon:
        documents = chain(official(key, pack.syntax), changed(key, pack.syntax, 15, seed=7))
        result = compare(pack, documents, own, saxon, copies=0)
        assert own.process_ids() == (), "the compiler refuses these rules"
    assert result.unequal == ()
    assert result.holds

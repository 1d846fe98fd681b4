"""Which official documents each rule set is compared on, with Saxon as the judge."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from lxml import etree

from formats.errors import MalformedDocument
from formats.registry import SYNTAXES
from formats.syntaxes import xml
from tests.mutations import mutants
from tests.official import folder, test_cases

__all__ = ["CORPORA", "changed", "official"]

_UBL: Final = (
    "en16931/ubl/examples",
    "en16931/ubl/testfiles",
    "peppol-bis-3/examples",
    "peppol-bis-3/snippets",
)
_CII: Final = ("en16931/cii/examples", "zugferd/xml/en16931", "zugferd/xml/extended")
_NATIONAL: Final = ("PEPPOL", "DE", "DK", "GR", "IT", "NL", "NO", "SE")
_PINT: Final = {
    "ae": "ae",
    "jp": "jp",
    "my": "my",
    "sg": "sg",
    "om": "ae",
    "aunz": "sg",
    "eu": "sg",
    "jp-ntr": "jp",
}

#: Key of the rule set -> folders of documents; those that hold rule cases start with @.
CORPORA: Final[dict[str, tuple[str, ...]]] = {
    "en16931-ubl": (*_UBL, "@en16931/ubl/rule-cases/invoice", "@en16931/ubl/rule-cases/creditnote"),
    "en16931-cii": (*_CII, "@en16931/cii/rule-cases"),
    "peppol-ubl": (
        *_UBL,
        "peppol-bis-3/national",
        *(f"@peppol-bis-3/rule-cases/{name}" for name in _NATIONAL),
    ),
    "peppol-selfbilling-ubl": ("peppol-bis-3/self-billing",),
    "xrechnung-ubl": ("xrechnung/testsuite", "xrechnung/rule-cases"),
    "xrechnung-cii": ("xrechnung/testsuite", "xrechnung/rule-cases"),
    "nlcius-ubl": ("nlcius/rule-cases",),
    "nlcius-gaccount-ubl": ("nlcius/rule-cases",),
    "nlcius-cii": _CII[:2],
    "cius-ro-ubl": ("cius-ro/examples",),
    "cius-ro-en16931-ubl": ("cius-ro/examples",),
    **{
        f"pint-{key}-{part}": (f"pint/{name}",)
        for key, name in _PINT.items()
        for part in ("shared", "aligned")
    },
    "pint-eu-en16931": ("pint/sg",),
    "zatca": ("zatca/examples",),
    "zatca-en16931": ("zatca/examples",),
    "facturx-minimum": _CII,
    "facturx-basicwl": _CII,
    "facturx-basic": _CII,
    "facturx-en16931": _CII[1:],
    "facturx-extended": _CII[1:],
    "fr-flux2-ubl": _UBL,
    "fr-flux2-cii": _CII[:2],
    "extended-ctc-fr-ubl": _UBL,
    "extended-ctc-fr-cii": _CII[:2],
}

Named = tuple[str, bytes]


def official(key: str, syntax: str) -> Iterator[Named]:
    """The official documents for a rule set; the test is skipped by the folder's name where one is
    missing."""
    binding = SYNTAXES[syntax]
    for name in CORPORA[key]:
        for place, content in _contents(name):
            try:
                root = xml.parse(content, as_written=True)
            except MalformedDocument:
                continue
            if root.tag in (binding.invoice_root, binding.credit_note_root):
                yield place, content


def changed(key: str, syntax: str, count: int, *, seed: int) -> Iterator[Named]:
    """Changed copies of these, whether the schema accepts them or not; some are oddly spelled XML."""
    seeds = [etree.tostring(xml.parse(content, as_written=True)) for _, content in official(key, syntax)]
    for number, content in enumerate(mutants(seeds, count, seed=seed, spelled=True), 1):
        yield f"changed {number}", content


def _contents(name: str) -> Iterator[tuple[str, bytes]]:
    if name.startswith("@"):
        yield from ((f"{case.file} {case.number}", case.document) for case in test_cases(name[1:]))
    else:
        for path in sorted(folder(name).rglob("*.xml")):
            yield path.name, path.read_bytes()

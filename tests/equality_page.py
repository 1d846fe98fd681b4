"""How equal the compiled rules are to the official ones, as a table: python -m tests.equality_page [COUNT]
[PACK ...]

For each rule set the official documents, and COUNT changed copies of them (100 without it), judged by both
engines. Needs the official documents (GATEWAY_TESTDATA) and the current rules (GATEWAY_TEST_RULES, see
tests/fetch-rules); what is missing is named. Ends with 1 where the engines differ.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from gateway.rules.engine import Engine, RulesEngine
from gateway.rules.verify import Comparison, compare
from tests.corpora import CORPORA, changed, official
from tests.published import published_rules

_SEED: Final = 16931
_WIDTHS: Final = (30, 10, 6, 6, 8, 8, 8, 7, 6)
_HEAD: Final = ("pack", "corpus", "files", "equal", "stopped", "missing", "extra", "hits", "rules")


def main(arguments: list[str]) -> int:
    """Print the table; 0 where all that ran is equal."""
    count = int(arguments.pop(0)) if arguments and arguments[0].isdigit() else 100
    _print(_HEAD)
    equal = True
    with tempfile.TemporaryDirectory() as folder:
        for key in arguments or CORPORA:
            try:
                equal &= _rows(key, count, Path(folder))
            except pytest.skip.Exception as missing:
                _say(f"{key:30} not run: {missing.msg}")
    return 0 if equal else 1


def _rows(key: str, count: int, folder: Path) -> bool:
    shelf = published_rules((key,), folder / key)
    pack = shelf.find(key)
    holds = True
    with RulesEngine(shelf) as own, RulesEngine(shelf, engine=Engine.SAXON) as saxon:
        corpora: tuple[tuple[str, Iterator[tuple[str, bytes]]], ...] = (
            ("official", official(key, pack.syntax)),
            ("changed", changed(key, pack.syntax, count, seed=_SEED)),
        )
        for name, documents in corpora:
            result = compare(pack, documents, own, saxon, copies=0)
            holds &= result.holds
            _print(_row(pack.name, name, result))
            for unequal in result.unequal:
                _say(f"    {unequal.document}: missing {unequal.missing}, extra {unequal.extra}")
    return holds


def _row(pack: str, corpus: str, found: Comparison) -> tuple[str, ...]:
    missing = sum(len(unequal.missing) for unequal in found.unequal)
    extra = sum(len(unequal.extra) for unequal in found.unequal)
    numbers = (found.documents, found.equal, found.stopped, missing, extra, found.hits, found.fired)
    return pack, corpus, *map(str, numbers)


def _print(row: tuple[str, ...]) -> None:
    cells = (
        f"{cell:<{w}}" if n < 2 else f"{cell:>{w}}"
        for n, (cell, w) in enumerate(zip(row, _WIDTHS, strict=True))
    )
    _say(" ".join(cells).rstrip())


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

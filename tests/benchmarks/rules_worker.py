"""One engine in one process, timed block by block: `python -m tests.benchmarks.rules_worker compiled|saxon`.

Each line on standard input is a JSON object, answered by one line. The first names the packs; each other one
asks for rounds over some documents.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from lxml import etree

from formats.rules.pack import Document, from_bytes, no_collection

__all__ = ["main"]

#: Milliseconds by part of one check.
_Parts = dict[str, float]


class _Engine(Protocol):
    def check(self, content: bytes, packs: Sequence[int], schema: bool) -> _Parts: ...


class _Compiled:
    """Our own engine, from code kept in files."""

    def __init__(self, packs: Sequence[str], schema: str) -> None:
        self._checkers = [from_bytes(Path(path).read_bytes()) for path in packs]
        self._path = schema
        self._schema: etree.XMLSchema | None = None

    def check(self, content: bytes, packs: Sequence[int], schema: bool) -> _Parts:
        with no_collection:  # as in the gateway's engine
            return self._check(content, packs, schema)

    def _check(self, content: bytes, packs: Sequence[int], schema: bool) -> _Parts:
        clock = _Clock()
        root = etree.fromstring(content)
        clock.lap("parse")
        if schema:
            if self._schema is None:
                self._schema = etree.XMLSchema(file=self._path)
                clock = _Clock()
            self._schema.validate(root)
            clock.lap("schema")
        document = Document(root, content)
        clock.lap("tree")
        for number in packs:
            self._checkers[number].check(document)
            clock.lap(f"rules {number + 1}")
        del document, root
        clock.lap("free")
        return clock.parts


class _Saxon:
    def __init__(self, packs: Sequence[str]) -> None:
        self._saxon = import_module("saxonche").PySaxonProcessor(license=False)
        compiler = self._saxon.new_xslt30_processor()
        self._sheets = [compiler.compile_stylesheet(stylesheet_file=path) for path in packs]

    def check(self, content: bytes, packs: Sequence[int], schema: bool) -> _Parts:
        clock = _Clock()
        node = self._saxon.parse_xml(xml_text=content.decode())
        clock.lap("parse")
        for number in packs:
            self._sheets[number].transform_to_string(xdm_node=node)
            clock.lap(f"rules {number + 1}")
        return clock.parts


class _Clock:
    def __init__(self) -> None:
        self.parts: _Parts = {}
        self._last = time.process_time()

    def lap(self, name: str) -> None:
        """Put the time since the last lap under a name."""
        now = time.process_time()
        self.parts[name] = (now - self._last) * 1_000
        self._last = now


def _engine(name: str, order: dict[str, Any]) -> _Engine:
    return _Compiled(order["packs"], order["schema"]) if name == "compiled" else _Saxon(order["packs"])


def main() -> None:
    """Answer until standard input ends."""
    order = json.loads(sys.stdin.readline())
    started = time.process_time()
    engine = _engine(sys.argv[1], order)
    _answer({"load ms": (time.process_time() - started) * 1_000})
    contents: dict[str, bytes] = {}
    for line in sys.stdin:
        order = json.loads(line)
        for path in order["documents"]:
            if path not in contents:
                contents[path] = Path(path).read_bytes()
        runs = [
            engine.check(contents[path], order["packs"], order["schema"])
            for _ in range(order["rounds"])
            for path in order["documents"]
        ]
        _answer({"runs": runs, "memory MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024})


def _answer(value: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()

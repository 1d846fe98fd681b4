"""The official example documents, where this machine has them (GATEWAY_TESTDATA names their folder)."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

__all__ = ["TestCase", "documents", "folder", "test_cases", "verdicts"]

_SETS = "{http://difi.no/xsd/vefa/validator/1.0}"


def folder(name: str) -> Path:
    """A folder of official documents; the test is skipped, by the folder's name, where it is not there."""
    top = os.environ.get("GATEWAY_TESTDATA")
    if top is None:
        pytest.skip(f"official documents {name}: GATEWAY_TESTDATA is not set")
    found = Path(top, name)
    if not found.is_dir():
        pytest.skip(f"official documents {name} are not in GATEWAY_TESTDATA")
    return found


def documents(name: str) -> list[Path]:
    """The XML files of a folder; an empty one is an error, not a pass."""
    found = sorted(path for path in folder(name).iterdir() if path.suffix.lower() == ".xml")
    assert found, f"{name} holds no documents"
    return found


def verdicts(name: str) -> dict[tuple[str, int], dict[str, Any]]:
    """What the official artefacts say: (file, number of the test or 0) -> verdict."""
    lines = (folder(name) / "verdicts.jsonl").read_text(encoding="utf-8").splitlines()
    rows = (json.loads(line) for line in lines)
    return {(row["file"], row.get("test", 0)): row for row in rows}


@dataclass(frozen=True)
class TestCase:
    """One document of a published rule case with what is expected of the named rules."""

    __test__ = False

    file: str
    number: int
    document: bytes
    expected: tuple[tuple[str, str], ...]  # ("error" | "warning" | "success", rule)


def test_cases(name: str) -> Iterator[TestCase]:
    """All rule cases of a folder."""
    for path in documents(name):
        root = etree.parse(path).getroot()
        tests = [root] if root.tag == f"{_SETS}test" else root.findall(f"{_SETS}test")
        for number, test in enumerate(tests, 1):
            elements = test.iterchildren(etree.Element)
            document = next(child for child in elements if child.tag != f"{_SETS}assert")
            expected = tuple(
                (etree.QName(entry).localname, (entry.text or "").strip())
                for entry in test.iterfind(f"{_SETS}assert/*")
                if (entry.text or "").strip()
            )
            yield TestCase(path.name, number, etree.tostring(document, with_tail=False), expected)


test_cases.__test__ = False  # type: ignore[attr-defined]

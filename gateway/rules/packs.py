"""Rule packs: one release of one publisher's rules for one syntax, where its files lie, and which one binds.

The official artefacts come with other packages or are added by the operator (`store.py`); nothing of them is
part of this one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Final

from formats.errors import ConfigError
from formats.phrases import say
from gateway.rules.archive import Folder
from gateway.rules.artefact import Artefact, read_artefact, version_of
from gateway.rules.known import KNOWN, KnownPack

__all__ = [
    "KNOWN",
    "KnownPack",
    "Releases",
    "RulePack",
    "in_force",
    "installed_packs",
    "package_file",
    "packaged_pack",
    "read_pack",
    "superseded",
]

_ALWAYS: Final = date.min
#: What a release is called that neither its file nor the operator names.
NO_RELEASE: Final = "release unknown"
_UNTYPED: Final = re.compile(r"[^a-z0-9._-]+")
_SHORT: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class RulePack:
    """One release. `released` is the date in the file, `digest` the SHA-256 of its files (`artefact.py`).

    `twin` says that another pack at hand has the same release. `valid_from` is the first day on which it
    judges, None where nobody said so: then it always did. `superseded` says in a sentence that a newer
    release binds, "" if none is known. `origin` says for people where the files came from. `path` is the main
    file, `root` the folder that it may refer into (None: its own).
    """

    key: str
    title: str
    publisher: str
    release: str
    released: date | None
    digest: str
    path: Path
    superseded: str
    syntax: str = ""
    valid_from: date | None = None
    origin: str = ""
    added: bool = False
    root: Path | None = None
    twin: bool = False

    @property
    def name(self) -> str:
        """Key and release as commands take them: "peppol-ubl@3.0.21".

        Where the publisher names no release, or another pack has the same one (`twin`), the start of the
        digest says which is meant.
        """
        release = _UNTYPED.sub("-", self.release.lower()).strip("-.")
        if self.release == NO_RELEASE:
            return f"{self.key}@{self.digest[:_SHORT]}"
        return f"{self.key}@{release}-{self.digest[:_SHORT]}" if self.twin else f"{self.key}@{release}"

    @property
    def can_run_on_saxon(self) -> bool:
        """Saxon runs style sheets; Schematron source needs the compiler."""
        return self.path.suffix.lower() in (".xsl", ".xslt")


Releases = Mapping[str, tuple[RulePack, ...]]


def in_force(releases: Iterable[RulePack], day: date) -> RulePack | None:
    """The release that judges on `day`: of those that are valid by then the one that became so last.

    A release that the operator added stands before a packaged one. Before the first day of validity of all of
    them the earliest judges, since old invoices have to be judged by something.
    """
    every = tuple(releases)
    valid = [pack for pack in every if (pack.valid_from or _ALWAYS) <= day]
    if valid:
        return max(valid, key=lambda pack: (pack.added, _order(pack)))
    return min(every, key=lambda pack: (not pack.added, _order(pack)), default=None)


def _order(pack: RulePack) -> tuple[date, tuple[int, ...]]:
    return pack.valid_from or pack.released or _ALWAYS, version_of(pack.release)


def installed_packs(files: Mapping[str, Path] = MappingProxyType({})) -> Mapping[str, RulePack]:
    """The packaged packs at hand by key; one that is not installed is left out.

    `files` are newer releases by key, instead of the packaged ones. Raises ConfigError for a file that cannot
    be read or a key that no profile knows.
    """
    packs = {key: read_pack(key, path) for key, path in files.items()}
    for key in KNOWN:
        if key not in packs and (pack := packaged_pack(key)) is not None:
            packs[key] = pack
    return MappingProxyType(packs)


@cache
def packaged_pack(key: str) -> RulePack | None:
    """The release that an installed Python package carries, read when first asked for; None if there is
    none."""
    known = KNOWN.get(key)
    path = package_file(known.package, known.path) if known is not None and known.package else None
    if known is None or path is None:
        return None
    pack = read_pack(key, path, release=known.packaged_release)
    return replace(pack, origin=f"Python package {known.package}")


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
    artefact = read_loose(path, known=known)
    name = release
    if artefact.release and not release:
        name = artefact.release
    elif artefact.released and not artefact.release:
        name = f"{release}, compiled {artefact.released}" if release else f"compiled {artefact.released}"
    return RulePack(
        key=key,
        title=known.title,
        publisher=known.publisher,
        release=name or NO_RELEASE,
        released=artefact.released,
        digest=artefact.digest,
        path=path,
        superseded=superseded(known, name, artefact.released),
        syntax=known.syntax,
        valid_from=valid_from(known, artefact),
        origin=str(path),
    )


def read_loose(path: Path, root: Path | None = None, known: KnownPack | None = None) -> Artefact:
    """A rule file on disk with all that it refers to. Raises ConfigError."""
    tree = Folder(path, root)
    content = tree.read(tree.main)
    if content is None:
        raise ConfigError(
            "the rule file cannot be read", where=str(path), fix="correct the path or its rights"
        )
    return read_artefact(tree, tree.main, content, known)


def valid_from(known: KnownPack, artefact: Artefact) -> date | None:
    """The first day of validity: as known, else the date in the file."""
    told = known.releases.get(artefact.release)
    return told.valid_from if told is not None else artefact.released


def superseded(known: KnownPack, release: str, released: date | None, language: str = "en") -> str:
    """Why an older release than the current one may judge wrongly; "" for the current one and where none is
    known."""
    if not known.current or known.current_since is None:
        return ""
    if released is not None and released >= known.current_since:
        return ""
    if version_of(release) >= version_of(known.current) and released is None:
        return ""
    return say(
        "note.superseded",
        language,
        release=release or "?",
        publisher=known.publisher,
        current=known.current,
        since=known.current_since,
    )


def package_file(package: str, path: str) -> Path | None:
    """A data file of an installed package, found without importing the package; None if it is not there."""
    spec = find_spec(package)
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        file = Path(folder, path)
        if file.is_file():
            return file
    return None

"""The rule packs of this installation: those that operators added, beside those that Python packages carry.

    <folder>/rules/<key>/<release>-<digest>/pack.json      what it is and where it came from
    <folder>/rules/<key>/<release>-<digest>/files/...      the publisher's files, byte for byte

`folder` is the config folder where there is one, so that its rules travel with it; else the user's data
folder (XDG_DATA_HOME). Both are read. Several releases of one set lie side by side; `packs.in_force` chooses.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

from formats.errors import ConfigError, StorageError
from gateway.rules.artefact import Artefact
from gateway.rules.known import KNOWN, KnownPack
from gateway.rules.packs import RulePack, packaged_pack, superseded, valid_from

__all__ = [
    "RuleShelf",
    "add_pack",
    "folder_to_add_to",
    "keep_verdict",
    "remove_pack",
    "rule_folders",
    "user_folder",
    "verdict_on",
]

_PROGRAM: Final = "erp-einvoicing-gateway"
_CARD: Final = "pack.json"
_FILES: Final = "files"
_VERDICT: Final = "verified.json"
_SHORTEST: Final = 6  # digits of a digest that name a pack
_LARGEST_CARD: Final = 64 * 1024
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9._-]+")


def user_folder() -> Path:
    """The rules of this user, for work without a config folder."""
    home = os.environ.get("XDG_DATA_HOME", "")
    base = Path(home) if home.startswith("/") else Path.home() / ".local" / "share"
    return base / _PROGRAM / "rules"


def rule_folders(config: Path | None) -> tuple[Path, ...]:
    """Where packs are looked for: the config folder's rules, if it is one, then the user's."""
    own = (config / "rules",) if config is not None and _is_config(config) else ()
    return (*own, user_folder())


def folder_to_add_to(config: Path | None) -> Path:
    """Where a new pack goes."""
    return rule_folders(config)[0]


def _is_config(folder: Path) -> bool:
    return (folder / "gateway.yaml").is_file()


class RuleShelf(Mapping[str, tuple[RulePack, ...]]):
    """All releases at hand by key of the rule set, read from disk when first asked for.

    `folders` are looked through for added packs (`rule_folders`). A set without any release is not in it.
    """

    def __init__(self, folders: Sequence[Path] = ()) -> None:
        self._folders = tuple(folders)
        self._known: dict[str, tuple[RulePack, ...]] = {}

    @property
    def folders(self) -> tuple[Path, ...]:
        """Where added packs lie."""
        return self._folders

    def __getitem__(self, key: str) -> tuple[RulePack, ...]:
        if key not in self._known:
            packaged = packaged_pack(key)
            self._known[key] = _told_apart((*self._added(key), *((packaged,) if packaged else ())))
        if not self._known[key]:
            raise KeyError(key)
        return self._known[key]

    def __iter__(self) -> Iterator[str]:
        return (key for key in KNOWN if self.get(key))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def find(self, name: str) -> RulePack:
        """The release called `key` (only one, or the newest), `key@release` or by the start of its digest.

        Raises ConfigError naming what there is, also where several have that name.
        """
        key, _, release = name.partition("@")
        every = self.get(key, ())
        fitting = [pack for pack in every if not release or _is_called(pack, name, release)]
        if release and len(fitting) > 1:
            raise ConfigError(
                f"{len(fitting)} rule packs are called {name}",
                where="gateway rules",
                fix=f"say which: {' or '.join(pack.name for pack in fitting)}",
            )
        if not fitting:
            near = [known for known in self if key in known] or list(self)
            there = ", ".join(pack.name for pack in every) or ", ".join(near)
            raise ConfigError(
                f"there is no rule pack {name}",
                where="gateway rules",
                fix=f"use one of {there}" if there else "add one with gateway rules add",
            )
        return max(fitting, key=lambda pack: (pack.added, pack.valid_from or date.min))

    def _added(self, key: str) -> Iterator[RulePack]:
        seen: set[str] = set()
        for folder in self._folders:
            for card in sorted((folder / key).glob(f"*/{_CARD}")):
                pack = _read_card(card, key)
                if pack.digest not in seen:
                    seen.add(pack.digest)
                    yield pack


def _told_apart(packs: tuple[RulePack, ...]) -> tuple[RulePack, ...]:
    """The releases of one set, each with a name that no other has."""
    names = Counter(pack.name for pack in packs)
    return tuple(replace(pack, twin=names[pack.name] > 1) for pack in packs)


def _is_called(pack: RulePack, name: str, release: str) -> bool:
    starts = len(release) >= _SHORTEST and pack.digest.startswith(release.lower())
    return starts or name == pack.name or release == pack.release or name == replace(pack, twin=False).name


def add_pack(
    artefact: Artefact,
    known: KnownPack,
    folder: Path,
    *,
    source: str,
    now: datetime,
    release: str = "",
    valid: date | None = None,
) -> RulePack:
    """Store one release; storing the same bytes under the same name again changes nothing.

    `release` and `valid` are what the operator says, before what the files say. Raises StorageError.
    """
    told = known.releases.get(artefact.release)
    name = release or (told.name if told else artefact.release) or f"of {artefact.released or 'unknown date'}"
    card = {
        "key": known.key,
        "release": name,
        "released": artefact.released.isoformat() if artefact.released else None,
        "valid_from": day.isoformat() if (day := valid or valid_from(known, artefact)) else None,
        "digest": artefact.digest,
        "main": artefact.name,
        "rules": len(artefact.rule_ids),
        "source": source,
        "added_at": now.isoformat(),
    }
    target = folder / known.key / f"{_UNSAFE.sub('-', name)[:60]}-{artefact.digest[:12]}"
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".new-") as unfinished:
            made = Path(unfinished) / "pack"
            for part, content in artefact.files.items():
                file = made / _FILES / part
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(content)
            (made / _CARD).write_text(json.dumps(card, ensure_ascii=False, indent=1) + "\n", "utf-8")
            if target.exists():
                if (target / _VERDICT).is_file():
                    shutil.copy2(target / _VERDICT, made / _VERDICT)
                shutil.rmtree(target)
            made.rename(target)
    except OSError as error:
        raise StorageError(
            f"the rules cannot be stored: {error.strerror}", where=str(target), fix="check space and rights"
        ) from error
    return _read_card(target / _CARD, known.key)


def remove_pack(pack: RulePack) -> None:
    """Take an added release away. Raises StorageError."""
    folder = _folder_of(pack)
    try:
        shutil.rmtree(folder)
    except OSError as error:
        raise StorageError(
            f"the rules cannot be removed: {error.strerror}", where=str(folder), fix="check the rights"
        ) from error


def keep_verdict(pack: RulePack, verdict: Mapping[str, Any], folder: Path) -> Path:
    """Keep what a comparison of the two engines said, with the digest that it is about."""
    file = (_folder_of(pack) if pack.added else folder / "packaged" / pack.digest[:12]) / _VERDICT
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=file.parent, encoding="utf-8", delete=False) as unfinished:
        json.dump({"digest": pack.digest, **verdict}, unfinished, ensure_ascii=False, indent=1)
    Path(unfinished.name).replace(file)
    return file


def verdict_on(pack: RulePack, folders: Sequence[Path]) -> Mapping[str, Any] | None:
    """What the last comparison said of exactly this pack; None if there was none."""
    places = (_folder_of(pack),) if pack.added else (f / "packaged" / pack.digest[:12] for f in folders)
    for place in places:
        try:
            verdict = json.loads((place / _VERDICT).read_text("utf-8"))
        except (OSError, ValueError):
            continue
        if isinstance(verdict, dict) and verdict.get("digest") == pack.digest:
            return verdict
    return None


def _folder_of(pack: RulePack) -> Path:
    return next(parent.parent for parent in pack.path.parents if parent.name == _FILES)


def _read_card(card: Path, key: str) -> RulePack:
    known = KNOWN[key]
    try:
        if card.stat().st_size > _LARGEST_CARD:
            raise ValueError("too large")
        facts = json.loads(card.read_text("utf-8"))
        released = date.fromisoformat(facts["released"]) if facts["released"] else None
        main = card.parent / _FILES / facts["main"]
        if not main.resolve().is_relative_to((card.parent / _FILES).resolve()):
            raise ValueError("leads outside")
        return RulePack(
            key=key,
            title=known.title,
            publisher=known.publisher,
            release=str(facts["release"]),
            released=released,
            digest=str(facts["digest"]),
            path=main,
            superseded=superseded(known, str(facts["release"]), released),
            syntax=known.syntax,
            valid_from=date.fromisoformat(facts["valid_from"]) if facts["valid_from"] else None,
            origin=f"{facts['source']}, added {str(facts['added_at'])[:10]}",
            added=True,
            root=card.parent / _FILES,
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(
            "this rule pack is damaged",
            where=str(card.parent),
            fix="remove the folder and add the pack again",
        ) from error

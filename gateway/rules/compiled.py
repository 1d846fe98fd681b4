"""Compiled rule packs in this process: generated once, cached, loaded once, used for every document."""

from __future__ import annotations

import hashlib
import sys
import threading
from collections import defaultdict
from collections.abc import Callable, Mapping
from functools import cache
from importlib.util import MAGIC_NUMBER
from pathlib import Path
from typing import Final

from formats import rules as compiler
from formats.errors import ConfigError, MalformedDocument
from formats.rules.pack import CompiledRules, RuleChecker, compile_rules, from_bytes, to_bytes
from gateway.rules.archive import neighbour
from gateway.rules.artefact import Artefact
from gateway.rules.cache import CodeCache, cache_folder
from gateway.rules.packs import RulePack, read_loose

__all__ = ["CompiledPacks", "compile_files", "compile_pack", "resolver"]

_PYTHON: Final = f"{sys.implementation.cache_tag}-{MAGIC_NUMBER.hex()}"


class CompiledPacks:
    """Checkers by digest of their pack; safe to share between threads.

    What the compiler refuses is remembered too, so that it is tried once.
    """

    def __init__(self, cache: CodeCache | None = None) -> None:
        self._cache = cache or CodeCache(cache_folder())
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._made: dict[str, RuleChecker | ConfigError] = {}

    def checker(self, pack: RulePack) -> RuleChecker:
        """The checker of a pack. Raises ConfigError: not understood (`NotUnderstood`), missing or altered
        files."""
        # One lock for each: compiling takes seconds, in which other packs judge on.
        with self._locks[pack.digest]:
            found = self._made.get(pack.digest)
            if found is None:
                try:
                    found = self._load(pack)
                except ConfigError as error:
                    found = error
                self._made[pack.digest] = found
        if isinstance(found, ConfigError):
            raise found
        return found

    def prepare(self, artefact: Artefact) -> None:
        """Compile an artefact that is no pack yet, for the cache. Raises NotUnderstood."""
        key = _cache_key(artefact.digest)
        if self._cache.get(key) is None:
            self._cache.put(key, to_bytes(compile_files(artefact.name, artefact.files).code))

    def _load(self, pack: RulePack) -> RuleChecker:
        key = _cache_key(pack.digest)
        kept = self._cache.get(key)
        if kept is None:
            kept = to_bytes(compile_pack(pack).code)
            self._cache.put(key, kept)
        return from_bytes(kept)


def _cache_key(digest: str) -> str:
    return f"{digest}-{_compiler_version()}-{_PYTHON}"


@cache
def _compiler_version() -> str:
    """By its own source: whatever changes there may change the code that it generates."""
    digest = hashlib.sha256()
    for folder in compiler.__path__:
        for file in sorted(Path(folder).glob("*.py")):
            digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def compile_pack(pack: RulePack) -> CompiledRules:
    """Compile the files of a pack. Raises NotUnderstood, or ConfigError where they are not what was added."""
    artefact = read_loose(pack.path, pack.root)
    if artefact.digest != pack.digest:
        raise ConfigError(
            "the rule files were changed after they were added",
            where=str(pack.path),
            fix="add the pack again with gateway rules add",
        )
    return compile_files(artefact.name, artefact.files)


def compile_files(main: str, files: Mapping[str, bytes]) -> CompiledRules:
    """Compile a rule file with the files that it may refer to. Raises NotUnderstood."""
    try:
        return compile_rules(files[main], resolver(main, files))
    except MalformedDocument as error:
        raise ConfigError(error.what, where=main, fix="get the file from its publisher again") from error


def resolver(main: str, files: Mapping[str, bytes]) -> Callable[[str], bytes]:
    """Gives the files that a rule file names; ConfigError for one that is not among them."""

    def resolve(reference: str) -> bytes:
        """A part, named as the file says that includes it; parts of parts are looked for by their name."""
        target = neighbour(main, reference)
        if target is not None and target in files:
            return files[target]
        name = reference.rpartition("/")[2]
        fitting = [content for path, content in files.items() if path.rpartition("/")[2] == name]
        if len(fitting) != 1:
            raise ConfigError(
                f"the rules refer to {reference[:200]}, which is not among their files",
                where=main,
                fix="add the publisher's whole release",
            )
        return fitting[0]

    return resolve

"""Schemas without what only people read, kept in the user's cache.

Of the UBL schema five parts in six are documentation, and libxml2 takes longer to read past it than for all
else. The leaned files say exactly the same of every document.
"""

from __future__ import annotations

import hashlib
import marshal
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, TypeAlias

from lxml import etree

from formats.errors import MalformedDocument
from formats.syntaxes import xml
from gateway.rules.cache import CodeCache

__all__ = ["LeanFiles", "lean_files"]

_XS: Final = "{http://www.w3.org/2001/XMLSchema}"
_ANNOTATION: Final = f"{_XS}annotation"
_REFERENCES: Final = (f"{_XS}import", f"{_XS}include", f"{_XS}redefine")
_MOST_FILES: Final = 300

#: A file as it was when it was leaned: path, size, time of its last change in nanoseconds.
_Stamp: TypeAlias = tuple[str, int, int]


def lean_files(main: Path, cache: CodeCache) -> Mapping[str, bytes]:
    """A schema file and those on disk that it refers to, by path, without comments and annotations.

    From the cache, unless one of the files has changed since. A file that the parser of the house refuses is
    left out, and so is what only that refers to. Raises OSError where the main file cannot be read.
    """
    key = f"schema-1-{hashlib.sha256(str(main).encode(errors='replace')).hexdigest()[:40]}"
    kept = cache.get(key)
    if kept is not None:
        stamps, files = _unpacked(kept)
        if files and all(_stamp(Path(stamp[0])) == stamp for stamp in stamps):
            return files
    found = dict(_leaned(main))
    stamps = [_stamp(Path(path)) for path in found]
    cache.put(key, marshal.dumps((stamps, found)))
    return found


def _unpacked(kept: bytes) -> tuple[list[_Stamp], dict[str, bytes]]:
    try:
        stamps, files = marshal.loads(kept)  # noqa: S302  written by `lean_files`, guarded by the cache
    except (EOFError, ValueError, TypeError):
        return [], {}
    return stamps, files


def _stamp(path: Path) -> _Stamp:
    try:
        status = path.stat()
    except OSError:
        return str(path), -1, -1
    return str(path), status.st_size, status.st_mtime_ns


def _leaned(main: Path) -> Iterator[tuple[str, bytes]]:
    waiting = [main]
    seen = {main}
    while waiting and len(seen) <= _MOST_FILES:
        path = waiting.pop()
        try:
            root = xml.parse(path.read_bytes(), as_written=True)
        except MalformedDocument:
            continue
        for needless in [*root.iter(_ANNOTATION, etree.Comment)]:
            above = needless.getparent()
            if above is not None:
                above.remove(needless)
        for entry in root.iter(*_REFERENCES):
            location = entry.get("schemaLocation") or ":"
            part = path.parent / location
            if ":" not in location and part.is_file() and part.resolve() not in seen:
                seen.add(part.resolve())
                waiting.append(part.resolve())
        for element in root.iter():
            element.text = element.tail = None  # blanks between the tags; nothing else is written there
        yield str(path), etree.tostring(root, encoding="UTF-8")


class LeanFiles(etree.Resolver):
    """Gives libxml2 the leaned files in place of those on disk; any other it finds itself."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        super().__init__()
        self._files = files

    # The stubs of lxml do not know this method as it is documented.
    def resolve(  # type: ignore[override]
        self, system_url: str | None, public_id: str | None, context: object
    ) -> object:
        content = self._files.get(system_url or "")
        if content is None:
            return None
        return self.resolve_string(content, context, base_url=system_url)

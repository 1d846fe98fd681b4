"""Generated code of rule packs, in the user's cache folder (XDG_CACHE_HOME), never in a package.

One file for each digest of a pack and version of the generator. It is code that will run, so it is loaded
only if this user owns it, nobody else may write it, it is no link, and its content has the digest in its
first line. Anything else is passed over and made anew.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from contextlib import suppress
from pathlib import Path
from typing import Final

__all__ = ["CodeCache", "cache_folder"]

_MARK: Final = b"gateway rules 1 "
_LARGEST: Final = 128 * 1024 * 1024
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9.-]+")


def cache_folder() -> Path:
    """The folder of generated code of this user."""
    home = os.environ.get("XDG_CACHE_HOME", "")
    base = Path(home) if home.startswith("/") else Path.home() / ".cache"
    return base / "erp-einvoicing-gateway" / "rules"


class CodeCache:
    """Content by key; a folder that cannot be written only makes every start slower."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, key: str) -> bytes | None:
        """What was stored under the key; None where there is nothing that can be trusted."""
        flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
        try:
            descriptor = os.open(self._file(key), flags)
        except OSError:
            return None
        with os.fdopen(descriptor, "rb") as file:
            if not _is_ours(os.fstat(descriptor)) or not _is_ours(self._folder.stat()):
                return None
            head = file.readline(200)
            content = file.read(_LARGEST + 1)
        if head != _head(content) or len(content) > _LARGEST:
            return None
        return content

    def put(self, key: str, content: bytes) -> None:
        """Store, at once or not at all; an older content of the key is replaced."""
        import tempfile  # only the first start needs it

        with suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor, name = tempfile.mkstemp(dir=self._folder, prefix=".new-")
            unfinished = Path(name)
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(_head(content))
                    file.write(content)
                unfinished.replace(self._file(key))
            finally:
                unfinished.unlink(missing_ok=True)

    def _file(self, key: str) -> Path:
        return self._folder / _UNSAFE.sub("-", key)


def _head(content: bytes) -> bytes:
    return _MARK + hashlib.sha256(content).hexdigest().encode() + b"\n"


def _is_ours(status: os.stat_result) -> bool:
    if not hasattr(os, "geteuid"):  # Windows: the profile folder is the user's own
        return True
    writable_by_others = status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    return status.st_uid == os.geteuid() and not writable_by_others

"""What files say, read again when they change: a renewed certificate counts without a restart."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final, Generic, TypeVar

from formats.errors import ConfigError

__all__ = ["Watched", "certificate_files"]

_What = TypeVar("_What")
_Stamp = tuple[tuple[str, int, int, int], ...]
_SUFFIXES: Final = (".pem", ".crt", ".cer", ".p12")


class Watched(Generic[_What]):
    """One value that is made of files. Safe to share between threads.

    `read` makes it, `files` names the files that count, `follow` makes of the value before and the one just
    read what holds now. A change that cannot be read leaves what was, and is told by `problem`, until the
    files change again. Only the first reading raises ConfigError.
    """

    def __init__(
        self,
        files: Callable[[], Iterable[Path]],
        read: Callable[[], _What],
        follow: Callable[[_What, _What], _What] = lambda _before, now: now,
    ) -> None:
        self._files = files
        self._read = read
        self._follow = follow
        self._lock = threading.RLock()
        self._stamp: _Stamp = ()
        self._value: _What | None = None
        self.problem: ConfigError | None = None

    @property
    def value(self) -> _What:
        """What holds now."""
        stamp = _stamp(self._files())
        with self._lock:
            before = self._value
            if before is None:
                # The stamp is older than what is read, so that a change in between is seen the next time.
                self._value, self._stamp = self._read(), stamp
                return self._value
            if stamp != self._stamp:
                self._stamp = stamp
                try:
                    self._value = self._follow(before, self._read())
                    self.problem = None
                except ConfigError as error:
                    self.problem = error
            assert self._value is not None  # noqa: S101  # read above
            return self._value


def certificate_files(folder: Path) -> tuple[Path, ...]:
    """The files of a trust folder, in order; none where there is no such folder."""
    try:
        return tuple(sorted(one for one in folder.iterdir() if one.suffix in _SUFFIXES))
    except OSError:
        return ()


def _stamp(files: Iterable[Path]) -> _Stamp:
    found = []
    for file in files:
        try:
            about = file.stat()
        except OSError:
            found.append((str(file), 0, 0, 0))
            continue
        found.append((str(file), about.st_mtime_ns, about.st_size, about.st_ino))
    return tuple(found)

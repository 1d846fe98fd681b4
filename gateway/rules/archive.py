"""Rule files from outside: a loose file with its neighbours, or a publisher's ZIP or JAR, read within bounds.

Nothing is unpacked to disk: members are read by name into memory, at most `LARGEST_FILE` bytes each and
`LARGEST_TOTAL` bytes together, whatever the archive says about their sizes. An archive with an absolute name,
a way out of its own folder or a symbolic link is refused whole: no honest publisher makes one.
"""

from __future__ import annotations

import posixpath
import re
import stat
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Protocol

from formats.errors import ConfigError

__all__ = ["LARGEST_FILE", "LARGEST_TOTAL", "FileTree", "Folder", "ZipTree", "neighbour", "open_tree"]

LARGEST_FILE: Final = 32 * 1024 * 1024
LARGEST_TOTAL: Final = 512 * 1024 * 1024
_MOST_MEMBERS: Final = 20_000
_DEEPEST: Final = 30
_RULE_FILE: Final = re.compile(r"\.(sch|xsl|xslt)\Z", re.IGNORECASE)
_DRIVE: Final = re.compile(r"\A[A-Za-z]:")


class FileTree(Protocol):
    """Files by relative name, with "/" between the parts."""

    name: str

    def candidates(self) -> Iterator[str]:
        """The names of all files that may be rules."""

    def place(self, name: str) -> str:
        """What the publisher's own naming says about a file: its path in the release."""

    def read(self, name: str) -> bytes | None:
        """The content of one file, None where there is none. Raises ConfigError for one that is too large."""


class Folder:
    """The folder around one loose rule file: only that file is offered, its neighbours may be referred to.

    `root` is the outermost folder that it may refer into, its own without one.
    """

    def __init__(self, file: Path, root: Path | None = None) -> None:
        self.name = str(file)
        self._folder = (root or file.parent).resolve()
        self.main = file.relative_to(root).as_posix() if root else file.name

    def candidates(self) -> Iterator[str]:
        yield self.main

    def place(self, name: str) -> str:
        return name  # the folders above are the operator's

    def read(self, name: str) -> bytes | None:
        path = self._folder / name
        # A link would lead out of the folder of the rules, to a file that nobody meant to hand over.
        if not path.resolve().is_relative_to(self._folder) or not path.is_file():
            return None
        try:
            if path.stat().st_size > LARGEST_FILE:
                raise _too_large(name, self.name)
            return path.read_bytes()
        except OSError as error:
            raise ConfigError(
                f"the rule file cannot be read: {error.strerror}", where=str(path), fix="check its rights"
            ) from error


class ZipTree:
    """A ZIP or JAR. Raises ConfigError for a damaged or hostile one; close it when done."""

    def __init__(self, file: Path) -> None:
        self.name = str(file)
        self._read = 0
        try:
            self._zip = zipfile.ZipFile(file)
        except (OSError, zipfile.BadZipFile, ValueError) as error:
            raise ConfigError(
                "the archive cannot be opened", where=str(file), fix="download it again from the publisher"
            ) from error
        self._members = {info.filename: info for info in self._zip.infolist() if not info.is_dir()}
        self._refuse_tricks()

    def candidates(self) -> Iterator[str]:
        yield from sorted(name for name in self._members if _RULE_FILE.search(name))

    def names(self) -> Iterator[str]:
        """All files in it."""
        yield from sorted(self._members)

    def place(self, name: str) -> str:
        return f"{Path(self.name).name}/{name}"

    def read(self, name: str) -> bytes | None:
        info = self._members.get(name)
        if info is None:
            return None
        try:
            with self._zip.open(info) as member:
                content = member.read(LARGEST_FILE + 1)
        except (OSError, zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError) as error:
            raise ConfigError(
                f"the file {name[:200]} in the archive is damaged or encrypted",
                where=self.name,
                fix="download the archive again from the publisher",
            ) from error
        self._read += len(content)
        if len(content) > LARGEST_FILE or self._read > LARGEST_TOTAL:
            raise _too_large(name, self.name)
        return content

    def close(self) -> None:
        self._zip.close()

    def _refuse_tricks(self) -> None:
        if len(self._members) > _MOST_MEMBERS:
            raise self._hostile(f"it holds more than {_MOST_MEMBERS} files")
        for name, info in self._members.items():
            parts = name.split("/")
            if name.startswith("/") or "\\" in name or "\0" in name or ".." in parts or _DRIVE.match(name):
                raise self._hostile("a file in it would be written outside its folder")
            if len(parts) > _DEEPEST:
                raise self._hostile("its folders are nested too deeply")
            if stat.S_ISLNK(info.external_attr >> 16):
                raise self._hostile("it holds a symbolic link")

    def _hostile(self, why: str) -> ConfigError:
        return ConfigError(
            f"the archive is not accepted: {why}",
            where=self.name,
            fix="fetch the release from the publisher's own site",
        )


def open_tree(file: Path) -> Folder | ZipTree:
    """What `file` is: an archive, or one loose rule file. Raises ConfigError for anything else."""
    if file.is_symlink() or not file.is_file():
        what = "a symbolic link is not followed" if file.is_symlink() else "there is no such file"
        raise ConfigError(what, where=str(file), fix="name a .sch, .xsl, .xslt, .zip or .jar file")
    try:
        with file.open("rb") as start:
            magic = start.read(4)
    except OSError as error:
        raise ConfigError(
            f"the rule file cannot be read: {error.strerror}", where=str(file), fix="check its rights"
        ) from error
    if magic[:2] == b"PK":
        return ZipTree(file)
    if not _RULE_FILE.search(file.name):
        raise ConfigError(
            "this is neither a rule file nor an archive",
            where=str(file),
            fix="name a .sch, .xsl, .xslt, .zip or .jar file",
        )
    return Folder(file)


def neighbour(name: str, reference: str) -> str | None:
    """The file that `reference` means when it stands in file `name`; None if it leads out of the tree."""
    if ":" in reference or reference.startswith("/") or "\\" in reference:
        return None
    found = posixpath.normpath(posixpath.join(posixpath.dirname(name), reference.partition("#")[0]))
    return None if found.startswith("../") or found in ("..", ".") else found


def _too_large(name: str, where: str) -> ConfigError:
    return ConfigError(
        f"the rule file {name[:200]} is larger than rules ever are",
        where=where,
        fix="check that this is the publisher's release",
    )

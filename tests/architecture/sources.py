"""The project's own modules as text and as syntax trees, without running them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

__all__ = ["LAYERS", "ROOT", "Module", "modules"]

ROOT = Path(__file__).parents[2]
LAYERS = ("formats", "mappings", "connectors", "gateway")


@dataclass(frozen=True)
class Module:
    """One Python file; `name` is the dotted name it is imported by."""

    name: str
    path: Path
    tree: ast.Module

    @property
    def layer(self) -> str:
        return self.name.partition(".")[0]

    @property
    def place(self) -> str:
        """The file as a path below the project."""
        return self.path.relative_to(ROOT).as_posix()

    def imports(self) -> Iterator[tuple[int, str]]:
        """Line and full name of everything that is imported, also inside functions."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from ((node.lineno, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{self.place}:{node.lineno} imports by a relative name"
                yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)

    def calls(self) -> Iterator[tuple[int, str]]:
        """Line and written name of everything that is called: `print`, `datetime.now`."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Call):
                yield node.lineno, ast.unparse(node.func)


@cache
def modules() -> tuple[Module, ...]:
    """All modules of the product, in order of their names."""
    found = []
    for layer in LAYERS:
        for path in sorted((ROOT / layer).rglob("*.py")):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
            found.append(Module(name, path, ast.parse(path.read_text("utf-8"), str(path))))
    assert len(found) > 100
    return tuple(found)

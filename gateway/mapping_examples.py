"""Examples of a mapping: a source document, and the invoice that must come out of it.

An example is a folder `<root>/<mapping>/<case>/` with `source.json`, `.xml`, `.txt` or `.csv`, and what must
come out: `invoice.json` (by business term) and `invoice.xml` (UBL), or `problem.txt` where the document must
be refused. The selling company's facts are in `company.yaml` of the case, or of all cases beside it.

The examples of the gateway's own mappings come with it, so that what is installed can be proved anywhere.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Final

from formats.errors import ConfigError, DocumentError
from formats.model.plain import differences, to_plain
from formats.syntaxes import ubl
from gateway import config_file
from mappings.engine import CompiledMapping

__all__ = ["Case", "Verdict", "accept", "cases", "judge", "mappings_in", "shipped"]

_SOURCE: Final = "source.*"
_INVOICE: Final = "invoice.json"
_UBL: Final = "invoice.xml"
_PROBLEM: Final = "problem.txt"


@dataclass(frozen=True, slots=True)
class Case:
    """One example folder of the mapping `mapping`."""

    mapping: str
    folder: Path

    @property
    def name(self) -> str:
        return self.folder.name

    def source(self) -> bytes:
        """The ERP's document. Raises ConfigError where there is none, or more than one."""
        found = sorted(self.folder.glob(_SOURCE))
        if len(found) != 1:
            raise ConfigError(
                f"the example needs one source document, {len(found)} are there",
                where=str(self.folder),
                fix="put it there as source.json, source.xml, source.csv or source.txt",
            )
        return found[0].read_bytes()

    def company(self) -> Mapping[str, Any]:
        """The selling company's facts; {} where no file has any."""
        for file in (self.folder / "company.yaml", self.folder.parent / "company.yaml"):
            if file.is_file():
                return dict(config_file.load(file))
        return {}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is wrong with one example: `problem` for the example as a whole, `changes` by place in the
    invoice."""

    case: Case
    problem: str = ""
    changes: tuple[tuple[str, str, str], ...] = ()

    @property
    def passed(self) -> bool:
        return not self.problem and not self.changes


def shipped() -> Path:
    """The folder of the examples that come with the gateway; in a checkout it is that of the tests."""
    installed = Path(str(resources.files("gateway").joinpath("mapping_cases")))
    return installed if installed.is_dir() else Path(__file__).parents[1] / "tests" / "data" / "mappings"


def mappings_in(root: Path) -> tuple[str, ...]:
    """The mappings that have a folder of examples there."""
    return tuple(sorted(folder.name for folder in root.iterdir() if folder.is_dir())) if root.is_dir() else ()


def cases(root: Path, mapping: str) -> Iterator[Case]:
    """The examples of one mapping, by name."""
    home = root / mapping
    if home.is_dir():
        yield from (Case(mapping, folder) for folder in sorted(home.iterdir()) if folder.is_dir())


def judge(case: Case, mapping: CompiledMapping) -> Verdict:
    """Run one example. Raises ConfigError for a folder that is no example."""
    content, company = case.source(), case.company()
    wanted_problem = case.folder / _PROBLEM
    try:
        invoice = mapping.map(content, 0, company).invoice
    except DocumentError as error:
        if not wanted_problem.is_file():
            return Verdict(case, f"it is refused: {error.what}")
        wanted = wanted_problem.read_text("utf-8").strip()
        return (
            Verdict(case) if error.what == wanted else Verdict(case, "", (("problem", wanted, error.what),))
        )
    if wanted_problem.is_file():
        return Verdict(case, f"it is not refused; {_PROBLEM} says it must be")
    if not (case.folder / _INVOICE).is_file() or not (case.folder / _UBL).is_file():
        return Verdict(
            case, f"{_INVOICE} and {_UBL} say what must come out; gateway mappings accept writes them"
        )
    try:
        expected = json.loads((case.folder / _INVOICE).read_text("utf-8"))
    except ValueError as error:
        raise ConfigError(
            f"this is not JSON: {error}", where=str(case.folder / _INVOICE), fix="write it anew with accept"
        ) from error
    changes = tuple(differences(expected, to_plain(invoice)))
    if not changes and ubl.write(invoice) != (case.folder / _UBL).read_bytes():
        return Verdict(case, f"the terms are the same, and the UBL is not that of {_UBL}")
    return Verdict(case, "", changes)


def accept(case: Case, mapping: CompiledMapping) -> None:
    """Write what comes out today as what must come out."""
    for name in (_INVOICE, _UBL, _PROBLEM):
        (case.folder / name).unlink(missing_ok=True)
    try:
        invoice = mapping.map(case.source(), 0, case.company()).invoice
    except DocumentError as error:
        (case.folder / _PROBLEM).write_text(f"{error.what}\n", "utf-8")
        return
    text = json.dumps(to_plain(invoice), ensure_ascii=False, indent=2)
    (case.folder / _INVOICE).write_text(f"{text}\n", "utf-8")
    (case.folder / _UBL).write_bytes(ubl.write(invoice))

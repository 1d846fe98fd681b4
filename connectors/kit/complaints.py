"""What an ERP says went wrong, as one of `formats.errors`, by a table of the ERP's own words.

The table is read from top to bottom; the first row that fits decides, and what fits none is unexpected, in
the ERP's words. Those are for people and are kept short; what else an answer holds (a traceback, values of
records) is kept only where the caller says so.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from formats.errors import RemoteError, RemoteUnavailable, RemoteUnexpected

__all__ = ["Complaint", "Complaints", "Meaning"]

_LONGEST = 300


@dataclass(frozen=True, slots=True)
class Complaint:
    """What was said: the kind of error as the ERP names it, its words, and the status of the answer."""

    kind: str
    text: str
    status: int = 200


@dataclass(frozen=True, slots=True)
class Meaning:
    """One row: an error of ours for some kinds (whole, or between dots), statuses, or words (a pattern).

    `what` and `fix` may hold {system}, {kind}, {text} and the facts of the table. `uncertain` as in
    RemoteUnavailable.
    """

    error: type[RemoteError]
    what: str
    fix: str
    kinds: tuple[str, ...] = ()
    statuses: tuple[int, ...] = ()
    words: str = ""
    uncertain: bool = False

    def fits(self, said: Complaint) -> bool:
        return (
            not {said.kind, *said.kind.split(".")}.isdisjoint(self.kinds)
            or said.status in self.statuses
            or bool(self.words and re.search(self.words, said.text, re.IGNORECASE))
        )


class Complaints:
    """The table of one ERP; `facts` are what its sentences name, such as the database."""

    def __init__(self, system: str, meanings: Sequence[Meaning], *, otherwise: str, **facts: str) -> None:
        last = Meaning(RemoteUnexpected, "{system} says {kind}: {text}", otherwise)
        self._system, self._meanings, self._last, self._facts = system, meanings, last, facts

    def find(self, said: Complaint) -> Meaning:
        """The row that fits."""
        return next((one for one in self._meanings if one.fits(said)), self._last)

    def error(self, said: Complaint, where: str, evidence: bytes = b"") -> RemoteError:
        """What to raise. `evidence` is kept where it was unexpected."""
        found = self.find(said)
        text = " ".join(said.text.split())[:_LONGEST]
        kind = said.kind.rpartition(".")[2] or "an error"
        words = {**self._facts, "system": self._system, "kind": kind, "text": text}
        what, fix = found.what.format_map(words), found.fix.format_map(words)
        if issubclass(found.error, RemoteUnexpected):
            return found.error(what, where=where, fix=fix, evidence=evidence)
        if issubclass(found.error, RemoteUnavailable):
            return found.error(what, where=where, fix=fix, uncertain=found.uncertain)
        return found.error(what, where=where, fix=fix)

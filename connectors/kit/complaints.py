"""What an ERP says went wrong, as one of `formats.errors`, by a table of the ERP's own words.

The table is read from top to bottom; the first row that fits decides, and what fits none is unexpected, in
the ERP's words. Those are for people and are kept short; what else an answer holds (a traceback, values of
records) is kept only where the caller says so.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from formats.errors import RemoteBlocked, RemoteError, RemoteRefused, RemoteUnavailable, RemoteUnexpected

__all__ = [
    "Complaint",
    "Complaints",
    "Meaning",
    "blocked",
    "busy",
    "no_database",
    "no_login",
    "no_right",
    "own_error",
]


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

    `what` and `fix` may hold {system}, {kind}, {text}, {status} and the facts of the table. `uncertain` as in
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


def no_login(fix: str, *kinds: str, statuses: tuple[int, ...] = (), words: str = "") -> Meaning:
    """Who we are is not believed; {login} says what was shown."""
    return Meaning(RemoteRefused, "{system} does not accept {login}", fix, kinds, statuses, words)


def no_database(*kinds: str, statuses: tuple[int, ...] = (), words: str = "", hint: str = "") -> Meaning:
    """The server does not have the {database}."""
    fix = "correct database in the settings" + (f"; {hint}" if hint else "")
    what = "there is no database {database} on this server"
    return Meaning(RemoteRefused, what, fix, kinds, statuses, words)


def no_right(*kinds: str, statuses: tuple[int, ...] = (), words: str = "") -> Meaning:
    """The user may not do this."""
    fix = "give the gateway's user the right to do this in {system}"
    return Meaning(RemoteRefused, "{system} refuses: {text}", fix, kinds, statuses, words)


def busy(*kinds: str, statuses: tuple[int, ...] = (), words: str = "") -> Meaning:
    """Somebody else writes the same record, or the database has no room for us just now."""
    what = "{system}'s database is busy, or somebody is changing this record"
    return Meaning(RemoteUnavailable, what, "it is tried again by itself", kinds, statuses, words)


def blocked(*kinds: str, statuses: tuple[int, ...] = (), words: str = "") -> Meaning:
    """The ERP has reasons of its own, which it tells in words for people."""
    what, fix = "{system} will not do this: {text}", "put right in {system} what it says"
    return Meaning(RemoteBlocked, what, fix, kinds, statuses, words)


def own_error(*statuses: int) -> Meaning:
    """The ERP broke down over the call, and may have done what it was for."""
    what = "{system} answered {status}, an error of its own"
    fix = "it is looked up, then tried again by itself; if it lasts, look into the server's log"
    return Meaning(RemoteUnavailable, what, fix, statuses=statuses, uncertain=True)


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
        words = {
            **self._facts,
            "system": self._system,
            "kind": kind,
            "text": text,
            "status": str(said.status),
        }
        what, fix = found.what.format_map(words), found.fix.format_map(words)
        if issubclass(found.error, RemoteUnexpected):
            return found.error(what, where=where, fix=fix, evidence=evidence)
        if issubclass(found.error, RemoteUnavailable):
            return found.error(what, where=where, fix=fix, uncertain=found.uncertain)
        return found.error(what, where=where, fix=fix)

"""An interface that was changed over night: its answers are sound, but not what they were."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import islice
from typing import Final

from connectors.conformance.bench import Bench
from connectors.conformance.outcome import Behaviour, NotApplicable, insist
from connectors.sandbox.faults import Fault
from formats.errors import EInvoicingError, RemoteRefused, RemoteUnavailable, RemoteUnexpected

__all__ = ["BEHAVIOURS"]

_RIGHTLY: Final = (RemoteUnexpected, RemoteUnavailable, RemoteRefused)
_MOST_PLACES: Final = 40
_PAGES: Final = 2
_ANY: Final = "[0-9A-Fa-f-]+"
_KEYS: Final = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}|[0-9]+")


def lists(bench: Bench) -> None:
    keys = set(bench.trial.add(1))
    whole = bench.read_on("", keys)
    fault = bench.arm("other-form", "list")
    pulled = bench.pull()
    bench.insist_played(fault)
    error = pulled.error
    insist(error is not None, "a list in a form that is not known looks like a quiet day")
    insist(
        isinstance(error, RemoteUnexpected), f"{type(error).__name__} instead of RemoteUnexpected: {error}"
    )
    _insist_plain(error)
    rest = bench.read_on(pulled.cursor, keys - pulled.keys)
    came = {**pulled.contents, **rest.contents}
    changed = sorted(key for key in keys if came[key] != whole.contents[key])
    insist(not changed, f"after it, an invoice is not what it was: {changed[:3]}")


def anywhere(bench: Bench) -> None:
    visited = _Visits(bench)
    played = sum(visited.strike(kind) for kind in ("other-form", "other-fields"))
    if not played:
        raise NotApplicable("The imitated system cannot play answers of another form.")


def quiet(bench: Bench) -> None:
    visited = _Visits(bench)
    with bench.listening():
        if not visited.strike("other-form"):
            raise NotApplicable("The imitated system cannot play answers of another form.")
    text = "\n".join(bench.said)
    secrets = bench.system.faults.confided | set(bench.system.secrets().values())
    shown = [secret for secret in secrets if secret.strip() and secret in text]
    insist(not shown, f"{len(shown)} tokens or secrets of such an answer stand in an error or in the log")


class _Visits:
    """The places of the other side that reading, writing and checking go to, each to be struck once."""

    def __init__(self, bench: Bench) -> None:
        (key,) = bench.trial.add(1)
        self._bench = bench
        self._document = next(one for one in bench.read_on("", {key}).documents if one.key == key)
        self._places: dict[str, Callable[[], None]] = {}
        for work in (self._read, self._write, self._check):
            bench.system.faults.places.clear()
            work()
            for place in bench.system.faults.places:
                self._places.setdefault(f"^{_KEYS.sub(_ANY, re.escape(place))}$", work)

    def strike(self, kind: str) -> int:
        """Let each place answer in another form once; how many did. Raises Broken where that is not said."""
        played = 0
        faults = self._bench.system.faults
        for place, work in list(self._places.items())[:_MOST_PLACES]:
            fault = Fault(kind, place)
            faults.arm(fault)
            work()
            played += fault not in faults.waiting()
            faults.clear()
        return played

    def _read(self) -> None:
        try:
            for _ in islice(self._bench.connector().pull(""), _PAGES):
                pass
        except EInvoicingError as error:
            self._said(error)

    def _write(self) -> None:
        try:
            self._bench.connector().report_status(self._bench.news(self._document))
        except EInvoicingError as error:
            self._said(error)

    def _check(self) -> None:
        steps = list(self._bench.connector().check())
        self._bench.said += [repr(step) for step in steps]
        mute = [step.name for step in steps if not step.ok and not step.fix]
        insist(not mute, f"check() does not say what to do about {mute}")

    def _said(self, error: EInvoicingError) -> None:
        self._bench.heard(error)
        _insist_plain(error)


def _insist_plain(error: EInvoicingError | None) -> None:
    if error is None:
        return
    insist(isinstance(error, _RIGHTLY), f"{type(error).__name__} instead of RemoteUnexpected: {error}")
    insist(bool(error.what and error.where and error.fix), f"the error says too little: {error!r}")


BEHAVIOURS: Final = (
    Behaviour("list in another form", "sound data without what we look for is no quiet day", lists),
    Behaviour("any answer in another form", "said with where and what to do, never a crash", anywhere),
    Behaviour("secrets in such an answer", "none is kept as evidence", quiet),
)

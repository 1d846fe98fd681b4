"""Faults of the other side while reading: each is told apart rightly, and none looks like a quiet day."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Final

from connectors.conformance.bench import Bench, Pulled
from connectors.conformance.outcome import Behaviour, NotApplicable, insist
from formats.errors import EInvoicingError, RemoteRefused, RemoteUnavailable, RemoteUnexpected

__all__ = ["BEHAVIOURS"]

_Rightly = tuple[type[EInvoicingError], ...]
_BUSY: Final[_Rightly] = (RemoteUnavailable,)
_STRANGE: Final[_Rightly] = (RemoteUnavailable, RemoteUnexpected, RemoteRefused)
_PATIENCE: Final = 7.0


def _struck(bench: Bench, kind: str, rightly: _Rightly, *, seconds: float = 1.0) -> None:
    """Play one fault where invoices are listed and where one is read; what comes must be whole in the end."""
    keys = set(bench.trial.add(5))
    whole = bench.read_on("", keys)
    reasons = []
    for action in ("list", "read"):
        try:
            fault = bench.arm(kind, action, seconds=seconds)
            pulled = bench.pull()
            bench.insist_played(fault)
        except NotApplicable as error:
            reasons.append(str(error))
            continue
        _insist_right(bench, action, pulled, rightly)
        if isinstance(pulled.error, RemoteUnavailable) and pulled.error.retry_at is not None:
            bench.wait_until(pulled.error.retry_at)
        rest = bench.read_on(pulled.cursor, keys - pulled.keys)
        came = {**pulled.contents, **rest.contents}
        altered = sorted(key for key in keys if came[key] != whole.contents[key])
        insist(not altered, f"after {kind} while we {action}, an invoice is not what it was: {altered[:3]}")
    if len(reasons) == 2:
        raise NotApplicable(reasons[0])


def _insist_right(bench: Bench, action: str, pulled: Pulled, rightly: _Rightly) -> None:
    error = pulled.error
    if error is None:
        return  # it was tried again at once, or the invoice is left for the next visit; which is proved then
    names = " or ".join(one.__name__ for one in rightly)
    insist(
        isinstance(error, rightly),
        f"while we {action}: {type(error).__name__} instead of {names}: {error}",
    )
    insist(bool(error.what and error.where and error.fix), f"the error says too little: {error!r}")


def throttled(bench: Bench) -> None:
    bench.trial.add(3)
    began = bench.now()
    fault = bench.arm("too-many-requests", "list", seconds=_PATIENCE)
    pulled = bench.pull()
    bench.insist_played(fault)
    error = pulled.error
    if error is not None:
        insist(isinstance(error, RemoteUnavailable), f"{type(error).__name__} instead of RemoteUnavailable")
        retry_at = error.retry_at if isinstance(error, RemoteUnavailable) else None
        insist(retry_at is not None, "the time that the other side named (Retry-After) is not passed on")
        if retry_at is not None:
            early = began + timedelta(seconds=_PATIENCE - 1)
            insist(retry_at >= early, f"it asked for {_PATIENCE:g} seconds and would be asked again earlier")
            bench.wait_until(retry_at)
    _struck(bench, "too-many-requests", _BUSY)


def slow(bench: Bench) -> None:
    settings = bench.trial.settings()
    known = settings.get("read_seconds")
    silence = float(known) if isinstance(known, int | float) else 1.0
    _struck(bench, "slow", _BUSY, seconds=min(silence * 1.5, 3.0))


def _fault(kind: str, rightly: _Rightly) -> Callable[[Bench], None]:
    return partial(_struck, kind=kind, rightly=rightly)


BEHAVIOURS: Final = (
    Behaviour("429 with Retry-After", "we come back when the other side said, not earlier", throttled),
    Behaviour("429 without it", "busy is busy, also without a time", _fault("too-many-requests-bare", _BUSY)),
    Behaviour("500", "an error of the other side is tried again", _fault("server-error", _BUSY)),
    Behaviour("503", "maintenance is tried again", _fault("unavailable", _BUSY)),
    Behaviour("HTML page", "a login or proxy page is no empty list", _fault("html", _STRANGE)),
    Behaviour(
        "truncated answer", "half an answer is not taken for a whole one", _fault("truncated", _STRANGE)
    ),
    Behaviour("slow answer", "silence ends in RemoteUnavailable, or is waited for", slow),
    Behaviour("connection cut", "a lost connection is tried again", _fault("drop-before", _BUSY)),
    Behaviour(
        "duplicate",
        "what is given twice is the same invoice, not a changed one",
        _fault("duplicate", _STRANGE),
    ),
)

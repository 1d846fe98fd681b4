"""Reading page by page: everything comes, from any place, also after a failure in the middle."""

from __future__ import annotations

from typing import Final

from connectors.conformance.bench import Bench
from connectors.conformance.outcome import Behaviour, insist
from formats.errors import EInvoicingError, RemoteUnavailable

__all__ = ["BEHAVIOURS"]

_DOZEN: Final = 12


def pages(bench: Bench) -> None:
    keys = set(bench.trial.add(_DOZEN))
    insist(len(keys) == _DOZEN, f"the trial made {len(keys)} invoices instead of {_DOZEN}")
    pulled = bench.read_on("", keys)
    filled = [page for page in pulled.pages if page.documents]
    insist(len(filled) > 1, "a dozen invoices came in one page: nothing would be stored before all are read")
    insist(all(one.content for one in pulled.documents), "a document has no content")


def resume(bench: Bench) -> None:
    keys = set(bench.trial.add(_DOZEN))
    bench.read_on("", keys)
    first = next(iter(bench.connector().pull("")))
    rest = bench.read_on(first.cursor, keys - {one.key for one in first.documents})
    again = bench.read_on(first.cursor, rest.keys)
    insist(again.contents == rest.contents, "reading again from an older cursor gave something else")


def no_news(bench: Bench) -> None:
    keys = set(bench.trial.add(3))
    before = bench.read_on("", keys, acknowledge=True)
    after = bench.pull(before.cursor, acknowledge=True)
    insist(after.error is None, f"a visit without news failed: {after.error}")
    strange = {key for key, content in after.contents.items() if before.contents.get(key) != content}
    insist(not strange, f"unchanged invoices came again with another content: {sorted(strange)[:3]}")
    (new,) = bench.trial.add(1)
    bench.read_on(after.cursor, {new}, acknowledge=True)


def broken_off(bench: Bench) -> None:
    keys = set(bench.trial.add(_DOZEN))
    bench.read_on("", keys)
    visit = iter(bench.connector().pull(""))
    first = next(visit)
    known = {one.key for one in first.documents}
    cursor = first.cursor
    armed = [bench.arm("server-error", action) for action in ("list", "read") if bench.trial.place(action)]
    try:
        for page in visit:
            known |= {one.key for one in page.documents}
            cursor = page.cursor
    except EInvoicingError as error:
        bench.heard(error)
        insist(
            isinstance(error, RemoteUnavailable),
            f"a failure between two pages is {type(error).__name__} instead of RemoteUnavailable: {error}",
        )
    waiting = bench.system.faults.waiting()
    bench.system.faults.clear()
    # At least one must have been met.
    bench.insist_any_played(armed, waiting)
    bench.read_on(cursor, keys - known)


BEHAVIOURS: Final = (
    Behaviour("paging", "every invoice comes, in several pages that can be stored one by one", pages),
    Behaviour("resume", "an older cursor gives the same documents again, never fewer", resume),
    Behaviour(
        "nothing new", "a visit without news gives nothing that looks changed, and misses none", no_news
    ),
    Behaviour("failure between pages", "pages before it are kept, and the rest comes later", broken_off),
)

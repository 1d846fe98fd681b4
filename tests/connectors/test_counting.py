"""What each ERP that can count says of a day is what a pull gives of it, whatever else is in its books.

Against the seeded books of the imitated systems, which hold what is not sent as well: drafts, pro forma and
cancelled documents, and those that the ERP sends itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any, Final

import pytest

from connectors.base import Counts, SourceDocument
from connectors.conformance.bench import Bench
from connectors.conformance.registry import trial, trial_kinds
from connectors.erp.exact_online import ExactOnline
from connectors.registry import ERPS, erp
from connectors.sandbox.tryton_server import PRODUCT
from gateway.clock import utc_now
from mappings.engine import CompiledMapping
from mappings.provenance import IncompleteInvoice
from mappings.registry import load

# The mapping of each kind that counts.
MAPPINGS: Final = {
    "exact-online": "exact_online",
    "netsuite-rest": "netsuite_rest",
    "netsuite-soap": "netsuite",
    "odoo": "odoo",
    "sap-odata": "sap_billing_document",
    "sap-soap": "sap_billing_document",
    "tryton": "tryton",
}
# Kinds whose other side is a folder: nobody there can be asked.
FOLDERS: Final = frozenset({"folder", "sap-idoc", "sftp-files"})
# How many invoices of the seeded books cannot be read.
UNREAD: Final[Mapping[str, int]] = {"netsuite-rest": 2}
# A Tryton shares its database with other tests: what it does not count is tested below.
SEEDED: Final = sorted(MAPPINGS.keys() - {"tryton"})


class _Whole:
    """A trial that asks for all its system has, not only for what is added."""

    def __init__(self, kind: str) -> None:
        self._trial: Any = trial(kind)()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._trial, name)

    def settings(self) -> Mapping[str, object]:
        return (
            {**self._trial.settings(), "first_day": None} if self._has_first_day else self._trial.settings()
        )

    @property
    def _has_first_day(self) -> bool:
        return "first_day" in self._trial.settings()


@contextmanager
def opened(kind: str) -> Iterator[Bench]:
    bench = Bench(_Whole(kind), erp(kind), utc_now)
    try:
        yield bench
    finally:
        bench.close()


def _day(mapping: CompiledMapping, document: SourceDocument) -> date | None:
    """BT-2, also of an invoice that cannot be mapped whole."""
    try:
        return mapping.map(document.content, document.part, {}).invoice.issue_date
    except IncompleteInvoice as error:
        return error.invoice.issue_date


@pytest.mark.parametrize("kind", sorted(set(trial_kinds()) & set(ERPS)))
def test_every_erp_that_can_be_asked_counts(kind: str) -> None:
    assert (kind in MAPPINGS) is (kind not in FOLDERS)
    made_by: Any = erp(kind)
    assert hasattr(made_by, "count_posted") is (kind in MAPPINGS)


@pytest.mark.parametrize("kind", SEEDED)
def test_each_day_counts_what_a_pull_gives_of_it(kind: str) -> None:
    """What cannot be read is posted all the same: it is counted, and people are shown it."""
    mapping = load(MAPPINGS[kind])
    with opened(kind) as bench:
        bench.trial.add(2)
        pulled = bench.pull("")
        assert pulled.error is None
        documents = {one.key: one for one in pulled.documents}.values()
        given = Counter(day for one in documents if (day := _day(mapping, one)) is not None)
        assert given.total() == len(documents)
        connector = bench.connector()
        assert isinstance(connector, Counts)
        around = {day + timedelta(days=one) for day in given for one in (-1, 0, 1)}
        counted = Counter({day: count for day in around if (count := connector.count_posted(day))})
        assert not given - counted
        unread = UNREAD.get(kind, 0)
        assert (counted - given).total() == unread <= len(pulled.rejected)


def test_tryton_counts_what_is_posted_from_the_first_day_on() -> None:
    """Drafts are no invoices yet, cancelled ones are shown to people; another day is another count."""
    bench = Bench(trial("tryton")(), erp("tryton"), utc_now)
    try:
        first, second, _ = bench.trial.add(3)
        tryton: Any = bench.system
        tryton.invoice([PRODUCT, "1", "40", "21 %"], post=False)
        tryton.ask("cancel", number=int(second))
        connector: Any = bench.connector()
        day = tryton.first_day
        assert connector.count_posted(day) == 2
        assert connector.count_posted(day - timedelta(days=1)) == 0
        assert first in bench.pull("").keys
    finally:
        bench.close()


def test_a_search_tells_the_total_whatever_the_size_of_its_page() -> None:
    with opened("netsuite-soap") as bench:
        keys = bench.trial.add(7)
        connector: Any = bench.connector()
        day = bench.trial.day(keys[0])  # type: ignore[attr-defined]  # trials of both kinds know days
        assert connector.count_posted(day) == 7


def test_what_exact_sends_itself_counts_only_where_it_is_taken() -> None:
    with opened("exact-online") as bench:
        keys = bench.trial.add(3)
        exact: Any = bench.system
        [first, *_] = [row for row in exact.books.invoices if row["InvoiceID"].lower() in keys]
        [buyer] = [row for row in exact.books.accounts if row["ID"] == first["InvoiceTo"]]
        exact.change_account(int(buyer["Code"]), InvoicingMethod=32)
        connector: Any = bench.connector()
        taking = ExactOnline(
            "taking",
            connector._settings.model_copy(update={"when_exact_sends": "take"}),
            connector._surroundings,
        )
        day = bench.trial.day(keys[0])  # type: ignore[attr-defined]
        assert (connector.count_posted(day), taking.count_posted(day)) == (2, 3)
        taking.close()


def test_what_sap_has_not_posted_or_cancelled_unsent_is_not_counted() -> None:
    with opened("sap-odata") as bench:
        posted, unposted, cancelled = bench.trial.add(3)
        s4: Any = bench.system
        s4.touch(unposted, AccountingTransferStatus="A")
        s4.cancel(cancelled)
        connector: Any = bench.connector()
        day = bench.trial.day(posted)  # type: ignore[attr-defined]
        assert connector.count_posted(day) == 1

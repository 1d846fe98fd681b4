"""What a connector may offer beyond invoices and status: payments, master data, wake-up calls, pushes."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Final

from connectors.base import (
    Counts,
    OpenInvoice,
    PostsPayments,
    Push,
    ReadsParties,
    TakesPurchaseInvoices,
    TakesPushes,
    WokenByCalls,
)
from connectors.conformance.bench import Bench
from connectors.conformance.outcome import Behaviour, NotApplicable, insist
from connectors.conformance.trial import KnowsDays, KnowsNumbers, TakesPayments, TakesPurchases
from connectors.sandbox.faults import Fault
from formats.errors import EInvoicingError, MalformedDocument, RemoteRefused, RemoteUnavailable

__all__ = ["BEHAVIOURS"]


def payments(bench: Bench) -> None:
    keys = bench.trial.add(2)
    bench.read_on("", set(keys), acknowledge=True)
    trial = bench.trial
    numbers = {key: trial.number(key) if isinstance(trial, KnowsNumbers) else key for key in keys}
    asked = tuple(OpenInvoice(key, numbers[key], "EUR", Decimal("100.00")) for key in keys)
    connector = bench.connector()
    insist(list(connector.pull_payments(())) == [], "payments came although no invoice was asked about")
    told = list(connector.pull_payments(asked))
    strange = sorted({one.key for one in told} - set(keys))
    insist(not strange, f"payments came of invoices that were not asked about: {strange[:3]}")
    insist(all(one.paid >= 0 for one in told), "a sum paid is negative")


def parties(bench: Bench) -> None:
    connector = bench.connector()
    if not isinstance(connector, ReadsParties):
        raise NotApplicable("This connector reads no master data.")
    bench.trial.add(1)
    pages = list(connector.pull_parties(""))
    found = [party for page in pages for party in page.parties]
    insist(bool(found), "there are buyers, and none came")
    insist(all(party.key for party in found), "a buyer has no key")
    texts = all(isinstance(value, str) and value for party in found for value in party.facts.values())
    insist(texts, "a fact is empty or no text; leave empty facts out")
    again = [party for page in connector.pull_parties("") for party in page.parties]
    insist(
        {party.key: dict(party.facts) for party in again}
        == {party.key: dict(party.facts) for party in found},
        "read again, the same buyers look different",
    )
    later = [party for page in connector.pull_parties(pages[-1].cursor) for party in page.parties]
    known = {party.key: dict(party.facts) for party in found}
    insist(
        all(known.get(party.key) == dict(party.facts) for party in later),
        "read on from the last cursor, an unchanged buyer looks different",
    )


def counting(bench: Bench) -> None:
    connector, trial = bench.connector(), bench.trial
    if not isinstance(connector, Counts):
        raise NotApplicable("This connector cannot count what the ERP posted.")
    if not isinstance(trial, KnowsDays):
        raise NotApplicable("The trial does not tell of which day its invoices are.")
    (first,) = trial.add(1)
    day = trial.day(first)
    before = connector.count_posted(day)
    more = sum(trial.day(key) == day for key in trial.add(3))
    after = connector.count_posted(day)
    insist(before >= 1 and after == before + more, f"{more} more were posted, and {after - before} counted")
    insist(connector.count_posted(date(1999, 1, 1)) == 0, "something is counted on a day without invoices")


def posting(bench: Bench) -> None:
    connector, trial = bench.connector(), bench.trial
    if not isinstance(connector, PostsPayments):
        raise NotApplicable("This connector posts no payments.")
    if not isinstance(trial, TakesPayments):
        raise NotApplicable("The trial has no payments to post.")
    keys = trial.add(2)
    bench.read_on("", set(keys), acknowledge=True)
    first = connector.post_payment(trial.payment_for(keys[0], "GW-PAY-1"))
    second = connector.post_payment(trial.payment_for(keys[0], "GW-PAY-1"))
    insist((first.existed, second.existed) == (False, True), "posted again, the first one is not noticed")
    insist(trial.times_posted("GW-PAY-1") == 1, "posted again, the payment is in the ERP more than once")
    fault = bench.arm("drop-after", "write")
    payment = trial.payment_for(keys[1], "GW-PAY-2")
    try:
        connector.post_payment(payment)
    except EInvoicingError as error:
        bench.heard(error)
        insist(isinstance(error, RemoteUnavailable), f"{type(error).__name__} instead of RemoteUnavailable")
    bench.system.faults.clear()
    later = bench.connector()
    insist(
        isinstance(later, PostsPayments) and bool(later.post_payment(payment).where), "it is not confirmed"
    )
    times = trial.times_posted("GW-PAY-2")
    insist(times == 1, f"after a lost answer ({fault.where}) the payment is in the ERP {times} times")


def purchases(bench: Bench) -> None:
    connector, trial = bench.connector(), bench.trial
    if not isinstance(connector, TakesPurchaseInvoices):
        raise NotApplicable("This connector takes no received invoices.")
    if not isinstance(trial, TakesPurchases):
        raise NotApplicable("The trial has no received invoices to hand over.")
    purchase = trial.purchase("GW-IN-1")
    first, second = connector.take_purchase(purchase), connector.take_purchase(purchase)
    insist((first.existed, second.existed) == (False, True), "handed over again, the first is not noticed")
    insist(bool(first.where), "the proof does not say where the ERP holds the draft")
    insist(trial.times_taken("GW-IN-1") == 1, "handed over again, the draft is in the ERP more than once")
    purchase = trial.purchase("GW-IN-2")
    bench.system.faults.arm(Fault("drop-after", trial.purchase_place()))
    try:
        connector.take_purchase(purchase)
    except EInvoicingError as error:
        bench.heard(error)
        insist(isinstance(error, RemoteUnavailable), f"{type(error).__name__} instead of RemoteUnavailable")
    bench.system.faults.clear()
    later = bench.connector()
    insist(isinstance(later, TakesPurchaseInvoices), "it takes none the second time")
    if isinstance(later, TakesPurchaseInvoices):
        later.take_purchase(purchase)
    times = trial.times_taken("GW-IN-2")
    insist(times == 1, f"after a lost answer the draft is in the ERP {times} times")


def forged_calls(bench: Bench) -> None:
    connector = bench.connector()
    if not isinstance(connector, WokenByCalls):
        raise NotApplicable("This ERP does not call us when something changed.")
    for content in (b"", b"{}", b"[1,2", b"<a/>", b'{"Content":{},"HashCode":"00"}'):
        try:
            woken = connector.wake(Push("application/json", content, {"content-type": "application/json"}))
        except RemoteRefused:
            continue
        except MalformedDocument:
            continue
        insist(not woken, f"a call that nobody signed wakes us: {content!r}")


def empty_pushes(bench: Bench) -> None:
    connector = bench.connector()
    if not isinstance(connector, TakesPushes):
        raise NotApplicable("Documents are pulled by this connector, not pushed to it.")
    for content in (b"", b"\x00\x01\x02 nothing that anybody reads"):
        try:
            page = connector.take(Push("application/octet-stream", content))
        except MalformedDocument:
            continue
        insist(not page.documents, "a push without a document gave one")


BEHAVIOURS: Final = (
    Behaviour("payments", "what is asked about is told, nothing else", payments),
    Behaviour("master data", "buyers come with plain facts, the same each time", parties),
    Behaviour("counting", "what the ERP counts grows with what is posted", counting),
    Behaviour("payment posting", "posted again or with a lost answer, it is there once", posting),
    Behaviour("received invoices", "taken again or with a lost answer, it is there once", purchases),
    Behaviour("forged calls", "a wake-up call that nobody signed is refused", forged_calls),
    Behaviour("empty pushes", "a push without a document is refused in plain words", empty_pushes),
)

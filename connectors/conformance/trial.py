"""What the conformance suite needs of a connector's other side in order to put the connector to the test.

One trial per kind of connector, beside this file; third parties bring theirs with their connector. A trial
starts an imitated (or real) system afresh for each behaviour, says how a connector is configured for it, and
plays the clerk who makes and changes invoices there.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Protocol, runtime_checkable

from connectors.base import IncomingPayment, PurchaseInvoice
from connectors.sandbox.system import ImitatedSystem

__all__ = [
    "ClosesPeriods",
    "HasFullSize",
    "KnowsDays",
    "KnowsNumbers",
    "TakesPayments",
    "TakesPurchases",
    "Trial",
]


class Trial(Protocol):
    """One system of the other side, made for one connector kind; the constructor takes no argument.

    Invoices are named by the key that the connector gives them (`SourceDocument.key`).
    """

    @property
    def system(self) -> ImitatedSystem:
        """Not yet started; its `faults` and `secrets()` are used by the suite."""
        ...

    def settings(self) -> Mapping[str, object]:
        """The `settings:` of a source as its config file has them; called when the system runs.

        Secrets are references `file:secrets/<name>` to the system's `secrets()`. Page sizes are small, so
        that a dozen invoices make several pages.
        """
        ...

    def place(self, action: str) -> str:
        """Where `Faults` strike one action: a regular expression for "list", "read" or "write".

        "" for an action that the interface has no call of its own for; what needs it is then named as not
        applicable.
        """
        ...

    def add(self, count: int) -> tuple[str, ...]:
        """A clerk posts `count` more ordinary invoices; their keys."""
        ...

    def change(self, key: str) -> None:
        """A clerk corrects one invoice, so that it is to be pulled again."""
        ...

    def break_one(self) -> str:
        """One more invoice is there that cannot be read as a document; its key, or a part of its origin."""
        ...

    def times_written(self, reference: str) -> int:
        """How often the news of this reference (`StatusReport.reference`) is in the ERP."""
        ...

    def set_clock_back(self, seconds: float) -> bool:
        """From now on the other side's clock is late by so much; False where it has none that matters."""
        ...


@runtime_checkable
class KnowsNumbers(Protocol):
    """A Trial whose invoices have numbers (BT-1) that are not their keys."""

    def number(self, key: str) -> str:
        """The number of this invoice, as status reports name it."""
        ...


@runtime_checkable
class KnowsDays(Protocol):
    """A Trial that can tell the date of an invoice (BT-2)."""

    def day(self, key: str) -> date:
        """The date of this invoice."""
        ...


@runtime_checkable
class ClosesPeriods(Protocol):
    """A Trial whose system can refuse writing for a closed period or a locked record."""

    def close_period(self, key: str) -> None:
        """From now on this invoice lies in a closed period."""
        ...


@runtime_checkable
class HasFullSize(Protocol):
    """A Trial whose system has small pages so that a few invoices fill several, and can do without."""

    def at_full_size(self) -> None:
        """From now on with pages as large as those of the real system, for measuring; before the start."""
        ...


@runtime_checkable
class TakesPayments(Protocol):
    """A Trial whose system incoming payments can be posted to."""

    def payment_for(self, key: str, reference: str) -> IncomingPayment:
        """A payment that settles this invoice in full, under this reference."""
        ...

    def times_posted(self, reference: str) -> int:
        """How often a payment of this reference is in the ERP."""
        ...


@runtime_checkable
class TakesPurchases(Protocol):
    """A Trial whose system received invoices can be handed to."""

    def purchase(self, key: str) -> PurchaseInvoice:
        """A received invoice under this key, of a supplier that the system knows."""
        ...

    def purchase_place(self) -> str:
        """Where `Faults` strike the making of its draft."""
        ...

    def times_taken(self, key: str) -> int:
        """How many drafts of this key are in the ERP."""
        ...

"""Received invoices become drafts of the real Tryton: once, and with what the invoice says."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from importlib.util import find_spec

import pytest

from connectors.base import Attachment, PurchaseInvoice, StateCell, Surroundings, TakesPurchaseInvoices
from connectors.erp.tryton import Tryton, TrytonSettings
from connectors.sandbox.faults import Fault
from formats.errors import RemoteBlocked, RemoteUnavailable
from formats.model import Invoice
from formats.model.vat import LineVat
from formats.syntaxes import ubl
from tests.strategies import sample_invoice

if find_spec("trytond") is None:
    pytest.skip("needs Tryton itself: pip install '.[tryton]'", allow_module_level=True)

from connectors.sandbox.tryton import TrytonBehindFaults
from connectors.sandbox.tryton_server import DATABASE, USER

AT = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)


@contextmanager
def no_cell(_name: str) -> Iterator[StateCell]:
    raise AssertionError("this connector keeps nothing")
    yield  # type: ignore[unreachable]  # makes it a generator


def connected(tryton: TrytonBehindFaults, account: str = "5.1.1") -> Tryton:
    settings = TrytonSettings.model_validate(
        {
            "base_url": tryton.addresses()["http"],
            "database": DATABASE,
            "user": USER,
            "password": "file:secrets/tryton_password",
            "company": tryton.company,
            "purchase_account": account,
            "payable_account": "2.1.1",
        }
    )
    secrets = {f"file:secrets/{name}": text for name, text in tryton.secrets().items()}
    return Tryton("tryton", settings, Surroundings(secrets.__getitem__, lambda: AT, no_cell))


@pytest.fixture(scope="module")
def tryton() -> Iterator[TrytonBehindFaults]:
    system = TrytonBehindFaults()
    system.start()
    system.ask(
        "supplier",
        name="Tulip Instruments B.V.",
        vat="NL123456789B13",
        street="Keizersgracht 1",
        postal_code="1015 CJ",
        city="Amsterdam",
    )
    yield system
    system.stop()


@pytest.fixture
def connector(tryton: TrytonBehindFaults) -> Iterator[Tryton]:
    made = connected(tryton)
    yield made
    made.close()


def purchase(number: str, invoice: Invoice | None = None) -> PurchaseInvoice:
    said = replace(invoice or sample_invoice(), number=number)
    original = Attachment(f"{number}.xml", "application/xml", ubl.write(said))
    return PurchaseInvoice(f"key-of-{number}", said, original)


def test_a_draft_says_what_the_invoice_says(tryton: TrytonBehindFaults, connector: Tryton) -> None:
    assert isinstance(connector, TakesPurchaseInvoices)
    received = purchase("P-1")
    taken = connector.take_purchase(received)
    assert not taken.existed
    (draft,) = tryton.ask("purchases", reference="P-1")
    totals = received.invoice.totals
    assert totals is not None
    assert (draft["state"], draft["party"], draft["day"]) == ("draft", "Tulip Instruments B.V.", "2026-11-20")
    assert Decimal(draft["untaxed"]) == totals.without_vat
    assert Decimal(draft["total"]) == totals.with_vat
    assert draft["lines"][0] == ["Pressure gauge PG-200", "3.0", "299.00"]
    assert draft["files"]["P-1.xml"].encode() == received.original.content
    assert f"account.invoice,{draft['id']}" in taken.where


def test_taken_again_it_is_there_once(tryton: TrytonBehindFaults, connector: Tryton) -> None:
    received = purchase("P-2")
    first, second = connector.take_purchase(received), connector.take_purchase(received)
    assert (first.existed, second.existed) == (False, True)
    assert first.where == second.where
    assert len(tryton.ask("purchases", reference="P-2")) == 1


@pytest.mark.parametrize("model", ["account.invoice", "ir.attachment"])
def test_a_lost_answer_makes_no_second_draft(
    tryton: TrytonBehindFaults, connector: Tryton, model: str
) -> None:
    received = purchase(f"P-3-{model}")
    tryton.faults.arm(Fault("drop-after", f"model.{model}.create"))
    with pytest.raises(RemoteUnavailable):
        connector.take_purchase(received)
    connector.take_purchase(received)
    (draft,) = tryton.ask("purchases", reference=f"P-3-{model}")
    assert list(draft["files"]) == [received.original.filename]


def test_a_credit_note_counts_backwards(tryton: TrytonBehindFaults, connector: Tryton) -> None:
    said = replace(sample_invoice(), type_code="381")
    connector.take_purchase(purchase("P-4", said))
    (draft,) = tryton.ask("purchases", reference="P-4")
    assert said.totals is not None
    assert said.totals.without_vat is not None
    assert Decimal(draft["untaxed"]) == -said.totals.without_vat


def test_an_unknown_supplier_is_for_people(tryton: TrytonBehindFaults, connector: Tryton) -> None:
    """Whom a company pays is not decided by whoever sends an invoice."""
    said = sample_invoice()
    assert said.seller is not None
    stranger = replace(said, seller=replace(said.seller, vat_identifier="NL000099998B57"))
    with pytest.raises(RemoteBlocked, match="is not among the parties") as blocked:
        connector.take_purchase(purchase("P-5", stranger))
    assert "make the supplier" in blocked.value.fix
    assert tryton.ask("purchases", reference="P-5") == []


def test_without_the_one_account_the_setting_is_named(tryton: TrytonBehindFaults) -> None:
    with (
        closing(connected(tryton, account="9.9.9")) as connector,
        pytest.raises(RemoteBlocked, match="no expense account") as blocked,
    ):
        connector.take_purchase(purchase("P-6"))
    assert "purchase_account" in blocked.value.fix


def test_taxes_that_are_not_there_are_told(tryton: TrytonBehindFaults, connector: Tryton) -> None:
    """The draft is made without them, and the proof says where to look."""
    said = sample_invoice()
    lines = tuple(replace(line, vat=LineVat(category="S", rate=Decimal(6))) for line in said.lines)
    taken = connector.take_purchase(purchase("P-7", replace(said, lines=lines)))
    assert "the invoice says 2524.22: look at the taxes" in taken.where

"""The real Tryton: what its clerk posts is pulled, what became of it is noted there, payments are known."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from importlib.util import find_spec
from typing import Any

import pytest

from connectors.base import (
    DeliveryState,
    OpenInvoice,
    PaymentState,
    SourceDocument,
    StateCell,
    StatusReport,
    Surroundings,
)
from connectors.erp.tryton import Tryton, TrytonSettings
from formats.errors import RemoteRefused

if find_spec("trytond") is None:
    pytest.skip("needs Tryton itself: pip install '.[tryton]'", allow_module_level=True)

from connectors.sandbox.tryton import TrytonBehindFaults
from connectors.sandbox.tryton_server import DATABASE, PRODUCT, USER

AT = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)


@contextmanager
def _no_cell(_name: str) -> Iterator[StateCell]:
    raise AssertionError("this connector keeps nothing")
    yield  # type: ignore[unreachable]  # makes it a generator


@pytest.fixture
def tryton() -> Iterator[TrytonBehindFaults]:
    system = TrytonBehindFaults()
    system.start()
    yield system
    system.stop()


@pytest.fixture
def connector(tryton: TrytonBehindFaults) -> Iterator[Tryton]:
    made = _connector(tryton)
    yield made
    made.close()


def _connector(tryton: TrytonBehindFaults, **changes: Any) -> Tryton:
    settings = TrytonSettings.model_validate(
        {
            "base_url": tryton.addresses()["http"],
            "database": DATABASE,
            "user": USER,
            "password": "file:secrets/tryton_password",
            "company": tryton.company,
            "first_day": tryton.first_day,
            **changes,
        }
    )
    secrets = {f"file:secrets/{name}": text for name, text in tryton.secrets().items()}
    return Tryton("tryton", settings, Surroundings(secrets.__getitem__, lambda: AT, _no_cell))


def _pulled(connector: Tryton, cursor: str = "") -> list[SourceDocument]:
    return [document for page in connector.pull(cursor) for document in page.documents]


def _report(made: dict[str, Any], state: DeliveryState, **more: Any) -> StatusReport:
    return StatusReport(
        reference=f"{made['number']}:{state}",
        key=str(made["id"]),
        number=made["number"],
        document_id="",
        state=state,
        text="the buyer's access point has it",
        at=AT,
        message_id="8b4b4e39-5f3a-4c57-9a19-1f0b1f6f1b11",
        channel="peppol-provider",
        **more,
    )


def test_a_posted_invoice_comes_whole_and_a_draft_does_not(
    tryton: TrytonBehindFaults, connector: Tryton
) -> None:
    made = tryton.invoice([PRODUCT, "5", "40", "21 %"], ["Montage", "1.5", "20", "9 %"], reference="PO-7")
    tryton.invoice([PRODUCT, "1", "40", "21 %"], post=False)
    [document] = _pulled(connector)
    bundle = json.loads(document.content)
    invoice = bundle["invoice"]
    assert document.key == str(made["id"])
    assert (invoice["number"], invoice["reference"], invoice["currency"]["code"]) == (
        made["number"],
        "PO-7",
        "EUR",
    )
    assert [(line["quantity"], line["amount"]) for line in invoice["lines"]] == [
        ("5.0", "200.00"),
        ("1.5", "30.00"),
    ]
    assert {tax["tax"]["unece_category_code"] for tax in invoice["taxes"]} == {"S"}
    assert bundle["company"]["party"]["name"] == "Windmolen Techniek B.V."
    assert bundle["company"]["party"]["addresses"][0]["country"]["code"] == "NL"


def test_news_stands_beside_the_invoice_once_and_makes_no_echo(
    tryton: TrytonBehindFaults, connector: Tryton
) -> None:
    made = tryton.invoice([PRODUCT, "1", "40", "21 %"])
    [before] = _pulled(connector)
    sent = connector.report_status(_report(made, DeliveryState.ACCEPTED_FOR_TRANSPORT))
    proof = _report(made, DeliveryState.DELIVERED, xml=b"<Invoice/>", filename="invoice.xml")
    first, second = connector.report_status(proof), connector.report_status(proof)
    assert (sent.existed, first.existed, second.existed) == (False, False, True)
    held = tryton.ask("held", number=made["id"])
    assert len(held["notes"]) == 2
    assert any(
        "the buyer's access point has it" in note and "2026-11-22 09:30 UTC" in note for note in held["notes"]
    )
    assert held["files"] == {"invoice.xml": "<Invoice/>"}
    [after] = _pulled(connector)
    assert after.fingerprint == before.fingerprint


def test_vat_of_an_invoice_in_another_currency_comes_in_the_companys_as_well(
    tryton: TrytonBehindFaults, connector: Tryton
) -> None:
    """As it was posted; invoices in the currency of the company are read as ever."""
    made = tryton.invoice([PRODUCT, "5", "40", "21 %"], currency="USD")
    tryton.invoice([PRODUCT, "5", "40", "21 %"])
    tryton.ask("credit", number=made["id"])
    bundles = [json.loads(document.content) for document in _pulled(connector)]
    told = [(one["invoice"]["currency"]["code"], one.get("company_tax")) for one in bundles]
    assert told == [("USD", "33.60"), ("EUR", None), ("USD", "-33.60")]


def test_a_dispute_is_noted_as_one(tryton: TrytonBehindFaults, connector: Tryton) -> None:
    made = tryton.invoice([PRODUCT, "1", "40", "21 %"])
    connector.report_status(_report(made, DeliveryState.DISPUTED))
    [note] = tryton.ask("held", number=made["id"])["notes"]
    assert ": disputed" in note


def test_payments_in_parts_and_whole_are_told_apart(tryton: TrytonBehindFaults, connector: Tryton) -> None:
    made = tryton.invoice(["Les", "2", "100", "Exempt"])
    asked = [OpenInvoice(str(made["id"]), made["number"], "EUR", Decimal(made["total"]))]
    [open_] = connector.pull_payments(asked)
    tryton.ask("pay", number=made["id"], amount="80.00")
    [part] = connector.pull_payments(asked)
    tryton.ask("pay", number=made["id"], amount="120.00")
    [whole] = connector.pull_payments(asked)
    assert [(one.state, one.paid) for one in (open_, part, whole)] == [
        (PaymentState.OPEN, Decimal(0)),
        (PaymentState.PARTLY_PAID, Decimal("80.00")),
        (PaymentState.PAID, Decimal("200.00")),
    ]
    assert (whole.currency, whole.on) == ("EUR", tryton.first_day)
    assert whole.evidence


def test_a_payment_does_not_make_an_invoice_new(tryton: TrytonBehindFaults, connector: Tryton) -> None:
    made = tryton.invoice([PRODUCT, "1", "40", "21 %"])
    [before] = _pulled(connector)
    tryton.ask("pay", number=made["id"], amount=made["total"])
    [after] = _pulled(connector)
    assert (after.key, after.fingerprint) == (before.key, before.fingerprint)


def test_a_credit_note_names_its_invoice(tryton: TrytonBehindFaults, connector: Tryton) -> None:
    made = tryton.invoice([PRODUCT, "3", "40", "21 %"])
    credit = tryton.ask("credit", number=made["id"])
    bundle = json.loads(_pulled(connector)[-1].content)
    assert bundle["invoice"]["number"] == credit["number"]
    assert bundle["invoice"]["total_amount"] == "-145.20"
    assert [one["number"] for one in bundle["invoice"]["origin_invoices"]] == [made["number"]]


def test_an_invoice_cancelled_after_posting_is_for_people(
    tryton: TrytonBehindFaults, connector: Tryton
) -> None:
    made = tryton.invoice([PRODUCT, "1", "40", "21 %"])
    tryton.ask("cancel", number=made["id"])
    rejected = [one for page in connector.pull("") for one in page.rejected]
    assert [one.needs_person for one in rejected] == [True]
    assert "cancelled" in rejected[0].problem.what
    assert "credit note" in rejected[0].problem.fix


def test_buyers_come_with_what_routing_needs(connector: Tryton) -> None:
    facts = [party.facts for page in connector.pull_parties("") for party in page.parties]
    [buyer] = [one for one in facts if one["name"] == "Koper & Zonen B.V."]
    assert dict(buyer) == {
        "name": "Koper & Zonen B.V.",
        "country": "NL",
        "vat_id": "NL854502130B01",
        "electronic_address": "0106:90001354",
        "email": "facturen@koper.example",
    }


def test_check_names_what_is_wrong(tryton: TrytonBehindFaults, connector: Tryton) -> None:
    assert all(step.ok for step in connector.check())
    for changes, step, word in (
        ({"database": "nowhere"}, "Login", "database"),
        ({"user": "nobody"}, "Login", "login"),
        ({"company": 4711}, "Company", "company"),
    ):
        wrong = _connector(tryton, **changes)
        last = list(wrong.check())[-1]
        wrong.close()
        assert (last.name, last.ok) == (step, False)
        assert word in last.seen + last.fix


def test_a_password_that_is_wrong_is_refused_not_retried(tryton: TrytonBehindFaults) -> None:
    settings = _connector(tryton)._settings
    wrong = Tryton("tryton", settings, Surroundings(lambda _: "wrong", lambda: AT, _no_cell))
    with pytest.raises(RemoteRefused):
        list(wrong.pull(""))
    wrong.close()

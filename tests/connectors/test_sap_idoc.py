"""The SAP connector against the imitated SAP: readiness of files, odd files, archive, status, settlement."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from lxml import etree
from pydantic import ValidationError

from connectors.base import (
    DeliveryState,
    OpenInvoice,
    Page,
    PaymentState,
    PaymentStatus,
    RejectedDocument,
    SourceDocument,
    StatusReport,
    Surroundings,
)
from connectors.erp.sap_idoc import SapIdoc, SapIdocSettings
from connectors.sandbox.faults import Fault
from connectors.sandbox.sap import HOST_KEY, ImitatedSap
from connectors.sandbox.sap_seeds import BILLINGS, Output
from connectors.sandbox.sftp_server import public_line
from formats.errors import (
    DocumentError,
    MalformedDocument,
    RemoteRefused,
    RemoteUnavailable,
    RemoteUnexpected,
)
from formats.syntaxes import xml

START = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
WHOLE = b'<INVOIC02><IDOC BEGIN="1"><EDI_DC40 SEGMENT="1"><DOCNUM>1</DOCNUM></EDI_DC40></IDOC></INVOIC02>'


@dataclass
class Cell:
    value: str = ""

    def save(self, value: str) -> None:
        self.value = value


@dataclass
class World:
    """What a process would give the connector; the same one can serve several connectors in turn."""

    now: datetime = START
    cells: dict[str, Cell] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)

    @contextmanager
    def locked(self, name: str) -> Iterator[Cell]:
        yield self.cells.setdefault(name, Cell())

    def surroundings(self) -> Surroundings:
        return Surroundings(self.secrets.__getitem__, lambda: self.now, self.locked)

    def wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def sap() -> Iterator[ImitatedSap]:
    sap = ImitatedSap()
    sap.start()
    yield sap
    sap.stop()


@pytest.fixture
def world(sap: ImitatedSap) -> World:
    return World(secrets={f"file:secrets/{name}": text for name, text in sap.secrets().items()})


Make = Callable[..., SapIdoc]


@pytest.fixture
def make(sap: ImitatedSap, world: World) -> Iterator[Make]:
    made: list[SapIdoc] = []

    def build(sftp: dict[str, object] | None = None, **changes: object) -> SapIdoc:
        settings = SapIdocSettings.model_validate(
            {
                "sftp": {
                    "host": "127.0.0.1",
                    "port": sap.port,
                    "username": "gateway",
                    "password": "file:secrets/sap-sftp-password",
                    "host_key": HOST_KEY,
                    "connect_timeout_seconds": 5,
                    "timeout_seconds": 5,
                    **(sftp or {}),
                },
                "settle_seconds": 0,
                "extract_folder": "/extracts",
                "sap_partner": "",
                **changes,
            }
        )
        made.append(SapIdoc("sap-nordlicht", settings, world.surroundings()))
        return made[-1]

    yield build
    for connector in made:
        connector.close()


@pytest.fixture
def empty(sap: ImitatedSap) -> ImitatedSap:
    """The same SAP with nothing waiting in its folder."""
    for path in (sap.root / "out").iterdir():
        path.unlink()
    return sap


def pulled(connector: SapIdoc) -> list[SourceDocument]:
    return [document for page in connector.pull("") for document in page.documents]


def pages(connector: SapIdoc) -> Page:
    """Everything of one pull as one page."""
    found = list(connector.pull(""))
    return Page(
        tuple(document for page in found for document in page.documents),
        "",
        tuple(rejected for page in found for rejected in page.rejected),
        tuple(handle for page in found for handle in page.handles),
    )


def waiting(sap: ImitatedSap) -> list[str]:
    return sorted(path.name for path in (sap.root / "out").iterdir() if path.is_file())


# Pull


def test_every_invoice_is_pulled_with_its_business_key_and_document_number(
    sap: ImitatedSap, make: Make
) -> None:
    documents = pulled(make())
    assert len(documents) == 20
    first = documents[0]
    assert (first.key, first.revision) == ("N01CLNT100/100/INVO/90000201", "0000000000471100")
    assert first.content == (sap.root / "out" / "O_100_0000000000471100.xml").read_bytes()
    assert first.origin == "/out/O_100_0000000000471100.xml"


def test_a_file_of_several_idocs_becomes_several_documents(make: Make) -> None:
    parts = [document for document in pulled(make()) if document.origin.endswith("471113.xml")]
    assert [(part.part, part.key.rpartition("/")[2]) for part in parts] == [
        (0, "90000214"),
        (1, "90000215"),
        (2, "90000216"),
    ]
    assert len({part.content for part in parts}) == 1


def test_a_repeated_output_has_the_same_key_and_a_new_revision(make: Make) -> None:
    found = [document for document in pulled(make()) if document.key.endswith("/90000201")]
    assert [document.revision for document in found] == ["0000000000471100", "0000000000471119"]
    assert found[0].key == found[1].key


def test_a_duplicate_under_another_name_has_the_same_key(empty: ImitatedSap, make: Make) -> None:
    name = empty.put_out(Output((BILLINGS[0],)))
    empty.drop("copy of it.xml", (empty.root / "out" / name).read_bytes())
    documents = pulled(make())
    assert len(documents) == 2
    assert len({(document.key, document.content) for document in documents}) == 1


def test_credit_memos_have_keys_of_their_own(make: Make) -> None:
    assert "N01CLNT100/100/CRME/90000301" in {document.key for document in pulled(make())}


def test_a_test_idoc_is_rejected_with_the_reason_and_archived(sap: ImitatedSap, make: Make) -> None:
    connector = make()
    page = pages(connector)
    [rejected] = page.rejected
    assert "TEST = X" in rejected.problem.what
    assert not any("90000999" in document.key for document in page.documents)
    connector.acknowledge(page)
    assert waiting(sap) == []


def test_reading_again_before_the_acknowledgement_gives_the_same(make: Make) -> None:
    connector = make()
    assert pulled(connector) == pulled(connector)


def test_an_empty_folder_gives_no_page(empty: ImitatedSap, make: Make) -> None:
    assert list(make().pull("")) == []


def test_many_files_come_in_bounded_pages(empty: ImitatedSap, make: Make) -> None:
    for _ in range(120):
        empty.put_out(Output((BILLINGS[0],)))
    found = list(make().pull(""))
    assert [len(page.documents) for page in found] == [50, 50, 20]


# Readiness


def test_a_file_is_left_alone_until_it_has_settled(empty: ImitatedSap, make: Make, world: World) -> None:
    empty.put_out(Output((BILLINGS[0],)))
    connector = make(settle_seconds=30)
    assert pulled(connector) == []
    world.wait(29)
    assert pulled(connector) == []
    world.wait(1)
    assert len(pulled(connector)) == 1


def test_looks_are_remembered_by_the_next_process(empty: ImitatedSap, make: Make, world: World) -> None:
    empty.put_out(Output((BILLINGS[0],)))
    assert pulled(make(settle_seconds=30)) == []
    world.wait(30)
    assert len(pulled(make(settle_seconds=30))) == 1


def test_a_file_that_grows_starts_to_settle_anew(empty: ImitatedSap, make: Make, world: World) -> None:
    name = empty.put_out(Output((BILLINGS[0],)))
    path = empty.root / "out" / name
    content = path.read_bytes()
    path.write_bytes(content[:1_000])
    connector = make(settle_seconds=30)
    assert pulled(connector) == []
    world.wait(30)
    path.write_bytes(content)
    assert pulled(connector) == []
    world.wait(30)
    assert [document.content for document in pulled(connector)] == [content]


def test_files_with_temporary_names_are_ignored(empty: ImitatedSap, make: Make) -> None:
    for name in ("a.xml.tmp", "b.part", "c.xml.filepart", ".d.xml", "e.lock"):
        empty.drop(name, WHOLE)
    assert list(make().pull("")) == []


def test_a_file_without_its_marker_waits_and_is_shown_in_the_end(
    empty: ImitatedSap, make: Make, world: World
) -> None:
    name = empty.put_out(Output((BILLINGS[0],)))
    connector = make(done_marker=".done", give_up_after_seconds=600)
    assert list(connector.pull("")) == []
    world.wait(600)
    [rejected] = pages(connector).rejected
    assert "without its marker .done" in rejected.problem.what
    empty.drop(f"{name}.done", b"")
    assert len(pulled(connector)) == 1


def test_a_marker_is_archived_with_its_file_and_alone_means_nothing(empty: ImitatedSap, make: Make) -> None:
    name = empty.put_out(Output((BILLINGS[0],)))
    empty.drop(f"{name}.done", b"")
    empty.drop("other.xml.done", b"")
    connector = make(done_marker=".done")
    page = pages(connector)
    assert len(page.documents) == 1
    connector.acknowledge(page)
    assert waiting(empty) == ["other.xml.done"]
    assert sorted(path.name for path in (empty.root / "out/archive/2026/11").iterdir()) == [
        name,
        f"{name}.done",
    ]


def test_a_broken_off_idoc_waits_and_is_handed_over_in_the_end(
    empty: ImitatedSap, make: Make, world: World
) -> None:
    name = empty.put_out(Output((BILLINGS[0],)))
    path = empty.root / "out" / name
    path.write_bytes(path.read_bytes()[:-200])
    connector = make(give_up_after_seconds=900)
    assert list(connector.pull("")) == []
    world.wait(899)
    assert list(connector.pull("")) == []
    world.wait(1)
    [document] = pulled(connector)
    assert document.key.startswith("file:")
    assert document.content == path.read_bytes()
    assert document.revision == ""


# Odd files

BOMB = (
    b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;">'
    b"]><INVOIC02><IDOC>&b;</IDOC></INVOIC02>"
)
WRONG_CHARSET = '<?xml version="1.0" encoding="UTF-8"?><INVOIC02><IDOC>Glückstadt</IDOC></INVOIC02>'.encode(
    "latin-1"
)


@pytest.mark.parametrize(
    "content",
    [BOMB, WRONG_CHARSET, b"Dear Sir or Madam", b"<INVOIC02></INVOIC02>"],
    ids=["entity bomb", "wrong character set", "a letter", "no IDoc in it"],
)
def test_a_file_that_cannot_be_an_idoc_is_handed_over_raw_at_once(
    empty: ImitatedSap, make: Make, content: bytes
) -> None:
    empty.drop("strange.xml", content)
    [document] = pulled(make())
    assert document.content == content
    assert document.key.startswith("file:")


def test_an_idoc_in_latin_1_is_read_by_its_declaration(make: Make) -> None:
    [document] = [document for document in pulled(make()) if document.key.endswith("/90000217")]
    assert b"ISO-8859-1" in document.content
    assert "Größe".encode("latin-1") in document.content


def test_an_idoc_without_invoice_number_goes_by_its_file(empty: ImitatedSap, make: Make) -> None:
    empty.drop("a.xml", WHOLE)
    [document] = pulled(make())
    assert re.fullmatch(r"file:[0-9a-f]{32}/0", document.key)
    assert document.revision == "1"


def test_another_message_type_is_rejected_by_name(empty: ImitatedSap, make: Make) -> None:
    empty.drop("order.xml", WHOLE.replace(b"<DOCNUM>", b"<MESTYP>ORDERS</MESTYP><DOCNUM>"))
    page = pages(make())
    assert page.documents == ()
    assert "ORDERS" in page.rejected[0].problem.what


def test_a_huge_file_is_rejected_unread_and_stays_where_it_is(empty: ImitatedSap, make: Make) -> None:
    with (empty.root / "out" / "huge.xml").open("wb") as file:
        file.truncate(60 * 1024 * 1024)
    connector = make()
    page = pages(connector)
    [rejected] = page.rejected
    assert "62914560" in rejected.problem.what
    assert rejected.key == pages(connector).rejected[0].key
    connector.acknowledge(page)
    assert waiting(empty) == ["huge.xml"]


def test_one_bad_file_does_not_hold_up_the_others(empty: ImitatedSap, make: Make) -> None:
    empty.drop("aaa.xml", BOMB)
    empty.put_out(Output((BILLINGS[0],)))
    assert len(pulled(make())) == 2


# Archive


def test_files_are_archived_by_month_once_they_are_stored(empty: ImitatedSap, make: Make) -> None:
    name = empty.put_out(Output((BILLINGS[0],)))
    connector = make()
    connector.acknowledge(pages(connector))
    assert waiting(empty) == []
    assert (empty.root / "out/archive/2026/11" / name).exists()


def test_acknowledging_twice_is_fine(empty: ImitatedSap, make: Make) -> None:
    empty.put_out(Output((BILLINGS[0],)))
    connector = make()
    page = pages(connector)
    connector.acknowledge(page)
    connector.acknowledge(page)
    assert len(list((empty.root / "out/archive/2026/11").iterdir())) == 1


def test_a_name_that_the_archive_knows_gets_a_new_one(empty: ImitatedSap, make: Make) -> None:
    connector = make()
    for billing in BILLINGS[:3]:
        name = empty.put_out(Output((billing,)))
        (empty.root / "out" / name).rename(empty.root / "out" / "INVOICE.xml")
        connector.acknowledge(pages(connector))
    archived = sorted(path.name for path in (empty.root / "out/archive/2026/11").iterdir())
    assert archived == [
        "INVOICE.xml",
        "INVOICE_20261122T093000Z.xml",
        "INVOICE_20261122T093000Z_2.xml",
    ]


def test_a_file_overwritten_after_it_was_read_is_not_archived_unread(empty: ImitatedSap, make: Make) -> None:
    empty.drop("INVOICE.xml", WHOLE)
    connector = make()
    page = pages(connector)
    empty.drop("INVOICE.xml", WHOLE + b"<!-- the next invoice under the same name -->")
    connector.acknowledge(page)
    assert waiting(empty) == ["INVOICE.xml"]
    assert pulled(connector)[0].content.endswith(b"-->")


def test_files_stay_when_they_cannot_be_archived(empty: ImitatedSap, make: Make) -> None:
    name = empty.put_out(Output((BILLINGS[0],)))
    connector = make()
    page = pages(connector)
    empty.faults.arm(Fault("unavailable", "rename"))
    with pytest.raises(RemoteUnavailable):
        connector.acknowledge(page)
    assert waiting(empty) == [name]
    connector.acknowledge(page)
    assert waiting(empty) == []


# Failures of the connection


def test_a_dropped_connection_is_unavailable_and_nothing_is_lost(empty: ImitatedSap, make: Make) -> None:
    empty.put_out(Output((BILLINGS[0],)))
    connector = make()
    empty.faults.arm(Fault("drop-before", "read"))
    with pytest.raises(RemoteUnavailable):
        pulled(connector)
    assert len(pulled(connector)) == 1


def test_a_wrong_password_is_refused_not_an_empty_day(make: Make, world: World) -> None:
    world.secrets["file:secrets/sap-sftp-password"] = "something else"
    with pytest.raises(RemoteRefused):
        pulled(make())


def test_another_host_key_is_refused(make: Make) -> None:
    with pytest.raises(RemoteRefused, match="host key"):
        pulled(make(sftp={"host_key": public_line("an impostor")}))


def test_the_key_works_in_place_of_the_password(make: Make) -> None:
    assert pulled(make(sftp={"password": None, "key": "file:secrets/sap-sftp-key"}))


# Status


REPORT = StatusReport(
    reference="sap-nordlicht/90000201/delivered",
    key="N01CLNT100/100/INVO/90000201",
    number="90000201",
    document_id="0000000000471100",
    state=DeliveryState.DELIVERED,
    text="Delivered to 0204:01062-80412-93",
    at=datetime(2026, 11, 22, 23, 30, 5, tzinfo=UTC),
    message_id="5d0f5a2e-5c43-4b5e-9c3a-2f9d0a1b2c3d",
)


def records(sap: ImitatedSap) -> list[dict[str, str]]:
    found = sap.holdings()["status_records"]
    assert isinstance(found, list)
    return found


def test_sap_assigns_the_status_to_the_outbound_idoc(sap: ImitatedSap, make: Make) -> None:
    made = make(time_zone="Europe/Berlin").report_status(REPORT)
    assert not made.existed
    [record] = records(sap)
    assert record["invoice"] == "0090000201"
    assert (record["STATUS"], record["LOGDAT"], record["LOGTIM"]) == ("14", "20261123", "003005")
    assert record["STATXT"] == "Delivered to 0204:01062-80412-93"
    assert record["ARCKEY"] == REPORT.message_id


def test_the_same_news_is_there_once_however_often_it_is_written(sap: ImitatedSap, make: Make) -> None:
    connector = make()
    first = connector.report_status(REPORT)
    second = connector.report_status(REPORT)
    assert (first.existed, second.existed) == (False, True)
    assert second.where.startswith("/in/processed/")
    assert len(records(sap)) == 1


def test_news_whose_answer_was_lost_is_found_again(sap: ImitatedSap, make: Make) -> None:
    connector = make()
    sap.faults.arm(Fault("drop-after", "rename .*STATUS"))
    with pytest.raises(RemoteUnavailable) as caught:
        connector.report_status(REPORT)
    assert caught.value.uncertain
    assert connector.report_status(REPORT).existed
    assert len(records(sap)) == 1


def test_a_full_disk_leaves_no_half_status(sap: ImitatedSap, make: Make) -> None:
    connector = make()
    sap.faults.arm(Fault("full", "write /in"))
    with pytest.raises(RemoteUnavailable):
        connector.report_status(REPORT)
    assert sap.holdings()["status_idocs"] == []
    assert not connector.report_status(REPORT).existed
    assert len(records(sap)) == 1


@pytest.mark.parametrize(
    ("state", "code"),
    [
        (DeliveryState.ACCEPTED_FOR_TRANSPORT, "22"),
        (DeliveryState.DELIVERED, "14"),
        (DeliveryState.REJECTED, "17"),
        (DeliveryState.PARKED, "99"),
        (DeliveryState.ACCEPTED, "16"),
        # The buyer holds it and asks: a success for SAP, which the text explains.
        (DeliveryState.DISPUTED, "14"),
        (DeliveryState.CLOSED, "31"),
    ],
)
def test_each_state_has_its_status_and_settings_change_it(
    sap: ImitatedSap, make: Make, state: DeliveryState, code: str
) -> None:
    make(status_codes={"parked": "99"}).report_status(replace(REPORT, state=state))
    assert records(sap)[0]["STATUS"] == code


def test_a_long_text_goes_on_in_the_parameters_in_whole_words(sap: ImitatedSap, make: Make) -> None:
    text = (
        "The buyer rejected the invoice because purchase order 4500112233 "
        "was cancelled on 1 October 2026 and not renewed."
    )
    make().report_status(replace(REPORT, text=text))
    [record] = records(sap)
    assert record["STATXT"] == "&1 &2 &3"
    assert " ".join(record[f"STAPA{position}"] for position in (1, 2, 3)) == text


def test_a_very_long_text_is_cut_to_what_sap_can_hold(sap: ImitatedSap, make: Make) -> None:
    make().report_status(replace(REPORT, text="wrong amount & date\n" * 60))
    [record] = records(sap)
    assert len(record["STATXT"]) <= 70
    assert all(len(record[f"STAPA{position}"]) <= 50 for position in (1, 2, 3, 4))
    assert record["STAPA4"].endswith("...")


def test_a_short_document_number_gets_its_zeros_back(sap: ImitatedSap, make: Make) -> None:
    make().report_status(replace(REPORT, document_id="471100"))
    assert sap.holdings()["status_idocs"][0]["result"] == "53"  # type: ignore[index]


def test_a_status_for_an_idoc_sap_does_not_know_is_not_assigned(sap: ImitatedSap, make: Make) -> None:
    make().report_status(replace(REPORT, document_id="0000000000999999"))
    assert records(sap) == []
    assert sap.holdings()["status_idocs"][0]["result"] == "51"  # type: ignore[index]


@pytest.mark.parametrize("document_id", ["", "abc", "12345678901234567"])
def test_a_document_without_idoc_number_cannot_be_reported(make: Make, document_id: str) -> None:
    with pytest.raises(DocumentError, match="no IDoc number"):
        make().report_status(replace(REPORT, document_id=document_id))


def test_the_status_file_names_sender_and_receiver(sap: ImitatedSap, make: Make) -> None:
    made = make().report_status(REPORT)
    content = (sap.root / "in" / "processed" / Path(made.where).name).read_bytes()
    control = etree.fromstring(content).find("IDOC/EDI_DC40")
    assert control is not None
    assert [control.findtext(name) for name in ("MANDT", "SNDPRN", "RCVPOR", "RCVPRN", "MESTYP")] == [
        "100",
        "EINVGW",
        "SAPN01",
        "N01CLNT100",
        "STATUS",
    ]


def test_without_a_status_folder_the_report_is_refused(make: Make) -> None:
    with pytest.raises(RemoteRefused, match="no folder"):
        make(status_folder="").report_status(REPORT)


@pytest.mark.parametrize("setting", [{"status_codes": {"sent": "7"}}, {"time_zone": "Mars/Olympus"}])
def test_impossible_settings_are_refused(make: Make, setting: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        make(**setting)


# Settlement


def opened(number: str, amount: str, currency: str = "EUR") -> OpenInvoice:
    return OpenInvoice(f"N01CLNT100/100/INVO/{number}", number, currency, Decimal(amount))


def settlement(connector: SapIdoc, invoice: OpenInvoice) -> PaymentStatus:
    [status] = connector.pull_payments([invoice])
    return status


def test_a_cleared_invoice_is_paid_on_the_clearing_date(make: Make) -> None:
    status = settlement(make(), opened("90000201", "4654.62"))
    assert (status.state, status.paid, status.on) == (
        PaymentState.PAID,
        Decimal("4654.62"),
        date(2026, 11, 3),
    )
    assert status.evidence == "clearing document 1400000000"


def test_a_partial_payment_is_found_by_its_reference_to_the_invoice(make: Make) -> None:
    status = settlement(make(), opened("90000206", "33796.00", "USD"))
    assert (status.state, status.paid, status.currency) == (
        PaymentState.PARTLY_PAID,
        Decimal("20000.00"),
        "USD",
    )
    assert status.evidence == "payment 1400000005"


def test_a_residual_item_keeps_a_cleared_invoice_partly_paid(make: Make) -> None:
    status = settlement(make(), opened("90000209", "1285.20"))
    assert (status.state, status.paid) == (PaymentState.PARTLY_PAID, Decimal("1000.00"))


def test_an_invoice_cleared_by_a_credit_memo_is_settled_not_paid(make: Make) -> None:
    assert settlement(make(), opened("90000203", "12500.00")).state is PaymentState.SETTLED


def test_an_open_invoice_is_open_and_an_unknown_one_is_left_out(make: Make) -> None:
    found = list(make().pull_payments([opened("90000210", "2391.90"), opened("90009999", "1.00")]))
    assert [(status.number, status.state, status.paid) for status in found] == [
        ("90000210", PaymentState.OPEN, Decimal("0.00"))
    ]


def test_an_amount_in_another_currency_is_not_taken_for_the_same_invoice(make: Make) -> None:
    assert list(make().pull_payments([opened("90000206", "33796.00", "EUR")])) == []


def extract(sap: ImitatedSap) -> Path:
    return sap.root / "extracts" / "cleared_items_20261121.csv"


def test_the_newest_extract_counts_so_a_clearing_can_be_undone(sap: ImitatedSap, make: Make) -> None:
    text = extract(sap).read_text(encoding="utf-8")
    undone = text.replace("1400000000;20261103", ";")
    (sap.root / "extracts" / "cleared_items_20261122.csv").write_text(undone, encoding="utf-8", newline="")
    assert settlement(make(), opened("90000201", "4654.62")).state is PaymentState.OPEN


def test_an_extract_that_is_still_being_written_is_passed_over(sap: ImitatedSap, make: Make) -> None:
    half = extract(sap).read_bytes()[:300]
    (sap.root / "extracts" / "cleared_items_20261122.csv").write_bytes(half)
    assert settlement(make(), opened("90000201", "4654.62")).state is PaymentState.PAID


def test_lines_of_other_company_codes_and_down_payments_do_not_count(sap: ImitatedSap, make: Make) -> None:
    content = extract(sap).read_text(encoding="utf-8")
    row = "1000;1800000009;2026;001;0000100006;0090000210;0090000210;RV;20261026;EUR;2391.90;S;"
    assert row in content
    content += row.replace("1000;", "2000;", 1).replace("2391.90", "9.99") + ";1499999999;20261120;\r\n"
    content += "1000;1499999998;2026;001;0000100006;;;DZ;20261120;EUR;500.00;H;A;;;1800000009\r\n"
    extract(sap).write_text(content, encoding="utf-8", newline="")
    status = settlement(make(company_code="1000"), opened("90000210", "2391.90"))
    assert status.state is PaymentState.OPEN


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("WRBTR", "AMOUNT"), "WRBTR"),
        (("4654.62", "4.654,62"), "line 2"),
        (("20261103", "03112026"), "line 2"),
        (("ä", "ä"), "utf-8"),
    ],
)
def test_an_extract_in_another_form_is_unexpected_and_says_where(
    sap: ImitatedSap, make: Make, change: tuple[str, str], said: str
) -> None:
    content = extract(sap).read_bytes()
    if change[0] == "ä":
        content += "ä\r\n".encode("latin-1")
    extract(sap).write_bytes(content.replace(change[0].encode(), change[1].encode()))
    with pytest.raises(RemoteUnexpected, match=said):
        list(make().pull_payments([opened("90000201", "4654.62")]))


def test_without_extracts_nothing_is_said_about_settlement(sap: ImitatedSap, make: Make) -> None:
    invoices = [opened("90000201", "4654.62")]
    assert list(make(extract_folder="").pull_payments(invoices)) == []
    extract(sap).unlink()
    assert list(make().pull_payments(invoices)) == []


# Check, sandbox


def test_the_check_passes_against_the_sandbox(make: Make, world: World) -> None:
    world.now = datetime.now(UTC)
    steps = list(make().check())
    assert [step.name for step in steps] == [
        "name",
        "connection and host key",
        "login",
        "folder /out",
        "folder /in",
        "folder /extracts",
        "folder /out/archive",
        "writing into /in",
        "clock",
        "read one file",
    ]
    assert all(step.ok for step in steps)


def test_the_check_writes_one_hidden_file_and_takes_it_away(sap: ImitatedSap, make: Make) -> None:
    """The step names it; SAP reads nothing of it."""
    (step,) = [step for step in make().check() if step.name == "writing into /in"]
    assert re.search(r"\.gateway-check-[0-9a-f]{12}\.tmp", step.seen)
    left = [path.name for path in (sap.root / "in").rglob("*") if path.is_file()]
    assert left == []
    assert sap.holdings()["status_idocs"] == []


def test_the_check_finds_a_clock_that_is_wrong(make: Make, world: World) -> None:
    world.now = datetime.now(UTC) + timedelta(minutes=10)
    (step,) = [step for step in make().check() if step.name == "clock"]
    assert not step.ok
    assert re.search(r"\b(59[0-9]|60[0-2]) seconds", step.seen)
    assert "NTP" in step.fix


@pytest.mark.parametrize("fault", ["full@write /in", "unavailable@write /in"])
def test_the_check_finds_a_folder_that_cannot_be_written_into(
    sap: ImitatedSap, make: Make, fault: str
) -> None:
    sap.faults.arm(Fault.parse(fault))
    wrong = [step.name for step in make().check() if not step.ok]
    assert wrong == ["writing into /in"]


def test_a_temporary_file_that_cannot_be_removed_is_named(sap: ImitatedSap, make: Make) -> None:
    sap.faults.arm(Fault("unavailable", "remove /in"))
    (step,) = [step for step in make().check() if not step.ok]
    assert step.name == "writing into /in"
    assert ".gateway-check-" in step.seen


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param(lambda whole: whole[: len(whole) // 2], id="breaks off"),
        pytest.param(lambda whole: whole.decode().encode("latin-1"), id="wrong character set"),
        pytest.param(lambda whole: b"", id="empty"),
        pytest.param(lambda whole: whole.replace(b"INVOIC</MESTYP>", b"ORDERS</MESTYP>"), id="no invoice"),
    ],
)
def test_a_file_that_is_put_right_under_its_name_has_the_same_origin(
    empty: ImitatedSap, make: Make, world: World, broken: Callable[[bytes], bytes]
) -> None:
    """Its key cannot be the same, for only the sound file tells the number of the invoice."""
    name = empty.put_out(Output((BILLINGS[0],)))
    path = empty.root / "out" / name
    whole = path.read_bytes()
    path.write_bytes(broken(whole))
    connector = make(give_up_after_seconds=900)
    list(connector.pull(""))
    world.wait(900)
    page = pages(connector)
    found: list[SourceDocument | RejectedDocument] = [*page.documents, *page.rejected]
    (stub,) = found
    connector.acknowledge(page)
    empty.drop(name, whole)
    world.wait(1)
    (document,) = pulled(connector)
    assert document.key != stub.key
    assert document.origin == stub.origin == f"/out/{name}"


def test_a_repeated_output_is_news_in_any_case(make: Make) -> None:
    """SAP waits for the status of that very IDoc, so nothing says that it came before."""
    assert {document.fingerprint for document in pulled(make())} == {""}


def test_news_is_counted_by_its_reference(sap: ImitatedSap, make: Make) -> None:
    connector = make()
    for _ in range(3):
        connector.report_status(REPORT)
    connector.report_status(replace(REPORT, reference="another"))
    counts = sap.holdings()["status_references"]
    assert isinstance(counts, dict)
    assert list(counts.values()) == [1, 1]


def test_the_check_names_the_folder_that_is_wrong(make: Make) -> None:
    wrong = [step for step in make(status_folder="/nowhere").check() if not step.ok]
    assert [step.name for step in wrong] == ["folder /nowhere"]


def test_the_check_does_not_raise_when_the_server_is_down(sap: ImitatedSap, make: Make) -> None:
    connector = make()
    sap.stop()
    steps = list(connector.check())
    assert [(step.name, step.ok) for step in steps] == [("name", True), ("connection and host key", False)]


def test_mending_puts_the_faulty_invoices_out_again_once(sap: ImitatedSap, make: Make) -> None:
    connector = make()
    connector.acknowledge(pages(connector))
    sentences = sap.mend()
    assert [re.findall(r"9\d{7}", sentence) for sentence in sentences] == [
        ["90000211"],
        ["90000212"],
        ["90000213"],
    ]
    assert [document.key.rpartition("/")[2] for document in pulled(connector)] == [
        "90000211",
        "90000212",
        "90000213",
    ]
    assert sap.mend() == []


def test_the_sandbox_puts_unreadable_status_files_aside(sap: ImitatedSap, make: Make) -> None:
    connector = make()
    connector._sftp.write_atomically("/in/rubbish.xml", b"<rubbish")
    assert (sap.root / "in" / "error" / "rubbish.xml").exists()
    assert sap.holdings()["counts"] == {"status_records": 0, "status_idocs": 1, "out": 19, "archived": 0}


def test_the_raw_files_cannot_be_parsed_by_accident() -> None:
    """The odd files above are odd for the hardened parser, too."""
    for content in (BOMB, WRONG_CHARSET):
        with pytest.raises(MalformedDocument):
            xml.parse(content)

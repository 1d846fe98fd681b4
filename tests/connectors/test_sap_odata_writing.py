"""What the SAP OData connector writes into the imitated S/4HANA: status rows and attachments, each once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from connectors.base import DeliveryState, StatusReport
from connectors.erp.sap_odata_service import key_segment
from connectors.sandbox.s4_odata4 import PATH
from formats.errors import RemoteBlocked, RemoteRefused, RemoteUnavailable, RemoteUnexpected
from tests.connectors.s4_bench import Host, report

WRITES = "(POST|PATCH) .*YY1_EINVSTATUS"


@pytest.fixture
def host() -> Iterator[Host]:
    """An S/4HANA with one document, 90001001."""
    made = Host()
    made.s4.bill(1)
    yield made
    made.close()


KEY = "90001001"


def row(host: Host) -> dict[str, object]:
    (only,) = host.s4.status.rows
    return only


def test_news_makes_a_row_and_later_news_changes_it(host: Host) -> None:
    connector = host.connector(attach_xml=False)
    sent = report(KEY, "news-1", DeliveryState.ACCEPTED_FOR_TRANSPORT)
    assert not connector.report_status(sent).existed
    assert not connector.report_status(report(KEY, "news-2", minutes=5)).existed
    found = row(host)
    assert (found["CompanyCode"], found["BillingDocument"], found["Status"], found["StatusReference"]) == (
        "1000",
        KEY,
        "DELIVERED",
        "news-2",
    )
    assert host.s4.status.written == {"news-1": 1, "news-2": 1}


def test_the_same_news_is_written_once(host: Host) -> None:
    first, second = (host.connector().report_status(report(KEY)) for _ in range(2))
    assert (first.existed, second.existed) == (False, True)
    assert host.s4.status.written == {"news-1": 1}
    assert len(host.s4.attachments.rows) == 1


def test_a_dispute_is_a_state_of_its_own_with_the_buyers_words(host: Host) -> None:
    connector = host.connector(attach_xml=False)
    connector.report_status(report(KEY, "asked", DeliveryState.DISPUTED))
    assert row(host)["Status"] == "DISPUTED"
    connector.report_status(report(KEY, "closed", DeliveryState.CLOSED, minutes=5))
    assert row(host)["Status"] == "CLOSED"


def test_older_news_never_takes_the_place_of_newer(host: Host) -> None:
    connector = host.connector(attach_xml=False)
    connector.report_status(report(KEY, "rejected", DeliveryState.REJECTED, minutes=10))
    assert connector.report_status(report(KEY, "delivered", minutes=5)).existed
    assert row(host)["Status"] == "REJECTED"


def test_a_lost_answer_is_looked_up_before_it_is_written_again(host: Host) -> None:
    host.arm("drop-after", WRITES)
    with pytest.raises(RemoteUnavailable) as caught:
        host.connector().report_status(report(KEY))
    assert caught.value.uncertain
    # The row is there; what the first attempt did not come to is added.
    assert not host.connector().report_status(report(KEY)).existed
    assert host.s4.status.written == {"news-1": 1}
    assert len(host.s4.attachments.rows) == 1


def test_the_csrf_token_is_fetched_once_for_many_writings(host: Host) -> None:
    connector = host.connector(attach_xml=False)
    for number in range(4):
        connector.report_status(report(KEY, f"news-{number}", minutes=number))
    assert host.s4.server.count("GET", "YY1_EINVSTATUS_CDS/$") == 1


def test_a_session_that_ended_gives_one_new_token_and_one_more_try(host: Host) -> None:
    connector = host.connector(attach_xml=False)
    connector.report_status(report(KEY, "news-1"))
    host.s4.logon.expire_sessions()
    connector.report_status(report(KEY, "news-2", minutes=1))
    assert host.s4.status.written == {"news-1": 1, "news-2": 1}
    assert [call.status for call in host.s4.server.calls if call.method == "PATCH"] == [403, 204]


def test_a_host_that_takes_no_token_at_all_does_not_make_us_loop(host: Host) -> None:
    connector = host.connector(attach_xml=False)
    host.arm("expired-token", WRITES, times=10)
    with pytest.raises(RemoteRefused):
        connector.report_status(report(KEY))
    assert host.s4.server.count("POST", "YY1_EINVSTATUS") == 2


def test_a_row_that_somebody_changed_meanwhile_is_read_again(host: Host) -> None:
    connector = host.connector(attach_xml=False)
    connector.report_status(report(KEY, "news-1"))
    once = iter([True])

    def meanwhile(name: str) -> None:
        if name == "YY1_EINVSTATUS" and next(once, False):
            host.s4.status.change(row(host), {"Channel": "by hand"}, "*")

    host.s4.between_pages = meanwhile
    connector.report_status(report(KEY, "news-2", minutes=1))
    assert row(host)["StatusReference"] == "news-2"
    assert [call.status for call in host.s4.server.calls if call.method == "PATCH"] == [412, 204]


def test_a_row_that_changes_all_the_time_is_left_for_later(host: Host) -> None:
    connector = host.connector(attach_xml=False)
    connector.report_status(report(KEY, "news-1"))
    host.s4.between_pages = lambda name: (
        host.s4.status.change(row(host), {"Channel": "by hand"}, "*") if name == "YY1_EINVSTATUS" else None
    )
    with pytest.raises(RemoteUnavailable, match="again and again"):
        connector.report_status(report(KEY, "news-2", minutes=1))


def test_a_record_that_a_person_has_open_blocks_only_itself(host: Host) -> None:
    (other,) = host.s4.bill(1)
    host.s4.status.locked.add(KEY)
    connector = host.connector(attach_xml=False)
    with pytest.raises(RemoteBlocked, match="being processed by user MMUSTER"):
        connector.report_status(report(KEY))
    assert not connector.report_status(report(other, "news-2")).existed
    host.s4.status.locked.clear()
    assert not connector.report_status(report(KEY)).existed


def test_a_field_that_the_object_does_not_have_is_named(host: Host) -> None:
    connector = host.connector(status_object={"channel": "NoSuchField"})
    with pytest.raises(RemoteUnexpected, match="Property 'NoSuchField' is invalid"):
        connector.report_status(report(KEY))


def test_all_field_names_are_settings_and_some_may_be_left_out(host: Host) -> None:
    names = {"text": "", "channel": "", "message_id": "", "at": "", "state": "StatusText"}
    host.connector(status_object=names, attach_xml=False).report_status(report(KEY))
    found = row(host)
    assert (found["Status"], found["StatusText"], found["MessageID"]) == ("", "DELIVERED", "")


def test_the_words_of_a_state_are_settings(host: Host) -> None:
    host.connector(states={"delivered": "ZUGESTELLT"}).report_status(report(KEY))
    assert row(host)["Status"] == "ZUGESTELLT"


def test_long_texts_and_references_are_made_to_fit(host: Host) -> None:
    long = report(KEY, "x" * 200)
    news = StatusReport(long.reference, KEY, KEY, "", long.state, "y" * 900, long.at)
    connector = host.connector()
    assert not connector.report_status(news).existed
    assert connector.report_status(news).existed
    assert len(str(row(host)["StatusText"])) == 255


def test_the_delivered_invoice_is_attached_to_its_document(host: Host) -> None:
    connector = host.connector()
    connector.report_status(report(KEY, "sent", DeliveryState.ACCEPTED_FOR_TRANSPORT))
    assert host.s4.attachments.rows == []
    connector.report_status(report(KEY, "delivered", minutes=1))
    (file,) = host.s4.attachments.rows
    assert (file["LinkedSAPObjectKey"], file["FileName"], file["MimeType"]) == (
        "0090001001",
        "90001001.xml",
        "application/xml",
    )
    assert host.s4.attachments.contents[file["LogicalDocument"]] == b"<Invoice/>"


def test_a_wrong_object_type_is_told_in_sap_s_words(host: Host) -> None:
    with pytest.raises(RemoteUnexpected, match="Business object BUS9999"):
        host.connector(attachments={"object_type": "BUS9999"}).report_status(report(KEY))


def test_several_company_codes_are_told_apart_by_the_document(host: Host) -> None:
    host.s4.touch(KEY, CompanyCode="2000")
    connector = host.connector(company_codes=("1000", "2000"), attach_xml=False)
    connector.report_status(report(KEY))
    connector.report_status(report(KEY, "news-2", minutes=1))
    assert row(host)["CompanyCode"] == "2000"
    assert host.s4.server.count("GET", r"A_BillingDocument\(") == 1


def test_a_source_that_writes_nothing_says_so(host: Host) -> None:
    with pytest.raises(RemoteRefused, match="writes no status"):
        host.connector(write_back="none").report_status(report(KEY))
    assert host.calls == 0


def test_an_internal_name_in_a_record_s_address_does_no_harm(host: Host) -> None:
    host.s4.internal_links = True
    connector = host.connector(attach_xml=False)
    for number in (1, 2):
        connector.report_status(report(KEY, f"news-{number}", minutes=number))
    assert row(host)["StatusReference"] == "news-2"


@pytest.mark.parametrize("address", ["http://h/s/", "http://h/s/A('1')/../B", "x", "http://h/s/A('1'?b)"])
def test_an_address_that_is_no_record_is_refused(address: str) -> None:
    with pytest.raises(RemoteUnexpected):
        key_segment(address)


def test_a_custom_object_of_odata_4_takes_the_same_news(host: Host) -> None:
    """Newer systems offer own objects in version 4 only: other envelope, moments and keys."""
    names = {"service": PATH, "entity": "EInvStatus", "odata": 4}
    connector = host.connector(status_object=names, attach_xml=False)
    assert not connector.report_status(report(KEY, "news-1")).existed
    assert connector.report_status(report(KEY, "news-1")).existed
    assert not connector.report_status(report(KEY, "news-2", DeliveryState.REJECTED, minutes=5)).existed
    assert connector.report_status(report(KEY, "older", minutes=1)).existed
    assert (row(host)["Status"], row(host)["StatusReference"]) == ("REJECTED", "news-2")
    assert host.s4.status.written == {"news-1": 1, "news-2": 1}
    host.s4.status.locked.add(KEY)
    with pytest.raises(RemoteBlocked, match="MMUSTER"):
        connector.report_status(report(KEY, "news-3", minutes=9))


def test_the_samples_work_as_they_stand(host: Host) -> None:
    """Both examples of the configuration, at the address of this imitation."""
    folder = Path(__file__).parents[2] / "config" / "samples" / "sources"
    for name, make in (("s4", host.connector), ("s4_soap", host.soap)):
        settings = YAML(typ="safe").load((folder / f"{name}.yaml").read_text("utf-8"))["settings"]
        assert settings["base_url"] == "http://127.0.0.1:47060"
        connector = make(**{**settings, "base_url": host.s4.server.url})
        host.cells.clear()
        assert [document.key for page in connector.pull("") for document in page.documents] == [KEY]
        connector.report_status(report(KEY, f"news of {name}"))

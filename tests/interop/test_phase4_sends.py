"""phase4 sends, our endpoint receives: it gets a receipt that it verifies, or the error that it should."""

from __future__ import annotations

from typing import Any

import pytest
from lxml import etree

from formats.identifiers import ParticipantId
from gateway.store import exchanges
from gateway.store.exchanges import Direction
from tests.interop.peer import Phase4
from tests.interop.test_we_send import ODD
from tests.interop.world import OURS, THEIRS, Site, invoice, new_id, order, wrapped

pytestmark = pytest.mark.timeout(900)


def sends(site: Site, phase4: Phase4, document: bytes, message_id: str = "", **more: Any) -> dict[str, Any]:
    """One message from their participant to ours."""
    return phase4.send(**order(site, document, message_id=message_id or new_id(), **more))


def canonical(document: bytes) -> bytes:
    """phase4 reads a document and writes it anew when it wraps it, without comments."""
    parser = etree.XMLParser(huge_tree=True, resolve_entities=False)
    return etree.tostring(
        etree.fromstring(document, parser), method="c14n", exclusive=True, with_comments=False
    )


@pytest.mark.parametrize("chunked", [False, True], ids=["with its length", "in chunks"])
def test_an_invoice_is_taken_and_the_receipt_holds(site: Site, phase4: Phase4, chunked: bool) -> None:
    message_id, document = new_id(), invoice()
    answer = sends(site, phase4, document, message_id, chunked=chunked)
    assert answer == {"result": "SUCCESS", "errors": []}
    assert canonical(site.document(message_id)) == canonical(document)
    assert (site.headers[-1].get("transfer-encoding") == "chunked") is chunked


def test_fifty_megabytes_are_taken(site: Site, phase4: Phase4) -> None:
    message_id, document = new_id(), invoice(50_000_000)
    answer = sends(site, phase4, document, message_id, chunked=True)
    assert answer["result"] == "SUCCESS", answer
    assert canonical(site.document(message_id)) == canonical(document)


def test_odd_characters_arrive_byte_for_byte(site: Site, phase4: Phase4) -> None:
    """phase4 sends an envelope as it is given."""
    message_id, document = new_id(), invoice(note=ODD)
    content = wrapped(document, sender=ParticipantId.of(THEIRS), receiver=ParticipantId.of(OURS))
    answer = sends(site, phase4, content, message_id, wrapped=True)
    assert answer == {"result": "SUCCESS", "errors": []}
    assert site.document(message_id) == document


def test_what_is_not_packed_is_taken_as_it_was_signed(site: Site, phase4: Phase4) -> None:
    """phase4 signs the canonical form of such a part, without comments; that form is what counts."""
    message_id, document = new_id(), invoice(note=ODD)
    content = wrapped(document, sender=ParticipantId.of(THEIRS), receiver=ParticipantId.of(OURS))
    answer = sends(site, phase4, content, message_id, wrapped=True, plain=True)
    assert answer == {"result": "SUCCESS", "errors": []}
    assert site.document(message_id) != document
    assert canonical(site.document(message_id)) == canonical(document)


def test_the_wish_for_a_status_is_kept(site: Site, phase4: Phase4) -> None:
    message_id = new_id()
    answer = sends(site, phase4, invoice(), message_id, mls_to="0242:000002-TEST", mls_type="ALWAYS_SEND")
    assert answer["result"] == "SUCCESS", answer
    with site.gateway.database.read() as connection:
        found = exchanges.get(connection, Direction.IN, "POP000002", message_id)
    assert found is not None
    assert (found.status_to, found.status_wanted) == ("0242:000002-test", "ALWAYS_SEND")
    assert found.country_c1 == "SE"


def test_another_envelope_under_a_known_id_is_refused(site: Site, phase4: Phase4) -> None:
    """phase4 wraps it anew, under another instance id: that is another message under a known id."""
    message_id = new_id()
    assert sends(site, phase4, invoice(), message_id)["result"] == "SUCCESS"
    answer = sends(site, phase4, invoice(), message_id)
    assert answer["result"] == "AS4_ERROR_MESSAGE_RECEIVED"
    assert [error["code"] for error in answer["errors"]] == ["EBMS:4001"]
    assert len([item for item in site.items() if item.message_id == message_id]) == 1


def test_a_repetition_gets_a_receipt_again_and_is_not_stored_twice(site: Site, phase4: Phase4) -> None:
    """The same envelope under the same id: phase4 signs anew, so the receipt is a new one, too."""
    message_id = new_id()
    content = wrapped(invoice(), sender=ParticipantId.of(THEIRS), receiver=ParticipantId.of(OURS))
    for _ in range(2):
        answer = sends(site, phase4, content, message_id, wrapped=True)
        assert answer == {"result": "SUCCESS", "errors": []}
    assert len([item for item in site.items() if item.message_id == message_id]) == 1


def test_a_receiver_that_is_not_ours_is_not_serviced(site: Site, phase4: Phase4) -> None:
    answer = sends(site, phase4, invoice(), receiver="0208:0123456749")
    assert answer["result"] == "AS4_ERROR_MESSAGE_RECEIVED"
    (error,) = answer["errors"]
    assert (error["code"], error["detail"]) == ("EBMS:0004", "PEPPOL:NOT_SERVICED")


@pytest.mark.parametrize("label", ["foreign", "revoked", "expired"])
def test_a_certificate_that_is_not_to_be_trusted_is_refused(site: Site, phase4: Phase4, label: str) -> None:
    message_id = new_id()
    answer = sends(site, phase4, invoice(), message_id, keys=f"{label}.p12")
    assert answer["result"] == "AS4_ERROR_MESSAGE_RECEIVED", answer
    assert [error["code"] for error in answer["errors"]] == ["EBMS:0101"]
    assert message_id not in [item.message_id for item in site.items()]


def test_a_seat_that_is_not_the_signer_s_is_refused(site: Site, phase4: Phase4) -> None:
    answer = sends(site, phase4, invoice(), seat="POP000004")
    assert [error["code"] for error in answer["errors"]] == ["EBMS:0101"], answer


def test_what_is_encrypted_for_somebody_else_is_refused(site: Site, phase4: Phase4) -> None:
    answer = sends(site, phase4, invoice(), certificate=site.certificate("ap4"))
    assert [error["code"] for error in answer["errors"]] == ["EBMS:0102"], answer

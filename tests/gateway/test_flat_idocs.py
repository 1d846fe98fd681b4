"""Flat IDocs on their way through the whole pipeline, beside XML ones of the same invoices."""

from __future__ import annotations

import json

from connectors.sandbox.sap_seeds import Output
from gateway.pipeline.submission import State
from gateway.store import documents, journal
from tests.gateway.stories import Story, billing


def test_a_flat_idoc_is_delivered_and_its_origins_are_segments(story: Story) -> None:
    story.sap.put_out(Output((billing("90000214"), billing("90000215")), flat=True))
    story.round()
    [item] = story.all_of("90000214")
    assert item.state is State.DELIVERED
    assert story.offline.arrivals() == {"90000214": 1, "90000215": 1}
    assert story.told("90000214") == ["14"]
    with story.gateway.database.read() as connection:
        received = next(entry for entry in journal.entries(connection, submission=item.id))
        flat = documents.get(connection, json.loads(received.data)["original"]).content
        assert flat.startswith(b"EDI_DC40")
        assert documents.get(connection, item.content_digest).content != flat
        origins = json.loads(documents.get(connection, item.origins_digest).content)
    assert {one["source"] for one in origins if one["term"] == "BT-1"} == {
        "doc.E1EDK02[?QUALF=='009'].BELNR | [0]"
    }


def test_the_same_invoice_in_xml_and_flat_goes_out_once_and_both_idocs_get_their_status(
    story: Story,
) -> None:
    """Known by the number of the billing document, whatever DOCNUM and form it comes in."""
    story.sap.put_out(Output((billing("90000214"),)))
    story.round()
    story.sap.put_out(Output((billing("90000214"),), flat=True))
    story.round()
    assert [item.state for item in story.all_of("90000214")] == [State.DELIVERED, State.SUPERSEDED]
    assert story.offline.arrivals() == {"90000214": 1}
    assert story.told("90000214") == ["14", "14"]

"""The testbed of the imitated network plays every case of the onboarding list against our endpoint."""

from __future__ import annotations

from connectors.sandbox.peppol.testbed import Testbed
from gateway.store.inbox import State
from tests.gateway.peppol.conftest import OUR_BUYER, Site


def test_what_must_be_refused_is_refused_and_the_rest_is_taken_once(site: Site) -> None:
    bed = Testbed(
        site.url,
        site.network.pki.leaf("gateway").certificate,
        site.network.pki,
        recipient=OUR_BUYER["participant"],
    )
    results = list(bed.run())
    assert len(results) > 60
    assert [result.described() for result in results if not result.passed] == []
    site.until(site.settled)
    assert all(item.state is not State.RECEIVED for item in site.items())
    ids = [item.message_id for item in site.items()]
    assert len(ids) == len(set(ids))

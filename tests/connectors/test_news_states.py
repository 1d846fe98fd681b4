"""Each piece of news that the gateway can have is one that each ERP can be told."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime

import pytest

from connectors.base import DeliveryState, StatusReport
from connectors.erp import exact_online, netsuite_settings, sap_idoc, sap_odata_settings, sap_soap, sap_status


@pytest.mark.parametrize(
    "known",
    [
        exact_online._STATES,
        sap_idoc._STATUS_DEFAULTS,
        sap_odata_settings._STATES,
        sap_soap._RANKS,
        sap_status._KIND,
    ],
)
def test_no_state_is_missing(known: dict[DeliveryState, object]) -> None:
    assert set(known) == set(DeliveryState)


def test_what_the_buyer_asks_is_no_failure_for_sap() -> None:
    disputed = DeliveryState.DISPUTED
    assert sap_idoc._STATUS_DEFAULTS[disputed] != sap_idoc._STATUS_DEFAULTS[DeliveryState.REJECTED]
    assert sap_status._KIND[disputed] == "W"


@pytest.mark.parametrize("state", list(DeliveryState))
def test_netsuite_reads_a_reason_with_all_but_good_news(state: DeliveryState) -> None:
    good = {DeliveryState.ACCEPTED_FOR_TRANSPORT, DeliveryState.DELIVERED, DeliveryState.ACCEPTED}
    at = datetime(2026, 11, 22, tzinfo=UTC)
    report = StatusReport("r", "invoice/1", "1", "", DeliveryState.PARKED, "which order?", at)
    told = netsuite_settings.problem_text(dataclasses.replace(report, state=state))
    assert told == ("" if state in good else "which order?")

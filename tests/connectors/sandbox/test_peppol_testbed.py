"""The testbed: a strict access point passes, and a careless one does not."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from connectors.sandbox.faults import Fault, Faults
from connectors.sandbox.http_server import Reply, Request, SandboxHttpServer
from connectors.sandbox.peppol.cases import CASES, Case
from connectors.sandbox.peppol.desk import PeppolDesk
from connectors.sandbox.peppol.testbed import Testbed, main

RECIPIENT = "0208:1999412696"


def bed(network: PeppolDesk, url: str = "") -> Testbed:
    return Testbed(
        url or f"{network.url}/ap2/as4",
        network.pki.leaf("ap2").certificate,
        network.pki,
        recipient=RECIPIENT,
        delivered=lambda: {one.envelope.instance_id for one in network.arrivals()},
    )


def test_names_of_cases_are_unique() -> None:
    assert len({case.name for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_imitated_access_point_does_as_it_must(network: PeppolDesk, case: Case) -> None:
    result = bed(network).play(case)
    assert result.passed, f"{result.expected}; seen: {result.seen}"
    assert result.seen


def test_a_receiver_that_refuses_everything_passes_no_good_case(network: PeppolDesk) -> None:
    network.faults.arm(Fault("ebms-0004", "as4", times=1000))
    for case in CASES:
        if not case.codes:
            assert not bed(network).play(case).passed


def test_a_receiver_that_only_says_sorry_passes_few_cases(network: PeppolDesk) -> None:
    """An HTTP status alone is no ebMS error."""
    network.faults.arm(Fault("server-error", "/ap2/as4", times=1000))
    passed = {case.name for case in CASES if bed(network).play(case).passed}
    assert passed == {case.name for case in CASES if case.plainly}


def test_a_receiver_that_delivers_what_it_refuses_is_found_out(network: PeppolDesk) -> None:
    careless = Testbed(
        f"{network.url}/ap2/as4",
        network.pki.leaf("ap2").certificate,
        network.pki,
        recipient=RECIPIENT,
        delivered=_Everything,
    )
    (result,) = careless.run(["certificate-expired"])
    assert not result.passed
    assert result.seen.endswith("and the document was delivered")


def test_a_receiver_that_makes_a_new_receipt_for_a_repeated_message_is_found_out(
    network: PeppolDesk,
) -> None:
    """It forgets what it has after each message."""
    server = SandboxHttpServer(0, Faults())

    def forgetful(request: Request) -> Reply:
        network.access_points["ap2"]._receipts.clear()
        return network.access_points["ap2"].receive(request)

    server.route("POST", "/as4", forgetful)
    server.start()
    try:
        (result,) = bed(network, f"{server.url}/as4").run(["repeated"])
    finally:
        server.stop()
    assert (result.passed, result.seen) == (False, "another receipt")


def test_a_message_for_the_former_certificate_is_a_case_where_there_is_one(network: PeppolDesk) -> None:
    other = Testbed(
        f"{network.url}/ap2/as4",
        network.pki.leaf("ap2").certificate,
        network.pki,
        recipient=RECIPIENT,
        former=network.pki.leaf("ap3").certificate,
    )
    (result,) = other.run(["former-certificate"])
    assert not result.passed  # this receiver has no such key
    assert "EBMS:0102" in result.seen


def test_it_runs_from_a_shell(network: PeppolDesk, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [f"{network.url}/ap2/as4", "--receiver", "ap2", "--recipient", RECIPIENT]
    arguments += ["--sandbox", network.url, "--only", "good", "unsigned"]
    assert main(arguments) == 0
    assert re.findall(r"^(\w+) +(\S+)", capsys.readouterr().out, re.MULTILINE)[:2] == [
        ("ok", "good"),
        ("ok", "unsigned"),
    ]
    network.faults.arm(Fault("receipt-unsigned", "as4"))
    assert main(arguments) == 1
    assert "FAIL good" in capsys.readouterr().out


def test_the_time_in_messages_is_that_of_the_clock(network: PeppolDesk) -> None:
    at = datetime(2026, 12, 24, 18, 30, tzinfo=UTC)
    clocked = Testbed(
        f"{network.url}/ap2/as4",
        network.pki.leaf("ap2").certificate,
        network.pki,
        recipient=RECIPIENT,
        clock=lambda: at,
    )
    assert all(result.passed for result in clocked.run(["good"]))
    assert network.arrivals()[0].envelope.created == "2026-12-24T18:30:00Z"


class _Everything(frozenset[str]):
    def __contains__(self, item: object) -> bool:
        return True

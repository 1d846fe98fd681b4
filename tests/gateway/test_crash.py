"""Killed at any moment and started again, the gateway finishes: nothing is lost, nothing goes out twice."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from sqlalchemy import func, select

from connectors.sandbox.sap import ImitatedSap
from gateway.pipeline.submission import State
from gateway.store import journal, reports, submissions
from gateway.store.database import Database
from gateway.store.tables import reports as reports_table
from tests.gateway.offline import Offline, offline_world

# One that goes to the provider, one that goes out by e-mail.
NUMBERS: Final = ("90000201", "90000210")
_MOST_LIVES: Final = 60
_SETTLED: Final = (State.DELIVERED, State.PAID)


@pytest.fixture
def offline(tmp_path: Path) -> Iterator[Offline]:
    with offline_world(tmp_path, ["sap"], workers=1) as world:
        sap = world.world.systems["sap"]
        assert isinstance(sap, ImitatedSap)
        for file in (sap.root / "out").glob("*.xml"):
            if not is_wanted(file.read_bytes()):
                file.unlink()
        yield world


def is_wanted(idoc: bytes) -> bool:
    numbers = [f"<BELNR>{number:0>10}</BELNR>".encode() for number in NUMBERS]
    return b"<BSART>INVO<" in idoc and any(number in idoc for number in numbers)


def live(offline: Offline, moment: str) -> bool:
    """One life of the process; whether it lived to its end."""
    command = [sys.executable, "-m", "tests.gateway.dying_process", str(offline.config), moment]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)  # noqa: S603
    assert done.returncode in (0, -signal.SIGKILL), done.stderr[-3000:]
    return done.returncode == 0


def settle(offline: Offline) -> None:
    """Rounds without a kill until everything has arrived and was reported."""
    for _ in range(10):
        assert live(offline, "never")
        database = Database(f"sqlite:///{offline.config / 'gateway.db'}")
        with database.read() as connection:
            listed = submissions.listing(connection)
            open_reports = [
                report
                for item in listed
                for report in reports.of(connection, item.id)
                if report.done_at is None
            ]
        database.close()
        if listed and all(item.state in _SETTLED for item in listed) and not open_reports:
            return
    raise AssertionError([(item.number, item.state, item.sentence) for item in listed])


def assert_everything_is_there_once(offline: Offline) -> None:
    assert offline.arrivals() == Counter(NUMBERS)
    assert offline.holdings()["provider"]["repeated"] == []
    assert offline.holdings()["mail"]["accepted"] == 1
    database = Database(f"sqlite:///{offline.config / 'gateway.db'}")
    with database.read() as connection:
        _, broken = journal.verify(connection)
        listed = submissions.listing(connection)
        expected = connection.scalar(select(func.count()).select_from(reports_table))
    database.close()
    assert broken is None
    assert sorted(item.number for item in listed) == sorted(NUMBERS)
    idocs = offline.holdings()["sap"]["status_idocs"]
    assert len(idocs) == expected, "each piece of news reached SAP once"


@pytest.mark.parametrize("moment", ["commit:after:1", "commit:before:2"])
def test_killed_at_every_step_boundary(offline: Offline, moment: str) -> None:
    """Each life ends one journal entry further on: after its commit, or just before the next one's."""
    lives = 1
    while not live(offline, moment):
        lives += 1
        assert lives < _MOST_LIVES
    assert lives > 15, "there are at least that many steps to be killed between"
    settle(offline)
    assert_everything_is_there_once(offline)


@pytest.mark.parametrize(
    "moment",
    [
        "connectors.channels.sftp_outbox/SftpOutbox.send:before:1",
        "connectors.channels.sftp_outbox/SftpOutbox.send:after:1",
        "connectors.sftp/SftpClient.write_atomically:before:1",
        "connectors.sftp/SftpClient.write_atomically:after:1",
        "connectors.sftp/SftpClient.write_atomically:after:2",
        "connectors.channels.email/Email.send:before:1",
        "connectors.channels.email/Email.send:after:1",
        "smtplib/SMTP.rcpt:after:1",
        "smtplib/SMTP.data:after:1",
        "connectors.erp.sap_idoc/SapIdoc.acknowledge:before:1",
        "connectors.erp.sap_idoc/SapIdoc.report_status:after:1",
    ],
)
def test_killed_inside_a_call_to_the_other_side(offline: Offline, moment: str) -> None:
    """The other side may have it and we do not know: it is asked before anything is sent again."""
    assert not live(offline, moment), "the process was to die in that call"
    settle(offline)
    assert_everything_is_there_once(offline)


@pytest.mark.parametrize(
    ("erp", "moment"),
    [
        ("exact", "connectors.erp.exact_online/ExactOnline.report_status:after:1"),
        ("netsuite", "connectors.erp.netsuite_soap/NetSuiteSoap.report_status:after:1"),
    ],
)
def test_killed_beside_another_erp(tmp_path: Path, erp: str, moment: str) -> None:
    """The same holds where documents come by a cursor and the status goes back by a call."""
    with offline_world(tmp_path, [erp], workers=2) as offline:
        assert not live(offline, moment), "the process was to die there"
        for _ in range(2):
            assert live(offline, "never")
        arrived = offline.arrivals()
        told = offline.holdings()[erp]["status_references"]
        assert len(arrived) > 10
        assert set(arrived.values()) == {1}
        assert len(told) > 10
        assert set(told.values()) == {1}, "each piece of news is there once"

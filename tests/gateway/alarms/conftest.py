"""A gateway whose clock a test moves, and a mail server on this machine that can be ended and begun anew."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, update

from connectors.base import SourceDocument
from connectors.sandbox.faults import Faults
from connectors.sandbox.smtp_server import Accepted, SmtpServer
from gateway.alarms.model import Kind
from gateway.alarms.rounds import Rounds
from gateway.cli.setup import write_config
from gateway.pipeline.submission import State
from gateway.store import alarms, sides, sources, submissions
from gateway.store.alarms import Alarm
from gateway.store.sides import Errand
from gateway.store.submissions import Submission
from gateway.store.tables import submissions as table
from gateway.wiring import Gateway
from tests.gateway import prepared
from tests.gateway.reasons.known import is_known

SOURCE = "exact-vandael"
RECEIVER = "alarms@vandael.example"


@dataclass(slots=True)
class Mailbox:
    """A real SMTP server; what it took is in `got`."""

    port: int = 0
    got: list[EmailMessage] = field(default_factory=list)
    _server: SmtpServer | None = None

    def start(self) -> None:
        self._server = SmtpServer(
            Faults(),
            port=self.port,
            login=("gateway", "invented"),
            context=None,
            refuse=lambda receiver: "",
            on_mail=self._take,
            largest=1_000_000,
        )
        self._server.start()
        self.port = self._server.port

    def stop(self) -> None:
        if self._server is not None:
            self._server.stop()
            self._server = None

    def _take(self, mail: Accepted) -> None:
        self.got.append(message_from_bytes(mail.content, EmailMessage, policy=default))

    @property
    def subjects(self) -> list[str]:
        return [str(mail["Subject"]) for mail in self.got]


@dataclass(slots=True)
class World:
    """The gateway, its clock and its alarms."""

    gateway: Gateway
    mailbox: Mailbox
    rounds: Rounds
    now: datetime = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
    config: Path = Path()

    def look(self) -> tuple[Alarm, ...]:
        self.rounds.look(everything=True)
        return self.open()

    def open(self, kind: Kind | None = None) -> tuple[Alarm, ...]:
        with self.gateway.database.read() as connection:
            return alarms.open_ones(connection, kind=kind)

    def invoice(
        self, number: str, *, day: date | None = None, buyer: str = "Kessel", source: str = SOURCE
    ) -> Submission:
        """One invoice that came now, or at nine o'clock of a day."""
        at = self.now if day is None else datetime(day.year, day.month, day.day, 9, tzinfo=UTC)
        with self.gateway.database.begin() as connection:
            document = SourceDocument(number, "1", "text/xml", f"<i>{source}{number}</i>".encode())
            taken = submissions.receive(connection, source, document, now=at)
            assert taken is not None
            facts: dict[str, Any] = {
                "number": number,
                "buyer": buyer,
                "issue_date": at.date(),
                "due_at": None,
            }
            return submissions.move(connection, taken, State.MAPPED, "mapped", {}, now=at, **facts)

    def invoices(self, days: list[date], buyer: str = "Kessel") -> None:
        """One invoice on each of these days, delivered."""
        with self.gateway.database.begin() as connection:
            for day in days:
                at = datetime(day.year, day.month, day.day, 9, tzinfo=UTC)
                document = SourceDocument(f"{buyer} {day}", "1", "text/xml", f"<i>{buyer}{day}</i>".encode())
                taken = submissions.receive(connection, SOURCE, document, now=at)
                assert taken is not None
                values = {"state": State.DELIVERED.value, "buyer": buyer, "due_at": None}
                connection.execute(update(table).where(table.c.id == taken.id).values(**values))

    def set(self, submission: Submission, **values: object) -> None:
        """As if it had come this far."""
        with self.gateway.database.begin() as connection:
            connection.execute(update(table).where(table.c.id == submission.id).values(**values))

    def source_fails(self, times: int, verdict: str = "provider") -> None:
        """So many times, every five minutes, the last time now."""
        what = "no answer within 5 seconds"
        with self.gateway.database.begin() as connection:
            for back in reversed(range(times)):
                sources.failed(connection, SOURCE, verdict=verdict, sentence=what, due_at=None)
                self.side_fails(
                    connection, sides.source(SOURCE), Errand.COLLECT, verdict, timedelta(minutes=5 * back)
                )

    def source_is_well(self) -> None:
        with self.gateway.database.begin() as connection:
            sources.is_well(connection, SOURCE, now=self.now)
            sides.passed(connection, sides.source(SOURCE), list(Errand))

    def side_fails(
        self,
        connection: Connection,
        side: str,
        errand: Errand,
        verdict: str = "provider",
        ago: timedelta = timedelta(),
    ) -> None:
        said = {"what": "no answer within 5 seconds", "fix": "it is tried again by itself"}
        sides.failed(connection, side, errand, verdict=verdict, now=self.now - ago, **said)

    def pass_(self, **span: float) -> None:
        self.now += timedelta(**span)


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    config = tmp_path_factory.mktemp("alarms") / "config"
    write_config(config, 21000)
    return config


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    made = Mailbox()
    made.start()
    yield made
    made.stop()


@pytest.fixture
def world(tmp_path: Path, written: Path, mailbox: Mailbox) -> Iterator[World]:
    config = shutil.copytree(written, tmp_path / "config")
    (config / "secrets" / "mail").write_text("invented\n")
    with (config / "gateway.yaml").open("a") as file:
        file.write(
            "\nalarms:\n  free_megabytes: 10\n  mail:\n"
            f"    to: [{RECEIVER}]\n    sender: gateway@vandael.example\n    smtp:\n"
            f"      host: 127.0.0.1\n      port: {mailbox.port}\n      security: plain\n"
            "      username: gateway\n      password: file:secrets/mail\n"
        )
    prepared.sqlite_copy(config / "gateway.db")
    holder: list[World] = []
    gateway = Gateway.open(
        config, clock=lambda: holder[0].now if holder else datetime(2026, 11, 20, tzinfo=UTC)
    )
    holder.append(World(gateway, mailbox, Rounds(gateway), config=config))
    yield holder[0]
    with gateway.database.read() as connection:
        raised = (
            *alarms.open_ones(connection),
            *alarms.ended_since(connection, datetime(2000, 1, 1, tzinfo=UTC)),
        )
    gateway.close()
    # Whatever a test made a watch say can be said in every language.
    assert [text for one in raised for text in (one.sentence, one.fix) if not is_known(text)] == []

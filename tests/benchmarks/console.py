"""How long the console's pages take with a million invoices in the database, and what they weigh.

Rows are written straight into the tables of an empty database, so no pipeline is measured: two years of
invoices for 12,000 buyers, almost all delivered or paid, one in 500 stopped, two journal entries each.
Every page is asked for in process, through the whole application, with other values each time; `server_ms`
is what the server takes, without the network, and `processor_ms` what of it this process computed: SQLite's
work is part of that, PostgreSQL's is not. SQLite, and PostgreSQL where GATEWAY_TEST_POSTGRES names one;
GATEWAY_BENCH_INVOICES sets another number.

python -m tests.benchmarks.console prints the table of each database alone.
"""

from __future__ import annotations

import gzip
import itertools
import os
import random
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import psycopg
from fastapi.testclient import TestClient
from sqlalchemy import Connection, Engine, Table, func, insert, select, text
from sqlalchemy.engine import make_url

from gateway.access.rights import ALL_COMPANIES, Role
from gateway.cli.setup import write_config
from gateway.pipeline.submission import State, Verdict
from gateway.store import documents, finding, people, sessions
from gateway.store.tables import buyer_words, journal, number_words, submissions
from gateway.store.words import words_of
from gateway.web.app import create_app
from gateway.web.guard import COOKIE
from gateway.wiring import Gateway
from tests.gateway import prepared

_ROUNDS: Final = 40
_PART: Final = 5_000
_DAYS: Final = 730
_BUYERS: Final = 12_000
_STOPPED_ONE_IN: Final = 500
_GOLDEN: Final = Path(__file__).parents[1] / "data" / "mappings" / "exact_online"
_FIRST: Final = ("Chemiepark", "Bakkerij", "Atelier", "Nordwind", "Stadtwerke", "Huis", "Verlag", "Garage")
_THEN: Final = ("Rodenau", "Van Dael", "Lefèvre", "Lindqvist", "Oberhausen", "Kerkhof", "Grünau", "Marchal")
_FORM: Final = ("GmbH", "BV", "SARL", "NV", "AG", "SA")


def run() -> list[dict[str, Any]]:
    """One row for each page and database."""
    number = int(os.environ.get("GATEWAY_BENCH_INVOICES", "1000000"))
    return [row for database in _databases() for row in _measured(database, number)]


def table(rows: Iterable[dict[str, Any]]) -> str:
    """The pages of each database as a table for people."""
    head = f"{'page':34}{'median ms':>10}{'p95 ms':>9}{'processor ms':>14}{'gzip bytes':>12}"
    lines: list[str] = []
    for row in rows:
        if "page" not in row:
            lines += ["", f"{row['database']}, {row['invoices']:,} invoices", head]
            continue
        spent = row["server_ms"]
        lines.append(
            f"{row['page']:34}{spent['median']:>10}{spent['p95']:>9}{row['processor_ms']:>14}{row['gzip']:>12}"
        )
    return "\n".join(lines[1:]) + "\n"


def _databases() -> Iterator[str]:
    yield "sqlite"
    if os.environ.get("GATEWAY_TEST_POSTGRES"):
        yield "postgresql"


def _measured(database: str, number: int) -> Iterator[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as folder, _gateway(Path(folder), database) as gateway:
        started = time.perf_counter()
        _fill(gateway, number)
        yield {
            "benchmark": "console",
            "database": database,
            "invoices": number,
            "filled_in_s": round(time.perf_counter() - started),
        }
        with TestClient(create_app(gateway), base_url="https://testserver") as client:
            client.cookies.set(COOKIE, _signed_in(gateway))
            style = len(gzip.compress(client.get("/static/gateway.css").content))
            for name, address in _pages(gateway, number).items():
                yield _asked(client, name, address, database, number) | {"style_gzip": style}


def _asked(
    client: TestClient,
    name: str,
    address: Callable[[], str],
    database: str,
    number: int,
) -> dict[str, Any]:
    spent, computed, sizes, packed = [], [], [], []
    client.get(address(), headers={"Accept": "text/html"})  # templates are read once
    for _ in range(_ROUNDS):
        place = address()
        started, before = time.perf_counter(), time.process_time()
        answer = client.get(place, headers={"Accept": "text/html"})
        spent.append((time.perf_counter() - started) * 1000)
        computed.append((time.process_time() - before) * 1000)
        if answer.status_code != 200:
            raise RuntimeError(f"{place} answered {answer.status_code}")
        sizes.append(len(answer.content))
        packed.append(len(gzip.compress(answer.content)))
    spent.sort()
    return {
        "benchmark": "console",
        "database": database,
        "invoices": number,
        "page": name,
        "bytes": round(statistics.median(sizes)),
        "gzip": round(statistics.median(packed)),
        "server_ms": {
            "median": round(statistics.median(spent), 1),
            "p95": round(spent[int(len(spent) * 0.95)], 1),
            "worst": round(spent[-1], 1),
        },
        "processor_ms": round(statistics.median(computed), 1),
    }


def _pages(gateway: Gateway, number: int) -> dict[str, Callable[[], str]]:
    """What people ask for all day, with values that differ from one time to the next."""
    chance = random.Random(number)  # noqa: S311  # the same values each time
    with gateway.database.read() as connection:
        ids = list(connection.scalars(select(submissions.c.id).limit(500)))
        waiting = list(
            connection.scalars(
                select(submissions.c.id).where(submissions.c.state == State.PARKED).limit(_ROUNDS)
            )
        )
    deep = _deep_place(gateway)

    def day() -> date:
        return gateway.clock().date() - timedelta(days=chance.randrange(_DAYS))

    return {
        "work list": lambda: "/",
        "invoices": lambda: "/invoices",
        "invoices, far into the list": lambda: f"/invoices?after={deep()}",
        "one number": lambda: f"/invoices?q={_number(chance.randrange(number))}&state=",
        "buyer by one word": lambda: f"/invoices?q={chance.choice(_THEN)[:5]}",
        "buyer by two words": lambda: f"/invoices?q={chance.choice(_FIRST)}+{chance.choice(_THEN)[:4]}",
        "stopped": lambda: "/invoices?state=stopped",
        "one state and channel, by amount": lambda: (
            f"/invoices?state=paid&channel={chance.choice(('peppol-access-point', 'email'))}&sort=amount"
        ),
        "amounts between two": lambda: f"/invoices?least={chance.randrange(100, 20_000)}&most=20000",
        "issued in one week": lambda: (
            f"/invoices?from={(first := day())}&to={first + timedelta(days=7)}&sort=buyer&down=0"
        ),
        "one verdict, by buyer": lambda: f"/invoices?verdict={chance.choice(list(Verdict))}&sort=buyer",
        "nothing fits": lambda: f"/invoices?q=zz{chance.randrange(10_000)}&currency=CHF",
        "one invoice": lambda: f"/invoices/{chance.choice(ids)}",
        "one stopped invoice": lambda: f"/invoices/{chance.choice(waiting)}",
        "overview": lambda: "/overview",
        "record": lambda: "/record",
        "system": lambda: "/system",
        "two words that are everywhere": lambda: f"/invoices?q={chance.choice(_FORM)}+2026",
        "two words never together": lambda: f"/invoices?q={chance.choice(_FIRST)}+000",
        "a word among the stopped": lambda: f"/invoices?q={chance.choice(_FORM)}&state=stopped",
        "one currency, by amount": lambda: "/invoices?currency=usd&sort=amount",
        "api, a page of 100": lambda: (
            f"/api/v1/invoices?state=delivered&size=100&text={chance.choice(_FIRST)}"
        ),
    }


def _deep_place(gateway: Gateway) -> Callable[[], str]:
    """A page that begins half way down, and each time a little further."""
    half = gateway.clock() - timedelta(days=_DAYS // 2)
    step = itertools.count()

    def place() -> str:
        with gateway.database.read() as connection:
            wanted = finding.Filter(received_to=half - timedelta(days=next(step)))
            return finding.find(connection, wanted, size=1).after

    return place


@contextmanager
def _gateway(folder: Path, database: str) -> Iterator[Gateway]:
    config = folder / "config"
    write_config(config, 21000)
    if database == "sqlite":
        prepared.sqlite_copy(config / "gateway.db")
        gateway = Gateway.open(config)
        yield gateway
        gateway.close()
        return
    with prepared.postgres(migrated=True) as address:
        file = config / "gateway.yaml"
        lines = [line for line in file.read_text("utf-8").splitlines() if not line.startswith("database:")]
        shown = make_url(address).render_as_string(hide_password=False)
        file.write_text("\n".join([*lines, f"database: {shown}", ""]), "utf-8")
        gateway = Gateway.open(config)
        yield gateway
        gateway.close()


def _signed_in(gateway: Gateway) -> str:
    now = gateway.clock()
    with gateway.database.begin() as connection:
        person = people.add(
            connection, "bench", "bench", {ALL_COMPANIES: Role.COMPLIANCE}, language="en", now=now
        )
        return sessions.open_for(connection, person.id, now=now)


def _fill(gateway: Gateway, number: int) -> None:
    """The rows. Indices are made afterwards: that takes a fifth of the time."""
    now = gateway.clock()
    tables = (submissions, number_words, buyer_words, journal)
    with gateway.database.begin() as connection:
        (file,) = sorted(_GOLDEN.glob("*/invoice.xml"))[:1]
        digest = documents.put(connection, file.read_bytes(), "application/xml", now=now)
        first = connection.scalar(select(func.max(journal.c.seq))) or 0
    engine = gateway.database.engine
    _change_indices(engine, tables, made=False)
    with engine.begin() as connection:
        _write_words(connection, buyer_words, "buyer", [_buyer(place) for place in range(_BUYERS)])
    for start in range(0, number, _PART):
        with gateway.database.begin() as connection:
            _write_part(connection, range(start, min(start + _PART, number)), number, digest, now, first)
    _change_indices(engine, tables, made=True)
    with engine.begin() as connection:
        connection.execute(text("ANALYZE"))


def _change_indices(engine: Engine, tables: tuple[Table, ...], *, made: bool) -> None:
    for table in tables:
        for index in table.indexes:
            (index.create if made else index.drop)(engine)


def _write_part(
    connection: Connection, places: range, number: int, digest: str, now: datetime, first: int
) -> None:
    rows = [_row(place, number, digest, now) for place in places]
    _write(connection, submissions, rows)
    _write_words(connection, number_words, "number", [row["number"] for row in rows])
    entries = []
    for place, row in zip(places, rows, strict=True):
        for offset, event in enumerate(("received", "sent" if row["sent_at"] else "parked")):
            entries.append(
                {
                    "seq": first + 2 * place + offset + 1,
                    "at": row["received_at"].isoformat(),
                    "submission": row["id"],
                    "actor": "gateway",
                    "event": event,
                    "data": '{"channel": "email", "what": "", "verdict": "document"}',
                    "previous": "0" * 64,
                    "digest": f"{2 * place + offset:064x}",
                }
            )
    _write(connection, journal, entries)


def _write(connection: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
    """As an insert does, in the way that is quickest on this database."""
    if connection.dialect.name != "postgresql":
        connection.execute(insert(table), rows)
        return
    driver = connection.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)  # what the address names
    columns = list(table.columns)
    given = [getattr(column.default, "arg", None) for column in columns]
    kept = [
        column.type.dialect_impl(connection.dialect).bind_processor(connection.dialect) for column in columns
    ]
    names = ", ".join(column.name for column in columns)
    with driver.cursor() as cursor, cursor.copy(f"COPY {table.name} ({names}) FROM STDIN") as copy:
        for row in rows:
            values = [row.get(column.name, usual) for column, usual in zip(columns, given, strict=True)]
            copy.write_row([keep(value) if keep else value for keep, value in zip(kept, values, strict=True)])


def _write_words(connection: Connection, table: Table, name: str, texts: list[str]) -> None:
    _write(connection, table, [{"word": word, name: text} for text in texts for word in words_of(text)])


def _row(place: int, number: int, digest: str, now: datetime) -> dict[str, Any]:
    chance = random.Random(place)  # noqa: S311  # the same rows each time
    received = now - timedelta(seconds=(number - place) * _DAYS * 86_400 / number)
    is_stopped = place % _STOPPED_ONE_IN == 0
    state = State.PARKED if is_stopped else chance.choice((State.DELIVERED, State.ACCEPTED, State.PAID))
    return {
        "id": str(uuid.UUID(int=chance.getrandbits(128))),
        "version": 5,
        "state": state,
        "resume_state": State.RECEIVED if is_stopped else "",
        "verdict": chance.choice(list(Verdict)) if is_stopped else "",
        "sentence": "the lines add up to 8,640.00, but the invoice says 8,604.00" if is_stopped else "",
        "fix": "check in the ERP: the header discount" if is_stopped else "",
        "source": chance.choice(("sap-nordlicht", "exact-vandael", "netsuite-brightwater")),
        "source_key": f"key-{place}",
        "arrival": place,
        "revision": "1",
        "content_digest": digest,
        "fingerprint": f"{place:064x}",
        "number": _number(place),
        "type_code": "380",
        "issue_date": received.date(),
        "buyer": _buyer(chance.randrange(_BUYERS)),
        "currency": chance.choice(("EUR", "EUR", "EUR", "USD", "GBP")),
        "amount": Decimal(chance.randrange(1_000, 5_000_000)) / 100,
        "mapping": "exact_online",
        "invoice_digest": digest,
        "channel": "" if is_stopped else chance.choice(("peppol-access-point", "peppol-provider", "email")),
        "profile": "peppol-bis-3",
        "received_at": received,
        "changed_at": received,
        "sent_at": None if is_stopped else received + timedelta(seconds=chance.randrange(5, 300)),
        "delivered_at": None if is_stopped else received + timedelta(minutes=5),
        "due_at": None,
    }


def _number(place: int) -> str:
    return f"2026-{place:07d}"


def _buyer(place: int) -> str:
    first, then, form = (
        words[place // divisor % len(words)] for words, divisor in ((_FIRST, 1), (_THEN, 8), (_FORM, 64))
    )
    return f"{first} {then} {place // 384} {form}"


if __name__ == "__main__":
    sys.stdout.write(table(run()))

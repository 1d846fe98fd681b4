"""What a received invoice is known by, on each database; two processes that judge twins at once."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import text

from formats.identifiers import Identifier
from formats.model import Buyer, Invoice, Seller
from gateway.peppol.marks import marks_of
from gateway.store import inbox, schema
from gateway.store.database import Database
from gateway.store.inbox import Kind, State
from gateway.store.invoice_marks import Ground, Mark, claim

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
SENDER = "iso6523-actorid-upis::0208:1999412696"


def add(database: Database, name: str) -> str:
    with database.begin() as connection:
        return inbox.add(
            connection,
            peer="POP000002",
            message_id=name,
            channel="peppol",
            kind=Kind.INVOICE,
            document_digest="0" * 64,
            now=NOW,
        )


def known(number: str = "IN-1", name: str = "Supplier NV", vat: str = "BE1999412696") -> tuple[Mark, ...]:
    return marks_of(
        Invoice(number=number, type_code="380", seller=Seller(name=name, vat_identifier=vat)), SENDER
    )


def test_the_second_of_two_at_once_waits_for_the_first_and_knows_of_it(database: Database) -> None:
    first, second = add(database, "1"), add(database, "2")
    claimed, told = threading.Event(), []

    def judge() -> None:
        with database.begin() as connection:
            claimed.wait(5)
            told.append(claim(connection, second, known(name="SUPPLIER n.v.")))

    with database.begin() as connection:
        assert claim(connection, first, known()) is None
        other = threading.Thread(target=judge)
        if not database.is_sqlite:
            other.start()
            claimed.set()
            other.join(0.1)
            assert told == [], "it did not wait"
    if database.is_sqlite:  # one writer at a time: the other begins when the first has ended
        other.start()
        claimed.set()
    other.join(10)
    (twin,) = told
    assert twin is not None
    assert (twin.item, twin.ground) == (first, Ground.VAT)


def test_one_that_was_refused_is_nobody_s_twin_and_one_that_was_taken_is(database: Database) -> None:
    first, second, third = (add(database, name) for name in "123")
    with database.begin() as connection:
        assert claim(connection, first, known()) is None
        item = inbox.get(connection, first)
        assert item is not None
        inbox.move(connection, item, State.REFUSED, "put aside", {}, now=NOW)
        assert claim(connection, second, known()) is None
        assert claim(connection, second, known()) is None, "judged a second time"
        twin = claim(connection, third, known())
        assert twin is not None
        assert twin.item == second


def test_grounds_and_spellings() -> None:
    def same(one: tuple[Mark, ...], other: tuple[Mark, ...]) -> set[Ground]:
        return {mark.ground for mark in one} & {mark.ground for mark in set(one) & set(other)}

    assert same(known(), known(vat="be 1999.412.696", number=" in-1")) == set(Ground) - {Ground.REGISTRATION}
    assert same(known(), known(number="IN-2")) == set()
    assert same(known(number="1-11"), known(number="11-1")) == set()
    assert known(number=" ") == ()
    registered = Seller(name="A", legal_registration=Identifier("1999.412.696", "0208"))
    other = Seller(name="B", legal_registration=Identifier("1999412696", "0208"))
    one, two = (marks_of(Invoice(number="1", seller=seller), "") for seller in (registered, other))
    assert same(one, two) == {Ground.REGISTRATION}


def test_a_self_billed_invoice_is_known_by_the_buyer_who_numbers_it() -> None:
    def billed(buyer: str) -> tuple[Mark, ...]:
        seller, own = (
            Seller(name="We", vat_identifier="NL001"),
            Buyer(name=buyer, vat_identifier=f"BE{buyer}"),
        )
        return marks_of(Invoice(number="1", type_code="389", seller=seller, buyer=own), "")

    assert not set(billed("17")) & set(billed("18"))
    assert set(billed("17")) == set(billed("17"))


def test_a_shared_participant_alone_does_not_make_two_companies_one(database: Database) -> None:
    """One service sends for both, and each says its own VAT number."""
    first, second = add(database, "1"), add(database, "2")
    with database.begin() as connection:
        assert claim(connection, first, known()) is None
        assert claim(connection, second, known(name="Another NV", vat="BE1999307184")) is None


def test_what_came_before_the_release_is_known_after_it(empty_database_address: str) -> None:
    database = Database(empty_database_address)
    config = Config()
    config.set_main_option("script_location", str(Path(schema.__file__).parent / "migrations"))
    with database.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0014")
    for name in ("old", "refused"):
        item = add(database, name)
        with database.begin() as connection:
            found = inbox.get(connection, item)
            assert found is not None
            state = State.HANDED_OVER if name == "old" else State.REFUSED
            number = "IN-1" if name == "old" else "IN-9"
            inbox.move(connection, found, state, "x", {}, now=NOW, seller="Supplier N.V.", number=number)
    schema.upgrade(database)
    new = add(database, "new")
    with database.begin() as connection:
        twin = claim(connection, new, known())
        assert twin is not None
        assert twin.ground is Ground.NAME
        assert claim(connection, new, known(number="IN-9")) is None
        assert connection.scalar(text("SELECT count(*) FROM invoice_marks WHERE item <> :new"), {"new": new})
    database.close()

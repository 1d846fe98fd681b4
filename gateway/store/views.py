"""Lists of invoices that a person wants to find again under a name of their own."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, delete, func, insert, select

from formats.errors import ConfigError
from gateway.store.tables import saved_views

__all__ = ["LONGEST_NAME", "MOST", "View", "keep", "of", "remove"]

MOST: Final = 20
LONGEST_NAME: Final = 40


@dataclass(frozen=True, slots=True)
class View:
    """One kept list. `question` is the query of its address, without the place of a page."""

    id: str
    name: str
    question: str


def of(connection: Connection, person: str) -> tuple[View, ...]:
    """The views of a person, by name."""
    columns = saved_views.c
    rows = connection.execute(
        select(columns.id, columns.name, columns.question)
        .where(columns.person == person)
        .order_by(columns.name)
    )
    return tuple(View(row.id, row.name, row.question) for row in rows)


def keep(connection: Connection, person: str, name: str, question: str, *, now: datetime) -> None:
    """Keep a list under a name; the view of the same name is replaced. ConfigError for a name that is empty
    or too long, for a list that nothing narrows, and for more views than fit on a page."""
    name = " ".join(name.split())
    if not name or len(name) > LONGEST_NAME:
        raise ConfigError(
            f"a view needs a name of at most {LONGEST_NAME} characters",
            where="name",
            fix="type a short name",
        )
    if not question:
        raise ConfigError(
            "this is the list of all invoices, which is always there",
            where="question",
            fix="search or filter first, then keep the list",
        )
    columns = saved_views.c
    connection.execute(delete(saved_views).where(columns.person == person, columns.name == name))
    held = connection.scalar(select(func.count()).where(columns.person == person)) or 0
    if held >= MOST:
        raise ConfigError(
            f"you have {MOST} views already", where="name", fix="remove one that you no longer use"
        )
    connection.execute(
        insert(saved_views).values(
            id=str(uuid.uuid4()), person=person, name=name, question=question, made_at=now
        )
    )


def remove(connection: Connection, person: str, identifier: str) -> None:
    """Remove one's own view; nothing happens where it is not there."""
    columns = saved_views.c
    connection.execute(delete(saved_views).where(columns.person == person, columns.id == identifier))

"""GET /record: what happened, entry by entry, for those who check and change nothing."""

from __future__ import annotations

import json
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request, Response
from sqlalchemy import select

from gateway.store.journal import LAST, Entry
from gateway.store.tables import journal, journal_head
from gateway.web.console.shell import Shell

__all__ = ["router"]

_PAGE: Final = 100


def router(shell: Shell) -> APIRouter:
    """The newest entries first."""
    routes = APIRouter()

    @routes.get("/record")
    def page(request: Request, before: Annotated[int, Query(le=LAST)] = 0) -> Response:
        query = select(journal).order_by(journal.c.seq.desc()).limit(_PAGE + 1)
        if before > 0:
            query = query.where(journal.c.seq < before)
        with shell.gateway.database.read() as connection:
            head = connection.execute(select(journal_head)).one_or_none()
            entries = [Entry(*row) for row in connection.execute(query)]
        context = {
            "entries": [(entry, _said(entry)) for entry in entries[:_PAGE]],
            "before": entries[_PAGE - 1].seq if len(entries) > _PAGE else 0,
            "number": head.seq if head is not None else 0,
            "digest": head.digest if head is not None else "",
        }
        return shell.render(request, "record.html", context, section="record")

    return routes


def _said(entry: Entry) -> str:
    data: dict[str, Any] = json.loads(entry.data)
    told = (f"{name}: {value}" for name, value in data.items() if value not in ("", [], None))
    return ", ".join(told)[:300]

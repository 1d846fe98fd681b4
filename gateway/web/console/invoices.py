"""GET /invoices: where is that invoice? Search, filters, order, pages, and the list as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from http import HTTPStatus
from typing import Final

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse, StreamingResponse

from formats.errors import ConfigError
from gateway.access.rights import Right
from gateway.pipeline.submission import State, Verdict
from gateway.store import finding, views
from gateway.store.finding import Found
from gateway.store.submissions import Submission
from gateway.web.console import asked
from gateway.web.console.asked import Asked
from gateway.web.console.shell import Shell, language_of
from gateway.web.guard import actor_of, session_of

__all__ = ["router"]

_PAGE: Final = 50
_COUNTED: Final = 1_000
_PART: Final = 2_000
# What a spreadsheet would take for a formula.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")


def router(shell: Shell) -> APIRouter:
    """The list and its export."""
    routes = APIRouter()

    @routes.get("/invoices")
    def page(request: Request) -> Response:
        actor = actor_of(request)
        allowed = shell.sources(actor)
        session = session_of(request)
        question = asked.read(request.query_params, allowed, language_of(request))
        with shell.gateway.database.read() as connection:
            try:
                found = finding.find(
                    connection,
                    question.wanted,
                    order=question.order,
                    descending=question.descending,
                    after=question.after,
                    size=_PAGE,
                )
            except ConfigError:  # a place of another order, or of an earlier release
                return RedirectResponse(question.address(), HTTPStatus.SEE_OTHER)
            kept = views.of(connection, session.person.id) if session else ()
        only = _only(question, found)
        if only is not None:
            return RedirectResponse(f"/invoices/{only.id}", HTTPStatus.SEE_OTHER)
        settings = shell.gateway.settings
        context = {
            "asked": question,
            "rows": found.rows,
            "after": found.after,
            "number": found.number,
            "counted": _COUNTED,
            "whole": found.counted,
            "short": bool(found.after) and len(found.rows) < _PAGE,
            "states": tuple(State),
            "verdicts": tuple(Verdict),
            "sources": [one.name for one in settings.sources if allowed is None or one.name in allowed],
            "channels": [one.name for one in settings.channels],
            "views": kept,
            "acts": shell.sources(actor, Right.ACT_ON_INVOICES) != (),
            "today": shell.gateway.clock().date(),
        }
        return shell.render(request, "invoices.html", context, section="invoices")

    @routes.get("/invoices/export.csv")
    def export(request: Request) -> Response:
        language = language_of(request)
        question = asked.read(request.query_params, shell.sources(actor_of(request)), language)
        # Where a comma parts whole from cents, spreadsheets part columns by a semicolon.
        comma = "," if language == "en" else ";"
        name = f"invoices-{shell.gateway.clock():%Y-%m-%d}.csv"
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        lines = _lines(shell, question, comma)
        return StreamingResponse(lines, media_type="text/csv; charset=utf-8", headers=headers)

    return routes


def _only(question: Asked, found: Found) -> Submission | None:
    """The one invoice that has the very number that was typed: then nobody wants a list of one."""
    fields = {name: value for name, value in question.fields.items() if value}
    whole = not (question.after or found.after)
    if whole and set(fields) == {"q"} and len(found.rows) == 1 and found.rows[0].number == fields["q"]:
        return found.rows[0]
    return None


_COLUMNS: Final = (
    "number",
    "buyer",
    "currency",
    "amount",
    "issue_date",
    "state",
    "verdict",
    "sentence",
    "source",
    "channel",
    "profile",
    "received_at",
    "sent_at",
    "id",
)


def _lines(shell: Shell, question: Asked, comma: str) -> Iterator[str]:
    """The list as CSV, all of it, some rows at a time; a transaction is open for no longer than one part."""
    # The mark in front makes spreadsheets read it as UTF-8.
    yield "\ufeff" + _line(list(_COLUMNS), comma)
    after = ""
    while True:
        with shell.gateway.database.read() as connection:
            found = finding.find(
                connection,
                question.wanted,
                order=question.order,
                descending=question.descending,
                after=after,
                size=_PART,
            )
        yield "".join(_line([_cell(row, name, comma) for name in _COLUMNS], comma) for row in found.rows)
        after = found.after
        if not after:
            return


def _cell(row: Submission, name: str, comma: str) -> str:
    value = getattr(row, name)
    if value is None:
        return ""
    if name == "amount":
        return format(value, "f").replace(".", "," if comma == ";" else ".")
    if name.endswith("_at"):
        return f"{value:%Y-%m-%dT%H:%M:%SZ}"
    text = str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def _line(cells: list[str], comma: str) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, delimiter=comma, lineterminator="\r\n").writerow(cells)
    return buffer.getvalue()

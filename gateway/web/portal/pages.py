"""/p/{shown}: the page of one invoice for its buyer, its files, and what the buyer says about it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from http import HTTPStatus
from importlib import resources
from typing import Any, Final
from zoneinfo import ZoneInfo

import structlog
from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import RedirectResponse

from formats.errors import ConflictError, EInvoicingError
from gateway.pipeline.convert import invoice_of
from gateway.pipeline.message import signed_file
from gateway.portal import answers
from gateway.portal.answers import Kind, Topic
from gateway.portal.links import Links
from gateway.store import documents, submissions
from gateway.web.languages import LANGUAGES, chosen
from gateway.web.pages import Pages
from gateway.web.portal import files, shown
from gateway.web.portal.door import Door, NoLink, Opened, TooOften
from gateway.web.portal.forms import NOTHING, Typed, judged, read_form
from gateway.wiring import Gateway

__all__ = ["router"]

_log = structlog.get_logger("portal")
_FILES: Final = frozenset({"invoice.xml", "invoice.pdf", "signed"})
_ATTACHMENT: Final = re.compile(r"attachment-([0-9]{1,3})\Z")
# The address is the key: it is told to nobody, kept nowhere, found by no search.
_QUIET: Final = {
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow, noarchive",
    "Cache-Control": "no-store",
}


def router(gateway: Gateway, pages: Pages) -> APIRouter:
    """The routes of the portal. Each answer is the same for everything that is not a link that holds."""
    return _Portal(gateway, pages).router()


class _Portal:
    def __init__(self, gateway: Gateway, pages: Pages) -> None:
        self._gateway = gateway
        self._pages = pages
        self._links = Links(gateway)
        self._door = Door(gateway, self._links)
        self._zone = ZoneInfo(gateway.settings.web.time_zone)
        sheet = resources.files("gateway.web").joinpath("static/portal.css").read_bytes()
        self._style = f"/static/portal.css?{hashlib.sha256(sheet).hexdigest()[:12]}"

    def router(self) -> APIRouter:
        routes = APIRouter(include_in_schema=False)

        @routes.get("/p/{shown}")
        def page(request: Request, shown: str) -> Response:
            return self._answer(request, lambda: self._page(request, shown))

        @routes.post("/p/{shown}")
        async def say(request: Request, shown: str) -> Response:
            form = await read_form(request)
            return await run_in_threadpool(
                self._answer, request, lambda: self._say(request, shown, dict(form or {}))
            )

        @routes.get("/p/{shown}/invoice")
        def readable(request: Request, shown: str) -> Response:
            return self._answer(request, lambda: self._readable(request, shown))

        @routes.get("/p/{shown}/files/{name}")
        def file(request: Request, shown: str, name: str) -> Response:
            return self._answer(request, lambda: self._file(request, shown, name))

        return routes

    def _answer(self, request: Request, work: Callable[[], Response]) -> Response:
        """What the work gives, or one of the three closed doors; nothing in the log names a link."""
        try:
            answer = work()
        except NoLink:
            answer = self._closed(request, HTTPStatus.NOT_FOUND, "gone")
        except TooOften as rest:
            answer = self._closed(request, HTTPStatus.TOO_MANY_REQUESTS, "rest")
            answer.headers["Retry-After"] = str(rest.again_in)
        except EInvoicingError as error:
            _log.error("request failed", error=type(error).__name__, what=error.what, where=error.where)
            answer = self._closed(request, HTTPStatus.SERVICE_UNAVAILABLE, "down")
            answer.headers["Retry-After"] = "60"
        answer.headers.update(_QUIET)
        return answer

    def _closed(self, request: Request, status: HTTPStatus, why: str) -> Response:
        return self._render(request, "closed.html", {"why": why}, status=status)

    def _page(self, request: Request, link: str) -> Response:
        opened = self._door.open(request, link, "page", _language(request))
        said = request.query_params.get("said", "")
        return self._shown(request, link, opened, done=said if said in set(Kind) else "")

    def _shown(
        self,
        request: Request,
        link: str,
        opened: Opened,
        *,
        typed: Typed = NOTHING,
        done: str = "",
        status: HTTPStatus = HTTPStatus.OK,
    ) -> Response:
        with self._gateway.database.read() as connection:
            submission = submissions.get(connection, opened.submission.id)
            found = shown.read(connection, self._gateway, submission, _language(request))
        context: dict[str, Any] = {
            "one": found,
            "sheet": found.sheet,
            "place": f"/p/{link}",
            "until": opened.link.ends_at.astimezone(self._zone).date(),
            "typed": typed.values,
            "wrong": typed.wrong,
            "done": done,
            "topics": tuple(Topic),
            "latest": answers.latest_day(found.today),
            "longest_text": answers.LONGEST_TEXT,
            "longest_mail": answers.LONGEST_MAIL,
        }
        return self._render(request, "page.html", context, status=status)

    def _say(self, request: Request, link: str, form: dict[str, str]) -> Response:
        opened = self._door.knock(request, link)
        with self._gateway.database.read() as connection:
            found = shown.read(connection, self._gateway, opened.submission, "en")
        typed = judged(form, dict(found.lines), found.today)
        if typed.said is None:
            unprocessable = HTTPStatus.UNPROCESSABLE_ENTITY
            return self._shown(request, link, opened, typed=typed, status=unprocessable)
        for again in (True, False):
            try:
                with self._gateway.database.begin() as connection:
                    submission = submissions.get(connection, opened.submission.id)
                    answers.take_in(connection, self._gateway, opened.link, submission, typed.said)
                break
            except ConflictError:
                # A worker moved the invoice on at this very moment; what the buyer said still holds.
                if not again:
                    raise
        language = request.query_params.get("language", "")
        more = f"&language={language}" if language in LANGUAGES else ""
        return RedirectResponse(f"/p/{link}?said={typed.said.kind}{more}", HTTPStatus.SEE_OTHER)

    def _readable(self, request: Request, link: str) -> Response:
        language = _language(request)
        opened = self._door.open(request, link, "print view", language)
        with self._gateway.database.read() as connection:
            invoice = invoice_of(connection, opened.submission)
        return files.page(self._gateway, opened.submission, invoice, language)

    def _file(self, request: Request, link: str, name: str) -> Response:
        language = _language(request)
        known = name if name in _FILES or _ATTACHMENT.match(name) else "nothing"
        opened = self._door.open(request, link, known, language)
        submission = opened.submission
        with self._gateway.database.read() as connection:
            if known == "invoice.xml" and submission.document_digest:
                stored = documents.get(connection, submission.document_digest)
                return files.xml(stored, submission.number or submission.id[:8])
            if known == "signed" and (file := signed_file(connection, submission)):
                return files.signed(file)
            if known == "invoice.pdf":
                copy = files.pdf(connection, submission)
            elif found := _ATTACHMENT.match(name):
                number = int(found[1])
                held = invoice_of(connection, submission).documents[number : number + 1]
                if held and held[0].content:
                    return files.attachment(held[0], number)
                raise NoLink
            else:
                raise NoLink
        # Outside the transaction: making one takes longer than anything else here.
        return files.made_pdf(self._gateway, submission, copy, language)

    def _render(
        self, request: Request, template: str, context: dict[str, Any], *, status: HTTPStatus
    ) -> Response:
        asked = request.query_params.get("language", "")
        values = {
            "portal_style": self._style,
            "asked": asked if asked in LANGUAGES else "",
            **context,
        }
        return self._pages.render(
            request, f"portal/{template}", values, status=status, language=_language(request)
        )


def _language(request: Request) -> str:
    """What the reader chose on the page, else what their browser prefers."""
    return chosen(request.headers.get("accept-language", ""), request.query_params.get("language", ""))

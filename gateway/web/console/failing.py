"""What a person's browser sees when something cannot be done: a page that says what is safe, and the way
back."""

from __future__ import annotations

from http import HTTPStatus

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from formats.errors import EInvoicingError
from gateway.web.headers import protect
from gateway.web.pages import Pages
from gateway.web.problems import Problem, path_of, status_of

__all__ = ["add_pages"]

_log = structlog.get_logger("web")


def add_pages(app: FastAPI, pages: Pages) -> None:
    """Errors as pages for browsers; programs get the problem details as before."""
    for kind in (Problem, EInvoicingError, RequestValidationError, HTTPException, Exception):
        app.add_exception_handler(kind, _handler(pages, app.exception_handlers[kind]))


def _handler(pages: Pages, plain: object):  # type: ignore[no-untyped-def]
    async def told(request: Request, error: Exception) -> Response:
        if "text/html" not in request.headers.get("accept", "") or request.url.path.startswith("/api/"):
            return await plain(request, error)  # type: ignore[operator, no-any-return]
        status, what, fix = _words(error)
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            _log.error("request failed", path=path_of(request), error=type(error).__name__)
        context = {"number": int(status), "what": what, "fix": fix}
        answer = pages.render(request, "console/problem.html", context, status=status)
        # Faults are answered outside of all layers.
        protect(answer.headers)
        return answer

    return told


def _words(error: Exception) -> tuple[HTTPStatus, str, str]:
    if isinstance(error, Problem):
        known = error.status is HTTPStatus.NOT_FOUND or error.detail.startswith("your role")
        return error.status, "" if known else error.detail, error.fix
    if isinstance(error, EInvoicingError):
        status = status_of(error)
        # Our own configuration and disks are nobody else's business.
        return (
            (status, "", "")
            if status >= HTTPStatus.INTERNAL_SERVER_ERROR
            else (status, error.what, error.fix)
        )
    if isinstance(error, HTTPException):
        return HTTPStatus(error.status_code), "", ""
    if isinstance(error, RequestValidationError):
        return HTTPStatus.UNPROCESSABLE_ENTITY, "", ""
    return HTTPStatus.INTERNAL_SERVER_ERROR, "", ""

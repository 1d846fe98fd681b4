"""Errors as problem details (RFC 9457): what happened, where, and how to fix it, for machines and people."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse
from starlette.exceptions import HTTPException

from formats.errors import (
    ConfigError,
    ConflictError,
    DocumentError,
    EInvoicingError,
    RemoteError,
    StorageError,
)
from gateway.pipeline.collect import KeyUsedTwice
from gateway.web.headers import protect

__all__ = [
    "MEDIA_TYPE",
    "Problem",
    "SetUpNeeded",
    "SignInNeeded",
    "add_handlers",
    "path_of",
    "problem",
    "status_of",
]

MEDIA_TYPE = "application/problem+json"
_log = structlog.get_logger("web")


class Problem(Exception):
    """Ends a request with this answer. Texts are for the sender; they never hold what was sent."""

    def __init__(
        self, status: HTTPStatus, detail: str, *, fix: str = "", headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.fix = fix
        self.headers = headers or {}


class SignInNeeded(Exception):
    """A person's browser asks for a page without a session: it is sent to sign in, and back to `back`."""

    def __init__(self, back: str) -> None:
        super().__init__(back)
        self.back = back

    @property
    def place(self) -> str:
        """Where the browser goes."""
        return f"/sign-in?next={quote(self.back, safe='/')}" if self.back != "/" else "/sign-in"


class SetUpNeeded(SignInNeeded):
    """A person has signed in and must first choose a password ("password") or set up an authenticator
    ("factor")."""

    @property
    def place(self) -> str:
        """Where the browser goes."""
        return f"/account?first={self.back}"


def problem(
    status: HTTPStatus, detail: str = "", *, headers: dict[str, str] | None = None, **more: Any
) -> JSONResponse:
    """The answer for one problem; empty values are left out."""
    body = {"type": "about:blank", "title": status.phrase, "status": int(status), "detail": detail, **more}
    filled = {name: value for name, value in body.items() if value not in ("", None)}
    return JSONResponse(filled, status, media_type=MEDIA_TYPE, headers=headers)


def status_of(error: EInvoicingError) -> HTTPStatus:
    """Whose turn it is: 4xx the sender's, 503 ours or somebody else's, to be tried again."""
    if isinstance(error, KeyUsedTwice | DocumentError):
        return HTTPStatus.UNPROCESSABLE_ENTITY
    if isinstance(error, ConflictError):
        return HTTPStatus.CONFLICT
    if isinstance(error, StorageError | RemoteError | ConfigError):
        return HTTPStatus.SERVICE_UNAVAILABLE
    return HTTPStatus.INTERNAL_SERVER_ERROR


def path_of(request: Request) -> str:
    """What was asked for, as the route declares it: an address may itself be a key."""
    return str(getattr(request.scope.get("route"), "path", ""))


def add_handlers(app: FastAPI) -> None:
    """Every error of this application is told as a problem."""

    @app.exception_handler(SignInNeeded)
    async def _sign_in(request: Request, needed: SignInNeeded) -> RedirectResponse:
        return RedirectResponse(needed.place, HTTPStatus.SEE_OTHER)

    @app.exception_handler(Problem)
    async def _told(request: Request, error: Problem) -> JSONResponse:
        return problem(error.status, error.detail, headers=error.headers, fix=error.fix)

    @app.exception_handler(EInvoicingError)
    async def _ours(request: Request, error: EInvoicingError) -> JSONResponse:
        status = status_of(error)
        headers = {"Retry-After": "30"} if status is HTTPStatus.SERVICE_UNAVAILABLE else None
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            # Our own configuration and disks are nobody else's business.
            _log.error("request failed", path=path_of(request), what=error.what, where=error.where)
            return problem(status, "this cannot be done at the moment; try again later", headers=headers)
        return problem(status, error.what, headers=headers, where=error.where, fix=error.fix)

    @app.exception_handler(RequestValidationError)
    async def _invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        wrong = "; ".join(
            f"{'.'.join(str(step) for step in one['loc'])}: {one['msg']}" for one in error.errors()[:5]
        )
        return problem(HTTPStatus.UNPROCESSABLE_ENTITY, wrong[:1000])

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> JSONResponse:
        headers = dict(error.headers) if error.headers else None
        status = HTTPStatus(error.status_code)
        detail = error.detail if status is HTTPStatus.REQUEST_ENTITY_TOO_LARGE else ""
        return problem(status, detail, headers=headers)

    @app.exception_handler(Exception)
    async def _fault(request: Request, error: Exception) -> JSONResponse:
        _log.error("request failed", path=path_of(request), error=type(error).__name__)
        answer = problem(HTTPStatus.INTERNAL_SERVER_ERROR, "this is a fault of the gateway; it is in its log")
        # Faults are answered outside of all layers.
        protect(answer.headers)
        return answer

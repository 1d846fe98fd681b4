"""POST /api/v1/sources/{name}/wake: an ERP calls because something changed there.

The call is only a reason to look: what changed is read from the ERP with the gateway's own login. The
connector decides whether a call is genuine; a forged one is answered 401 and nothing happens. Calls in quick
succession lead to one visit, and no more than one waits while another is under way.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import Final

import structlog
from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool

from connectors.base import Push, WokenByCalls
from formats.errors import ConfigError, EInvoicingError, RemoteRefused
from gateway.pipeline.runner import Runner
from gateway.store import sources
from gateway.web.problems import problem
from gateway.wiring import Gateway

__all__ = ["Wakes", "router"]

_LARGEST: Final = 64 * 1024
_LONGEST_READING: Final = 10.0
_ANSWERS: Final = {
    200: "listened to",
    401: "the call is not genuine",
    404: "no such source, or it takes no calls",
    408: "the body came too slowly",
    413: "the body is too large",
    503: "the gateway's own configuration of this source is wrong",
}
_log = structlog.get_logger("wake")


class Wakes:
    """Visits to sources that called, one at a time for each source. Thread-safe."""

    def __init__(self, gateway: Gateway, visit: Callable[[str], object] | None = None) -> None:
        """`visit` reads one source; the pipeline's own way by default."""
        self._gateway = gateway
        self._visit = visit or Runner(gateway).collect
        self._lock = threading.Lock()
        self._waiting: set[str] = set()
        self._pool: ThreadPoolExecutor | None = None

    def ask(self, source: str) -> bool:
        """Have the source read soon; False where it is about to be anyway."""
        with self._lock:
            if source in self._waiting:
                return False
            self._waiting.add(source)
            if self._pool is None:
                self._pool = ThreadPoolExecutor(1, thread_name_prefix="wake")
            self._pool.submit(self._go, source)
        return True

    def close(self) -> None:
        """Wait for the visit under way; those that wait are left to the next poll."""
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(cancel_futures=True)

    def _go(self, source: str) -> None:
        # From here on a further call means a further visit: this one may have passed the change already.
        with self._lock:
            self._waiting.discard(source)
        try:
            with self._gateway.database.read() as connection:
                due_at = sources.get(connection, source).due_at
            if due_at is None or due_at <= self._gateway.clock():
                self._visit(source)
        except EInvoicingError as error:
            _log.warning("not read", source=source, what=error.what, fix=error.fix)


def router(
    gateway: Gateway, wakes: Wakes | None = None, *, longest_reading: float = _LONGEST_READING
) -> APIRouter:
    """The routes for calls of ERPs; `wakes` may be shared with, and closed by, the application;
    `longest_reading` is the time in seconds that the body of a call may take.

    Answers: 200 for a genuine call (also the empty one with which an ERP tries the address), 401 for a forged
    one, 404 for a source that is not there or cannot be called, 408 for a body that does not arrive in time,
    413 for one over 64 KB, 503 where our own configuration is wrong.
    """
    asked = wakes or Wakes(gateway)
    routes = APIRouter(prefix="/api/v1/sources", tags=["sources"], on_shutdown=[asked.close])

    @routes.post(
        "/{name}/wake",
        summary="An ERP says that something changed",
        response_class=Response,
        responses={status: {"description": told} for status, told in _ANSWERS.items()},
        openapi_extra={
            "requestBody": {
                "content": {"application/json": {"schema": {"type": "object"}}},
                "required": False,
            }
        },
    )
    async def wake(name: str, request: Request) -> Response:
        # Who calls for a source that takes no calls is not listened to.
        connector = await run_in_threadpool(_called, gateway, name)
        if connector is None:
            return problem(HTTPStatus.NOT_FOUND)
        body = bytearray()
        try:
            async with asyncio.timeout(longest_reading):
                async for part in request.stream():
                    body += part
                    if len(body) > _LARGEST:
                        return problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        except TimeoutError:
            return problem(HTTPStatus.REQUEST_TIMEOUT)
        push = Push(
            request.headers.get("content-type", ""),
            bytes(body),
            {key.lower(): value for key, value in request.headers.items()},
        )
        status = await run_in_threadpool(_taken, connector, asked, name, push)
        return Response() if status is HTTPStatus.OK else problem(status)

    return routes


def _called(gateway: Gateway, name: str) -> WokenByCalls | None:
    """The source of this name, if it is one that can be called."""
    try:
        found = gateway.source(name)
    except ConfigError:
        return None
    return found if isinstance(found, WokenByCalls) else None


def _taken(connector: WokenByCalls, wakes: Wakes, name: str, push: Push) -> HTTPStatus:
    try:
        if connector.wake(push):
            new = wakes.ask(name)
            _log.info("woken", source=name, new=new)
    except RemoteRefused as error:
        _log.warning("call turned away", source=name, what=error.what, fix=error.fix)
        return HTTPStatus.UNAUTHORIZED
    except ConfigError as error:
        # The secret is not where the settings say; the ERP calls again.
        _log.error("call not taken", source=name, what=error.what, fix=error.fix)
        return HTTPStatus.SERVICE_UNAVAILABLE
    return HTTPStatus.OK

"""The application that `gateway run` serves: health, pushed documents, calls of ERPs; one router per
concern."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import FastAPI
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel
from sqlalchemy import text

from gateway import __version__
from gateway.web import as4, problems, push, wake
from gateway.wiring import Gateway

__all__ = ["create_app"]


class Health(BaseModel):
    """That the gateway answers and its database does."""

    status: str
    version: str


def create_app(gateway: Gateway, *, woken: Callable[[], object] = lambda: None) -> FastAPI:
    """The application of one gateway. `woken` is called, and must return at once, when there is something new
    to work on. Nothing is loaded from elsewhere: the description of the interface is at /api/v1/openapi.json,
    without pages around it.
    """
    app = FastAPI(
        title="E-invoicing gateway",
        version=__version__,
        openapi_url="/api/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
    )
    problems.add_handlers(app)

    @app.get("/health", tags=["operation"], summary="Whether it is alive")
    async def health() -> Health:
        await run_in_threadpool(_ask_database, gateway)
        return Health(status="ok", version=__version__)

    app.include_router(push.router(gateway, woken))
    app.include_router(wake.router(gateway))
    app.include_router(as4.router(gateway))
    return app


def _ask_database(gateway: Gateway) -> None:
    with gateway.database.read() as connection:
        connection.execute(text("SELECT 1"))

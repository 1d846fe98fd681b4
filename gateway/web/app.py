"""The application that `gateway run` serves: health, pushed documents, calls of ERPs; one router per
concern."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import Depends, FastAPI
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel
from sqlalchemy import text

from gateway import __version__
from gateway.web import as4, console, portal, problems, push, signing_in, static, wake
from gateway.web.api import alarms, documents, invoices, links, metrics, routing, system, tokens, webhooks
from gateway.web.api.description import DescribedApi
from gateway.web.bodies import BoundedBodies
from gateway.web.console.failing import add_pages
from gateway.web.guard import Guard
from gateway.web.headers import SafeHeaders
from gateway.web.oidc import Doors
from gateway.web.pages import Pages
from gateway.web.plain_text import require_text
from gateway.web.sealed import sign_in_of
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
    pages = Pages(gateway)
    app = DescribedApi(
        dependencies=[Depends(require_text), Depends(Guard(gateway))],
        title="E-invoicing gateway",
        version=__version__,
        openapi_url="/api/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
        # Such a redirect would lead wherever the Host header says.
        redirect_slashes=False,
    )
    problems.add_handlers(app)
    add_pages(app, pages)

    @app.get("/health", tags=["operation"], summary="Whether it is alive")
    async def health() -> Health:
        await run_in_threadpool(_ask_database, gateway)
        return Health(status="ok", version=__version__)

    app.add_middleware(BoundedBodies)
    app.add_middleware(SafeHeaders)
    # First: routes are tried in their order, and no other is called as often by machines.
    app.include_router(as4.router(gateway))
    app.include_router(static.router())
    app.state.doors = Doors(gateway)
    app.include_router(signing_in.router(gateway, pages, sign_in_of(gateway), app.state.doors))
    app.include_router(console.router(gateway, pages))
    app.include_router(invoices.router(gateway))
    app.include_router(documents.router(gateway))
    app.include_router(links.router(gateway))
    app.include_router(portal.router(gateway, pages))
    app.include_router(system.router(gateway))
    app.include_router(routing.router(gateway))
    app.include_router(tokens.router(gateway))
    app.include_router(alarms.router(gateway))
    app.include_router(webhooks.router(gateway))
    webhooks.describe(app)
    app.include_router(metrics.router(gateway))
    app.include_router(push.router(gateway, woken))
    app.include_router(wake.router(gateway))
    return app


def _ask_database(gateway: Gateway) -> None:
    with gateway.database.read() as connection:
        connection.execute(text("SELECT 1"))

"""The console: pages for the people who run invoices every day, one file for each page."""

from __future__ import annotations

from fastapi import APIRouter

from gateway.web.console import (
    account,
    alarms,
    bulk,
    changes,
    inbox,
    invoice,
    invoices,
    overview,
    people,
    record,
    rerouting,
    routes,
    sharing,
    sources,
    system,
    tokens,
    views,
    worklist,
)
from gateway.web.console.shell import Shell
from gateway.web.pages import Pages
from gateway.wiring import Gateway

__all__ = ["router"]


def router(gateway: Gateway, pages: Pages) -> APIRouter:
    """All pages of the console."""
    shell = Shell(gateway, pages)
    pages_of = APIRouter(tags=["console"], include_in_schema=False)
    for page in (
        worklist,
        bulk,
        views,
        invoices,
        invoice,
        rerouting,
        sharing,
        inbox,
        overview,
        alarms,
        record,
        system,
        account,
        changes,
        people,
        sources,
        routes,
        tokens,
    ):
        pages_of.include_router(page.router(shell))
    return pages_of

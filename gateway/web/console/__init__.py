"""The console: pages for the people who run invoices every day, one file for each page."""

from __future__ import annotations

from fastapi import APIRouter

from gateway.web.console import bulk, inbox, invoice, invoices, overview, record, system, worklist
from gateway.web.console.shell import Shell
from gateway.web.pages import Pages
from gateway.wiring import Gateway

__all__ = ["router"]


def router(gateway: Gateway, pages: Pages) -> APIRouter:
    """All pages of the console."""
    shell = Shell(gateway, pages)
    routes = APIRouter(tags=["console"], include_in_schema=False)
    for page in (worklist, bulk, invoices, invoice, inbox, overview, record, system):
        routes.include_router(page.router(shell))
    return routes

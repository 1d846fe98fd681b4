"""/api/v1/documents: archived documents by their digest, as events and evidence name them."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from gateway.store import documents
from gateway.web.api import visible
from gateway.web.api.invoices import download
from gateway.web.guard import actor_of
from gateway.web.problems import Problem
from gateway.wiring import Gateway

__all__ = ["router"]


def router(gateway: Gateway) -> APIRouter:
    """The route."""
    routes = APIRouter(prefix="/api/v1/documents", tags=["invoices"])

    @routes.get(
        "/{digest}",
        summary="One document that an event of an invoice names",
        response_class=Response,
        responses={200: {"content": {"application/octet-stream": {}}, "description": "as archived"}},
    )
    def one(
        request: Request,
        digest: Annotated[str, Path(pattern="^[0-9a-f]{64}$", description="SHA-256 of its bytes")],
        invoice: Annotated[str, Query(max_length=36, description="id of the invoice that names it")],
    ) -> Response:
        """Only those of invoices that the caller may see, and only under the invoice that names them."""
        with gateway.database.read() as connection:
            found = visible.submission(connection, gateway, actor_of(request), invoice)
            if not visible.names(connection, found, digest):
                raise Problem(HTTPStatus.NOT_FOUND, "this invoice names no such document")
            stored = documents.get(connection, digest)
        return download(
            stored.content, "application/octet-stream", f"{found.number or found.id}-{digest[:8]}"
        )

    return routes

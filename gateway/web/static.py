"""Style sheet and pictures of the pages, as packaged; their addresses change with their content."""

from __future__ import annotations

from http import HTTPStatus
from importlib import resources
from typing import Final

from fastapi import APIRouter, Response

from gateway.web.problems import Problem

__all__ = ["router"]

_TYPES: Final = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}


def router() -> APIRouter:
    """GET /static/NAME for the files there are."""
    routes = APIRouter(include_in_schema=False)
    folder = resources.files("gateway.web").joinpath("static")
    files = {
        entry.name: entry.read_bytes()
        for entry in folder.iterdir()
        if entry.name.rpartition(".")[2] in _TYPES
    }

    @routes.get("/static/{name}")
    async def file(name: str) -> Response:
        content = files.get(name)
        if content is None:
            raise Problem(HTTPStatus.NOT_FOUND, "there is no such file")
        kept = {"Cache-Control": "public, max-age=31536000, immutable"}
        return Response(content, media_type=_TYPES[name.rpartition(".")[2]], headers=kept)

    return routes

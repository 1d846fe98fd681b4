"""A bound on what is sent with a call, held before anybody asks who calls.

The framework reads a form or JSON whole before the guard is asked, so the bound stands around the whole
application. It is counted while the body comes, whatever the sender announces. Three doors take more, or
less, and see to it themselves: documents that are pushed, calls of ERPs, messages of other access points.
"""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Final

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.web.problems import problem

__all__ = ["LARGEST", "BoundedBodies"]

LARGEST: Final = 1_000_000
_OWN_BOUND: Final = re.compile(r"/api/v1/sources/[^/]+/(documents|wake)|/as4(/[^/]+)?")
_TOLD: Final = f"the body is larger than {LARGEST} bytes"


class BoundedBodies:
    """An ASGI layer around the whole application: problem 413 for a body of more than `LARGEST` bytes."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or _OWN_BOUND.fullmatch(scope["path"]):
            await self._app(scope, receive, send)
            return
        if _announced(scope) > LARGEST:
            await problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, _TOLD)(scope, receive, send)
            return
        read = 0

        async def counted() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > LARGEST:
                # Of this kind, for it ends the reading of a body and is told like every other problem.
                raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, _TOLD)
            return message

        await self._app(scope, counted, send)


def _announced(scope: Scope) -> int:
    """What Content-Length says; 0 without one, or for one that is no number."""
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value[:18])
    return 0

"""What is asked for is text: a zero byte in an address or a form is refused before anything looks it up.

Databases differ in what they do with one: some end the text there, others take no such text at all.
"""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus
from typing import Final

from fastapi import Request

from gateway.web.problems import Problem

__all__ = ["require_text"]

_NUL: Final = "\0"
_FORM_TYPES: Final = ("application/x-www-form-urlencoded", "multipart/form-data")


async def require_text(request: Request) -> None:
    """Called before each route, as a dependency of the whole application. Problem 422 for a zero byte in the
    path, the query, or a form that the route reads; bodies of other kinds are the route's own matter."""
    _require(request.url.path, request.path_params.values())
    _require("", (text for pair in request.query_params.multi_items() for text in pair))
    reads_form = getattr(request.scope.get("route"), "body_field", None) is not None
    if reads_form and request.headers.get("content-type", "").startswith(_FORM_TYPES):
        # Read already, for the route's own fields: this is the same form, not a second one.
        form = await request.form()
        _require("", (text for pair in form.multi_items() for text in pair))


def _require(path: str, texts: Iterable[object]) -> None:
    if _NUL in path or any(isinstance(text, str) and _NUL in text for text in texts):
        raise Problem(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "what was asked for holds a zero byte",
            fix="leave the sign out; no number, name or address has one",
        )

"""What tests and people ask of the imitated world over HTTP: a JSON object in, mistakes told in words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from connectors.sandbox.http_server import Reply, Request, json_reply
from formats.errors import ConfigError

__all__ = ["answering_mistakes", "asked_object"]


def answering_mistakes(answer: Callable[[Request], Reply]) -> Callable[[Request], Reply]:
    """The same, where a ConfigError is answered with 400 and {"what", "where", "fix"}."""

    def answered(request: Request) -> Reply:
        try:
            return answer(request)
        except ConfigError as mistake:
            return json_reply({"what": mistake.what, "where": mistake.where, "fix": mistake.fix}, 400)

    return answered


def asked_object(request: Request, *, where: str) -> dict[str, Any]:
    """The object in the body; empty for an empty body. Raises ConfigError for anything else."""
    if not request.body.strip():
        return {}
    try:
        asked = request.json()
    except (ValueError, RecursionError):
        asked = None
    if not isinstance(asked, dict):
        raise ConfigError("the body is not a JSON object", where=where, fix='send {"name": "value"}')
    return asked

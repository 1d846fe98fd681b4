"""The description of the interface (OpenAPI 3.1): beside what each route says of itself, the problems that
any of them may answer with, and how a program shows who it is."""

from __future__ import annotations

from http import HTTPStatus
from types import MappingProxyType
from typing import Any, Final

from fastapi import FastAPI

from gateway.web.decisions import DECISIONS, Way
from gateway.web.problems import MEDIA_TYPE

__all__ = ["DescribedApi"]

_TOKEN: Final = "token"  # noqa: S105  # the name of the scheme
_ABOUT: Final = """
What a program may ask of the gateway. Amounts are decimal texts, moments ISO 8601 in UTC. A page of a list
names the next one in `next`: pass it as `after`; "" is the end. What goes wrong is told as problem details
(RFC 9457): `detail` says what happened, `fix` what to do. New fields may be added at any time; what is there
keeps its meaning within /api/v1.
"""
_PROBLEM: Final = {
    "type": "object",
    "title": "Problem",
    "description": "What went wrong (RFC 9457).",
    "required": ["type", "title", "status"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "what happened"},
        "where": {"type": "string", "description": "in which place of what was sent"},
        "fix": {"type": "string", "description": "what to do about it"},
    },
    "example": {
        "type": "about:blank",
        "title": "Not Found",
        "status": 404,
        "detail": "there is no such invoice",
    },
}
# What every route that asks who is calling may answer.
_ASKING: Final = MappingProxyType(
    {
        HTTPStatus.UNAUTHORIZED: "no token was shown, or it is not valid",
        HTTPStatus.FORBIDDEN: "the token does not allow this",
        HTTPStatus.UNPROCESSABLE_ENTITY: "what was asked for cannot be read or done",
        HTTPStatus.SERVICE_UNAVAILABLE: "not at the moment; try again after `Retry-After` seconds",
    }
)
_NAMED: Final = MappingProxyType(
    {
        HTTPStatus.NOT_FOUND: "it is not there, or belongs to a company that the token is not for",
        HTTPStatus.CONFLICT: "somebody else was faster; read again and repeat",
    }
)
# What stands in an example where a field has none of its own.
_PLAIN: Final = MappingProxyType(
    {
        "date-time": "2026-11-22T09:00:00Z",
        "date": "2026-11-14",
        "string": "",
        "integer": 0,
        "number": 0,
        "boolean": False,
    }
)
_VALIDATION: Final = ("HTTPValidationError", "ValidationError")


class DescribedApi(FastAPI):
    """An application whose description is complete."""

    def openapi(self) -> dict[str, Any]:
        """The description, made once."""
        if self.openapi_schema is None:
            self.openapi_schema = _completed(super().openapi())
        return self.openapi_schema


def _completed(found: dict[str, Any]) -> dict[str, Any]:
    found["info"]["description"] = _ABOUT.strip()
    parts = found.setdefault("components", {})
    schemas = parts.setdefault("schemas", {})
    schemas["Problem"] = _PROBLEM
    parts.setdefault("securitySchemes", {})[_TOKEN] = {
        "type": "http",
        "scheme": "bearer",
        "description": "an API token; it has an end, and rights for companies",
    }
    for path, operations in found["paths"].items():
        for method, operation in operations.items():
            _complete(path, method.upper(), operation, schemas)
    for name in _VALIDATION:
        schemas.pop(name, None)
    return found


def _example(schema: dict[str, Any], schemas: dict[str, Any]) -> Any:
    """An answer as it may look, made of the examples of its fields."""
    if "$ref" in schema:
        return _example(schemas[schema["$ref"].rpartition("/")[2]], schemas)
    for given in ("examples", "enum", "anyOf"):
        if schema.get(given):
            first = schema[given][0]
            return _example(first, schemas) if given == "anyOf" else first
    if schema.get("type") == "array":
        return [_example(schema["items"], schemas)] if schema.get("items") else []
    if schema.get("type") == "object":
        return {name: _example(one, schemas) for name, one in schema.get("properties", {}).items()}
    return _PLAIN.get(schema.get("format", ""), _PLAIN.get(schema.get("type", "")))


def _complete(path: str, method: str, operation: dict[str, Any], schemas: dict[str, Any]) -> None:
    decision = DECISIONS.get(f"{method} {path}")
    answers = operation["responses"]
    asks = decision is not None and decision.way is Way.ACTOR
    if asks:
        operation["security"] = [{_TOKEN: []}]
    for status, told in {**(_ASKING if asks else {}), **(_NAMED if asks and "{" in path else {})}.items():
        key = str(int(status))
        if key not in answers or key == "422":
            answers[key] = {"description": told}
    for status, answer in answers.items():
        told = answer.get("content", {}).get("application/json")
        if int(status) < HTTPStatus.BAD_REQUEST and told and told.get("schema"):
            told["example"] = _example(told["schema"], schemas)
        if int(status) >= HTTPStatus.BAD_REQUEST:
            answer["content"] = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}

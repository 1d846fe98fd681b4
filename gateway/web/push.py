"""POST /api/v1/sources/{name}/documents: another system hands over invoices.

The sender shows the token of the source. A body is read up to a limit and stored in one transaction; the
answer 202 names a submission for each invoice. With an Idempotency-Key the same push can be repeated until
its answer has arrived (draft-ietf-httpapi-idempotency-key-header): the same content is answered the same,
another content under the same key is refused with 422.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import re
from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Header, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, Field

from connectors.base import Push, PushDoor, TakesPushes
from formats.errors import ConfigError
from gateway import settings as settings_module
from gateway.pipeline.collect import take_push
from gateway.web.problems import MEDIA_TYPE, Problem
from gateway.wiring import Gateway

__all__ = ["router"]

_BEARER: Final = HTTPBearer(
    scheme_name="sourceToken", description="the token of the source", auto_error=False
)
_LONGEST_READING: Final = 120.0
_KEY: Final = re.compile(r'"?([\x21\x23-\x7e]{1,200})"?\Z')


class TakenInvoice(BaseModel):
    """One invoice of a push."""

    submission: str = Field(description="the id under which the gateway knows this revision of the invoice")
    key: str = Field(description="what identifies the invoice in this source, usually its number")
    new: bool = Field(description="false where the very same invoice was here before")


class Taken(BaseModel):
    """What became of a push."""

    digest: str = Field(description="SHA-256 of the body as it was stored, in lower-case hex")
    invoices: list[TakenInvoice]


def router(gateway: Gateway, wake: Callable[[], object]) -> APIRouter:
    """The route for pushed documents; `wake` is called after each push that brought something new, and must
    return at once."""
    routes = APIRouter(prefix="/api/v1/sources", tags=["sources"])
    refusals = {400: "a header is wrong", 401: "no token, or a wrong one", 404: "there is no such source"}
    refusals |= {408: "the body came too slowly", 413: "the body is too large", 415: "the body is compressed"}
    refusals |= {422: "no invoice in it, or the key was used for another content"}
    refusals |= {503: "not at the moment; try again with the same key"}

    @routes.post(
        "/{name}/documents",
        summary="Hand over invoices",
        status_code=202,
        response_model=Taken,
        responses={
            status: {"description": text, "content": {MEDIA_TYPE: {}}} for status, text in refusals.items()
        },
        openapi_extra={
            "requestBody": {
                "required": True,
                "content": {"*/*": {"schema": {"type": "string", "format": "binary"}}},
            },
        },
    )
    async def push(
        name: str,
        request: Request,
        response: Response,
        shown: Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)],
        idempotency_key: Annotated[
            str | None, Header(description="one for each push, up to 200 signs")
        ] = None,
    ) -> Taken:
        door = await run_in_threadpool(_door, gateway, name)
        await run_in_threadpool(_check_token, gateway, door, shown.credentials if shown else "")
        key = _key(idempotency_key)
        content = await _body(request, door.largest_body_bytes)
        sent = Push(
            request.headers.get("content-type", ""),
            content,
            {header.lower(): value for header, value in request.headers.items()},
            key,
        )
        answer = await run_in_threadpool(take_push, gateway, name, sent)
        if answer.replayed:
            response.headers["Idempotent-Replayed"] = "true"
        elif any(new for _, _, new in answer.submissions):
            wake()
        invoices = [
            TakenInvoice(submission=one, key=known, new=new) for one, known, new in answer.submissions
        ]
        return Taken(digest=answer.digest, invoices=invoices)

    return routes


def _door(gateway: Gateway, name: str) -> PushDoor:
    unknown = Problem(HTTPStatus.NOT_FOUND, "there is no such source to push to")
    try:
        source = gateway.source(name)
    except ConfigError as error:
        raise unknown from error
    if not isinstance(source, TakesPushes):
        raise unknown
    return source.door


def _check_token(gateway: Gateway, door: PushDoor, shown: str) -> None:
    """Raises Problem 401 unless this is a token of the source."""
    right = False
    for reference in door.tokens:
        wanted = settings_module.reveal(reference, gateway.settings.folder).strip()
        # Digests are of one length, so nothing of the token is told by the time this takes.
        right |= bool(wanted) & hmac.compare_digest(_digest(shown.strip()), _digest(wanted))
    if not right:
        raise Problem(
            HTTPStatus.UNAUTHORIZED,
            "no token was shown, or it is not the one of this source",
            fix="send Authorization: Bearer <token>",
            headers={"WWW-Authenticate": "Bearer"},
        )


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()


def _key(header: str | None) -> str:
    if header is None:
        return ""
    match = _KEY.match(header.strip())
    if match is None:
        raise Problem(
            HTTPStatus.BAD_REQUEST,
            "the Idempotency-Key is empty, longer than 200 signs, or has others than printable ASCII",
            fix="use a UUID",
        )
    return match[1]


async def _body(request: Request, largest: int) -> bytes:
    """The whole body; nothing beyond the limit is kept, whatever the sender announces."""
    too_large = Problem(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        f"the body is larger than {largest} bytes",
        fix="send fewer invoices at a time",
    )
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise Problem(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "the body is compressed",
            fix="send it without Content-Encoding",
        )
    announced = request.headers.get("content-length", "0")
    if announced.isdigit() and int(announced[:18]) > largest:
        raise too_large
    content = bytearray()
    try:
        async with asyncio.timeout(_LONGEST_READING):
            async for part in request.stream():
                content += part
                if len(content) > largest:
                    raise too_large
    except TimeoutError as error:
        raise Problem(HTTPStatus.REQUEST_TIMEOUT, "the body came too slowly") from error
    return bytes(content)

"""POST /as4: other access points hand over documents; the signed answer is the profile's receipt or error.

The body is read to disk as it comes, opened and checked in a worker thread, stored, and only then
acknowledged.
"""

from __future__ import annotations

import uuid
from http import HTTPStatus
from pathlib import Path

import structlog
from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from connectors.channels.peppol.as4 import Answer, As4Problem, Limits, Receiver, Rules
from connectors.channels.peppol.channel import Peppol
from connectors.channels.peppol.pki.trust import Role
from gateway.peppol import access_points
from gateway.peppol.receiving import Desk
from gateway.web.pace import Pace, TooSlow, paced
from gateway.web.problems import Problem
from gateway.wiring import Gateway

__all__ = ["receiver_of", "router"]

_MEGABYTE = 1024 * 1024
_PACE = Pace()
_log = structlog.get_logger("as4")


def router(gateway: Gateway) -> APIRouter:
    """The endpoints of the access points that receive: /as4 for the first, /as4/NAME for each."""
    routes = APIRouter(tags=["peppol"], include_in_schema=False)
    receivers = {channel.name: receiver_of(gateway, channel) for channel in access_points.receiving(gateway)}

    @routes.post("/as4")
    async def first(request: Request) -> Response:
        return await _answer(next(iter(receivers.values()), None), request)

    @routes.post("/as4/{name}")
    async def named(name: str, request: Request) -> Response:
        return await _answer(receivers.get(name), request)

    return routes


def receiver_of(gateway: Gateway, channel: Peppol) -> Receiver:
    """What answers the requests to one access point."""
    settings = channel.settings
    desk = Desk(gateway.database, channel, gateway.clock)
    folder = _spool(channel)
    largest = settings.largest_megabytes * _MEGABYTE
    return Receiver(
        keys=lambda: channel.network.keys,
        trust=lambda certificate, at: channel.network.trust.require(certificate, Role.ACCESS_POINT, at),
        inbox=desk,
        folder=folder,
        clock=gateway.clock,
        new_id=lambda: f"{uuid.uuid4()}@{settings.domain}",
        rules=Rules(largest_payload=largest, check=desk.check),
        limits=Limits(largest_body=largest * 3 // 2 + _MEGABYTE),
    )


async def _answer(receiver: Receiver | None, request: Request, pace: Pace = _PACE) -> Response:
    if receiver is None:
        raise Problem(HTTPStatus.NOT_FOUND, "no access point receives here")
    try:
        body = paced(aiter(request.stream()), pace)
        spooled = await receiver.spool(request.headers.get("content-type", ""), body)
    except As4Problem as problem:
        return _told(await run_in_threadpool(receiver.refuse, problem))
    except ClientDisconnect:
        _log.info("broken off", what="the sender closed the connection before its message was complete")
        return Response(status_code=HTTPStatus.BAD_REQUEST)
    except TooSlow as error:
        _log.info("too slow", what="a message did not come in the time that its size allows")
        # Without an ebMS error, after which some senders give up.
        raise Problem(
            HTTPStatus.REQUEST_TIMEOUT,
            "the message came too slowly",
            fix="send it again",
            headers={"Connection": "close"},
        ) from error
    return _told(await run_in_threadpool(receiver.answer_spooled, spooled))


def _told(answer: Answer) -> Response:
    if answer.problem is not None:
        problem = answer.problem
        _log.warning("refused", message=answer.message_id, code=problem.error.code, what=problem.what)
    headers = {"Retry-After": str(answer.retry_after)} if answer.retry_after else None
    return Response(answer.content, answer.status, headers, media_type=answer.content_type)


def _spool(channel: Peppol) -> Path:
    channel.spool.mkdir(mode=0o700, parents=True, exist_ok=True)
    return channel.spool

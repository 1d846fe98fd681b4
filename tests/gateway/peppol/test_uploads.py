"""Messages that do not come to their end: broken off, or sent too slowly."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from fastapi import Request
from structlog.testing import capture_logs

from connectors.channels.peppol.as4 import Receiver
from connectors.channels.peppol.pki.keys import AccessPointKey, KeyRing
from gateway.web.as4 import _answer
from gateway.web.pace import Pace, TooSlow, paced
from gateway.web.problems import Problem
from tests.connectors.peppol.as4.world import NOW, StoredInbox, key_of
from tests.connectors.peppol.authorities import World

HEAD = b"--b\r\nContent-Type: application/soap+xml\r\n\r\n<a"


@pytest.fixture(scope="module")
def key() -> AccessPointKey:
    return key_of(World.made().access_points.issue("POP000002"))


def receiver(key: AccessPointKey, folder: Path) -> Receiver:
    return Receiver(
        keys=lambda: KeyRing(key),
        trust=lambda _certificate, _at: None,
        inbox=StoredInbox(),
        folder=folder,
        clock=lambda: NOW,
        new_id=lambda: "r@b.example",
    )


def upload(*messages: dict[str, Any]) -> Request:
    """A request of which these pieces come, and then nothing."""
    left = list(messages)

    async def receive() -> dict[str, Any]:
        if not left:
            await asyncio.Event().wait()
        return left.pop(0)

    kind = b'multipart/related; boundary="b"; type="application/soap+xml"'
    return Request({"type": "http", "method": "POST", "headers": [(b"content-type", kind)]}, receive)


def test_a_message_that_is_broken_off_is_one_line_in_the_log(key: AccessPointKey, tmp_path: Path) -> None:
    request = upload({"type": "http.request", "body": HEAD, "more_body": True}, {"type": "http.disconnect"})
    structlog.reset_defaults()  # whatever level another test has set
    with capture_logs() as logs:
        answer = asyncio.run(_answer(receiver(key, tmp_path), request))
    assert answer.status_code == 400
    assert [(line["event"], line["log_level"]) for line in logs] == [("broken off", "info")]
    assert not list(tmp_path.iterdir())


def test_a_message_that_does_not_come_on_is_answered_408(key: AccessPointKey, tmp_path: Path) -> None:
    request = upload({"type": "http.request", "body": HEAD, "more_body": True})
    with pytest.raises(Problem) as caught:
        asyncio.run(_answer(receiver(key, tmp_path), request, Pace(grace=0.02)))
    assert caught.value.status == 408
    assert caught.value.headers == {"Connection": "close"}
    assert not list(tmp_path.iterdir())


async def drops(count: int, every: float) -> AsyncIterator[bytes]:
    for _ in range(count):
        await asyncio.sleep(every)
        yield b"x" * 100


async def taken(chunks: AsyncIterator[bytes], pace: Pace) -> int:
    return sum([len(chunk) async for chunk in paced(chunks, pace)])


def test_a_body_that_keeps_the_pace_may_take_longer_than_the_grace() -> None:
    assert asyncio.run(taken(drops(20, 0.005), Pace(grace=0.05, rate=1_000))) == 2_000


@pytest.mark.parametrize("pace", [Pace(grace=0.02, rate=100_000), Pace(grace=9, longest=0.02)])
def test_a_body_that_drips_is_not_waited_for(pace: Pace) -> None:
    with pytest.raises(TooSlow):
        asyncio.run(taken(drops(50, 0.005), pace))

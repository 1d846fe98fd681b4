"""A request body that is read at a pace: who sends too slowly holds a connection and files for nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

__all__ = ["Pace", "TooSlow", "paced"]


class TooSlow(Exception):
    """The body does not come, or takes too long: the request is to end with HTTP 408."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How long a body may take: `grace` seconds, and one more for every `rate` bytes that came, and never
    more than `longest` seconds."""

    grace: float = 30.0
    rate: int = 10_000
    longest: float = 3_600.0


async def paced(chunks: AsyncIterator[bytes], pace: Pace) -> AsyncIterator[bytes]:
    """The same chunks. Raises TooSlow, at the latest when the time for what came is over."""
    clock = asyncio.get_running_loop().time
    began, size = clock(), 0
    while True:
        allowed = min(pace.grace + size / pace.rate, pace.longest)
        try:
            async with asyncio.timeout_at(began + allowed):
                chunk = await anext(chunks)
        except StopAsyncIteration:
            return
        except TimeoutError as error:
            raise TooSlow from error
        size += len(chunk)
        yield chunk

"""How a connector tries itself for `gateway check`: step by step, up to one that the next ones need.

One loop for all connectors, and the looks that several of them take: the name of a host, two clocks.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import urlsplit

from connectors.base import CheckStep
from connectors.http import HttpAnswer
from formats.errors import EInvoicingError, RemoteUnavailable, RemoteUnexpected

__all__ = ["Look", "clock_skew", "compared_clocks", "in_order", "resolved"]

# A step says what it saw, or gives an outcome, or several.
Look = Callable[[], str | CheckStep | Iterator[CheckStep]]

_LARGEST_SKEW: Final = timedelta(minutes=2)


def in_order(
    steps: Sequence[tuple[str, Look] | tuple[str, Look, str]], *, go_on_after: Collection[str] = ()
) -> Iterator[CheckStep]:
    """Each step by its name; one that raises one of `formats.errors` has failed.

    A third part of a step names the right that it needs, which is said where it fails. The first failure ends
    them all, but for those of the names `go_on_after`, which nothing behind depends on.
    """
    for name, look, *right in steps:
        try:
            seen = look()
            if isinstance(seen, str):
                seen = CheckStep(name, True, seen)
            for outcome in [seen] if isinstance(seen, CheckStep) else seen:
                yield outcome
                if not outcome.ok and outcome.name not in go_on_after:
                    return
        except EInvoicingError as error:
            yield CheckStep(name, False, error.what, error.fix + "".join(f" ({one})" for one in right if one))
            if name not in go_on_after:
                return


def resolved(address: str, where: str, fix: str) -> str:
    """What the host of an address is here; RemoteUnavailable where its name is not known."""
    parts = urlsplit(address)
    host = parts.hostname or ""
    try:
        found = socket.getaddrinfo(host, parts.port or 443, proto=socket.IPPROTO_TCP)
    except OSError as error:
        raise RemoteUnavailable(f"the name {host} is not known here", where=where, fix=fix) from error
    return f"{host} is {found[0][4][0]}"


def clock_skew(answer: HttpAnswer, now: datetime) -> timedelta | None:
    """How far our clock is from the other side's, by the Date of its answer; None where it tells none."""
    try:
        return abs(parsedate_to_datetime(answer.headers.get("Date", "")).astimezone(UTC) - now)
    except ValueError:
        return None


def compared_clocks(answer: HttpAnswer, now: datetime, *, where: str, otherwise: str) -> str:
    """ ", clocks agree", or "" where the other side tells no time. RemoteUnexpected where they differ by more
    than two minutes; `otherwise` is what would come of that."""
    skew = clock_skew(answer, now)
    if skew is not None and skew > _LARGEST_SKEW:
        raise RemoteUnexpected(
            f"the clocks differ by {int(skew.total_seconds())} seconds",
            where=where,
            fix=f"set this machine's clock by NTP; {otherwise}",
        )
    return "" if skew is None else ", clocks agree"

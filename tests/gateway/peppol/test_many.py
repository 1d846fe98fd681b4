"""Many at once at the endpoint: nobody who is slow keeps others out, and nothing is left behind."""

from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from urllib.parse import urlsplit

from gateway.store.inbox import State
from tests.gateway.peppol.conftest import Site

HELD = 300


def test_hundreds_that_never_end_keep_nobody_out(site: Site) -> None:
    """Each has begun a message and says nothing more; a good one gets its receipt meanwhile."""
    place = urlsplit(site.url)
    head = (
        f"POST {place.path} HTTP/1.1\r\nHost: {place.netloc}\r\nContent-Length: 200000\r\n"
        'Content-Type: multipart/related; boundary="b"; type="application/soap+xml"\r\n\r\n'
        "--b\r\nContent-Type: application/soap+xml\r\n\r\n<Envelope"
    ).encode()
    with ExitStack() as held:
        for _ in range(HELD):
            one = held.enter_context(socket.create_connection((place.hostname or "", place.port or 0), 10))
            one.sendall(head)
        assert site.invoice("IN-1").delivered
    site.until(lambda: site.settled() and [one.number for one in site.items()] == ["IN-1"])
    site.until(lambda: not any(site.channel.spool.iterdir()))


def test_what_comes_at_the_same_moment_is_all_there_once(site: Site) -> None:
    numbers = [f"IN-{number}" for number in range(24)]
    with ThreadPoolExecutor(12) as senders:
        sent = list(senders.map(site.invoice, numbers))
    assert all(one.delivered for one in sent)
    site.until(lambda: site.settled() and all(one.state is State.HANDED_OVER for one in site.items()))
    assert sorted(one.number for one in site.items()) == sorted(numbers)

"""Revocation lists and answers over the network: only from hosts that the operator has named, and bounded.

Both are signed, so plain HTTP is how authorities serve them; a certificate must not be able to make the
gateway call any other address.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

from connectors.channels.peppol.pki.ocsp import REQUEST_TYPE
from connectors.http import HttpClient
from formats.errors import RemoteRefused

__all__ = ["AuthorityDownloads"]

_LARGEST: Final = 20 * 1024 * 1024
_LONGEST: Final = 60.0


class AuthorityDownloads:
    """Calls the named hosts (`name` for the usual ports, or `name:port`); close it when done.

    Raises RemoteRefused for any other host, else what HttpClient raises. Safe to share between threads.
    """

    def __init__(
        self,
        hosts: Collection[str],
        *,
        clock: Callable[[], datetime],
        timeout: tuple[float, float] = (5.0, 15.0),
        proxy: str = "",
    ) -> None:
        self._hosts = frozenset(host.lower() for host in hosts)
        self._clock = clock
        self._timeout = timeout
        self._proxy = proxy
        self._mutex = threading.Lock()
        self._clients: dict[str, HttpClient] = {}

    def __call__(self, url: str, body: bytes | None = None) -> bytes:
        """GET, or POST of a question to a responder; the whole answer."""
        client = self._client(url)
        if body is None:
            return client.get_bytes(url)
        return client.request("POST", url, body=body, headers={"Content-Type": REQUEST_TYPE}).content

    def close(self) -> None:
        """Close all connections; safe to repeat."""
        with self._mutex:
            for client in self._clients.values():
                client.close()
            self._clients.clear()

    def _client(self, url: str) -> HttpClient:
        parts = urlsplit(url)
        host = parts.netloc.lower()
        if host not in self._hosts:
            raise RemoteRefused(
                f"the certificate points to {host[:200]!r}, which is not a host of the authorities",
                where="revocation of certificates",
                fix="if OpenPeppol has announced this host, add it to revocation_hosts of the channel",
            )
        origin = f"{parts.scheme}://{host}"
        with self._mutex:
            if origin not in self._clients:
                self._clients[origin] = HttpClient(
                    origin,
                    clock=self._clock,
                    timeout=self._timeout,
                    largest=_LARGEST,
                    longest=_LONGEST,
                    proxy=self._proxy,
                )
            return self._clients[origin]

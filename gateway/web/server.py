"""The application on a port, beside the scheduler: a server in a thread of its own that can be ended."""

from __future__ import annotations

import socket
import threading
from typing import Final

import uvicorn
from fastapi import FastAPI

from formats.errors import ConfigError

__all__ = ["WebServer"]

_STOP_SECONDS: Final = 6.0
_LEAVE_LOOKS: Final = 50
_LEAVE_PAUSE: Final = 0.02
# Other access points may come several hundred at a time; bodies go to disk, so each costs little.
_MOST_AT_ONCE: Final = 600


class WebServer:
    """Serves one application on one address; `port` 0 takes any free one, which is then `port`."""

    def __init__(self, app: FastAPI, host: str, port: int) -> None:
        self.host = host
        self.port = port
        self._server = uvicorn.Server(
            uvicorn.Config(
                app,
                log_config=None,
                access_log=False,
                server_header=False,
                date_header=True,
                timeout_keep_alive=15,
                timeout_graceful_shutdown=5,
                limit_concurrency=_MOST_AT_ONCE,
                lifespan="on",
            )
        )
        self._thread: threading.Thread | None = None
        self._socket: socket.socket | None = None

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    def start(self) -> None:
        """Listen; calls are taken from now on. ConfigError when the address cannot be had."""
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        try:
            self._socket = socket.create_server((self.host, self.port), family=family, backlog=128)
        except OSError as error:
            raise ConfigError(
                f"nothing can listen on {self.host} port {self.port}: {error.strerror}",
                where="gateway.yaml, web",
                fix="end the program that uses the port, or name another host or port",
            ) from error
        # Connections inherit it. Else the body of an answer waits for the other side to acknowledge its head,
        # which that does after 40 ms: asyncio sees to it only for sockets that it opens itself.
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.port = self._socket.getsockname()[1]
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, name="web", daemon=True
        )
        self._thread.start()

    def leave(self) -> None:
        """Take no more calls and free the port; calls at hand go on. Safe to repeat."""
        self._server.should_exit = True
        if self._thread is None or self._socket is None:
            return
        # The server looks for its end ten times a second, and closes its socket before anything else.
        for _ in range(_LEAVE_LOOKS):
            if self._socket.fileno() < 0 or not self._thread.is_alive():
                return
            self._thread.join(_LEAVE_PAUSE)

    def stop(self) -> None:
        """Let calls at hand end, for a few seconds; safe to repeat."""
        self._server.should_exit = True
        if self._thread is not None:
            self._thread.join(_STOP_SECONDS)
        if self._socket is not None:
            self._socket.close()

"""The HTTP side of an imitated system: routes on loopback, bounded requests, faults on demand, a clean stop.

An imitation registers its routes and gets parsed requests; the faults that every web server can show (busy,
broken, slow, cut off) are played here, those of one system (an expired token, a SOAP fault) in its own file.
"""

from __future__ import annotations

import json
import math
import re
import socket
import ssl
import sys
import threading
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from connectors.sandbox.altered import altered, confided
from connectors.sandbox.faults import Fault, Faults

__all__ = [
    "CLIENT_CERTIFICATE",
    "HTTP_FAULTS",
    "Call",
    "Reply",
    "Request",
    "SandboxHttpServer",
    "json_reply",
    "text_reply",
]

CLIENT_CERTIFICATE: Final = "x-shown-client-certificate"
HTTP_FAULTS: Final = (
    "too-many-requests",
    "too-many-requests-bare",
    "server-error",
    "unavailable",
    "html",
    "truncated",
    "other-form",
    "other-fields",
    "slow",
    "drop-before",
    "drop-after",
)
_PAGE: Final = "<!DOCTYPE html><html><head><title>{0}</title></head><body><h1>{0}</h1></body></html>"


@dataclass(frozen=True, slots=True)
class Request:
    """One request as the imitation sees it. `query` has the last value of each name, decoded; `target` is the
    raw path with its query; header names are in lower case; `match` is what the route's pattern found."""

    method: str
    path: str
    target: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    match: re.Match[str]

    def form(self) -> dict[str, str]:
        """The body as an HTML form."""
        return dict(parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True))

    def json(self) -> Any:
        """The body as JSON; ValueError if it is not."""
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer; Content-Type and Content-Length are added."""

    status: int
    body: bytes = b""
    media_type: str = "text/plain;charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Call:
    """One line of the request log; `status` is 0 where the connection was dropped without an answer."""

    method: str
    path: str
    status: int


Handler = Callable[[Request], Reply]
FaultHook = Callable[[Request, Fault], Reply | None]


def json_reply(data: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
    """JSON in UTF-8 as most systems send it."""
    body = json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode()
    return Reply(status, body, "application/json;charset=utf-8", headers or {})


def text_reply(text: str, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
    """Plain text in UTF-8."""
    return Reply(status, text.encode(), headers=headers or {})


class SandboxHttpServer:
    """One web server on 127.0.0.1 in a thread of its own.

    Faults are looked up by the place `METHOD /path` (no query), or what `place` makes of a request.
    `on_fault` may answer a fault in the words of the imitated system; where it gives None, the general answer
    is used. `failures` holds the tracebacks of handlers that broke, so that a test can insist on none. With
    `tls` the connections are encrypted; a client certificate that was asked for and shown is named to
    handlers in the header `CLIENT_CERTIFICATE`.
    """

    def __init__(
        self,
        port: int,
        faults: Faults,
        *,
        largest: int = 32 * 1024 * 1024,
        on_fault: FaultHook | None = None,
        tls: ssl.SSLContext | None = None,
        place: Callable[[Request], str] | None = None,
    ) -> None:
        self.faults = faults
        self.calls: list[Call] = []
        self.failures: list[str] = []
        self._port = port
        self._largest = largest
        self._on_fault = on_fault
        self._place = place or _place
        self._tls = tls
        self._routes: list[tuple[str, re.Pattern[str], Handler]] = []
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None
        self.stopping = threading.Event()

    @property
    def port(self) -> int:
        """The port listened on; the wished one before the start."""
        return self._server.server_address[1] if self._server is not None else self._port

    @property
    def url(self) -> str:
        return f"{'http' if self._tls is None else 'https'}://127.0.0.1:{self.port}"

    def route(self, method: str, pattern: str, handler: Handler) -> None:
        """Give requests whose whole path matches the regular expression to `handler`; first route wins.

        "*" as method takes every one.
        """
        self._routes.append((method, re.compile(pattern), handler))

    def start(self) -> None:
        """Listen; returns when connections are taken. Does nothing where it is running."""
        if self._server is not None:
            return
        self.stopping.clear()
        self._server = _Server(("127.0.0.1", self._port), _Handler, self)
        if self._tls is not None:
            self._server.socket = self._tls.wrap_socket(self._server.socket, server_side=True)
        # So that a restart comes back under the same address.
        self._port = self.port
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, name=f"sandbox-{self._port}"
        )
        self._thread.start()

    def stop(self) -> None:
        """Stop listening, cut open connections, end all threads; safe to repeat."""
        if self._server is None or self._thread is None:
            return
        self.stopping.set()
        self._server.shutdown()
        self._thread.join()
        self._server.cut()
        self._server.server_close()
        self._server = None

    def count(self, method: str, pattern: str) -> int:
        """How many logged requests have this method and a path in which the pattern is found."""
        return sum(call.method == method and bool(re.search(pattern, call.path)) for call in self.calls)

    def _answer(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Reply | None:
        """The reply, or None to drop the connection."""
        parts = urlsplit(target)
        found = None
        for wanted, pattern, handler in self._routes:
            match = pattern.fullmatch(parts.path)
            if match is not None and wanted in (method, "*"):
                found = handler, match
                break
        if found is None:
            return text_reply("Not found", 404)
        handler, match = found
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        request = Request(method, parts.path, target, query, headers, body, match)
        fault = self.faults.take(self._place(request), *HTTP_FAULTS)
        return handler(request) if fault is None else self._play(fault, request, handler)

    def _play(self, fault: Fault, request: Request, handler: Handler) -> Reply | None:
        own = self._on_fault(request, fault) if self._on_fault is not None else None
        if own is not None:
            return own
        match fault.kind:
            case "too-many-requests":
                return text_reply("Too many requests", 429, {"Retry-After": str(math.ceil(fault.seconds))})
            case "too-many-requests-bare":
                return Reply(429)
            case "server-error":
                return text_reply("Internal server error", 500)
            case "unavailable":
                return Reply(503, _PAGE.format("Down for maintenance").encode(), "text/html")
            case "html":
                return Reply(200, _PAGE.format("Please sign in").encode(), "text/html")
            case "slow":
                self.stopping.wait(fault.seconds)
                return handler(request)
            case "truncated":
                reply = handler(request)
                return Reply(reply.status, reply.body, reply.media_type, {**reply.headers, _CUT: "1"})
            case "other-form" | "other-fields":
                return self._altered(handler(request), self._place(request), fault.kind == "other-fields")
            case "drop-after":
                handler(request)
                return None
        return None

    def _altered(self, reply: Reply, place: str, rows_only: bool) -> Reply:
        self.faults.confided.update(confided(reply.body, reply.media_type, place))
        body = altered(reply.body, reply.media_type, rows_only=rows_only)
        return reply if body is None else replace(reply, body=body)


_CUT: Final = "X-Cut-In-The-Middle"


def _place(request: Request) -> str:
    return f"{request.method} {request.path}"


class _Server(ThreadingHTTPServer):
    daemon_threads = False  # so that server_close waits for them
    request_queue_size = 64

    def __init__(
        self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler], owner: SandboxHttpServer
    ) -> None:
        self.owner = owner
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        super().__init__(address, handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def cut(self) -> None:
        with self._lock:
            for connection in self._open:
                # A client that has gone already leaves nothing to shut down.
                if connection.fileno() >= 0:
                    _shut(connection)

    def handle_error(self, request: Any, client_address: Any) -> None:
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            self.owner.failures.append(traceback.format_exc())


def _shut(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 30
    wbufsize = 64 * 1024  # one packet for head and body
    disable_nagle_algorithm = True
    server: _Server

    def _handle(self) -> None:
        owner = self.server.owner
        path = urlsplit(self.path).path
        body = self._read_body()
        if body is None:
            owner.calls.append(Call(self.command, path, 413))
            self._send(text_reply("The request is too large or has no length", 413))
            self.close_connection = True
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        headers.pop(CLIENT_CERTIFICATE, None)
        if isinstance(self.connection, ssl.SSLSocket) and (shown := self.connection.getpeercert()):
            headers[CLIENT_CERTIFICATE] = str(shown["subject"])
        reply = owner._answer(self.command, self.path, headers, body)
        owner.calls.append(Call(self.command, path, reply.status if reply is not None else 0))
        if reply is None:
            self.close_connection = True
            _shut(self.connection)
            return
        self._send(reply)

    def _read_body(self) -> bytes | None:
        """None for a body that is too large or without a length."""
        text = self.headers.get("Content-Length", "0")
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            return self._read_chunks()
        if self.headers.get("Transfer-Encoding") or not re.fullmatch(r"\d{1,12}", text):
            return None
        length = int(text)
        return None if length > self.server.owner._largest else self.rfile.read(length)

    def _read_chunks(self) -> bytes | None:
        pieces: list[bytes] = []
        left = self.server.owner._largest
        while True:
            size = self.rfile.readline(1024).split(b";")[0].strip()
            if not re.fullmatch(rb"[0-9A-Fa-f]{1,8}", size) or int(size, 16) > left:
                return None
            if int(size, 16) == 0:
                break
            pieces.append(self.rfile.read(int(size, 16)))
            left -= len(pieces[-1])
            self.rfile.readline(3)
        while self.rfile.readline(8192).strip():
            pass  # trailing headers
        return b"".join(pieces)

    def _send(self, reply: Reply) -> None:
        cut = _CUT in reply.headers
        self.send_response(reply.status, _phrase(reply.status))
        for name, value in reply.headers.items():
            if name != _CUT:
                self.send_header(name, value)
        if reply.status != HTTPStatus.NO_CONTENT:
            self.send_header("Content-Type", reply.media_type)
            self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(reply.body[: len(reply.body) // 2] if cut else reply.body)
        if cut:
            self.wfile.flush()
            self.close_connection = True

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = _handle  # noqa: N815

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Nothing goes to the standard error output; `calls` is the log."""


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"

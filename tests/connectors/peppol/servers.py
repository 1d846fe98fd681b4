"""Real servers on the loopback interface, in threads: the web, and the DNS over UDP and TCP."""

from __future__ import annotations

import socketserver
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rrset

__all__ = ["Answer", "DnsServer", "WebServer", "dns_server", "web_server"]


@dataclass
class Answer:
    """What the web server says at one address."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


class WebServer:
    """Answers by path: bytes, an Answer, or a function of the posted body; 404 for everything else."""

    def __init__(self) -> None:
        self.pages: dict[str, bytes | Answer | Callable[[bytes], bytes | Answer]] = {}
        self.calls: list[str] = []
        self.headers: list[dict[str, str]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 10
            wbufsize = 65_536

            def do_GET(self) -> None:
                self._answer(b"")

            def do_POST(self) -> None:
                self._answer(self.rfile.read(int(self.headers.get("Content-Length", "0"))))

            def _answer(self, body: bytes) -> None:
                outer.calls.append(self.path)
                outer.headers.append({key.lower(): value for key, value in self.headers.items()})
                page = outer.pages.get(self.path, Answer(b"not here", 404))
                said = page(body) if callable(page) else page
                answer = said if isinstance(said, Answer) else Answer(said)
                self.send_response(answer.status)
                for key, value in answer.headers.items():
                    self.send_header(key, value)
                self.send_header("Content-Length", str(len(answer.body)))
                self.end_headers()
                self.wfile.write(answer.body)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                """Quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.host = f"127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)


@contextmanager
def web_server() -> Iterator[WebServer]:
    server = WebServer()
    try:
        yield server
    finally:
        server.stop()


class DnsServer:
    """A name server with NAPTR records; each kind of failure can be played.

    `records` maps a name (absolute, lower case) to record texts; `aliases` to another name; `zones` exist
    without records of their own. `rcode` answers everything so, `silent` swallows UDP questions, `truncated`
    sends askers to TCP.
    """

    def __init__(self) -> None:
        self.records: dict[str, list[str]] = {}
        self.aliases: dict[str, str] = {}
        self.zones: set[str] = set()
        self.rcode: dns.rcode.Rcode | None = None
        self.silent = False
        self.truncated = False
        self.garbled = False
        self.questions: list[tuple[str, str]] = []
        outer = self

        class Udp(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                data, sock = self.request
                reply = outer.reply(data, "udp")
                if reply is not None:
                    sock.sendto(reply, self.client_address)

        class Tcp(socketserver.StreamRequestHandler):
            timeout = 10

            def handle(self) -> None:
                head = self.rfile.read(2)
                if len(head) == 2:
                    reply = outer.reply(self.rfile.read(struct.unpack("!H", head)[0]), "tcp")
                    if reply is not None:
                        self.wfile.write(struct.pack("!H", len(reply)) + reply)

        self._tcp = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Tcp)
        self._tcp.daemon_threads = True
        self.port = self._tcp.server_address[1]
        self._udp = socketserver.ThreadingUDPServer(("127.0.0.1", self.port), Udp)
        self._udp.daemon_threads = True
        self.address = f"127.0.0.1:{self.port}"
        self._threads = [
            threading.Thread(target=one.serve_forever, args=(0.02,), daemon=True)
            for one in (self._tcp, self._udp)
        ]
        for thread in self._threads:
            thread.start()

    def reply(self, data: bytes, way: str) -> bytes | None:
        question = dns.message.from_wire(data)
        asked = question.question[0].name.to_text().lower()
        self.questions.append((way, asked))
        if self.silent and way == "udp":
            return None
        if self.garbled:
            return data[:2] + b"\x84\x00nonsense"
        answer = dns.message.make_response(question, recursion_available=True)
        if self.rcode is not None:
            answer.set_rcode(self.rcode)
            return answer.to_wire()
        if self.truncated and way == "udp":
            answer.flags |= dns.flags.TC
            return answer.to_wire()
        while asked in self.aliases:
            answer.answer.append(dns.rrset.from_text(asked, 60, "IN", "CNAME", self.aliases[asked]))
            asked = self.aliases[asked]
        if asked in self.records and question.question[0].rdtype.name == "NAPTR":
            answer.answer.append(dns.rrset.from_text(asked, 60, "IN", "NAPTR", *self.records[asked]))
        elif asked not in self.records and asked not in self.zones:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        return answer.to_wire()

    def stop(self) -> None:
        for server in (self._tcp, self._udp):
            server.shutdown()
            server.server_close()
        for thread in self._threads:
            thread.join(10)


@contextmanager
def dns_server() -> Iterator[DnsServer]:
    server = DnsServer()
    try:
        yield server
    finally:
        server.stop()

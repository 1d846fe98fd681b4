"""The imitated SML: a name server for one zone that answers U-NAPTR queries, over UDP and TCP on one port.

A participant's name is the base32 of the SHA-256 of its identifier in lower case, as the SML specification
1.3.0 has it. Names of the zone that nobody registered do not exist (NXDOMAIN); other zones are refused.

Faults by place `dns udp <name>` and `dns tcp <name>`: server-error (SERVFAIL), refused, nxdomain,
drop-before (no answer at all), slow, truncated (UDP only: ask again over TCP), wrong-records (no record that
names an SMP).
"""

from __future__ import annotations

import base64
import hashlib
import socketserver
import threading
from typing import Any, Final

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

from connectors.sandbox.faults import Faults

__all__ = ["ZONE", "SmlServer", "label_of"]

ZONE: Final = "participant.sml.sandbox.example."
_SCHEME: Final = "iso6523-actorid-upis"
_KINDS: Final = ("server-error", "refused", "nxdomain", "drop-before", "slow", "truncated", "wrong-records")
_TTL: Final = 60
_SOA: Final = f"1 3600 600 86400 {_TTL}"
_TRIES: Final = 20
_WRONG: Final = (
    '100 10 "U" "Meta:OTHER" "!.*!http://wrong.example!" .',
    '100 20 "S" "Meta:SMP" "" elsewhere.example.',
    '100 30 "U" "Meta:SMP" "no delimiter here" .',
)


def label_of(participant: str) -> str:
    """The label of a participant ("0088:123abc") in the zone."""
    digest = hashlib.sha256(participant.lower().encode()).digest()
    return base64.b32encode(digest).decode("ascii").rstrip("=").lower()


class SmlServer:
    """A name server on 127.0.0.1; `places` maps participants to the base URLs of their SMPs and may change
    while it runs."""

    def __init__(self, port: int, faults: Faults, *, zone: str = ZONE) -> None:
        self.faults = faults
        self.zone = dns.name.from_text(zone)
        self._port = port
        self._lock = threading.Lock()
        self._places: dict[dns.name.Name, str] = {}
        self._servers: list[socketserver.BaseServer] = []
        self._threads: list[threading.Thread] = []
        self._stopping = threading.Event()
        # Names that were asked for, with the way: ("udp", "..."), in order.
        self.queries: list[tuple[str, str]] = []

    @property
    def port(self) -> int:
        return self._port

    def name_of(self, participant: str) -> dns.name.Name:
        return dns.name.Name((label_of(participant).encode(), _SCHEME.encode(), *self.zone.labels))

    def register(self, participant: str, smp_url: str) -> None:
        """From now on the participant is found at this SMP."""
        with self._lock:
            self._places[self.name_of(participant)] = smp_url

    def forget(self, participant: str) -> None:
        with self._lock:
            self._places.pop(self.name_of(participant), None)

    def start(self) -> None:
        """Listen on UDP and TCP; does nothing where it is running."""
        if self._servers:
            return
        self._stopping.clear()
        udp, tcp = self._bound()
        self._servers = [udp, tcp]
        for server in self._servers:
            thread = threading.Thread(
                target=server.serve_forever, kwargs={"poll_interval": 0.02}, name=f"sandbox-dns-{self._port}"
            )
            thread.start()
            self._threads.append(thread)

    def stop(self) -> None:
        """Stop listening and end all threads; safe to repeat."""
        self._stopping.set()
        for server in self._servers:
            server.shutdown()
            server.server_close()
        for thread in self._threads:
            thread.join()
        self._servers, self._threads = [], []

    def answer(self, way: str, packet: bytes) -> bytes | None:
        """The answer to one packet that came by "udp" or "tcp", or None for silence."""
        try:
            query = dns.message.from_wire(packet)
            question = query.question[0]
        except (dns.exception.DNSException, ValueError, IndexError):
            return None
        if query.flags & dns.flags.QR:
            return None
        name = question.name.to_text(omit_final_dot=True).lower()
        self.queries.append((way, name))
        response = dns.message.make_response(query, our_payload=1232)
        response.flags |= dns.flags.AA
        kinds = _KINDS if way == "udp" else tuple(kind for kind in _KINDS if kind != "truncated")
        fault = self.faults.take(f"dns {way} {name}", *kinds)
        match fault.kind if fault else "":
            case "server-error":
                response.set_rcode(dns.rcode.SERVFAIL)
            case "refused":
                response.set_rcode(dns.rcode.REFUSED)
            case "nxdomain":
                response.set_rcode(dns.rcode.NXDOMAIN)
            case "drop-before":
                return None
            case "truncated":
                response.flags |= dns.flags.TC
            case "wrong-records":
                response.answer.append(_naptr(question.name, *_WRONG))
            case _:
                if fault is not None:
                    self._stopping.wait(fault.seconds)
                self._fill(response, question)
        return response.to_wire()

    def _fill(self, response: dns.message.Message, question: dns.rrset.RRset) -> None:
        if not question.name.is_subdomain(self.zone):
            response.set_rcode(dns.rcode.REFUSED)
            return
        lowered = dns.name.from_text(question.name.to_text().lower())
        zone = self.zone.to_text()
        start = dns.rrset.from_text(self.zone, _TTL, "IN", "SOA", f"{zone} hostmaster.{zone} {_SOA}")
        with self._lock:
            place = self._places.get(lowered)
        if place is not None and question.rdtype == dns.rdatatype.NAPTR:
            response.answer.append(_naptr(question.name, f'100 10 "U" "Meta:SMP" "!.*!{place}!" .'))
        elif lowered == self.zone and question.rdtype == dns.rdatatype.SOA:
            response.answer.append(start)
        else:
            # The zone itself is there, and what lies between it and its names (RFC 8020).
            between = (self.zone, dns.name.from_text(_SCHEME, self.zone))
            if place is None and lowered not in between:
                response.set_rcode(dns.rcode.NXDOMAIN)
            response.authority.append(start)

    def _bound(self) -> tuple[socketserver.BaseServer, socketserver.BaseServer]:
        """Both servers on the same port; where any free one will do, one that is free for both."""
        for left in reversed(range(_TRIES)):
            udp = _Udp(("127.0.0.1", self._port), _UdpHandler)
            udp.owner = self
            port = int(udp.server_address[1])
            try:
                tcp = _Tcp(("127.0.0.1", port), _TcpHandler)
            except OSError:
                udp.server_close()
                if self._port or not left:
                    raise
                continue
            tcp.owner = self
            self._port = port
            return udp, tcp
        raise AssertionError("not reached: the last try raises")


def _naptr(name: dns.name.Name, *records: str) -> dns.rrset.RRset:
    return dns.rrset.from_text_list(name, _TTL, "IN", "NAPTR", list(records))


class _Udp(socketserver.ThreadingUDPServer):
    daemon_threads = False
    owner: SmlServer


class _Tcp(socketserver.ThreadingTCPServer):
    daemon_threads = False
    allow_reuse_address = True
    owner: SmlServer


class _UdpHandler(socketserver.BaseRequestHandler):
    server: _Udp

    def handle(self) -> None:
        packet, connection = self.request
        answer = self.server.owner.answer("udp", packet)
        if answer is not None:
            connection.sendto(answer, self.client_address)


class _TcpHandler(socketserver.StreamRequestHandler):
    server: _Tcp
    timeout = 5
    rfile: Any

    def handle(self) -> None:
        try:
            size = int.from_bytes(self.rfile.read(2), "big")
            answer = self.server.owner.answer("tcp", self.rfile.read(size))
            if answer is not None:
                self.wfile.write(len(answer).to_bytes(2, "big") + answer)
        except OSError:
            return  # the asker has gone

"""python -m tests.benchmarks.as4_worker TASK: receive, or send and receive; prints what it took as JSON.

Every message is packed, signed, encrypted, opened, verified, looked into, stored in a database that commits
it to disk, acknowledged by a signed receipt, and the receipt is verified.
"""

from __future__ import annotations

import hashlib
import json
import os
import resource
import sqlite3
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock, Thread
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from connectors.channels.peppol.as4 import (
    Answer,
    OutgoingMessage,
    PreparedMessage,
    ReceivedMessage,
    Receiver,
    Rules,
    Verdict,
    judge,
    prepare,
)
from connectors.channels.peppol.as4.business_envelope import read_business_envelope
from connectors.channels.peppol.pki.keys import AccessPointKey, KeyRing
from formats.envelopes import sbdh
from formats.errors import SignatureInvalid
from formats.identifiers import DocumentTypeId, ParticipantId, ProcessId

SENDER: Final = "0208:0123456749"
RECEIVER: Final = "0088:7300010000001"
DOCUMENT_TYPE: Final = (
    "urn:oasis:names:specification:ubl:schema:xsd:Invoice-2::Invoice##urn:cen.eu:en16931:2017#compliant#"
    "urn:fdc:peppol.eu:2017:poacc:billing:3.0::2.1"
)
PROCESS: Final = "urn:fdc:peppol.eu:2017:poacc:billing:01:1.0"


def now() -> datetime:
    return datetime.now(UTC)


class Store:
    """An inbox on SQLite: committed to disk before the receipt goes out, one row for each message."""

    def __init__(self, folder: Path) -> None:
        self._lock = Lock()
        self._database = sqlite3.connect(folder / f"inbox-{os.getpid()}.db", check_same_thread=False)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = FULL")
        self._database.execute(
            "CREATE TABLE inbox (id TEXT, seat TEXT, digest BLOB, envelope BLOB, packed BLOB, receipt BLOB,"
            " PRIMARY KEY (id, seat)) WITHOUT ROWID"
        )
        self.seconds = 0.0

    def take(self, message: ReceivedMessage, receipt: bytes, /) -> bytes:
        started = time.perf_counter()
        packed = message.compressed.read() if message.compressed else b""
        row = (
            message.message_id,
            message.sender_seat,
            message.payload_digest,
            message.envelope,
            packed,
            receipt,
        )
        with self._lock, self._database:
            self._database.execute("INSERT INTO inbox VALUES (?, ?, ?, ?, ?, ?)", row)
        self.seconds += time.perf_counter() - started
        return receipt

    def close(self) -> int:
        """How many messages are there."""
        with self._lock:
            [[count]] = self._database.execute("SELECT count(*) FROM inbox")
            self._database.close()
        return int(count)


def check(message: ReceivedMessage) -> None:
    """What a gateway looks into before it stores."""
    read_business_envelope(message)


class World:
    """Both access points, made of the files of the task."""

    def __init__(self, task: dict[str, Any]) -> None:
        self.folder = Path(task["folder"])
        self.authority = x509.load_pem_x509_certificate((self.folder / "ca.pem").read_bytes())
        self.a, self.b = (self._key(seat) for seat in ("POP000001", "POP000002"))
        self.store = Store(self.folder)
        self.receiver = Receiver(
            keys=lambda: KeyRing(self.b),
            trust=self.trust,
            inbox=self.store,
            folder=self.folder,
            clock=now,
            new_id=lambda: f"{os.urandom(12).hex()}@b.example",
            rules=Rules(check=check),
        )

    def trust(self, certificate: x509.Certificate, _at: datetime) -> None:
        """Issued by the authority of the task: one signature to verify, as without any cache."""
        if certificate.issuer != self.authority.subject:
            raise SignatureInvalid("not issued by the authority", where="bench", fix="none")
        certificate.verify_directly_issued_by(self.authority)

    def prepare(self, number: str, payload: bytes) -> PreparedMessage:
        message = OutgoingMessage(
            f"{number}@a.example", f"c-{number}", now(), SENDER, RECEIVER, DOCUMENT_TYPE, PROCESS, payload
        )
        return prepare(message, receiver=self.b.certificate, key=self.a, folder=self.folder)

    def _key(self, seat: str) -> AccessPointKey:
        certificate = x509.load_pem_x509_certificate((self.folder / f"{seat}.crt").read_bytes())
        key = load_pem_private_key((self.folder / f"{seat}.key").read_bytes(), None)
        assert isinstance(key, rsa.RSAPrivateKey)
        return AccessPointKey(certificate, key)


def payload(size: int) -> bytes:
    """An envelope around an invoice of about that many bytes, whose numbers differ from line to line."""
    header = sbdh.Header(
        sender=ParticipantId.of(SENDER),
        receiver=ParticipantId.of(RECEIVER),
        document_type=DocumentTypeId.of(DOCUMENT_TYPE),
        process=ProcessId.of(PROCESS),
        instance_id="7f0f3a34-4c3c-4b43-9f57-1f1f2ab0c001",
        created_at=datetime(2026, 11, 23, 8, 0, tzinfo=UTC),
        country_c1="BE",
    )
    return sbdh.write(header, b"".join(_invoice(size)))


def _invoice(size: int) -> Iterator[bytes]:
    root = 'xmlns="urn:oasis:names:specification:ubl:schema:xsd:Invoice-2" xmlns:c="urn:example:c"'
    yield f"<Invoice {root}>".encode()
    written = 1_500
    for number in range(size):
        noise = hashlib.sha256(str(number).encode()).hexdigest()
        line = (
            f"<c:InvoiceLine><c:ID>{number}</c:ID><c:InvoicedQuantity unitCode='C62'>{noise[:3]}"
            f"</c:InvoicedQuantity><c:LineExtensionAmount currencyID='EUR'>{int(noise[3:8], 16)}.00"
            f"</c:LineExtensionAmount><c:Item><c:Name>Part {noise[8:20]}</c:Name></c:Item></c:InvoiceLine>"
        ).encode()
        written += len(line)
        if written > size:
            break
        yield line
    yield b"</Invoice>"


def memory() -> float:
    """What this process holds now, in MB."""
    status = Path("/proc/self/status")
    if status.exists():
        [line] = [line for line in status.read_text().splitlines() if line.startswith("VmRSS")]
        return round(int(line.split()[1]) / 1024, 1)
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)


def round_trips(world: World, task: dict[str, Any]) -> dict[str, Any]:
    """Both sides in this process, without a network in between."""
    content = payload(task["size"])
    count, early = task["count"], 0.0
    spent = {"prepare": 0.0, "receive": 0.0, "judge": 0.0}
    started = time.perf_counter()
    for number in range(count):
        t0 = time.perf_counter()
        with world.prepare(f"{os.getpid()}-{number}", content) as prepared:
            t1 = time.perf_counter()
            answer = world.receiver.answer(prepared.content_type, prepared.chunks())
            t2 = time.perf_counter()
            _require(prepared, answer, world)
        spent["judge"] += time.perf_counter() - t2
        spent["receive"] += t2 - t1
        spent["prepare"] += t1 - t0
        if number == count // 10:
            early = memory()
    seconds = time.perf_counter() - started
    spent["store"] = world.store.seconds
    spent["receive"] -= world.store.seconds
    assert world.store.close() == count
    return {
        "messages": count,
        "per_second": round(count / seconds, 1),
        "ms": {name: round(value / count * 1000, 2) for name, value in spent.items()},
        "cpu_ms": round(time.process_time() / count * 1000, 2),
        "memory_mb": {"after a tenth": early, "at the end": memory()},
    }


def _require(prepared: PreparedMessage, answer: Answer, world: World) -> None:
    outcome = judge(
        prepared.sent, answer.status, answer.content_type, answer.content, trust=world.trust, at=now()
    )
    if outcome.verdict is not Verdict.DELIVERED:
        raise SystemExit(f"not delivered: {outcome.what}")


def serve(world: World, _task: dict[str, Any]) -> dict[str, Any]:
    """The receiving side on loopback; prints its port, and ends when its input does."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            answer = world.receiver.answer(self.headers["Content-Type"], [body])
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.content_type)
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        Thread(target=server.serve_forever, daemon=True).start()
        sys.stdout.write(f"{server.server_port}\n")
        sys.stdout.flush()
        sys.stdin.read()
        server.shutdown()
    return {"stored": world.store.close(), "memory_mb": memory()}


def main() -> None:
    task = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    world = World(task)
    result = {"round_trips": round_trips, "serve": serve}[task["what"]](world, task)
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()

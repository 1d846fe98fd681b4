"""python -m tests.benchmarks.as4_endpoint serve CONFIG | send TASK: the two sides as they are in use.

`serve` is the gateway's own web application with its database: a message is opened, verified, checked against
the revocation list, looked into and stored with all its evidence, in one transaction that is on the disk
before the receipt goes out. It prints its address, and after that what it has used so far for each line of
its input. `send` wraps, packs, signs, encrypts and sends, verifies the receipt and stores the proof likewise.
"""

from __future__ import annotations

import hashlib
import json
import os
import resource
import sys
import time
import uuid
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from sqlalchemy import func, select

from connectors.channels.peppol.as4 import As4Client, OutgoingMessage, PreparedMessage, Verdict, prepare
from connectors.channels.peppol.pki.keys import AccessPointKey
from connectors.channels.peppol.pki.revocation import Unchecked
from connectors.channels.peppol.pki.trust import Role, Stage, Trust, authorities, read_folder
from formats.envelopes import sbdh
from formats.identifiers import DocumentTypeId, ParticipantId, ProcessId
from gateway import logs
from gateway.store import documents, exchanges, tables
from gateway.store.database import Database
from gateway.store.exchanges import Direction, Exchange
from gateway.web.app import create_app
from gateway.web.server import WebServer
from gateway.wiring import Gateway
from tests.benchmarks.as4_worker import DOCUMENT_TYPE, PROCESS, memory
from tests.gateway import prepared as prepared_databases

RECEIVER: Final = "0208:1999307184"
SENDER: Final = "0088:7300010000001"
_WARM: Final = 30
_PIECE: Final = 1024 * 1024
_UBL: Final = "urn:oasis:names:specification:ubl:schema:xsd:"


def now() -> datetime:
    return datetime.now(UTC)


def peak() -> float:
    """The most that this process has held, in MB."""
    status = Path("/proc/self/status")
    if status.exists():
        # Not what getrusage says: that begins with what the process held that started this one.
        [line] = [line for line in status.read_text("utf-8").splitlines() if line.startswith("VmHWM")]
        return round(int(line.split()[1]) / 1024, 1)
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)


def serve(config: Path) -> None:
    with closing(Gateway.open(config, clock=now)) as gateway:
        logs.configure("critical", "text")
        server = WebServer(create_app(gateway), "127.0.0.1", 0)
        server.start()
        try:
            _say({"url": f"{server.url}/as4"})
            for _ in sys.stdin:
                with gateway.database.read() as connection:
                    stored = connection.scalar(select(func.count()).select_from(tables.inbox))
                _say({"cpu": time.process_time(), "mb": memory(), "peak_mb": peak(), "stored": stored})
        finally:
            server.stop()


class Sender:
    """Another access point: its key, whom it trusts, and a database for its proofs."""

    def __init__(self, task: dict[str, Any]) -> None:
        self.folder = Path(task["folder"])
        self.url = task["url"]
        self._document = invoice(self.folder / f"invoice-{os.getpid()}.xml", task["size"])
        self._receiver = x509.load_pem_x509_certificate((self.folder / "gateway.pem").read_bytes())
        key = load_pem_private_key((self.folder / "ap2.key").read_bytes(), None)
        assert isinstance(key, rsa.RSAPrivateKey)
        certificate = x509.load_pem_x509_certificate((self.folder / "ap2.pem").read_bytes())
        self._key = AccessPointKey(certificate, key)
        trusted = authorities(Stage.TEST, read_folder(Path(task["trust"])))
        self._client = As4Client(trust=Trust(trusted, Unchecked()).checker(Role.ACCESS_POINT), clock=now)
        file = self.folder / f"sender-{os.getpid()}.db"
        prepared_databases.sqlite_copy(file)
        self._database = Database(f"sqlite:///{file}")

    def send_many(self, count: int) -> None:
        for _ in range(count):
            self._send()

    def _send(self) -> None:
        """One message; ends the process where it is not delivered."""
        header = sbdh.Header(
            sender=ParticipantId.of(SENDER),
            receiver=ParticipantId.of(RECEIVER),
            document_type=DocumentTypeId.of(DOCUMENT_TYPE),
            process=ProcessId.of(PROCESS),
            instance_id=str(uuid.uuid4()),
            created_at=now(),
            country_c1="SE",
        )
        with self._document.open("rb") as document:
            message = OutgoingMessage(
                f"{uuid.uuid4()}@ap2.example",
                header.instance_id,
                header.created_at,
                SENDER,
                RECEIVER,
                DOCUMENT_TYPE,
                PROCESS,
                sbdh.write_chunks(header, document),
            )
            ready = prepare(message, receiver=self._receiver, key=self._key, folder=self.folder)
        with ready:
            outcome = self._client.send(ready, self.url)
            if outcome.verdict is not Verdict.DELIVERED:
                os._exit(_told(f"not delivered: {outcome.what}"))
            self._keep(header, ready, outcome.answer)

    def _keep(self, header: sbdh.Header, ready: PreparedMessage, answer: bytes) -> None:
        at = now()
        with self._database.begin() as connection:
            request, receipt = documents.put_all(
                connection,
                [(ready.envelope, "application/soap+xml"), (answer, "application/soap+xml")],
                now=at,
            )
            exchange = Exchange(
                *(Direction.OUT, ready.sent.receiver_seat, ready.message_id, "peppol", header.instance_id),
                *(header.sender.value, header.receiver.value, DOCUMENT_TYPE, PROCESS, "SE", "", SENDER),
                *(ready.payload_digest.hex(), request, receipt, at),
            )
            exchanges.add(connection, exchange)

    def close(self) -> None:
        self._client.close()
        self._database.close()
        self._document.unlink()


def send(task: dict[str, Any]) -> None:
    """A tenth more than it counts, to warm up; then it waits for a line, so that the receiver can be
    asked."""
    threads = task["threads"]
    each = max(task["count"] // threads, 1)
    with closing(Sender(task)) as sender, ThreadPoolExecutor(threads) as pool:
        list(pool.map(sender.send_many, [min(max(_WARM, each // 10), each)] * threads))
        _say({"warm": True})
        sys.stdin.readline()
        used, started = time.process_time(), time.perf_counter()
        early = memory()
        list(pool.map(sender.send_many, [each] * threads))
        seconds, used = time.perf_counter() - started, time.process_time() - used
        _say(
            {
                "messages": each * threads,
                "seconds": seconds,
                "cpu": used,
                "mb": [early, memory()],
                "peak_mb": peak(),
            }
        )


def invoice(file: Path, size: int) -> Path:
    """Writes a document of about that many bytes, most of them an attachment."""
    with file.open("wb") as out:
        out.write(
            f'<Invoice xmlns="{_UBL}Invoice-2" xmlns:cac="{_UBL}CommonAggregateComponents-2"'
            f' xmlns:cbc="{_UBL}CommonBasicComponents-2"><cbc:ID>IN-1</cbc:ID>'
            "<cac:AdditionalDocumentReference><cbc:ID>1</cbc:ID><cac:Attachment>"
            '<cbc:EmbeddedDocumentBinaryObject mimeCode="application/pdf" filename="a.pdf">'.encode()
        )
        left = max(size - 500, 0)
        while left > 0:
            noise = hashlib.shake_256(str(left).encode()).digest(_PIECE * 3 // 4)
            left -= out.write(b64encode(noise)[:left])
        out.write(
            b"</cbc:EmbeddedDocumentBinaryObject></cac:Attachment></cac:AdditionalDocumentReference></Invoice>"
        )
    return file


def _told(what: str) -> int:
    sys.stderr.write(f"{what}\n")
    sys.stderr.flush()
    return 1


def _say(what: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(Path(sys.argv[2]))
    else:
        send(json.loads(Path(sys.argv[2]).read_text("utf-8")))

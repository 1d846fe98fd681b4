"""The imitated Peppol access-point provider: an SFTP outbox, a register of participants, receipts.

A client puts `/outbox/<message id>.xml` and then, as the sign that it is complete, `/outbox/<message
id>.json`:

    {"message_id": "...", "file": "<message id>.xml", "sha256": "...", "size": 4711,
     "sender": "9930:DE...", "receiver": "0208:...", "document_type": "urn:...", "process": "urn:..."}

The provider moves both to `/taken/`, looks the receiver up, hands the document to the receiver's access
point, and writes `/receipts/<message id>.json`:

    {"message_id": "...", "instance_id": "...", "state": "delivered", "time": "2026-11-22T08:00:00Z",
    "sha256": "...",
     "receiver": "0208:...", "reason": {"code": "SMP_LOOKUP_FAILED", "text": "..."}}

`reason` is only there when `state` is "rejected". The same message id is delivered once, however often it is
put there; a repetition is noted and answered with the first receipt. Files with other names are left where
they are.

Faults by place: those of SftpServer, and `deliver <receiver>` with rejected, `receipt <message id>` with
lost-receipt, duplicate (a second receipt file), truncated (half a receipt).
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import tempfile
import threading
import uuid
import weakref
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from lxml import etree

from connectors.sandbox.faults import Faults
from connectors.sandbox.sftp_server import SftpServer

__all__ = ["HOST_KEY_LABEL", "PASSWORD", "UNREGISTERED", "USER", "ImitatedProvider"]

USER: Final = "gateway"
PASSWORD: Final = "demo-provider-password"
HOST_KEY_LABEL: Final = "sandbox provider host key"
# Well-formed and in no register: receivers that nobody can reach over the network.
UNREGISTERED: Final = frozenset(
    {"0208:0000000097", "0106:00000000", "0088:0000000000000", "9930:de000000000"}
)
_MESSAGE_ID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# What a participant looks like, by ICD, as far as a register would insist on it.
_PARTICIPANTS: Final = (
    re.compile(r"(?:0060|0190|0195|0196|0199|02[0-4]\d|0188|0221):\S{3,130}"),
    re.compile(r"0002:\d{9}|0007:\d{10}|0009:\d{14}|0088:\d{13}|0096:\d{10}|0106:\d{8}(?:\d{9})?"),
    re.compile(r"0151:\d{11}|0183:che\d{9}|0184:\d{8}|0191:\d{8}|0192:\d{9}|0198:dk\d{8}"),
    re.compile(r"99(?:1\d|2[02-9]|3\d|4\d|5[0-379]):[a-z0-9]{2,20}"),
)
_NAMES: Final = {
    "urn:oasis:names:specification:ubl:schema:xsd:Invoice-2": "2.1",
    "urn:oasis:names:specification:ubl:schema:xsd:CreditNote-2": "2.1",
    "urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100": "D16B",
}


@dataclass(frozen=True, slots=True)
class _Delivery:
    """One document in the receiver's inbox."""

    message_id: str
    receiver: str
    number: str
    document_type: str
    content: bytes = field(repr=False)

    def described(self) -> dict[str, object]:
        return {
            "message_id": self.message_id,
            "instance_id": _instance_id(self.message_id),
            "number": self.number,
            "document_type": self.document_type,
            "sha256": hashlib.sha256(self.content).hexdigest(),
            "size": len(self.content),
        }


class _Refused(Exception):
    def __init__(self, code: str, text: str) -> None:
        self.code = code
        super().__init__(text)


class ImitatedProvider:
    """`receipt_delay` is in seconds; `unregistered` are participants that the register does not hold."""

    name = "provider"

    def __init__(
        self, port: int = 47040, *, receipt_delay: float = 0.0, unregistered: Collection[str] = UNREGISTERED
    ) -> None:
        self.faults = Faults()
        self.receipt_delay = receipt_delay
        self._unregistered = {participant.lower() for participant in unregistered}
        self._lock = threading.RLock()
        self._asleep = False
        self._receipts: dict[str, dict[str, object]] = {}
        self._deliveries: list[_Delivery] = []
        self._repeated: list[str] = []
        self._timers: list[threading.Timer] = []
        self.root = Path(tempfile.mkdtemp(prefix="sandbox-provider-"))
        weakref.finalize(self, shutil.rmtree, self.root, ignore_errors=True)
        for folder in ("outbox", "taken", "receipts"):
            (self.root / folder).mkdir()
        self._server = SftpServer(
            self.root,
            passwords={USER: PASSWORD},
            host_key_label=HOST_KEY_LABEL,
            faults=self.faults,
            port=port,
            on_finished=self._finished,
        )

    @property
    def port(self) -> int:
        return self._server.port

    @property
    def host_key(self) -> str:
        """The line that a client pins."""
        return self._server.host_key

    def start(self) -> None:
        self._server.start()

    def stop(self) -> None:
        self._server.stop()
        with self._lock:
            timers, self._timers = self._timers, []
        for timer in timers:
            timer.cancel()
            timer.join()

    def disconnect(self) -> None:
        """Cut every open connection."""
        self._server.disconnect()

    def addresses(self) -> Mapping[str, str]:
        return {"sftp": f"sftp://127.0.0.1:{self.port}"}

    def secrets(self) -> Mapping[str, str]:
        return {"provider-password": PASSWORD}

    def mend(self) -> list[str]:
        """Nothing is seeded wrong here."""
        return []

    def sleep(self) -> None:
        """Stop picking up: what is put into the outbox waits there."""
        with self._lock:
            self._asleep = True

    def wake(self) -> None:
        """Pick up what waits in the outbox, and go on."""
        with self._lock:
            self._asleep = False
            for manifest in sorted((self.root / "outbox").glob("*.json")):
                self._finished(f"/outbox/{manifest.name}")

    def holdings(self) -> Mapping[str, object]:
        """Documents by receiver, refusals, and message ids that were put there again."""
        with self._lock:
            receivers: dict[str, list[dict[str, object]]] = {}
            for delivery in self._deliveries:
                receivers.setdefault(delivery.receiver, []).append(delivery.described())
            return {
                "delivered": len(self._deliveries),
                "receivers": {
                    receiver: {"count": len(documents), "documents": documents}
                    for receiver, documents in sorted(receivers.items())
                },
                "rejected": [
                    receipt for receipt in self._receipts.values() if receipt["state"] == "rejected"
                ],
                "repeated": list(self._repeated),
            }

    def _finished(self, path: str) -> None:
        folder, _, name = path.rpartition("/")
        message_id = name.removesuffix(".json")
        if folder != "/outbox" or name == message_id or not _MESSAGE_ID.fullmatch(message_id):
            return
        with self._lock:
            if not self._asleep:
                self._pick_up(message_id)

    def _pick_up(self, message_id: str) -> None:
        manifest = self._take(f"{message_id}.json")
        document = self._take(f"{message_id}.xml")
        first = self._receipts.get(message_id)
        if first is not None:
            self._repeated.append(message_id)
            self._answer(first)
            return
        reason = None
        receiver = ""
        try:
            facts = _manifest(manifest)
            receiver = str(facts.get("receiver", ""))
            self._deliver(message_id, facts, document)
        except _Refused as refusal:
            reason = {"code": refusal.code, "text": str(refusal)}
        receipt: dict[str, object] = {
            "message_id": message_id,
            "instance_id": _instance_id(message_id),
            "state": "delivered" if reason is None else "rejected",
            "time": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
            "sha256": hashlib.sha256(document or b"").hexdigest(),
            "receiver": receiver,
        }
        if reason is not None:
            receipt["reason"] = reason
        self._receipts[message_id] = receipt
        self._answer(receipt)

    def _take(self, name: str) -> bytes | None:
        """Move one file out of the outbox; None if it is not there."""
        waiting = self.root / "outbox" / name
        if not waiting.exists():
            return None
        target = self.root / "taken" / name
        number = 1
        while target.exists():
            number += 1
            target = self.root / "taken" / f"{waiting.stem}.{number}{waiting.suffix}"
        waiting.rename(target)
        return target.read_bytes()

    def _deliver(self, message_id: str, facts: Mapping[str, Any], document: bytes | None) -> None:
        if document is None or facts.get("file") != f"{message_id}.xml":
            raise _Refused("DOCUMENT_MISSING", "the file named in the manifest is not there")
        if facts.get("message_id") != message_id:
            raise _Refused("MANIFEST_INVALID", "message_id differs from the file name")
        if facts.get("sha256") != hashlib.sha256(document).hexdigest() or facts.get("size") != len(document):
            raise _Refused("DIGEST_MISMATCH", "the document is not the one described in the manifest")
        for role in ("sender", "receiver"):
            participant = str(facts.get(role, "")).lower()
            if not any(pattern.fullmatch(participant) for pattern in _PARTICIPANTS):
                raise _Refused(f"{role.upper()}_INVALID", f"the {role} is not a participant identifier")
        document_type, process, number = _identified(document)
        if (facts.get("document_type"), facts.get("process")) != (document_type, process):
            raise _Refused("DOCUMENT_TYPE_MISMATCH", "the document is of another type or process")
        receiver = str(facts["receiver"]).lower()
        if receiver in self._unregistered:
            raise _Refused("SMP_LOOKUP_FAILED", "the receiver is not registered in the network")
        if self.faults.take(f"deliver {receiver}", "rejected"):
            raise _Refused("RECEIVER_REFUSED", "the receiver's access point refused the document")
        self._deliveries.append(_Delivery(message_id, receiver, number, document_type, document))

    def _answer(self, receipt: Mapping[str, object]) -> None:
        message_id = str(receipt["message_id"])
        place = f"receipt {message_id}"
        if self.faults.take(place, "lost-receipt"):
            return
        content = json.dumps(receipt, indent=1).encode()
        if self.faults.take(place, "truncated"):
            content = content[: len(content) // 2]
        names = [f"{message_id}.json"]
        if self.faults.take(place, "duplicate"):
            names.append(f"{message_id}.2.json")
        for name in names:
            if self.receipt_delay <= 0:
                self._write_receipt(name, content)
            else:
                timer = threading.Timer(self.receipt_delay, self._write_receipt, (name, content))
                self._timers.append(timer)
                timer.start()

    def _write_receipt(self, name: str, content: bytes) -> None:
        temporary = self.root / f"{uuid.uuid4().hex}.part"
        temporary.write_bytes(content)
        temporary.replace(self.root / "receipts" / name)


def _instance_id(message_id: str) -> str:
    """The SBDH instance identifier, the same for every attempt at one message."""
    return str(uuid.uuid5(uuid.UUID(message_id), "sandbox provider"))


def _manifest(content: bytes | None) -> Mapping[str, Any]:
    try:
        facts = json.loads(content or b"")
    except (ValueError, RecursionError) as error:
        raise _Refused("MANIFEST_INVALID", "the manifest is not JSON") from error
    if not isinstance(facts, dict):
        raise _Refused("MANIFEST_INVALID", "the manifest is not a JSON object")
    return facts


def _identified(document: bytes) -> tuple[str, str, str]:
    """Document type, process and invoice number as the document itself says them."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        root = etree.fromstring(document, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise _Refused("DOCUMENT_INVALID", "the document is not well-formed XML") from error
    name = etree.QName(root)
    version = _NAMES.get(name.namespace or "")
    if version is None:
        raise _Refused("DOCUMENT_TYPE_NOT_SUPPORTED", "neither a UBL nor a CII invoice")
    if name.localname == "CrossIndustryInvoice":
        customization = _first(root, "GuidelineSpecifiedDocumentContextParameter", "ID")
        process = _first(root, "BusinessProcessSpecifiedDocumentContextParameter", "ID")
        number = _first(root, "ExchangedDocument", "ID")
    else:
        customization, process, number = (
            _first(root, step) for step in ("CustomizationID", "ProfileID", "ID")
        )
    return f"{name.namespace}::{name.localname}##{customization}::{version}", process, number


def _first(root: etree._Element, *steps: str) -> str:
    """The text of the first element found along these local names, the first of them anywhere below the
    root."""
    found: etree._Element | None = root
    for number, step in enumerate(steps):
        if found is None:
            return ""
        found = next(found.iter(f"{{*}}{step}") if number == 0 and len(steps) > 1 else
                     found.iterchildren(f"{{*}}{step}"), None)  # fmt: skip
    return (found.text or "").strip() if found is not None else ""

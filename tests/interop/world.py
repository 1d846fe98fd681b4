"""A gateway with its real endpoint, and beside it an access point on phase4, in one imitated network."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Iterator, MutableMapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from connectors.channels.peppol.as4 import As4Client, Outcome, OutgoingMessage, PreparedMessage, prepare
from connectors.channels.peppol.channel import Peppol
from connectors.channels.peppol.pki.keys import AccessPointKey
from connectors.channels.peppol.pki.trust import Role
from connectors.sandbox.peppol.desk import PeppolDesk
from connectors.sandbox.peppol.pki import Pki
from formats.envelopes import sbdh
from formats.identifiers import DocumentTypeId, ParticipantId, ProcessId
from gateway import logs
from gateway.peppol import access_points
from gateway.store import documents, inbox
from gateway.store.inbox import Item
from gateway.web.app import create_app
from gateway.web.server import WebServer
from gateway.wiring import Gateway
from tests.gateway.offline import offline_world

__all__ = [
    "DOCUMENT_TYPE",
    "OURS",
    "PROCESS",
    "THEIRS",
    "Site",
    "invoice",
    "new_id",
    "open_site",
    "order",
    "wrapped",
]

OURS = "0208:1999307184"
THEIRS = "0088:7300010000001"
DOCUMENT_TYPE = (
    "urn:oasis:names:specification:ubl:schema:xsd:Invoice-2::Invoice##urn:cen.eu:en16931:2017#compliant#"
    "urn:fdc:peppol.eu:2017:poacc:billing:3.0::2.1"
)
PROCESS = "urn:fdc:peppol.eu:2017:poacc:billing:01:1.0"
UBL = "urn:oasis:names:specification:ubl:schema:xsd:"


@dataclass(slots=True)
class Site:
    """The gateway under test as access point POP000001. `headers` are those of the requests that it got."""

    gateway: Gateway
    pki: Pki
    folder: Path
    client: As4Client
    url: str = ""
    headers: list[dict[str, str]] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def channel(self) -> Peppol:
        (found,) = access_points.all_of(self.gateway)
        return found

    @property
    def key(self) -> AccessPointKey:
        return self.channel.network.keys.signing(datetime.now(UTC))

    def identity(self, label: str) -> AccessPointKey:
        """Somebody else of the imitated network, to pretend to be."""
        leaf = self.pki.leaf(label)
        return AccessPointKey(leaf.certificate, leaf.private_key)

    def message(self, payload: bytes | Path, message_id: str = "") -> OutgoingMessage:
        """A message to the other side; its id is new where none is given."""
        return OutgoingMessage(
            message_id or f"{uuid.uuid4()}@as4.brightwater.example",
            str(uuid.uuid4()),
            datetime.now(UTC),
            OURS,
            THEIRS,
            DOCUMENT_TYPE,
            PROCESS,
            payload,
        )

    def prepare(
        self, payload: bytes | Path, message_id: str = "", *, receiver: str = "ap2", sender: str = ""
    ) -> PreparedMessage:
        """A message as we would send it; `receiver` and `sender` are other certificates than the right
        ones."""
        return prepare(
            self.message(payload, message_id),
            receiver=self.pki.leaf(receiver).certificate,
            key=self.identity(sender) if sender else self.key,
            folder=self.folder,
        )

    def send(self, message: PreparedMessage, url: str) -> Outcome:
        with message:
            return self.client.send(message, url)

    def certificate(self, label: str = "gateway") -> str:
        """A file with a certificate, as the other side would find it in the service metadata."""
        file = self.folder / f"{label}.pem"
        file.write_text(self.pki.leaf(label).pem)
        return str(file)

    def file(self, content: bytes) -> str:
        file = self.folder / f"payload-{next(self._numbers)}.xml"
        file.write_bytes(content)
        return str(file)

    def items(self) -> tuple[Item, ...]:
        """What is in the inbox."""
        with self.gateway.database.read() as connection:
            return inbox.listing(connection)

    def document(self, message_id: str) -> bytes:
        """The business document of a message that we took."""
        (found,) = (item for item in self.items() if item.message_id == message_id)
        with self.gateway.database.read() as connection:
            return documents.get(connection, found.document_digest).content


def invoice(size: int = 10_000, note: str = "", number: str = "IN-1") -> bytes:
    """A document of about that many bytes, with an attachment that makes up its size.

    It is an invoice by its root element only: the transport does not look into it.
    """
    noise = "".join(uuid.uuid5(uuid.NAMESPACE_URL, str(part)).hex for part in range(2_000))
    filling = (noise * (size // len(noise) + 1))[: max(size - 700, 0)]
    return (
        f'<Invoice xmlns="{UBL}Invoice-2" xmlns:cac="{UBL}CommonAggregateComponents-2"'
        f' xmlns:cbc="{UBL}CommonBasicComponents-2"><cbc:ID>{number}</cbc:ID><cbc:Note>{note}</cbc:Note>'
        "<cac:AdditionalDocumentReference><cbc:ID>1</cbc:ID><cac:Attachment>"
        f'<cbc:EmbeddedDocumentBinaryObject mimeCode="application/pdf" filename="a.pdf">{filling}'
        "</cbc:EmbeddedDocumentBinaryObject></cac:Attachment></cac:AdditionalDocumentReference></Invoice>"
    ).encode()


def wrapped(document: bytes, **changed: Any) -> bytes:
    """The document in its envelope, from us to the other side."""
    values: dict[str, Any] = {
        "sender": ParticipantId.of(OURS),
        "receiver": ParticipantId.of(THEIRS),
        "document_type": DocumentTypeId.of(DOCUMENT_TYPE),
        "process": ProcessId.of(PROCESS),
        "instance_id": str(uuid.uuid4()),
        "created_at": datetime.now(UTC),
        "country_c1": "BE",
    }
    return sbdh.write(sbdh.Header(**(values | changed)), document)


class _Noted:
    """Keeps the headers of all requests."""

    def __init__(self, app: Any, *, into: list[dict[str, str]]) -> None:
        self._app = app
        self._into = into

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            self._into.append({key.decode(): value.decode() for key, value in scope["headers"]})
        await self._app(scope, receive, send)


def new_id() -> str:
    """A message id of the other side."""
    return f"{uuid.uuid4()}@phase4.example"


def order(site: Site, document: bytes, **more: Any) -> dict[str, Any]:
    """What the other side is told so that it sends this document from its participant to ours."""
    return {
        "url": site.url,
        "certificate": site.certificate(),
        "payload": site.file(document),
        "keys": "ap.p12",
        "seat": "POP000002",
        "sender": THEIRS,
        "receiver": OURS,
        "document_type": f"busdox-docid-qns::{DOCUMENT_TYPE}",
        "process": f"cenbii-procid-ubl::{PROCESS}",
        "country": "SE",
    } | more


@contextmanager
def open_site(folder: Path) -> Iterator[Site]:
    """The gateway, served on a free port."""
    with offline_world(folder, (), also=("peppol",)) as offline:
        network = offline.world.systems["peppol"]
        assert isinstance(network, PeppolDesk)
        gateway = Gateway.open(offline.config, clock=lambda: datetime.now(UTC))
        logs.configure("critical", "text")
        with closing(gateway):
            (channel,) = access_points.all_of(gateway)
            client = As4Client(
                trust=channel.network.trust.checker(Role.ACCESS_POINT), clock=lambda: datetime.now(UTC)
            )
            site = Site(gateway, network.pki, folder, client)
            app = create_app(gateway)
            app.add_middleware(_Noted, into=site.headers)
            server = WebServer(app, "127.0.0.1", 0)
            server.start()
            site.url = f"{server.url}/as4"
            try:
                yield site
            finally:
                server.stop()
                client.close()

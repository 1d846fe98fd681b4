"""Documents larger than what is kept in memory, and larger than the setting: whole, or refused by name."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import pytest
import requests

from connectors.channels.peppol.as4 import (
    As4Client,
    Outcome,
    OutgoingMessage,
    PreparedMessage,
    Verdict,
    prepare,
)
from connectors.channels.peppol.as4.outgoing import read_receipt
from connectors.channels.peppol.pki.keys import AccessPointKey
from connectors.channels.peppol.pki.trust import Role
from formats.envelopes import sbdh
from formats.identifiers import DocumentTypeId, ParticipantId, ProcessId
from gateway.store import documents
from tests.gateway.peppol.conftest import OUR_BUYER, SUPPLIER, Site, opened
from tests.gateway.peppol.test_killed import DOCUMENT_TYPE, PROCESS
from tests.gateway.stories import SharedRules

MEGABYTE = 1024 * 1024
_UBL = "urn:oasis:names:specification:ubl:schema:xsd:"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, shared_rules: SharedRules) -> Iterator[Site]:
    with opened(tmp_path_factory.mktemp("large"), shared_rules, _three_megabytes) as made:
        yield made


def _three_megabytes(config: Path) -> None:
    file = config / "channels" / "peppol.yaml"
    file.write_text(
        file.read_text("utf-8").replace("# largest_megabytes: 100", "largest_megabytes: 3"), "utf-8"
    )


def document(filling: bytes) -> bytes:
    return f'<Invoice xmlns="{_UBL}Invoice-2">'.encode() + filling + b"</Invoice>"


def noise(size: int) -> bytes:
    """Text that packs to half."""
    return hashlib.shake_256(b"noise").hexdigest(size // 2).encode()


def message(site: Site, content: bytes, name: str) -> PreparedMessage:
    """As the other access point sends it."""
    at = datetime.now(UTC)
    header = sbdh.Header(
        sender=ParticipantId.of(SUPPLIER["participant"]),
        receiver=ParticipantId.of(OUR_BUYER["participant"]),
        document_type=DocumentTypeId.of(DOCUMENT_TYPE),
        process=ProcessId.of(PROCESS),
        instance_id=f"instance {name}",
        created_at=at,
        country_c1="BE",
    )
    sent = OutgoingMessage(
        f"{name}@ap2.example",
        "c-1",
        at,
        SUPPLIER["participant"],
        OUR_BUYER["participant"],
        DOCUMENT_TYPE,
        PROCESS,
        sbdh.write_chunks(header, BytesIO(content)),
    )
    ours, theirs = (site.network.pki.leaf(label) for label in ("gateway", "ap2"))
    key = AccessPointKey(theirs.certificate, theirs.private_key)
    return prepare(sent, receiver=ours.certificate, key=key, folder=site.offline.config)


def send(site: Site, content: bytes, name: str) -> Outcome:
    trust = site.channel.network.trust.checker(Role.ACCESS_POINT)
    with (
        closing(As4Client(trust=trust, clock=lambda: datetime.now(UTC))) as client,
        message(site, content, name) as prepared,
    ):
        return client.send(prepared, site.url)


def stored(site: Site, message_id: str) -> bytes:
    (item,) = [one for one in site.items() if one.message_id == message_id]
    with site.gateway.database.read() as connection:
        return b"".join(documents.parts(connection, item.document_digest))


def test_a_document_that_goes_through_files_is_stored_whole(site: Site) -> None:
    content = document(noise(2 * MEGABYTE + 500_000))
    assert send(site, content, "fits").verdict is Verdict.DELIVERED
    assert stored(site, "fits@ap2.example") == content
    assert not list(site.channel.spool.iterdir())


@pytest.mark.parametrize("size", [1_000, 2 * MEGABYTE], ids=["small", "large"])
def test_a_message_that_comes_in_chunks_without_its_length_is_the_same(site: Site, size: int) -> None:
    content, name = document(noise(size)), f"chunked-{size}"
    with message(site, content, name) as prepared:
        headers = {"Content-Type": prepared.content_type}
        answer = requests.post(site.url, data=prepared.chunks(), headers=headers, timeout=120)
        assert answer.request.headers["Transfer-Encoding"] == "chunked"
        trust = site.channel.network.trust.checker(Role.ACCESS_POINT)
        receipt = read_receipt(answer.content, prepared.sent, trust=trust, at=datetime.now(UTC))
    assert receipt.ref_to == f"{name}@ap2.example"
    assert stored(site, receipt.ref_to) == content


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("unpacks-to-more", document(b"x" * 4 * MEGABYTE)),
        ("more-on-the-line", document(noise(24 * MEGABYTE))),
    ],
)
def test_a_document_over_the_setting_is_refused_and_leaves_nothing(
    site: Site, name: str, content: bytes
) -> None:
    outcome = send(site, content, name)
    assert (outcome.status, outcome.verdict) == (413, Verdict.GIVE_UP), outcome
    assert [error.code for error in outcome.errors] == ["EBMS:0004"]
    assert "larger than" in outcome.errors[0].description
    assert f"{name}@ap2.example" not in [one.message_id for one in site.items()]
    assert not list(site.channel.spool.iterdir())

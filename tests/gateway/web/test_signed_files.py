"""The signed e-invoice can be taken along wherever the plain one can, as the very bytes that went out."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import dataclass
from datetime import timedelta

import pytest

from formats.signatures import profiles
from gateway import audit, evidence
from gateway.access.rights import ALL_COMPANIES, RIGHTS, Role
from gateway.pipeline.signing import Seal, keep
from gateway.store import documents, journal, tokens
from gateway.store.submissions import Submission
from tests.formats.signatures.authority import signer
from tests.gateway.portal.shared import at_buyer, invoice, share
from tests.gateway.web.conftest import Web


@dataclass(frozen=True, slots=True)
class Sent:
    """An invoice that went out signed."""

    one: Submission
    content: bytes


def sent(web: Web, profile: str) -> Sent:
    one = at_buyer(web.gateway, invoice(today=web.gateway.clock().date()))
    now = web.gateway.clock()
    with web.gateway.database.begin() as connection:
        plain = documents.get(connection, one.document_digest).content
        signed = profiles.named(profile).sign(plain, signer(), now)
        told = keep(connection, one, Seal(plain, "seal", signed), now=now)
        journal.append(connection, "ready", told, now=now, submission=one.id)
    return Sent(one, signed.content)


KINDS = pytest.mark.parametrize(
    ("profile", "name", "media_type"),
    [
        ("fatturapa-cades", "2026-103977.xml.p7m", "application/pkcs7-mime"),
        ("facturae-3.1", "2026-103977.xsig", "application/xml"),
    ],
)


@KINDS
def test_program_person_and_buyer_get_what_was_sent(
    web: Web, profile: str, name: str, media_type: str
) -> None:
    """Byte for byte, under the name it was sent with, as a file that no browser opens."""
    found = sent(web, profile)
    web.add("marit", {ALL_COMPANIES: Role.VIEWER})
    with web.gateway.database.begin() as connection:
        now = web.gateway.clock()
        rights = {ALL_COMPANIES: RIGHTS[Role.VIEWER]}
        _, token = tokens.make(
            connection, "reader", rights, made_by="it", ends_at=now + timedelta(days=1), now=now
        )
    _, path = share(web.gateway, found.one)
    person = web.headers("marit")
    places = {
        f"/api/v1/invoices/{found.one.id}/files/signed": {"Authorization": f"Bearer {token}"},
        f"/invoices/{found.one.id}/files/signed": person,
        f"{path}/files/signed": {},
    }
    for place, headers in places.items():
        answer = web.client.get(place, headers=headers)
        assert answer.status_code == 200, place
        assert answer.content == found.content, place
        assert answer.headers["content-type"].partition(";")[0] == media_type
        assert answer.headers["content-disposition"] == f'attachment; filename="{name}"'
    for page, headers in ((f"/invoices/{found.one.id}", person), (path, {})):
        assert "Signed e-invoice" in web.client.get(page, headers=headers).text, page


@KINDS
def test_the_evidence_holds_it_and_the_certificate_is_no_missing_document(
    web: Web, profile: str, name: str, media_type: str
) -> None:
    found = sent(web, profile)
    ending = name.rpartition(".")[2].replace("xsig", "xml")
    with web.gateway.database.read() as connection:
        archive = zipfile.ZipFile(io.BytesIO(evidence.archive(connection, found.one.id)))
        report = audit.verify(connection)
    digest = documents.digest_of(found.content)
    assert archive.read(f"documents/{digest}.{ending}") == found.content
    entries = [json.loads(line) for line in archive.read("journal.jsonl").splitlines()]
    told = json.loads([one["data"] for one in entries if one["event"] == "ready"][-1])
    assert (told["signed"], told["key"], told["signature"]) == (digest, "seal", profile)
    assert told["certificate_sha256"] == signer().facts.sha256
    assert not [one for one in report.faults if told["certificate_sha256"] in one]


def test_what_is_not_signed_has_no_signed_file(web: Web) -> None:
    one = at_buyer(web.gateway, invoice(today=web.gateway.clock().date()))
    web.add("marit", {ALL_COMPANIES: Role.VIEWER})
    _, path = share(web.gateway, one)
    for place, headers in ((f"/invoices/{one.id}", web.headers("marit")), (path, {})):
        assert "Signed e-invoice" not in web.client.get(place, headers=headers).text
        assert web.client.get(f"{place}/files/signed", headers=headers).status_code == 404

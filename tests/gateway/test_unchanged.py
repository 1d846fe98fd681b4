"""An e-invoice that is what its route wants already goes out byte for byte; any other is written anew, and
what that leaves out is in the journal."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from formats.errors import MalformedDocument
from formats.profiles.en16931_ubl import PROFILE as EN16931
from formats.profiles.peppol_bis3 import PROFILE as PEPPOL
from formats.signatures import profiles as signatures
from formats.syntaxes import cii, ubl
from gateway.cli.setup import write_config
from gateway.pipeline.check import check
from gateway.pipeline.convert import convert
from gateway.pipeline.submission import State
from gateway.pipeline.unchanged import as_it_came
from gateway.store import documents, journal, submissions
from gateway.store.submissions import Submission
from mappings.as_is import AS_IS
from tests.formats.signatures import authority
from tests.gateway.test_push import Site, running
from tests.strategies import sample_invoice

WRITTEN = ubl.write(PEPPOL.prepare(sample_invoice()))
# Spelled in another way, with something that EN 16931 has no place for.
CAME = WRITTEN.replace(b"<cbc:IssueDate>", b"<!-- ours -->\n  <cbc:UUID>3f1c</cbc:UUID><cbc:IssueDate>", 1)


def test_what_says_the_same_in_the_same_profile_goes_out_as_it_came() -> None:
    assert as_it_came(CAME, PEPPOL, WRITTEN) == CAME


@pytest.mark.parametrize(
    "came",
    [
        CAME.replace(sample_invoice().number.encode(), b"another-number"),  # type: ignore[union-attr]
        ubl.write(EN16931.prepare(sample_invoice())),
        cii.write(sample_invoice()),
        CAME.decode().replace("UTF-8", "ISO-8859-1").encode("iso-8859-1"),
        b"%PDF-1.7 nothing",
        b"",
    ],
    ids=["other values", "other profile", "other vocabulary", "other encoding", "a PDF", "nothing"],
)
def test_anything_else_is_written_anew(came: bytes) -> None:
    assert as_it_came(came, PEPPOL, WRITTEN) is None


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    config = tmp_path / "config"
    write_config(config, 21000)
    with running(config, f"sqlite:///{tmp_path / 'gateway.db'}") as found:
        yield found


def _checked(site: Site, content: bytes) -> Submission:
    [taken] = site.post(content, "ready", Content_Type="application/xml").json()["invoices"]
    with site.gateway.database.read() as connection:
        submission = submissions.get(connection, taken["submission"])
    return check(site.gateway, convert(site.gateway, submission))


def _entries(site: Site, submission: Submission) -> dict[str, dict[str, object]]:
    with site.gateway.database.read() as connection:
        return {
            entry.event: json.loads(entry.data)
            for entry in journal.entries(connection, submission=submission.id)
        }


def test_an_e_invoice_is_sent_byte_for_byte(site: Site) -> None:
    """And the journal says so."""
    submission = _checked(site, WRITTEN.replace(b"<cbc:IssueDate>", b"<!-- ours --><cbc:IssueDate>", 1))
    assert submission.state is State.CHECKED
    with site.gateway.database.read() as connection:
        sent = documents.get(connection, submission.document_digest).content
    assert b"<!-- ours -->" in sent
    entries = _entries(site, submission)
    assert entries["checked"]["as it came"] is True
    assert "left out" not in entries["mapped"]


def test_what_an_e_invoice_says_beyond_the_standard_is_journaled(site: Site) -> None:
    submission = _checked(site, CAME)
    assert _entries(site, submission)["mapped"]["left out"] == ["/Invoice/cbc:UUID"]


def test_what_the_profile_of_the_route_replaces_is_journaled(site: Site) -> None:
    came = replace(sample_invoice(), business_process="urn:example:own-process")
    submission = _checked(site, ubl.write(EN16931.prepare(came)))
    assert "BT-23" in _entries(site, submission)["checked"]["not carried"]  # type: ignore[operator]


def test_an_e_invoice_that_was_altered_after_it_was_signed_goes_nowhere(site: Site) -> None:
    signed = signatures.named("ubl-xades").sign(WRITTEN, authority.signer(), authority.NOW).content
    altered = signed.replace(b">EUR</", b">USD</")
    assert "the signature fails" in site.post(altered, "ready", Content_Type="application/xml").text
    with pytest.raises(MalformedDocument, match="the signature fails"):
        AS_IS["einvoice"].map(altered, 0, {})

"""Signing on the way out: by the key that is named, once, in the journal, and never by half."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from connectors.sandbox.faults import Fault
from formats.finding import CheckRun, Report, RunState
from formats.profiles.profile import Profile
from formats.signatures import profiles
from formats.signatures.cades import Outcome
from formats.signatures.inspection import inspect
from gateway.key_settings import KeySettings
from gateway.keys import FileKeys
from gateway.pipeline.message import message_of
from gateway.pipeline.submission import State, Verdict
from gateway.store import attempts, documents, file_numbers, journal, submissions
from gateway.store.submissions import Submission
from tests.formats.signatures.authority import key_pem, pem, signer, trust
from tests.gateway.stories import SharedRules, Story, billing, tell

MAIL = {"endpoint": "", "email": "einkauf@elbmarsch.example"}


class AllPass(SharedRules):
    """The rules are not what is tried here."""

    def check(self, content: bytes, profile: Profile) -> Report:
        return Report((CheckRun("the rules", "", RunState.PASSED, ""),), ())


@pytest.fixture
def story(tmp_path: Path) -> Iterator[Story]:
    engine = AllPass()
    with tell(tmp_path, engine) as told:
        yield told
        told.assert_sound()
    engine.end()


def by_mail_as(story: Story, profile: str, **settings: object) -> None:
    routes = tuple(
        route.model_copy(update={"profile": profile, "attach_pdf": False})
        if route.channel == "email"
        else route
        for route in story.gateway.settings.routes
    )
    story.gateway.settings = replace(story.gateway.settings, routes=routes, **settings)  # type: ignore[arg-type]


def give_key(story: Story, *profiles: str, company: str = "") -> None:
    folder = story.gateway.settings.folder
    (folder / "secrets" / "seal.pem").write_bytes(pem([signer().certificate, *signer().chain]))
    (folder / "secrets" / "seal.key").write_bytes(key_pem(signer().private_key))
    settings = {
        "name": "seal",
        "certificate": "file:secrets/seal.pem",
        "private_key": "file:secrets/seal.key",
        "signs": [{"profiles": profiles, "companies": [company] if company else []}],
    }
    story.gateway.keys = FileKeys.of([KeySettings.model_validate(settings)], folder)


def sent_files(story: Story) -> dict[str, bytes]:
    with story.gateway.database.read() as connection:
        messages = [
            message_of(connection, one) for one in submissions.listing(connection) if one.document_digest
        ]
    return {file.filename: file.content for message in messages for file in message.files}


def ready(story: Story, invoice: Submission) -> dict[str, object]:
    with story.gateway.database.read() as connection:
        entries = [one for one in journal.entries(connection, submission=invoice.id) if one.event == "ready"]
    data: dict[str, object] = json.loads(entries[-1].data)
    return data


def attached(story: Story) -> list[str]:
    receivers = story.offline.holdings()["mail"]["receivers"].values()
    return sorted(
        file["filename"] for one in receivers for mail in one["messages"] for file in mail["attachments"]
    )


def test_files_are_signed_and_numbered_and_the_journal_says_by_whom(story: Story) -> None:
    by_mail_as(story, "fatturapa-fpr12")
    give_key(story, "fatturapa-fpr12")
    story.put(billing("90000214", customer=MAIL))
    story.rounds()
    story.put(billing("90000215", customer=MAIL))
    story.rounds()
    invoice = story.one("90000214")
    assert invoice.state is State.DELIVERED
    transmitter = attached(story)[0].partition("_")[0]
    assert attached(story) == [f"{transmitter}_00001.xml.p7m", f"{transmitter}_00002.xml.p7m"]
    signed = sent_files(story)[f"{transmitter}_00001.xml.p7m"]
    verified = profiles.named("fatturapa-cades").verify(signed, trust(), story.clock())
    with story.gateway.database.read() as connection:
        judged = documents.get(connection, invoice.document_digest).content
    assert verified.covered == judged
    assert b"<ProgressivoInvio>00001</ProgressivoInvio>" in judged
    told = ready(story, invoice)
    assert told["signed"] == documents.digest_of(signed)
    assert (told["key"], told["signature"]) == ("seal", "fatturapa-cades")
    assert told["certificate_sha256"] == signer().facts.sha256


def test_without_its_key_an_invoice_waits_for_it_and_loses_nothing(story: Story) -> None:
    by_mail_as(story, "facturae")
    story.put(billing("90000214", customer=MAIL))
    story.rounds()
    invoice = story.one("90000214")
    assert (invoice.state, invoice.verdict) == (State.PARKED, Verdict.PRECONDITION)
    assert "must be signed" in invoice.sentence
    assert attached(story) == []
    give_key(story, "facturae", company="vandael")
    story.rounds(hours=2)
    assert story.one("90000214").state is State.PARKED, "the key of another company does not sign"
    give_key(story, "facturae")
    story.rounds(hours=2)
    assert story.one("90000214").state is State.DELIVERED
    assert attached(story) == ["90000214.xsig"]
    (inspected,) = inspect(sent_files(story)["90000214.xsig"], trust(), story.clock())
    assert (inspected.outcome, inspected.kind) == (Outcome.PASSED, "xades-epes")


def test_an_expired_key_stops_before_anything_goes_out(story: Story) -> None:
    by_mail_as(story, "facturae")
    give_key(story, "facturae")
    story.clock.now = signer().facts.valid_to
    story.put(billing("90000214", customer=MAIL))
    story.rounds()
    invoice = story.one("90000214")
    assert (invoice.state, invoice.verdict) == (State.PARKED, Verdict.PRECONDITION)
    assert "it is valid from" in invoice.sentence
    assert attached(story) == []


def test_a_resend_carries_the_very_bytes_even_when_the_key_is_gone(story: Story) -> None:
    by_mail_as(story, "fatturapa-fpr12")
    give_key(story, "fatturapa-fpr12")
    story.mail.faults.arm(Fault("drop-before", "smtp DATA"))
    story.put(billing("90000214", customer=MAIL))
    story.rounds(1)
    invoice, before = story.one("90000214"), sent_files(story)
    assert invoice.state is State.SENDING
    story.gateway.keys = FileKeys.of([], story.gateway.settings.folder)
    story.rounds(3, minutes=30)
    assert story.one("90000214").state is State.DELIVERED
    assert sent_files(story) == before
    assert attached(story) == list(before)
    assert story.events(invoice).count("ready") == 1


def test_a_pdf_is_signed_too_where_a_key_is_named_for_it(story: Story) -> None:
    by_mail_as(story, "facturx-en16931")
    give_key(story, "facturx-en16931")
    story.put(billing("90000214", customer=MAIL))
    story.rounds()
    assert attached(story) == ["90000214.pdf"]
    (inspected,) = inspect(sent_files(story)["90000214.pdf"], trust(), story.clock())
    assert (inspected.outcome, inspected.kind) == (Outcome.PASSED, "pades-b")


def test_numbers_go_on_from_where_another_program_stopped(story: Story) -> None:
    """And each transmitter has its own; an outing that was taken gets another one when it goes out afresh."""
    now = story.clock()
    with story.gateway.database.begin() as connection:
        give = [
            file_numbers.give(connection, one, who, first=first, now=now)
            for one, who, first in (
                *(("a", "IT1", 500), ("a", "IT1", 500), ("b", "IT1", 500), ("c", "IT2", 1)),
                *(("d", "IT1", 900), ("e", "IT1", 1)),
            )
        ]
        assert give == [500, 500, 501, 1, 900, 901]
        attempts.open_next(connection, "a", "email", "m", now=now)
        assert file_numbers.give(connection, "a", "IT1", first=1, now=now) == 500
        attempts.close(connection, "a", attempts.SENT, "", now=now)
        assert file_numbers.give(connection, "a", "IT1", first=1, now=now) == 902
        assert file_numbers.current(connection, "a", "IT1") == 902

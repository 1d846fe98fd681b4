"""The link of an invoice that goes out by e-mail: one for each message, in the buyer's language, counted and
revocable like those that are made by hand."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from connectors.sandbox.faults import Fault
from gateway.pipeline.submission import State
from gateway.portal.links import Links
from gateway.store import journal, portal_links
from gateway.store.portal_links import PortalLink
from gateway.store.submissions import Submission
from gateway.web.app import create_app
from tests.gateway.stories import SharedRules, Story, billing, tell

NUMBER = "90000210"
BASE = "https://invoices.example.com"
ON = {'portal:\n  address: ""': f"portal:\n  address: {BASE}"}


@contextmanager
def told(folder: Path, rules: SharedRules, **settings: str) -> Iterator[Story]:
    with tell(folder, rules, settings={**ON, **settings}) as story:
        yield story
        story.assert_sound()


def mails(story: Story) -> list[EmailMessage]:
    return [message_from_bytes(one.content, EmailMessage, policy=default) for one in story.mail._delivered]


def text(mail: EmailMessage) -> str:
    part = mail.get_body(("plain",))
    assert part is not None
    return str(part.get_content())


def links(story: Story, one: Submission) -> tuple[PortalLink, ...]:
    with story.gateway.database.read() as connection:
        return portal_links.of(connection, one.id)


def entries(story: Story, one: Submission, event: str) -> list[journal.Entry]:
    with story.gateway.database.read() as connection:
        return [entry for entry in journal.entries(connection, submission=one.id) if entry.event == event]


def test_the_mail_names_a_link_that_opens_the_invoice_and_counts_who_looks(
    tmp_path: Path, rules: SharedRules
) -> None:
    with told(tmp_path, rules) as story:
        story.put(billing(NUMBER))
        story.round()
        one = story.one(NUMBER)
        (mail,) = mails(story)
        (link,) = links(story, one)
        (address,) = re.findall(rf"{BASE}(/p/\S+)", text(mail))
        assert BASE + address == Links(story.gateway).address(link)
        assert mail["Subject"].startswith(f"Rechnung {NUMBER} von ")
        assert "fällig am " in text(mail)
        assert "Hier können Sie die Rechnung lesen, eine Frage stellen oder sagen, wann Sie zahlen" in text(
            mail
        )
        assert (link.made_by, link.message_id) == ("gateway", one.message_id)
        (made,) = entries(story, one, "portal link made")
        assert link.id in made.data
        assert address.removeprefix("/p/") not in made.data
        with TestClient(create_app(story.gateway), base_url="https://testserver") as client:
            assert NUMBER in client.get(address).text
            with story.gateway.database.begin() as connection:
                Links(story.gateway).revoke(connection, link, by="marit", now=story.clock())
            assert client.get(address).status_code == 404
        assert len(entries(story, one, "portal opened")) == 1


def test_a_lost_answer_makes_no_second_mail_and_no_second_link(tmp_path: Path, rules: SharedRules) -> None:
    with told(tmp_path, rules) as story:
        story.mail.faults.arm(Fault("drop-after", "smtp DATA"))
        story.put(billing(NUMBER))
        story.rounds(4, minutes=5)
        one = story.one(NUMBER)
        assert one.state is State.DELIVERED
        assert len(mails(story)) == 1
        assert len(links(story, one)) == 1


def test_a_mail_that_did_not_go_out_is_sent_later_with_the_same_link(
    tmp_path: Path, rules: SharedRules
) -> None:
    with told(tmp_path, rules) as story:
        story.mail.faults.arm(Fault("drop-before", "smtp DATA"))
        story.put(billing(NUMBER))
        story.round()
        one = story.one(NUMBER)
        (first,) = links(story, one)
        assert mails(story) == []
        story.rounds(4, minutes=5)
        (mail,) = mails(story)
        assert links(story, one) == (first,)
        assert Links(story.gateway).address(first) in text(mail)


def test_the_language_is_that_of_the_buyers_country(tmp_path: Path, rules: SharedRules) -> None:
    only_french = {"#   mail_languages: {AT: de": "mail_languages: {DE: fr, AT: de"}
    dropped = {", BE: nl, CH: de, DE: de,": ", BE: nl, CH: de,"}
    with told(tmp_path, rules, **only_french, **dropped) as story:
        story.put(billing(NUMBER))
        story.round()
        (mail,) = mails(story)
        assert mail["Subject"].startswith(f"Facture {NUMBER} de ")
        assert "Ici, vous pouvez lire la facture" in text(mail)


def test_a_credit_note_is_called_one(tmp_path: Path, rules: SharedRules) -> None:
    with told(tmp_path, rules) as story:
        story.put(billing("90000301", customer={"endpoint": "", "email": "einkauf@elbmarsch.example"}))
        story.round()
        (mail,) = mails(story)
        assert mail["Subject"].startswith("Gutschrift ")
        assert "Datei ist die Gutschrift;" in text(mail)
        assert "Hier können Sie die Gutschrift lesen und eine Frage stellen;" in text(mail)


@pytest.mark.parametrize(
    "settings",
    [{f"address: {BASE}": 'address: ""'}, {"in_mails: true": "in_mails: false"}],
    ids=["no address", "switched off"],
)
def test_without_a_portal_for_buyers_no_link_is_made(
    tmp_path: Path, rules: SharedRules, settings: dict[str, str]
) -> None:
    with told(tmp_path, rules, **settings) as story:
        story.put(billing(NUMBER))
        story.round()
        (mail,) = mails(story)
        assert "/p/" not in text(mail)
        assert links(story, story.one(NUMBER)) == ()

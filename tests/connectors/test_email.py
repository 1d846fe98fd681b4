"""The e-mail channel against a real SMTP and IMAP server on loopback."""

from __future__ import annotations

import email
import email.policy
import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from connectors.base import Attachment, Channel, DeliveryState, OutboundMessage, Receipt, Surroundings
from connectors.channels.delivery_notice import read_notice
from connectors.channels.email import Email, EmailSettings
from connectors.channels.mail_message import compose, mailbox_address
from connectors.sandbox.faults import Fault
from connectors.sandbox.mail import ARCHIVE, INBOX, ImitatedMail
from formats.errors import (
    ConfigError,
    DocumentError,
    MalformedDocument,
    RemoteRefused,
    RemoteUnavailable,
    RemoteUnexpected,
    RouteError,
)

SENDER = "invoices@seller.example"
INVOICE = b"<Invoice>\xc3\xa9</Invoice>\n"


@dataclass
class Cell:
    value: str = ""

    def save(self, value: str) -> None:
        self.value = value


@dataclass
class World:
    """A mail server, a clock that stands still until told, and cells that last."""

    mail: ImitatedMail
    now: datetime = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
    cells: dict[str, Cell] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)
    secrets: dict[str, str] = field(default_factory=dict)

    @contextmanager
    def locked(self, name: str) -> Iterator[Cell]:
        with self.lock:
            yield self.cells.setdefault(name, Cell())

    def secret(self, reference: str) -> str:
        return self.secrets[reference.removeprefix("file:secrets/")]

    def settings(self, **changes: Any) -> EmailSettings:
        server = {
            "host": "127.0.0.1",
            "security": "starttls",
            "authority": "file:secrets/mail-authority.pem",
            "username": "gateway",
            "password": "file:secrets/mail-password",
            "timeout_seconds": 5,
        }
        imap = {**server, "port": self.mail.imap_port, "archive_folder": ARCHIVE, **changes.pop("imap", {})}
        smtp = {**server, "port": self.mail.smtp_port, **changes.pop("smtp", {})}
        return EmailSettings.model_validate({"sender": SENDER, "smtp": smtp, "imap": imap, **changes})

    def channel(self, **changes: Any) -> Email:
        return Email(
            "email", self.settings(**changes), Surroundings(self.secret, lambda: self.now, self.locked)
        )

    def arrived(self) -> int:
        count = self.mail.holdings()["delivered"]
        assert isinstance(count, int)
        return count


@pytest.fixture
def world() -> Iterator[World]:
    mail = ImitatedMail(0)
    mail.start()
    yield World(mail, secrets=dict(mail.secrets()))
    mail.stop()


def message(mailbox: str = "ap@buyer.example", *, number: int = 1, **changes: Any) -> OutboundMessage:
    pdf = Attachment(f"invoice-{number}.pdf", "application/pdf", b"%PDF-1.7 invented")
    plain = OutboundMessage(
        message_id=f"0b8e7a52-6c9d-4e1f-8a3b-{number:012d}",
        number=f"R-{number}",
        digest=hashlib.sha256(INVOICE).hexdigest(),
        files=(Attachment(f"invoice-{number}.xml", "application/xml", INVOICE), pdf),
        seller="Muster Söhne GmbH",
        buyer="Voorbeeld B.V.",
        mailbox=mailbox,
    )
    return replace(plain, **changes)


def test_it_is_a_channel(world: World) -> None:
    channel: Channel = world.channel()
    assert channel.name == "email"
    channel.close()


def test_invoice_and_pdf_arrive_byte_for_byte(world: World) -> None:
    """What the buyer gets is what was handed over, under our message id."""
    receipt = world.channel().send(message(body="Grüße"))
    assert (receipt.state, receipt.at) == (DeliveryState.ACCEPTED_FOR_TRANSPORT, world.now)
    assert receipt.evidence.startswith(b"250 ")
    [content] = world.mail.store.contents(ARCHIVE)
    mail = email.message_from_bytes(content, policy=email.policy.default)
    parts = {part.get_filename(): part.get_payload(decode=True) for part in mail.iter_attachments()}
    assert parts == {"invoice-1.xml": INVOICE, "invoice-1.pdf": b"%PDF-1.7 invented"}
    assert mail["Message-ID"] == f"<{message().message_id}@seller.example>"
    assert mail["Subject"] == "Invoice R-1 from Muster Söhne GmbH"
    assert mail["Date"].datetime == world.now
    body = mail.get_body()
    assert body is not None
    assert body.get_content().strip() == "Grüße"


def test_a_link_is_in_the_text_and_in_nothing_that_is_logged(world: World) -> None:
    """Also where no text was given; no message shown as a value shows what opens it."""
    address = "https://invoices.example.com/p/" + "x" * 65
    for told in (message(link=address), message(number=2, link=address, body=f"Look here:\n{address}\n")):
        world.channel().send(told)
        assert address not in repr(told)
    for content in world.mail.store.contents(ARCHIVE):
        body = email.message_from_bytes(content, policy=email.policy.default).get_body()
        assert body is not None
        assert body.get_content().count(address) == 1


def test_the_same_message_gives_the_same_bytes() -> None:
    at = datetime(2026, 11, 22, tzinfo=UTC)
    one, two = (compose(message(), sender=SENDER, at=at, largest=1_000_000) for _ in range(2))
    assert one.content == two.content


def test_a_notification_makes_it_delivered_and_is_settled_once(world: World) -> None:
    channel = world.channel()
    channel.send(message())
    [receipt] = channel.receipts()
    assert (receipt.message_id, receipt.state) == (message().message_id, DeliveryState.DELIVERED)
    assert b"Action: delivered" in receipt.evidence
    assert receipt.at.tzinfo is UTC
    # Asked again, it is still there; only settling ends it.
    assert [again.handle for again in channel.receipts()] == [receipt.handle]
    channel.settle(receipt)
    channel.settle(receipt)
    assert list(channel.receipts()) == []
    assert len(world.mail.store.contents("Processed")) == 1


@pytest.mark.parametrize(
    ("mailbox", "state", "unreachable", "words"),
    [
        ("nobody@buyer.example", DeliveryState.REJECTED, True, "5.1.1 550 5.1.1 no such user"),
        ("ap@nowhere.example", DeliveryState.REJECTED, True, "no mail server"),
        ("full@buyer.example", DeliveryState.REJECTED, False, "mailbox full"),
        ("late@buyer.example", DeliveryState.ACCEPTED_FOR_TRANSPORT, False, "delayed"),
        ("relayed@buyer.example", DeliveryState.DELIVERED, False, "relayed"),
    ],
)
def test_what_notifications_mean(
    world: World, mailbox: str, state: DeliveryState, unreachable: bool, words: str
) -> None:
    channel = world.channel()
    channel.send(message(mailbox))
    [receipt] = channel.receipts()
    assert (receipt.state, receipt.unreachable) == (state, unreachable)
    assert words in receipt.text


def test_relayed_can_be_kept_as_sent(world: World) -> None:
    channel = world.channel(relayed_is_delivered=False)
    channel.send(message("relayed@buyer.example"))
    assert [receipt.state for receipt in channel.receipts()] == [DeliveryState.ACCEPTED_FOR_TRANSPORT]


def test_the_relay_alone_may_count_as_delivered(world: World) -> None:
    """Where no mailbox is read, the company can decide that its own mail server's word is enough."""
    channel = world.channel(delivered_when="relay")
    assert channel.send(message()).state is DeliveryState.DELIVERED
    with pytest.raises(ValidationError, match="delivered_when: relay"):
        world.settings().model_validate({"sender": SENDER, "smtp": {"host": "mail.example"}})


def test_an_answer_lost_after_the_content_is_uncertain_and_found_once(world: World) -> None:
    """Exactly once: the mail was taken, the answer never came, the archive tells, nothing is sent again."""
    channel = world.channel()
    world.mail.faults.arm(Fault("drop-after", "smtp DATA"))
    with pytest.raises(RemoteUnavailable) as caught:
        channel.send(message())
    assert caught.value.uncertain
    found = channel.find(message())
    assert found is not None
    assert (found.state, world.arrived()) == (DeliveryState.ACCEPTED_FOR_TRANSPORT, 1)
    assert message().message_id.encode() in found.evidence
    [receipt] = channel.receipts()
    assert receipt.state is DeliveryState.DELIVERED


def test_a_connection_lost_with_nothing_taken_is_sent_after_the_archive_had_its_time(world: World) -> None:
    channel = world.channel(imap={"archive_delay_seconds": 60})
    world.mail.faults.arm(Fault("drop-before", "smtp DATA"))
    with pytest.raises(RemoteUnavailable) as caught:
        channel.send(message())
    assert caught.value.uncertain
    with pytest.raises(RemoteUnavailable) as waiting:
        channel.find(message())
    assert waiting.value.retry_at == world.now + timedelta(seconds=60)
    world.now += timedelta(seconds=60)
    assert channel.find(message()) is None
    channel.send(message())
    assert world.arrived() == 1


def test_a_copy_that_comes_late_is_waited_for() -> None:
    """Between the mail server's word and the archive's copy nobody may conclude that nothing was sent."""
    mail = ImitatedMail(0, archive_delay=3600)
    mail.start()
    try:
        world = World(mail, secrets=dict(mail.secrets()))
        world.channel().send(message())
        # Another process, the same database.
        with pytest.raises(RemoteUnavailable) as caught:
            world.channel().find(message())
        assert caught.value.uncertain
    finally:
        mail.stop()


def test_attempts_are_forgotten_when_the_archive_had_its_time(world: World) -> None:
    channel = world.channel()
    channel.send(message())
    world.now += timedelta(hours=1)
    channel.send(message(number=2))
    assert message().message_id not in world.cells["attempts"].value
    assert message(number=2).message_id in world.cells["attempts"].value


def test_a_message_never_attempted_is_not_found(world: World) -> None:
    channel = world.channel()
    channel.send(message())
    assert channel.find(message(number=2)) is None


def test_without_an_archive_a_person_decides(world: World) -> None:
    channel = world.channel(imap={"archive_folder": None})
    with pytest.raises(RemoteUnexpected) as caught:
        channel.find(message())
    assert "confirm" in caught.value.fix
    assert "resend" in caught.value.fix
    assert message().message_id in caught.value.fix


def test_a_lost_notification_leaves_it_sent(world: World) -> None:
    channel = world.channel()
    world.mail.faults.arm(Fault("lost-receipt"))
    assert channel.send(message()).state is DeliveryState.ACCEPTED_FOR_TRANSPORT
    assert list(channel.receipts()) == []
    assert world.arrived() == 1


def test_a_refusal_by_the_receiver_is_rejected_and_not_unreachable(world: World) -> None:
    channel = world.channel()
    world.mail.faults.arm(Fault("rejected"))
    channel.send(message())
    [receipt] = channel.receipts()
    assert (receipt.state, receipt.unreachable, world.arrived()) == (DeliveryState.REJECTED, False, 0)


def test_a_notification_given_twice_is_news_twice(world: World) -> None:
    """The pipeline sees the same message id twice; both can be settled."""
    channel = world.channel()
    world.mail.faults.arm(Fault("duplicate"))
    channel.send(message())
    receipts = list(channel.receipts())
    assert [receipt.message_id for receipt in receipts] == [message().message_id] * 2
    for receipt in receipts:
        channel.settle(receipt)
    assert list(channel.receipts()) == []


def test_a_damaged_notification_does_not_hold_up_the_others(world: World) -> None:
    channel = world.channel()
    world.mail.faults.arm(Fault("truncated", "dsn"))
    channel.send(message(number=1))
    channel.send(message(number=2))
    good: list[Receipt] = []
    with pytest.raises(RemoteUnexpected) as caught:
        good.extend(channel.receipts())
    assert [receipt.message_id for receipt in good] == [message(number=2).message_id]
    assert b"Reporting-MTA" in caught.value.evidence
    # The damaged one is left where a person finds it.
    channel.settle(good[0])
    assert len(world.mail.store.contents(INBOX)) == 1


def test_an_oversized_notification_is_left_for_a_person(world: World) -> None:
    channel = world.channel(imap={"largest_notification_bytes": 10_000})
    head = b"Content-Type: multipart/report; report-type=delivery-status\r\n\r\n"
    world.mail.store.add(INBOX, head + b"x" * 20_000)
    with pytest.raises(RemoteUnexpected, match="10000 are allowed"):
        list(channel.receipts())


def test_notifications_of_others_and_other_mail_are_left_alone(world: World) -> None:
    channel = world.channel(imap={"most_notifications": 1})
    world.mail.store.add(INBOX, b"From: ap@buyer.example\r\nSubject: a question\r\n\r\nhello\r\n")
    foreign = (
        b"Content-Type: multipart/report; report-type=delivery-status; boundary=x\r\n\r\n--x\r\n"
        b"Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; a.example\r\n\r\n"
        b"Final-Recipient: rfc822; someone@b.example\r\nAction: failed\r\nStatus: 5.0.0\r\n\r\n--x--\r\n"
    )
    world.mail.store.add(INBOX, foreign)
    channel.send(message())
    assert [receipt.message_id for receipt in channel.receipts()] == [message().message_id]
    assert [receipt.message_id for receipt in channel.receipts()] == [message().message_id]
    assert len(world.mail.store.contents(INBOX)) == 3


@pytest.mark.parametrize("mailbox", ["ap@refused.example", "no address", "", "a@b.example, c@d.example"])
def test_a_receiver_that_cannot_be_reached_is_a_route_error(world: World, mailbox: str) -> None:
    with pytest.raises(RouteError):
        world.channel().send(message(mailbox))
    assert world.arrived() == 0


@pytest.mark.parametrize(
    "fault",
    [
        Fault("full", "smtp RCPT"),
        Fault("full", "smtp DATA"),
        Fault("server-error", "smtp DATA"),
        Fault("unavailable", "smtp EHLO"),
        Fault("unavailable", "smtp DATA"),
        Fault("drop-before", "smtp EHLO"),
    ],
    ids=lambda fault: f"{fault.kind} {fault.where}",
)
def test_temporary_trouble_is_retried_and_certain(world: World, fault: Fault) -> None:
    channel = world.channel()
    world.mail.faults.arm(fault)
    with pytest.raises(RemoteUnavailable) as caught:
        channel.send(message())
    assert not caught.value.uncertain
    assert world.mail.store.contents(ARCHIVE) == []
    channel.send(message())
    assert world.arrived() == 1


def test_a_full_receiver_is_retried(world: World) -> None:
    with pytest.raises(RemoteUnavailable, match=r"452 4\.2\.2"):
        world.channel().send(message("ap@full.example"))


def test_a_slow_mail_server_is_uncertain_not_silent(world: World) -> None:
    channel = world.channel(smtp={"timeout_seconds": 0.2})
    world.mail.faults.arm(Fault("slow", "smtp DATA", seconds=0.5))
    with pytest.raises(RemoteUnavailable) as caught:
        channel.send(message())
    assert caught.value.uncertain


def test_a_mail_server_that_is_not_there_is_unavailable(world: World) -> None:
    channel = world.channel()
    world.mail.stop()
    with pytest.raises(RemoteUnavailable) as caught:
        channel.send(message())
    assert not caught.value.uncertain
    with pytest.raises(RemoteUnavailable):
        list(channel.receipts())


def test_a_wrong_login_is_refused_without_showing_the_password(world: World) -> None:
    world.secrets["mail-password"] = "guess-what"
    for attempt in (lambda: world.channel().send(message()), lambda: list(world.channel().receipts())):
        with pytest.raises(RemoteRefused, match="refused the login of gateway") as caught:
            attempt()
        assert "guess-what" not in str(caught.value)


def test_a_login_that_mail_cannot_carry_is_a_config_error(world: World) -> None:
    world.secrets["mail-password"] = "two\r\nlines"
    for attempt in (lambda: world.channel().send(message()), lambda: list(world.channel().receipts())):
        with pytest.raises(ConfigError, match="line breaks"):
            attempt()


def test_a_certificate_of_an_unknown_authority_is_refused(world: World) -> None:
    channel = world.channel(smtp={"authority": None}, imap={"authority": None})
    with pytest.raises(RemoteRefused, match="certificate"):
        channel.send(message())
    with pytest.raises(RemoteRefused, match="certificate"):
        list(channel.receipts())
    assert world.mail.store.contents(ARCHIVE) == []


def test_plain_connections_stay_on_this_machine(world: World) -> None:
    with pytest.raises(ValidationError, match="plain is allowed on"):
        world.settings(smtp={"host": "mail.example", "security": "plain"})


def test_plain_on_this_machine_works() -> None:
    mail = ImitatedMail(0, security="plain")
    mail.start()
    try:
        world = World(mail, secrets=dict(mail.secrets()))
        channel = world.channel(smtp={"security": "plain"}, imap={"security": "plain"})
        channel.send(message())
        assert [receipt.state for receipt in channel.receipts()] == [DeliveryState.DELIVERED]
        refused = world.channel()
        with pytest.raises(RemoteRefused, match="no encryption"):
            refused.send(message(number=2))
        with pytest.raises(RemoteRefused, match="no encryption"):
            list(refused.receipts())
    finally:
        mail.stop()


def test_encryption_from_the_start_works() -> None:
    mail = ImitatedMail(0, security="tls")
    mail.start()
    try:
        world = World(mail, secrets=dict(mail.secrets()))
        channel = world.channel(smtp={"security": "tls"}, imap={"security": "tls"})
        channel.send(message())
        assert [receipt.state for receipt in channel.receipts()] == [DeliveryState.DELIVERED]
        stranger = world.channel(
            smtp={"security": "tls", "authority": None}, imap={"security": "tls", "authority": None}
        )
        with pytest.raises(RemoteRefused, match="certificate"):
            stranger.send(message(number=2))
        with pytest.raises(RemoteRefused, match="certificate"):
            list(stranger.receipts())
    finally:
        mail.stop()


@pytest.mark.parametrize(("extensions", "left"), [((), 2), (("UIDPLUS",), 1)], ids=["bare", "uidplus"])
def test_settling_on_older_mailboxes_removes_only_what_was_settled(
    extensions: tuple[str, ...], left: int
) -> None:
    """Without UIDPLUS, removing would also take what other people have marked, so ours is marked only."""
    mail = ImitatedMail(0, imap_extensions=extensions)
    mail.start()
    try:
        world = World(mail, secrets=dict(mail.secrets()))
        channel = world.channel()
        mail.store.add(INBOX, b"Subject: of somebody else\r\n\r\n")
        channel.send(message())
        [receipt] = channel.receipts()
        channel.settle(receipt)
        assert list(channel.receipts()) == []
        assert len(mail.store.contents(INBOX)) == left
        assert len(mail.store.contents("Processed")) == 1
    finally:
        mail.stop()


@pytest.mark.parametrize(
    "changes",
    [
        {"subject": "Invoice\r\nBcc: everyone@elsewhere.example"},
        {"subject": "", "seller": "Muster\nX-Other: 1"},
        {"seller": "Muster\x00"},
        {"files": (Attachment("../invoice.xml", "application/xml", INVOICE),)},
        {"files": (Attachment("in\r\nvoice.xml", "application/xml", INVOICE),)},
        {"files": (Attachment("invoice.xml", "application/xml\r\nX-Other: 1", INVOICE),)},
    ],
)
def test_headers_cannot_be_forged(world: World, changes: dict[str, Any]) -> None:
    with pytest.raises(DocumentError):
        world.channel().send(message(**changes))
    assert world.mail.store.contents(ARCHIVE) == []


@pytest.mark.parametrize(
    "mailbox",
    [
        "=?utf-8?q?x?=@b.example",
        "=?utf-8?b?eA==?=@b.example",
        "=?utf-8?b?!!?=@b.example",
        "=?a?q?=41?=@b.example",
    ],
)
def test_a_mailbox_that_mail_programs_would_decode_is_a_route_error(mailbox: str) -> None:
    """The library refuses it as a broken header; the clerk hears of the address."""
    with pytest.raises(RouteError) as caught:
        compose(message(mailbox), sender=SENDER, at=datetime(2026, 11, 22, tzinfo=UTC), largest=100_000)
    assert "customer" in caught.value.fix


@pytest.mark.parametrize(
    "changes",
    [
        {"subject": "\ud800"},
        {"seller": "\ud800"},
        {"body": "\ud800"},
        {"subject": "=?utf-8?b?YQ?="},
        {"seller": "=?utf-8?q?x=0aBcc:?= GmbH"},
        {"subject": "Invoice =?utf-8?b?!?="},
        {"message_id": "<>"},
    ],
    ids=["subject", "name", "body", "encoded subject", "encoded name", "broken encoded word", "message id"],
)
def test_any_other_header_that_cannot_be_written_is_a_document_error(changes: dict[str, Any]) -> None:
    with pytest.raises(DocumentError) as caught:
        compose(message(**changes), sender=SENDER, at=datetime(2026, 11, 22, tzinfo=UTC), largest=100_000)
    assert not isinstance(caught.value, RouteError)


@given(
    st.from_regex(r"[=?!a-zA-Z0-9_.*'+-]{1,30}@[a-z0-9.-]{1,20}", fullmatch=True),
    st.text(max_size=60),
    st.text(max_size=60),
)
def test_whatever_address_subject_and_name_say_there_is_one_kind_of_error(
    mailbox: str, subject: str, seller: str
) -> None:
    """And what is written reads back as the one receiver."""
    try:
        envelope = compose(
            message(mailbox, subject=subject, seller=seller),
            sender=SENDER,
            at=datetime(2026, 11, 22, tzinfo=UTC),
            largest=100_000,
        )
    except DocumentError:
        return
    written = email.message_from_bytes(envelope.content, policy=email.policy.SMTP)
    assert [address.addr_spec for address in written["To"].addresses] == [envelope.receiver]


def test_a_large_attachment_goes_out_up_to_the_limit(world: World) -> None:
    """Five megabytes of anything arrive unchanged; the limit counts the message as it is sent."""
    content = bytes(range(256)) * 20_000
    files = (*message().files, Attachment("scan.bin", "application/octet-stream", content))
    world.channel().send(message(files=files))
    [described] = world.mail.holdings()["receivers"]["ap@buyer.example"]["messages"]  # type: ignore[index]
    assert described["attachments"][-1]["sha256"] == hashlib.sha256(content).hexdigest()
    with pytest.raises(DocumentError, match="are allowed"):
        world.channel(largest_megabytes=5).send(message(number=2, files=files))


def test_the_mail_servers_own_limit_is_a_document_error() -> None:
    mail = ImitatedMail(0, largest=50_000)
    mail.start()
    try:
        world = World(mail, secrets=dict(mail.secrets()))
        files = (Attachment("scan.bin", "application/octet-stream", bytes(60_000)),)
        with pytest.raises(DocumentError, match="too large for the mail server"):
            world.channel().send(message(files=files))
    finally:
        mail.stop()


@pytest.mark.parametrize(
    "fault",
    [
        Fault("drop-before", "imap SEARCH"),
        Fault("server-error", "imap FETCH"),
        Fault("truncated", "imap FETCH"),
    ],
    ids=lambda fault: f"{fault.kind} {fault.where}",
)
def test_a_mailbox_that_breaks_off_is_read_again(world: World, fault: Fault) -> None:
    channel = world.channel()
    channel.send(message())
    world.mail.faults.arm(fault)
    with pytest.raises(RemoteUnavailable):
        list(channel.receipts())
    assert len(list(channel.receipts())) == 1


def test_settling_survives_a_lost_answer(world: World) -> None:
    channel = world.channel()
    channel.send(message())
    [receipt] = channel.receipts()
    world.mail.faults.arm(Fault("drop-after", "imap MOVE"))
    with pytest.raises(RemoteUnavailable):
        channel.settle(receipt)
    channel.settle(receipt)
    assert list(channel.receipts()) == []


def test_check_names_every_step(world: World) -> None:
    steps = list(world.channel().check())
    assert [(step.name, step.ok) for step in steps] == [
        ("mail server", True),
        ("mail login", True),
        ("delivery notifications", True),
        ("sender", True),
        ("notifications folder", True),
        ("archive folder", True),
    ]
    assert world.mail.store.contents(ARCHIVE) == []


def test_check_says_what_to_do(world: World) -> None:
    steps = list(world.channel(imap={"archive_folder": "Nowhere"}).check())
    assert (steps[-1].name, steps[-1].ok) == ("archive folder", False)
    assert "create it" in steps[-1].fix
    world.secrets["mail-password"] = "wrong"
    first = next(world.channel().check())
    assert not first.ok
    assert "renew" in first.fix


@pytest.mark.parametrize(
    "text",
    [
        "",
        "@",
        "a@",
        "@b.example",
        "a b@c.example",
        "A <a@b.example>",
        "a@b.example\r\n",
        "a@b.example\nBcc: x",
        '"a b"@c.example',
        "a@-b.example",
        "a@b..example",
        "ä@b.example",
        "a" * 65 + "@b.example",
    ],
)
def test_only_plain_addresses_are_taken(text: str) -> None:
    with pytest.raises(ValueError, match=r"domain|plain address"):
        mailbox_address(text)


def test_foreign_domains_become_ascii() -> None:
    assert mailbox_address("info@müller.example") == "info@xn--mller-kva.example"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"Content-Type: multipart/report\r\n\r\n",
        b"Content-Type: message/delivery-status\r\n\r\nAction: invented\r\n\r\n",
        b"".join(
            b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (i, i) for i in range(2000)
        ),
        b"Content-Type: message/rfc822\r\n\r\n" * 5000,
    ],
)
def test_hostile_notifications_are_malformed(content: bytes) -> None:
    with pytest.raises(MalformedDocument):
        read_notice(content, domain="seller.example")


@given(
    st.lists(
        st.sampled_from(
            [
                b"Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n",
                b"Content-Type: message/delivery-status\r\n",
                b"Content-Type: message/rfc822\r\n",
                b"Content-Transfer-Encoding: base64\r\n",
                b"\r\n",
                b"--b\r\n",
                b"--b--\r\n",
                b"Action: failed\r\n",
                b"Action: \xff\xfe\r\n",
                b"Status: 5.1.1\r\n",
                b"Date: Sun, 99 Nov 2026 99:00:00 +9999\r\n",
                b"Last-Attempt-Date: Mon, 01 Jan 0001 00:00:00 +2359\r\n",
                b"Original-Envelope-Id: 0b8e7a52-6c9d-4e1f-8a3b-000000000001\r\n",
                b"Message-ID: =?utf-8?q?=?=\r\n",
            ]
        )
        | st.binary(max_size=40),
        max_size=30,
    ).map(b"".join)
)
def test_any_bytes_are_a_notification_or_malformed(content: bytes) -> None:
    """A reader given anything returns or raises MalformedDocument, nothing else."""
    with suppress(MalformedDocument):
        notice = read_notice(content, domain="seller.example")
        assert notice.at is None or notice.at.tzinfo is UTC

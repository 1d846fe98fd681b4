"""Invoices by e-mail: the structured invoice and its readable form attached, followed by delivery
notifications.

SMTP tells only that the company's own mail server took a message. What proves arrival is a delivery status
notification (RFC 3464), which is asked for with every message and read from a mailbox over IMAP. Whether an
interrupted attempt went out is looked up in a folder that gets a copy of every sent message (a journaling
rule, an automatic BCC): without such a folder nobody can tell, and a person decides.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from connectors.base import (
    CheckStep,
    ConnectorSettings,
    DeliveryState,
    OutboundMessage,
    Receipt,
    Surroundings,
)
from connectors.channels.delivery_notice import DeliveryNotice, read_notice
from connectors.channels.mail_message import compose, mailbox_address, message_id_header
from connectors.channels.mail_submission import MailSubmission, ServerSettings
from connectors.channels.mailbox import ImapMailbox, OpenFolder
from formats.errors import EInvoicingError, MalformedDocument, RemoteUnavailable, RemoteUnexpected

__all__ = ["Email", "EmailSettings", "MailboxSettings"]

_Address = Annotated[str, AfterValidator(mailbox_address)]
_Folder = Annotated[str, StringConstraints(pattern=r"^[ -~]{1,200}$")]
_OneLine = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]{0,200}$")]


class SubmissionSettings(ServerSettings):
    """The mail server that sends for us."""

    port: int = Field(587, ge=1, le=65_535, description="TCP port: 587 with starttls, 465 with tls")


class MailboxSettings(ServerSettings):
    """The mailbox where notifications and copies of sent messages are found."""

    port: int = Field(993, ge=1, le=65_535, description="TCP port: 993 with tls, 143 with starttls")
    security: Literal["starttls", "tls", "plain"] = Field(
        "tls", description="as for the mail server; mailboxes usually listen with tls"
    )
    notifications_folder: _Folder = Field(
        "INBOX", description="folder where delivery notifications arrive, as the server spells it"
    )
    settled_folder: _Folder = Field(
        "Processed", description="folder for notifications that are stored; created where it is missing"
    )
    archive_folder: _Folder | None = Field(
        None,
        description="folder with a copy of every message that the mail server took; without it an "
        "interrupted attempt waits for a person",
    )
    archive_delay_seconds: int = Field(
        120, ge=0, le=86_400, description="how long a copy may take to appear in the archive folder"
    )
    most_notifications: int = Field(200, ge=1, le=10_000, description="notifications read in one round")
    largest_notification_bytes: int = Field(
        1_048_576, ge=10_000, description="larger notifications are left for a person"
    )


class EmailSettings(ConnectorSettings):
    """The `settings:` of an e-mail channel."""

    sender: _Address = Field(description="address that the invoices come from; notifications return to it")
    sender_name: _OneLine = Field(
        "", description="name shown beside the sender's address; the seller's without it"
    )
    reply_to: _Address | None = Field(None, description="where answers of customers go, if not to the sender")
    largest_megabytes: int = Field(
        20, ge=1, le=150, description="larger messages are not sent; many receivers take 20 to 25 megabytes"
    )
    delivered_when: Literal["notification", "relay"] = Field(
        "notification",
        description="what counts as delivered: a notification from the receiver's side, or that our own mail "
        "server took the message",
    )
    relayed_is_delivered: bool = Field(
        True,
        description="the receiver's mail server took the message but sends no notifications itself: "
        "delivered, because no better news will come",
    )
    smtp: SubmissionSettings = Field(description="the mail server that sends")
    imap: MailboxSettings | None = Field(None, description="the mailbox with notifications and copies")

    @model_validator(mode="after")
    def _can_see_notifications(self) -> EmailSettings:
        if self.delivered_when == "notification" and self.imap is None:
            raise ValueError("notifications are read over IMAP: add `imap`, or set `delivered_when: relay`")
        return self


class Email:
    """One sending address. Mail is handed over, found again and followed up by our message id, which is the
    Message-ID's left half and the envelope id of the notifications."""

    # People read what it sends.
    shows_links: Final = True

    def __init__(self, name: str, settings: EmailSettings, surroundings: Surroundings) -> None:
        self._name = name
        self._settings = settings
        self._surroundings = surroundings
        self._smtp = MailSubmission(name, settings.smtp, surroundings.secret)
        imap = settings.imap
        self._mailbox = ImapMailbox(name, imap, surroundings.secret) if imap is not None else None
        # Notifications about other people's messages, by folder validity and UID; read once per process.
        self._foreign: set[tuple[int, int]] = set()

    @property
    def name(self) -> str:
        return self._name

    def send(self, message: OutboundMessage) -> Receipt:
        """Hand one message to the mail server, with a wish for notifications.

        The receipt is SENT, or DELIVERED where the settings say that the mail server's word is enough.
        Raises also RouteError (address or receiver refused) and DocumentError (header injection, size).
        """
        settings = self._settings
        now = self._surroundings.clock()
        envelope = compose(
            message,
            sender=settings.sender,
            sender_name=settings.sender_name,
            reply_to=settings.reply_to or "",
            at=now,
            largest=settings.largest_megabytes * 1024 * 1024,
        )
        answer = self._smtp.submit(envelope, before_data=lambda: self._note_attempt(message.message_id))
        return self._taken(message.message_id, now, f"taken by the mail server: {answer}", answer.encode())

    def find(self, message: OutboundMessage) -> Receipt | None:
        """Look for the copy of this message in the archive folder.

        Raises RemoteUnavailable while a copy may still be on its way, and RemoteUnexpected without an archive
        folder: then nobody can tell, and `fix` names the two ways on.
        """
        imap = self._settings.imap
        if self._mailbox is None or imap is None or imap.archive_folder is None:
            raise RemoteUnexpected(
                "an earlier attempt was interrupted, and no archive folder tells whether the mail went out",
                where=f"{self._name}, invoice {message.number[:80]}",
                fix=f"look in the mail server's log or the Sent folder for Message-ID {message.message_id}: "
                "if it is there, confirm the invoice as sent; if not, resend it. Setting imap.archive_folder "
                "answers this by itself in future",
            )
        with self._mailbox.folder(imap.archive_folder, read_only=True) as folder:
            for uid in folder.search(
                "Message-ID", message_id_header(message.message_id, self._settings.sender)
            ):
                copy = folder.read(uid, largest=0, head_only=True)
                if copy is not None:
                    at = copy.arrived or self._surroundings.clock()
                    text = f"found in the folder {imap.archive_folder}"
                    return self._taken(message.message_id, at, text, copy.content)
        attempted = self._last_attempt(message.message_id)
        if attempted is not None:
            retry_at = attempted + timedelta(seconds=imap.archive_delay_seconds)
            if self._surroundings.clock() < retry_at:
                raise RemoteUnavailable(
                    "the mail may have gone out, its copy may still be on the way to the archive folder",
                    where=f"{self._name}, folder {imap.archive_folder}",
                    fix="nothing to do, it is looked for again",
                    retry_at=retry_at,
                    uncertain=True,
                )
        return None

    def receipts(self) -> Iterator[Receipt]:
        """Delivery notifications about our messages, oldest first.

        One that cannot be read does not hold up the others: all good ones are given first, then
        RemoteUnexpected tells of the rest, which stay in their folder until a person moves them.
        """
        imap = self._settings.imap
        if self._mailbox is None or imap is None:
            return
        found: list[Receipt] = []
        problems: list[RemoteUnexpected] = []
        with self._mailbox.folder(imap.notifications_folder, read_only=True) as folder:
            for uid in folder.search("Content-Type", "delivery-status"):
                if len(found) + len(problems) >= imap.most_notifications:
                    break
                if (folder.validity, uid) in self._foreign:
                    continue
                try:
                    receipt = self._receipt(folder, uid, imap)
                except RemoteUnexpected as problem:
                    problems.append(problem)
                else:
                    if receipt is not None:
                        found.append(receipt)
        yield from found
        if problems:
            raise RemoteUnexpected(
                f"{len(problems)} delivery notifications cannot be read; the first: {problems[0].what}",
                where=problems[0].where,
                fix="read them in the mailbox and move them to another folder",
                evidence=problems[0].evidence,
            )

    def settle(self, receipt: Receipt) -> None:
        """Move the notification to the folder for stored ones. Nothing to do for other receipts."""
        imap = self._settings.imap
        validity, _, uid = receipt.handle.partition(":")
        if self._mailbox is None or imap is None or not (validity.isdigit() and uid.isdigit()):
            return
        with self._mailbox.folder(imap.notifications_folder, read_only=False) as folder:
            # After the server has renumbered the folder, the notification comes again with a new handle.
            if folder.validity == int(validity):
                folder.move(int(uid), imap.settled_folder)

    def check(self) -> Iterator[CheckStep]:
        settings = self._settings
        try:
            yield from self._smtp.check(
                settings.sender, needs_notifications=settings.delivered_when == "notification"
            )
        except EInvoicingError as error:
            yield CheckStep("mail server", False, error.what, error.fix)
        imap = settings.imap
        if self._mailbox is None or imap is None:
            return
        for purpose, name in (
            ("notifications folder", imap.notifications_folder),
            ("archive folder", imap.archive_folder),
        ):
            if name is None:
                yield CheckStep(purpose, True, "not set: an interrupted attempt will wait for a person")
                continue
            try:
                with self._mailbox.folder(name, read_only=True):
                    pass
            except EInvoicingError as error:
                yield CheckStep(purpose, False, error.what, error.fix)
                return
            yield CheckStep(purpose, True, f"{name} can be read")

    def close(self) -> None:
        """Nothing stays open between calls."""

    def _taken(self, message_id: str, at: datetime, text: str, evidence: bytes) -> Receipt:
        by_relay = self._settings.delivered_when == "relay"
        state = DeliveryState.DELIVERED if by_relay else DeliveryState.ACCEPTED_FOR_TRANSPORT
        return Receipt(message_id, state, at, text, evidence, "text/plain")

    def _receipt(self, folder: OpenFolder, uid: int, imap: MailboxSettings) -> Receipt | None:
        mail = folder.read(uid, largest=imap.largest_notification_bytes)
        if mail is None:
            return None
        where = f"{self._name}, folder {imap.notifications_folder}, message {uid}"
        if not mail.content:
            raise RemoteUnexpected(
                f"a notification has {mail.size} bytes, {imap.largest_notification_bytes} are allowed",
                where=where,
                fix="read it in the mailbox and move it to another folder",
            )
        try:
            notice = read_notice(mail.content, domain=self._settings.sender.rpartition("@")[2])
        except MalformedDocument as error:
            raise RemoteUnexpected(error.what, where=where, fix=error.fix, evidence=mail.content) from error
        if not notice.message_id:
            self._foreign.add((folder.validity, uid))
            return None
        return Receipt(
            message_id=notice.message_id,
            state=self._state(notice),
            at=notice.at or mail.arrived or self._surroundings.clock(),
            text=notice.text,
            evidence=mail.content,
            media_type="message/rfc822",
            # 5.1.x speaks of the address itself (RFC 3463, 3.2), not of a full or closed mailbox.
            unreachable=notice.action == "failed" and notice.status.startswith("5.1."),
            handle=f"{folder.validity}:{uid}",
        )

    def _state(self, notice: DeliveryNotice) -> DeliveryState:
        if notice.action == "failed":
            return DeliveryState.REJECTED
        arrived = notice.action in ("delivered", "expanded")
        if arrived or (notice.action == "relayed" and self._settings.relayed_is_delivered):
            return DeliveryState.DELIVERED
        return DeliveryState.ACCEPTED_FOR_TRANSPORT

    def _note_attempt(self, message_id: str) -> None:
        """Remember when the content went out, for as long as its copy may be on its way to the archive."""
        imap = self._settings.imap
        if imap is None or imap.archive_folder is None:
            return
        now = self._surroundings.clock()
        oldest = now - timedelta(seconds=imap.archive_delay_seconds)
        with self._surroundings.locked("attempts") as cell:
            attempts = {key: at for key, at in _attempts(cell.value).items() if at >= oldest}
            attempts[message_id] = now
            cell.save(json.dumps({key: at.isoformat() for key, at in attempts.items()}))

    def _last_attempt(self, message_id: str) -> datetime | None:
        with self._surroundings.locked("attempts") as cell:
            return _attempts(cell.value).get(message_id)


def _attempts(text: str) -> dict[str, datetime]:
    return {key: datetime.fromisoformat(at).astimezone(UTC) for key, at in json.loads(text or "{}").items()}

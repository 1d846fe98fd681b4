"""The imitated mail server of the company: SMTP submission, an IMAP mailbox, and the receivers of the world.

Mail to any address below the reserved example domains arrives, except to some that behave badly:

- `...@refused.example` is refused at once by the relay (550), `...@full.example` for now (452);
- `nobody@...` does not exist, `full@...` has no room, `...@nowhere.example` has no mail server: taken, then a
  failure notification comes;
- `late@...` is delayed: a notification says so, nothing else comes;
- `relayed@...` belongs to a system that sends no notification itself.

Every message taken is copied into the folder `Archive` of the mailbox, as a journaling rule does; delivery
status notifications (RFC 3464) come to its INBOX where the sender asked for them.

Faults by place: those of SmtpServer and ImapServer, and `dsn <address>` with lost-receipt, rejected,
duplicate and truncated.
"""

from __future__ import annotations

import email
import email.policy
import hashlib
import ssl
import threading
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from email.message import Message
from email.utils import format_datetime
from typing import Final, Literal

from connectors.sandbox.certificates import authority_pem, server_context
from connectors.sandbox.faults import Faults
from connectors.sandbox.imap_server import ImapServer
from connectors.sandbox.mail_store import MailStore
from connectors.sandbox.smtp_server import Accepted, SmtpServer

__all__ = ["ARCHIVE", "INBOX", "PASSWORD", "USER", "ImitatedMail"]

USER: Final = "gateway"
PASSWORD: Final = "demo-mail-password"
INBOX: Final = "INBOX"
ARCHIVE: Final = "Archive"
_EXAMPLE_ENDS: Final = (".example", ".test", "example.com", "example.net", "example.org")


class ImitatedMail:
    """SMTP on `port` and IMAP on the next one. `security` is starttls, tls (from the start) or plain.

    `notification_delay` and `archive_delay` are seconds until a notification or an archive copy can be seen.
    """

    name = "mail"

    def __init__(
        self,
        port: int = 47050,
        *,
        imap_port: int | None = None,
        security: Literal["starttls", "tls", "plain"] = "starttls",
        imap_extensions: Collection[str] = ("UIDPLUS", "MOVE"),
        notification_delay: float = 0.0,
        archive_delay: float = 0.0,
        largest: int = 30 * 1024 * 1024,
    ) -> None:
        self.faults = Faults()
        self.store = MailStore(INBOX, ARCHIVE)
        self.notification_delay = notification_delay
        self.archive_delay = archive_delay
        self._delivered: list[Accepted] = []
        self._lock = threading.Lock()
        context: ssl.SSLContext | None = None if security == "plain" else server_context("mail")
        login = (USER, PASSWORD)
        self._smtp = SmtpServer(
            self.faults,
            port=port,
            login=login,
            context=context,
            implicit=security == "tls",
            refuse=_refusal,
            on_mail=self._take,
            largest=largest,
        )
        if imap_port is None:
            imap_port = port + 1 if port else 0
        self._imap = ImapServer(
            self.store,
            self.faults,
            port=imap_port,
            login=login,
            context=context,
            implicit=security == "tls",
            extensions=imap_extensions,
        )

    @property
    def smtp_port(self) -> int:
        return self._smtp.port

    @property
    def imap_port(self) -> int:
        return self._imap.port

    def start(self) -> None:
        self._smtp.start()
        try:
            self._imap.start()
        except OSError:
            self._smtp.stop()
            raise

    def stop(self) -> None:
        self._imap.stop()
        self._smtp.stop()

    def addresses(self) -> Mapping[str, str]:
        return {"smtp": f"smtp://127.0.0.1:{self.smtp_port}", "imap": f"imap://127.0.0.1:{self.imap_port}"}

    def secrets(self) -> Mapping[str, str]:
        return {"mail-password": PASSWORD, "mail-authority.pem": authority_pem()}

    def mend(self) -> list[str]:
        """Nothing is seeded wrong here."""
        return []

    def holdings(self) -> Mapping[str, object]:
        """Messages that reached their receivers; `accepted` also counts those that failed later."""
        with self._lock:
            delivered = list(self._delivered)
        receivers: dict[str, list[dict[str, object]]] = {}
        for accepted in delivered:
            receivers.setdefault(accepted.receiver.lower(), []).append(_described(accepted))
        return {
            "accepted": len(self.store.contents(ARCHIVE)),
            "delivered": len(delivered),
            "receivers": {
                address: {"count": len(mails), "messages": mails}
                for address, mails in sorted(receivers.items())
            },
            "notifications": len(self.store.contents(INBOX)),
        }

    def _take(self, accepted: Accepted) -> None:
        self.store.add(ARCHIVE, accepted.content, delay=self.archive_delay)
        place = f"dsn {accepted.receiver}"
        if self.faults.take(place, "rejected"):
            outcome = ("failed", "5.7.1", "550 5.7.1 message refused by the receiver's rules")
        else:
            outcome = _outcome(accepted.receiver)
        action = outcome[0]
        if action in ("delivered", "relayed"):
            with self._lock:
                self._delivered.append(accepted)
        wanted = {"delivered": "SUCCESS", "relayed": "SUCCESS", "failed": "FAILURE", "delayed": "DELAY"}[
            action
        ]
        if wanted not in accepted.notify or self.faults.take(place, "lost-receipt"):
            return
        notification = _notification(accepted, *outcome)
        if self.faults.take(place, "truncated"):
            notification = notification[: notification.index(b"Final-Recipient")]
        for _ in range(2 if self.faults.take(place, "duplicate") else 1):
            self.store.add(INBOX, notification, delay=self.notification_delay)


def _refusal(address: str) -> str:
    domain = address.rpartition("@")[2].lower()
    if domain == "refused.example":
        return "550 5.1.1 no such user here"
    if domain == "full.example":
        return "452 4.2.2 the mailbox is full, try later"
    return ""


def _outcome(address: str) -> tuple[str, str, str]:
    """Action, status and diagnostic of RFC 3464 for one receiver."""
    local, _, domain = address.lower().rpartition("@")
    if domain == "nowhere.example" or not domain.endswith(_EXAMPLE_ENDS):
        return "failed", "5.1.2", "550 5.1.2 no mail server for this domain"
    if local == "nobody":
        return "failed", "5.1.1", "550 5.1.1 no such user"
    if local == "full":
        return "failed", "5.2.2", "552 5.2.2 mailbox full"
    if local == "late":
        return "delayed", "4.4.1", "451 4.4.1 no answer from the host"
    if local == "relayed":
        return "relayed", "2.1.9", "250 2.1.9 relayed to a system without notifications"
    return "delivered", "2.1.5", "250 2.1.5 delivered"


def _notification(accepted: Accepted, action: str, status: str, diagnostic: str) -> bytes:
    """A multipart/report as mail servers write it: words for people, fields for programs, the original
    head."""
    head = accepted.content.partition(b"\r\n\r\n")[0]
    boundary = "dsn-" + hashlib.sha256(accepted.content).hexdigest()[:24]
    now = format_datetime(datetime.now(UTC))
    envelope = [f"Original-Envelope-Id: {accepted.envelope_id}"] if accepted.envelope_id else []
    lines = [
        "From: Mail Delivery System <mailer-daemon@mail.sandbox.example>",
        f"To: <{accepted.sender}>",
        f"Subject: Delivery status: {action}",
        f"Date: {now}",
        f"Message-ID: <{boundary}@mail.sandbox.example>",
        "Auto-Submitted: auto-replied",
        "MIME-Version: 1.0",
        f'Content-Type: multipart/report; report-type=delivery-status;\r\n\tboundary="{boundary}"',
        "",
        f"--{boundary}",
        "Content-Type: text/plain; charset=us-ascii",
        "",
        f"Your message to {accepted.receiver} was {action}.",
        f"The receiving side said: {diagnostic}",
        "",
        f"--{boundary}",
        "Content-Type: message/delivery-status",
        "",
        "Reporting-MTA: dns; mail.sandbox.example",
        *envelope,
        f"Arrival-Date: {now}",
        "",
        f"Final-Recipient: rfc822; {accepted.receiver}",
        f"Action: {action}",
        f"Status: {status}",
        f"Diagnostic-Code: smtp; {diagnostic}",
        f"Last-Attempt-Date: {now}",
        "",
        f"--{boundary}",
        "Content-Type: text/rfc822-headers",
        "",
    ]
    return "\r\n".join(lines).encode("ascii") + b"\r\n" + head + f"\r\n\r\n--{boundary}--\r\n".encode("ascii")


def _described(accepted: Accepted) -> dict[str, object]:
    message: Message = email.message_from_bytes(accepted.content, policy=email.policy.default)
    attachments = []
    for part in message.walk():
        content = part.get_payload(decode=True)
        if part.get_filename() and isinstance(content, bytes):
            attachments.append(
                {
                    "filename": part.get_filename(),
                    "media_type": part.get_content_type(),
                    "size": len(content),
                    "sha256": hashlib.sha256(content).hexdigest(),
                }
            )
    return {
        "message_id": str(message["Message-ID"] or "").strip("<> ").partition("@")[0],
        "envelope_id": accepted.envelope_id,
        "subject": str(message["Subject"] or ""),
        "from": accepted.sender,
        "attachments": attachments,
    }

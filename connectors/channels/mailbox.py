"""The company's mailbox over IMAP (RFC 3501): search, read and move messages, nothing else."""

from __future__ import annotations

import imaplib
import re
import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from connectors.channels.mail_submission import ServerSettings, login, tls_context
from formats.errors import EInvoicingError, RemoteRefused, RemoteUnavailable, RemoteUnexpected

__all__ = ["ImapMailbox", "OpenFolder", "StoredMessage"]

_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_INTERNAL_DATE: Final = re.compile(
    rb'INTERNALDATE "([ \d]\d)-([A-Za-z]{3})-(\d{4}) (\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)"'
)


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """One message, or its head only; `arrived` is aware UTC, None where the server's date is unreadable."""

    uid: int
    size: int
    arrived: datetime | None
    content: bytes = field(repr=False)


class ImapMailbox:
    """One mailbox. Each visit has its own short connection, so threads may share this.

    Every visit may raise RemoteUnavailable (network, time-out, the server's own trouble), RemoteRefused
    (login, certificate, a folder that is not there) and RemoteUnexpected (not IMAP).
    """

    def __init__(self, name: str, settings: ServerSettings, secret: Callable[[str], str]) -> None:
        self._settings = settings
        self._secret = secret
        self._where = f"{name}, imap://{settings.host}:{settings.port}"

    @property
    def where(self) -> str:
        return self._where

    @contextmanager
    def folder(self, name: str, *, read_only: bool) -> Iterator[OpenFolder]:
        """Open one folder; the connection ends with the block."""
        with self._translated():
            client = self._connected()
            try:
                status, answer = client.select(_quoted(name), readonly=read_only)
                if status != "OK":
                    raise RemoteRefused(
                        f"the folder {name} cannot be opened: {_shown(answer)}",
                        where=self._where,
                        fix="correct the folder in the settings, or create it in the mailbox",
                    )
                yield OpenFolder(client, name, self._where)
            finally:
                with suppress(OSError, imaplib.IMAP4.error):
                    client.logout()
                # A connection that broke inside logout would stay open otherwise.
                with suppress(OSError):
                    client.shutdown()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except imaplib.IMAP4.abort as error:
            raise self._lost(error) from error
        except imaplib.IMAP4.error as error:
            raise RemoteUnexpected(
                "the mailbox answered something that IMAP does not allow",
                where=self._where,
                fix="check host and port: is this really the mailbox?",
                evidence=str(error).encode("utf-8", "replace"),
            ) from error
        except OSError as error:
            raise self._lost(error) from error

    def _connected(self) -> imaplib.IMAP4:
        settings = self._settings
        context = tls_context(settings, self._secret, self._where)
        username, password = login(settings, self._secret, self._where)
        if settings.security == "tls":
            client: imaplib.IMAP4 = imaplib.IMAP4_SSL(
                settings.host, settings.port, ssl_context=context, timeout=settings.timeout_seconds
            )
        else:
            client = imaplib.IMAP4(settings.host, settings.port, timeout=settings.timeout_seconds)
        try:
            if settings.security == "starttls":
                if "STARTTLS" not in client.capabilities:
                    raise RemoteRefused(
                        "the mailbox offers no encryption on this port",
                        where=self._where,
                        fix="use port 993 with security: tls, or ask who runs the mail server",
                    )
                client.starttls(context)
            self._log_in(client, username, password)
        except (OSError, imaplib.IMAP4.error, EInvoicingError):
            with suppress(OSError):
                client.shutdown()
            raise
        return client

    def _log_in(self, client: imaplib.IMAP4, username: str, password: str) -> None:
        try:
            client.login(_quoted(username), password)
        except imaplib.IMAP4.abort:
            raise
        except imaplib.IMAP4.error as error:
            text = _shown([str(error)])
            if "UNAVAILABLE" in text or "SERVERBUG" in text:
                raise self._lost(error) from error
            raise RemoteRefused(
                f"the mailbox refused the login of {username}: {text}",
                where=self._where,
                fix="renew user name and password in the secrets folder, then run gateway check",
            ) from error

    def _lost(self, error: Exception) -> EInvoicingError:
        if isinstance(error, ssl.SSLCertVerificationError):
            return RemoteRefused(
                f"the mailbox's certificate is not trusted: {error.verify_message}",
                where=self._where,
                fix="correct the host name, or name the authority's certificate in `authority`",
            )
        return RemoteUnavailable(
            "no answer from the mailbox"
            if isinstance(error, TimeoutError)
            else "the connection to the mailbox failed or ended",
            where=self._where,
            fix="nothing to do, it is tried again; if it lasts, check host, port and network",
        )


class OpenFolder:
    """One folder while it is open."""

    def __init__(self, client: imaplib.IMAP4, name: str, where: str) -> None:
        self._client = client
        self._name = name
        self._where = where
        self.validity = self._read_validity()

    def search(self, header: str, text: str) -> tuple[int, ...]:
        """UIDs of the messages, oldest first, in whose header this text is found, regardless of case."""
        answer = self._uid("SEARCH", "UNDELETED", "HEADER", header, _quoted(text))
        words = b" ".join(line for line in answer if isinstance(line, bytes)).split()
        if not all(word.isdigit() for word in words):
            raise self._unexpected(b" ".join(words))
        return tuple(sorted(int(word) for word in words))

    def read(self, uid: int, *, largest: int, head_only: bool = False) -> StoredMessage | None:
        """One message without marking it as read; None if it is not there any more.

        Beyond `largest` bytes only the size is told and `content` is empty.
        """
        answer = self._uid("FETCH", str(uid), "(RFC822.SIZE INTERNALDATE)")
        told = b" ".join(line if isinstance(line, bytes) else line[0] for line in answer if line)
        size = re.search(rb"RFC822\.SIZE (\d{1,15})", told)
        if size is None:
            return None
        arrived = _internal_date(told)
        if not head_only and int(size[1]) > largest:
            return StoredMessage(uid, int(size[1]), arrived, b"")
        part = "BODY.PEEK[HEADER]" if head_only else "BODY.PEEK[]"
        for line in self._uid("FETCH", str(uid), f"({part})"):
            if isinstance(line, tuple) and len(line) == 2:
                return StoredMessage(uid, int(size[1]), arrived, line[1])
        return None

    def move(self, uid: int, target: str) -> None:
        """Move one message, creating the folder where it is missing; one that is not there is fine."""
        moves = "MOVE" in self._client.capabilities
        command = "MOVE" if moves else "COPY"
        status, answer = self._client.uid(command, str(uid), _quoted(target))
        if status != "OK":
            self._client.create(_quoted(target))
            status, answer = self._client.uid(command, str(uid), _quoted(target))
        if status != "OK":
            raise RemoteRefused(
                f"the message cannot be moved to {target}: {_shown(answer)}",
                where=self._where,
                fix="let the login create this folder and write to it",
            )
        if not moves:
            self._uid("STORE", str(uid), "+FLAGS.SILENT", "(\\Deleted)")
            # A plain EXPUNGE would also remove what other people have marked.
            if "UIDPLUS" in self._client.capabilities:
                self._uid("EXPUNGE", str(uid))

    def _read_validity(self) -> int:
        _, answer = self._client.response("UIDVALIDITY")
        text = answer[0] if answer else None
        return int(text) if isinstance(text, bytes) and text.isdigit() else 0

    def _uid(self, command: str, *arguments: str) -> Sequence[bytes | tuple[bytes, bytes] | None]:
        status, answer = self._client.uid(command, *arguments)
        if status != "OK":
            raise RemoteUnavailable(
                f"the mailbox did not carry out {command} in {self._name}: {_shown(answer)}",
                where=self._where,
                fix="nothing to do, it is tried again; if it lasts, ask who runs the mail server",
            )
        return answer

    def _unexpected(self, evidence: bytes) -> RemoteUnexpected:
        return RemoteUnexpected(
            f"the mailbox answered a search in {self._name} with something else than message numbers",
            where=self._where,
            fix="ask who runs the mail server",
            evidence=evidence,
        )


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _shown(answer: Sequence[object]) -> str:
    first = answer[0] if answer else ""
    text = first.decode("utf-8", "replace") if isinstance(first, bytes) else str(first)
    return re.sub(r"[\x00-\x1f\x7f]+", " ", text).strip()[:300]


def _internal_date(told: bytes) -> datetime | None:
    found = _INTERNAL_DATE.search(told)
    if found is None:
        return None
    day, month, year, hour, minute, second, sign, zone_hours, zone_minutes = (
        group.decode("ascii") for group in found.groups()
    )
    if month.capitalize() not in _MONTHS:
        return None
    text = (
        f"{year}-{_MONTHS.index(month.capitalize()) + 1:02d}-{int(day):02d}T{hour}:{minute}:{second}"
        f"{sign}{zone_hours}:{zone_minutes}"
    )
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except ValueError:
        return None

"""E-mails about alarms: one for each receiver and look, over the mail server of a channel or one of its
own."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import structlog
from sqlalchemy import Connection

from connectors.base import OutboundMessage
from connectors.channels.email import EmailSettings
from connectors.channels.mail_message import compose
from connectors.channels.mail_submission import MailSubmission, ServerSettings
from formats.errors import ConfigError, ConflictError, EInvoicingError, RemoteError, StorageError
from gateway import settings
from gateway.pipeline import failing
from gateway.reasons import reason
from gateway.retry import RetryPolicy
from gateway.store import alarms, people, sides
from gateway.store.alarms import Alarm, Mail
from gateway.store.sides import Errand
from gateway.wiring import Gateway

__all__ = ["queue", "send_due"]

_log = structlog.get_logger("alarms")
_RETRY: Final = RetryPolicy(attempts=1, first=30.0, growth=3.0, cap=3600.0, jitter=0.3)
_MOST_TRIES: Final = 100
_MOST_TOLD: Final = 30
_LARGEST: Final = 1024 * 1024


def queue(
    connection: Connection,
    gateway: Gateway,
    *,
    raised: Sequence[Alarm],
    again: Sequence[Alarm],
    over: Sequence[Alarm],
    now: datetime,
) -> None:
    """One mail to each receiver about all of these, in the receiver's language and the caller's transaction;
    none where nothing is new."""
    told = [*raised, *again, *over]
    if not told:
        return
    first = told[0]
    web = gateway.settings.web
    place = f"{web.address.rstrip('/') or f'http://{web.host}:{web.port}'}/alarms"
    for receiver in gateway.settings.alarms.mail.to:
        language = _language_of(connection, gateway, receiver)
        word = _told("Alarm" if raised else "Still open" if again else "Over", language)
        subject = f"{word}: {_told(first.kind, language)}, {first.subject}"
        if told[1:]:
            subject += " " + _told(_more(len(told) - 1), language)
        parts = (
            _part("what is new", raised, language),
            _part("told before, and taken by nobody", again, language),
            _part("these are over", over, language, ended=True),
        )
        end = f"{_sentence('all alarms, and who looks after them', language)}: {place}"
        body = "\n\n".join((*filter(None, parts), end)) + "\n"
        alarms.queue_mail(connection, receiver, _plain(subject)[:200], body, now=now)


def send_due(gateway: Gateway) -> int:
    """Hand the due mails to the mail server, each until it takes it; returns how many it took. Nobody gets
    a mail before those that were written to them earlier."""
    with gateway.database.read() as connection:
        due = alarms.due_mails(connection, now=gateway.clock())
    sent = 0
    wait: set[str] = set()
    for one in due:
        if one.receiver in wait:
            continue
        try:
            _send(gateway, one)
        except (StorageError, ConflictError):
            raise
        except EInvoicingError as error:
            _log.warning("alarm not mailed", what=error.what, fix=error.fix)
            _failed(gateway, one, error)
            wait.add(one.receiver)
            if isinstance(error, RemoteError | ConfigError):
                if _borrowed(gateway):
                    failing.note(gateway, _side(gateway), Errand.SEND, error)
                return sent  # the others would fare alike
            continue
        if _borrowed(gateway):
            failing.over(gateway, _side(gateway), Errand.SEND)
        with gateway.database.begin() as connection:
            alarms.mail_sent(connection, one, now=gateway.clock())
        sent += 1
    return sent


def _borrowed(gateway: Gateway) -> bool:
    """Whether alarms go over the mail server of a channel, which then fails, and is well, for both."""
    wanted = gateway.settings.alarms.mail
    own = wanted.smtp is not None and wanted.sender is not None
    return not own and any(one.name == wanted.channel for one in gateway.settings.channels)


def _side(gateway: Gateway) -> str:
    return sides.channel(gateway.settings.alarms.mail.channel)


def _send(gateway: Gateway, one: Mail) -> None:
    sender, server = _server(gateway)
    message = OutboundMessage(
        message_id=one.message_id,
        number="alarm",
        digest="",
        files=(),
        seller="E-invoicing gateway",
        buyer="",
        mailbox=one.receiver,
        subject=one.subject,
        body=one.body,
    )
    # The same bytes and Message-ID each time, so that mail programs know a repeated one.
    envelope = compose(message, sender=sender, at=one.made_at, largest=_LARGEST)

    def revealed(reference: str) -> str:
        return settings.reveal(reference, gateway.settings.folder)

    MailSubmission("alarms", server, revealed).submit(envelope, before_data=lambda: None)


def _server(gateway: Gateway) -> tuple[str, ServerSettings]:
    wanted = gateway.settings.alarms.mail
    if wanted.smtp is not None and wanted.sender is not None:
        return wanted.sender, wanted.smtp
    channel = next((one for one in gateway.settings.channels if one.name == wanted.channel), None)
    if channel is None or not isinstance(channel.settings, EmailSettings):
        raise ConfigError(
            "no mail server is named for alarms",
            where="gateway.yaml, alarms.mail",
            fix="name a channel of kind email, or sender and smtp",
        )
    return channel.settings.sender, channel.settings.smtp


def _failed(gateway: Gateway, one: Mail, error: EInvoicingError) -> None:
    due_at = None
    if one.failures + 1 < _MOST_TRIES:
        due_at = _RETRY.next_try(one.failures + 1, now=gateway.clock())
    with gateway.database.begin() as connection:
        alarms.mail_failed(connection, one, error.sentence, due_at=due_at)


def _part(what: str, found: Sequence[Alarm], language: str, *, ended: bool = False) -> str:
    if not found:
        return ""
    rows = [f"{_sentence(what, language)}:"]
    for alarm in found[:_MOST_TOLD]:
        since = _told(f"since {alarm.since:%d %B %Y, %H:%M} UTC", language)
        rows.append(f"- {_told(alarm.sentence, language)} ({since})")
        if not ended:
            rows.append(f"  {_sentence('what to do', language)}: {_told(alarm.fix, language)}")
    if len(found) > _MOST_TOLD:
        rows.append(f"- {_told(_more(len(found) - _MOST_TOLD), language)}")
    return "\n".join(rows)


def _more(number: int) -> str:
    return "and one more alarm" if number == 1 else f"and {number} more alarms"


def _language_of(connection: Connection, gateway: Gateway, receiver: str) -> str:
    """That of the person who signs in with this address, else that of the settings."""
    person = people.by_login(connection, receiver)
    if person is not None and person.language:
        return person.language
    return gateway.settings.alarms.mail.language or gateway.settings.pdf_language


def _told(what: str, language: str) -> str:
    return _plain(reason(what, language))


def _sentence(what: str, language: str) -> str:
    told = _told(what, language)
    return told[:1].upper() + told[1:]


def _plain(text: str) -> str:
    """One line without signs that nobody sees."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())

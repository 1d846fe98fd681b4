"""Handing one e-mail to the company's mail server: SMTP submission (RFC 6409) with TLS, AUTH and DSN (RFC
3461).

What an answer means is decided here once: a temporary one (4xx) is RemoteUnavailable, a refused login
RemoteRefused, a refused receiver RouteError, anything that SMTP does not know RemoteUnexpected.
"""

from __future__ import annotations

import re
import smtplib
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final, Literal, NoReturn

from pydantic import Field, model_validator

from connectors.base import CheckStep, ConnectorSettings, SecretReference
from connectors.channels.mail_message import Envelope
from formats.errors import (
    ConfigError,
    DocumentError,
    EInvoicingError,
    RemoteRefused,
    RemoteUnavailable,
    RemoteUnexpected,
    RouteError,
)

__all__ = ["MailSubmission", "Security", "ServerSettings", "login", "tls_context"]

Security = Literal["starttls", "tls", "plain"]
_LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")


class ServerSettings(ConnectorSettings):
    """How to reach one mail server."""

    host: str = Field(description="host name of the mail server")
    port: int = Field(ge=1, le=65_535, description="TCP port")
    security: Security = Field(
        "starttls",
        description="starttls (encrypts after the greeting), tls (encrypted from the start), or plain (only "
        "on this machine)",
    )
    authority: SecretReference | None = Field(
        None,
        description="certificates (PEM) of the authority that signed the server's, if it is not a public one",
    )
    username: str = Field("", description="login name; empty where the server wants none")
    password: SecretReference | None = Field(
        None, description="password, as file:secrets/<name> or env:<NAME>"
    )
    timeout_seconds: float = Field(30, gt=0, le=600, description="longest wait for one answer")

    @model_validator(mode="after")
    def _is_safe(self) -> ServerSettings:
        if self.security == "plain" and self.host not in _LOOPBACK:
            raise ValueError("plain is allowed on 127.0.0.1, ::1 and localhost only; use starttls or tls")
        if bool(self.username) != (self.password is not None):
            raise ValueError("give a user name and a password, or neither")
        return self


def tls_context(settings: ServerSettings, secret: Callable[[str], str], where: str) -> ssl.SSLContext:
    """Certificates are checked against the named authority, or the machine's. ConfigError for a damaged
    one."""
    if settings.authority is None:
        return ssl.create_default_context()
    try:
        return ssl.create_default_context(cadata=secret(settings.authority))
    except ssl.SSLError as error:
        raise ConfigError(
            "the authority's certificate cannot be read",
            where=f"{where}, {settings.authority}",
            fix="save it as PEM text, with its BEGIN CERTIFICATE and END CERTIFICATE lines",
        ) from error


def login(settings: ServerSettings, secret: Callable[[str], str], where: str) -> tuple[str, str]:
    """User name and password. ConfigError where they hold what mail logins cannot carry."""
    password = secret(settings.password).rstrip("\r\n") if settings.password is not None else ""
    if not (settings.username + password).isascii() or re.search(
        r"[\x00-\x1f]", settings.username + password
    ):
        raise ConfigError(
            "user name or password of the mail server hold letters outside ASCII, or line breaks",
            where=f"{where}, {settings.password}",
            fix="give the account a password of ASCII characters, in a file of one line",
        )
    return settings.username, password


class MailSubmission:
    """One mail server that takes our messages. Each message has its own short connection, so threads may
    share this."""

    def __init__(self, name: str, settings: ServerSettings, secret: Callable[[str], str]) -> None:
        self._settings = settings
        self._secret = secret
        self._where = f"{name}, smtp://{settings.host}:{settings.port}"

    def submit(self, envelope: Envelope, *, before_data: Callable[[], None]) -> str:
        """Hand one message over; gives the server's last answer.

        `before_data` is called when all before the content itself has been accepted. Up to there nothing was
        taken for certain; from there on a lost connection is RemoteUnavailable with `uncertain`.
        """
        with self._session() as smtp:
            self._announce(smtp, envelope)
            before_data()
            try:
                code, answer = smtp.data(envelope.content)
            except smtplib.SMTPDataError as error:
                # The server did not even want to hear the content.
                self._refuse_content(error.smtp_code, _text(error.smtp_error))
            except (OSError, smtplib.SMTPException) as error:
                raise RemoteUnavailable(
                    "the connection ended before the mail server said whether it took the message",
                    where=self._where,
                    fix="nothing to do: the archive folder is searched before it is sent again",
                    uncertain=True,
                ) from error
            if code != 250:
                self._refuse_content(code, _text(answer))
            return f"{code} {_text(answer)}"

    def check(self, sender: str, *, needs_notifications: bool) -> Iterator[CheckStep]:
        """Connect, encrypt, log in, and offer the sender without sending anything."""
        settings = self._settings
        step = "mail server"
        try:
            with self._session() as smtp:
                how = "not encrypted, on this machine" if settings.security == "plain" else "encrypted"
                yield CheckStep("mail server", True, f"{settings.host}:{settings.port} answers, {how}")
                who = f"logged in as {settings.username}" if settings.username else "no login wanted"
                yield CheckStep("mail login", True, who)
                if needs_notifications:
                    offered = smtp.has_extn("dsn")
                    yield CheckStep(
                        "delivery notifications",
                        offered,
                        "offered" if offered else "the server does not offer them (no DSN)",
                        "" if offered else "set delivered_when: relay, or use a mail server that offers DSN",
                    )
                step = "sender"
                self._mail_from(smtp, sender, [])
                smtp.rset()
                yield CheckStep("sender", True, f"{sender} may send")
        except (EInvoicingError, OSError, smtplib.SMTPException) as error:
            problem = error if isinstance(error, EInvoicingError) else self._lost(error)
            yield CheckStep(step, False, problem.what, problem.fix)

    def _announce(self, smtp: smtplib.SMTP, envelope: Envelope) -> None:
        options, receiver_options = [], []
        if smtp.has_extn("size"):
            options.append(f"SIZE={len(envelope.content)}")
        if smtp.has_extn("dsn"):
            options += ["RET=HDRS", f"ENVID={envelope.message_id}"]
            receiver_options = [
                "NOTIFY=SUCCESS,FAILURE,DELAY",
                f"ORCPT=rfc822;{_xtext(envelope.receiver)}",
            ]
        try:
            self._mail_from(smtp, envelope.sender, options)
            code, answer = smtp.rcpt(envelope.receiver, receiver_options)
        except (OSError, smtplib.SMTPException) as error:
            raise self._lost(error) from error
        if code not in (250, 251):
            self._refuse_receiver(code, _text(answer))

    def _mail_from(self, smtp: smtplib.SMTP, sender: str, options: list[str]) -> None:
        code, answer = smtp.mail(sender, options)
        if code == 250:
            return
        text = _text(answer)
        self._wait_if_temporary(code, text)
        if code == 552:
            raise self._too_large(text)
        if 500 <= code < 600:
            raise RemoteRefused(
                f"the mail server does not let us send as {sender}: {code} {text}",
                where=self._where,
                fix="check the sender address, and that the login may send for it",
            )
        raise self._unexpected(code, text)

    @contextmanager
    def _session(self) -> Iterator[smtplib.SMTP]:
        smtp = self._connected()
        try:
            yield smtp
            # The message is taken by now; a mail server that does not say goodbye changes nothing.
            with suppress(OSError, smtplib.SMTPException):
                smtp.quit()
        finally:
            smtp.close()

    def _connected(self) -> smtplib.SMTP:
        settings = self._settings
        context = tls_context(settings, self._secret, self._where)
        username, password = login(settings, self._secret, self._where)
        try:
            if settings.security == "tls":
                smtp: smtplib.SMTP = smtplib.SMTP_SSL(
                    settings.host,
                    settings.port,
                    local_hostname="localhost",
                    timeout=settings.timeout_seconds,
                    context=context,
                )
            else:
                smtp = smtplib.SMTP(
                    settings.host, settings.port, local_hostname="localhost", timeout=settings.timeout_seconds
                )
        except (OSError, smtplib.SMTPException) as error:
            raise self._lost(error) from error
        try:
            self._greet(smtp)
            if settings.security == "starttls":
                if not smtp.has_extn("starttls"):
                    raise RemoteRefused(
                        "the mail server offers no encryption on this port",
                        where=self._where,
                        fix="use its submission port (587 with starttls, 465 with tls), or ask who runs it",
                    )
                code, answer = smtp.starttls(context=context)
                if code != 220:
                    self._wait_if_temporary(code, _text(answer))
                    raise self._unexpected(code, _text(answer))
                self._greet(smtp)
            if username:
                self._log_in(smtp, username, password)
        except (OSError, smtplib.SMTPException) as error:
            smtp.close()
            raise self._lost(error) from error
        except EInvoicingError:
            smtp.close()
            raise
        return smtp

    def _greet(self, smtp: smtplib.SMTP) -> None:
        code, answer = smtp.ehlo()
        if code != 250:
            self._wait_if_temporary(code, _text(answer))
            raise self._unexpected(code, _text(answer))

    def _log_in(self, smtp: smtplib.SMTP, username: str, password: str) -> None:
        try:
            smtp.login(username, password)
        except smtplib.SMTPAuthenticationError as error:
            text = _text(error.smtp_error)
            self._wait_if_temporary(error.smtp_code, text)
            raise RemoteRefused(
                f"the mail server refused the login of {username}: {error.smtp_code} {text}",
                where=self._where,
                fix="renew user name and password in the secrets folder, then run gateway check",
            ) from error
        except smtplib.SMTPNotSupportedError as error:
            raise RemoteRefused(
                "the mail server takes no login by user name and password here",
                where=self._where,
                fix="allow SMTP login for this account, or leave user name and password out",
            ) from error

    def _refuse_receiver(self, code: int, text: str) -> NoReturn:
        self._wait_if_temporary(code, text)
        if code == 530 or (500 <= code < 600 and _status(text).startswith("5.7.")):
            raise RemoteRefused(
                f"the mail server does not send to this receiver for us: {code} {text}",
                where=self._where,
                fix="have IT allow this login to send to outside receivers",
            )
        if 500 <= code < 600:
            raise RouteError(
                f"the mail server refused the receiver: {code} {text}",
                where=self._where,
                fix="correct the e-mail address of the customer in the ERP, or choose another channel",
            )
        raise self._unexpected(code, text)

    def _refuse_content(self, code: int, text: str) -> NoReturn:
        self._wait_if_temporary(code, text)
        if not 500 <= code < 600:
            raise self._unexpected(code, text)
        status = _status(text)
        if status in ("5.3.4", "5.2.3") or (code == 552 and not status.startswith("5.2.")):
            raise self._too_large(text)
        raise RouteError(
            f"the mail server refused the message: {code} {text}",
            where=self._where,
            fix="ask who runs the mail server why, or choose another channel for this customer",
        )

    def _too_large(self, text: str) -> DocumentError:
        return DocumentError(
            f"the message is too large for the mail server: {text}",
            where=self._where,
            fix="leave out large supporting documents, or choose another channel for this customer",
        )

    def _wait_if_temporary(self, code: int, text: str) -> None:
        if 400 <= code < 500:
            raise RemoteUnavailable(
                f"the mail server cannot take it now: {code} {text}",
                where=self._where,
                fix="nothing to do, it is tried again; if it lasts, ask who runs the mail server",
            )

    def _unexpected(self, code: int, text: str) -> RemoteUnexpected:
        return RemoteUnexpected(
            f"the answer {code} is none that a mail server gives here",
            where=self._where,
            fix="check host and port: is this really the mail server?",
            evidence=f"{code} {text}".encode(),
        )

    def _lost(self, error: Exception) -> EInvoicingError:
        if isinstance(error, ssl.SSLCertVerificationError):
            return RemoteRefused(
                f"the mail server's certificate is not trusted: {error.verify_message}",
                where=self._where,
                fix="correct the host name, or name the authority's certificate in `authority`",
            )
        if isinstance(error, smtplib.SMTPResponseException) and error.smtp_code >= 500:
            return self._unexpected(error.smtp_code, _text(error.smtp_error))
        return RemoteUnavailable(
            "no answer from the mail server" if isinstance(error, TimeoutError) else
            "the connection to the mail server failed or ended",
            where=self._where,
            fix="nothing to do, it is tried again; if it lasts, check host, port and network",
        )  # fmt: skip


def _text(answer: bytes | str) -> str:
    """A server's answer in one line, cut to a readable length."""
    text = answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer
    return re.sub(r"[\x00-\x1f\x7f]+", " ", text).strip()[:300]


def _status(text: str) -> str:
    """The enhanced status code (RFC 3463) at the start of an answer, "" without one."""
    found = re.match(r"[245]\.\d{1,3}\.\d{1,3}\b", text)
    return found[0] if found else ""


def _xtext(text: str) -> str:
    """RFC 3461, section 4: + and = and everything unprintable in hex."""
    return re.sub(r"[^!-*,-<>-~]", lambda found: f"+{ord(found[0]):02X}", text)

"""An SMTP submission server (RFC 5321, 6409) with STARTTLS, AUTH, SIZE and DSN (RFC 3461), over aiosmtpd."""

from __future__ import annotations

import asyncio
import logging
import re
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from connectors.sandbox.faults import Faults

__all__ = ["Accepted", "SmtpServer"]

_DSN_OF_MAIL: Final = {
    "RET": re.compile(r"FULL|HDRS", re.IGNORECASE),
    "ENVID": re.compile(r"[!-*,-<>-~+]{1,100}"),
}
_DSN_OF_RCPT: Final = {
    "NOTIFY": re.compile(r"NEVER|(?:SUCCESS|FAILURE|DELAY)(?:,(?:SUCCESS|FAILURE|DELAY))*", re.IGNORECASE),
    "ORCPT": re.compile(r"[A-Za-z0-9-]+;[!-*,-<>-~+]{1,500}"),
}


@dataclass(frozen=True, slots=True)
class Accepted:
    """One message for one receiver, as the relay took it."""

    content: bytes
    sender: str
    receiver: str
    envelope_id: str
    notify: frozenset[str]


class SmtpServer:
    """Takes mail from one login and hands it to `on_mail`, once per receiver, before it answers.

    `refuse` gives the answer to a receiver that is not taken, such as `550 5.1.1 no such user`, or "".
    With `context`, everything is encrypted from the start if `implicit`, else STARTTLS is offered.
    Faults are looked for at the places `smtp EHLO`, `smtp AUTH`, `smtp RCPT <address>` and
    `smtp DATA <address>`.
    """

    def __init__(
        self,
        faults: Faults,
        *,
        port: int,
        login: tuple[str, str],
        context: ssl.SSLContext | None,
        implicit: bool = False,
        refuse: Callable[[str], str],
        on_mail: Callable[[Accepted], None],
        largest: int,
    ) -> None:
        self.faults = faults
        self.login = login
        self.starttls_context = None if implicit else context
        self._implicit_context = context if implicit else None
        self.refuse = refuse
        self.on_mail = on_mail
        self.largest = largest
        self._port = port
        self._loop: asyncio.AbstractEventLoop | None = None
        self._server: asyncio.Server | None = None
        self._thread: threading.Thread | None = None
        # aiosmtpd warns about its own use of a name that it gives up one day.
        logging.getLogger("mail.log").setLevel(logging.ERROR)

    @property
    def port(self) -> int:
        return self._port if self._server is None else int(self._server.sockets[0].getsockname()[1])

    def start(self) -> None:
        loop = asyncio.new_event_loop()
        try:
            self._server = loop.run_until_complete(
                loop.create_server(
                    lambda: _Conversation(self, loop),
                    "127.0.0.1",
                    self._port,
                    ssl=self._implicit_context,
                )
            )
        except OSError:
            loop.close()
            raise
        self._loop = loop
        self._thread = threading.Thread(target=loop.run_forever, name="sandbox smtp")
        self._thread.start()

    def stop(self) -> None:
        loop, server, thread = self._loop, self._server, self._thread
        if loop is None or server is None or thread is None:
            return
        self._loop = self._server = self._thread = None
        asyncio.run_coroutine_threadsafe(_end(server), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _end(server: asyncio.Server) -> None:
    server.close()
    tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


class _Conversation(SMTP):
    """One connection. The DSN parameters are taken here, for aiosmtpd refuses every parameter it does not
    know."""

    def __init__(self, owner: SmtpServer, loop: asyncio.AbstractEventLoop) -> None:
        self._owner = owner
        self._envelope_id = ""
        self._notify: frozenset[str] = frozenset()
        super().__init__(
            _Handler(owner),
            data_size_limit=owner.largest,
            hostname="mail.sandbox.example",
            ident="ESMTP sandbox",
            tls_context=owner.starttls_context,
            auth_require_tls=owner.starttls_context is not None,
            authenticator=self._authenticate_login,
            loop=loop,
        )

    def _authenticate_login(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: object
    ) -> AuthResult:
        user, password = self._owner.login
        right = isinstance(data, LoginPassword) and (data.login, data.password) == (
            user.encode(),
            password.encode(),
        )
        if self._owner.faults.take("smtp AUTH", "revoked-token"):
            right = False
        return AuthResult(success=right, handled=False)

    async def smtp_MAIL(self, arg: str | None) -> None:  # noqa: N802
        rest, options = _without(arg, _DSN_OF_MAIL)
        if options is None:
            await self.push("501 5.5.4 a delivery notification parameter is malformed")
            return
        self._envelope_id = options.get("ENVID", "")
        self._notify = frozenset()
        await super().smtp_MAIL(rest)

    async def smtp_RCPT(self, arg: str | None) -> None:  # noqa: N802
        rest, options = _without(arg, _DSN_OF_RCPT)
        if options is None:
            await self.push("501 5.5.4 a delivery notification parameter is malformed")
            return
        # Without NOTIFY, failures are reported (RFC 3461, 4.1).
        self._notify = frozenset(options.get("NOTIFY", "FAILURE").upper().split(","))
        await super().smtp_RCPT(rest)

    @property
    def wishes(self) -> tuple[str, frozenset[str]]:
        return self._envelope_id, self._notify


class _Handler:
    def __init__(self, owner: SmtpServer) -> None:
        self._owner = owner

    async def handle_EHLO(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        fault = self._owner.faults.take("smtp EHLO", "unavailable", "slow", "drop-before")
        if fault and fault.kind == "slow":
            await asyncio.sleep(fault.seconds)
        elif fault and fault.kind == "drop-before":
            await _drop(server)
        elif fault:
            return ["421 4.3.2 down for maintenance, come back later"]
        session.host_name = hostname
        return [*responses[:-1], "250-ENHANCEDSTATUSCODES", "250-DSN", responses[-1]]

    async def handle_MAIL(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if not session.authenticated:
            return "530 5.7.0 log in first"
        envelope.mail_from = address
        return "250 2.1.0 sender fine"

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self._owner.faults.take(f"smtp RCPT {address}", "full"):
            return "452 4.2.2 the mailbox is full, try later"
        refusal = self._owner.refuse(address)
        if refusal:
            return refusal
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 receiver fine"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        place = f"smtp DATA {envelope.rcpt_tos[0]}"
        fault = self._owner.faults.take(
            place, "full", "server-error", "unavailable", "slow", "drop-before", "drop-after"
        )
        if fault and fault.kind == "slow":
            await asyncio.sleep(fault.seconds)
        elif fault and fault.kind == "full":
            return "452 4.3.1 no room for this message now"
        elif fault and fault.kind == "server-error":
            return "451 4.3.0 could not store the message"
        elif fault and fault.kind == "unavailable":
            return "421 4.3.2 down for maintenance, come back later"
        elif fault and fault.kind == "drop-before":
            await _drop(server)
        if not (isinstance(server, _Conversation) and isinstance(envelope.content, bytes)):
            return "451 4.3.0 not a message"
        envelope_id, notify = server.wishes
        for receiver in envelope.rcpt_tos:
            self._owner.on_mail(
                Accepted(envelope.content, envelope.mail_from or "", receiver, envelope_id, notify)
            )
        if fault and fault.kind == "drop-after":
            await _drop(server)
        return "250 2.0.0 taken"


async def _drop(server: SMTP) -> None:
    if isinstance(server.transport, asyncio.WriteTransport):
        server.transport.abort()
    # The lost connection cancels this conversation.
    await asyncio.sleep(60)


def _without(arg: str | None, known: dict[str, re.Pattern[str]]) -> tuple[str | None, dict[str, str] | None]:
    """The argument without the known parameters, and these; None for them if one is malformed."""
    options: dict[str, str] = {}
    if arg is None:
        return arg, options
    address, bracket, rest = arg.rpartition(">")
    kept = []
    for word in rest.split():
        name, _, value = word.partition("=")
        pattern = known.get(name.upper())
        if pattern is None:
            kept.append(word)
        elif not pattern.fullmatch(value) or name.upper() in options:
            return arg, None
        else:
            options[name.upper()] = value
    return " ".join([address + bracket, *kept]) if bracket else arg, options

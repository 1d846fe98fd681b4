"""gateway connect: a person lets the gateway into an ERP, once, in a browser.

For ERPs whose login only a person can do (OAuth 2.0 with an authorisation code, RFC 6749 section 4.1). The
answer comes to a page that this command serves on this machine (RFC 8252), or is pasted where there is no
browser. `state` ties the answer to the question; the tokens are stored before anything uses them.
"""

from __future__ import annotations

import hmac
import secrets
import socket
import ssl
import threading
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, Final, Protocol, runtime_checkable
from urllib.parse import parse_qs, urlsplit

import typer

from connectors.base import CheckStep
from formats.errors import ConfigError, EInvoicingError, RemoteRefused
from gateway.cli.output import ERRORS, OUT, config_folder, shown
from gateway.clock import utc_now
from gateway.store import sources
from gateway.wiring import Gateway

__all__ = ["ConnectsByLogin", "code_of", "register", "source_of"]

_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
_LONGEST: Final = 8_000
_BEGIN_AGAIN: Final = "run gateway connect again and finish the login in one go"
_PAGE: Final = (
    '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{title}</title></head>'
    '<body style="font-family: sans-serif; margin: 4em auto; max-width: 40em"><h1>{title}</h1><p>{text}</p>'
    "</body></html>"
)


@runtime_checkable
class ConnectsByLogin(Protocol):
    """A connector whose first tokens come from a person's login in a browser."""

    @property
    def redirect_url(self) -> str:
        """Where the browser is sent with the answer, as registered at the ERP."""
        ...

    def authorize_url(self, state: str) -> str:
        """The ERP's page on which a person logs in."""
        ...

    def take_code(self, code: str) -> None:
        """Exchange the answer for tokens; they are committed when this returns. RemoteRefused for a code that
        does not work."""
        ...

    def connected(self) -> Iterator[CheckStep]:
        """Try the new connection, and set up at the ERP what the settings want."""
        ...


def connect(
    context: typer.Context,
    source: Annotated[str, typer.Argument(help="a source, or the beginning of its name: exact")],
    code: Annotated[
        bool, typer.Option("--code", help="no browser here: log in elsewhere and paste the answer")
    ] = False,
    browser: Annotated[
        bool, typer.Option(help="open the browser; without it, only print the address")
    ] = True,
    wait: Annotated[int, typer.Option(help="seconds to wait for the login", min=1, max=3600)] = 300,
) -> None:
    """Log in to an ERP, so that the gateway may read and write there."""
    gateway = Gateway.open(config_folder(context))
    try:
        name = source_of(gateway, source)
        connector = gateway.source(name)
        if not isinstance(connector, ConnectsByLogin):
            raise ConfigError(
                f"the source {name} needs no login by a person",
                where="gateway connect",
                fix=f"its logins stand in the config; try them with gateway check {name}",
            )
        state = secrets.token_urlsafe(32)
        address = connector.redirect_url
        if code or urlsplit(address).hostname not in _LOOPBACK:
            _tell_address(connector, state)
            answer = _pasted(state)
        else:
            answer = _listened(connector, address, state, open_browser=browser, seconds=wait)
        connector.take_code(answer)
        OUT.print(shown(f"{name} is connected; both tokens are stored."), soft_wrap=True)
        works = _show(connector.connected())
        if works:
            _end_pause(gateway, name)
        OUT.print(shown(f"Next: gateway check {name}, then gateway run."), soft_wrap=True)
    finally:
        gateway.close()
    if not works:
        raise typer.Exit(1)


def _end_pause(gateway: Gateway, name: str) -> None:
    """A running gateway that left the source alone, for its login had ended, takes it up again now."""
    now = gateway.clock()
    with gateway.database.begin() as connection:
        due_at = sources.get(connection, name).due_at
        if due_at is not None and due_at > now:
            sources.failed(connection, name, verdict="", sentence="", due_at=now)


def source_of(gateway: Gateway, wanted: str) -> str:
    """The source that is meant: by its name, else the only one whose name or kind begins so."""
    known = gateway.settings.sources
    if any(source.name == wanted for source in known):
        return wanted
    found = [source.name for source in known if source.name.startswith(wanted)]
    found = found or [source.name for source in known if source.kind.startswith(wanted)]
    if len(found) != 1:
        raise ConfigError(
            f"{len(found) or 'no'} source{'s' if len(found) > 1 else ''} could be meant by {wanted[:100]!r}",
            where="gateway connect",
            fix=f"name one of {', '.join(found or [source.name for source in known])}",
        )
    return found[0]


def _tell_address(connector: ConnectsByLogin, state: str) -> None:
    OUT.print("Open this address in a browser, log in, and allow the access:\n")
    OUT.print(shown(connector.authorize_url(state)), soft_wrap=True)
    OUT.print()


def _show(steps: Iterator[CheckStep]) -> bool:
    works = True
    for step in steps:
        mark = "ok  " if step.ok else "FAIL"
        OUT.print(shown(f"{mark} {step.name:12} {step.seen}"), soft_wrap=True)
        if not step.ok:
            works = False
            OUT.print(shown(f"     to do: {step.fix}"), soft_wrap=True)
    return works


# -- the answer: pasted


def _pasted(state: str) -> str:
    ERRORS.print(
        "The browser then shows a page, perhaps one that cannot be loaded. Copy the whole address from its "
        "address bar, and paste it here:",
        soft_wrap=True,
    )
    text = typer.get_text_stream("stdin").readline(_LONGEST + 1).strip()
    if len(text) > _LONGEST:
        raise RemoteRefused("the pasted text is too long", where="gateway connect", fix=_BEGIN_AGAIN)
    if "://" in text:
        return code_of(urlsplit(text).query, state)
    if not text or "=" in text.split("&")[0][:6]:
        return code_of(text.lstrip("?"), state)
    # A bare code was copied by hand by the person who sits here, so nobody slipped it in.
    return text


def code_of(query: str, state: str) -> str:
    """The code of an answer, decoded once. Raises RemoteRefused for an answer that is not to our question."""
    answer = {name: values[0] for name, values in parse_qs(query, max_num_fields=20).items()}
    if not hmac.compare_digest(answer.get("state", "").encode(), state.encode()):
        raise RemoteRefused(
            "the answer does not belong to this login, so it is not used",
            where="gateway connect",
            fix=f"{_BEGIN_AGAIN}; do not use an address from an earlier try or from somebody else",
        )
    if "error" in answer or not answer.get("code"):
        raise RemoteRefused(
            f"the login was not allowed ({answer.get('error', 'no code in the answer')[:100]})",
            where="gateway connect",
            fix="log in as a user who may manage apps in the ERP, and allow the access",
        )
    return answer["code"]


# -- the answer: listened for


class _Waiting(ThreadingHTTPServer):
    """Waits for the one answer; other requests (a wrong state, an icon) are turned away and change
    nothing."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, host: str, port: int, path: str, state: str) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.path, self.state = path, state
        self.answered = threading.Event()
        self.code = ""
        self.problem: EInvoicingError | None = None
        super().__init__((host, port), _Answer)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that broke off, or a browser that does not like the certificate: it comes again."""


class _Answer(BaseHTTPRequestHandler):
    timeout = 10
    server: _Waiting

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        if parts.path != self.server.path or self.server.answered.is_set():
            self._reply(404, "Not found", "There is nothing here.")
            return
        try:
            self.server.code = code_of(parts.query, self.server.state)
        except RemoteRefused as error:
            self._reply(400, "Not connected", error.sentence)
            if "state" in parts.query and self.server.state in parts.query:
                self.server.problem = error
                self.server.answered.set()
            return
        self._reply(200, "Thank you", "You can close this page and go back to the terminal.")
        self.server.answered.set()

    def _reply(self, status: int, title: str, text: str) -> None:
        escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        body = _PAGE.format(title=title, text=escaped).encode()
        self.send_response(status)
        for name, value in (
            ("Content-Type", "text/html;charset=utf-8"),
            ("Content-Length", str(len(body))),
            ("Cache-Control", "no-store"),
            # The address holds the code: it must not travel on as a referrer.
            ("Referrer-Policy", "no-referrer"),
            ("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'"),
            ("Connection", "close"),
        ):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Nothing is logged: the address holds the code."""


def _listened(
    connector: ConnectsByLogin, address: str, state: str, *, open_browser: bool, seconds: int
) -> str:
    with _server(address, state) as server:
        _tell_address(connector, state)
        OUT.print(shown(f"Waiting for the answer at {address} ..."), soft_wrap=True)
        if open_browser:
            webbrowser.open(connector.authorize_url(state))
        if not server.answered.wait(seconds):
            raise RemoteRefused(
                f"nobody logged in within {seconds} seconds",
                where="gateway connect",
                fix="run it again; where the browser is on another machine, use --code",
            )
        if server.problem is not None:
            raise server.problem
        return server.code


@contextmanager
def _server(address: str, state: str) -> Iterator[_Waiting]:
    parts = urlsplit(address)
    secure = parts.scheme == "https"
    port = parts.port or (443 if secure else 80)
    # "localhost" may lead a browser to either loopback address; the older one is always there.
    host = "127.0.0.1" if parts.hostname == "localhost" else str(parts.hostname)
    try:
        server = _Waiting(host, port, parts.path or "/", state)
    except OSError as error:
        raise ConfigError(
            f"port {port} of this machine cannot be listened on: {error.strerror or type(error).__name__}",
            where=f"redirect_url {address}",
            fix="end the program that uses the port, register another redirect address, or use --code",
        ) from error
    if secure:
        # The handshake is made by the thread of each connection: browsers open some that they never use.
        server.socket = _own_certificate().wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
        OUT.print(
            "The browser will warn of an unknown certificate: it was made on this machine for this login "
            "only, and you may go on.",
            soft_wrap=True,
        )
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _own_certificate() -> ssl.SSLContext:
    """A certificate for this machine that lives as long as this login; its key never leaves a private
    folder."""
    from ipaddress import ip_address

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = utc_now()
    names = x509.SubjectAlternativeName(
        [
            x509.DNSName("localhost"),
            x509.IPAddress(ip_address("127.0.0.1")),
            x509.IPAddress(ip_address("::1")),
        ]
    )
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(names, critical=False)
        .sign(key, hashes.SHA256())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with TemporaryDirectory() as folder:
        file = Path(folder) / "login.pem"
        file.touch(mode=0o600)
        file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            + certificate.public_bytes(serialization.Encoding.PEM)
        )
        context.load_cert_chain(file)
    return context


def register(app: typer.Typer) -> None:
    """Add the command of this file."""
    app.command()(connect)

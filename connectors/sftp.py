"""The only way out over SFTP: pinned host key, time-outs, bounded reads, uploads whole or not at all.

For connectors and channels. SFTP protocol version 3 (draft-ietf-secsh-filexfer-02), as OpenSSH and most
servers speak it. That version has no code for "disk full": every refusal except "no such file" and
"permission denied" arrives as a plain failure and counts as RemoteUnavailable.
"""

from __future__ import annotations

import base64
import binascii
import io
import logging
import posixpath
import socket
import stat as file_modes
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import paramiko
from pydantic import Field, field_validator, model_validator

from connectors.base import CheckStep, ConnectorSettings, SecretReference
from formats.errors import (
    ConfigError,
    ConflictError,
    DocumentError,
    EInvoicingError,
    RemoteError,
    RemoteRefused,
    RemoteUnavailable,
    RemoteUnexpected,
)

__all__ = ["RemoteFile", "SftpClient", "SftpSettings", "check_steps", "check_writing"]

_CHUNK: Final = 32_768
_MOST_SKEW_SECONDS: Final = 300
_MOST_ENTRIES: Final = 200_000
# Without a handler of its own the library writes tracebacks of dropped connections to stderr.
logging.getLogger("paramiko").addHandler(logging.NullHandler())


class SftpSettings(ConnectorSettings):
    """How to reach one SFTP server."""

    host: str = Field(description="host name or address of the SFTP server")
    port: int = Field(22, ge=1, le=65_535, description="TCP port of the SFTP server")
    username: str = Field(description="login name")
    password: SecretReference | None = Field(
        None, description="password, as file:secrets/<name> or env:<NAME>"
    )
    key: SecretReference | None = Field(
        None, description="private key (OpenSSH or PEM: Ed25519, ECDSA, RSA), as file:secrets/<name>"
    )
    key_passphrase: SecretReference | None = Field(
        None, description="passphrase of the private key, where it has one"
    )
    host_key: str = Field(
        description="the server's public key, type and base64, as in known_hosts: ssh-ed25519 AAAA..."
    )
    connect_timeout_seconds: float = Field(15, gt=0, description="longest wait for connection and login")
    timeout_seconds: float = Field(60, gt=0, description="longest wait for one answer")
    largest_file_bytes: int = Field(52_428_800, gt=0, description="files larger than this are not read")

    @field_validator("host_key")
    @classmethod
    def _host_key_is_a_key(cls, value: str) -> str:
        kind, _, rest = value.strip().partition(" ")
        encoded = rest.split(" ")[0]
        try:
            blob = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError) as error:
            raise ValueError("the second word of the host key must be base64") from error
        length = int.from_bytes(blob[:4], "big")
        if not kind or not encoded or blob[4 : 4 + length] != kind.encode():
            raise ValueError("write type and key as ssh-keyscan prints them: ssh-ed25519 AAAA...")
        return f"{kind} {encoded}"

    @model_validator(mode="after")
    def _has_a_login(self) -> SftpSettings:
        if self.password is None and self.key is None:
            raise ValueError("name a password or a key")
        return self


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """One entry of a folder. `modified` is aware UTC with whole seconds, by the server's clock; None if it
    gives none."""

    name: str
    size: int
    modified: datetime | None
    is_folder: bool = False


class SftpClient:
    """One SFTP account; connects on first use, and again after a lost connection.

    Calls from several threads take turns. Every call may raise RemoteRefused (login, host key, rights, a
    folder that is not there) and RemoteUnavailable (network, time-out, failure at the server; `uncertain`
    where a change may have been carried out although no answer came).
    """

    def __init__(self, name: str, settings: SftpSettings, secret: Callable[[str], str]) -> None:
        self.name = name
        self.settings = settings
        self._secret = secret
        self._lock = threading.RLock()
        self._transport: paramiko.Transport | None = None
        self._sftp: paramiko.SFTPClient | None = None

    @property
    def where(self) -> str:
        """For messages: the configured name and the server."""
        return f"{self.name}, sftp://{self.settings.host}:{self.settings.port}"

    @property
    def connected(self) -> bool:
        """Whether a logged-in connection is open now."""
        transport = self._transport
        return self._sftp is not None and transport is not None and transport.is_active()

    def list(self, folder: str) -> tuple[RemoteFile, ...]:
        """The files of one folder (folders are left out), oldest first, then by name."""
        with self._session(folder) as sftp:
            found: list[RemoteFile] = []
            for attributes in sftp.listdir_iter(folder, read_aheads=1):
                entry = _remote_file(attributes.filename, attributes)
                if "/" in entry.name or "\0" in entry.name or len(found) >= _MOST_ENTRIES:
                    raise RemoteUnexpected(
                        f"the listing of {folder} holds impossible names or over {_MOST_ENTRIES} files",
                        where=self.where,
                        fix="have IT look at the folder",
                        evidence=entry.name.encode(errors="replace"),
                    )
                if not entry.is_folder:
                    found.append(entry)
        oldest = datetime.min.replace(tzinfo=UTC)
        return tuple(sorted(found, key=lambda entry: (entry.modified or oldest, entry.name)))

    def stat(self, path: str) -> RemoteFile | None:
        """What is known about one file or folder; None when it is certainly not there."""
        with self._session(path) as sftp:
            try:
                return _remote_file(posixpath.basename(path), sftp.stat(path))
            except FileNotFoundError:
                return None

    def exists(self, path: str) -> bool:
        return self.stat(path) is not None

    def read(self, path: str, largest: int | None = None) -> bytes:
        """The whole file, at most `largest` bytes (default: the setting).

        Raises DocumentError when the file is larger, ConflictError when it has gone since it was listed, and
        RemoteUnavailable when fewer bytes came than the server had announced.
        """
        limit = self.settings.largest_file_bytes if largest is None else largest
        with self._session(path) as sftp:
            try:
                announced = sftp.stat(path).st_size or 0
                if announced > limit:
                    raise _too_large(path, self.where, announced, limit)
                # One request at a time: the library's read-ahead threads lose a dropped connection.
                with sftp.open(path, "rb", bufsize=0) as file:
                    content = bytearray()
                    while chunk := file.read(_CHUNK):
                        content += chunk
                        if len(content) > limit:
                            raise _too_large(path, self.where, len(content), limit)
            except FileNotFoundError as error:
                raise ConflictError(
                    f"{path} is no longer there", where=self.where, fix="look at the folder again"
                ) from error
        if len(content) < announced:
            raise RemoteUnavailable(
                f"{path} ended after {len(content)} of {announced} bytes",
                where=self.where,
                fix="nothing to do, it is read again; if it lasts, have IT look at the server",
            )
        return bytes(content)

    def write_atomically(self, path: str, content: bytes) -> None:
        """Upload under a temporary name (ending in .tmp), compare the size, then rename to `path`.

        A file that already has the name is never replaced: ConflictError. RemoteUnavailable is `uncertain`
        only from the rename on; before that the name is certainly not taken, and at most a .tmp file is left.
        """
        temporary = f"{path}.{uuid.uuid4().hex[:12]}.tmp"
        try:
            with self._session(path) as sftp:
                with sftp.open(temporary, "wbx", bufsize=0) as file:
                    # Each write waits for its answer: pipelined writes lose the server's "disk full".
                    for start in range(0, len(content), _CHUNK):
                        file.write(content[start : start + _CHUNK])
                arrived = sftp.stat(temporary).st_size
            if arrived != len(content):
                raise RemoteUnavailable(
                    f"only {arrived} of {len(content)} bytes of {path} arrived",
                    where=self.where,
                    fix="check the free space of the server; it is sent again by itself",
                )
        except RemoteError:
            self._discard(temporary)
            raise
        self._move(temporary, path, discard=True)

    def probe(self, folder: str, content: bytes) -> RemoteFile:
        """Write one small hidden file into the folder, look at it, and remove it again.

        Its name, `.gateway-check-<random>.tmp`, begins and ends as what every reader of such folders passes
        over. Returns what the server said about it; a file that could not be removed is named in the error.
        """
        path = posixpath.join(folder, f".gateway-check-{uuid.uuid4().hex[:12]}.tmp")
        try:
            with self._session(path) as sftp:
                with sftp.open(path, "wbx", bufsize=0) as file:
                    file.write(content)
                seen = _remote_file(posixpath.basename(path), sftp.stat(path))
        except RemoteError:
            self._discard(path)
            raise
        self.remove(path)
        return seen

    def rename(self, old: str, new: str) -> None:
        """Move a file. ConflictError when `old` is not there or `new` is already taken."""
        self._move(old, new, discard=False)

    def remove(self, path: str) -> None:
        """Delete one file; one that is not there is fine."""
        with self._session(path, changes=True) as sftp, suppress(FileNotFoundError):
            sftp.remove(path)

    def ensure_folder(self, path: str) -> None:
        """Create the folder and those above it where they are missing."""
        with self._session(path, changes=True) as sftp:
            missing = []
            while path not in ("", "/", "."):
                try:
                    sftp.stat(path)
                    break
                except FileNotFoundError:
                    missing.append(path)
                    path = posixpath.dirname(path)
            for folder in reversed(missing):
                try:
                    sftp.mkdir(folder)
                except OSError as error:
                    # Another process may have made it meanwhile; anything else shows in the second look.
                    if error.errno is not None:
                        raise
                    sftp.stat(folder)

    def connect(self) -> None:
        """Open the connection now; without it the first call does."""
        with self._session("login"):
            pass

    def close(self) -> None:
        """Let go of the connection; the next call opens a new one."""
        with self._lock:
            sftp, self._sftp = self._sftp, None
            transport, self._transport = self._transport, None
        if sftp is not None:
            with suppress(OSError, EOFError, paramiko.SSHException):
                sftp.close()
        if transport is not None:
            transport.close()

    def _move(self, old: str, new: str, *, discard: bool) -> None:
        try:
            with self._session(new, changes=True) as sftp:
                # Some servers replace the target without a word, so it is looked for first.
                if self._there(sftp, new):
                    raise _taken(old, new, self.where)
                try:
                    sftp.rename(old, new)
                except FileNotFoundError as error:
                    # A missing target folder is answered with the same code as a missing file.
                    if self._there(sftp, old):
                        raise RemoteRefused(
                            f"the folder {posixpath.dirname(new)} is not there",
                            where=self.where,
                            fix="create it, or correct the folder in the settings",
                        ) from error
                    raise _taken(old, new, self.where) from error
                except OSError as error:
                    if error.errno is None and self._there(sftp, new):
                        raise _taken(old, new, self.where) from error
                    raise
        except (ConflictError, RemoteRefused):
            if discard:
                self._discard(old)
            raise
        except RemoteUnavailable as error:
            if discard and not error.uncertain:
                self._discard(old)
            raise

    @staticmethod
    def _there(sftp: paramiko.SFTPClient, path: str) -> bool:
        try:
            sftp.stat(path)
        except FileNotFoundError:
            return False
        return True

    def _discard(self, temporary: str) -> None:
        """Take a temporary file away if that is possible at once; a left-over is ignored by its name."""
        if self._sftp is not None:
            with suppress(EInvoicingError):
                self.remove(temporary)

    @contextmanager
    def _session(self, path: str, *, changes: bool = False) -> Iterator[paramiko.SFTPClient]:
        with self._lock:
            sftp = self._connected()
            try:
                yield sftp
            except PermissionError as error:
                raise RemoteRefused(
                    f"the server does not let {self.settings.username} do this with {path}",
                    where=self.where,
                    fix="give the account the right to read, write and rename in this folder",
                ) from error
            except FileNotFoundError as error:
                raise RemoteRefused(
                    f"{path}, or the folder it belongs in, is not there",
                    where=self.where,
                    fix="create the folder, or correct it in the settings",
                ) from error
            except TimeoutError as error:
                self.close()
                raise RemoteUnavailable(
                    f"no answer within {self.settings.timeout_seconds:g} seconds about {path}",
                    where=self.where,
                    fix="nothing to do, it is tried again; if it lasts, have IT look at the server",
                    uncertain=changes,
                ) from error
            except (EOFError, paramiko.SSHException, paramiko.SFTPError) as error:
                self.close()
                raise _lost(path, self.where, changes=changes) from error
            except OSError as error:
                if error.errno is not None:
                    self.close()
                    raise _lost(path, self.where, changes=changes) from error
                raise RemoteUnavailable(
                    f"the server could not do this with {path}: {str(error)[:200] or 'no reason given'}",
                    where=self.where,
                    fix="check the free space and the folder at the server; it is tried again by itself",
                ) from error

    def _connected(self) -> paramiko.SFTPClient:
        sftp, transport = self._sftp, self._transport
        if sftp is not None and transport is not None and transport.is_active():
            channel = sftp.get_channel()
            if channel is not None and not channel.closed:
                return sftp
        self.close()
        transport = self.open_transport()
        try:
            return self.log_in(transport)
        except EInvoicingError:
            transport.close()
            raise

    def open_transport(self) -> paramiko.Transport:
        """Connect and compare the host key; nothing secret has been sent when this returns."""
        settings = self.settings
        kind, encoded = settings.host_key.split(" ")
        try:
            sock = socket.create_connection(
                (settings.host, settings.port), timeout=settings.connect_timeout_seconds
            )
        except OSError as error:
            raise RemoteUnavailable(
                f"no connection: {error.strerror or type(error).__name__}",
                where=self.where,
                fix="check host, port and firewall; it is tried again by itself",
            ) from error
        try:
            transport = paramiko.Transport(sock)
            transport.banner_timeout = settings.connect_timeout_seconds
            transport.handshake_timeout = settings.connect_timeout_seconds
            transport.auth_timeout = settings.connect_timeout_seconds
            # Ask for the pinned kind of key only: a server may hold several.
            transport.get_security_options().key_types = (
                ("rsa-sha2-512", "rsa-sha2-256") if kind == "ssh-rsa" else (kind,)
            )
        except (ValueError, OSError, paramiko.SSHException) as error:
            sock.close()
            raise ConfigError(
                f"host keys of the type {kind[:40]!r} are not supported",
                where=self.where,
                fix="pin the server's ssh-ed25519, ecdsa or ssh-rsa key",
            ) from error
        try:
            transport.start_client(timeout=settings.connect_timeout_seconds)
            offered = transport.get_remote_server_key()
        except paramiko.ssh_exception.IncompatiblePeer as error:
            transport.close()
            raise RemoteRefused(
                f"the server offers no {kind} key, or no method that both sides know",
                where=self.where,
                fix="ask the server's operator for the current host key and write it into host_key",
            ) from error
        except (paramiko.SSHException, EOFError, OSError) as error:
            transport.close()
            raise RemoteUnavailable(
                "the server does not answer as an SFTP server",
                where=self.where,
                fix="check host and port; it is tried again by itself",
            ) from error
        if offered.asbytes() != base64.b64decode(encoded):
            transport.close()
            raise RemoteRefused(
                "the server shows another host key than the pinned one: this may be the wrong server",
                where=self.where,
                fix="ask the server's operator whether the key was changed, and only then renew host_key",
            )
        return transport

    def log_in(self, transport: paramiko.Transport) -> paramiko.SFTPClient:
        """Log in on an open connection and start SFTP on it."""
        settings = self.settings
        try:
            if settings.key is not None:
                transport.auth_publickey(settings.username, self._private_key(settings.key))
            if settings.password is not None and not transport.is_authenticated():
                transport.auth_password(settings.username, self._secret(settings.password).rstrip("\r\n"))
        except paramiko.AuthenticationException as error:
            raise RemoteRefused(
                f"the server refuses the login of {settings.username}",
                where=self.where,
                fix="check user name, password and key; a locked account is opened by the server's operator",
            ) from error
        except (paramiko.SSHException, EOFError, OSError) as error:
            raise _lost("login", self.where, changes=False) from error
        try:
            channel = transport.open_session(timeout=settings.connect_timeout_seconds)
            channel.settimeout(settings.timeout_seconds)
            channel.invoke_subsystem("sftp")
            sftp = paramiko.SFTPClient(channel)
        except (paramiko.SSHException, paramiko.SFTPError, EOFError, OSError) as error:
            raise RemoteUnavailable(
                "the login works, but the server does not start SFTP",
                where=self.where,
                fix="ask the server's operator to allow SFTP for this account; it is tried again by itself",
            ) from error
        transport.set_keepalive(30)
        self._transport, self._sftp = transport, sftp
        return sftp

    def _private_key(self, reference: str) -> paramiko.PKey:
        text = self._secret(reference)
        passphrase = (
            self._secret(self.settings.key_passphrase).rstrip("\r\n")
            if self.settings.key_passphrase
            else None
        )
        kinds: tuple[type[paramiko.PKey], ...] = (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey)
        for kind in kinds:
            with suppress(paramiko.SSHException, ValueError, IndexError):
                return kind.from_private_key(io.StringIO(text), passphrase)
        raise ConfigError(
            "the private key cannot be read, or its passphrase is wrong",
            where=f"{self.where}, key",
            fix="give an Ed25519, ECDSA or RSA key in OpenSSH or PEM form",
        )


def check_steps(client: SftpClient, folders: tuple[str, ...]) -> Iterator[CheckStep]:
    """Name, connection with host key, login, and the right to list each folder; stops where the next step is
    pointless."""
    settings = client.settings
    try:
        addresses = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)
    except OSError as error:
        yield CheckStep(
            "name",
            False,
            f"{settings.host} is unknown: {error.strerror}",
            "check the host name and the name server of this machine",
        )
        return
    yield CheckStep("name", True, f"{settings.host} is {addresses[0][4][0]}")
    client.close()
    try:
        transport = client.open_transport()
    except EInvoicingError as error:
        yield CheckStep("connection and host key", False, error.what, error.fix)
        return
    yield CheckStep("connection and host key", True, f"port {settings.port} answers with the pinned host key")
    try:
        client.log_in(transport)
    except EInvoicingError as error:
        transport.close()
        yield CheckStep("login", False, error.what, error.fix)
        return
    yield CheckStep("login", True, f"logged in as {settings.username}")
    for folder in folders:
        try:
            seen = client.list(folder)
        except EInvoicingError as error:
            yield CheckStep(f"folder {folder}", False, error.what, error.fix)
        else:
            yield CheckStep(f"folder {folder}", True, f"{len(seen)} files")


def check_writing(client: SftpClient, folder: str, clock: Callable[[], datetime]) -> Iterator[CheckStep]:
    """The right to write, and the server's clock, by one temporary file; see `SftpClient.probe`."""
    title = f"writing into {folder}"
    try:
        before = clock()
        found = client.probe(folder, b"gateway check\n")
        after = clock()
    except EInvoicingError as error:
        yield CheckStep(title, False, error.what, error.fix)
        return
    yield CheckStep(title, True, f"the temporary file {found.name} was written, looked at and removed")
    if found.modified is None:
        yield CheckStep("clock", True, "not measured: the server gives its files no time")
        return
    # The server tells whole seconds, cut off.
    early, late = before.replace(microsecond=0) - found.modified, found.modified - after
    seconds = max(early.total_seconds(), late.total_seconds(), 0)
    seen = f"{seconds:.0f} seconds between our clock and the server's, by that file's time"
    exact = seconds <= _MOST_SKEW_SECONDS
    yield CheckStep(
        "clock", exact, seen, "" if exact else "set both clocks by NTP (this machine's and theirs)"
    )


def _remote_file(name: str, attributes: paramiko.SFTPAttributes) -> RemoteFile:
    seconds = attributes.st_mtime
    return RemoteFile(
        name,
        attributes.st_size or 0,
        None if seconds is None else datetime.fromtimestamp(int(seconds), UTC),
        file_modes.S_ISDIR(attributes.st_mode or 0),
    )


def _too_large(path: str, where: str, size: int, limit: int) -> DocumentError:
    return DocumentError(
        f"{path} has at least {size} bytes, {limit} are allowed",
        where=where,
        fix="check the export, or raise largest_file_bytes in the settings of this connection",
    )


def _taken(old: str, new: str, where: str) -> ConflictError:
    return ConflictError(
        f"{old} cannot become {new}: it has gone, or the new name is taken",
        where=where,
        fix="look at the folder again",
    )


def _lost(path: str, where: str, *, changes: bool) -> RemoteUnavailable:
    return RemoteUnavailable(
        f"the connection ended while working on {path}",
        where=where,
        fix="nothing to do, it is tried again; if it lasts, have IT look at the server",
        uncertain=changes,
    )

"""A real SFTP server on loopback, rooted in one folder, for the imitated systems that exchange files.

It speaks SFTP version 3 and behaves like OpenSSH where it matters: rename never replaces a file, a full disk
is a bare "Failure", a missing file and a missing folder look the same. Logins and keys are fixed demo values.

Faults by place (`Faults`): "connect" (unavailable: the connection ends at once), "login" (revoked-token), and
"list PATH", "stat PATH", "read PATH", "write PATH", "rename OLD NEW", "remove PATH", "mkdir PATH" with slow,
unavailable or server-error (a bare failure), drop-before, drop-after; "read PATH" also truncated (half of the
file, then its end), "write PATH" also full.
"""

from __future__ import annotations

import errno
import hashlib
import io
import os
import posixpath
import socket
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import paramiko
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from paramiko.common import (
    AUTH_FAILED,
    AUTH_SUCCESSFUL,
    OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED,
    OPEN_SUCCEEDED,
)
from paramiko.sftp import SFTP_FAILURE, SFTP_OK

from connectors.sandbox.faults import Faults

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["SftpServer", "demo_key_text", "public_line"]

_LONGEST_STOP: Final = 5.0


def demo_key_text(label: str) -> str:
    """The private key made from a label, in OpenSSH form; the same key for the same label, for demos only."""
    private = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(label.encode()).digest())
    return private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.OpenSSH,
        serialization.NoEncryption(),
    ).decode()


def public_line(label: str) -> str:
    """The public half of `demo_key_text(label)`, as known_hosts and authorized_keys write it."""
    private = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(label.encode()).digest())
    return (
        private.public_key()
        .public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
        .decode()
    )


def _ignore(path: str) -> None:
    """Nobody wants to hear of finished files."""


@dataclass(frozen=True, slots=True)
class _Site:
    """What every session of one server shares."""

    root: Path
    passwords: Mapping[str, str]
    keys: Mapping[str, str]
    faults: Faults
    on_finished: Callable[[str], None]
    stopping: threading.Event = field(default_factory=threading.Event)


class SftpServer:
    """One SFTP server; `passwords` and `keys` (public lines) are the logins by user name.

    `on_finished` is called with the path (from "/") of each file that a client has closed after writing or
    has renamed (temporary names included), in the session's thread, before the client gets its answer: what
    it does is done when the client goes on.
    """

    def __init__(
        self,
        root: Path,
        *,
        passwords: Mapping[str, str],
        keys: Mapping[str, str] | None = None,
        host_key_label: str,
        faults: Faults,
        port: int = 0,
        on_finished: Callable[[str], None] = _ignore,
    ) -> None:
        self.port = port
        self.host_key = public_line(host_key_label)
        self._host_key = paramiko.Ed25519Key.from_private_key(io.StringIO(demo_key_text(host_key_label)))
        self._site = _Site(root.resolve(), passwords, keys or {}, faults, on_finished)
        self._listener: socket.socket | None = None
        self._threads: list[threading.Thread] = []
        self._transports: list[paramiko.Transport] = []
        self._lock = threading.Lock()

    @property
    def address(self) -> str:
        return f"sftp://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Listen; connections are taken when this returns."""
        listener = socket.create_server(("127.0.0.1", self.port))
        listener.settimeout(0.1)
        self.port = listener.getsockname()[1]
        self._site.stopping.clear()
        self._listener = listener
        thread = threading.Thread(target=self._accept, args=(listener,), name="sandbox-sftp", daemon=True)
        self._threads.append(thread)
        thread.start()

    def stop(self) -> None:
        """Close all connections and end all threads; safe to repeat."""
        self._site.stopping.set()
        with self._lock:
            transports, self._transports = self._transports, []
            threads, self._threads = self._threads, []
        for transport in transports:
            transport.close()
        for thread in threads:
            thread.join(_LONGEST_STOP)
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    def disconnect(self) -> None:
        """Cut every open connection, as a restart of the server would."""
        with self._lock:
            transports, self._transports = self._transports, []
        for transport in transports:
            transport.close()

    def _accept(self, listener: socket.socket) -> None:
        while not self._site.stopping.is_set():
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                continue
            except OSError:
                return
            if self._site.faults.take("connect", "unavailable", "drop-before"):
                connection.close()
                continue
            thread = threading.Thread(
                target=self._serve, args=(connection,), name="sandbox-sftp-login", daemon=True
            )
            with self._lock:
                self._threads = [thread, *(old for old in self._threads if old.is_alive())]
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        connection.settimeout(None)
        try:
            transport = paramiko.Transport(connection)
        except (OSError, paramiko.SSHException):
            connection.close()
            return
        transport.add_server_key(self._host_key)
        transport.set_subsystem_handler("sftp", paramiko.SFTPServer, _Files, self._site, transport)
        with self._lock:
            self._transports = [transport, *(old for old in self._transports if old.is_active())]
        with suppress(paramiko.SSHException, EOFError, OSError):
            transport.start_server(server=_Logins(self._site))


class _Logins(paramiko.ServerInterface):
    def __init__(self, site: _Site) -> None:
        self._site = site

    def get_allowed_auths(self, username: str) -> str:
        return "password,publickey"

    def check_auth_password(self, username: str, password: str) -> int:
        right = self._site.passwords.get(username)
        return self._verdict(right is not None and right == password)

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        line = self._site.keys.get(username, "")
        return self._verdict(line.split(" ")[:2] == [key.get_name(), key.get_base64()])

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return OPEN_SUCCEEDED if kind == "session" else OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED

    def _verdict(self, right: bool) -> int:
        if not right or self._site.faults.take("login", "revoked-token"):
            return AUTH_FAILED
        return AUTH_SUCCESSFUL


class _Files(paramiko.SFTPServerInterface):
    """Requests of one session. Every method answers with an SFTP status code instead of raising."""

    def __init__(self, server: paramiko.ServerInterface, site: _Site, transport: paramiko.Transport) -> None:
        super().__init__(server)
        self.site = site
        self.transport = transport

    def local(self, path: str) -> Path:
        """The file behind a path of the client. PermissionError for anything outside the root."""
        depth = 0
        for step in path.split("/"):
            depth += {"..": -1, ".": 0, "": 0}.get(step, 1)
            if depth < 0 or "\0" in step:
                raise PermissionError(errno.EACCES, "outside the root")
        found = self.site.root / posixpath.normpath("/" + path).lstrip("/")
        if not found.resolve().is_relative_to(self.site.root):
            raise PermissionError(errno.EACCES, "outside the root")
        return found

    def run(self, place: str, work: Callable[[], Any]) -> Any:
        """Do `work` under the faults armed for this place; an OSError becomes its status code."""
        faults = self.site.faults
        slow = faults.take(place, "slow")
        if slow is not None:
            self.site.stopping.wait(slow.seconds)
        if faults.take(place, "unavailable", "server-error"):
            return SFTP_FAILURE
        if faults.take(place, "drop-before"):
            self.transport.close()
            return SFTP_FAILURE
        drop = faults.take(place, "drop-after")
        try:
            answer = work()
        except OSError as error:
            answer = paramiko.SFTPServer.convert_errno(error.errno or 0)
        if drop is not None:
            self.transport.close()
        return answer

    def list_folder(self, path: str) -> Any:
        def work() -> list[paramiko.SFTPAttributes]:
            return [
                paramiko.SFTPAttributes.from_stat(entry.lstat(), entry.name)
                for entry in sorted(self.local(path).iterdir())
            ]

        return self.run(f"list {path}", work)

    def stat(self, path: str) -> Any:
        return self.run(f"stat {path}", lambda: paramiko.SFTPAttributes.from_stat(self.local(path).stat()))

    def lstat(self, path: str) -> Any:
        return self.stat(path)

    def open(self, path: str, flags: int, attr: paramiko.SFTPAttributes) -> Any:
        writes = bool(flags & (os.O_WRONLY | os.O_RDWR))
        return self.run(
            f"{'write' if writes else 'read'} {path}",
            lambda: _OpenFile(self, path, os.open(self.local(path), flags, 0o600), writes=writes),
        )

    def remove(self, path: str) -> int:
        return self._change(f"remove {path}", lambda: self.local(path).unlink())

    def rename(self, oldpath: str, newpath: str) -> int:
        def work() -> None:
            target = self.local(newpath)
            if target.exists():
                raise FileExistsError(errno.EEXIST, "exists")
            self.local(oldpath).rename(target)
            self.site.on_finished(posixpath.normpath("/" + newpath.lstrip("/")))

        return self._change(f"rename {oldpath} {newpath}", work)

    def mkdir(self, path: str, attr: paramiko.SFTPAttributes) -> int:
        return self._change(f"mkdir {path}", lambda: self.local(path).mkdir(0o700))

    def rmdir(self, path: str) -> int:
        return self._change(f"remove {path}", lambda: self.local(path).rmdir())

    def _change(self, place: str, work: Callable[[], None]) -> int:
        answer = self.run(place, work)
        return SFTP_OK if answer is None else int(answer)


class _OpenFile(paramiko.SFTPHandle):
    def __init__(self, files: _Files, path: str, descriptor: int, *, writes: bool) -> None:
        super().__init__()
        self._files = files
        self._path = path
        self._descriptor = descriptor
        self._writes = writes
        self._open = True
        size = os.fstat(descriptor).st_size
        truncated = not writes and files.site.faults.take(f"read {path}", "truncated")
        self._readable = size // 2 if truncated else None

    def stat(self) -> Any:
        return paramiko.SFTPAttributes.from_stat(os.fstat(self._descriptor))

    def read(self, offset: int, length: int) -> Any:
        end = offset + length if self._readable is None else min(offset + length, self._readable)
        return os.pread(self._descriptor, max(0, end - offset), offset)

    def write(self, offset: int, data: Buffer) -> int:
        if self._files.site.faults.take(f"write {self._path}", "full"):
            return SFTP_FAILURE
        os.pwrite(self._descriptor, data, offset)
        return SFTP_OK

    def close(self) -> None:
        if self._open:
            self._open = False
            os.close(self._descriptor)
            if self._writes and self._files.transport.is_active():
                self._files.site.on_finished(posixpath.normpath("/" + self._path.lstrip("/")))

"""A small IMAP4rev1 server (RFC 3501) with STARTTLS, MOVE (RFC 6851) and UIDPLUS (RFC 4315), over a
MailStore."""

from __future__ import annotations

import contextlib
import email
import email.policy
import re
import socket
import socketserver
import ssl
import threading
import time
from collections.abc import Callable, Collection, Sequence
from typing import Final, cast

from connectors.sandbox.faults import Faults
from connectors.sandbox.mail_store import Folder, MailStore, StoredMail

__all__ = ["ImapServer"]

_LONGEST_LINE: Final = 8_192
_LARGEST_LITERAL: Final = 1_000_000
_TOKEN: Final = re.compile(rb'"((?:[^"\\]|\\.)*)"|(\()|(\))|([^\s()"]+)')


class ImapServer:
    """Serves one mailbox to one login. Faults are looked for at the places `imap LOGIN`, `imap SEARCH`, ...

    With `context`, everything is encrypted from the start if `implicit`, else STARTTLS is offered and LOGIN
    refused before it. `extensions` are those of MOVE and UIDPLUS that the server has.
    """

    def __init__(
        self,
        store: MailStore,
        faults: Faults,
        *,
        port: int,
        login: tuple[str, str],
        context: ssl.SSLContext | None,
        implicit: bool = False,
        extensions: Collection[str] = ("UIDPLUS", "MOVE"),
    ) -> None:
        self.implicit = implicit
        self.extensions = tuple(extensions)
        self.store = store
        self.faults = faults
        self.login = login
        self.context = context
        self._port = port
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def port(self) -> int:
        return self._port if self._server is None else int(self._server.server_address[1])

    def start(self) -> None:
        self._server = _Server(("127.0.0.1", self._port), self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="sandbox imap")
        self._thread.start()

    def stop(self) -> None:
        server, self._server = self._server, None
        if server is None or self._thread is None:
            return
        server.shutdown()
        server.drop_all()
        server.server_close()
        self._thread.join()


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True

    def __init__(self, address: tuple[str, int], owner: ImapServer) -> None:
        self.owner = owner
        self._open: set[socket.socket] = set()
        self._open_lock = threading.Lock()
        super().__init__(address, _Session)

    def opened(self, connection: socket.socket) -> None:
        with self._open_lock:
            self._open.add(connection)

    def closed(self, connection: socket.socket) -> None:
        with self._open_lock:
            self._open.discard(connection)

    def drop_all(self) -> None:
        with self._open_lock:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)


class _Ended(Exception):
    pass


class _No(Exception):
    """The command is answered with NO and this text."""


class _Bad(Exception):
    """The command is answered with BAD and this text."""


class _Session(socketserver.BaseRequestHandler):
    def setup(self) -> None:
        self._connection: socket.socket = self.request
        self._connection.settimeout(60)
        self._connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._stream = self._connection.makefile("rb")
        self._owner = cast(_Server, self.server).owner
        self._logged_in = False
        self._encrypted = False
        self._folder: Folder | None = None
        self._read_only = True
        cast(_Server, self.server).opened(self._connection)

    def finish(self) -> None:
        cast(_Server, self.server).closed(self._connection)
        self._stream.close()
        self._connection.close()

    def handle(self) -> None:
        with contextlib.suppress(OSError, _Ended):
            if self._owner.implicit and self._owner.context is not None:
                self._encrypt(self._owner.context)
            if self._owner.faults.take("imap CONNECT", "unavailable"):
                self._say("* BYE [UNAVAILABLE] down for maintenance")
                return
            self._say("* OK sandbox mailbox ready")
            while True:
                self._answer(self._command())

    def _answer(self, tokens: list[bytes]) -> None:
        if len(tokens) < 2:
            self._say("* BAD a tag and a command are needed")
            return
        tag, name = tokens[0].decode("ascii", "replace"), tokens[1].decode("ascii", "replace").upper()
        arguments, by_uid = tokens[2:], False
        if name == "UID" and arguments:
            name, arguments, by_uid = arguments[0].decode("ascii", "replace").upper(), arguments[1:], True
        self._play_faults(f"imap {name}", tag)
        try:
            with self._owner.store.lock:
                done = self._run(name, arguments, by_uid=by_uid, tag=tag)
        except _No as refusal:
            self._say(f"{tag} NO {refusal}")
        except _Bad as refusal:
            self._say(f"{tag} BAD {refusal}")
        else:
            fault = self._owner.faults.take(f"imap {name}", "drop-after")
            if fault:
                raise _Ended
            if done:
                self._say(f"{tag} OK {done}")
            if name == "LOGOUT":
                raise _Ended

    def _play_faults(self, place: str, tag: str) -> None:
        fault = self._owner.faults.take(
            place, "slow", "drop-before", "unavailable", "server-error", "truncated"
        )
        if fault is None:
            return
        if fault.kind == "slow":
            time.sleep(fault.seconds)
        elif fault.kind == "truncated":
            self._send(b"* 1 FETCH (UID 1 BODY[] {5000}\r\nhalf of it")
            raise _Ended
        elif fault.kind == "drop-before":
            raise _Ended
        elif fault.kind == "server-error":
            self._say(f"{tag} NO [SERVERBUG] internal error")
            raise _Ended
        else:
            self._say("* BYE [UNAVAILABLE] down for maintenance")
            raise _Ended

    def _run(self, name: str, arguments: list[bytes], *, by_uid: bool, tag: str) -> str:
        """Carry one command out; gives the text of its OK, "" if it was said already."""
        if name == "CAPABILITY":
            self._say(f"* CAPABILITY {self._capabilities()}")
        elif name in ("NOOP", "CHECK"):
            pass
        elif name == "LOGOUT":
            self._say("* BYE until next time")
        elif name == "STARTTLS":
            return self._starttls(tag)
        elif name == "LOGIN":
            self._login(arguments)
        elif not self._logged_in:
            raise _Bad("log in first")
        elif name in _WITH_LOGIN:
            return _WITH_LOGIN[name](self, arguments)
        elif name not in _WITH_FOLDER or (name == "MOVE" and "MOVE" not in self._owner.extensions):
            raise _Bad(f"{name} is not known here")
        elif self._folder is None:
            raise _Bad("select a folder first")
        else:
            return _WITH_FOLDER[name](self, self._folder, arguments, by_uid)
        return f"{name} completed"

    def _capabilities(self) -> str:
        tls = self._owner.context is not None and not self._encrypted
        return " ".join(
            ["IMAP4rev1", *self._owner.extensions, *(["STARTTLS", "LOGINDISABLED"] if tls else [])]
        )

    def _starttls(self, tag: str) -> str:
        if self._owner.context is None or self._encrypted:
            raise _Bad("no encryption to start")
        self._say(f"{tag} OK begin TLS now")
        self._encrypt(self._owner.context)
        return ""

    def _encrypt(self, context: ssl.SSLContext) -> None:
        server = cast(_Server, self.server)
        server.closed(self._connection)
        self._stream.close()
        self._connection = context.wrap_socket(self._connection, server_side=True)
        self._stream = self._connection.makefile("rb")
        server.opened(self._connection)
        self._encrypted = True

    def _login(self, arguments: list[bytes]) -> None:
        if self._owner.context is not None and not self._encrypted:
            raise _No("[PRIVACYREQUIRED] encrypt first")
        given = tuple(argument.decode("utf-8", "replace") for argument in arguments)
        if given != self._owner.login or self._owner.faults.take("imap LOGIN", "revoked-token"):
            raise _No("[AUTHENTICATIONFAILED] wrong user or password")
        self._logged_in = True

    def _select(self, arguments: list[bytes], *, read_only: bool = False) -> str:
        folder = self._named(arguments)
        self._folder, self._read_only = folder, read_only
        self._say(f"* {len(folder.visible())} EXISTS")
        self._say("* 0 RECENT")
        self._say("* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)")
        self._say("* OK [PERMANENTFLAGS (\\Seen \\Deleted \\Flagged \\Answered)] flags are kept")
        self._say(f"* OK [UIDVALIDITY {folder.validity}] UIDs valid")
        self._say(f"* OK [UIDNEXT {folder.next_uid}] next UID")
        return "[READ-ONLY] EXAMINE completed" if read_only else "[READ-WRITE] SELECT completed"

    def _examine(self, arguments: list[bytes]) -> str:
        return self._select(arguments, read_only=True)

    def _create(self, arguments: list[bytes]) -> str:
        if not self._owner.store.create(_text(arguments)):
            raise _No("[ALREADYEXISTS] the folder is there")
        return "CREATE completed"

    def _list(self, arguments: list[bytes]) -> str:
        wanted = arguments[-1].decode("ascii", "replace") if arguments else "*"
        for name in self._owner.store.names():
            if wanted in ("*", "%", name):
                self._say(f'* LIST (\\HasNoChildren) "/" "{name}"')
        return "LIST completed"

    def _status(self, arguments: list[bytes]) -> str:
        folder = self._named(arguments)
        self._say(
            f'* STATUS "{folder.name}" (MESSAGES {len(folder.visible())} UIDVALIDITY {folder.validity})'
        )
        return "STATUS completed"

    def _search(self, folder: Folder, arguments: list[bytes], by_uid: bool) -> str:
        words = [
            argument.decode("utf-8", "replace") for argument in arguments if argument not in (b"(", b")")
        ]
        found = [
            str(mail.uid if by_uid else number)
            for number, mail in enumerate(folder.visible(), 1)
            if _matches(mail, number, words)
        ]
        self._say(" ".join(["* SEARCH", *found]))
        return "SEARCH completed"

    def _fetch(self, folder: Folder, arguments: list[bytes], by_uid: bool) -> str:
        items = [argument.decode("ascii", "replace").upper() for argument in arguments[1:]]
        for number, mail in self._chosen(folder, arguments, by_uid):
            parts: list[bytes] = [b"UID %d" % mail.uid] if by_uid or "UID" in items else []
            if "RFC822.SIZE" in items:
                parts.append(b"RFC822.SIZE %d" % len(mail.content))
            if "FLAGS" in items:
                parts.append(f"FLAGS ({' '.join(sorted(mail.flags))})".encode("ascii"))
            if "INTERNALDATE" in items:
                parts.append(mail.arrived.strftime('INTERNALDATE "%d-%b-%Y %H:%M:%S +0000"').encode("ascii"))
            for item in items:
                if item in ("BODY[]", "BODY.PEEK[]", "RFC822"):
                    parts.append(b"BODY[] {%d}\r\n%s" % (len(mail.content), mail.content))
                elif item in ("BODY[HEADER]", "BODY.PEEK[HEADER]", "RFC822.HEADER"):
                    head = mail.content.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
                    parts.append(b"BODY[HEADER] {%d}\r\n%s" % (len(head), head))
            if not self._read_only and any(item.startswith("BODY[") for item in items):
                mail.flags.add("\\Seen")
            self._send(b"* %d FETCH (%s)\r\n" % (number, b" ".join(parts)))
        return "FETCH completed"

    def _store(self, folder: Folder, arguments: list[bytes], by_uid: bool) -> str:
        self._must_write()
        if len(arguments) < 3:
            raise _Bad("STORE needs messages, an item and flags")
        item = arguments[1].decode("ascii", "replace").upper()
        flags = {flag.decode("ascii", "replace") for flag in arguments[2:] if flag not in (b"(", b")")}
        for number, mail in self._chosen(folder, arguments, by_uid):
            if item.startswith("+"):
                mail.flags |= flags
            elif item.startswith("-"):
                mail.flags -= flags
            else:
                mail.flags = set(flags)
            if not item.endswith(".SILENT"):
                self._say(f"* {number} FETCH (UID {mail.uid} FLAGS ({' '.join(sorted(mail.flags))}))")
        return "STORE completed"

    def _copy(self, folder: Folder, arguments: list[bytes], by_uid: bool) -> str:
        target = self._named(arguments[1:], hint="[TRYCREATE] ")
        for _, mail in self._chosen(folder, arguments, by_uid):
            target.add(mail.content, flags=frozenset(mail.flags))
        return "COPY completed"

    def _move(self, folder: Folder, arguments: list[bytes], by_uid: bool) -> str:
        self._must_write()
        target = self._named(arguments[1:], hint="[TRYCREATE] ")
        for number, mail in reversed(self._chosen(folder, arguments, by_uid)):
            target.add(mail.content, flags=frozenset(mail.flags))
            folder.remove(mail)
            self._say(f"* {number} EXPUNGE")
        return "MOVE completed"

    def _expunge(self, folder: Folder, arguments: list[bytes], by_uid: bool) -> str:
        self._must_write()
        chosen = self._chosen(folder, arguments, by_uid) if by_uid else list(enumerate(folder.visible(), 1))
        for number, mail in reversed(chosen):
            if "\\Deleted" in mail.flags:
                folder.remove(mail)
                self._say(f"* {number} EXPUNGE")
        return "EXPUNGE completed"

    def _close(self, folder: Folder, arguments: list[bytes], by_uid: bool) -> str:
        if not self._read_only:
            for mail in folder.visible():
                if "\\Deleted" in mail.flags:
                    folder.remove(mail)
        self._folder = None
        return "CLOSE completed"

    def _unselect(self, folder: Folder, arguments: list[bytes], by_uid: bool) -> str:
        self._folder = None
        return "UNSELECT completed"

    def _must_write(self) -> None:
        if self._read_only:
            raise _No("[READ-ONLY] the folder is open for reading only")

    def _named(self, arguments: list[bytes], *, hint: str = "[NONEXISTENT] ") -> Folder:
        folder = self._owner.store.get(_text(arguments))
        if folder is None:
            raise _No(f"{hint}no such folder")
        return folder

    def _chosen(self, folder: Folder, arguments: list[bytes], by_uid: bool) -> list[tuple[int, StoredMail]]:
        wanted = _text(arguments)
        visible = folder.visible()
        highest = (visible[-1].uid if by_uid else len(visible)) if visible else 0
        chosen = []
        for number, mail in enumerate(visible, 1):
            if _in_set(mail.uid if by_uid else number, wanted, highest):
                chosen.append((number, mail))
        return chosen

    def _command(self) -> list[bytes]:
        """The tokens of the next command; quoted strings and literals without their marks."""
        tokens: list[bytes] = []
        while True:
            line = self._stream.readline(_LONGEST_LINE)
            if not line.endswith(b"\n"):
                raise _Ended
            line = line.rstrip(b"\r\n")
            literal = re.search(rb"\{(\d+)(\+?)\}$", line)
            for quoted, opened, closed, atom in _TOKEN.findall(line[: literal.start()] if literal else line):
                tokens.append(re.sub(rb"\\(.)", rb"\1", quoted) if not (opened or closed or atom) else
                              opened or closed or atom)  # fmt: skip
            if literal is None:
                return tokens
            length = int(literal[1])
            if length > _LARGEST_LITERAL:
                raise _Ended
            if not literal[2]:
                self._say("+ go ahead")
            tokens.append(self._stream.read(length))

    def _say(self, line: str) -> None:
        self._send(line.encode("utf-8") + b"\r\n")

    def _send(self, data: bytes) -> None:
        self._connection.sendall(data)


_WITH_LOGIN: Final[dict[str, Callable[[_Session, list[bytes]], str]]] = {
    "SELECT": _Session._select,
    "EXAMINE": _Session._examine,
    "CREATE": _Session._create,
    "LIST": _Session._list,
    "STATUS": _Session._status,
}
_WITH_FOLDER: Final[dict[str, Callable[[_Session, Folder, list[bytes], bool], str]]] = {
    "SEARCH": _Session._search,
    "FETCH": _Session._fetch,
    "STORE": _Session._store,
    "COPY": _Session._copy,
    "MOVE": _Session._move,
    "EXPUNGE": _Session._expunge,
    "CLOSE": _Session._close,
    "UNSELECT": _Session._unselect,
}


def _text(arguments: Sequence[bytes]) -> str:
    if not arguments:
        raise _Bad("an argument is missing")
    return arguments[0].decode("utf-8", "replace")


def _in_set(number: int, wanted: str, highest: int) -> bool:
    for part in wanted.split(","):
        first, colon, last = part.replace("*", str(highest)).partition(":")
        if not (first.isdigit() and (last.isdigit() or not colon)):
            raise _Bad("not a set of messages")
        low, high = sorted((int(first), int(last or first)))
        if low <= number <= high:
            return True
    return False


def _matches(mail: StoredMail, number: int, words: list[str]) -> bool:
    """All criteria of a SEARCH hold; unknown ones are refused rather than guessed."""
    rest = list(words)
    while rest:
        word = rest.pop(0).upper()
        if word == "CHARSET" and rest:
            rest.pop(0)
        elif word == "HEADER" and len(rest) >= 2:
            head = email.message_from_bytes(mail.content, policy=email.policy.compat32)
            name, text = rest.pop(0), rest.pop(0).lower()
            if not any(text in str(value).lower() for value in head.get_all(name, [])):
                return False
        elif word == "UID" and rest:
            if not _in_set(mail.uid, rest.pop(0), mail.uid):
                return False
        elif word in ("SEEN", "DELETED", "FLAGGED", "ANSWERED"):
            if f"\\{word.capitalize()}" not in mail.flags:
                return False
        elif word in ("UNSEEN", "UNDELETED", "UNFLAGGED", "UNANSWERED"):
            if f"\\{word[2:].capitalize()}" in mail.flags:
                return False
        elif re.fullmatch(r"[\d,:*]+", word):
            if not _in_set(number, word, number):
                return False
        elif word != "ALL":
            raise _Bad(f"search by {word} is not known here")
    return True

"""The folders of one imitated mailbox, as IMAP4rev1 (RFC 3501) sees them: numbered messages with flags."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime

__all__ = ["Folder", "MailStore", "StoredMail"]


@dataclass(slots=True)
class StoredMail:
    """One message; `visible_from` is a moment of the monotonic clock before which nobody sees it."""

    uid: int
    content: bytes
    arrived: datetime
    visible_from: float
    flags: set[str] = field(default_factory=set)


class Folder:
    """Messages in order of their UID; UIDs are never given twice."""

    def __init__(self, name: str, validity: int) -> None:
        self.name = name
        self.validity = validity
        self.next_uid = 1
        self._mails: list[StoredMail] = []

    def visible(self) -> list[StoredMail]:
        now = time.monotonic()
        return [mail for mail in self._mails if mail.visible_from <= now]

    def add(self, content: bytes, *, delay: float = 0.0, flags: frozenset[str] = frozenset()) -> int:
        mail = StoredMail(
            self.next_uid, content, datetime.now(UTC), time.monotonic() + delay, set(flags - {"\\Deleted"})
        )
        self._mails.append(mail)
        self.next_uid += 1
        return mail.uid

    def remove(self, mail: StoredMail) -> None:
        self._mails = [one for one in self._mails if one is not mail]


class MailStore:
    """All folders of one mailbox. Hold `lock` while looking or changing."""

    def __init__(self, *folders: str) -> None:
        self.lock = threading.RLock()
        self._folders: dict[str, Folder] = {}
        for name in folders:
            self.create(name)

    def create(self, name: str) -> bool:
        """False if it is there already."""
        with self.lock:
            if self.get(name) is not None:
                return False
            self._folders[_canonical(name)] = Folder(name, 1_700_000_000 + len(self._folders))
            return True

    def get(self, name: str) -> Folder | None:
        with self.lock:
            return self._folders.get(_canonical(name))

    def names(self) -> list[str]:
        with self.lock:
            return [folder.name for folder in self._folders.values()]

    def add(self, name: str, content: bytes, *, delay: float = 0.0) -> int:
        """Put one message into a folder that exists; gives its UID."""
        with self.lock:
            return self._folders[_canonical(name)].add(content, delay=delay)

    def contents(self, name: str) -> list[bytes]:
        """The visible messages of a folder, oldest first."""
        with self.lock:
            return [mail.content for mail in self._folders[_canonical(name)].visible()]


def _canonical(name: str) -> str:
    # INBOX alone is spelled without regard to case (RFC 3501, 5.1).
    return "INBOX" if name.upper() == "INBOX" else name

"""Whether an authority has taken a certificate back: good, revoked, or unknown.

Unknown is neither good nor revoked: what it means is decided in `trust`. The revocation list (CRL, RFC 5280)
is asked first, from a copy that is renewed before it ends; the authority's responder (OCSP, RFC 6960) where
there is no list to be had. What was found is kept as evidence.
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Final, Protocol

from cryptography import x509

from connectors.channels.peppol.pki import crl, ocsp
from connectors.channels.peppol.pki.certificates import key_digest, seat_id
from connectors.channels.peppol.pki.crl import RevocationList
from formats.errors import EInvoicingError

__all__ = [
    "CrlThenOcsp",
    "Fetch",
    "Outcome",
    "Refreshed",
    "Revocation",
    "RevocationStatus",
    "Unchecked",
    "Untold",
]

# (address, body to post or None to get) -> the answer; raises one of formats.errors.
Fetch = Callable[[str, bytes | None], bytes]
_PAUSE: Final = timedelta(minutes=1)
_LONGEST_ANSWER: Final = timedelta(hours=12)
_MOST_ANSWERS: Final = 1_000


class Outcome(StrEnum):
    """What is known."""

    GOOD = "good"
    REVOKED = "revoked"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class RevocationStatus:
    """What the authority said of one certificate; `source` and `text` are for people.

    `evidence` is the list or the answer as it came. `last_good` is, for UNKNOWN, the end of the last time for
    which the authority called it good (aware UTC).
    """

    outcome: Outcome
    source: str
    text: str = ""
    evidence: bytes = field(default=b"", repr=False)
    media_type: str = ""
    revoked_at: datetime | None = None
    last_good: datetime | None = None


class Revocation(Protocol):
    """Somebody who knows what the authorities have taken back."""

    def status(
        self, certificate: x509.Certificate, issuer: x509.Certificate, at: datetime
    ) -> RevocationStatus:
        """What is known of the certificate at that time (aware UTC). Raises nothing that the other side
        causes."""
        ...


class Unchecked:
    """Nothing is asked; for trials on one machine, where no authority answers."""

    def status(
        self, certificate: x509.Certificate, issuer: x509.Certificate, at: datetime
    ) -> RevocationStatus:
        return RevocationStatus(Outcome.GOOD, "not checked", "revocation is not checked here")


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What became of one revocation list in a refresh: its address, when the next one is due, and the problem
    if it could not be renewed."""

    url: str
    next_update: datetime | None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Untold:
    """An authority whose word could not be had: since when (aware UTC), and what came of asking."""

    authority: str
    since: datetime
    text: str


@dataclass(slots=True)
class _Shelf:
    """The newest list of one authority, and when it was last asked for in vain."""

    issuer: x509.Certificate
    urls: tuple[str, ...]
    held: RevocationList | None = None
    failed_at: datetime | None = None
    problem: str = ""
    looked_on_disk: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)


class CrlThenOcsp:
    """Revocation lists with a cache, the responder as the second choice.

    The cache is in memory, and in `folder` where one is given, so that a start during an outage of the
    authority still knows the last list. An address that failed is left alone for a minute. Safe to share
    between threads.
    """

    def __init__(self, fetch: Fetch, *, folder: Path | None = None) -> None:
        self._fetch = fetch
        self._folder = folder
        self._mutex = threading.Lock()
        self._shelves: dict[str, _Shelf] = {}
        self._answers: dict[tuple[str, int], ocsp.Answer] = {}
        self._silent: dict[str, datetime] = {}
        self._untold: dict[str, Untold] = {}

    @property
    def untold(self) -> tuple[Untold, ...]:
        """The authorities for whose certificates nothing could be told when last asked, longest first."""
        with self._mutex:
            return tuple(sorted(self._untold.values(), key=lambda one: one.since))

    def status(
        self, certificate: x509.Certificate, issuer: x509.Certificate, at: datetime
    ) -> RevocationStatus:
        """By the list where a current one is to be had, else by the responder.

        A certificate on the last known list is revoked, however old that list is.
        """
        found = self._status(certificate, issuer, at)
        if found.outcome is Outcome.UNKNOWN:
            self._not_told(issuer, found.text, at)
        else:
            self._told(issuer)
        return found

    def _status(
        self, certificate: x509.Certificate, issuer: x509.Certificate, at: datetime
    ) -> RevocationStatus:
        shelf = self._shelf(certificate, issuer)
        held = self._current(shelf, at)
        serial = certificate.serial_number
        if held is not None and serial in held.revoked:
            return _revoked(held, serial)
        if held is not None and held.current(at):
            return RevocationStatus(
                Outcome.GOOD, held.name, "not on the revocation list", held.content, crl.MEDIA_TYPE
            )
        asked = self._ask(certificate, issuer, at)
        if asked.outcome is not Outcome.UNKNOWN:
            return asked
        why = "; ".join(filter(None, (shelf.problem, asked.text))) or "the certificate names no source"
        return replace(
            asked, text=why, last_good=_latest(asked.last_good, held.next_update if held else None)
        )

    def watch(self, certificate: x509.Certificate, issuer: x509.Certificate) -> None:
        """Let `refresh` fetch the list that this certificate names, before anybody asks for it."""
        self._shelf(certificate, issuer)

    def refresh(self, at: datetime) -> tuple[Refreshed, ...]:
        """Renew the lists whose last quarter has begun; meant to be called every few minutes in the
        background.

        Covers the authorities watched or asked about so far. What the other side causes is in
        `problem`, not raised.
        """
        with self._mutex:
            shelves = tuple(self._shelves.values())
        results = []
        for shelf in shelves:
            with shelf.lock:
                self._from_disk(shelf)
                if shelf.urls and (shelf.held is None or shelf.held.due(at)):
                    self._renew(shelf, at)
                held = shelf.held
                if held is not None and held.current(at):
                    self._told(shelf.issuer)
                results.append(
                    Refreshed(
                        shelf.urls[0] if shelf.urls else "",
                        held.next_update if held else None,
                        shelf.problem,
                    )
                )
        return tuple(results)

    def _told(self, issuer: x509.Certificate) -> None:
        with self._mutex:
            self._untold.pop(key_digest(issuer), None)

    def _not_told(self, issuer: x509.Certificate, text: str, at: datetime) -> None:
        key = key_digest(issuer)
        with self._mutex:
            before = self._untold.get(key)
            since = before.since if before is not None else at
            self._untold[key] = Untold(seat_id(issuer), since, text)

    def _shelf(self, certificate: x509.Certificate, issuer: x509.Certificate) -> _Shelf:
        key = key_digest(issuer)
        with self._mutex:
            shelf = self._shelves.get(key)
            if shelf is None or not shelf.urls:
                shelf = self._shelves[key] = _Shelf(issuer, crl.addresses(certificate))
            return shelf

    def _current(self, shelf: _Shelf, at: datetime) -> RevocationList | None:
        with shelf.lock:
            self._from_disk(shelf)
            usable = shelf.held is not None and shelf.held.current(at)
            paused = shelf.failed_at is not None and timedelta() <= at - shelf.failed_at < _PAUSE
            if not usable and not paused and shelf.urls:
                self._renew(shelf, at)
            return shelf.held

    def _renew(self, shelf: _Shelf, at: datetime) -> None:
        for url in shelf.urls:
            try:
                found = crl.read(self._fetch(url, None), shelf.issuer, where=url)
            except EInvoicingError as error:
                shelf.problem, shelf.failed_at = f"{error.what} ({url})", at
                continue
            if shelf.held is not None and found.this_update < shelf.held.this_update:
                # An old list played back would bring a revoked certificate to life again.
                shelf.problem, shelf.failed_at = f"an older list than the one known came from {url}", at
                continue
            shelf.held = found
            self._to_disk(shelf)
            if found.current(at):
                shelf.problem, shelf.failed_at = "", None
                return
            shelf.problem, shelf.failed_at = f"the list at {url} has ended and was not renewed", at

    def _ask(self, certificate: x509.Certificate, issuer: x509.Certificate, at: datetime) -> RevocationStatus:
        key = (key_digest(issuer), certificate.serial_number)
        known = self._answers.get(key)
        if known is not None and known.revoked_at is not None:
            return _answered(known)
        if known is not None and known.current(at) and at - known.this_update < _LONGEST_ANSWER:
            return _answered(known)
        problems = []
        for url in ocsp.addresses(certificate):
            silent_since = self._silent.get(url)
            if silent_since is not None and timedelta() <= at - silent_since < _PAUSE:
                problems.append(f"the responder {url} did not answer a moment ago")
                continue
            try:
                answer = ocsp.read(
                    self._fetch(url, ocsp.question(certificate, issuer)), certificate, issuer, at, where=url
                )
            except EInvoicingError as error:
                problems.append(f"{error.what} ({url})")
                self._silent[url] = at
                continue
            self._silent.pop(url, None)
            with self._mutex:
                if len(self._answers) >= _MOST_ANSWERS:
                    self._answers.clear()
                self._answers[key] = answer
            return _answered(answer)
        return RevocationStatus(
            Outcome.UNKNOWN, "no answer", "; ".join(problems), last_good=known.next_update if known else None
        )

    def _file(self, shelf: _Shelf) -> Path | None:
        return self._folder / f"{key_digest(shelf.issuer)}.crl" if self._folder is not None else None

    def _from_disk(self, shelf: _Shelf) -> None:
        file = self._file(shelf)
        if shelf.looked_on_disk or file is None:
            return
        shelf.looked_on_disk = True
        try:
            shelf.held = crl.read(file.read_bytes(), shelf.issuer, where=file.name)
        except (OSError, EInvoicingError):
            # None was kept, or not one of this authority: it is fetched.
            shelf.held = None

    def _to_disk(self, shelf: _Shelf) -> None:
        file = self._file(shelf)
        if file is None or shelf.held is None:
            return
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=file.parent, delete=False) as draft:
                draft.write(shelf.held.content)
            Path(draft.name).replace(file)
        except OSError as error:
            # The copy in memory serves; only a restart during an outage would miss it.
            shelf.problem = f"the list cannot be kept in {file.parent}: {error.strerror}"


def _revoked(held: RevocationList, serial: int) -> RevocationStatus:
    when = held.revoked[serial]
    return RevocationStatus(
        Outcome.REVOKED, held.name, f"revoked on {when:%Y-%m-%d}", held.content, crl.MEDIA_TYPE, when
    )


def _answered(answer: ocsp.Answer) -> RevocationStatus:
    when = answer.revoked_at
    return RevocationStatus(
        Outcome.GOOD if when is None else Outcome.REVOKED,
        "OCSP",
        "called good by the authority's responder" if when is None else f"revoked on {when:%Y-%m-%d}",
        answer.content,
        ocsp.MEDIA_TYPE,
        when,
    )


def _latest(*moments: datetime | None) -> datetime | None:
    return max((moment for moment in moments if moment is not None), default=None)

"""Faults that an imitated system plays: armed for a place and a number of times, or left to chance.

Chance is repeatable: whether the n-th visit to a place is struck, and by what, follows from the seed alone,
however many threads come by in whatever order.
"""

from __future__ import annotations

import hashlib
import re
import threading
from collections import Counter
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Final

from formats.errors import ConfigError

__all__ = ["BY_CHANCE", "KINDS", "Chance", "Fault", "Faults"]

KINDS: Final = {
    "too-many-requests": "429 with Retry-After (see `seconds`)",
    "too-many-requests-bare": "429 without Retry-After",
    "server-error": "500 or the protocol's like, nothing done",
    "unavailable": "503 with a maintenance page, nothing done",
    "html": "200 with an HTML page instead of an answer",
    "truncated": "the answer ends in the middle",
    "other-form": "a sound answer in which every field has another name",
    "other-fields": "a sound answer whose records have other fields",
    "slow": "the answer takes `seconds`",
    "drop-before": "the connection ends before anything was done",
    "drop-after": "the work is done, then the connection ends without an answer",
    "expired-token": "the access token is treated as expired",
    "revoked-token": "the login no longer exists",
    "soap-fault": "HTTP 200 with a SOAP fault or a failed status inside",
    "lost-receipt": "the message is taken, its receipt never comes",
    "rejected": "the message is taken, its receipt is a refusal",
    "duplicate": "the same thing is given twice",
    "full": "no space left at the other side",
    # Name servers and the registers of the Peppol network.
    "refused": "the name server refuses to answer",
    "nxdomain": "the name server says that there is no such name",
    "wrong-records": "the name server gives records that lead nowhere",
    "smp-unsigned": "service metadata without a signature",
    "smp-altered": "service metadata changed after it was signed",
    "smp-wrong-ca": "service metadata signed by an access point",
    "smp-revoked": "service metadata signed with a revoked certificate",
    "smp-sha1": "service metadata signed with SHA-1",
    "smp-wrong-participant": "service metadata of another participant",
    "smp-wrong-type": "service metadata of another document type",
    "smp-no-endpoint": "service metadata with no AS4 endpoint",
    "smp-expired-endpoint": "an endpoint that is no longer in service",
    "smp-future-endpoint": "an endpoint that is not yet in service",
    "smp-http-address": "an endpoint whose address is http, on another machine",
    "smp-redirect-loop": "a redirect that leads back to itself",
    "smp-redirect-unsigned": "a redirect without a signature",
    "smp-endpoint-revoked": "an endpoint with a revoked certificate",
    "smp-endpoint-expired": "an endpoint with an expired certificate",
    "smp-endpoint-foreign": "an endpoint with a certificate of another authority",
    # AS4 errors and receipts.
    **{
        f"ebms-{code}": f"the message is refused with EBMS:{code}"
        for code in (
            *("0001", "0002", "0003", "0004", "0007", "0008", "0009", "0010", "0011", "0101", "0102"),
            *("0103", "0201", "0202", "0303", "4001"),
        )
    },
    "not-serviced": "the message is refused: the receiver is not served there",
    "receipt-altered": "a signed receipt with other digests",
    "receipt-incomplete": "a signed receipt that leaves out the attachment",
    "receipt-broken": "a receipt whose signature does not fit",
    "receipt-unsigned": "a receipt without a signature",
    "receipt-foreign": "a receipt signed with a certificate of another authority",
    "receipt-revoked": "a receipt signed with a revoked certificate",
    "receipt-other-party": "a receipt signed by another access point",
    "receipt-wrong-message": "a receipt for another message",
    "receipt-bare": "a signed receipt without digests",
    "receipt-missing": "the message is taken, the answer is empty",
}
_MOST_PLACES: Final = 10_000
# What passes by itself. A refused message, a lost receipt, a login taken away do not, and are armed by name.
BY_CHANCE: Final = (
    "too-many-requests",
    "too-many-requests-bare",
    "server-error",
    "unavailable",
    "html",
    "truncated",
    "slow",
    "drop-before",
    "drop-after",
    "expired-token",
    "soap-fault",
    "duplicate",
)


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: what (`kind`), where (a regular expression found in the place's name), how often, how
    long."""

    kind: str
    where: str = ""
    times: int = 1
    seconds: float = 1.0

    @classmethod
    def parse(cls, text: str) -> Fault:
        """Read `kind[@where][*times][~seconds]`, as in `too-many-requests@SalesInvoices*2~3`."""
        match = re.fullmatch(r"([a-z-]+)(?:@([^*~]*))?(?:\*(\d{1,6}))?(?:~(\d+(?:\.\d+)?))?", text.strip())
        if match is None or match[1] not in KINDS:
            raise ConfigError(
                f"{text!r} is not a fault",
                where="--faults",
                fix="write kind[@where][*times][~seconds] with one of " + ", ".join(KINDS),
            )
        where = match[2] or ""
        try:
            re.compile(where)
        except re.error as error:
            raise ConfigError(
                f"{where!r} in the fault {text!r} is not a regular expression: {error}",
                where="--faults",
                fix="write a part of the place's name, and a backslash before each of . + ( ) [ ]",
            ) from error
        return cls(match[1], where, int(match[3] or 1), float(match[4] or 1))


@dataclass(frozen=True, slots=True)
class Chance:
    """A `share` (0 to 1) of all visits to places that `where` is found in are struck, for `seconds` where
    that matters."""

    share: float
    seed: int = 0
    where: str = ""
    kinds: tuple[str, ...] = BY_CHANCE
    seconds: float = 0.2
    salt: str = ""

    @classmethod
    def parse(cls, text: str, seed: int) -> Chance:
        """Read `share[@where]`, as in `0.05@SalesInvoice`."""
        share, _, where = text.strip().partition("@")
        try:
            value = Decimal(share)
            re.compile(where)
        except (InvalidOperation, re.error):
            value = Decimal(-1)
        if not 0 < value <= Decimal("0.5"):
            raise ConfigError(
                f"{text[:200]!r} is not a share of calls that fail by chance",
                where="--faults",
                fix="write random:SHARE[@where] with a share above 0 and up to 0.5, as in random:0.05",
            )
        return cls(float(value), seed, where)

    def strike(self, place: str, visit: int, kinds: tuple[str, ...]) -> Fault | None:
        """What happens at this visit (from 1) to a place that can play these kinds; the same every time."""
        fitting = [kind for kind in self.kinds if kind in kinds]
        if not fitting or not re.search(self.where, place):
            return None
        text = f"{self.seed}|{self.salt}|{place}|{','.join(kinds)}|{visit}"
        number = int.from_bytes(hashlib.sha256(text.encode()).digest()[:12], "big")
        if number % 1_000_000 >= self.share * 1_000_000:
            return None
        return Fault(fitting[number // 1_000_000 % len(fitting)], place, 1, self.seconds)


@dataclass(slots=True, eq=False)
class _Armed:
    """A fault and how often it is still to be played."""

    fault: Fault
    left: int


class Faults:
    """The armed faults of one imitated system; thread-safe.

    `played` says what was played where, in order; `places` where something could have been played, each once;
    `confided` are texts of altered answers that nobody but their receiver may see, such as tokens.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._armed: list[_Armed] = []
        self._chances: list[Chance] = []
        self._visits: Counter[tuple[str, tuple[str, ...]]] = Counter()
        self.played: list[tuple[str, str]] = []
        self.places: dict[str, None] = {}
        self.confided: set[str] = set()

    def arm(self, fault: Fault | Chance) -> None:
        with self._lock:
            if isinstance(fault, Chance):
                self._chances.append(fault)
                self._visits.clear()
            else:
                self._armed.append(_Armed(fault, fault.times))

    def clear(self) -> None:
        with self._lock:
            self._armed.clear()
            self._chances.clear()

    def waiting(self) -> tuple[Fault, ...]:
        """The armed faults that were not played as often as they were to be."""
        with self._lock:
            return tuple(entry.fault for entry in self._armed)

    def take(self, place: str, *kinds: str) -> Fault | None:
        """The first armed fault for this place (of these kinds, if any are named), counted down; else what
        chance has in store for it; None without either."""
        with self._lock:
            if len(self.places) < _MOST_PLACES:
                self.places[place] = None
            fault = self._first(place, kinds) or self._by_chance(place, kinds)
            if fault is not None:
                self.played.append((fault.kind, place))
            return fault

    def _first(self, place: str, kinds: tuple[str, ...]) -> Fault | None:
        for entry in self._armed:
            fault = entry.fault
            if (not kinds or fault.kind in kinds) and re.search(fault.where, place):
                entry.left -= 1
                if entry.left <= 0:
                    self._armed.remove(entry)
                return fault
        return None

    def _by_chance(self, place: str, kinds: tuple[str, ...]) -> Fault | None:
        if not self._chances:
            return None
        self._visits[place, kinds] += 1
        visit = self._visits[place, kinds]
        found = (chance.strike(place, visit, kinds or BY_CHANCE) for chance in self._chances)
        return next(filter(None, found), None)

"""What an answer means for the sender: delivered, already there, try again, look up again, or give up.

Every error of the profile stands in one table; what comes without an ebMS message is judged by its HTTP
status. Sources: Peppol AS4 profile 2.0.3; OASIS ebMS 3.0 core, section 6.7; what phase4 and Oxalis answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Final

from lxml import etree

from connectors.channels.peppol.as4 import names
from connectors.channels.peppol.as4.keys import TrustCheck
from connectors.channels.peppol.as4.mime import Limits, spool
from connectors.channels.peppol.as4.outgoing import LARGEST_ANSWER, SentMessage, read_receipt
from connectors.channels.peppol.as4.problems import As4Problem
from connectors.channels.peppol.as4.receipt import DeliveryReceipt
from connectors.channels.peppol.as4.signals import SignalError, read_errors, read_fault
from formats.errors import MalformedDocument
from formats.syntaxes.xml import parse

__all__ = ["TABLE", "Concern", "Outcome", "Verdict", "judge"]


class Verdict(StrEnum):
    """What to do with the message now."""

    DELIVERED = "delivered"  # the receipt is there and holds
    ALREADY_THERE = "already there"  # the receiver has it, its receipt was lost: done, without a receipt
    RETRY = "retry"  # later, with the same message id and bytes
    REFRESH = "refresh"  # look the receiver up anew, make the message ready anew if that changed, retry once
    GIVE_UP = "give up"  # a repetition would meet the same answer


class Concern(StrEnum):
    """Who acts, in the words of the four classes of stops."""

    NONE = "none"
    DOCUMENT = "document"
    ROUTE = "route"
    PROVIDER = "provider"
    PRECONDITION = "precondition"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one attempt.

    `refresh` says that what is remembered of the receiver's metadata is to be dropped before the next
    attempt; `uncertain` that the message may have arrived although there is no receipt; `refused` that the
    other side said no in a message of its own; `retry_at` (aware, UTC) is a time that it named. `code` is the
    deciding ebMS error, "" without one; `errors` all that came. `answer` is the response as it came, for
    evidence, "" where there was none.
    """

    verdict: Verdict
    what: str
    fix: str = ""
    concern: Concern = Concern.PROVIDER
    code: str = ""
    receipt: DeliveryReceipt | None = None
    errors: tuple[SignalError, ...] = ()
    refresh: bool = False
    uncertain: bool = False
    refused: bool = False
    retry_at: datetime | None = None
    status: int = 0
    answer: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Row:
    """What one error code means, and what a person can do."""

    verdict: Verdict
    concern: Concern
    fix: str


_AGAIN: Final = "it is tried again by itself"
_OURS: Final = "have IT compare the message with what the receiving access point asks; its words are above"
_HEADER: Final = Row(Verdict.GIVE_UP, Concern.PROVIDER, _OURS)
_LATER: Final = Row(Verdict.RETRY, Concern.PROVIDER, _AGAIN)

TABLE: Final[Mapping[str, Row]] = {
    "EBMS:0001": _HEADER,
    "EBMS:0002": _HEADER,
    "EBMS:0003": Row(
        Verdict.GIVE_UP,
        Concern.DOCUMENT,
        "compare the identifiers of the document with those of its envelope",
    ),
    "EBMS:0004": _HEADER,
    "EBMS:0005": _LATER,
    "EBMS:0006": _LATER,
    "EBMS:0007": _HEADER,
    "EBMS:0008": _HEADER,
    "EBMS:0009": _HEADER,
    "EBMS:0010": _HEADER,
    "EBMS:0011": _HEADER,
    "EBMS:0101": Row(
        Verdict.GIVE_UP,
        Concern.PRECONDITION,
        "check our own certificate: whether it is valid, of the right network and not revoked",
    ),
    "EBMS:0102": Row(
        Verdict.REFRESH,
        Concern.PROVIDER,
        "the receiver may have a new certificate and is looked up again; if it lasts, ask that access point",
    ),
    "EBMS:0103": _HEADER,
    "EBMS:0201": _LATER,
    "EBMS:0202": _LATER,
    "EBMS:0301": _LATER,
    "EBMS:0302": _LATER,
    "EBMS:0303": _HEADER,
    "EBMS:4001": Row(
        Verdict.ALREADY_THERE,
        Concern.NONE,
        "nothing: it arrived before, and the receipt of that time was lost",
    ),
}
_NOT_SERVICED: Final = Row(
    Verdict.GIVE_UP,
    Concern.ROUTE,
    "the buyer is registered with an access point that does not take this document for it; ask the buyer",
)
_UNKNOWN: Final = _HEADER
# phase4 before 4.5.0 answers a repetition with EBMS:0004 and words that end so; later ones have EBMS:4001.
_DUPLICATE_WORDS: Final = "(this is a duplicate)"
# It also calls it a failed decryption when it does not trust our certificate; the words are those of WSS4J.
_PATH_WORDS: Final = "certificate path validation"
# Of several errors the one that leaves least to try decides; that it is there counts only where none speaks
# against it.
_STRONGEST: Final = (Verdict.GIVE_UP, Verdict.REFRESH, Verdict.RETRY, Verdict.ALREADY_THERE)
_MOVED: Final = frozenset({301, 302, 303, 307, 308, 404, 405, 410, 421})
_BUSY: Final = frozenset({401, 403, 407, 408, 425, 429})


def judge(
    sent: SentMessage, status: int, content_type: str, answer: bytes, *, trust: TrustCheck, at: datetime
) -> Outcome:
    """What an HTTP response means, whatever its status: the ebMS message in it counts first.

    Never raises for anything that the other side can send.
    """
    try:
        answer = _soap_part(content_type, answer)
        root = parse(answer, largest=LARGEST_ANSWER)
    except (As4Problem, MalformedDocument):
        return _by_status(status, answer)
    if next(root.iter(f"{{{names.EB}}}Receipt"), None) is not None:
        return _by_receipt(sent, status, answer, root, trust, at)
    if failures := tuple(error for error in read_errors(root) if error.is_failure):
        return _by_errors(sent, failures, status, answer)
    if (fault := read_fault(root)) is not None:
        return Outcome(
            Verdict.GIVE_UP if fault.sender_is_wrong else Verdict.RETRY,
            f"the receiving access point answered with a SOAP fault: {fault.reason or 'without a reason'}",
            _OURS if fault.sender_is_wrong else _AGAIN,
            uncertain=not fault.sender_is_wrong,
            refused=True,
            status=status,
            answer=answer,
        )
    return _by_status(status, answer)


def _by_receipt(
    sent: SentMessage, status: int, answer: bytes, root: etree._Element, trust: TrustCheck, at: datetime
) -> Outcome:
    try:
        receipt = read_receipt(answer, sent, trust=trust, at=at, root=root)
    except As4Problem as problem:
        return Outcome(
            Verdict.RETRY,
            f"a receipt came that does not hold: {problem.what}",
            problem.fix,
            code="EBMS:0302",
            uncertain=True,
            status=status,
            answer=answer,
        )
    return Outcome(
        Verdict.DELIVERED,
        "the receiving access point has confirmed the message",
        concern=Concern.NONE,
        receipt=receipt,
        status=status,
        answer=answer,
    )


def _by_errors(sent: SentMessage, errors: tuple[SignalError, ...], status: int, answer: bytes) -> Outcome:
    rows = [(error, _row(error, sent)) for error in errors]
    error, row = min(rows, key=lambda pair: _STRONGEST.index(pair[1].verdict))
    words = " ".join(dict.fromkeys(text for text in (error.name, error.description, error.detail) if text))
    return Outcome(
        row.verdict,
        f"the receiving access point refused the message with {error.code or 'an error'}: {words[:600]}",
        row.fix,
        row.concern,
        error.code,
        errors=errors,
        refresh=row.verdict is Verdict.REFRESH or error.not_serviced,
        uncertain=row.verdict is Verdict.RETRY,
        refused=row.verdict is not Verdict.ALREADY_THERE,
        status=status,
        answer=answer,
    )


def _row(error: SignalError, sent: SentMessage) -> Row:
    if error.not_serviced:
        return _NOT_SERVICED
    repeated = error.code == "EBMS:0004" and error.detail.endswith(_DUPLICATE_WORDS)
    if repeated or error.code == "EBMS:4001":
        # What is known of another message says nothing of ours.
        return TABLE["EBMS:4001"] if error.refers_to <= {sent.message_id} else _LATER
    if error.code == "EBMS:0102" and _PATH_WORDS in error.detail:
        return TABLE["EBMS:0101"]
    return TABLE.get(error.code, _UNKNOWN)


def _by_status(status: int, answer: bytes) -> Outcome:
    if status in _MOVED:
        what = f"the receiver's endpoint answered {status}: there is no access point at this address"
        fix = "the receiver is looked up again; if it lasts, ask that access point"
        return Outcome(Verdict.REFRESH, what, fix, refresh=True, status=status, answer=answer)
    if status == 413:
        what = "the document is larger than the receiving access point takes"
        fix = "send fewer or smaller attachments, or send the document another way"
        return Outcome(Verdict.GIVE_UP, what, fix, Concern.DOCUMENT, status=status, answer=answer)
    if status in _BUSY or status >= 500:
        what = f"the receiver's endpoint answered {status} without a message for us"
        return Outcome(Verdict.RETRY, what, _AGAIN, uncertain=status >= 500, status=status, answer=answer)
    if 200 <= status < 300:
        what = "the receiver's endpoint answered without a receipt"
        return Outcome(
            Verdict.RETRY, what, _AGAIN, code="EBMS:0301", uncertain=True, status=status, answer=answer
        )
    what = f"the receiver's endpoint answered {status} without a message for us"
    return Outcome(Verdict.GIVE_UP, what, _OURS, status=status, answer=answer)


def _soap_part(content_type: str, answer: bytes) -> bytes:
    """The first part where a stack wraps its answer in MIME, which the profile does not ask for."""
    if answer.lstrip()[:2] != b"--":
        return answer
    # Everything fits into memory, so no folder is needed.
    limits = Limits(LARGEST_ANSWER, LARGEST_ANSWER, in_memory=LARGEST_ANSWER)
    return spool(content_type, (answer,), Path(), limits).envelope

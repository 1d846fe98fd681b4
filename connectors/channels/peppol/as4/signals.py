"""Signal messages: what answers a user message, a receipt or errors, written signed and read.

An error that comes unsigned is read all the same: some access points answer so when they could not read the
request, and hiding it would leave nobody anything to act on. Source: OASIS ebMS 3.0 core, sections 5.2.3
and 6.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from lxml import etree

from connectors.channels.peppol.as4 import names
from connectors.channels.peppol.as4.envelope import write_moment
from connectors.channels.peppol.as4.keys import Key
from connectors.channels.peppol.as4.problems import As4Problem
from connectors.channels.peppol.as4.receipt import write_receipt
from connectors.channels.peppol.as4.signing import Reference, digest_of, sign
from connectors.channels.peppol.as4.soap import (
    attribute,
    content,
    write_body,
    write_envelope,
    write_messaging,
)

__all__ = ["SignalError", "SoapFault", "error_signal", "read_errors", "read_fault", "receipt_signal"]

_EB: Final = names.EB
_LONGEST: Final = 1_000
_MOST_ERRORS: Final = 20


@dataclass(frozen=True, slots=True)
class SignalError:
    """One eb:Error of an answer; texts are cut at 1,000 characters and "" where missing. `refers_to` are the
    ids of the messages that it says it is about, none where it does not say."""

    code: str
    severity: str
    name: str
    description: str
    detail: str
    refers_to: frozenset[str] = frozenset()

    @property
    def is_failure(self) -> bool:
        return self.severity != "warning"

    @property
    def not_serviced(self) -> bool:
        """The receiver is unknown to that access point; some stacks add to the text, so its start
        decides."""
        return self.detail.startswith(names.NOT_SERVICED)


@dataclass(frozen=True, slots=True)
class SoapFault:
    """A fault of the SOAP layer; `sender_is_wrong` where it blames the request."""

    sender_is_wrong: bool
    reason: str


def receipt_signal(
    references: Iterable[Reference], *, ref_to: str, key: Key, at: datetime, message_id: str
) -> bytes:
    """A signed envelope that acknowledges `references` of the message `ref_to`.

    The same arguments give the same bytes.
    """
    return _signal(write_receipt(references), ref_to, key, at, message_id)


def error_signal(problem: As4Problem, *, ref_to: str, key: Key, at: datetime, message_id: str) -> bytes:
    """A signed envelope with the error of `problem`; `ref_to` is "" where the message could not be read."""
    error = problem.error
    refers = f' refToMessageInError="{attribute(ref_to)}"' if ref_to else ""
    written = (
        f'<eb:Error category="{error.category}" errorCode="{error.code}" origin="ebMS"{refers}'
        f' severity="{error.severity}" shortDescription="{error.name}">'
        f'<eb:Description xml:lang="en">{content(problem.what)}</eb:Description>'
        f"<eb:ErrorDetail>{content(problem.detail)}</eb:ErrorDetail></eb:Error>"
    )
    return _signal(written, ref_to, key, at, message_id)


def read_errors(root: etree._Element) -> tuple[SignalError, ...]:
    """The errors of all signal messages in the header of an answer; what stands elsewhere is none."""
    errors: list[SignalError] = []
    if root.tag != f"{{{names.S12}}}Envelope":
        return ()
    path = f"{{{names.S12}}}Header/{{{_EB}}}Messaging/{{{_EB}}}SignalMessage/{{{_EB}}}Error"
    for element in root.iterfind(path):
        around = element.getparent()
        of_signal = (
            None if around is None else around.findtext(f"{{{_EB}}}MessageInfo/{{{_EB}}}RefToMessageId")
        )
        named = (_cut(element.get("refToMessageInError")), _cut(of_signal))
        errors.append(
            SignalError(
                _cut(element.get("errorCode")),
                _cut(element.get("severity")).lower(),
                _cut(element.get("shortDescription")),
                _cut(element.findtext(f"{{{_EB}}}Description")),
                _cut(element.findtext(f"{{{_EB}}}ErrorDetail")),
                frozenset(one.removeprefix("<").removesuffix(">") for one in named if one),
            )
        )
        if len(errors) == _MOST_ERRORS:
            break
    return tuple(errors)


def read_fault(root: etree._Element) -> SoapFault | None:
    """The SOAP 1.2 fault of an answer, None where there is none."""
    fault = root.find(f"{{{names.S12}}}Body/{{{names.S12}}}Fault")
    if fault is None:
        return None
    code = fault.findtext(f"{{{names.S12}}}Code/{{{names.S12}}}Value") or ""
    reason = fault.findtext(f"{{{names.S12}}}Reason/{{{names.S12}}}Text")
    return SoapFault(code.strip().rpartition(":")[2] == "Sender", _cut(reason))


def unique_of(message_id: str) -> str:
    """What makes the ids inside one envelope its own: always the same for the same message."""
    return digest_of(message_id.encode()).hex()[:24]


def signed_envelope(
    inner: str,
    *,
    key: Key,
    unique: str,
    attachments: Sequence[Reference] = (),
    before_signature: str = "",
) -> tuple[bytes, tuple[Reference, ...]]:
    """An envelope around one message, signed over Messaging, Body and attachments; and what is signed."""
    messaging = write_messaging(inner, f"msg-{unique}")
    body = write_body(f"body-{unique}")
    references = (
        Reference.of_element(f"msg-{unique}", messaging),
        Reference.of_element(f"body-{unique}", body),
        *attachments,
    )
    security = before_signature + sign(references, key, unique)
    return write_envelope(security, messaging, body), references


def _signal(inner: str, ref_to: str, key: Key, at: datetime, message_id: str) -> bytes:
    refers = f"<eb:RefToMessageId>{content(ref_to)}</eb:RefToMessageId>" if ref_to else ""
    signal = (
        f"<eb:SignalMessage><eb:MessageInfo><eb:Timestamp>{write_moment(at)}</eb:Timestamp>"
        f"<eb:MessageId>{content(message_id)}</eb:MessageId>{refers}</eb:MessageInfo>{inner}"
        "</eb:SignalMessage>"
    )
    return signed_envelope(signal, key=key, unique=unique_of(message_id))[0]


def _cut(text: str | None) -> str:
    return (text or "").strip()[:_LONGEST]

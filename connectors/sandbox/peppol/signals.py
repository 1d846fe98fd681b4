"""Receipts and errors: written as an access point answers them, and judged as a sender does.

Source: Peppol AS4 profile 2.0.3; OASIS ebMS 3.0 core, 5.2.3.3 and 6.2.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from cryptography import x509
from lxml import etree

from connectors.sandbox.peppol import names
from connectors.sandbox.peppol.envelope import parse
from connectors.sandbox.peppol.pki import Identity, common_name
from connectors.sandbox.peppol.refusal import ERRORS, Refusal
from connectors.sandbox.peppol.seal import Reference, new_message_id, seal
from connectors.sandbox.peppol.tree import Maker
from connectors.sandbox.peppol.unseal import Opened, split, verify

__all__ = ["RECEIPT_FAULTS", "Answer", "error", "read", "receipt"]

RECEIPT_FAULTS: Final = (
    *("receipt-altered", "receipt-incomplete", "receipt-broken", "receipt-unsigned", "receipt-foreign"),
    *("receipt-revoked", "receipt-other-party", "receipt-wrong-message", "receipt-bare", "receipt-missing"),
)
_EB: Final = Maker(names.EB, {"eb": names.EB})
_XML_LANG: Final = "{http://www.w3.org/XML/1998/namespace}lang"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back for a message.

    `kind` is "receipt", "error" or "nothing"; `codes` and `details` are those of ebMS errors; `problems` says
    why a receipt proves nothing, and is empty for a good one.
    """

    kind: str
    status: int
    problems: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()
    details: tuple[str, ...] = ()
    body: bytes = field(default=b"", repr=False)

    @property
    def good(self) -> bool:
        """A receipt that proves the delivery."""
        return self.kind == "receipt" and not self.problems

    def described(self) -> str:
        if self.kind == "error":
            return " ".join(
                f"{code} {detail}".strip() for code, detail in zip(self.codes, self.details, strict=True)
            )
        if self.kind == "receipt":
            return "receipt" + (f", but {'; '.join(self.problems)}" if self.problems else "")
        return f"HTTP {self.status} without a signal" if self.status else "no answer"


def receipt(
    message: Opened,
    signer: Identity,
    now: datetime,
    kind: str = "",
    others: Callable[[str], Identity] | None = None,
) -> bytes:
    """A signed receipt; `kind` is one of `RECEIPT_FAULTS` to get a wrong one, for which `others` gives
    identities by label."""
    parts = list(message.security.quoted)
    if kind == "receipt-incomplete":
        parts = parts[:-1]
    content = f'<ebbp:NonRepudiationInformation xmlns:ebbp="{names.EBBP}">'.encode()
    for part in parts:
        content += b"<ebbp:MessagePartNRInformation>" + part + b"</ebbp:MessagePartNRInformation>"
    evidence = etree.fromstring(content + b"</ebbp:NonRepudiationInformation>")
    if kind == "receipt-altered":
        for value in evidence.iter(f"{{{names.DS}}}DigestValue"):
            value.text = base64.b64encode(hashlib.sha256(b"something else").digest()).decode("ascii")
    refers_to = new_message_id() if kind == "receipt-wrong-message" else message.message_id
    inside = _EB.Receipt() if kind == "receipt-bare" else _EB.Receipt(evidence)
    signal = _EB.SignalMessage(_info(now, refers_to), inside)
    label = {"receipt-foreign": "foreign", "receipt-revoked": "revoked", "receipt-other-party": "ap4"}.get(
        kind
    )
    by: Identity | None = signer if label is None or others is None else others(label)
    if kind == "receipt-unsigned":
        by = None
    after = _break if kind == "receipt-broken" else None
    return seal(signal, by, after=after).body


def error(refusal: Refusal, signer: Identity | None, now: datetime, refers_to: str = "") -> bytes:
    """A signed error signal."""
    description, category = ERRORS.get(refusal.code, ("Other", "Content"))
    attributes = {"refToMessageInError": refers_to} if refers_to else {}
    signal = _EB.SignalMessage(
        _info(now, refers_to),
        _EB.Error(
            _EB.Description(refusal.detail, {_XML_LANG: "en"}),
            _EB.ErrorDetail(refusal.detail),
            category=category,
            errorCode=refusal.code,
            severity="failure",
            shortDescription=description,
            origin="ebMS",
            **attributes,
        ),
    )
    return seal(signal, signer).body


def read(
    status: int,
    content_type: str,
    body: bytes,
    *,
    message_id: str,
    references: Sequence[Reference],
    party: str,
    problem: Callable[[x509.Certificate], str],
) -> Answer:
    """Judge an answer to the message with this id and these signed references, sent to `party`."""
    try:
        soap = split(content_type or "application/soap+xml", body)[0].content if body else b""
        root = parse(soap, "EBMS:0009", "the answer")
    except Refusal:
        return Answer("nothing", status, body=body)
    errors = list(root.iter(f"{{{names.EB}}}Error"))
    if errors:
        codes = tuple(one.get("errorCode", "") for one in errors)
        details = tuple((one.findtext(f"{{{names.EB}}}ErrorDetail") or "").strip() for one in errors)
        return Answer("error", status, codes=codes, details=details, body=body)
    if root.find(f".//{{{names.EB}}}Receipt") is None:
        return Answer("nothing", status, body=body)
    problems = [] if status == 200 else [f"HTTP status {status}"]
    problems += _receipt_problems(root, message_id, references, party, problem)
    return Answer("receipt", status, tuple(problems), body=body)


def _receipt_problems(
    root: etree._Element,
    message_id: str,
    references: Sequence[Reference],
    party: str,
    problem: Callable[[x509.Certificate], str],
) -> list[str]:
    problems = []
    messaging = root.find(f"{{{names.S12}}}Header/{{{names.EB}}}Messaging")
    refers = root.findtext(
        f".//{{{names.EB}}}SignalMessage/{{{names.EB}}}MessageInfo/{{{names.EB}}}RefToMessageId"
    )
    if (refers or "").strip() != message_id:
        problems.append("it is for another message")
    security = root.find(f"{{{names.S12}}}Header/{{{names.WSSE}}}Security")
    if security is None or messaging is None:
        return [*problems, "it is not signed"]
    try:
        verified = verify(root, security, {})
        if not any(one is messaging for one in verified.elements):
            problems.append("the signature covers something else")
        reason = problem(verified.signer)
        if reason:
            problems.append(f"its certificate is {reason}")
        if common_name(verified.signer) != party:
            problems.append("somebody else signed it")
    except Refusal as refusal:
        problems.append(refusal.detail)
    proven = {
        (one.get("URI", ""), "".join((one.findtext(f"{{{names.DS}}}DigestValue") or "").split()))
        for part in root.iter(f"{{{names.EBBP}}}MessagePartNRInformation")
        for one in part.findall(f"{{{names.DS}}}Reference")
    }
    if {(one.uri, one.value) for one in references} != proven:
        problems.append("its digests are not those of the message")
    return problems


def _info(now: datetime, refers_to: str) -> etree._Element:
    stamp = now.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    info = _EB.MessageInfo(_EB.Timestamp(stamp), _EB.MessageId(new_message_id()))
    if refers_to:
        info.append(_EB.RefToMessageId(refers_to))
    return info


def _break(envelope: etree._Element) -> None:
    for value in envelope.iter(f"{{{names.DS}}}SignatureValue"):
        text = value.text or ""
        value.text = ("A" if text[:1] != "A" else "B") + text[1:]

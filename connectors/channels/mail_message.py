"""One finished invoice as an e-mail (RFC 5322): words for people, the files attached, nothing left to chance.

The same message and moment give the same bytes, and the Message-ID depends on our message id alone, so that a
repeated attempt can be recognised everywhere.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from typing import Final

from connectors.base import OutboundMessage
from formats.errors import DocumentError, RouteError

__all__ = ["Envelope", "compose", "mailbox_address", "message_id_header"]

# Seven bits, because not every relay takes eight.
_POLICY: Final = SMTP.clone(cte_type="7bit")
_LOCAL: Final = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_DOMAIN: Final = re.compile(r"(?=.{1,253}$)(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)*"
                            r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")  # fmt: skip
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")
_ENCODED_WORD: Final = re.compile(r"=\?[^?\s]+\?[bBqQ]\?[^?\s]*\?=")  # RFC 2047
_MEDIA_TYPE: Final = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]*/[a-z0-9][a-z0-9!#$&^_.+-]*")


@dataclass(frozen=True, slots=True)
class Envelope:
    """What SMTP is told: sender and receiver as plain addresses, and the finished bytes."""

    sender: str
    receiver: str
    message_id: str
    content: bytes


def mailbox_address(text: str) -> str:
    """A plain address `local@domain`, the domain in its ASCII form. ValueError for anything else.

    Display names, lists, comments, quoted or non-ASCII local parts and line breaks are all refused.
    """
    local, at, domain = text.strip(" ").rpartition("@")
    try:
        domain = domain.encode("idna").decode("ascii")
    except UnicodeError as error:
        raise ValueError("the part after @ is not a domain") from error
    if not (at and len(local) <= 64 and _LOCAL.fullmatch(local) and _DOMAIN.fullmatch(domain)):
        raise ValueError("write one plain address, as in invoices@example.com")
    address = f"{local}@{domain}"
    try:
        read = Address(addr_spec=address).addr_spec
    except (MessageError, ValueError, IndexError) as error:
        raise ValueError("the part before @ is reserved for encoded words (RFC 2047)") from error
    if read != address:
        raise ValueError("mail programs read this as another address")
    return address


def message_id_header(message_id: str, sender: str) -> str:
    """The Message-ID of our message: `<uuid@domain of the sender>`."""
    return f"<{message_id}@{sender.rpartition('@')[2]}>"


def compose(
    message: OutboundMessage,
    *,
    sender: str,
    sender_name: str = "",
    reply_to: str = "",
    at: datetime,
    largest: int,
) -> Envelope:
    """The e-mail for one message, dated `at`; at most `largest` bytes as it is sent.

    Raises RouteError for a receiver that is not one plain address, DocumentError for line breaks or control
    characters where they could forge headers, for any other text that a header cannot carry, for impossible
    file names, and for a message that is too large.
    """
    where = f"e-mail for invoice {_shown(message.number)}"
    try:
        receiver = mailbox_address(message.mailbox)
    except ValueError as error:
        raise RouteError(
            f"{_shown(message.mailbox)!r} is not an e-mail address",
            where=where,
            fix="correct the e-mail address of the customer in the ERP, one plain address without a name",
        ) from error
    mail = EmailMessage(policy=_POLICY)
    subject = _header_text(message.subject or _default_subject(message), "the subject", where)
    shown_name = _header_text(sender_name or message.seller, "sender_name", where)
    headers: dict[str, str | datetime | Callable[[], Address]] = {
        "From": lambda: Address(shown_name, addr_spec=sender),
        "To": lambda: Address(addr_spec=receiver),
        **({"Reply-To": lambda: Address(addr_spec=reply_to)} if reply_to else {}),
        "Subject": subject,
        "Date": at,
        "Message-ID": message_id_header(message.message_id, sender),
        # Keeps absence notes away (RFC 3834); delivery notifications still come.
        "Auto-Submitted": "auto-generated",
    }
    for name, value in headers.items():
        _set_header(mail, name, value, where)
    try:
        mail.set_content(message.body or _default_body(message), charset="utf-8")
    except UnicodeError as error:
        raise _unfit("the text of the e-mail holds characters that are none", where) from error
    for attachment in message.files:
        if not _MEDIA_TYPE.fullmatch(attachment.media_type):
            raise _unfit(f"{_shown(attachment.media_type)!r} is not a media type", where)
        filename = attachment.filename
        if not filename or _CONTROL.search(filename) or "/" in filename or "\\" in filename:
            raise _unfit(f"{_shown(filename)!r} is not a file name", where)
        kind, _, subtype = attachment.media_type.partition("/")
        mail.add_attachment(attachment.content, maintype=kind, subtype=subtype, filename=filename)
    if mail.is_multipart():
        mail.set_boundary(f"=_{message.message_id}")
    try:
        content = mail.as_bytes()
    except (MessageError, UnicodeError, IndexError) as error:
        raise _unfit("a subject, name or file name cannot be written into an e-mail", where) from error
    if len(content) > largest:
        raise DocumentError(
            f"the e-mail would have {len(content)} bytes, {largest} are allowed",
            where=where,
            fix="leave out large supporting documents, use another channel, or raise largest_megabytes if "
            "your mail server and the receiver take it",
        )
    return Envelope(sender, receiver, message.message_id, content)


def _set_header(
    mail: EmailMessage, name: str, value: str | datetime | Callable[[], Address], where: str
) -> None:
    """One header. What the e-mail library cannot write, or reads back with a defect, is not sent."""
    try:
        mail[name] = value() if callable(value) else value
        defects = mail[name].defects
    except (MessageError, ValueError, IndexError) as error:  # IndexError: its parser, on odd addresses
        defects = (error,)
    if not defects:
        return
    if name == "To":
        raise RouteError(
            "the e-mail address of the customer cannot be written into an e-mail",
            where=where,
            fix="correct the e-mail address of the customer in the ERP, one plain address without a name",
        )
    raise _unfit(
        f"the header {name} of the e-mail cannot carry this text: {type(defects[0]).__name__}", where
    )


def _header_text(text: str, name: str, where: str) -> str:
    if _CONTROL.search(text):
        raise _unfit(f"{name} contains a line break or control character: {_shown(text)!r}", where)
    if _ENCODED_WORD.search(text):
        # The library would decode it, and the receiver would read something else than the ERP says.
        raise _unfit(f"{name} contains an encoded word, which mail programs decode: {_shown(text)!r}", where)
    return text


def _default_subject(message: OutboundMessage) -> str:
    return f"Invoice {message.number} from {message.seller}"


def _default_body(message: OutboundMessage) -> str:
    return (
        f"Dear {message.buyer},\n\n"
        f"attached is invoice {message.number} as a structured electronic invoice"
        f"{' and as a readable document' if len(message.files) > 1 else ''}.\n\n"
        + (f"It can be opened here, too: {message.link}\n\n" if message.link else "")
        + f"{message.seller}\n"
    )


def _unfit(what: str, where: str) -> DocumentError:
    return DocumentError(what, where=where, fix="correct the text in the ERP or in the message settings")


def _shown(text: str) -> str:
    return text[:80]

"""The error family of every layer: what happened, where, and how to fix it.

The class decides what the caller does with it; the words are for the person who reads it. Texts never hold
credentials, bank details or whole documents.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final
from unicodedata import category

__all__ = [
    "ConfigError",
    "ConflictError",
    "DocumentError",
    "EInvoicingError",
    "MalformedDocument",
    "MappingError",
    "RemoteBlocked",
    "RemoteError",
    "RemoteRefused",
    "RemoteUnavailable",
    "RemoteUnexpected",
    "RouteError",
    "SignatureInvalid",
    "StorageError",
]

_LONGEST: Final = 2_000


class EInvoicingError(Exception):
    """Something a person has to know: `what` happened, `where`, and how to `fix` it.

    Each text is one or two plain sentences without a final line break; longer ones are cut, and control
    characters that came with a value become blanks.
    """

    def __init__(self, what: str, *, where: str, fix: str) -> None:
        self.what = _plain(what)
        self.where = _plain(where)
        self.fix = _plain(fix)
        super().__init__(f"{self.where}: {self.what}. {self.fix}")

    @property
    def sentence(self) -> str:
        """What happened and how to fix it, as two sentences."""
        return f"{_capital(self.what)}. {_capital(self.fix)}"


def _plain(text: str) -> str:
    return "".join(" " if category(sign) in ("Cc", "Cs") else sign for sign in text[:_LONGEST])


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:].rstrip(".")


class ConfigError(EInvoicingError):
    """An operator edits a file or installs something; never retried by itself."""


class StorageError(EInvoicingError):
    """Our own disk or database cannot take more; nothing was half written, work stops and is taken up
    again."""


class DocumentError(EInvoicingError):
    """One invoice is parked for a person; the others go on."""


class MalformedDocument(DocumentError):
    """The bytes are not what they claim to be."""


class MappingError(DocumentError):
    """An ERP field is missing, ambiguous or unknown to a code table.

    `term` is the business term that could not be filled ("BT-151"), `field` the ERP's own name of the field,
    `value` what the ERP said there ("" for nothing), `rule` the place in the mapping file ("acme.yaml, line
    12"), which `where` names, too.
    """

    def __init__(
        self, what: str, *, where: str, fix: str, term: str, field: str, value: str = "", rule: str = ""
    ) -> None:
        super().__init__(what, where=where, fix=fix)
        self.term = term
        self.field = field
        self.value = value
        self.rule = rule


class SignatureInvalid(DocumentError):
    """A signature is altered, untrusted or expired; `what` says which."""


class RouteError(DocumentError):
    """The buyer cannot be reached: no address, an unknown participant, a refused recipient."""


class RemoteError(EInvoicingError):
    """Someone else's system did not do what we asked."""


class RemoteUnavailable(RemoteError):
    """Down, slow, busy or asking us to wait: retried, from `retry_at` (aware, UTC) if the other side named a
    time.

    `uncertain` is true where the request may have been carried out although no answer came; `one_receiver`
    where only one receiver's side is down and others can be reached.
    """

    def __init__(
        self,
        what: str,
        *,
        where: str,
        fix: str,
        retry_at: datetime | None = None,
        uncertain: bool = False,
        one_receiver: bool = False,
    ) -> None:
        super().__init__(what, where=where, fix=fix)
        self.retry_at = retry_at
        self.uncertain = uncertain
        self.one_receiver = one_receiver


class RemoteRefused(RemoteError):
    """Credentials, rights, host key or certificate: parked until a person acts."""


class RemoteBlocked(RemoteError):
    """The other side is well, and will not take this one thing now: a closed period, a locked record. A
    person there opens it; it is tried again rarely, and what concerns other records goes on."""


class RemoteUnexpected(RemoteError):
    """The other side answered something the interface does not allow; the start of the answer is in
    `evidence`."""

    def __init__(self, what: str, *, where: str, fix: str, evidence: bytes = b"") -> None:
        super().__init__(what, where=where, fix=fix)
        self.evidence = evidence[:4_096]


class ConflictError(EInvoicingError):
    """Another process was faster: read again."""

"""Identifiers of the network: electronic addresses (BT-34, BT-49), participants, document types, processes.

The constructors refuse only what can be no identifier at all. Whether a number fits its scheme, and whether a
scheme may still be used, is judged in `formats.codelists.participants`.

Sources: Peppol Policy for use of identifiers 4.4.0; Peppol SML 1.3.0 (names in the DNS); EAS and ICD code
lists.
"""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass, replace
from typing import Final, Self
from urllib.parse import quote

from formats.errors import MalformedDocument

__all__ = [
    "DOCUMENT_TYPE_SCHEME",
    "LONGEST_DOCUMENT_TYPE",
    "LONGEST_PARTICIPANT",
    "LONGEST_PROCESS",
    "PARTICIPANT_SCHEME",
    "PROCESS_SCHEME",
    "WILDCARD_SCHEME",
    "DocumentTypeId",
    "Identifier",
    "ParticipantId",
    "ProcessId",
    "electronic_address",
]

PARTICIPANT_SCHEME: Final = "iso6523-actorid-upis"
DOCUMENT_TYPE_SCHEME: Final = "busdox-docid-qns"
WILDCARD_SCHEME: Final = "peppol-doctype-wildcard"
PROCESS_SCHEME: Final = "cenbii-procid-ubl"
LONGEST_PARTICIPANT: Final = 135
LONGEST_DOCUMENT_TYPE: Final = 500
LONGEST_PROCESS: Final = 200
_LONGEST_SCHEME: Final = 25

_SCHEME: Final = re.compile(r"[!-~]+")
_PRINTABLE: Final = re.compile(r"[!-~]+")
_PARTICIPANT: Final = re.compile(r"[0-9]{4}:[!-~]+")


@dataclass(frozen=True, slots=True)
class Identifier:
    """A value and the scheme it belongs to: EAS for electronic addresses, ICD for parties, items and the
    rest."""

    value: str
    scheme: str | None = None

    def __str__(self) -> str:
        return f"{self.scheme}:{self.value}" if self.scheme else self.value


def electronic_address(text: str) -> Identifier:
    """Read `scheme:value`, as in `0106:64218703`.

    Raises MalformedDocument when either half is missing.
    """
    scheme, colon, value = text.strip().partition(":")
    if not (colon and scheme and value):
        raise MalformedDocument(
            f"{text[:60]!r} is not an electronic address",
            where="electronic address",
            fix="write the four-digit scheme, a colon and the number, as in 0106:64218703",
        )
    return Identifier(value, scheme)


@dataclass(frozen=True, slots=True, eq=False)
class ParticipantId:
    """Who takes part in the network: `ParticipantId("iso6523-actorid-upis", "0208:0123456749")`.

    Two are equal whatever the case of their letters; `value` stays as it was written, for display. Raises
    MalformedDocument where the value is no four-digit scheme (ICD), colon and number of printable ASCII
    without blanks, or is too long (135 signs).
    """

    scheme: str
    value: str

    def __post_init__(self) -> None:
        _require(self.scheme, _SCHEME, _LONGEST_SCHEME, "participant scheme", PARTICIPANT_SCHEME)
        pattern = _PARTICIPANT if self.scheme == PARTICIPANT_SCHEME else _PRINTABLE
        _require(self.value, pattern, LONGEST_PARTICIPANT, "participant", "0208:0123456749")

    @classmethod
    def of(cls, text: str) -> Self:
        """Read `0208:0123456749`, or with its scheme `iso6523-actorid-upis::0208:0123456749`."""
        scheme, value = _split(text, PARTICIPANT_SCHEME)
        return cls(scheme, value)

    @classmethod
    def of_address(cls, address: Identifier) -> Self:
        """The participant behind an electronic address (BT-34, BT-49)."""
        return cls(PARTICIPANT_SCHEME, f"{address.scheme or ''}:{address.value}")

    @property
    def icd(self) -> str:
        """The four digits of the issuing scheme, "" under a foreign identifier scheme."""
        return self.value.partition(":")[0] if self.scheme == PARTICIPANT_SCHEME else ""

    @property
    def number(self) -> str:
        """What stands behind the colon."""
        return self.value.partition(":")[2] if self.scheme == PARTICIPANT_SCHEME else self.value

    @property
    def address(self) -> Identifier:
        """As an electronic address."""
        return Identifier(self.number, self.icd)

    @property
    def key(self) -> str:
        """Lower case, with the scheme: what to store and to look up by."""
        return f"{self.scheme}::{self.value}".lower()

    @property
    def url_segment(self) -> str:
        """One path segment of an SMP address: lower case, everything encoded but unreserved signs."""
        return quote(self.key, safe="")

    @property
    def dns_label(self) -> str:
        """Base32 of the SHA-256 of the lower-case value, without filling, in lower case."""
        digest = hashlib.sha256(self.value.lower().encode()).digest()
        return base64.b32encode(digest).decode().rstrip("=").lower()

    def dns_name(self, zone: str) -> str:
        """The name to ask for in a zone of the SML, as `...iso6523-actorid-upis.<zone>`."""
        return f"{self.dns_label}.{self.scheme}.{zone}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ParticipantId) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True, slots=True)
class DocumentTypeId:
    """A kind of document: `<root name space>::<root name>##<customization>::<version>`; case counts.

    In the scheme peppol-doctype-wildcard the customization of what a receiver registers may end in `*`.
    Raises MalformedDocument where the value is empty, too long (500 signs), not printable ASCII, or has a `*`
    anywhere else under that scheme.
    """

    scheme: str
    value: str

    def __post_init__(self) -> None:
        _require(self.scheme, _SCHEME, _LONGEST_SCHEME, "document type scheme", DOCUMENT_TYPE_SCHEME)
        _require(self.value, _PRINTABLE, LONGEST_DOCUMENT_TYPE, "document type", "urn:...::Invoice##...::2.1")
        stars = self.value.count("*")
        if self.scheme == WILDCARD_SCHEME and stars and not (stars == 1 and self.is_wildcard):
            raise MalformedDocument(
                f"the document type {self.value[:120]} has a * where none may stand",
                where="document type",
                fix="a * may only end the customization, just before the :: of the version",
            )

    @classmethod
    def of(cls, text: str) -> Self:
        """Read a value, with or without its scheme and `::` before it.

        Without one the scheme follows the customization: PINT documents have the wildcard scheme, all others
        busdox-docid-qns.
        """
        for scheme in (DOCUMENT_TYPE_SCHEME, WILDCARD_SCHEME):
            if text.startswith(f"{scheme}::"):
                return cls(scheme, text[len(scheme) + 2 :])
        pint = "##urn:peppol:pint:" in text
        return cls(WILDCARD_SCHEME if pint else DOCUMENT_TYPE_SCHEME, text)

    @property
    def root_namespace(self) -> str:
        """What stands before the first `::` or `##`: the `Standard` of an envelope."""
        return self.value.partition("##")[0].partition("::")[0]

    @property
    def local_name(self) -> str:
        """The root element, "" for what is no XML (a hybrid PDF)."""
        return self.value.partition("##")[0].partition("::")[2]

    @property
    def customization(self) -> str:
        """BT-24 of the document."""
        return self.value.partition("##")[2].rpartition("::")[0]

    @property
    def version(self) -> str:
        """The version of the syntax, as 2.1 or D16B."""
        return self.value.rpartition("##")[2].rpartition("::")[2]

    @property
    def is_wildcard(self) -> bool:
        """Whether it stands for several customizations."""
        return self.scheme == WILDCARD_SCHEME and self.customization.endswith("*")

    @property
    def key(self) -> str:
        """With the scheme, as in the AS4 action: `busdox-docid-qns::urn:...`."""
        return f"{self.scheme}::{self.value}"

    @property
    def url_segment(self) -> str:
        """One path segment of an SMP address: everything encoded but unreserved signs."""
        return quote(self.key, safe="")

    def in_scheme(self, scheme: str) -> DocumentTypeId:
        """The same value in another scheme."""
        return replace(self, scheme=scheme)

    def candidates(self) -> tuple[DocumentTypeId, ...]:
        """What a receiver may have registered for this exact document type, best first.

        In the wildcard scheme: the exact type in either scheme, the customization with a `*`, then with one
        `@part` less each time. In every other scheme the type alone. A `*` that would not fit into 500 signs
        is left out. Source: Policy for use of identifiers 4.4.0, wildcard matching.
        """
        if self.scheme != WILDCARD_SCHEME or self.is_wildcard or not self.customization:
            return (self,)
        exact = (self, self.in_scheme(DOCUMENT_TYPE_SCHEME))
        head = self.value.partition("##")[0]
        parts = self.customization.split("@")
        stems = ("@".join(parts[:count]) for count in range(len(parts), 0, -1))
        wild = (f"{head}##{stem}*::{self.version}" for stem in stems)
        return exact + tuple(
            DocumentTypeId(WILDCARD_SCHEME, value) for value in wild if len(value) <= LONGEST_DOCUMENT_TYPE
        )

    def covers(self, exact: DocumentTypeId) -> bool:
        """Whether this type, as a receiver registered it, takes documents of an exact type."""
        return self in exact.candidates()

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True, slots=True)
class ProcessId:
    """A business process; case counts. Raises MalformedDocument where the value is empty, too long (200
    signs) or not printable ASCII."""

    scheme: str
    value: str

    def __post_init__(self) -> None:
        _require(self.scheme, _SCHEME, _LONGEST_SCHEME, "process scheme", PROCESS_SCHEME)
        _require(self.value, _PRINTABLE, LONGEST_PROCESS, "process", "urn:peppol:bis:billing")

    @classmethod
    def of(cls, text: str) -> Self:
        """Read a value, with or without its scheme and `::` before it."""
        scheme, value = _split(text, PROCESS_SCHEME)
        return cls(scheme, value)

    @property
    def key(self) -> str:
        return f"{self.scheme}::{self.value}"

    @property
    def url_segment(self) -> str:
        """One path segment of an address: everything encoded but unreserved signs."""
        return quote(self.key, safe="")

    def __str__(self) -> str:
        return self.value


def _split(text: str, scheme: str) -> tuple[str, str]:
    head, double_colon, value = text.partition("::")
    return (head, value) if double_colon and head == scheme else (scheme, text)


def _require(text: str, pattern: re.Pattern[str], longest: int, name: str, example: str) -> None:
    if not text:
        what = f"a {name} is empty"
    elif len(text) > longest:
        what = f"a {name} has {len(text)} signs, {longest} are allowed"
    elif not pattern.fullmatch(text):
        what = f"{text[:120]!r} is no {name}"
    else:
        return
    raise MalformedDocument(what, where=name, fix=f"write it without blanks, as in {example}")

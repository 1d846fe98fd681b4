"""Questions to an SMP, and every check of its answers before they are believed.

An answer that breaks the rules is one participant's matter: it is kept as evidence (RemoteUnexpected) and
does not stop the channel. Source: Peppol SMP specification 1.4.0.
"""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, TypeVar
from urllib.parse import urljoin, urlsplit

from cryptography import x509

from connectors.channels.peppol.discovery import smp_documents, smp_signature
from connectors.channels.peppol.discovery.addresses import require_callable
from connectors.channels.peppol.discovery.smp_documents import Redirect, ServiceGroup, ServiceMetadata
from connectors.channels.peppol.pki.trust import Reason, Role, Trust, UntrustedCertificate
from connectors.http import HttpAnswer, HttpClient
from formats.errors import (
    MalformedDocument,
    RemoteRefused,
    RemoteUnavailable,
    RemoteUnexpected,
    RouteError,
    SignatureInvalid,
)
from formats.identifiers import DocumentTypeId, ParticipantId

__all__ = ["SignedAnswer", "SmpClient", "SmpOptions"]

_ACCEPT: Final = {"Accept": "text/xml, application/xml"}
_MOVED: Final = (301, 302, 303, 307, 308)
_MOST_MOVES: Final = 3
_MOST_CLIENTS: Final = 64
_LONGEST: Final = 60.0
_TELL: Final = "tell the operator of this SMP; the answer is kept"
_BLANK_AFTER_COMMA: Final = re.compile(r"(?<!\\),\s+")
_QUOTED: Final = re.compile(r'"([^"\\]*)"')
_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class SmpOptions:
    """How SMPs are called: seconds to connect and to wait, public certificate authorities (True) or a PEM
    file, a proxy, and whether inner addresses are allowed (trials on one machine only)."""

    timeout: tuple[float, float] = (5.0, 20.0)
    verify: bool | str = True
    proxy: str = ""
    allow_internal: bool = False


@dataclass(frozen=True, slots=True)
class SignedAnswer:
    """Verified metadata: who signed them, where they came from, and the bytes."""

    metadata: ServiceMetadata
    signer: x509.Certificate
    url: str
    content: bytes = field(repr=False)
    redirected: bool = False


class SmpClient:
    """Asks SMPs. Safe to share between threads; close it when done.

    Raises RouteError for what the SMP does not know and for addresses that are not called, RemoteUnavailable
    where it does not answer, RemoteUnexpected for an answer that is not believed.
    """

    def __init__(self, trust: Trust, *, clock: Callable[[], datetime], options: SmpOptions) -> None:
        self._trust = trust
        self._clock = clock
        self._options = options
        self._lock = threading.Lock()
        self._clients: OrderedDict[str, HttpClient] = OrderedDict()

    def group(self, base: str, participant: ParticipantId) -> ServiceGroup:
        """All document types that the participant is registered for, as the SMP lists them (unsigned)."""
        url = f"{base}/{participant.url_segment}"
        answer = self._get(url, f"{participant} is not known to its SMP")
        found = _read(lambda: smp_documents.read_group(answer.content, where=url), answer)
        if found.participant != participant:
            raise RemoteUnexpected(
                f"the SMP answered about {found.participant} instead of {participant}",
                where=url,
                fix=_TELL,
                evidence=answer.content,
            )
        return found

    def metadata(
        self, base: str, participant: ParticipantId, document_type: DocumentTypeId, at: datetime
    ) -> SignedAnswer:
        """The signed metadata of one document type, at most one redirect away.

        Checked: signature, signer (an SMP of this stage), participant and document type as asked for, and of
        a redirect the certificate that it names.
        """
        segments = f"{participant.url_segment}/services/{document_type.url_segment}"
        first = self._verified(f"{base}/{segments}", participant, document_type, at)
        if isinstance(first, SignedAnswer):
            return first
        redirect, from_url = first
        require_callable(
            redirect.url,
            whose="SMP that the entry points to",
            where=from_url,
            allow_internal=self._options.allow_internal,
        )
        second = self._verified(redirect.url, participant, document_type, at, expected=redirect)
        if not isinstance(second, SignedAnswer):
            raise RemoteUnexpected(
                "the SMP points to another one, which points on again; only one step is allowed",
                where=from_url,
                fix=_TELL,
            )
        return second

    def close(self) -> None:
        """Close all connections; safe to repeat."""
        with self._lock:
            for client in self._clients.values():
                client.close()
            self._clients.clear()

    def _verified(
        self,
        url: str,
        participant: ParticipantId,
        document_type: DocumentTypeId,
        at: datetime,
        expected: Redirect | None = None,
    ) -> SignedAnswer | tuple[Redirect, str]:
        answer = self._get(url, f"{participant} is not registered for this document type ({document_type})")
        content = answer.content
        signed = _read(lambda: smp_signature.verify(content, where=url), answer)
        self._require_signer(signed.certificate, at, answer)
        if expected is not None and not _is_named(signed.certificate, expected.certificate_uid):
            raise RemoteUnexpected(
                "the SMP behind the redirect has another certificate than the one that was named",
                where=url,
                fix=_TELL,
                evidence=content,
            )
        metadata = _read(lambda: smp_documents.read_metadata(signed.root, where=url), answer)
        if isinstance(metadata, Redirect):
            return metadata, url
        if metadata.participant != participant:
            raise RemoteUnexpected(
                f"the SMP answered about {metadata.participant} instead of {participant}",
                where=url,
                fix=_TELL,
                evidence=content,
            )
        if metadata.document_type != document_type:
            # Some SMPs answer whatever they are asked.
            raise RouteError(
                f"{participant} is not registered for this document type: the SMP answered with "
                f"{metadata.document_type.key}",
                where=url,
                fix="choose a format that the buyer receives; gateway peppol lookup lists them",
            )
        return SignedAnswer(metadata, signed.certificate, url, content, expected is not None)

    def _require_signer(self, certificate: x509.Certificate, at: datetime, answer: HttpAnswer) -> None:
        try:
            self._trust.require(certificate, Role.SMP, at)
        except UntrustedCertificate as error:
            if error.reason is Reason.UNKNOWN_REVOCATION:
                raise RemoteUnavailable(error.what, where=error.where, fix=error.fix) from error
            raise RemoteUnexpected(
                f"the SMP's signature is not believed: {error.what}",
                where=answer.where,
                fix=error.fix,
                evidence=answer.content,
            ) from error

    def _get(self, url: str, unknown: str) -> HttpAnswer:
        for _ in range(_MOST_MOVES + 1):
            answer = self._once_more(url)
            if answer.status in _MOVED:
                goal = urljoin(url, answer.headers.get("Location") or "")
                if urlsplit(goal).scheme != urlsplit(url).scheme:
                    break
                url = goal
                continue
            if answer.status in (404, 410):
                raise RouteError(
                    unknown,
                    where=answer.where,
                    fix="choose a format that the buyer receives (gateway peppol lookup lists them), or ask "
                    "the buyer",
                )
            return answer
        raise RemoteUnexpected(
            "the SMP sends us from one address to another", where=f"GET {url[:300]}", fix=_TELL
        )

    def _once_more(self, url: str) -> HttpAnswer:
        """One retry: the other side of a kept connection may have gone meanwhile."""
        require_callable(url, whose="SMP", where=url[:300], allow_internal=self._options.allow_internal)
        client = self._client(url)
        try:
            try:
                return client.request("GET", url, headers=_ACCEPT, allowed=(404, 410, *_MOVED))
            except RemoteUnavailable:
                return client.request("GET", url, headers=_ACCEPT, allowed=(404, 410, *_MOVED))
        except RemoteRefused as error:
            # Refused by one SMP is no reason to leave the network alone.
            raise RemoteUnexpected(error.what, where=error.where, fix=_TELL) from error

    def _client(self, url: str) -> HttpClient:
        parts = urlsplit(url)
        origin = f"{parts.scheme}://{parts.netloc}"
        with self._lock:
            client = self._clients.pop(origin, None)
            if client is None:
                client = HttpClient(
                    origin,
                    clock=self._clock,
                    timeout=self._options.timeout,
                    verify=self._options.verify,
                    proxy=self._options.proxy,
                    largest=smp_signature.LARGEST,
                    longest=_LONGEST,
                    outside_only=not self._options.allow_internal,
                )
            self._clients[origin] = client
            if len(self._clients) > _MOST_CLIENTS:
                # Closing only lets go of idle connections; who is using it just now finishes.
                self._clients.popitem(last=False)[1].close()
            return client


def _read(read: Callable[[], _Value], answer: HttpAnswer) -> _Value:
    try:
        return read()
    except (MalformedDocument, SignatureInvalid) as error:
        raise RemoteUnexpected(error.what, where=answer.where, fix=_TELL, evidence=answer.content) from error


def _is_named(certificate: x509.Certificate, uid: str) -> bool:
    """Whether the subject is the one that a redirect names; the order of its parts does not count, nor a
    serial number behind a colon."""
    wanted = _parts(uid) or _parts(uid.rpartition(":")[0])
    return bool(wanted) and wanted == {
        (attribute.rfc4514_attribute_name, str(attribute.value)) for attribute in certificate.subject
    }


def _parts(text: str) -> set[tuple[str, str]]:
    # Blanks behind commas, and quoted values, as several libraries write them.
    plain = _QUOTED.sub(lambda quoted: quoted[1].replace(",", r"\,"), text)
    try:
        name = x509.Name.from_rfc4514_string(_BLANK_AFTER_COMMA.sub(",", plain.strip()))
    except ValueError:
        return set()
    return {(attribute.rfc4514_attribute_name, str(attribute.value)) for attribute in name}

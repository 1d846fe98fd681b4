"""The one way out over SOAP: zeep makes the messages, our HTTP client carries them, lxml reads the answers.

zeep knows the types of a service from its description and nothing else here: it never opens a connection.
The description and its schemas are fetched beforehand, from the service's own origin or one that the
settings name, checked by the hardened parser, and handed over from memory. The address in the description is
ignored, the configured one counts. Answers are read by local names from the bytes as they came, so that a
field that a new release adds does no harm and the bytes stay at hand as evidence.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

import zeep
from lxml import etree
from zeep.exceptions import Error as ZeepError

from connectors.http import HttpAnswer, HttpClient
from formats.errors import MalformedDocument, RemoteError, RemoteRefused, RemoteUnavailable, RemoteUnexpected
from formats.syntaxes import xml

__all__ = ["FaultRules", "SoapAnswer", "SoapClient", "SoapFault", "read_answer"]

_ENVELOPES: Final = (
    "http://schemas.xmlsoap.org/soap/envelope/",
    "http://www.w3.org/2003/05/soap-envelope",
)
_POINTERS: Final = {
    "{http://schemas.xmlsoap.org/wsdl/}import": "location",
    "{http://www.w3.org/2001/XMLSchema}import": "schemaLocation",
    "{http://www.w3.org/2001/XMLSchema}include": "schemaLocation",
    "{http://www.w3.org/2001/XMLSchema}redefine": "schemaLocation",
}
# A path that no machine has: zeep takes what is not a web address for a file, and asks our transport for it.
_MEMORY: Final = "/service-description"
_MOST_DOCUMENTS: Final = 200
_MOST_BYTES: Final = 64 * 1024 * 1024
_FAULTS_COME_WITH: Final = (400, 500)
_LONGEST_TEXT: Final = 300


@dataclass(frozen=True, slots=True)
class SoapFault:
    """A fault in the service's words: SOAP fault code and text, and of its detail the element's local name
    (`kind`) and code."""

    fault_code: str
    text: str
    kind: str = ""
    code: str = ""


@dataclass(frozen=True, slots=True)
class FaultRules:
    """How a service's faults are to be understood.

    A fault counts for a list when one of its entries is the fault's kind or code, or is found in its text.
    `refused` is for credentials and rights, `busy` for a service that did nothing and may be asked again,
    `broken` for one that failed in the middle and may be asked again. Everything else is unexpected.
    """

    refused: Sequence[str] = ()
    busy: Sequence[str] = ()
    broken: Sequence[str] = ()
    refused_fix: str = "check the credentials and the rights of the technical user there"

    def error(self, fault: SoapFault, *, where: str, changes: bool, evidence: bytes) -> RemoteError:
        """The error to raise; `changes` says that the request was to change something."""
        named = ", ".join(part for part in (fault.code, fault.text[:_LONGEST_TEXT]) if part)
        what = f"the service answered with a fault: {named or fault.fault_code or 'without words'}"
        if _matches(self.refused, fault):
            return RemoteRefused(what, where=where, fix=self.refused_fix)
        if _matches(self.busy, fault):
            return RemoteUnavailable(what, where=where, fix="it is tried again by itself")
        if _matches(self.broken, fault):
            fix = "it is tried again by itself; if it lasts, ask the service's support and name this text"
            return RemoteUnavailable(what, where=where, fix=fix, uncertain=changes)
        fix = "compare the configured version with the service; its answer is kept"
        return RemoteUnexpected(what, where=where, fix=fix, evidence=evidence)


def _matches(entries: Sequence[str], fault: SoapFault) -> bool:
    return any(entry in (fault.kind, fault.code) or entry in fault.text for entry in entries)


@dataclass(frozen=True, slots=True)
class SoapAnswer:
    """One answer without a fault: the element in the body, and the whole as it came."""

    body: etree._Element
    header: etree._Element | None
    content: bytes = field(repr=False)
    where: str


class SoapClient:
    """Operations of one SOAP service.

    `http` is bound to the origin of the service; `wsdl` is the path of its description there, `port` the
    path it is called at, `binding` the qualified name of the binding ("{namespace}Name"). `schemas` are
    clients for further origins from which imported schemas may come. The description is fetched at the first
    use, once. Safe to share between threads.

    Raises what HttpClient raises, RemoteUnavailable also for an answer that breaks off in the middle, and
    for faults what `rules` say.
    """

    def __init__(
        self,
        http: HttpClient,
        *,
        wsdl: str,
        port: str,
        binding: str,
        rules: FaultRules,
        schemas: Sequence[HttpClient] = (),
    ) -> None:
        self._http = http
        self._wsdl = f"{http.base_url}/{wsdl.lstrip('/')}"
        self._port = f"{http.base_url}/{port.lstrip('/')}"
        self._binding = binding
        self._rules = rules
        self._schemas = tuple(schemas)
        self._lock = threading.Lock()
        self._loaded: tuple[Any, Any] | None = None

    def types(self, namespace: str) -> Any:
        """The types of one namespace, as attributes: `types("urn:x").Invoice(number="1")`."""
        return self._service()[0].type_factory(namespace)

    def load(self) -> None:
        """Fetch and read the service description now; does nothing where that is done."""
        self._service()

    def call(
        self,
        operation: str,
        *,
        headers: Mapping[str, Any] | Sequence[etree._Element],
        changes: bool = False,
        **arguments: Any,
    ) -> SoapAnswer:
        """Call one operation and read its answer; nothing is repeated.

        `headers` are the header blocks by name, or as elements where the description does not declare them;
        `arguments` the parameters. `changes` marks an operation that
        changes something: only then may a RemoteUnavailable be `uncertain`.
        """
        where = f"{operation} at {self._port}"
        answer = self._ask(operation, where, headers, changes, arguments)
        return read_answer(answer, rules=self._rules, where=where, changes=changes)

    def hand_over(
        self, operation: str, *, headers: Mapping[str, Any] | Sequence[etree._Element], **arguments: Any
    ) -> None:
        """Call a one-way operation that changes something, which answers 2xx without content.

        That says only that the message was taken. A fault or a page raises as with `call`.
        """
        where = f"{operation} at {self._port}"
        answer = self._ask(operation, where, headers, True, arguments)
        if answer.content.strip() or not 200 <= answer.status < 300:
            read_answer(answer, rules=self._rules, where=where, changes=True)

    def _ask(
        self,
        operation: str,
        where: str,
        headers: Mapping[str, Any] | Sequence[etree._Element],
        changes: bool,
        arguments: Mapping[str, Any],
    ) -> HttpAnswer:
        _, service = self._service()
        blocks = dict(headers) if isinstance(headers, Mapping) else list(headers)
        try:
            answer: HttpAnswer = getattr(service, operation)(_soapheaders=blocks, **arguments)
        except RemoteUnavailable as error:
            if error.uncertain and not changes:
                raise RemoteUnavailable(
                    error.what, where=where, fix="it is tried again by itself", retry_at=error.retry_at
                ) from error
            raise
        except (ZeepError, TypeError, AttributeError) as error:
            raise RemoteUnexpected(
                f"the service description does not allow this request: {_first_line(error)}",
                where=where,
                fix="compare the configured version with the service",
            ) from error
        return answer

    def close(self) -> None:
        """Close all connections; safe to repeat."""
        for client in (self._http, *self._schemas):
            client.close()

    def _service(self) -> tuple[Any, Any]:
        with self._lock:
            if self._loaded is None:
                self._loaded = self._load()
            return self._loaded

    def _load(self) -> tuple[Any, Any]:
        transport = _Transport(self._http, self._description())
        settings = zeep.Settings(
            strict=True,
            raw_response=True,
            forbid_dtd=True,
            forbid_entities=True,
            forbid_external=True,
            xml_huge_tree=False,
        )
        make_client: Any = zeep.Client  # untyped
        try:
            client = make_client(f"{_MEMORY}/0", transport=transport, settings=settings)
            return client, client.create_service(self._binding, self._port)
        except (ZeepError, etree.LxmlError, LookupError, ValueError, TypeError, AttributeError) as error:
            raise RemoteUnexpected(
                f"the service description cannot be used: {_first_line(error)}",
                where=self._wsdl,
                fix="check the configured version; if it is right, the service has changed its description",
            ) from error

    def _description(self) -> dict[str, bytes]:
        """The description and all it imports by made-up path, with the imports pointing at those paths."""
        places = {self._wsdl: f"{_MEMORY}/0"}
        waiting, texts, size = [self._wsdl], dict[str, bytes](), 0
        while waiting:
            url = waiting.pop(0)
            content = self._client_for(url).get_bytes(url)
            size += len(content)
            if len(places) > _MOST_DOCUMENTS or size > _MOST_BYTES:
                raise RemoteUnexpected(
                    f"the service description has more than {_MOST_DOCUMENTS} parts or {_MOST_BYTES} bytes",
                    where=self._wsdl,
                    fix="check that the address is that of the service description",
                )
            root = _parsed_description(content, url)
            for element in root.iter(*_POINTERS):
                attribute = _POINTERS[str(element.tag)]
                location = element.get(attribute)
                if location is not None:
                    target = urljoin(url, location)
                    if target not in places:
                        places[target] = f"{_MEMORY}/{len(places)}"
                        waiting.append(target)
                    element.set(attribute, places[target])
            texts[places[url]] = etree.tostring(root)
        return texts

    def _client_for(self, url: str) -> HttpClient:
        """The client whose origin the address has; where none has it, the service's own, which refuses it."""
        return next((known for known in self._schemas if _origin(known.base_url) == _origin(url)), self._http)


class _Transport(zeep.Transport):
    """What zeep may do: read descriptions from memory, post envelopes through our client."""

    def __init__(self, http: HttpClient, texts: Mapping[str, bytes]) -> None:
        # Not calling the base class: it would open a session of its own that also reads files.
        self._http = http
        self._texts = texts
        self._close_session = False

    def load(self, url: str) -> bytes:
        try:
            return self._texts[url]
        except KeyError as error:
            raise RemoteUnexpected(
                "the service description asks for something outside of it",
                where=str(url)[:_LONGEST_TEXT],
                fix="check that the configured version is the right one",
            ) from error

    def post_xml(self, address: str, envelope: etree._Element, headers: Mapping[str, str]) -> HttpAnswer:
        return self._http.request(
            "POST",
            address,
            headers=headers,
            body=etree.tostring(envelope, xml_declaration=True, encoding="UTF-8"),
            allowed=_FAULTS_COME_WITH,
        )


def read_answer(answer: HttpAnswer, *, rules: FaultRules, where: str, changes: bool) -> SoapAnswer:
    """The envelope of an answer, or the error that it is; a fault counts as one whatever the HTTP status."""
    content = answer.content
    if _is_page(answer):
        raise _page(answer, where)
    envelope = _parsed_answer(content, where, changes)
    body = next((child for child in envelope if _name(child) == "Body"), None)
    elements = [] if body is None else [child for child in body if isinstance(child.tag, str)]
    if not _is_envelope(envelope) or not elements:
        raise RemoteUnexpected(
            "the answer is XML, but no SOAP envelope with something in it",
            where=where,
            fix="check the address in the settings; the answer is kept",
            evidence=content,
        )
    if _name(elements[0]) == "Fault":
        raise rules.error(_fault(elements[0]), where=where, changes=changes, evidence=content)
    if answer.status in _FAULTS_COME_WITH:
        raise RemoteUnavailable(
            f"the service answered {answer.status} without saying why",
            where=where,
            fix="it is tried again by itself",
            uncertain=changes,
        )
    header = next((child for child in envelope if _name(child) == "Header"), None)
    return SoapAnswer(elements[0], header, content, where)


def _is_page(answer: HttpAnswer) -> bool:
    start = answer.content[:200].lstrip().lower()
    return start.startswith((b"<!doctype html", b"<html")) or "html" in answer.headers.get("Content-Type", "")


def _page(answer: HttpAnswer, where: str) -> RemoteError:
    if answer.status in _FAULTS_COME_WITH:
        return RemoteUnavailable(
            f"the service answered {answer.status} with a web page",
            where=where,
            fix="it is tried again by itself; if it lasts, open the address in a browser",
        )
    return RemoteUnexpected(
        "a web page came instead of an answer",
        where=where,
        fix="a login page, proxy or maintenance page may stand in between; open the address in a browser",
        evidence=answer.content,
    )


def _parsed_answer(content: bytes, where: str, changes: bool) -> etree._Element:
    try:
        return xml.parse(content)
    except MalformedDocument as error:
        started = content.lstrip().startswith(b"<") and b"<!DOCTYPE" not in content
        if started and not content.rstrip().endswith(b"Envelope>"):
            raise RemoteUnavailable(
                "the answer broke off in the middle",
                where=where,
                fix="it is tried again by itself",
                uncertain=changes,
            ) from error
        raise RemoteUnexpected(
            f"the answer cannot be read: {error.what}",
            where=where,
            fix="check what stands between us and the service; the answer is kept",
            evidence=content,
        ) from error


def _parsed_description(content: bytes, url: str) -> etree._Element:
    try:
        return xml.parse(content)
    except MalformedDocument as error:
        raise RemoteUnexpected(
            f"the service description cannot be read: {error.what}",
            where=url[:_LONGEST_TEXT],
            fix="check the address and the version in the settings",
            evidence=content,
        ) from error


def _fault(element: etree._Element) -> SoapFault:
    """SOAP 1.1 has faultcode and faultstring, 1.2 has Code/Value and Reason/Text."""
    texts = {_name(child): (child.text or "").strip() for child in element.iter() if _name(child)}
    detail = next((child for child in element if _name(child).lower() == "detail"), None)
    first = next((child for child in detail if _name(child)), None) if detail is not None else None
    code = "" if first is None else (first.findtext("{*}code") or "").strip()
    return SoapFault(
        fault_code=texts.get("faultcode") or texts.get("Value", ""),
        text=texts.get("faultstring") or texts.get("Text", ""),
        kind="" if first is None else _name(first),
        code=code,
    )


def _is_envelope(element: etree._Element) -> bool:
    name = etree.QName(element)
    return name.localname == "Envelope" and name.namespace in _ENVELOPES


def _name(element: etree._Element) -> str:
    return etree.QName(element).localname if isinstance(element.tag, str) else ""


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme.lower(), parts.netloc.lower()


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:_LONGEST_TEXT]

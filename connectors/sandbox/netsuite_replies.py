"""What the imitated NetSuite answers with: envelopes, status elements and faults."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Final

from lxml import etree

from connectors.sandbox.http_server import Reply
from connectors.sandbox.netsuite_wsdl import NAMESPACES

__all__ = [
    "FAULTS",
    "Problem",
    "Refused",
    "envelope_reply",
    "fault_reply",
    "message",
    "msgs",
    "status_element",
]

_ENVELOPE: Final = "http://schemas.xmlsoap.org/soap/envelope/"


@dataclass(frozen=True, slots=True)
class Problem:
    """A fault as the service words it: class, code, text."""

    kind: str
    code: str
    text: str
    http_status: int = 500


class Refused(Exception):
    """An operation that ends in a fault."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.text)
        self.problem = problem


FAULTS: Final[Mapping[str, Problem]] = {
    "too-many-requests": Problem(
        "exceededConcurrentRequestLimitFault",
        "WS_REQUEST_BLOCKED",
        "SuiteTalk concurrent request limit exceeded. Request blocked.",
    ),
    "server-error": Problem(
        "unexpectedErrorFault", "UNEXPECTED_ERROR", "An unexpected error occurred. Error ID: m2x0demo"
    ),
    "revoked-token": Problem(
        "invalidCredentialsFault", "INVALID_LOGIN_CREDENTIALS", "Invalid login attempt."
    ),
    "soap-fault": Problem(
        "unexpectedErrorFault", "UNEXPECTED_ERROR", "java.lang.NullPointerException", http_status=200
    ),
}


def msgs(name: str) -> str:
    """The name in the namespace of messages."""
    return f"{{{NAMESPACES['platformMsgs']}}}{name}"


def message(name: str) -> etree._Element:
    """An empty message, such as `searchResponse`."""
    return etree.Element(msgs(name), nsmap={"platformMsgs": NAMESPACES["platformMsgs"]})


def status_element(code: str = "", text: str = "") -> etree._Element:
    """`status`: success without a code, failure with one."""
    core = NAMESPACES["platformCore"]
    status = etree.Element(f"{{{core}}}status", nsmap={"platformCore": core})
    status.set("isSuccess", "false" if code else "true")
    if code:
        detail = etree.SubElement(status, f"{{{core}}}statusDetail")
        detail.set("type", "ERROR")
        etree.SubElement(detail, f"{{{core}}}code").text = code
        etree.SubElement(detail, f"{{{core}}}message").text = text
    return status


def envelope_reply(content: etree._Element, status: int = 200) -> Reply:
    """The content in an envelope, with the header that every answer has."""
    envelope = etree.Element(f"{{{_ENVELOPE}}}Envelope", nsmap={"soapenv": _ENVELOPE})
    header = etree.SubElement(envelope, f"{{{_ENVELOPE}}}Header")
    document = etree.SubElement(
        header, msgs("documentInfo"), nsmap={"platformMsgs": NAMESPACES["platformMsgs"]}
    )
    etree.SubElement(document, msgs("nsId")).text = "WEBSERVICES_1234567_SB1_demo"
    etree.SubElement(envelope, f"{{{_ENVELOPE}}}Body").append(content)
    body = etree.tostring(deepcopy(envelope), xml_declaration=True, encoding="UTF-8")
    return Reply(status, body, "text/xml; charset=utf-8")


def fault_reply(problem: Problem) -> Reply:
    """A SOAP 1.1 fault with the service's own detail."""
    fault = etree.Element(f"{{{_ENVELOPE}}}Fault")
    etree.SubElement(fault, "faultcode").text = "soapenv:Server.userException"
    etree.SubElement(fault, "faultstring").text = problem.text
    home = NAMESPACES["platformFaults"]
    detail = etree.SubElement(
        etree.SubElement(fault, "detail"), f"{{{home}}}{problem.kind}", nsmap={"platformFaults": home}
    )
    etree.SubElement(detail, f"{{{home}}}code").text = problem.code
    etree.SubElement(detail, f"{{{home}}}message").text = problem.text
    return envelope_reply(fault, problem.http_status)

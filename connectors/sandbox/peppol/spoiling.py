"""How a message is made wrong: changes of envelopes, trees and bytes that the cases of the testbed are made
of."""

from __future__ import annotations

import base64
import gzip
import re
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from typing import Final

from lxml import etree

from connectors.sandbox.peppol import names
from connectors.sandbox.peppol.seal import Hook, Sealed

_ID: Final = f"{{{names.WSU}}}Id"
_BOMB: Final = 64 * 1024 * 1024


def _eb(path: str) -> str:
    return "/".join(f"{{{names.EB}}}{step}" for step in path.split("/"))


def _messaging(envelope: etree._Element) -> etree._Element:
    return next(envelope.iter(f"{{{names.EB}}}Messaging"))


# -- before signing: the header says something wrong


def text(path: str, value: str) -> Hook:
    """Another text at a place below UserMessage."""

    def change(envelope: etree._Element) -> None:
        for found in envelope.iterfind(f".//{_eb(path)}"):
            found.text = value

    return change


def attribute(path: str, name: str, value: str | None) -> Hook:
    """Another value of an attribute, or none."""

    def change(envelope: etree._Element) -> None:
        for found in envelope.iterfind(f".//{_eb(path)}"):
            if value is None:
                found.attrib.pop(name, "")
            else:
                found.set(name, value)

    return change


def without(path: str, **wanted: str) -> Hook:
    """Without the elements at a place that have these attributes."""

    def change(envelope: etree._Element) -> None:
        for found in envelope.findall(f".//{_eb(path)}"):
            parent = found.getparent()
            if parent is not None and all(found.get(name) == value for name, value in wanted.items()):
                parent.remove(found)

    return change


def untyped(name: str) -> Hook:
    """A message property without its type."""

    def change(envelope: etree._Element) -> None:
        for found in envelope.iterfind(f".//{_eb('MessageProperties/Property')}"):
            if found.get("name") == name:
                found.attrib.pop("type", "")

    return change


def message_property(name: str, value: str) -> Hook:
    """Another value of a message property."""

    def change(envelope: etree._Element) -> None:
        for found in envelope.iterfind(f".//{_eb('MessageProperties/Property')}"):
            if found.get("name") == name:
                found.text = value

    return change


def twice(path: str) -> Hook:
    """The element at a place is there two times."""

    def change(envelope: etree._Element) -> None:
        found = envelope.find(f".//{_eb(path)}")
        if found is not None:
            found.addnext(deepcopy(found))

    return change


def second_message(envelope: etree._Element) -> None:
    """Two UserMessages in one Messaging."""
    user = envelope.find(f".//{_eb('UserMessage')}")
    if user is not None:
        other = deepcopy(user)
        for message_id in other.iter(f"{{{names.EB}}}MessageId"):
            message_id.text = f"second-{message_id.text}"
        user.addnext(other)


def ping(envelope: etree._Element) -> None:
    """Service and action of the test service, without a payload."""
    attribute("CollaborationInfo/Service", "type", None)(envelope)
    text("CollaborationInfo/Service", names.TEST_SERVICE)(envelope)
    text("CollaborationInfo/Action", names.TEST_ACTION)(envelope)


def filled_body(envelope: etree._Element) -> None:
    """Something in the SOAP body, which is to be empty."""
    etree.SubElement(envelope[1], "{urn:example:payload}Payload").text = "inside"


# -- after signing: somebody changed it on the way


def altered_header(envelope: etree._Element) -> None:
    """Another recipient than the one that was signed."""
    message_property("finalRecipient", "0208:0479031233")(envelope)


def altered_digest(envelope: etree._Element) -> None:
    """Another digest than the one that was signed."""
    value = next(envelope.iter(f"{{{names.DS}}}DigestValue"))
    value.text = f"{'A' if (value.text or '')[:1] != 'A' else 'B'}{(value.text or '')[1:]}"


def wrapped(*, same_id: bool) -> Hook:
    """The signed Messaging moved aside, and another one in its place, with an id of its own or the same."""

    def change(envelope: etree._Element) -> None:
        signed = _messaging(envelope)
        forged = deepcopy(signed)
        for found in forged.iterfind(f".//{_eb('MessageInfo/MessageId')}"):
            found.text = f"forged-{found.text}"
        if not same_id:
            forged.set(_ID, "forged")
        signed.addprevious(forged)
        header = envelope[0]
        etree.SubElement(header, "{urn:example:aside}Aside").append(signed)

    return change


def second_messaging(envelope: etree._Element) -> None:
    """A second, unsigned Messaging header beside the signed one."""
    signed = _messaging(envelope)
    other = deepcopy(signed)
    other.set(_ID, "other")
    signed.addprevious(other)


def messaging_first(envelope: etree._Element) -> None:
    """Messaging before Security, as some senders have it; this is allowed."""
    envelope[0].insert(0, _messaging(envelope))


# -- the business document


def replaced(pattern: str, by: str) -> Callable[[bytes], bytes]:
    """The document with each find of the pattern replaced."""
    return lambda document: re.sub(pattern.encode(), by.encode(), document, flags=re.DOTALL)


def only_payload(document: bytes) -> bytes:
    """The payload without its envelope."""
    bare = re.search(
        rb"</StandardBusinessDocumentHeader>(.*)</StandardBusinessDocument>", document, re.DOTALL
    )
    return b"" if bare is None else bare[1]


def with_doctype(document: bytes) -> bytes:
    """A document type declaration with an entity that grows."""
    levels = "".join(f'<!ENTITY e{level} "{f"&e{level - 1};" * 10}">' for level in range(1, 9))
    doctype = f'<!DOCTYPE x [<!ENTITY e0 "grow">{levels}]>'
    declaration = b'<?xml version="1.0" encoding="UTF-8"?>'
    return declaration + doctype.encode() + re.sub(rb"^<\?xml[^>]*\?>", b"", document)


def bomb(document: bytes) -> bytes:
    """Gzip data that grow a thousand times."""
    return gzip.compress(document + b" " * _BOMB, 9, mtime=0)


def torn(document: bytes) -> bytes:
    """Gzip data that end in the middle."""
    whole = gzip.compress(document, mtime=0)
    return whole[: len(whole) // 2]


# -- the bytes on the wire


def in_soap(change: Callable[[bytes], bytes]) -> Callable[[Sealed], Sealed]:
    """The bytes of the SOAP part changed."""

    def changed(sealed: Sealed) -> Sealed:
        start = sealed.body.index(b"<S12:Envelope")
        end = sealed.body.index(b"</S12:Envelope>") + len(b"</S12:Envelope>")
        soap = change(sealed.body[start:end])
        return replace(sealed, body=sealed.body[:start] + soap + sealed.body[end:])

    return changed


def flipped_part(sealed: Sealed) -> Sealed:
    """One bit of the encrypted part is another."""
    place = sealed.body.index(b"Content-ID:") + 120
    body = bytearray(sealed.body)
    body[place] ^= 1
    return replace(sealed, body=bytes(body))


def without_parts(sealed: Sealed) -> Sealed:
    """The SOAP part alone."""
    soap = sealed.body[sealed.body.index(b"<S12:Envelope") : sealed.body.index(b"</S12:Envelope>") + 15]
    return replace(sealed, content_type="application/soap+xml;charset=UTF-8", body=soap)


def torn_mime(sealed: Sealed) -> Sealed:
    """The request ends before its last boundary."""
    return replace(sealed, body=sealed.body[: len(sealed.body) // 2])


def in_base64(sealed: Sealed) -> Sealed:
    """The encrypted part in base64, as some senders have it; this is allowed."""
    boundary = sealed.body.split(b"\r\n", 1)[0]
    head, _, rest = sealed.body.partition(b"\r\n" + boundary + b"\r\nContent-Type: application/octet-stream")
    top, _, content = rest.partition(b"\r\n\r\n")
    raw = content[: -len(b"\r\n" + boundary + b"--\r\n")]
    top = top.replace(b"Transfer-Encoding: binary", b"Transfer-Encoding: base64")
    encoded = base64.encodebytes(raw).replace(b"\n", b"\r\n")
    pieces = [head, b"\r\n", boundary, b"\r\nContent-Type: application/octet-stream", top, b"\r\n\r\n"]
    return replace(sealed, body=b"".join([*pieces, encoded, b"\r\n", boundary, b"--\r\n"]))

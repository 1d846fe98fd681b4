"""Reading AS4 messages as strictly as the strictest of the real access points does.

Parts are split by the standard library's MIME parser. What is wrong is a `Refusal` with the ebMS error that a
real receiver would answer.

Source: Peppol AS4 profile 2.0.3; the behaviour of phase4 and Oxalis where the profile leaves a choice.
"""

from __future__ import annotations

import base64
import binascii
import email
import email.message
import hashlib
import re
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote

from cryptography import x509
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from lxml import etree

from connectors.sandbox.peppol import names
from connectors.sandbox.peppol.envelope import parse
from connectors.sandbox.peppol.pki import common_name
from connectors.sandbox.peppol.refusal import Refusal, refuse_unless
from connectors.sandbox.peppol.seal import canonical

__all__ = ["Opened", "Part", "Security", "split", "unpack", "unseal", "verify"]

_LARGEST_DOCUMENT: Final = 512 * 1024 * 1024
_RATIO: Final = 200
_SLACK: Final = 1024 * 1024
_MESSAGE_ID: Final = re.compile(r"[^\s<>@]+@[^\s<>@]+")
_SEAT: Final = re.compile(r"P[A-Z]{2}[0-9]{6}")
_CONTENT_ID: Final = re.compile(r"<[^<>\s]+>")


def _n(namespace: str, name: str) -> str:
    return f"{{{namespace}}}{name}"


@dataclass(frozen=True, slots=True)
class Part:
    """One MIME part, decoded; `cid` without brackets."""

    cid: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Security:
    """What a verified signature covers: `references` maps URIs to digests in base64, `elements` are the
    signed ones."""

    signer: x509.Certificate
    references: Mapping[str, str]
    elements: tuple[etree._Element, ...]
    # The ds:Reference elements as a receipt repeats them.
    quoted: tuple[bytes, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Opened:
    """A message that is what the profile wants. `document` is the business document in its envelope,
    unpacked."""

    message_id: str
    sender_party: str
    receiver_party: str
    service: tuple[str, str]
    action: str
    original_sender: str
    final_recipient: str
    document: bytes = field(repr=False)
    packed: bytes = field(repr=False)
    security: Security
    ping: bool = False


def split(content_type: str, body: bytes) -> tuple[Part, ...]:
    """The parts of a request, the SOAP part first. Raises Refusal EBMS:0007."""
    head = email.message_from_bytes(
        b"Content-Type: " + content_type.encode("latin-1", "replace") + b"\r\n\r\n"
    )
    if head.get_content_type() == "application/soap+xml":
        return (Part("", body),)
    refuse_unless(
        head.get_content_type() == "multipart/related", "EBMS:0007", "this is not multipart/related"
    )
    refuse_unless(
        head.get_param("type") == "application/soap+xml",
        "EBMS:0007",
        "the type parameter of the request is missing",
    )
    boundary = head.get_boundary()
    refuse_unless(boundary, "EBMS:0007", "there is no boundary")
    delimiter = b"--" + str(boundary).encode("latin-1", "replace")
    refuse_unless(delimiter + b"--" in body, "EBMS:0007", "the last boundary is missing")
    refuse_unless(delimiter + b"\r\n" in body, "EBMS:0007", "boundaries do not end with CR LF")
    start = f"Content-Type: {content_type}\r\n\r\n".encode("latin-1", "replace")
    message = email.message_from_bytes(start + body)
    refuse_unless(message.is_multipart(), "EBMS:0007", "there are no parts")
    return tuple(_part(part) for part in message.get_payload() if isinstance(part, email.message.Message))


def _part(part: email.message.Message) -> Part:
    content = part.get_payload(decode=True)
    refuse_unless(isinstance(content, bytes), "EBMS:0007", "a part holds parts")
    cid = str(part.get("Content-ID", "")).strip()
    refuse_unless(not cid or _CONTENT_ID.fullmatch(cid), "EBMS:0007", "a Content-ID has no angle brackets")
    assert isinstance(content, bytes)  # noqa: S101 - for the type checker
    return Part(cid.strip("<>"), content)


def unseal(
    parts: Sequence[Part],
    key_for: Callable[[bytes], rsa.RSAPrivateKey | None],
    problem: Callable[[x509.Certificate], str],
) -> Opened:
    """Open one UserMessage. `key_for` gives the private key of a certificate (DER) or None; `problem` says
    why a signer is not trusted, or "".

    Raises Refusal. Nothing is returned that the signature does not cover.
    """
    refuse_unless(parts, "EBMS:0007", "there are no parts")
    root = parse(parts[0].content, "EBMS:0009", "the SOAP part")
    messaging, security, body = _frame(root)
    users = messaging.findall(_n(names.EB, "UserMessage"))
    refuse_unless(
        len(users) == 1 and len(messaging) == 1, "EBMS:0009", f"there are {len(messaging)} messages, not one"
    )
    user = users[0]
    _no_repeated_ids(root)
    refuse_unless(security is not None, "EBMS:0103", "there is no Security header")
    assert security is not None  # noqa: S101 - for the type checker
    attachments = {f"cid:{part.cid}": part.content for part in parts[1:]}
    refuse_unless(len(attachments) == len(parts) - 1, "EBMS:0007", "two parts have one Content-ID")
    clear = _decrypt(security, attachments, key_for)
    verified = verify(root, security, clear)
    refuse_unless(
        any(one is messaging for one in verified.elements) and any(one is body for one in verified.elements),
        "EBMS:0101",
        "the signature does not cover Messaging and Body",
    )
    refuse_unless(set(clear) <= set(verified.references), "EBMS:0101", "an attachment is not signed")
    reason = problem(verified.signer)
    refuse_unless(not reason, "EBMS:0101", f"the certificate of the sender is not good: {reason}")
    return _header(user, clear, verified)


def _frame(root: etree._Element) -> tuple[etree._Element, etree._Element | None, etree._Element]:
    refuse_unless(root.tag == _n(names.S12, "Envelope"), "EBMS:0009", "this is not SOAP 1.2")
    headers, bodies = root.findall(_n(names.S12, "Header")), root.findall(_n(names.S12, "Body"))
    refuse_unless(
        len(headers) == 1 and len(bodies) == 1 and len(root) == 2, "EBMS:0009", "not one Header and one Body"
    )
    messagings = headers[0].findall(_n(names.EB, "Messaging"))
    refuse_unless(
        len(messagings) == 1, "EBMS:0009", f"there are {len(messagings)} Messaging headers, not one"
    )
    everywhere = sum(1 for _ in root.iter(_n(names.EB, "Messaging")))
    refuse_unless(everywhere == 1, "EBMS:0009", "there is another Messaging element")
    securities = headers[0].findall(_n(names.WSSE, "Security"))
    refuse_unless(len(securities) <= 1, "EBMS:0103", "there is more than one Security header")
    refuse_unless(len(bodies[0]) == 0, "EBMS:0009", "the SOAP body is not empty")
    return messagings[0], securities[0] if securities else None, bodies[0]


def _no_repeated_ids(root: etree._Element) -> dict[str, etree._Element]:
    found: dict[str, etree._Element] = {}
    for element in root.iter(etree.Element):
        for attribute in (_n(names.WSU, "Id"), "Id", "{http://www.w3.org/XML/1998/namespace}id"):
            value = element.get(attribute)
            if value is not None:
                refuse_unless(found.get(value, element) is element, "EBMS:0103", "an Id is there twice")
                found[value] = element
    return found


def _decrypt(
    security: etree._Element,
    attachments: Mapping[str, bytes],
    key_for: Callable[[bytes], rsa.RSAPrivateKey | None],
) -> dict[str, bytes]:
    keys = security.findall(_n(names.XENC, "EncryptedKey"))
    encrypted = security.findall(_n(names.XENC, "EncryptedData"))
    clear: dict[str, bytes] = {}
    for data in encrypted:
        reference = data.find(f".//{_n(names.XENC, 'CipherReference')}")
        uri = "" if reference is None else unquote(reference.get("URI", ""))
        refuse_unless(uri in attachments, "EBMS:0102", "EncryptedData names no part")
        refuse_unless(uri not in clear, "EBMS:0102", "a part is encrypted twice")
        _insist(data, "EncryptionMethod", names.AES_GCM)
        fitting = [key for key in keys if _points_at(key, data)]
        refuse_unless(len(fitting) == 1, "EBMS:0102", "there is not one key for the encrypted part")
        secret = _unwrapped(fitting[0], security, key_for)
        content = attachments[uri]
        refuse_unless(len(content) >= 28, "EBMS:0102", "the encrypted part is too short")
        try:
            clear[uri] = AESGCM(secret).decrypt(content[:12], content[12:], None)
        except (InvalidTag, ValueError) as error:
            raise Refusal("EBMS:0102", "the part cannot be decrypted") from error
    refuse_unless(set(clear) == set(attachments), "EBMS:0102", "a part is not encrypted")
    return clear


def _points_at(key: etree._Element, data: etree._Element) -> bool:
    wanted = f"#{data.get('Id')}"
    listed = [one.get("URI") for one in key.iter(_n(names.XENC, "DataReference"))]
    named = [one.get("URI") for one in data.iter(_n(names.WSSE, "Reference"))]
    return wanted in listed or f"#{key.get('Id')}" in named


def _unwrapped(
    key: etree._Element, security: etree._Element, key_for: Callable[[bytes], rsa.RSAPrivateKey | None]
) -> bytes:
    method = _insist(key, "EncryptionMethod", names.OAEP)
    digest, mask = method.find(_n(names.DS, "DigestMethod")), method.find(_n(names.XENC11, "MGF"))
    refuse_unless(
        digest is not None
        and digest.get("Algorithm") == names.SHA256
        and mask is not None
        and mask.get("Algorithm") == names.MGF_SHA256,
        "EBMS:0103",
        "the key is not transported with SHA-256",
    )
    certificate = _token(key, security)
    private = key_for(certificate)
    refuse_unless(private is not None, "EBMS:0102", "the part is encrypted for another certificate")
    assert private is not None  # noqa: S101 - for the type checker
    value = key.findtext(f"{_n(names.XENC, 'CipherData')}/{_n(names.XENC, 'CipherValue')}") or ""
    try:
        secret = private.decrypt(
            _decoded(value), padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
        )
    except ValueError as error:
        raise Refusal("EBMS:0102", "the key cannot be unwrapped") from error
    refuse_unless(len(secret) == 16, "EBMS:0103", "the key has not 128 bits")
    return secret


def verify(root: etree._Element, security: etree._Element, attachments: Mapping[str, bytes]) -> Security:
    """Check the one signature of a Security header over elements and attachments (decrypted). Raises
    Refusal."""
    signatures = security.findall(_n(names.DS, "Signature"))
    refuse_unless(len(signatures) == 1, "EBMS:0101", f"there are {len(signatures)} signatures, not one")
    signature = signatures[0]
    info = signature.find(_n(names.DS, "SignedInfo"))
    refuse_unless(info is not None, "EBMS:0101", "the signature has no SignedInfo")
    assert info is not None  # noqa: S101 - for the type checker
    _insist(info, "SignatureMethod", names.RSA_SHA256)
    form = _insist(info, "CanonicalizationMethod", names.EC)
    try:
        signer = x509.load_der_x509_certificate(_token(signature, security))
    except ValueError as error:
        raise Refusal("EBMS:0101", "the token is not a certificate") from error
    public = signer.public_key()
    refuse_unless(isinstance(public, rsa.RSAPublicKey), "EBMS:0103", "the certificate has no RSA key")
    assert isinstance(public, rsa.RSAPublicKey)  # noqa: S101 - for the type checker
    value = _decoded(signature.findtext(_n(names.DS, "SignatureValue")) or "")
    try:
        public.verify(value, canonical(info, _prefixes(form)), padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature as error:
        raise Refusal("EBMS:0101", "the signature does not fit") from error
    named = _no_repeated_ids(root)
    references: dict[str, str] = {}
    elements = []
    quoted = []
    for reference in info.findall(_n(names.DS, "Reference")):
        uri, digest = _referenced(reference, named, attachments)
        refuse_unless(uri not in references, "EBMS:0101", "something is signed twice")
        references[uri] = digest
        if uri.startswith("#"):
            elements.append(named[uri[1:]])
        quoted.append(canonical(reference))
    return Security(signer, references, tuple(elements), tuple(quoted))


def _referenced(
    reference: etree._Element, named: Mapping[str, etree._Element], attachments: Mapping[str, bytes]
) -> tuple[str, str]:
    uri = unquote(reference.get("URI", ""))
    _insist(reference, "DigestMethod", names.SHA256)
    transforms = reference.findall(f"{_n(names.DS, 'Transforms')}/{_n(names.DS, 'Transform')}")
    refuse_unless(len(transforms) == 1, "EBMS:0103", "a reference has not one transform")
    way = transforms[0].get("Algorithm")
    if uri.startswith("#"):
        refuse_unless(way == names.EC, "EBMS:0103", "an element is not signed in exclusive canonical form")
        element = named.get(uri[1:])
        refuse_unless(element is not None, "EBMS:0101", "a reference leads nowhere")
        assert element is not None  # noqa: S101 - for the type checker
        content = canonical(element, _prefixes(transforms[0]))
    else:
        refuse_unless(way == names.ATTACHMENT_SIGNED, "EBMS:0103", "an attachment is signed in another way")
        refuse_unless(uri in attachments, "EBMS:0101", "a reference leads to no part")
        content = attachments[uri]
    digest = base64.b64encode(hashlib.sha256(content).digest()).decode("ascii")
    said = "".join((reference.findtext(_n(names.DS, "DigestValue")) or "").split())
    refuse_unless(
        said == digest, "EBMS:0101", f"the digest of {'a part' if uri[:1] != '#' else 'an element'} differs"
    )
    return uri, digest


def _header(user: etree._Element, clear: Mapping[str, bytes], security: Security) -> Opened:
    message_id = _text(user, "MessageInfo/MessageId")
    refuse_unless(_MESSAGE_ID.fullmatch(message_id), "EBMS:0009", "MessageId is not local@domain")
    refuse_unless(_text(user, "MessageInfo/Timestamp"), "EBMS:0009", "Timestamp is missing")
    refuse_unless(not _text(user, "MessageInfo/RefToMessageId"), "EBMS:0009", "RefToMessageId is there")
    sender = _seat(user, "From", names.INITIATOR)
    receiver = _seat(user, "To", names.RESPONDER)
    refuse_unless(common_name(security.signer) == sender, "EBMS:0101", "the signer is not the party in From")
    agreement = _one(user, "CollaborationInfo/AgreementRef")
    refuse_unless(
        (agreement.text or "").strip() == names.AGREEMENT and not agreement.attrib,
        "EBMS:0001",
        "AgreementRef is not that of Peppol",
    )
    service = _one(user, "CollaborationInfo/Service")
    action = _text(user, "CollaborationInfo/Action")
    refuse_unless(_text(user, "CollaborationInfo/ConversationId"), "EBMS:0009", "ConversationId is missing")
    if ((service.text or "").strip(), action) == (names.TEST_SERVICE, names.TEST_ACTION):
        return Opened(
            message_id,
            sender,
            receiver,
            ("", names.TEST_SERVICE),
            action,
            "",
            "",
            b"",
            b"",
            security,
            ping=True,
        )
    refuse_unless(service.get("type"), "EBMS:0009", "Service has no type")
    refuse_unless("::" in action, "EBMS:0009", "Action is not a document type with its scheme")
    properties = {
        one.get("name", ""): one
        for one in user.findall(f"{_n(names.EB, 'MessageProperties')}/{_n(names.EB, 'Property')}")
    }
    people = []
    for name in ("originalSender", "finalRecipient"):
        refuse_unless(name in properties, "EBMS:0009", f"the property {name} is missing")
        refuse_unless(properties[name].get("type") == names.PARTICIPANT, "EBMS:0009", f"{name} has no type")
        people.append((properties[name].text or "").strip())
    packed, document = _payload(user, clear)
    return Opened(
        message_id=message_id,
        sender_party=sender,
        receiver_party=receiver,
        service=(service.get("type", ""), (service.text or "").strip()),
        action=action,
        original_sender=people[0],
        final_recipient=people[1],
        document=document,
        packed=packed,
        security=security,
    )


def _payload(user: etree._Element, clear: Mapping[str, bytes]) -> tuple[bytes, bytes]:
    infos = user.findall(f"{_n(names.EB, 'PayloadInfo')}/{_n(names.EB, 'PartInfo')}")
    hrefs = [unquote(info.get("href", "")) for info in infos]
    refuse_unless(all(href.startswith("cid:") for href in hrefs), "EBMS:0011", "a part is not in the message")
    refuse_unless(
        sorted(hrefs) == sorted(clear), "EBMS:0007", "the parts are not those that PayloadInfo lists"
    )
    refuse_unless(len(hrefs) == 1, "EBMS:0007", f"there are {len(hrefs)} payloads, not one")
    properties = {
        one.get("name", ""): (one.text or "").strip()
        for one in infos[0].findall(f"{_n(names.EB, 'PartProperties')}/{_n(names.EB, 'Property')}")
    }
    refuse_unless(properties.get("MimeType"), "EBMS:0009", "the part has no MimeType")
    compression = properties.get("CompressionType")
    packed = clear[hrefs[0]]
    if compression is None:
        return packed, packed
    refuse_unless(compression == "application/gzip", "EBMS:0303", "the part is compressed in another way")
    return packed, unpack(packed)


def unpack(packed: bytes) -> bytes:
    """Gunzip, bounded by ratio and size. Raises Refusal EBMS:0303."""
    most = min(_LARGEST_DOCUMENT, len(packed) * _RATIO + _SLACK)
    pieces = []
    size = 0
    rest = packed
    while rest:
        engine = zlib.decompressobj(wbits=31)
        try:
            pieces.append(engine.decompress(rest, most - size + 1))
        except zlib.error as error:
            raise Refusal("EBMS:0303", "the part is not gzip") from error
        size += len(pieces[-1])
        refuse_unless(size <= most, "EBMS:0303", "the part unpacks to too much")
        refuse_unless(engine.eof, "EBMS:0303", "the gzip data end in the middle")
        rest = engine.unused_data
    return b"".join(pieces)


def _seat(user: etree._Element, side: str, role: str) -> str:
    parties = user.findall(f"{_n(names.EB, 'PartyInfo')}/{_n(names.EB, side)}/{_n(names.EB, 'PartyId')}")
    refuse_unless(len(parties) == 1, "EBMS:0009", f"there are {len(parties)} PartyIds in {side}, not one")
    refuse_unless(
        parties[0].get("type") == names.PARTY_TYPE, "EBMS:0001", f"PartyId in {side} is of another type"
    )
    refuse_unless(
        _text(user, f"PartyInfo/{side}/Role") == role, "EBMS:0009", f"the role of {side} is another"
    )
    value = (parties[0].text or "").strip()
    refuse_unless(_SEAT.fullmatch(value), "EBMS:0009", f"PartyId in {side} is not a seat id")
    return value


def _one(user: etree._Element, path: str) -> etree._Element:
    found = user.findall("/".join(_n(names.EB, step) for step in path.split("/")))
    refuse_unless(len(found) == 1, "EBMS:0009", f"there are {len(found)} of {path}, not one")
    return found[0]


def _text(user: etree._Element, path: str) -> str:
    return (user.findtext("/".join(_n(names.EB, step) for step in path.split("/"))) or "").strip()


def _token(place: etree._Element, security: etree._Element) -> bytes:
    """The certificate (DER) that the KeyInfo of a key or a signature points at."""
    info = place.find(_n(names.DS, "KeyInfo"))
    pointer = (
        None
        if info is None
        else info.find(f"{_n(names.WSSE, 'SecurityTokenReference')}/{_n(names.WSSE, 'Reference')}")
    )
    refuse_unless(pointer is not None, "EBMS:0103", "the certificate is not given as a BinarySecurityToken")
    assert pointer is not None  # noqa: S101 - for the type checker
    wanted = pointer.get("URI", "").removeprefix("#")
    tokens = [
        one
        for one in security.findall(_n(names.WSSE, "BinarySecurityToken"))
        if one.get(_n(names.WSU, "Id")) == wanted
    ]
    refuse_unless(len(tokens) == 1, "EBMS:0103", "there is no BinarySecurityToken of that name")
    refuse_unless(tokens[0].get("ValueType") == names.X509V3, "EBMS:0103", "the token is of another type")
    return _decoded(tokens[0].text or "")


def _insist(parent: etree._Element, name: str, algorithm: str) -> etree._Element:
    namespace = names.XENC if name == "EncryptionMethod" else names.DS
    found = parent.findall(_n(namespace, name))
    refuse_unless(
        len(found) == 1 and found[0].get("Algorithm") == algorithm,
        "EBMS:0103",
        f"{name} is not {algorithm}",
    )
    return found[0]


def _prefixes(element: etree._Element) -> list[str]:
    listed = element.find(_n(names.EC, "InclusiveNamespaces"))
    return [] if listed is None else (listed.get("PrefixList") or "").split()


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise Refusal("EBMS:0103", "something is not base64") from error

"""Writing AS4 messages: header, signature, encryption, MIME, as a tree that is written out once at the end.

What a message says and how it is protected are arguments, wrong choices included: the testbed makes its
negative cases with `Suite` and with the two hooks of `seal`, before and after signing.

Source: Peppol AS4 profile 2.0.3, WSS 1.1.1 with the SwA profile 1.1.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import os
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, hmac, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from lxml import etree

from connectors.sandbox.peppol import names
from connectors.sandbox.peppol.pki import Identity
from connectors.sandbox.peppol.tree import Maker

__all__ = [
    "PEPPOL",
    "Attachment",
    "Header",
    "Reference",
    "Sealed",
    "Suite",
    "canonical",
    "new_message_id",
    "seal",
]

_S12: Final = Maker(names.S12, {"S12": names.S12})
# Attributes of these elements come from other namespaces too.
_EB: Final = Maker(names.EB, {"eb": names.EB, "wsu": names.WSU, "S12": names.S12})
_WSSE: Final = Maker(names.WSSE, {"wsse": names.WSSE, "wsu": names.WSU, "S12": names.S12})
_DS: Final = Maker(names.DS, {"ds": names.DS})
_XENC: Final = Maker(names.XENC, {"xenc": names.XENC})
_XENC11: Final = Maker(names.XENC11, {"xenc11": names.XENC11})
_MUST: Final = f"{{{names.S12}}}mustUnderstand"
_ID: Final = f"{{{names.WSU}}}Id"
HMAC_SHA256: Final = "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256"
_SHA1: Final = hashes.SHA1()  # noqa: S303 - what receivers must refuse


@dataclass(frozen=True, slots=True)
class Suite:
    """How a message is protected; as it stands, as Peppol wants it. `token` is "bst" or "ski"."""

    signature: str = names.RSA_SHA256
    digest: str = names.SHA256
    key_transport: str = names.OAEP
    cipher: str = names.AES_GCM
    token: str = "bst"
    encryption_token: str = "bst"


PEPPOL: Final = Suite()


@dataclass(frozen=True, slots=True)
class Attachment:
    """One part: its content id without brackets, and what is signed and then encrypted (gzip bytes)."""

    cid: str
    content: bytes = field(repr=False)
    media_type: str = "application/gzip"

    @classmethod
    def packed(cls, document: bytes, *, host: str = "sandbox.example") -> Attachment:
        """A document, compressed, under a fresh content id."""
        return cls(f"{uuid.uuid4()}@{host}", gzip.compress(document, 6, mtime=0))


@dataclass(frozen=True, slots=True)
class Header:
    """A UserMessage. `timestamp` is aware; the schemes are those of the fixed profile unless given."""

    message_id: str
    sender_party: str
    receiver_party: str
    document_type: str
    process: str
    original_sender: str
    final_recipient: str
    timestamp: datetime
    document_scheme: str = names.DOCUMENT_TYPE
    process_scheme: str = names.PROCESS

    def user_message(self, attachments: Sequence[Attachment]) -> etree._Element:
        stamp = self.timestamp.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        parties = (
            _EB.From(_EB.PartyId(self.sender_party, type=names.PARTY_TYPE), _EB.Role(names.INITIATOR)),
            _EB.To(_EB.PartyId(self.receiver_party, type=names.PARTY_TYPE), _EB.Role(names.RESPONDER)),
        )
        parts = (
            _EB.PartInfo(
                _EB.PartProperties(
                    _EB.Property("application/xml", name="MimeType"),
                    _EB.Property("application/gzip", name="CompressionType"),
                ),
                href=f"cid:{one.cid}",
            )
            for one in attachments
        )
        properties = (("originalSender", self.original_sender), ("finalRecipient", self.final_recipient))
        return _EB.UserMessage(
            _EB.MessageInfo(_EB.Timestamp(stamp), _EB.MessageId(self.message_id)),
            _EB.PartyInfo(*parties),
            _EB.CollaborationInfo(
                _EB.AgreementRef(names.AGREEMENT),
                _EB.Service(self.process, type=self.process_scheme),
                _EB.Action(f"{self.document_scheme}::{self.document_type}"),
                _EB.ConversationId(str(uuid.uuid4())),
            ),
            _EB.MessageProperties(
                *(_EB.Property(value, name=name, type=names.PARTICIPANT) for name, value in properties)
            ),
            _EB.PayloadInfo(*parts),
        )


@dataclass(frozen=True, slots=True)
class Reference:
    """One signed thing: where, by which digest, and the digest in base64."""

    uri: str
    method: str
    value: str


@dataclass(frozen=True, slots=True)
class Sealed:
    """A message ready for the wire."""

    content_type: str
    body: bytes = field(repr=False)
    references: tuple[Reference, ...]


Hook = Callable[[etree._Element], None]


def new_message_id() -> str:
    return f"{uuid.uuid4()}@sandbox.example"


def canonical(element: etree._Element, prefixes: Sequence[str] = ()) -> bytes:
    """Exclusive canonical XML 1.0 without comments."""
    return etree.tostring(
        element,
        method="c14n",
        exclusive=True,
        with_comments=False,
        inclusive_ns_prefixes=list(prefixes) or None,
    )


def seal(
    content: etree._Element,
    signer: Identity | None,
    *,
    attachments: Sequence[Attachment] = (),
    receiver: x509.Certificate | None = None,
    suite: Suite = PEPPOL,
    before: Hook | None = None,
    after: Hook | None = None,
    signed: Sequence[Attachment] | None = None,
) -> Sealed:
    """A signed envelope around one UserMessage or SignalMessage, with the attachments encrypted for
    `receiver`.

    Without a signer it is not signed, without a receiver nothing is encrypted. `before` may change the
    envelope before it is signed (the signature then fits what it says), `after` once all is done. `signed` is
    what the signature speaks of where that is not what is sent.
    """
    messaging = _EB.Messaging(content, {_MUST: "true", _ID: _fresh("msg")})
    body = etree.Element(etree.QName(names.S12, "Body"), {_ID: _fresh("body")}, nsmap={"wsu": names.WSU})
    security = _WSSE.Security({_MUST: "true"})
    header = _S12.Header(security, messaging)
    envelope = _S12.Envelope(header, body)
    if before is not None:
        before(envelope)
    parts = attachments
    if receiver is not None and attachments:
        parts = _encrypt(security, attachments, receiver, suite)
    references: tuple[Reference, ...] = ()
    if signer is not None:
        covered = attachments if signed is None else signed
        references = _sign(security, (messaging, body), covered, signer, suite)
    if after is not None:
        after(envelope)
    return _written(etree.tostring(envelope, encoding="UTF-8"), parts, references)


def _sign(
    security: etree._Element,
    elements: Sequence[etree._Element],
    attachments: Sequence[Attachment],
    signer: Identity,
    suite: Suite,
) -> tuple[Reference, ...]:
    signed = [(f"#{one.get(_ID)}", canonical(one), names.EC) for one in elements]
    signed += [(f"cid:{one.cid}", one.content, names.ATTACHMENT_SIGNED) for one in attachments]
    references = tuple(
        Reference(uri, suite.digest, _digest(content, suite.digest)) for uri, content, _ in signed
    )
    info = _DS.SignedInfo(
        _DS.CanonicalizationMethod(Algorithm=names.EC),
        _DS.SignatureMethod(Algorithm=suite.signature),
        *(
            _DS.Reference(
                _DS.Transforms(_DS.Transform(Algorithm=transform)),
                _DS.DigestMethod(Algorithm=one.method),
                _DS.DigestValue(one.value),
                URI=one.uri,
            )
            for one, (_, _, transform) in zip(references, signed, strict=True)
        ),
    )
    signature = _DS.Signature(info, Id=_fresh("sig"))
    if suite.token == "bst":
        security.append(_token(signer.certificate, name := _fresh("x509")))
        pointer = _WSSE.Reference(URI=f"#{name}", ValueType=names.X509V3)
    else:
        pointer = _key_identifier(signer.certificate)
    security.append(signature)
    value = _signature_value(canonical(info), signer, suite)
    signature.append(_DS.SignatureValue(base64.b64encode(value).decode("ascii")))
    signature.append(_DS.KeyInfo(_WSSE.SecurityTokenReference(pointer)))
    return references


def _signature_value(data: bytes, signer: Identity, suite: Suite) -> bytes:
    if suite.signature == HMAC_SHA256:
        # The old trick: a secret that everybody knows, for readers that take any algorithm.
        code = hmac.HMAC(signer.der, hashes.SHA256())
        code.update(data)
        return code.finalize()
    chosen = _SHA1 if suite.signature == names.RSA_SHA1 else hashes.SHA256()
    return signer.private_key.sign(data, padding.PKCS1v15(), chosen)


def _encrypt(
    security: etree._Element, attachments: Sequence[Attachment], receiver: x509.Certificate, suite: Suite
) -> list[Attachment]:
    secret = os.urandom(16)
    public = receiver.public_key()
    key_name = _fresh("ek")
    data_names = [_fresh("ed") for _ in attachments]
    # The certificate was made by us or was checked by the caller; all of the network are RSA.
    wrapped = public.encrypt(secret, _wrapping(suite))  # type: ignore[union-attr]
    if suite.encryption_token == "bst":
        security.append(_token(receiver, name := _fresh("enc")))
        pointer = _WSSE.Reference(URI=f"#{name}", ValueType=names.X509V3)
    else:
        pointer = _key_identifier(receiver)
    method = _XENC.EncryptionMethod(Algorithm=suite.key_transport)
    if suite.key_transport == names.OAEP:
        method.append(_DS.DigestMethod(Algorithm=names.SHA256))
        method.append(_XENC11.MGF(Algorithm=names.MGF_SHA256))
    security.append(
        _XENC.EncryptedKey(
            method,
            _DS.KeyInfo(_WSSE.SecurityTokenReference(pointer)),
            _XENC.CipherData(_XENC.CipherValue(base64.b64encode(wrapped).decode("ascii"))),
            _XENC.ReferenceList(*(_XENC.DataReference(URI=f"#{name}") for name in data_names)),
            Id=key_name,
        )
    )
    done = []
    for name, one in zip(data_names, attachments, strict=True):
        reference = etree.Element(
            etree.QName(names.WSSE, "SecurityTokenReference"),
            {f"{{{names.WSSE11}}}TokenType": names.ENCRYPTED_KEY},
            nsmap={"wsse": names.WSSE, "wsse11": names.WSSE11},
        )
        reference.append(_WSSE.Reference(URI=f"#{key_name}"))
        security.append(
            _XENC.EncryptedData(
                _XENC.EncryptionMethod(Algorithm=suite.cipher),
                _DS.KeyInfo(reference),
                _XENC.CipherData(
                    _XENC.CipherReference(
                        _XENC.Transforms(_DS.Transform(Algorithm=names.ATTACHMENT_CIPHERTEXT)),
                        URI=f"cid:{one.cid}",
                    )
                ),
                Id=name,
                MimeType=one.media_type,
                Type=names.ATTACHMENT_ONLY,
            )
        )
        done.append(Attachment(one.cid, _ciphered(secret, one.content, suite), one.media_type))
    return done


def _wrapping(suite: Suite) -> padding.AsymmetricPadding:
    if suite.key_transport == names.RSA_1_5:
        return padding.PKCS1v15()
    if suite.key_transport == names.OAEP_MGF1P:
        return padding.OAEP(padding.MGF1(_SHA1), _SHA1, None)
    return padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)


def _ciphered(secret: bytes, content: bytes, suite: Suite) -> bytes:
    if suite.cipher == names.AES_CBC:
        vector = os.urandom(16)
        filler = 16 - len(content) % 16
        padded = content + bytes(filler - 1) + bytes([filler])
        encryptor = Cipher(algorithms.AES(secret), modes.CBC(vector)).encryptor()
        return vector + encryptor.update(padded) + encryptor.finalize()
    vector = os.urandom(12)
    return vector + AESGCM(secret).encrypt(vector, content, None)


def _token(certificate: x509.Certificate, name: str) -> etree._Element:
    der = certificate.public_bytes(serialization.Encoding.DER)
    token = _WSSE.BinarySecurityToken(
        base64.b64encode(der).decode("ascii"), EncodingType=names.BASE64, ValueType=names.X509V3
    )
    token.set(_ID, name)
    return token


def _key_identifier(certificate: x509.Certificate) -> etree._Element:
    identifier = x509.SubjectKeyIdentifier.from_public_key(certificate.public_key()).digest
    return _WSSE.KeyIdentifier(
        base64.b64encode(identifier).decode("ascii"), EncodingType=names.BASE64, ValueType=names.X509_SKI
    )


def _digest(content: bytes, method: str) -> str:
    if method == names.SHA1:
        value = hashlib.sha1(content, usedforsecurity=False).digest()
    else:
        value = hashlib.sha256(content).digest()
    return base64.b64encode(value).decode("ascii")


def _fresh(prefix: str) -> str:
    return f"{prefix}-{uuid.uuid4()}"


def _written(envelope: bytes, parts: Sequence[Attachment], references: tuple[Reference, ...]) -> Sealed:
    soap = "application/soap+xml;charset=UTF-8"
    if not parts:
        return Sealed(soap, envelope, references)
    boundary = f"----=_Part_{uuid.uuid4().hex}"
    pieces = [
        f"--{boundary}\r\nContent-Type: {soap}\r\nContent-Transfer-Encoding: binary\r\n\r\n".encode(),
        envelope,
    ]
    for one in parts:
        pieces += [
            f"\r\n--{boundary}\r\nContent-Type: application/octet-stream\r\n"
            f"Content-Transfer-Encoding: binary\r\nContent-ID: <{one.cid}>\r\n\r\n".encode(),
            one.content,
        ]
    pieces.append(f"\r\n--{boundary}--\r\n".encode())
    kind = f'multipart/related; boundary="{boundary}"; type="application/soap+xml"'
    return Sealed(kind, b"".join(pieces), references)

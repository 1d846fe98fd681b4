"""Encryption of attachments: AES-128 in GCM under a key of its own, which RSA-OAEP wraps for the receiver.

An opened attachment is given out only after its tag was verified, whatever its size. Sources: W3C XML
Encryption 1.1; WSS 1.1.1 SwA profile; Peppol AS4 profile 2.0.3.
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from lxml import etree

from connectors.channels.peppol.as4 import names
from connectors.channels.peppol.as4.blobs import Blob, Spool
from connectors.channels.peppol.as4.keys import Key, Peer, decoded, encoded
from connectors.channels.peppol.as4.problems import FAILED_DECRYPTION, POLICY, As4Problem
from connectors.channels.peppol.as4.signing import referenced, token, token_of
from connectors.channels.peppol.as4.soap import SoapEnvelope, attribute, child, children, text_of

__all__ = [
    "KEY_SIZE",
    "NONCE_SIZE",
    "EncryptedPart",
    "open_part",
    "read_encryption",
    "seal",
    "unwrap",
    "wrap",
]

KEY_SIZE: Final = 16
NONCE_SIZE: Final = 12
_TAG_SIZE: Final = 16
_MOST_PARTS: Final = 10
_OAEP: Final = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
_HASHES: Final[dict[str, Callable[[], hashes.HashAlgorithm]]] = {
    names.SHA1: hashes.SHA1,
    names.SHA256: hashes.SHA256,
}


@dataclass(frozen=True, slots=True)
class EncryptedPart:
    """One attachment and what opens it: the wrapped key, the padding, and whose certificate it is for."""

    href: str
    media_type: str
    certificate: bytes = field(repr=False)
    wrapped_key: bytes = field(repr=False)
    oaep: padding.OAEP = field(repr=False)


def seal(plain: Blob, key: bytes, nonce: bytes, into: Spool) -> Blob:
    """Nonce, ciphertext and tag. A pair of `key` and `nonce` serves once."""
    encryptor = Cipher(algorithms.AES(key), modes.GCM(nonce)).encryptor()
    with into:
        into.write(nonce)
        for piece in plain.chunks():
            into.write(encryptor.update(piece))
        into.write(encryptor.finalize() + encryptor.tag)
        return into.close()


def wrap(key: bytes, receiver: Peer) -> bytes:
    """The key as only the receiver can read it; each call gives other bytes."""
    return receiver.public_key.encrypt(key, _OAEP)


def write_encryption(receiver: Peer, wrapped: bytes, href: str, media_type: str, unique: str) -> str:
    """Token, EncryptedKey and EncryptedData to stand at the start of the Security header."""
    return (
        token(encoded(receiver.certificate), f"enc-cert-{unique}")
        + f'<xenc:EncryptedKey xmlns:xenc="{names.XENC}" Id="ek-{unique}"><xenc:EncryptionMethod'
        f' Algorithm="{names.RSA_OAEP}"><ds:DigestMethod xmlns:ds="{names.DS}" Algorithm="{names.SHA256}"/>'
        f'<xenc11:MGF xmlns:xenc11="{names.XENC11}" Algorithm="{names.MGF1_SHA256}"/></xenc:EncryptionMethod>'
        f'<ds:KeyInfo xmlns:ds="{names.DS}"><wsse:SecurityTokenReference><wsse:Reference'
        f' URI="#enc-cert-{unique}" ValueType="{names.X509_TOKEN}"/></wsse:SecurityTokenReference>'
        f"</ds:KeyInfo><xenc:CipherData><xenc:CipherValue>{b64encode(wrapped).decode('ascii')}"
        "</xenc:CipherValue></xenc:CipherData><xenc:ReferenceList><xenc:DataReference"
        f' URI="#ed-{unique}"/></xenc:ReferenceList></xenc:EncryptedKey>'
        f'<xenc:EncryptedData xmlns:xenc="{names.XENC}" Id="ed-{unique}" MimeType="{media_type}"'
        f' Type="{names.ATTACHMENT_ONLY}"><xenc:EncryptionMethod Algorithm="{names.AES128_GCM}"/>'
        f'<ds:KeyInfo xmlns:ds="{names.DS}"><wsse:SecurityTokenReference xmlns:wsse11="{names.WSSE11}"'
        f' wsse11:TokenType="{names.ENCRYPTED_KEY_TOKEN}"><wsse:Reference URI="#ek-{unique}"/>'
        "</wsse:SecurityTokenReference></ds:KeyInfo><xenc:CipherData>"
        f'<xenc:CipherReference URI="{attribute(href)}"><xenc:Transforms><ds:Transform'
        f' xmlns:ds="{names.DS}" Algorithm="{names.ATTACHMENT_CIPHERTEXT}"/></xenc:Transforms>'
        "</xenc:CipherReference></xenc:CipherData></xenc:EncryptedData>"
    )


def read_encryption(
    envelope: SoapEnvelope, attachments: Collection[str], *, allow_mgf1p: bool
) -> tuple[EncryptedPart, ...]:
    """How each of the attachments (`cid:` addresses) is encrypted.

    `allow_mgf1p` also accepts the older rsa-oaep-mgf1p. Raises As4Problem: EBMS:0102 where an attachment is
    not encrypted, or twice; EBMS:0103 for methods outside the profile.
    """
    security = envelope.security
    found = [] if security is None else children(security, names.XENC, "EncryptedData")
    if len(found) > _MOST_PARTS:
        raise As4Problem(POLICY, "there are too many encrypted attachments")
    parts = []
    if security is not None:
        parts = [_read_part(envelope, security, data, attachments, allow_mgf1p) for data in found]
    hrefs = [part.href for part in parts]
    if len(set(hrefs)) != len(hrefs):
        raise As4Problem(FAILED_DECRYPTION, "an attachment is encrypted twice")
    if set(hrefs) != set(attachments):
        raise As4Problem(FAILED_DECRYPTION, "an attachment is not encrypted")
    return tuple(parts)


def unwrap(part: EncryptedPart, key: Key) -> bytes:
    """The attachment's key. Raises As4Problem EBMS:0102."""
    try:
        found = key.private_key.decrypt(part.wrapped_key, part.oaep)
    except ValueError as error:
        raise As4Problem(FAILED_DECRYPTION, "the key of the attachment cannot be unwrapped") from error
    if len(found) != KEY_SIZE:
        raise As4Problem(FAILED_DECRYPTION, "the key of the attachment does not have 128 bits")
    return found


def open_part(sealed: Blob, key: bytes, into: Spool) -> tuple[Blob, bytes]:
    """The decrypted bytes and their SHA-256. Raises As4Problem EBMS:0102, and then nothing is left behind."""
    if sealed.size < NONCE_SIZE + _TAG_SIZE:
        raise As4Problem(FAILED_DECRYPTION, "an encrypted attachment is too short to be one")
    nonce = b"".join(sealed.chunks(0, NONCE_SIZE))
    end = sealed.size - _TAG_SIZE
    tag = b"".join(sealed.chunks(end))
    decryptor = Cipher(algorithms.AES(key), modes.GCM(nonce, tag)).decryptor()
    digest = hashlib.sha256()
    with into:
        for piece in sealed.chunks(NONCE_SIZE, end):
            plain = decryptor.update(piece)
            digest.update(plain)
            into.write(plain)
        try:
            decryptor.finalize()
        except InvalidTag as error:
            raise As4Problem(FAILED_DECRYPTION, "an attachment was changed or cut off on its way") from error
        return into.close(), digest.digest()


def _read_part(
    envelope: SoapEnvelope,
    security: etree._Element,
    data: etree._Element,
    attachments: Collection[str],
    allow_mgf1p: bool,
) -> EncryptedPart:
    if data.get("Type") != names.ATTACHMENT_ONLY:
        raise As4Problem(POLICY, "something other than the content of an attachment is encrypted")
    if _algorithm(data) != names.AES128_GCM:
        raise As4Problem(POLICY, "an attachment is not encrypted with AES-128 in GCM")
    href = _cipher_reference(data, attachments)
    wrapped = _encrypted_key(envelope, security, data)
    method = _required(wrapped, names.XENC, "EncryptionMethod")
    return EncryptedPart(
        href,
        data.get("MimeType", ""),
        token_of(envelope, security, _required(wrapped, names.DS, "KeyInfo")),
        _cipher_value(wrapped),
        _padding(method, allow_mgf1p),
    )


def _cipher_reference(data: etree._Element, attachments: Collection[str]) -> str:
    cipher = _required(data, names.XENC, "CipherData")
    reference = _required(cipher, names.XENC, "CipherReference")
    path = f"{{{names.XENC}}}Transforms/{{{names.DS}}}Transform"
    if [one.get("Algorithm") for one in reference.iterfind(path)] != [names.ATTACHMENT_CIPHERTEXT]:
        raise As4Problem(POLICY, "an encrypted attachment is transformed in a way the profile does not know")
    uri = reference.get("URI", "")
    href = uri if uri in attachments else unquote(uri)
    if href not in attachments:
        raise As4Problem(FAILED_DECRYPTION, "an encrypted attachment is not in the message")
    return href


def _encrypted_key(envelope: SoapEnvelope, security: etree._Element, data: etree._Element) -> etree._Element:
    """By the reference in EncryptedData, or else by the list in EncryptedKey."""
    key_info = child(data, names.DS, "KeyInfo")
    target = None if key_info is None else referenced(envelope, security, key_info)
    if target is not None and target.tag == f"{{{names.XENC}}}EncryptedKey":
        return target
    listed = f"{{{names.XENC}}}ReferenceList/{{{names.XENC}}}DataReference"
    candidates = [
        key
        for key in children(security, names.XENC, "EncryptedKey")
        if data.get("Id") and f"#{data.get('Id')}" in [one.get("URI") for one in key.iterfind(listed)]
    ]
    if target is not None or len(candidates) != 1:
        raise As4Problem(POLICY, "an encrypted attachment does not lead to exactly one EncryptedKey")
    return candidates[0]


def _padding(method: etree._Element, allow_mgf1p: bool) -> padding.OAEP:
    algorithm = method.get("Algorithm")
    label = child(method, names.XENC, "OAEPparams")
    if label is not None and text_of(label):
        raise As4Problem(POLICY, "the key is wrapped with a label, which the profile does not know")
    digest = child(method, names.DS, "DigestMethod")
    digest_name = names.SHA1 if digest is None else digest.get("Algorithm", "")
    if algorithm == names.RSA_OAEP:
        mask = child(method, names.XENC11, "MGF")
        mask_name = "" if mask is None else mask.get("Algorithm", "")
        if (digest_name, mask_name) == (names.SHA256, names.MGF1_SHA256):
            return _OAEP
        raise As4Problem(POLICY, "the key is not wrapped with SHA-256 throughout")
    if algorithm == names.RSA_OAEP_MGF1P and allow_mgf1p and digest_name in _HASHES:
        return padding.OAEP(padding.MGF1(hashes.SHA1()), _HASHES[digest_name](), None)  # noqa: S303
    raise As4Problem(POLICY, "the key is not wrapped with RSA-OAEP as the profile asks")


def _algorithm(element: etree._Element) -> str:
    return _required(element, names.XENC, "EncryptionMethod").get("Algorithm", "")


def _cipher_value(element: etree._Element) -> bytes:
    value = _required(_required(element, names.XENC, "CipherData"), names.XENC, "CipherValue")
    try:
        return decoded(text_of(value))
    except ValueError as error:
        raise As4Problem(FAILED_DECRYPTION, "a wrapped key is not base64") from error


def _required(parent: etree._Element, namespace: str, name: str) -> etree._Element:
    element = child(parent, namespace, name)
    if element is None:
        raise As4Problem(FAILED_DECRYPTION, f"{etree.QName(parent).localname} has no {name}")
    return element

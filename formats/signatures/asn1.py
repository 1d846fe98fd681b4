"""Signed files as they arrive: DER, BER as streaming software writes it, PEM, or bare base64 text.

Source: ITU-T X.690; RFC 5652 (CMS), RFC 7468 (PEM).
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Final

from asn1crypto import cms

from formats.signatures.errors import BrokenSignature
from formats.syntaxes.xml import LARGEST

__all__ = ["DAMAGED", "is_signed_file", "signed_data"]

# What asn1crypto lets through on damaged files; it reads values when they are asked for.
DAMAGED: Final = (
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    OverflowError,
    RecursionError,
    NotImplementedError,
)
_WHERE: Final = "signed file (p7m)"
_PEM: Final = re.compile(rb"-----BEGIN (?:PKCS7|CMS)-----([A-Za-z0-9+/=\s]*)-----END (?:PKCS7|CMS)-----\s*")
_BASE64: Final = re.compile(rb"[A-Za-z0-9+/\s]{16,}={0,2}\s*")
# What writers leave behind the last byte.
_PADDING: Final = b"\r\n \t\0"
# A hundred megabytes in pieces of a kilobyte; each piece costs far more time than its bytes.
_MOST_PIECES: Final = 100_000
_DEEPEST: Final = 50
# What is not content, in bytes. Lists of revoked certificates are not read.
_PARTS: Final = {"digest_algorithms": 64 * 1024, "certificates": 512 * 1024, "signer_infos": 2 * 1024 * 1024}
_SIGNED_DATA: Final = bytes.fromhex("06092a864886f70d010702")


def is_signed_file(data: bytes) -> bool:
    """Whether this looks like CMS signed data in one of the known wrappings; nothing is checked."""
    head = data[:64].lstrip()
    if head.startswith((b"-----BEGIN PKCS7", b"-----BEGIN CMS")):
        return True
    if data[:1] == b"\x30":
        return _SIGNED_DATA in data[:32]
    # 0x30 in base64 is one of these letters followed by the length.
    if head[:1] != b"M" or not _BASE64.match(head):
        return False
    try:
        return _SIGNED_DATA in base64.b64decode(b"".join(head.split())[:44])
    except binascii.Error:
        return False


def signed_data(data: bytes) -> cms.SignedData:
    """The signed data of CMS in any of the wrappings. Up to 100 MB. Raises BrokenSignature."""
    if len(data) > LARGEST:
        raise _not_signed(f"the file has {len(data)} bytes, {LARGEST} are allowed")
    encoded = _unwrapped(data)
    try:
        length = _extent(encoded)
        if encoded[length:].strip(_PADDING):
            raise _not_signed("something follows the signed data")
        info = cms.ContentInfo.load(encoded[:length])
        if info["content_type"].native != "signed_data":
            raise _not_signed(f"the file holds {info['content_type'].native}, not signed data")
        content = info["content"]
        if not isinstance(content, cms.SignedData):
            raise _not_signed("the file holds no signed data")
        if any(len(content[part].contents or b"") > most for part, most in _PARTS.items()):
            raise _not_signed("the signature itself is larger than any signature")
        return content
    except DAMAGED as error:
        raise _not_signed("the file is damaged, cut off, or not a signed file") from error


def _extent(encoded: bytes) -> int:
    """Where the first value ends; values of indefinite length are walked through, piece by piece.

    Raises ValueError or IndexError for what is no BER, BrokenSignature for more than 100,000 pieces or 50
    levels.
    """
    at = levels = 0
    for _ in range(_MOST_PIECES):
        tag, at = encoded[at], at + 1
        if tag & 0x1F == 0x1F:
            while encoded[at] & 0x80:
                at += 1
            at += 1
        length, at = encoded[at], at + 1
        if length == 0x80:
            levels += 1
            if not tag & 0x20 or levels > _DEEPEST:
                raise ValueError("an indefinite length where none may be")
            continue
        if length & 0x80:
            size = length & 0x7F
            length, at = int.from_bytes(encoded[at : at + size], "big"), at + size
        at += length
        if at > len(encoded):
            raise ValueError("cut off")
        if tag == 0 and length == 0:
            levels -= 1
        if levels <= 0:
            return at
    raise _not_signed(f"the file is cut into more than {_MOST_PIECES} pieces")


def _unwrapped(data: bytes) -> bytes:
    if data[:1] == b"\x30":
        return data
    text = data.strip()
    pem = _PEM.fullmatch(text)
    if pem is not None:
        text = pem.group(1)
    elif not _BASE64.fullmatch(text):
        raise _not_signed("this is not a signed file")
    try:
        return base64.b64decode(b"".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise _not_signed("the text of the file is not base64") from error


def _not_signed(what: str) -> BrokenSignature:
    return BrokenSignature(what, where=_WHERE, fix="ask the sender for the file again, as it was signed")

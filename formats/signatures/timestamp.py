"""RFC 3161 time stamps: asked for by the caller, checked here."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final, TypeAlias

from asn1crypto import tsp

from formats.signatures import cms_check
from formats.signatures.asn1 import DAMAGED, signed_data
from formats.signatures.errors import BrokenSignature
from formats.signatures.strength import digest
from formats.signatures.trust import Trust

__all__ = ["Stamp", "request", "token", "verify"]

# Given the bytes to stamp, the DER of a TimeStampToken over their SHA-256; raises what its transport raises.
Stamp: TypeAlias = Callable[[bytes], bytes]
_WHERE: Final = "time stamp"


def request(content: bytes, nonce: int) -> bytes:
    """The TimeStampReq (DER) to post to a stamping service: SHA-256, with its certificate wanted."""
    encoded: bytes = tsp.TimeStampReq(
        {
            "version": "v1",
            "message_imprint": {
                "hash_algorithm": {"algorithm": "sha256"},
                "hashed_message": hashlib.sha256(content).digest(),
            },
            "nonce": nonce,
            "cert_req": True,
        }
    ).dump()
    return encoded


def token(response: bytes, content: bytes, nonce: int) -> bytes:
    """The TimeStampToken (DER) of a TimeStampResp to `request(content, nonce)`.

    Raises BrokenSignature where the service refused, or answered another question.
    """
    try:
        answer = tsp.TimeStampResp.load(response, strict=True)
        status = answer["status"]["status"].native
        if status not in ("granted", "granted_with_mods"):
            raise _broken(f"the stamping service refused: {status}")
        found: bytes = answer["time_stamp_token"].dump()
        info = _info(found)
        if info["nonce"].native != nonce:
            raise _broken("the stamping service answered another request")
    except DAMAGED as error:
        raise _broken("the answer of the stamping service cannot be read") from error
    _compare(info, content)
    return found


def verify(token: bytes, content: bytes, trust: Trust, at: datetime) -> datetime | None:
    """The moment (UTC) that the token proves for `content`, by a service among `trust.stampers`; None where
    no stamping service is trusted at all.

    Raises BrokenSignature, WeakSignature, UntrustedSigner.
    """
    signed = signed_data(token)
    inner = cms_check.content_of(signed, where=_WHERE)
    infos = cms_check.signers(signed, where=_WHERE)
    if inner is None or len(infos) != 1:
        raise _broken("the time stamp is not made by one service")
    checked = cms_check.check(signed, infos[0], inner, where=_WHERE)
    info = _info(token)
    _compare(info, content)
    moment = info["gen_time"].native
    if not isinstance(moment, datetime):
        raise _broken("the time stamp has no time")
    moment = moment.astimezone(UTC)
    if not trust.stampers:
        return None
    stampers = Trust(anchors=trust.stampers, intermediates=trust.intermediates)
    stampers.judge(
        checked.certificate,
        checked.offered,
        at=at,
        signed_at=moment,
        stamped_at=moment,
        stamping=True,
        where=_WHERE,
    )
    return moment


def _info(token: bytes) -> tsp.TSTInfo:
    try:
        signed = signed_data(token)
        if signed["encap_content_info"]["content_type"].native != "tst_info":
            raise _broken("the token is not a time stamp")
        return tsp.TSTInfo.load(bytes(signed["encap_content_info"]["content"]))
    except DAMAGED as error:
        raise _broken("the time stamp cannot be read") from error


def _compare(info: tsp.TSTInfo, content: bytes) -> None:
    try:
        imprint = info["message_imprint"]
        name = imprint["hash_algorithm"]["algorithm"].native
        said = imprint["hashed_message"].native
    except DAMAGED as error:
        raise _broken("the time stamp cannot be read") from error
    digest(name, where=_WHERE)
    if not hmac.compare_digest(hashlib.new(name, content).digest(), said):
        raise _broken("the time stamp is for something else")


def _broken(what: str) -> BrokenSignature:
    return BrokenSignature(what, where=_WHERE, fix="ask the service or the sender for the time stamp again")

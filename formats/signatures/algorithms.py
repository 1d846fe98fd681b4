"""The addresses that XML signatures use for their algorithms.

Source: XML Signature 1.1, RFC 9231.
"""

from __future__ import annotations

from typing import Final

from signxml.algorithms import DigestAlgorithm, SignatureMethod

from formats.signatures.errors import BrokenSignature, WeakSignature
from formats.signatures.signer import Signer

__all__ = ["digest_method", "method_for", "signature_method", "spoken"]

_DIGESTS: Final = frozenset({"SHA256", "SHA384", "SHA512", "SHA3_256", "SHA3_384", "SHA3_512"})
_FAMILIES: Final = ("RSA_{}", "ECDSA_{}", "{}_RSA_MGF1")
_METHODS: Final = frozenset(
    method
    for method in SignatureMethod
    if method.name in {family.format(digest) for family in _FAMILIES for digest in _DIGESTS}
)
_FORGEABLE: Final = ("md5", "sha1", "sha224", "sha3-224", "ripemd160", "hmac", "dsa-sha256", "#dsa")


def method_for(signer: Signer) -> tuple[SignatureMethod, DigestAlgorithm]:
    """What fits the signer's key."""
    kind, _, digest = signer.algorithm.partition("-")
    return SignatureMethod[f"{kind}_{digest}".upper()], DigestAlgorithm[digest.upper()]


def signature_method(address: str, *, where: str) -> SignatureMethod:
    """Raises WeakSignature, or BrokenSignature for what is not known."""
    for method in _METHODS:
        if method.value == address:
            return method
    raise _refused(address, where)


def digest_method(address: str, *, where: str) -> DigestAlgorithm:
    """Raises WeakSignature, or BrokenSignature for what is not known."""
    for method in DigestAlgorithm:
        if method.value == address and method.name in _DIGESTS:
            return method
    raise _refused(address, where)


def spoken(method: SignatureMethod) -> str:
    """`rsa-sha256`, `ecdsa-sha384`, `rsa-pss-sha256`."""
    name = method.name.lower().replace("sha3_", "sha3-")
    if name.endswith("_rsa_mgf1"):
        return f"rsa-pss-{name.removesuffix('_rsa_mgf1')}"
    return name.replace("_", "-")


def _refused(address: str, where: str) -> WeakSignature | BrokenSignature:
    name = address.rpartition("#")[2].lower()
    if any(mark in name or mark in address.lower()[-12:] for mark in _FORGEABLE):
        return WeakSignature(
            f"the signature is made with {name[:40]}, which can be forged or proves no signer",
            where=where,
            fix="ask the sender to sign with RSA or ECDSA and SHA-256 or better",
        )
    return BrokenSignature(
        f"the signature names an algorithm that is not known: {address[:120]!r}",
        where=where,
        fix="ask the sender to sign with RSA or ECDSA and SHA-256",
    )

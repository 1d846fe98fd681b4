"""What signatures a file has, of whatever kind: who signed, when by their own words, and what that is worth.

Nothing is refused here: a signature that fails is told, and the caller decides.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final, TypeAlias

from cryptography import x509
from lxml import etree

from formats.envelopes.hybrid_pdf import is_pdf
from formats.errors import DocumentError, SignatureInvalid
from formats.signatures import cades, pades, xades, xmldsig
from formats.signatures.cades import Outcome
from formats.signatures.certificates import CertificateFacts
from formats.signatures.errors import UntrustedSigner, WeakSignature
from formats.signatures.presence import is_signed_pdf, is_signed_tree
from formats.signatures.trust import Judged, Trust
from formats.signatures.verified import Verified
from formats.syntaxes import xml

__all__ = ["Inspected", "inspect", "inspect_tree"]

_VerifyAll: TypeAlias = Callable[[bytes, Trust, datetime], tuple[Verified, ...]]
_PROPERTIES: Final = "{http://uri.etsi.org/01903/v1.3.2#}QualifyingProperties"
_MOST_LAYERS: Final = 5
_NO_ANCHORS: Final = "no trusted certificates were given"


@dataclass(frozen=True, slots=True)
class Inspected:
    """One signature, or several that fail together.

    `signer` is whom the certificate names, None where that cannot be read; `why` is a sentence for people, ""
    where the signature passed. `weak` says that it failed for its algorithm or key alone: it may match, and
    would prove nothing. `verified` has what is proven, and by how much: only where it passed.
    """

    outcome: Outcome
    why: str
    signer: CertificateFacts | None = None
    signed_at: datetime | None = None
    kind: str = ""
    algorithm: str = ""
    weak: bool = False
    verified: Verified | None = field(default=None, repr=False)

    @property
    def sentence(self) -> str:
        """`signed by CN=... on 2026-11-20 10:00 UTC, not verified because ...`."""
        who = f" by {self.signer.subject}" if self.signer else ""
        when = f" on {self.signed_at:%Y-%m-%d %H:%M} UTC" if self.signed_at else ""
        if self.outcome is Outcome.PASSED:
            return f"signed{who}{when}, verified"
        fails = self.outcome is Outcome.FAILED
        return (
            f"signed{who}{when}, {'and the signature fails' if fails else 'not verified'} because {self.why}"
        )


@dataclass(frozen=True, slots=True)
class _Anyone(Trust):
    """Compares signature and content, and takes any signer: for telling who says to have signed."""

    def judge(
        self,
        signer: x509.Certificate,
        offered: object,
        *,
        at: datetime,
        signed_at: datetime | None,
        stamped_at: datetime | None = None,
        stamping: bool = False,
        where: str,
    ) -> Judged:
        return Judged((signer,))


def inspect(data: bytes, trust: Trust | None = None, at: datetime | None = None) -> tuple[Inspected, ...]:
    """The signatures of a .p7m, an XML document or a PDF, outermost first; () for a file without any.

    Without `trust` and `at` (aware) signatures are compared with what they cover, and nobody is believed.
    """
    found: list[Inspected] = []
    document = data
    for _ in range(_MOST_LAYERS):
        if not cades.is_signed_file(document):
            break
        found += _told(cades.verify_all, document, trust, at)
        try:
            document = cades.content(document).document
        except DocumentError:
            return tuple(found)
    if is_pdf(document):
        return (*found, *(_told(pades.verify_all, document, trust, at) if is_signed_pdf(document) else ()))
    try:
        root = xml.parse(document)
    except DocumentError:
        return tuple(found)
    return (*found, *inspect_tree(root, document, trust, at))


def inspect_tree(
    root: etree._Element, document: bytes, trust: Trust | None = None, at: datetime | None = None
) -> tuple[Inspected, ...]:
    """As `inspect`, for an XML document that is parsed already."""
    if not is_signed_tree(root):
        return ()
    verify = xmldsig.verify_all if next(root.iter(_PROPERTIES), None) is None else xades.verify_all
    return _told(verify, document, trust, at)


def _told(
    verify: _VerifyAll, document: bytes, trust: Trust | None, at: datetime | None
) -> tuple[Inspected, ...]:
    try:
        seen = verify(document, _Anyone(()), at or datetime(2000, 1, 1, tzinfo=UTC))
    except SignatureInvalid as error:
        return (Inspected(Outcome.FAILED, error.what, weak=isinstance(error, WeakSignature)),)
    except DocumentError as error:
        return (Inspected(Outcome.INDETERMINATE, error.what),)
    told = tuple(
        Inspected(Outcome.INDETERMINATE, _NO_ANCHORS, one.signer, one.signed_at, one.kind, one.algorithm)
        for one in seen
    )
    if trust is None or at is None:
        return told
    try:
        proven = verify(document, trust, at)
    except UntrustedSigner as error:
        return tuple(replace(one, why=error.what) for one in told)
    except SignatureInvalid as error:
        weak = isinstance(error, WeakSignature)
        return tuple(replace(one, outcome=Outcome.FAILED, why=error.what, weak=weak) for one in told)
    return tuple(
        replace(one, outcome=Outcome.PASSED, why="", verified=verified)
        for one, verified in zip(told, proven, strict=True)
    )

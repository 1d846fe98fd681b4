"""Signing: what the profile demands, by the key that the configuration names for it and the company.

What was signed is kept with the submission, and goes out again on every retry: it is not signed anew. A key
that is missing, expired or not yet valid is a stop for IT (ConfigError), before anything was handed over.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection

from formats.envelopes import facturae_file
from formats.errors import ConfigError
from formats.profiles.profile import Profile
from formats.signatures import profiles
from formats.signatures.inspection import inspect
from gateway.keys import Chosen
from gateway.store import documents, signatures
from gateway.store.signatures import Signature
from gateway.store.submissions import Submission
from gateway.wiring import Gateway

__all__ = ["Seal", "keep", "seal", "sign"]

_MEDIA_TYPES = {".xml.p7m": "application/pkcs7-mime", ".pdf": "application/pdf"}


@dataclass(frozen=True, slots=True)
class Seal:
    """A document, signed just now: `signed` goes out instead of `content`."""

    content: bytes = field(repr=False)
    key: str
    signed: profiles.Signed


def seal(
    gateway: Gateway, submission: Submission, profile: Profile, content: bytes
) -> Seal | Signature | None:
    """Sign the e-invoice; None where the profile takes no signature, or none is demanded and no key named.

    Gives the Signature that there is where this document was signed for this submission before. What came
    signed from the ERP is left as it is. Raises ConfigError without a key that can sign.
    """
    if not profile.signatures:
        return None
    with gateway.database.read() as connection:
        before = signatures.of(connection, submission.id, documents.digest_of(content))
    if before is not None:
        return before
    if inspect(content):
        return None
    company = gateway.source_settings(submission.source).company
    at = gateway.clock()
    chosen = gateway.keys.choose(profile, company, at)
    if chosen is None:
        if profile.must_be_signed:
            raise ConfigError(
                f"{profile.title} must be signed, and no key is named that signs it for {company}",
                where=f"{submission.source}, {submission.source_key}",
                fix=f"write keys/NAME.yaml with signs: profiles: [{profile.key}], companies: [{company}]",
            )
        return None
    return Seal(content, chosen.name, sign(chosen, content, at))


def sign(chosen: Chosen, content: bytes, at: datetime) -> profiles.Signed:
    """Signed at `at` (aware) and verified. Raises ConfigError, MalformedDocument."""
    if chosen.signature == "facturae-3.1":
        # The document says in which part its issuer signs.
        return facturae_file.sign(content, chosen.signer, at)
    return profiles.named(chosen.signature).sign(content, chosen.signer, at)


def keep(connection: Connection, submission: Submission, sealed: Seal, *, now: datetime) -> dict[str, object]:
    """Store a signed document in the caller's transaction; what the journal says of it."""
    signed = sealed.signed
    ending = profiles.named(signed.profile).ending
    digest = documents.put(connection, signed.content, _MEDIA_TYPES.get(ending, "application/xml"), now=now)
    row = Signature(
        submission=submission.id,
        document=documents.digest_of(sealed.content),
        signed=digest,
        profile=signed.profile,
        key=sealed.key,
        certificate=signed.signer.sha256,
        signed_at=signed.signed_at,
    )
    signatures.add(connection, row)
    return {
        "signed": digest,
        "signature": signed.profile,
        "algorithm": signed.algorithm,
        "key": sealed.key,
        "signer": signed.signer.subject,
        "serial": signed.signer.serial,
        "certificate_sha256": signed.signer.sha256,
        "signed_at": signed.signed_at.isoformat(),
    }

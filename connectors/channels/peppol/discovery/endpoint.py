"""What discovery finds: where one kind of document goes for one receiver, and the proof of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from cryptography import x509

from connectors.channels.peppol.pki.certificates import seat_id
from connectors.channels.peppol.pki.revocation import RevocationStatus
from formats.identifiers import DocumentTypeId, ParticipantId, ProcessId

__all__ = ["AS4_PROFILE", "ReceiverEndpoint"]

# The one transport profile of Peppol since 2022; code list of transport profiles, 9.7.
AS4_PROFILE = "peppol-transport-as4-v2_0"


@dataclass(frozen=True, slots=True)
class ReceiverEndpoint:
    """Where to send, checked in every respect at `found_at`.

    `document_type` is the exact one with the scheme of the entry, as AS4 and the envelope carry it;
    `registered_as` is the entry itself, which may end in a `*`. `url` is the access point's; `certificate`
    encrypts for it. `evidence` is the SMP's signed answer as it came, `revocation` what the authority said of
    the certificate. All times are aware UTC; None is an open end.
    """

    participant: ParticipantId
    document_type: DocumentTypeId
    registered_as: DocumentTypeId
    process: ProcessId
    url: str
    certificate: x509.Certificate
    smp_url: str
    found_at: datetime
    activates_at: datetime | None = None
    expires_at: datetime | None = None
    transport_profile: str = AS4_PROFILE
    contact: str = ""
    revocation: RevocationStatus | None = field(default=None, repr=False)
    evidence: bytes = field(default=b"", repr=False)

    @property
    def seat_id(self) -> str:
        """The receiving access point's seat: the party id that AS4 addresses."""
        return seat_id(self.certificate)

"""What a network counts and wants proven is noted with the receipt of each message that was sent."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from connectors.base import Receipt
from gateway.store import exchanges
from gateway.store.exchanges import Direction, Exchange

__all__ = ["note"]


def note(connection: Connection, channel: str, receipt: Receipt, evidence: str, *, now: datetime) -> None:
    """Write down the exchange that a receipt proves, once; nothing where the channel's network counts
    nothing."""
    said = receipt.exchange
    if said is None or exchanges.get(connection, Direction.OUT, said.peer, said.message_id) is not None:
        return
    exchanges.add(
        connection,
        Exchange(
            direction=Direction.OUT,
            peer=said.peer,
            message_id=said.message_id,
            channel=channel,
            instance=said.instance,
            sender=said.sender,
            receiver=said.receiver,
            document_type=said.document_type,
            process=said.process,
            country_c1=said.country,
            country_c4="",
            end_user=said.sender,
            fingerprint="",
            evidence_digest=evidence,
            receipt_digest=evidence,
            at=receipt.at,
            status_wanted=said.status_wanted,
        ),
    )

"""What changed about a receiver between two looks: for the nightly watch over all customers. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

from connectors.channels.peppol.discovery.endpoint import ReceiverEndpoint
from connectors.channels.peppol.pki.certificates import fingerprint

__all__ = ["Change", "Drift", "compare"]


class Change(StrEnum):
    """The kind of change."""

    STARTED = "started receiving"
    STOPPED = "stopped receiving"
    SCHEME = "changed scheme"
    MOVED_SMP = "moved to another SMP"
    MOVED = "moved to another access point"
    DOCUMENT_TYPE = "changed entry"
    CERTIFICATE = "certificate changed"


@dataclass(frozen=True, slots=True)
class Drift:
    """One change, with what was there before and what is there now ("" for nothing), and whether a person
    should look at it."""

    change: Change
    before: str
    now: str
    needs_person: bool = False


def compare(previous: ReceiverEndpoint | None, now: ReceiverEndpoint | None) -> tuple[Drift, ...]:
    """What changed for one receiver and kind of document, the gravest first.

    None stands for "does not receive it". A look that failed (the network was down) is no look: leave it out.
    """
    if previous is None or now is None:
        if previous is now:
            return ()
        if now is None and previous is not None:
            return (Drift(Change.STOPPED, _place(previous), "", needs_person=True),)
        return (Drift(Change.STARTED, "", _place(now)),) if now is not None else ()
    found = (
        _drift(Change.SCHEME, previous.participant.key, now.participant.key, needs_person=True),
        _drift(Change.MOVED, _access_point(previous), _access_point(now)),
        _drift(Change.MOVED_SMP, _host(previous.smp_url), _host(now.smp_url)),
        _drift(Change.DOCUMENT_TYPE, previous.registered_as.key, now.registered_as.key),
        _drift(Change.CERTIFICATE, fingerprint(previous.certificate), fingerprint(now.certificate)),
    )
    return tuple(one for one in found if one is not None)


def _drift(change: Change, before: str, now: str, *, needs_person: bool = False) -> Drift | None:
    return None if before == now else Drift(change, before, now, needs_person)


def _place(endpoint: ReceiverEndpoint) -> str:
    return f"{endpoint.participant} at {_access_point(endpoint)}"


def _access_point(endpoint: ReceiverEndpoint) -> str:
    return f"{endpoint.seat_id} {_host(endpoint.url)}"


def _host(url: str) -> str:
    return urlsplit(url).netloc.lower()

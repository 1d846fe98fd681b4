"""Certificates and keys that end: of our access points, of clients, and those that sign documents."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import Any, Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from pydantic import BaseModel

from formats.errors import ConfigError, EInvoicingError
from gateway import settings
from gateway.alarms.model import Found
from gateway.keys import FileKeys
from gateway.peppol import access_points
from gateway.wiring import Gateway

__all__ = ["ends", "watch"]

_LARGEST: Final = 1024 * 1024
_BEGIN: Final = b"-----BEGIN CERTIFICATE-----"
# Names of settings that hold a certificate of ours; those of others are their business.
_OURS: Final = ("certificate", "client_certificate", "next_certificate")


def watch(gateway: Gateway, now: datetime) -> Iterator[Found]:
    """One finding for each certificate within the days of the settings, one level higher at each step."""
    steps = sorted(gateway.settings.alarms.certificate_days, reverse=True)
    if not steps:
        return
    for name, ends_at in sorted(ends(gateway, now), key=lambda one: (one[1], one[0])):
        left = ends_at - now
        passed = [step for step in steps if left <= timedelta(days=step)]
        if not passed:
            continue
        over = left <= timedelta(0)
        days = max(0, left.days)
        when = f"ended on {ends_at:%d %B %Y}" if over else (
            f"ends on {ends_at:%d %B %Y}, in {days} {'day' if days == 1 else 'days'}"
        )  # fmt: skip
        yield Found(
            subject=name,
            since=ends_at - timedelta(days=passed[0]),
            sentence=f"The certificate of {name} {when}",
            fix="put the new one in its place; what needs it does not go until then"
            if over
            else "ask for the new one now, and put it in its place before that day",
            level=len(passed) + over,
        )


def ends(gateway: Gateway, now: datetime) -> Iterator[tuple[str, datetime]]:
    """Every certificate of ours that can be read, by name, with its end (aware UTC)."""
    seen: set[tuple[str, datetime]] = set()
    for found in chain(_access_points(gateway), _signing(gateway, now), _clients(gateway)):
        if found not in seen:
            seen.add(found)
            yield found


def _access_points(gateway: Gateway) -> Iterator[tuple[str, datetime]]:
    for name in (one.name for one in gateway.settings.channels if one.kind == "peppol"):
        try:
            point = access_points.named(gateway, name)
            if point is not None:
                active = point.network.keys.active
                yield f"the access point {name}", active.certificate.not_valid_after_utc
        except EInvoicingError:  # keys that cannot be read stop the channel, which is an alarm of its own
            continue


def _signing(gateway: Gateway, now: datetime) -> Iterator[tuple[str, datetime]]:
    keys = FileKeys.of(gateway.settings.keys, gateway.settings.folder)
    try:
        # Without those that a newer key stands ready for.
        yield from ((f"the key {one.name}", one.certificate.valid_to) for one in keys.expiring(now))
    except ConfigError:  # one of them cannot be read: the others are still told
        yield from ((f"the key {name}", end) for name, end in keys.ends())


def _clients(gateway: Gateway) -> Iterator[tuple[str, datetime]]:
    """Settings of sources and channels that name a certificate of ours."""
    sources = ((one.name, one.settings) for one in gateway.settings.sources)
    channels = ((one.name, one.settings) for one in gateway.settings.channels)
    for owner, found in (*sources, *channels):
        for path, reference in _references(found.model_dump(), ()):
            name = f"{owner} ({'.'.join(path)})"
            try:
                yield from ((name, end) for end in _read(reference, gateway.settings.folder))
            except ConfigError:  # said by gateway check, and by the source itself
                continue


def _references(values: Mapping[str, Any], above: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    for name, value in values.items():
        if isinstance(value, BaseModel):
            value = value.model_dump()
        if isinstance(value, Mapping):
            yield from _references(value, (*above, str(name)))
        elif name in _OURS and isinstance(value, str) and value.startswith(("file:", "env:")):
            yield (*above, name), value


def _read(reference: str, folder: Path) -> Iterator[datetime]:
    """The end of the first certificate behind a reference to PEM text; nothing for anything else."""
    text = settings.reveal(reference, folder).encode()
    if _BEGIN not in text or len(text) > _LARGEST:
        return
    try:
        yield x509.load_pem_x509_certificates(text)[0].not_valid_after_utc
    except (ValueError, UnsupportedAlgorithm):
        return

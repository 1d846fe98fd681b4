"""What is watched, one file for each kind of thing."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from gateway.alarms.model import Kind, Watch
from gateway.alarms.watches import (
    certificates,
    channels,
    counts,
    machine,
    record,
    silence,
    sources,
    statuses,
    webhooks,
    work,
    write_back,
)

__all__ = ["WATCHES"]

WATCHES: Final[Mapping[Kind, Watch]] = MappingProxyType(
    {
        Kind.SOURCE: sources.watch,
        Kind.CHANNEL: channels.watch,
        Kind.STATUS: statuses.watch,
        Kind.WORK: work.watch,
        Kind.WRITE_BACK: write_back.watch,
        Kind.CERTIFICATE: certificates.watch,
        Kind.RECORD: record.watch,
        Kind.DISK: machine.watch,
        Kind.WEBHOOK: webhooks.watch,
        Kind.COUNT: counts.watch,
        Kind.SILENCE: silence.watch,
    }
)

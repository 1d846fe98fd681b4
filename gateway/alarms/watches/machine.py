"""Room on the disk that the config folder, and usually the database, lie on."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import datetime
from typing import Final

from gateway.alarms.model import Found
from gateway.wiring import Gateway

__all__ = ["watch"]

_MEGABYTE: Final = 1024 * 1024


def watch(gateway: Gateway, now: datetime) -> Iterator[Found]:
    """Less than the megabytes of the settings; one level higher below a quarter of that."""
    least = gateway.settings.alarms.free_megabytes
    free = shutil.disk_usage(gateway.settings.folder).free // _MEGABYTE
    if free < least:
        yield Found(
            subject="disk",
            since=now,
            sentence=f"There are {free} megabytes free where the gateway keeps its data",
            fix="make room, or move the database to a larger disk; without room nothing is received or sent",
            level=int(free < least // 4),
        )

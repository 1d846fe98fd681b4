"""Places in lists that are sorted by a moment: what a page names as `next`, and takes as `after`."""

from __future__ import annotations

import base64
import binascii
import json
from datetime import UTC, datetime
from http import HTTPStatus

from gateway.web.problems import Problem

__all__ = ["Place", "read_place", "written"]

Place = tuple[datetime, str]


def written(moment: datetime, identifier: str) -> str:
    """The place after the row with this moment and id."""
    return (
        base64.urlsafe_b64encode(json.dumps([moment.isoformat(), identifier]).encode()).decode().rstrip("=")
    )


def read_place(after: str) -> Place | None:
    """None for "". Problem 422 for what is none of ours."""
    if not after:
        return None
    try:
        text, identifier = json.loads(base64.urlsafe_b64decode((after + "=" * (-len(after) % 4)).encode()))
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None or not isinstance(identifier, str) or not identifier.isprintable():
            raise ValueError(text)
        return moment.astimezone(UTC), identifier
    except (ValueError, TypeError, OverflowError, RecursionError, binascii.Error) as error:
        raise Problem(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "this place in the list is not known",
            fix="begin at the first page again",
        ) from error

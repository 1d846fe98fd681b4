"""Records of other people's JSON in which a field that is counted on and absent is said so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from formats.errors import RemoteUnexpected

__all__ = ["Fields"]


class Fields(dict[str, Any]):
    """One record; `where` is the service and the list it comes from.

    `record[name]` of a field that is not there raises RemoteUnexpected that names it; `get` gives None.
    """

    def __init__(self, record: Mapping[str, Any], where: str) -> None:
        super().__init__(record)
        self.where = where

    def __missing__(self, name: str) -> Any:
        raise RemoteUnexpected(
            f"a record has no field {name}",
            where=self.where,
            fix="the interface was changed, or the gateway's user may not see this field: compare with the "
            "release notes of the service and with the user's rights",
        )

"""The trial of the connector sftp-files: CSV exports of the imitated shop on an SFTP server."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from connectors.sandbox.files import HOST_KEY, SALES, USER, ImitatedExport, Sale

__all__ = ["Trial"]

_ORDINARY: Final = SALES[0]


class Trial:
    """A shop whose export folder is empty at first; each invoice comes in a file of its own."""

    def __init__(self, shop: ImitatedExport | None = None) -> None:
        self._shop = shop or ImitatedExport()
        for path in (self._shop.root / "out").iterdir():
            path.unlink()
        self._made = 0
        self._broken = 0

    @property
    def system(self) -> ImitatedExport:
        return self._shop

    def settings(self) -> Mapping[str, object]:
        return {
            "sftp": {
                "host": "127.0.0.1",
                "port": self._shop.port,
                "username": USER,
                "password": "file:secrets/files-sftp-password",
                "host_key": HOST_KEY,
                "connect_timeout_seconds": 5,
                "timeout_seconds": 5,
            },
            "settle_seconds": 0,
            "page_files": 4,
            "status_folder": "/status",
            "format": self._shop.format,
        }

    def place(self, action: str) -> str:
        # News is there from the moment its file gets its name.
        return {"list": "^list /out$", "read": "^read /out/", "write": r"^rename \S+ /status/"}[action]

    def add(self, count: int) -> tuple[str, ...]:
        keys = []
        for _ in range(count):
            self._made += 1
            keys.append(f"K-2027-{self._made:04}")
            self._shop.put_out((_sale(keys[-1]),))
        return tuple(keys)

    def change(self, key: str) -> None:
        self._shop.put_out((replace(_sale(key), note="Korrigierte Fassung."),))

    def break_one(self) -> str:
        self._broken += 1
        name = f"kaputt_{self._broken}.csv"
        self._shop.drop(name, b'Rechnungsnummer;Kunde\r\nK-1;"Wendt\r\n')
        return f"/out/{name}"

    def times_written(self, reference: str) -> int:
        counts = self._shop.holdings()["status_references"]
        return int(counts.get(reference, 0)) if isinstance(counts, dict) else 0

    def set_clock_back(self, seconds: float) -> bool:
        # What was taken is told by its place in the folder, not by a time.
        return False


def _sale(number: str) -> Sale:
    return replace(_ORDINARY, number=number)

"""The trial of the connector sap-idoc: IDocs over SFTP with the imitated SAP."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from connectors.sandbox.sap import HOST_KEY, USER, ImitatedSap
from connectors.sandbox.sap_documents import Billing
from connectors.sandbox.sap_seeds import BILLINGS, Output

__all__ = ["Trial"]

_FIRST: Final = 90100001


class Trial:
    """An SAP whose output folder is empty at first; every second invoice goes through the file port, flat."""

    def __init__(self) -> None:
        self._sap = ImitatedSap()
        for path in (self._sap.root / "out").iterdir():
            path.unlink()
        self._made = 0
        self._broken = 0

    @property
    def system(self) -> ImitatedSap:
        return self._sap

    def settings(self) -> Mapping[str, object]:
        return {
            "sftp": {
                "host": "127.0.0.1",
                "port": self._sap.port,
                "username": USER,
                "password": "file:secrets/sap-sftp-password",
                "host_key": HOST_KEY,
                "connect_timeout_seconds": 5,
                "timeout_seconds": 5,
            },
            "settle_seconds": 0,
            "page_files": 4,
        }

    def place(self, action: str) -> str:
        # News is there from the moment its file gets its name.
        return {"list": "^list /out$", "read": "^read /out/", "write": r"^rename \S+ /in/"}[action]

    def add(self, count: int) -> tuple[str, ...]:
        keys = []
        for _ in range(count):
            number = _FIRST + self._made
            self._made += 1
            self._sap.put_out(Output((_billing(number),), flat=self._made % 2 == 0))
            keys.append(f"N01CLNT100/100/INVO/{number}")
        return tuple(keys)

    def change(self, key: str) -> None:
        billing = replace(_billing(int(key.rpartition("/")[2])), note="Korrigierte Fassung der Rechnung.")
        self._sap.put_out(Output((billing,)))

    def break_one(self) -> str:
        self._broken += 1
        name = f"BROKEN_{self._broken}.xml"
        self._sap.drop(name, b"<INVOIC02><IDOC><E1EDK01></IDOC></INVOIC02>")
        return f"/out/{name}"

    def times_written(self, reference: str) -> int:
        # A status record has 14 characters for the sender's reference.
        known = hashlib.sha256(reference.encode()).hexdigest()[:14].upper()
        counts = self._sap.holdings()["status_references"]
        return int(counts.get(known, 0)) if isinstance(counts, dict) else 0

    def number(self, key: str) -> str:
        return key.rpartition("/")[2]

    def set_clock_back(self, seconds: float) -> bool:
        # What was taken is told by its place in the folder, not by a time.
        return False


def _billing(number: int) -> Billing:
    return replace(BILLINGS[0], number=f"{number:010}")

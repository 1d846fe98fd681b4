"""The trial of the connector folder: CSV exports of the imitated shop in a folder of this machine."""

from __future__ import annotations

from collections.abc import Mapping

from connectors.conformance import sftp_files
from connectors.sandbox.files import ImitatedExport

__all__ = ["Trial"]


class _Disk(ImitatedExport):
    """The shop's folders themselves, which ask for no login."""

    def secrets(self) -> Mapping[str, str]:
        return {}


class Trial(sftp_files.Trial):
    """The same shop, its folders read where they lie; a disk plays no faults."""

    def __init__(self) -> None:
        super().__init__(_Disk())

    def settings(self) -> Mapping[str, object]:
        root = self.system.root
        return {
            "folder": str(root / "out"),
            "archive_folder": str(root / "out" / "archive"),
            "settle_seconds": 0,
            "page_files": 4,
            "status_folder": str(root / "status"),
            "format": self.system.format,
        }

    def place(self, action: str) -> str:
        return ""

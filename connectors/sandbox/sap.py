"""An imitated SAP that exchanges files: INVOIC IDocs out, STATUS IDocs in, customer line items as CSV.

Folders: `/out` (IDocs, XML or flat, each file written under a temporary name and renamed), `/in` (STATUS
IDocs, moved to `/in/processed` or `/in/error` once read), `/extracts` (open and cleared customer line items).
Status records are assigned by DOCNUM as the standard inbound processing does it: result 53 where all were
assigned, 52 where some were, 51 where none was.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from lxml import etree

from connectors.sandbox.faults import Faults
from connectors.sandbox.sap_documents import idoc, idoc_file
from connectors.sandbox.sap_flat import flat_file, read_status
from connectors.sandbox.sap_seeds import MENDED, OUTPUTS, Output, cleared_items
from connectors.sandbox.sftp_server import SftpServer, demo_key_text, public_line

__all__ = ["HOST_KEY", "PASSWORD", "USER", "ImitatedSap"]

USER: Final = "gateway"
PASSWORD: Final = "nordlicht-demo"
_KEY_LABEL: Final = "sandbox sap client key"
_HOST_LABEL: Final = "sandbox sap host key"
HOST_KEY: Final = public_line(_HOST_LABEL)
_FIRST_DOCUMENT: Final = 471100
_FOLDERS: Final = ("out", "in", "in/processed", "in/error", "extracts")


class ImitatedSap:
    """The SAP of Nordlicht Maschinenbau GmbH, system N01, client 100.

    Login: user `gateway` with the password, or with the private key, that `secrets` gives.
    """

    name = "sap"

    def __init__(self, port: int = 0) -> None:
        self.faults = Faults()
        self._folder = TemporaryDirectory(prefix="sandbox-sap-", ignore_cleanup_errors=True)
        self.root = Path(self._folder.name)
        self._lock = threading.Lock()
        self._next_document = _FIRST_DOCUMENT
        self._documents: dict[str, str] = {}
        self._mended = False
        self._status_records: list[dict[str, str]] = []
        self._status_idocs: list[dict[str, object]] = []
        for folder in _FOLDERS:
            (self.root / folder).mkdir(parents=True)
        self._server = SftpServer(
            self.root,
            passwords={USER: PASSWORD},
            keys={USER: public_line(_KEY_LABEL)},
            host_key_label=_HOST_LABEL,
            faults=self.faults,
            port=port,
            on_finished=self._finished,
        )
        for output in OUTPUTS:
            self.put_out(output)
        (self.root / "extracts" / "cleared_items_20261121.csv").write_text(
            cleared_items(), encoding="utf-8", newline=""
        )

    @property
    def port(self) -> int:
        return self._server.port

    @property
    def host_key(self) -> str:
        return self._server.host_key

    def start(self) -> None:
        self._server.start()

    def stop(self) -> None:
        self._server.stop()
        self._folder.cleanup()

    def disconnect(self) -> None:
        """Cut all connections, as a restart of the file server would."""
        self._server.disconnect()

    def addresses(self) -> Mapping[str, str]:
        return {"sftp": self._server.address}

    def secrets(self) -> Mapping[str, str]:
        return {"sap-sftp-password": PASSWORD + "\n", "sap-sftp-key": demo_key_text(_KEY_LABEL)}

    def put_out(self, output: Output) -> str:
        """Write one file of new IDocs into `/out`; returns its name. IDoc numbers go up with each call."""
        with self._lock:
            first = self._next_document
            idocs = []
            for billing in output.billings:
                self._documents[f"{self._next_document:016}"] = billing.number
                idocs.append(idoc(billing, self._next_document, basic_type=output.basic_type))
                self._next_document += 1
        if output.flat:
            name = f"O_100_{first:016}.txt"
            self.drop(name, flat_file(idocs, encoding=output.encoding, lines=output.lines))
        else:
            name = f"O_100_{first:016}.xml"
            self.drop(name, idoc_file(idocs, encoding=output.encoding))
        return name

    def drop(self, name: str, content: bytes) -> None:
        """Put any file into `/out`, complete from the first moment it has its name."""
        temporary = self.root / "out" / f"{name}.tmp"
        temporary.write_bytes(content)
        temporary.rename(self.root / "out" / name)

    def mend(self) -> list[str]:
        with self._lock:
            done, self._mended = self._mended, True
        if done:
            return []
        for _, billing in MENDED:
            self.put_out(Output((billing,)))
        return [sentence for sentence, _ in MENDED]

    def holdings(self) -> Mapping[str, object]:
        """`status_records` (assigned ones, in order), `status_idocs` (each with its result and reference),
        `status_references` (how often each reference, REFINT of the status record, came), `out` (files that
        wait), `archived` (files the gateway has moved away), and `counts`."""
        with self._lock:
            records, idocs = list(self._status_records), list(self._status_idocs)
        waiting = sorted(path.name for path in (self.root / "out").iterdir() if path.is_file())
        archived = sorted(
            str(path.relative_to(self.root)) for path in self.root.glob("**/archive/**/*") if path.is_file()
        )
        return {
            "status_records": records,
            "status_idocs": idocs,
            "status_references": dict(Counter(str(found["reference"]) for found in idocs)),
            "out": waiting,
            "archived": archived,
            "counts": {
                "status_records": len(records),
                "status_idocs": len(idocs),
                "out": len(waiting),
                "archived": len(archived),
            },
        }

    def _finished(self, path: str) -> None:
        folder, _, name = path.rpartition("/")
        if folder != "/in" or name.endswith((".tmp", ".part", ".filepart")):
            return
        source = self.root / "in" / name
        with self._lock:
            result = self._take_status(name, source.read_bytes())
        source.rename(self.root / "in" / ("error" if result == "56" else "processed") / name)

    def _take_status(self, name: str, content: bytes) -> str:
        """The status of the inbound IDoc: 53, 52, 51, or 56 where it cannot be read as one."""
        flat = read_status(content)
        if flat is not None:
            return self._assign(name, flat)
        parser = etree.XMLParser(resolve_entities=False, no_network=True)
        try:
            root = etree.fromstring(content, parser)
        except etree.XMLSyntaxError:
            root = None
        control = None if root is None else root.find("IDOC/EDI_DC40")
        if root is None or control is None or control.findtext("MESTYP") != "STATUS":
            self._status_idocs.append({"file": name, "result": "56", "records": 0, "reference": name})
            return "56"
        segments = root.findall("IDOC/E1STATS")
        return self._assign(
            name, [{str(field.tag): (field.text or "") for field in segment} for segment in segments]
        )

    def _assign(self, name: str, records: list[dict[str, str]]) -> str:
        assigned = 0
        for fields in records:
            number = fields.get("DOCNUM", "")
            complete = all(fields.get(required) for required in ("LOGDAT", "LOGTIM", "STATUS"))
            # The number is compared as it stands: without its leading zeros no IDoc is found.
            if number in self._documents and complete:
                assigned += 1
                self._status_records.append({**fields, "file": name, "invoice": self._documents[number]})
        result = "53" if assigned == len(records) > 0 else "52" if assigned else "51"
        reference = next((fields["REFINT"] for fields in records if fields.get("REFINT")), name)
        self._status_idocs.append(
            {"file": name, "result": result, "records": len(records), "reference": reference}
        )
        return result

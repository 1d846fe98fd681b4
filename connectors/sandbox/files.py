"""An imitated shop system that exports its invoices as CSV files onto an SFTP server.

Folders: `/out` (one file for each export, written under a temporary name and renamed), `/status` (news of the
gateway as JSON, read by nobody). One row is one invoice line; the columns have German names and numbers a
decimal comma, as such exports have.
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from connectors.sandbox.faults import Faults
from connectors.sandbox.sftp_server import SftpServer, public_line

__all__ = ["HOST_KEY", "PASSWORD", "PUSH_TOKEN", "USER", "ImitatedExport", "Sale"]

USER: Final = "gateway"
PASSWORD: Final = "kontor-demo"
PUSH_TOKEN: Final = "demo-token-of-the-imitated-shop"
_HOST_LABEL: Final = "sandbox files host key"
HOST_KEY: Final = public_line(_HOST_LABEL)
_HEADINGS: Final = (
    "Rechnungsnummer;Art;Rechnungsdatum;Kunde;Straße;PLZ;Ort;Land;USt-IdNr;E-Rechnungsadresse;E-Mail;"
    "Bestellzeichen;Lieferdatum;Lieferland;Pos;Artikel;Bezeichnung;Menge;Einheit;Einzelpreis;Steuerschlüssel;Steuersatz;Hinweis"
)


@dataclass(frozen=True, slots=True)
class Sale:
    """One invoice; `lines` are item, text, quantity, unit, price, tax code, tax rate, as the file has
    them."""

    number: str
    on: str
    buyer: str
    lines: tuple[tuple[str, ...], ...]
    kind: str = "Rechnung"
    note: str = ""
    delivered: str = ""
    delivered_to: str = ""


_WENDT: Final = (
    "Kranbau Wendt GmbH;Industriestraße 18;18069;Rostock;DE;DE315208462;9930:DE315208462;;KST-4410"
)
_LINDEN: Final = (
    "Van der Linden Techniek B.V.;Havenweg 27;3011 AB;Rotterdam;NL;NL823456705B01;0106:90001354;;INK-118"
)
_SOERENSEN: Final = (
    "Bäckerei Sörensen & Söhne e.K.;Marktplatz 3;25813;Husum;DE;DE277190352;;"
    "rechnung@baeckerei-soerensen.example;Frau Petersen"
)
_MANUAL: Final = ("FB-7", "Fachbuch Anschlagmittel", "3", "Stück", "42,90", "S", "7")
_GLOVES: Final = ("AH-9", "Arbeitshandschuhe, 12 Paar", "2,5", "Karton", "1.018,40", "S", "19")

SALES: Final = (
    Sale("K-2026-0041", "05.11.2026", _WENDT, (_MANUAL, _GLOVES)),
    Sale(
        "K-2026-0042",
        "06.11.2026",
        _LINDEN,
        (("AH-9", "Arbeitshandschuhe", "4", "Karton", "98,00", "K", "0"),),
        delivered_to="NL",
    ),
    Sale("K-2026-0043", "09.11.2026", _SOERENSEN, (_MANUAL,), note="Lieferung frei Haus."),
    Sale("K-2026-0044", "10.11.2026", _WENDT, (_MANUAL,), kind="Gutschrift"),
)


class ImitatedExport:
    """The shop of Nordlicht. Login: user `gateway` with the password that `secrets` gives."""

    name = "files"

    def __init__(self, port: int = 0) -> None:
        self.faults = Faults()
        self._folder = TemporaryDirectory(prefix="sandbox-files-", ignore_cleanup_errors=True)
        self.root = Path(self._folder.name)
        self._lock = threading.Lock()
        self._exports = 0
        self.numbers: list[str] = []
        for folder in ("out", "status"):
            (self.root / folder).mkdir()
        self._server = SftpServer(
            self.root, passwords={USER: PASSWORD}, host_key_label=_HOST_LABEL, faults=self.faults, port=port
        )
        self.put_out(SALES)

    @property
    def port(self) -> int:
        return self._server.port

    @property
    def host_key(self) -> str:
        return self._server.host_key

    @property
    def format(self) -> Mapping[str, object]:
        """How these files are to be read, as a source's `format:` has it."""
        return {
            "kind": "csv",
            "decimal": ",",
            "date_form": "%d.%m.%Y",
            "columns": {
                "Rechnungsnummer": "number",
                "Art": "kind",
                "Rechnungsdatum": "issue_date",
                "Kunde": "buyer_name",
                "Straße": "buyer_street",
                "PLZ": "buyer_post_code",
                "Ort": "buyer_city",
                "Land": "buyer_country",
                "Lieferland": "delivery_country",
                "USt-IdNr": "buyer_vat",
                "E-Rechnungsadresse": "buyer_address",
                "E-Mail": "buyer_email",
                "Bestellzeichen": "buyer_reference",
                "Lieferdatum": "delivery_date",
                "Pos": "line",
                "Artikel": "item",
                "Bezeichnung": "description",
                "Menge": "quantity",
                "Einheit": "unit",
                "Einzelpreis": "price",
                "Steuerschlüssel": "tax_code",
                "Steuersatz": "tax_rate",
                "Hinweis": "note",
            },
        }

    def start(self) -> None:
        self._server.start()

    def stop(self) -> None:
        self._server.stop()
        self._folder.cleanup()

    def addresses(self) -> Mapping[str, str]:
        return {"sftp": self._server.address}

    def secrets(self) -> Mapping[str, str]:
        # The shop knows the token of the gateway's push source as well.
        return {"files-sftp-password": PASSWORD + "\n", "push-token": PUSH_TOKEN + "\n"}

    def put_out(self, sales: Iterable[Sale]) -> str:
        """Write one export; returns its name."""
        listed = list(sales)
        with self._lock:
            self._exports += 1
            name = f"rechnungen_{self._exports:04}.csv"
            self.numbers += [sale.number for sale in listed if sale.number not in self.numbers]
        rows = [_HEADINGS]
        for sale in listed:
            for position, line in enumerate(sale.lines, 1):
                item, text, quantity, unit, price, code, rate = line
                head = f"{sale.number};{sale.kind};{sale.on};{sale.buyer}"
                delivery = f"{sale.delivered or sale.on};{sale.delivered_to}"
                rows.append(
                    f"{head};{delivery};{position};{item};{_quoted(text)};{quantity};{unit};{price};"
                    f"{code};{rate};{_quoted(sale.note)}"
                )
        self.drop(name, ("\r\n".join(rows) + "\r\n").encode())
        return name

    def drop(self, name: str, content: bytes) -> None:
        """Put any file into `/out`, complete from the first moment it has its name."""
        temporary = self.root / "out" / f"{name}.tmp"
        temporary.write_bytes(content)
        temporary.rename(self.root / "out" / name)

    def mend(self) -> list[str]:
        return []

    def holdings(self) -> Mapping[str, object]:
        """`status` (the news, in order of their names), `status_references` (how often each came), `out`
        (files that wait), `archived` (those moved away), and `counts`."""
        status = [
            json.loads(path.read_text("utf-8")) for path in sorted((self.root / "status").glob("*.json"))
        ]
        out = sorted(path.name for path in (self.root / "out").iterdir() if path.is_file())
        archived = sorted(path.name for path in self.root.glob("out/archive/**/*") if path.is_file())
        return {
            "status": status,
            "status_references": dict(Counter(str(one["reference"]) for one in status)),
            "out": out,
            "archived": archived,
            "counts": {"status": len(status), "out": len(out), "archived": len(archived)},
        }


def _quoted(text: str) -> str:
    doubled = text.replace('"', '""')
    return f'"{doubled}"' if text else ""

"""The STATUS IDoc (basic type SYSTAT01) that tells SAP what became of an outbound INVOIC IDoc.

Fields and status values: SAP basic type SYSTAT01, segment E1STATS; inbound process code STA1. SAP finds the
IDoc by its number with leading zeros only, and says nothing to the sender when it does not.
"""

from __future__ import annotations

import hashlib
import textwrap
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from lxml import etree

from connectors.base import DeliveryState, StatusReport
from connectors.erp.sap_flat_idoc import FlatForm, write_flat
from formats.errors import DocumentError
from formats.syntaxes import xml

__all__ = ["status_filename", "status_idoc"]

_TEXT: Final = 70
_PARAMETER: Final = 50
_PARAMETERS: Final = 4
_KIND: Final = {
    DeliveryState.ACCEPTED_FOR_TRANSPORT: "S",
    DeliveryState.DELIVERED: "S",
    DeliveryState.REJECTED: "E",
    DeliveryState.PARKED: "W",
    DeliveryState.ACCEPTED: "S",
    DeliveryState.DISPUTED: "W",
    DeliveryState.CLOSED: "W",
}


def status_filename(report: StatusReport, *, flat: bool = False) -> str:
    """The same name for the same piece of news, so that it can be looked for before it is written."""
    return f"STATUS_{hashlib.sha256(report.reference.encode()).hexdigest()[:32]}.{'txt' if flat else 'xml'}"


def status_idoc(
    report: StatusReport,
    *,
    code: str,
    port: str,
    partner: str,
    sap_port: str,
    sap_partner: str,
    client: str,
    zone: ZoneInfo,
    flat: FlatForm | None = None,
) -> bytes:
    """The file for one piece of news, XML or in the given flat form; the same news gives the same bytes.

    `zone` is the time zone of the SAP system: E1STATS has local times. Raises DocumentError where the invoice
    came without an IDoc number.
    """
    number = report.document_id.strip()
    if not (number.isascii() and number.isdigit() and len(number) <= 16):
        raise DocumentError(
            "the invoice has no IDoc number, so SAP cannot be told about it",
            where=f"status of {report.number or report.key}",
            fix="look at the file it came in; nothing else is lost",
        )
    at = report.at.astimezone(zone)
    root = etree.Element("SYSTAT01")
    idoc = etree.SubElement(root, "IDOC", BEGIN="1")
    _segment(idoc, "EDI_DC40", _control(at, port, partner, sap_port, sap_partner, client))
    width = _PARAMETER if flat is None else dict(flat.segments["E1STATS"]).get("STAPA1", _PARAMETER)
    _segment(idoc, "E1STATS", _record(report, number.zfill(16), at, code, client, width))
    return xml.serialize(root) if flat is None else write_flat(idoc, flat)


def _control(
    at: datetime, port: str, partner: str, sap_port: str, sap_partner: str, client: str
) -> dict[str, str]:
    return {
        "TABNAM": "EDI_DC40",
        "MANDT": client,
        "DIRECT": "2",
        "IDOCTYP": "SYSTAT01",
        "MESTYP": "STATUS",
        "SNDPOR": port,
        "SNDPRT": "LS",
        "SNDPRN": partner,
        "RCVPOR": sap_port,
        "RCVPRT": "LS",
        "RCVPRN": sap_partner,
        "CREDAT": at.strftime("%Y%m%d"),
        "CRETIM": at.strftime("%H%M%S"),
    }


def _record(
    report: StatusReport, number: str, at: datetime, code: str, client: str, width: int
) -> dict[str, str]:
    text, parameters = _text(report.text, width)
    return {
        "MANDT": client,
        "DOCNUM": number,
        "LOGDAT": at.strftime("%Y%m%d"),
        "LOGTIM": at.strftime("%H%M%S"),
        "STATUS": code,
        "STATXT": text,
        **{f"STAPA{position}": value for position, value in enumerate(parameters, 1)},
        "REFINT": hashlib.sha256(report.reference.encode()).hexdigest()[:14].upper(),
        "ARCKEY": report.message_id[:70],
        "STATYP": _KIND[report.state],
        "STAMQU": "EGW",
        "STAMID": "ZEINV",
        "STAMNO": f"0{code}",
    }


def _text(text: str, width: int) -> tuple[str, tuple[str, ...]]:
    """A text field of 70 characters, and what is longer as up to four parameters of this width."""
    plain = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    if len(plain) <= _TEXT:
        # An ampersand followed by a digit would be taken for a placeholder.
        return plain.replace("&", "+"), ()
    pieces = textwrap.wrap(plain, width, max_lines=_PARAMETERS, placeholder=" ...", break_on_hyphens=False)
    return " ".join(f"&{position}" for position in range(1, len(pieces) + 1)), tuple(pieces)


def _segment(parent: etree._Element, name: str, fields: dict[str, str]) -> None:
    segment = etree.SubElement(parent, name, SEGMENT="1")
    for field, value in fields.items():
        if value:
            etree.SubElement(segment, field).text = value

"""Where the SdI takes a FatturaPA invoice: its format, the receiver's code or certified mailbox."""

from __future__ import annotations

import re
from typing import Final

from lxml import etree

from formats.identifiers import Identifier
from formats.model.invoice import Invoice
from formats.syntaxes.fatturapa_kinds import TAX_NUMBER, Basic, own_text
from formats.syntaxes.fatturapa_text import basic
from formats.syntaxes.kinds import put_text
from formats.syntaxes.place import Scope
from formats.syntaxes.reading import Reader
from formats.syntaxes.table import Entry, Part, Term
from formats.syntaxes.writing import Writer

__all__ = ["TRANSMISSION", "version_of"]

_PUBLIC, _PRIVATE, _SIMPLIFIED = "FPA12", "FPR12", "FSM10"
_CODE: Final = re.compile(r"[A-Z0-9]{6,7}\Z")
_IPA, _SDI, _MAIL = "0201", "0205", "EM"
_NO_CODE: Final = {_PUBLIC: "999999", _PRIVATE: "0000000", _SIMPLIFIED: "0000000"}
_ABROAD: Final = "XXXXXXX"


def version_of(invoice: Invoice) -> str:
    """FPA12, FPR12 or FSM10."""
    said = invoice.specification_id
    return said if said in (_PUBLIC, _SIMPLIFIED) else _PRIVATE


def _write_route(parent: etree._Element, writer: Writer, scope: Scope) -> bool:
    """FormatoTrasmissione, CodiceDestinatario and PECDestinatario: where the SdI takes the invoice."""
    invoice = writer.invoice
    version, buyer = version_of(invoice), invoice.buyer
    put_text(etree.SubElement(parent, "FormatoTrasmissione"), version)
    endpoint = buyer.electronic_address if buyer else None
    value = endpoint.value.strip() if endpoint else ""
    code = value if endpoint and endpoint.scheme in (_IPA, _SDI) and _CODE.match(value.upper()) else ""
    office = invoice.buyer_reference or ""
    if not code and version == _PUBLIC and len(office) == 6 and _CODE.match(office):
        code = office
    country = buyer.address.country if buyer and buyer.address else None
    if not code:
        abroad = version != _PUBLIC and country not in (None, "IT")
        code = _ABROAD if abroad else _NO_CODE[version]
    put_text(etree.SubElement(parent, "CodiceDestinatario"), code.upper())
    if endpoint and endpoint.scheme == _MAIL and version != _PUBLIC:
        put_text(etree.SubElement(parent, "PECDestinatario"), basic(value))
    return True


def _read_route(parent: etree._Element, reader: Reader, scope: Scope) -> None:
    for element in parent.iterchildren("FormatoTrasmissione"):
        reader.say(element, "BT-24", own_text(element), scope)
    mail = parent.find("PECDestinatario")
    for element in parent.iterchildren("CodiceDestinatario"):
        code = own_text(element)
        if code is None or code in (*_NO_CODE.values(), _ABROAD):
            reader.used.add(element)
        else:
            scheme = _IPA if len(code) == 6 else _SDI
            reader.say(element, "BT-49", Identifier(code, scheme), scope)
    if mail is not None and (box := own_text(mail)):
        reader.say(mail, "BT-49", Identifier(box, _MAIL), scope)


TRANSMISSION: Final[tuple[Entry, ...]] = (
    Term("IT-3", "IdTrasmittente", TAX_NUMBER),
    Term("IT-2", "ProgressivoInvio", Basic(10)),
    Part({"BT-24": "FormatoTrasmissione", "BT-49": "CodiceDestinatario"}, _write_route, _read_route),
)

"""FatturaPA 1.2, the ordinary invoice of the Sistema di Interscambio: FPA12 to the public administration,
FPR12 to everybody else.

Children are in no name space and stand in the order of the schema. What the table cannot say is in
`fatturapa_shape`. Source: Agenzia delle Entrate, technical specification 1.9 and the schema 1.2.2 (1.2.3 adds
codes only); SdI, technical rules for European invoices 2.6.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

from lxml import etree

from formats.errors import MalformedDocument
from formats.identifiers import Identifier
from formats.model.invoice import Invoice
from formats.model.line import Classification, Line
from formats.syntaxes import xml
from formats.syntaxes.binding import Binding
from formats.syntaxes.fatturapa_kinds import (
    AMOUNT,
    MOMENT_DAY,
    PRICE,
    RATE,
    TAX_NUMBER,
    Basic,
    Exact,
    Latin,
)
from formats.syntaxes.fatturapa_references import KINDS
from formats.syntaxes.fatturapa_shape import adapt, is_fiscal_code, restore
from formats.syntaxes.fatturapa_text import basic, latin
from formats.syntaxes.kinds import BINARY, DATE, NOTE, WORD, XML_BLANKS, put_text, text_of
from formats.syntaxes.place import Scope
from formats.syntaxes.reading import Reader
from formats.syntaxes.table import Element, Entry, Group, Part, Term
from formats.syntaxes.writing import Writer

__all__ = [
    "ATTACHMENT",
    "BINDING",
    "KEY",
    "FiscalCode",
    "address",
    "derived",
    "is_coded",
    "read_all",
    "read_route",
    "register",
    "split",
    "text_in",
    "write_route",
]

KEY: Final = "fatturapa-1.2"
NAMESPACE: Final = "http://ivaservizi.agenziaentrate.gov.it/docs/xsd/fatture/v1.2"
_SIGNATURES: Final = "http://www.w3.org/2000/09/xmldsig#"
_PUBLIC, _PRIVATE, _SIMPLIFIED = "FPA12", "FPR12", "FSM10"
_CODE: Final = re.compile(r"[A-Z0-9]{6,7}\Z")
_IPA, _SDI, _MAIL = "0201", "0205", "EM"
_NO_CODE: Final = {_PUBLIC: "999999", _PRIVATE: "0000000", _SIMPLIFIED: "0000000"}
_ABROAD: Final = "XXXXXXX"
_BODY: Final = "FatturaElettronicaBody"
_SHORTEST_PHONE: Final = 5
_EMAIL: Final = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+\Z")
_CENT: Final = Decimal("0.01")
_EIGHT: Final = Decimal("0.00000001")


def derived(**places: str) -> Part:
    """Terms without an element of their own, at the place that they are derived from: `BT_118="Natura"`."""
    named = {name.replace("_", "-"): path for name, path in places.items()}
    return Part(named, lambda parent, writer, scope: False, lambda parent, reader, scope: None)


def _write_version(root: etree._Element, writer: Writer, scope: Scope) -> bool:
    root.set("versione", _version(writer.invoice))
    return False


def _read_version(root: etree._Element, reader: Reader, scope: Scope) -> None:
    bodies = root.findall(_BODY)
    if len(bodies) > 1:
        names = "; ".join(_name_of(body) for body in bodies)
        raise MalformedDocument(
            f"the file holds {len(bodies)} invoices of one seller to one buyer: {names}",
            where="FatturaElettronicaBody",
            fix="ask the sender for a file each, or have IT split it (formats.syntaxes.fatturapa.split)",
        )
    for signature in root.iterchildren(f"{{{_SIGNATURES}}}Signature"):
        reader.used.update(signature.iter())  # it covers the document and says nothing of the invoice


def _name_of(body: etree._Element) -> str:
    general = "DatiGenerali/DatiGeneraliDocumento/"
    number, day = (body.findtext(general + name) or "?" for name in ("Numero", "Data"))
    return f"{number.strip()[:20]} of {day.strip()[:10]}"


def _version(invoice: Invoice) -> str:
    said = invoice.specification_id
    return said if said in (_PUBLIC, _SIMPLIFIED) else _PRIVATE


def write_route(parent: etree._Element, writer: Writer, scope: Scope) -> bool:
    """FormatoTrasmissione, CodiceDestinatario and PECDestinatario: where the SdI takes the invoice."""
    invoice = writer.invoice
    version, buyer = _version(invoice), invoice.buyer
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


def read_route(parent: etree._Element, reader: Reader, scope: Scope) -> None:
    for element in parent.iterchildren("FormatoTrasmissione"):
        reader.say(element, "BT-24", _text(element), scope)
    mail = parent.find("PECDestinatario")
    for element in parent.iterchildren("CodiceDestinatario"):
        code = _text(element)
        if code is None or code in (*_NO_CODE.values(), _ABROAD):
            reader.used.add(element)
        else:
            scheme = _IPA if len(code) == 6 else _SDI
            reader.say(element, "BT-49", Identifier(code, scheme), scope)
    if mail is not None and (box := _text(mail)):
        reader.say(mail, "BT-49", Identifier(box, _MAIL), scope)


def _write_references(parent: etree._Element, writer: Writer, scope: Scope) -> bool:
    references = writer.invoice.italy.references if writer.invoice.italy else ()
    for kind, tag in KINDS.items():
        for one in references:
            if one.kind != kind:
                continue
            element = etree.SubElement(parent, tag)
            lines = [("RiferimentoNumeroLinea", number) for number in (one.lines or "").split()]
            day = one.issued.isoformat() if one.issued else None
            document = basic(one.document or "")[:20]
            if kind == "despatch":
                said: list[tuple[str, str | None]] = [("NumeroDDT", document), ("DataDDT", day), *lines]
            else:
                said = [
                    *lines,
                    ("IdDocumento", document),
                    ("Data", day),
                    ("NumItem", basic(one.item or "")[:20]),
                    ("CodiceCommessaConvenzione", latin(one.project or "")[:100]),
                    ("CodiceCUP", basic(one.cup or "")[:15]),
                    ("CodiceCIG", basic(one.cig or "")[:15]),
                ]
            for name, text in said:
                if text:
                    put_text(etree.SubElement(element, name), text)
    return bool(references)


def _read_references(parent: etree._Element, reader: Reader, scope: Scope) -> None:
    for kind, tag in KINDS.items():
        for element in parent.iterchildren(tag):
            inner = reader.open("IT-G3", scope)
            reader.say(element, "IT-24", kind, inner)
            numbers = [_text(one) or "" for one in element.iterchildren("RiferimentoNumeroLinea")]
            reader.say(element, "IT-25", " ".join(numbers) or None, inner)
            for child in element.iterchildren(etree.Element):
                name = _REFERENCE.get(str(child.tag))
                if name in ("IT-27",):
                    reader.say(child, name, DATE.read(child), inner)
                elif name is not None:
                    reader.say(child, name, _text(child), inner)


_REFERENCE: Final = {
    "IdDocumento": "IT-26",
    "NumeroDDT": "IT-26",
    "Data": "IT-27",
    "DataDDT": "IT-27",
    "NumItem": "IT-28",
    "CodiceCommessaConvenzione": "IT-29",
    "CodiceCUP": "IT-30",
    "CodiceCIG": "IT-31",
}


def _write_codes(parent: etree._Element, writer: Writer, scope: Scope) -> bool:
    item = scope["BG-25"].item
    if item is None:
        return False
    for kind, value in _codes_of(item):
        element = etree.SubElement(parent, "CodiceArticolo")
        put_text(etree.SubElement(element, "CodiceTipo"), basic(kind)[:35] or "ALTRO")
        put_text(etree.SubElement(element, "CodiceValore"), latin(value)[:35])
    return True


def _codes_of(item: Any) -> Iterator[tuple[str, str]]:
    if item.seller_identifier:
        yield "FORNITORE", item.seller_identifier
    if item.buyer_identifier:
        yield "CLIENTE", item.buyer_identifier
    if item.standard_identifier is not None:
        scheme = item.standard_identifier.scheme or ""
        yield ("EAN" if scheme == "0160" else scheme), item.standard_identifier.value
    for one in item.classifications:
        yield one.scheme, one.code


def _read_codes(parent: etree._Element, reader: Reader, scope: Scope) -> None:
    for element in parent.iterchildren("CodiceArticolo"):
        kind = (element.findtext("CodiceTipo") or "").strip(XML_BLANKS)
        value = (element.findtext("CodiceValore") or "").strip(XML_BLANKS)
        if not value:
            continue
        said: tuple[str, Any] = ("BT-158", Classification(code=value, scheme=kind))
        if kind == "FORNITORE":
            said = ("BT-155", value)
        elif kind == "CLIENTE":
            said = ("BT-156", value)
        elif kind.upper() in ("EAN", "GTIN") or (len(kind) == 4 and kind.isdigit()):
            scheme = kind if kind.isdigit() else "0160"
            said = ("BT-157", Identifier(value, scheme))
        reader.say(element, said[0], said[1], scope)


def _write_discounts(parent: etree._Element, writer: Writer, scope: Scope) -> bool:
    """BG-27 and BG-28 as amounts for one unit, or as a percentage where that gives the same amount."""
    line: Line = scope["BG-25"]
    quantity = line.quantity or Decimal(1)
    price = line.price.net if line.price else None
    for kind, parts in (("SC", line.allowances), ("MG", line.charges)):
        for part in parts:
            if part.amount is None:
                continue
            element = etree.SubElement(parent, "ScontoMaggiorazione")
            put_text(etree.SubElement(element, "Tipo"), kind)
            rate = part.percentage
            if rate is not None and price is not None and _of(price * rate / 100 * quantity) == part.amount:
                RATE.write(etree.SubElement(element, "Percentuale"), rate, writer.surrounding)
            else:
                unit = (part.amount / quantity).quantize(_EIGHT, ROUND_HALF_UP)
                PRICE.write(etree.SubElement(element, "Importo"), unit, writer.surrounding)
    return bool(line.allowances or line.charges)


def _read_discounts(parent: etree._Element, reader: Reader, scope: Scope) -> None:
    quantity = _number(parent, "Quantita") or Decimal(1)
    price = _number(parent, "PrezzoUnitario")
    for element in parent.iterchildren("ScontoMaggiorazione"):
        group = "BG-28" if (element.findtext("Tipo") or "").strip() == "MG" else "BG-27"
        unit, rate = _number(element, "Importo"), _number(element, "Percentuale")
        inner = reader.open(group, scope)
        amount = None
        if unit is not None:
            amount = _of(unit * quantity)
        elif rate is not None and price is not None:
            amount = _of(price * rate / 100 * quantity)
        reader.say(element, "BT-141" if group == "BG-28" else "BT-136", amount, inner)
        reader.say(element, "BT-143" if group == "BG-28" else "BT-138", rate, inner)


def _number(parent: etree._Element, name: str) -> Decimal | None:
    found = parent.find(name)
    return None if found is None else PRICE.read(found)


def _of(value: Decimal) -> Decimal:
    return value.quantize(_CENT, ROUND_HALF_UP)


def _text(element: etree._Element) -> str | None:
    return text_of(element).strip(XML_BLANKS) or None


def text_in(element: etree._Element, path: str) -> str | None:
    """The text of an element below, None where there is none."""
    found = element.find(path)
    return None if found is None else _text(found)


def address(*terms: str) -> tuple[Entry, ...]:
    """An address by its terms: line 1, line 2, post code, city, subdivision, country."""
    line, number, post_code, city, province, country = terms
    return (
        Term(line, "Indirizzo", Latin(60)),
        Term(number, "NumeroCivico", Basic(8)),
        Term(post_code, "CAP"),
        Term(city, "Comune", Latin(60)),
        Term(province, "Provincia"),
        Term(country, "Nazione"),
    )


def register() -> Element:
    """The entry in the company register (REA)."""
    return Element(
        "IscrizioneREA",
        (
            Term("IT-10", "Ufficio"),
            Term("IT-11", "NumeroREA", Basic(20)),
            Term("IT-12", "CapitaleSociale", AMOUNT),
            Term("IT-13", "SocioUnico"),
            Term("IT-14", "StatoLiquidazione"),
        ),
    )


_TRANSMISSION: Final = (
    Term("IT-3", "IdTrasmittente", TAX_NUMBER),
    Term("IT-2", "ProgressivoInvio", Basic(10)),
    Part(
        {"BT-24": "FormatoTrasmissione", "BT-49": "CodiceDestinatario"},
        write_route,
        read_route,
    ),
)
_SELLER: Final = (
    Element(
        "DatiAnagrafici",
        (
            Term("BT-31", "IdFiscaleIVA", TAX_NUMBER),
            Term("BT-32", "CodiceFiscale", Basic(16), when=is_fiscal_code),
            Element(
                "Anagrafica",
                (
                    Term("BT-27", "Denominazione", Latin(80)),
                    Term("IT-6", "Nome", Latin(60)),
                    Term("IT-7", "Cognome", Latin(60)),
                ),
            ),
            Term("IT-4", "RegimeFiscale"),
        ),
    ),
    Group("BG-5", "Sede", address("BT-35", "BT-36", "BT-38", "BT-37", "BT-39", "BT-40")),
    register(),
    Element(
        "Contatti",
        (
            Term(
                "BT-42", "Telefono", Basic(12), when=lambda text: len(basic(text).strip()) >= _SHORTEST_PHONE
            ),
            Term("BT-43", "Email", Basic(256), when=lambda text: bool(_EMAIL.match(text))),
        ),
    ),
    Term("BT-19", "RiferimentoAmministrazione", Basic(20)),
)
_REPRESENTATIVE: Final = (
    Element(
        "DatiAnagrafici",
        (
            Term("BT-63", "IdFiscaleIVA", TAX_NUMBER),
            Element("Anagrafica", (Term("BT-62", "Denominazione", Latin(80)),)),
        ),
    ),
)


class FiscalCode(Basic):
    """A buyer's fiscal code, which EN 16931 knows under the ICD 0210."""

    def read(self, element: etree._Element) -> Any:
        text = _text(element)
        return Identifier(text, "0210") if text else None

    def write(self, element: etree._Element, value: Any, surrounding: Any) -> None:
        put_text(element, basic(value.value)[:16])


def is_coded(value: Identifier | None) -> bool:
    return value is not None and value.scheme in ("0210", "9907") and is_fiscal_code(value.value)


_BUYER: Final = (
    Element(
        "DatiAnagrafici",
        (
            Term("BT-48", "IdFiscaleIVA", TAX_NUMBER),
            Term("BT-47", "CodiceFiscale", FiscalCode(16), when=is_coded),
            Element(
                "Anagrafica",
                (
                    Term("BT-44", "Denominazione", Latin(80)),
                    Term("IT-8", "Nome", Latin(60)),
                    Term("IT-9", "Cognome", Latin(60)),
                ),
            ),
        ),
    ),
    Group("BG-8", "Sede", address("BT-50", "BT-51", "BT-53", "BT-52", "BT-54", "BT-55")),
)
_DOCUMENT: Final = (
    Term("IT-1", "TipoDocumento"),
    derived(BT_3="TipoDocumento"),
    Term("BT-5", "Divisa"),
    Term("BT-2", "Data", DATE),
    Term("BT-1", "Numero", Basic(20)),
    Group(
        "IT-G2",
        "DatiRitenuta",
        (
            Term("IT-20", "TipoRitenuta"),
            Term("IT-21", "ImportoRitenuta", AMOUNT),
            Term("IT-22", "AliquotaRitenuta", RATE),
            Term("IT-23", "CausalePagamento"),
        ),
    ),
    Element("DatiBollo", (Term("IT-15", "BolloVirtuale"), Term("IT-16", "ImportoBollo", AMOUNT))),
    Group(
        "BG-21",
        "DatiCassaPrevidenziale",
        (
            Term("IT-47", "TipoCassa"),
            Term("BT-101", "AlCassa", RATE),
            Term("BT-99", "ImportoContributoCassa", AMOUNT),
            Term("BT-100", "ImponibileCassa", AMOUNT),
            Term("BT-103", "AliquotaIVA", RATE),
            Term("IT-48", "Ritenuta"),
            Term("IT-49", "Natura"),
            derived(BT_102="Natura"),
        ),
    ),
    Term("BT-112", "ImportoTotaleDocumento", AMOUNT),
    Term("BT-114", "Arrotondamento", AMOUNT),
    Term("BG-1", "Causale", NOTE, parts=("BT-21", "BT-22")),
    derived(BT_10="Causale", BT_14="Causale", BT_20="Causale"),
    Term("IT-17", "Art73"),
)
_GENERAL: Final = (
    Element("DatiGeneraliDocumento", _DOCUMENT),
    Part(
        {
            "IT-G3": "DatiOrdineAcquisto",
            **{name: f"DatiOrdineAcquisto/{tag}" for tag, name in _REFERENCE.items() if "DDT" not in tag},
            "IT-24": "DatiOrdineAcquisto",
            "IT-25": "DatiOrdineAcquisto/RiferimentoNumeroLinea",
        },
        _write_references,
        _read_references,
    ),
    derived(
        BT_13="DatiOrdineAcquisto/IdDocumento",
        BT_132="DatiOrdineAcquisto/NumItem",
        BT_11="DatiOrdineAcquisto/CodiceCUP",
        BT_17="DatiOrdineAcquisto/CodiceCIG",
        BT_12="DatiContratto/IdDocumento",
        BT_15="DatiRicezione/IdDocumento",
        BG_3="DatiFattureCollegate",
        BT_25="DatiFattureCollegate/IdDocumento",
        BT_26="DatiFattureCollegate/Data",
        BT_16="DatiDDT/NumeroDDT",
    ),
    Element(
        "DatiTrasporto",
        (
            Group("BG-15", "IndirizzoResa", address("BT-75", "BT-76", "BT-78", "BT-77", "BT-79", "BT-80")),
            Term("BT-72", "DataOraConsegna", MOMENT_DAY),
        ),
    ),
)
# Terms of a line without an element of their own (`fatturapa_lines`).
_CARRIED: Final = (
    *("BT_127", "BT_128", "BT_147", "BT_148", "BT_149", "BT_150", "BT_159", "BT_93", "BT_94", "BT_98"),
    *("BT_105", "BT_137", "BT_139", "BT_140", "BT_142", "BT_144", "BT_145"),
)
_LINE: Final = (
    Term("BT-126", "NumeroLinea"),
    Term("IT-40", "TipoCessionePrestazione"),
    derived(BT_97="Descrizione", BT_92="PrezzoTotale", BT_95="Natura", BT_96="AliquotaIVA"),
    Part(
        dict.fromkeys(("BT-155", "BT-156", "BT-157", "BT-158"), "CodiceArticolo/CodiceValore"),
        _write_codes,
        _read_codes,
    ),
    Term("BT-153", "Descrizione", Latin(1000)),
    derived(BT_154="Descrizione"),
    Term("BT-129", "Quantita", PRICE),
    Term("BT-130", "UnitaMisura", Basic(10)),
    Term("BT-134", "DataInizioPeriodo", DATE),
    Term("BT-135", "DataFinePeriodo", DATE),
    Term("BT-146", "PrezzoUnitario", PRICE),
    Part(
        {
            "BG-27": "ScontoMaggiorazione",
            "BT-136": "ScontoMaggiorazione/Importo",
            "BT-138": "ScontoMaggiorazione/Percentuale",
            "BG-28": "ScontoMaggiorazione",
            "BT-141": "ScontoMaggiorazione/Importo",
            "BT-143": "ScontoMaggiorazione/Percentuale",
        },
        _write_discounts,
        _read_discounts,
    ),
    Term("BT-131", "PrezzoTotale", PRICE),
    Term("BT-152", "AliquotaIVA", RATE),
    Term("IT-41", "Ritenuta"),
    Term("IT-42", "Natura"),
    derived(BT_151="Natura"),
    Term("BT-133", "RiferimentoAmministrazione", Basic(20)),
    Group(
        "BG-32",
        "AltriDatiGestionali",
        (Term("BT-160", "TipoDato", Basic(10)), Term("BT-161", "RiferimentoTesto", Exact(60))),
    ),
    derived(**dict.fromkeys(_CARRIED, "AltriDatiGestionali/RiferimentoTesto")),
)
_SUMMARY: Final = (
    Term("BT-119", "AliquotaIVA", RATE),
    Term("IT-43", "Natura"),
    derived(BT_118="Natura"),
    Term("IT-44", "SpeseAccessorie", AMOUNT),
    Term("IT-45", "Arrotondamento", PRICE),
    Term("BT-116", "ImponibileImporto", AMOUNT),
    Term("BT-117", "Imposta", AMOUNT),
    Term("IT-46", "EsigibilitaIVA"),
    derived(BT_8="EsigibilitaIVA"),
    Term("BT-120", "RiferimentoNormativo", Latin(100)),
    derived(BT_121="RiferimentoNormativo"),
)
_PAYMENT: Final = (
    Term("IT-18", "CondizioniPagamento"),
    Group(
        "IT-G4",
        "DettaglioPagamento",
        (
            Term("IT-32", "Beneficiario", Latin(200)),
            Term("IT-33", "ModalitaPagamento"),
            Term("IT-34", "DataScadenzaPagamento", DATE),
            Term("IT-35", "ImportoPagamento", AMOUNT),
            Term("IT-36", "IstitutoFinanziario", Latin(80)),
            Term("IT-37", "IBAN"),
            Term("IT-38", "BIC"),
            Term("IT-39", "CodicePagamento", Basic(60)),
        ),
    ),
    derived(
        BT_9="DettaglioPagamento/DataScadenzaPagamento",
        BT_81="DettaglioPagamento/ModalitaPagamento",
        BT_83="DettaglioPagamento/CodicePagamento",
        BT_84="DettaglioPagamento/IBAN",
        BT_85="DettaglioPagamento/Beneficiario",
        BT_86="DettaglioPagamento/BIC",
        BT_113="DettaglioPagamento/ImportoPagamento",
        BT_115="DettaglioPagamento/ImportoPagamento",
    ),
)
ATTACHMENT: Final = (
    Term("BT-125-2", "NomeAttachment", Latin(60)),
    derived(BT_122="NomeAttachment"),
    Term("BT-125-1", "FormatoAttachment", Basic(10)),
    Term("BT-123", "DescrizioneAttachment", Latin(100)),
    Term("BT-125", "Attachment", BINARY),
)

ENTRIES: Final[tuple[Entry, ...]] = (
    Part({}, _write_version, _read_version),
    Element(
        "FatturaElettronicaHeader",
        (
            Element("DatiTrasmissione", _TRANSMISSION),
            Group("BG-4", "CedentePrestatore", _SELLER),
            Group("BG-11", "RappresentanteFiscale", _REPRESENTATIVE),
            Group("BG-7", "CessionarioCommittente", _BUYER),
            Term("IT-5", "SoggettoEmittente", WORD),
        ),
    ),
    Element(
        _BODY,
        (
            Element("DatiGenerali", _GENERAL),
            Element(
                "DatiBeniServizi",
                (
                    Group("BG-25", "DettaglioLinee", _LINE),
                    Group("BG-23", "DatiRiepilogo", _SUMMARY),
                    derived(
                        BT_106="DettaglioLinee/PrezzoTotale",
                        BT_107="DettaglioLinee/PrezzoTotale",
                        BT_108="DettaglioLinee/PrezzoTotale",
                        BT_104="DettaglioLinee/Descrizione",
                        BT_109="DatiRiepilogo/ImponibileImporto",
                        BT_110="DatiRiepilogo/Imposta",
                    ),
                ),
            ),
            Element("DatiPagamento", _PAYMENT),
            Group("BG-24", "Allegati", ATTACHMENT),
        ),
    ),
)

BINDING: Final = Binding(
    name="FatturaPA 1.2",
    invoice_root=f"{{{NAMESPACE}}}FatturaElettronica",
    credit_note_root=f"{{{NAMESPACE}}}FatturaElettronica",
    namespaces={"p": NAMESPACE, "ds": _SIGNATURES},
    entries=ENTRIES,
    adapt=adapt,
    restore=restore,
)


def split(content: bytes) -> tuple[bytes, ...]:
    """One file for each invoice of a file, under the same header; a signature over the whole is left out.

    The schema allows several invoices of one seller to one buyer in a file. Raises MalformedDocument.
    """
    root = xml.parse(content)
    bodies = root.findall(_BODY)
    if root.tag != BINDING.invoice_root or len(bodies) <= 1:
        return (content,)
    for signature in root.findall(f"{{{_SIGNATURES}}}Signature"):
        root.remove(signature)
    found = []
    for body in bodies:
        for other in bodies:
            if other is not body:
                root.remove(other)
        found.append(xml.serialize(root))
        for other in bodies:
            root.append(other)
    return tuple(found)


def read_all(content: bytes) -> tuple[Invoice, ...]:
    """Every invoice of a file, in order. Raises MalformedDocument."""
    return tuple(BINDING.read(one) for one in split(content))

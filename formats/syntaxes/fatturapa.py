"""FatturaPA 1.2, the ordinary invoice of the Sistema di Interscambio: FPA12 to the public administration,
FPR12 to everybody else.

Children are in no name space and stand in the order of the schema. What the table cannot say is in
`fatturapa_shape`. Source: Agenzia delle Entrate, technical specification 1.9 and the schema 1.2.2 (1.2.3 adds
codes only); SdI, technical rules for European invoices 2.6.
"""

from __future__ import annotations

from typing import Final

from lxml import etree

from formats.errors import MalformedDocument
from formats.model.invoice import Invoice
from formats.syntaxes import xml
from formats.syntaxes.binding import Binding
from formats.syntaxes.fatturapa_kinds import AMOUNT, MOMENT_DAY, PRICE, RATE, TAX_NUMBER, Basic, Exact, Latin
from formats.syntaxes.fatturapa_parties import (
    BUYER_NAME,
    BUYER_NUMBERS,
    BUYER_SEAT,
    REGISTER,
    SELLER_CONTACT,
    SELLER_NAME,
    SELLER_NUMBERS,
    SELLER_SEAT,
    address,
)
from formats.syntaxes.fatturapa_parts import CODES, DISCOUNTS, REFERENCES, derived
from formats.syntaxes.fatturapa_route import TRANSMISSION, version_of
from formats.syntaxes.fatturapa_shape import adapt, restore
from formats.syntaxes.kinds import BINARY, DATE, NOTE, WORD
from formats.syntaxes.place import Scope
from formats.syntaxes.reading import Reader
from formats.syntaxes.table import Element, Entry, Group, Part, Term
from formats.syntaxes.writing import Writer

__all__ = ["ATTACHMENT", "BINDING", "KEY", "read_all", "split"]

KEY: Final = "fatturapa-1.2"
NAMESPACE: Final = "http://ivaservizi.agenziaentrate.gov.it/docs/xsd/fatture/v1.2"
_SIGNATURES: Final = "http://www.w3.org/2000/09/xmldsig#"
_BODY: Final = "FatturaElettronicaBody"


def _write_version(root: etree._Element, writer: Writer, scope: Scope) -> bool:
    root.set("versione", version_of(writer.invoice))
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


_SELLER: Final = (
    Element(
        "DatiAnagrafici",
        (*SELLER_NUMBERS, Element("Anagrafica", SELLER_NAME), Term("IT-4", "RegimeFiscale")),
    ),
    SELLER_SEAT,
    REGISTER,
    SELLER_CONTACT,
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
_BUYER: Final = (
    Element("DatiAnagrafici", (*BUYER_NUMBERS, Element("Anagrafica", BUYER_NAME))),
    BUYER_SEAT,
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
    REFERENCES,
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
    CODES,
    Term("BT-153", "Descrizione", Latin(1000)),
    derived(BT_154="Descrizione"),
    Term("BT-129", "Quantita", PRICE),
    Term("BT-130", "UnitaMisura", Basic(10)),
    Term("BT-134", "DataInizioPeriodo", DATE),
    Term("BT-135", "DataFinePeriodo", DATE),
    Term("BT-146", "PrezzoUnitario", PRICE),
    DISCOUNTS,
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
            Element("DatiTrasmissione", TRANSMISSION),
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

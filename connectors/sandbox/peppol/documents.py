"""Business documents of the imitated buyers and sellers: invoices, Invoice Responses, Message Level Status.

Sources: Peppol BIS Billing 3.0.21, Invoice Response 3 (T111), Message Level Status 1.1.0.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from lxml import etree

from connectors.sandbox.peppol import names
from connectors.sandbox.peppol.envelope import parse
from connectors.sandbox.peppol.refusal import Refusal
from connectors.sandbox.peppol.tree import Maker
from connectors.sandbox.peppol.tree import document as new_document

__all__ = [
    "Finding",
    "Invoice",
    "Person",
    "Reason",
    "credit_note",
    "invoice",
    "invoice_response",
    "mls",
    "read",
]

_PREFIXES: Final = {"cac": names.CAC, "cbc": names.CBC}
_CAC: Final = Maker(names.CAC, {"cac": names.CAC})
_CBC: Final = Maker(names.CBC, {"cbc": names.CBC})
_CENT: Final = Decimal("0.01")
_RATE: Final = Decimal(21)
_CII: Final = "urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100"


@dataclass(frozen=True, slots=True)
class Person:
    """One side of a business: participant ("0208:..."), name, country, VAT identifier."""

    participant: str
    name: str
    country: str = "BE"
    vat: str = ""

    @property
    def endpoint(self) -> tuple[str, str]:
        scheme, _, value = self.participant.partition(":")
        return scheme, value


@dataclass(frozen=True, slots=True)
class Invoice:
    """What a response needs to know of an invoice that arrived."""

    number: str
    issued: str
    type_code: str
    seller_name: str
    buyer_name: str


@dataclass(frozen=True, slots=True)
class Reason:
    """One status of an Invoice Response: list (`OPStatusReason` or `OPStatusAction`), code, words."""

    code: str
    text: str = ""
    list_id: str = "OPStatusReason"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of a Message Level Status: `BV`, `BW`, `SV` or `FD`, where, and what is wrong."""

    code: str
    text: str
    where: str = "NA"


def invoice(
    number: str, seller: Person, buyer: Person, *, issued: date, lines: Sequence[tuple[str, str, str]] = ()
) -> bytes:
    """A valid BIS Billing 3 invoice in euro with 21 % VAT; `lines` are text, quantity and net price."""
    return _billing("Invoice", number, seller, buyer, issued, lines)


def credit_note(
    number: str, seller: Person, buyer: Person, *, issued: date, lines: Sequence[tuple[str, str, str]] = ()
) -> bytes:
    """As `invoice`, the other way round."""
    return _billing("CreditNote", number, seller, buyer, issued, lines)


def _billing(
    root: str, number: str, seller: Person, buyer: Person, issued: date, lines: Sequence[tuple[str, str, str]]
) -> bytes:
    rows = [(text, Decimal(quantity), Decimal(price)) for text, quantity, price in lines or _GOODS]
    nets = [_cents(quantity * price) for _, quantity, price in rows]
    net = sum(nets, Decimal(0))
    tax = _cents(net * _RATE / 100)
    document = new_document(f"{names.UBL}{root}-2", root, _PREFIXES)
    credit = root == "CreditNote"
    document.extend(
        [
            _CBC.CustomizationID(names.INVOICE.partition("##")[2].rpartition("::")[0]),
            _CBC.ProfileID(names.BILLING),
            _CBC.ID(number),
            _CBC.IssueDate(issued.isoformat()),
        ]
    )
    if credit:
        document.append(_CBC.CreditNoteTypeCode("381"))
    else:
        document.append(_CBC.DueDate((issued + timedelta(days=30)).isoformat()))
        document.append(_CBC.InvoiceTypeCode("380"))
    document.extend(
        [
            _CBC.DocumentCurrencyCode("EUR"),
            _CBC.BuyerReference("demo-reference"),
            _CAC.AccountingSupplierParty(_party(seller)),
            _CAC.AccountingCustomerParty(_party(buyer)),
            _CAC.PaymentMeans(
                _CBC.PaymentMeansCode("30"), _CAC.PayeeFinancialAccount(_CBC.ID("BE71096123456769"))
            ),
            _CAC.TaxTotal(
                _amount("TaxAmount", tax),
                _CAC.TaxSubtotal(
                    _amount("TaxableAmount", net),
                    _amount("TaxAmount", tax),
                    _CAC.TaxCategory(*_standard_rate()),
                ),
            ),
            _CAC.LegalMonetaryTotal(
                _amount("LineExtensionAmount", net),
                _amount("TaxExclusiveAmount", net),
                _amount("TaxInclusiveAmount", net + tax),
                _amount("PayableAmount", net + tax),
            ),
        ]
    )
    for position, ((text, quantity, price), line_net) in enumerate(zip(rows, nets, strict=True), 1):
        amount = etree.Element(
            etree.QName(names.CBC, "CreditedQuantity" if credit else "InvoicedQuantity"), unitCode="C62"
        )
        amount.text = format(quantity, "f")
        line = etree.SubElement(
            document, etree.QName(names.CAC, "CreditNoteLine" if credit else "InvoiceLine")
        )
        line.extend(
            [
                _CBC.ID(str(position)),
                amount,
                _amount("LineExtensionAmount", line_net),
                _CAC.Item(_CBC.Name(text), _CAC.ClassifiedTaxCategory(*_standard_rate())),
                _CAC.Price(_amount("PriceAmount", price)),
            ]
        )
    return _written(document)


_GOODS: Final = (("Pallet of insulation board", "4", "212.50"), ("Delivery", "1", "45.00"))


def invoice_response(
    number: str,
    sender: Person,
    receiver: Person,
    about: Invoice,
    code: str,
    reasons: Sequence[Reason],
    *,
    at: datetime,
) -> bytes:
    """An Invoice Response from the buyer to the seller; `code` of the list UNCL4343 as Peppol uses it."""
    statuses = []
    for reason in reasons:
        status = _CAC.Status(_CBC.StatusReasonCode(reason.code, listID=reason.list_id))
        if reason.text:
            status.append(_CBC.StatusReason(reason.text))
        statuses.append(status)
    document = _response_document(names.RESPONSE_CUSTOMIZATION, names.INVOICE_RESPONSE_PROCESS, number)
    document.extend(
        [
            _CBC.IssueDate(at.astimezone(UTC).date().isoformat()),
            _CAC.SenderParty(*_answering(sender)),
            _CAC.ReceiverParty(*_answering(receiver)),
            _CAC.DocumentResponse(
                _CAC.Response(
                    _CBC.ResponseCode(code),
                    _CBC.EffectiveDate(at.astimezone(UTC).date().isoformat()),
                    *statuses,
                ),
                _CAC.DocumentReference(
                    _CBC.ID(about.number),
                    _CBC.IssueDate(about.issued),
                    _CBC.DocumentTypeCode(about.type_code),
                ),
            ),
        ]
    )
    return _written(document)


def mls(
    sender: str,
    receiver: str,
    instance_id: str,
    code: str,
    findings: Sequence[Finding] = (),
    *,
    at: datetime,
) -> bytes:
    """A Message Level Status between two service providers (`0242:...`) about one envelope; `code` is AP, AB
    or RE."""
    moment = at.astimezone(UTC)
    response = _CAC.Response(_CBC.ResponseCode(code))
    if code == "RE":
        response.append(_CBC.Description("The document was refused"))
    document = _response_document(names.MLS_CUSTOMIZATION, names.MLS_PROCESS, str(uuid.uuid4()))
    document.extend(
        [
            _CBC.IssueDate(moment.date().isoformat()),
            _CBC.IssueTime(moment.strftime("%H:%M:%SZ")),
            _CAC.SenderParty(_endpoint(sender)),
            _CAC.ReceiverParty(_endpoint(receiver)),
            _CAC.DocumentResponse(
                response,
                _CAC.DocumentReference(_CBC.ID(instance_id)),
                *(
                    _CAC.LineResponse(
                        _CAC.LineReference(_CBC.LineID(one.where)),
                        _CAC.Response(
                            _CBC.Description(one.text), _CAC.Status(_CBC.StatusReasonCode(one.code))
                        ),
                    )
                    for one in findings
                ),
            ),
        ]
    )
    return _written(document)


def read(payload: bytes) -> Invoice:
    """The facts of an invoice or a credit note, UBL or CII. Raises Refusal where it is neither or lacks
    them."""
    root = parse(payload, "EBMS:0004", "the payload", large=True)
    name = etree.QName(root)
    if name.namespace == _CII:
        issued = _first(root, "ExchangedDocument", "DateTimeString")
        found = Invoice(
            _first(root, "ExchangedDocument", "ID"),
            f"{issued[:4]}-{issued[4:6]}-{issued[6:8]}",
            _first(root, "ExchangedDocument", "TypeCode"),
            _first(root, "SellerTradeParty", "Name"),
            _first(root, "BuyerTradeParty", "Name"),
        )
    elif name.localname in ("Invoice", "CreditNote") and str(name.namespace).startswith(names.UBL):
        texts = {
            etree.QName(one).localname: (one.text or "").strip() for one in root if isinstance(one.tag, str)
        }
        found = Invoice(
            texts.get("ID", ""),
            texts.get("IssueDate", ""),
            texts.get("InvoiceTypeCode") or texts.get("CreditNoteTypeCode", ""),
            _first(root, "AccountingSupplierParty", "RegistrationName"),
            _first(root, "AccountingCustomerParty", "RegistrationName"),
        )
    else:
        raise Refusal("EBMS:0004", "the payload is no invoice")
    if not (found.number and found.issued and found.type_code):
        raise Refusal("EBMS:0004", "the invoice has no number, date or type")
    return found


def _first(root: etree._Element, group: str, name: str) -> str:
    for place in root.iter(f"{{*}}{group}"):
        for found in place.iter(f"{{*}}{name}"):
            return (found.text or "").strip()
    return ""


def _response_document(customization: str, profile: str, number: str) -> etree._Element:
    space = f"{names.UBL}ApplicationResponse-2"
    document = new_document(space, "ApplicationResponse", _PREFIXES)
    document.extend([_CBC.CustomizationID(customization), _CBC.ProfileID(profile), _CBC.ID(number)])
    return document


def _party(person: Person) -> etree._Element:
    scheme, value = person.endpoint
    party = _CAC.Party(
        _CBC.EndpointID(value, schemeID=scheme),
        _CAC.PostalAddress(
            _CBC.StreetName("Demo street 1"),
            _CBC.CityName("Demo city"),
            _CBC.PostalZone("1000"),
            _CAC.Country(_CBC.IdentificationCode(person.country)),
        ),
    )
    if person.vat:
        party.append(_CAC.PartyTaxScheme(_CBC.CompanyID(person.vat), _CAC.TaxScheme(_CBC.ID("VAT"))))
    party.append(_CAC.PartyLegalEntity(_CBC.RegistrationName(person.name)))
    return party


def _answering(person: Person) -> tuple[etree._Element, etree._Element]:
    return _endpoint(person.participant), _CAC.PartyLegalEntity(_CBC.RegistrationName(person.name))


def _endpoint(participant: str) -> etree._Element:
    scheme, _, value = participant.partition(":")
    return _CBC.EndpointID(value, schemeID=scheme)


def _standard_rate() -> tuple[etree._Element, ...]:
    return _CBC.ID("S"), _CBC.Percent(str(_RATE)), _CAC.TaxScheme(_CBC.ID("VAT"))


def _amount(name: str, value: Decimal) -> etree._Element:
    element = etree.Element(etree.QName(names.CBC, name), currencyID="EUR", nsmap={"cbc": names.CBC})
    element.text = format(value, "f")
    return element


def _cents(value: Decimal) -> Decimal:
    return value.quantize(_CENT, rounding=ROUND_HALF_UP)


def _written(document: etree._Element) -> bytes:
    return etree.tostring(document, xml_declaration=True, encoding="UTF-8")

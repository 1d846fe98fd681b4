"""What Italian invoices say beyond EN 16931: terms IT-1 to IT-49 of ours, for FatturaPA.

Each stands beside the business term that it adds to: of the invoice, of a line, of a row of the VAT
breakdown, of a charge. Mappings set them like any other term. Codes are those of the Agenzia delle Entrate,
technical specification 1.9 of the formats of the Sistema di Interscambio.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from formats.model.field import groups, term

__all__ = [
    "Instalment",
    "ItalianCharge",
    "ItalianInvoice",
    "ItalianLine",
    "ItalianVat",
    "Reference",
    "Withholding",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Withholding:
    """IT-G2: income tax that the buyer keeps back (DatiRitenuta). `rate` is a percentage."""

    kind: str | None = term("IT-20")
    amount: Decimal | None = term("IT-21")
    rate: Decimal | None = term("IT-22")
    reason: str | None = term("IT-23")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """IT-G3: a document that the invoice refers to, with what EN 16931 has no place for.

    `kind` is order, contract, agreement, receipt, invoice or despatch; `lines` are numbers of lines with
    blanks between them, None for all; `project` is free, `cup` and `cig` are the codes of public contracts.
    """

    kind: str | None = term("IT-24")
    lines: str | None = term("IT-25")
    document: str | None = term("IT-26")
    issued: date | None = term("IT-27")
    item: str | None = term("IT-28")
    project: str | None = term("IT-29")
    cup: str | None = term("IT-30")
    cig: str | None = term("IT-31")


@dataclass(frozen=True, slots=True, kw_only=True)
class Instalment:
    """IT-G4: one payment (DettaglioPagamento). `means` is MP01 to MP23."""

    payee: str | None = term("IT-32")
    means: str | None = term("IT-33")
    due_date: date | None = term("IT-34")
    amount: Decimal | None = term("IT-35")
    bank: str | None = term("IT-36")
    account: str | None = term("IT-37")
    bic: str | None = term("IT-38")
    reference: str | None = term("IT-39")


@dataclass(frozen=True, slots=True, kw_only=True)
class ItalianLine:
    """IT-G5: `nature` is Natura (N1 to N7); `kind` SC, PR, AB or AC; `withheld` is SI where a withholding
    counts for the line."""

    kind: str | None = term("IT-40")
    withheld: str | None = term("IT-41")
    nature: str | None = term("IT-42")


@dataclass(frozen=True, slots=True, kw_only=True)
class ItalianVat:
    """IT-G6: of one row of the VAT breakdown; `chargeability` is I, D or S (split payment)."""

    nature: str | None = term("IT-43")
    incidental: Decimal | None = term("IT-44")
    rounding: Decimal | None = term("IT-45")
    chargeability: str | None = term("IT-46")


@dataclass(frozen=True, slots=True, kw_only=True)
class ItalianCharge:
    """IT-G7: a document charge that is the contribution to a social fund (TC01 to TC22)."""

    social_fund: str | None = term("IT-47")
    withheld: str | None = term("IT-48")
    nature: str | None = term("IT-49")


@dataclass(frozen=True, slots=True, kw_only=True)
class ItalianInvoice:
    """IT-G1.

    `transmission_number` is ProgressivoInvio and `transmitter` the tax number with its country in front;
    `tax_regime` is RF01 to RF20; a person has given and family name instead of BT-27 and BT-44;
    `register_office` and `register_number` are the REA entry; `issuer` is CC or TZ where the seller is not
    the one who writes; `payment_conditions` is TP01 to TP03.
    """

    document_type: str | None = term("IT-1")
    transmission_number: str | None = term("IT-2")
    transmitter: str | None = term("IT-3")
    tax_regime: str | None = term("IT-4")
    issuer: str | None = term("IT-5")
    seller_given_name: str | None = term("IT-6")
    seller_family_name: str | None = term("IT-7")
    buyer_given_name: str | None = term("IT-8")
    buyer_family_name: str | None = term("IT-9")
    register_office: str | None = term("IT-10")
    register_number: str | None = term("IT-11")
    share_capital: Decimal | None = term("IT-12")
    shareholders: str | None = term("IT-13")
    liquidation: str | None = term("IT-14")
    virtual_stamp: str | None = term("IT-15")
    stamp_duty: Decimal | None = term("IT-16")
    special_numbering: str | None = term("IT-17")
    payment_conditions: str | None = term("IT-18")
    withholdings: tuple[Withholding, ...] = groups("IT-G2")
    references: tuple[Reference, ...] = groups("IT-G3")
    instalments: tuple[Instalment, ...] = groups("IT-G4")

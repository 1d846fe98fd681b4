"""What Spanish invoices (Facturae 3.2.2) say beyond EN 16931: class and correction, kinds of person,
administrative centres, taxes that are not VAT, taxes withheld, instalments.

A field is None where Facturae's value follows from the invoice itself (a credit note is a correction by
differences); only what does not follow is kept here. Code lists are those of the Facturae 3.2.2 schema.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from formats.model.field import group, groups, term

__all__ = [
    "Centre",
    "Correction",
    "Instalment",
    "Person",
    "Spain",
    "SpanishLineTax",
    "SpanishTax",
    "Withheld",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """ES-G2, with what it corrects (BG-3). `reason` is 01 to 16 or 80 to 85; `method` 01 replaces in full, 02
    by differences, 03 for a volume over a period, 04 as the tax agency allowed."""

    reason: str | None = term("ES-10")
    method: str | None = term("ES-11")
    series: str | None = term("ES-12")
    period_start: date | None = term("ES-13")
    period_end: date | None = term("ES-14")
    explanation: str | None = term("ES-15")


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """ES-G3 seller, ES-G4 buyer. `kind` is F (a person) or J (a legal entity), `residence` R (Spain), U (EU)
    or E; the parts of a person's name are those that BT-27 or BT-44 joins by blanks."""

    kind: str | None = term({"ES-G3": "ES-20", "ES-G4": "ES-30"})
    residence: str | None = term({"ES-G3": "ES-21", "ES-G4": "ES-31"})
    first_name: str | None = term({"ES-G3": "ES-22", "ES-G4": "ES-32"})
    surname: str | None = term({"ES-G3": "ES-23", "ES-G4": "ES-33"})
    second_surname: str | None = term({"ES-G3": "ES-24", "ES-G4": "ES-34"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Centre:
    """ES-G5: an administrative centre of the buyer. `code` is its DIR3 code; `role` 01 accounting office, 02
    managing body, 03 processing unit, 04 proposing body. Without an address the buyer's counts."""

    code: str | None = term("ES-40")
    role: str | None = term("ES-41")
    description: str | None = term("ES-42")
    street: str | None = term("ES-43")
    post_code: str | None = term("ES-44")
    town: str | None = term("ES-45")
    province: str | None = term("ES-46")


@dataclass(frozen=True, slots=True, kw_only=True)
class Withheld:
    """A tax that the buyer withholds and pays for the seller: ES-G6 of the invoice, ES-G9 of a line.
    `tax_type` is 04 for IRPF, 28 IRNR, 29 corporate tax."""

    tax_type: str | None = term({"ES-G6": "ES-50", "ES-G9": "ES-70"})
    rate: Decimal | None = term({"ES-G6": "ES-51", "ES-G9": "ES-71"})
    base: Decimal | None = term({"ES-G6": "ES-52", "ES-G9": "ES-72"})
    amount: Decimal | None = term({"ES-G6": "ES-53", "ES-G9": "ES-73"})


@dataclass(frozen=True, slots=True, kw_only=True)
class SpanishTax:
    """ES-G7, beside a row of the VAT breakdown. `tax_type` is 01 IVA, 02 IPSI, 03 IGIC, 05 and others; the
    equivalence surcharge comes on top of the row's tax."""

    tax_type: str | None = term("ES-60")
    surcharge_rate: Decimal | None = term("ES-61")
    surcharge: Decimal | None = term("ES-62")


@dataclass(frozen=True, slots=True, kw_only=True)
class SpanishLineTax:
    """ES-G8, beside a line's VAT: the same, and what is withheld."""

    tax_type: str | None = term("ES-65")
    surcharge_rate: Decimal | None = term("ES-66")
    surcharge: Decimal | None = term("ES-67")
    withheld: tuple[Withheld, ...] = groups("ES-G9")


@dataclass(frozen=True, slots=True, kw_only=True)
class Instalment:
    """ES-G10: one of several payments; all go the way that BG-16 says."""

    due_date: date | None = term("ES-80")
    amount: Decimal | None = term("ES-81")


@dataclass(frozen=True, slots=True, kw_only=True)
class Spain:
    """ES-G1. `series` is the part of BT-1 before the number; `document_type` FC, FA (simplified) or AF
    (self-billed), `invoice_class` OO, OR, OC, CO, CR or CC; `issuer` EM, RE or TE. The exchange rate is euros
    for one unit of BT-5."""

    series: str | None = term("ES-1")
    document_type: str | None = term("ES-2")
    invoice_class: str | None = term("ES-3")
    issuer: str | None = term("ES-4")
    batch: str | None = term("ES-5")
    language: str | None = term("ES-6")
    exchange_rate: Decimal | None = term("ES-7")
    exchange_date: date | None = term("ES-8")
    correction: Correction | None = group("ES-G2")
    seller: Person | None = group("ES-G3")
    buyer: Person | None = group("ES-G4")
    centres: tuple[Centre, ...] = groups("ES-G5")
    withheld: tuple[Withheld, ...] = groups("ES-G6")
    instalments: tuple[Instalment, ...] = groups("ES-G10")
    retention_reason: str | None = term("ES-90")
    retention: Decimal | None = term("ES-91")

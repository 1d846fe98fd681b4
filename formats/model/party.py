"""Parties and places: seller, buyer, payee, tax representative, delivery (EN 16931-1, BG-4 to BG-15)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from formats.identifiers import Identifier
from formats.model.field import group, groups, term

__all__ = ["Address", "Buyer", "Contact", "Delivery", "Payee", "Period", "Seller", "TaxRepresentative"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A postal address: BG-5 seller, BG-8 buyer, BG-12 tax representative, BG-15 deliver-to. Country is ISO
    3166-1."""

    line_1: str | None = term({"BG-5": "BT-35", "BG-8": "BT-50", "BG-12": "BT-64", "BG-15": "BT-75"})
    line_2: str | None = term({"BG-5": "BT-36", "BG-8": "BT-51", "BG-12": "BT-65", "BG-15": "BT-76"})
    line_3: str | None = term({"BG-5": "BT-162", "BG-8": "BT-163", "BG-12": "BT-164", "BG-15": "BT-165"})
    city: str | None = term({"BG-5": "BT-37", "BG-8": "BT-52", "BG-12": "BT-66", "BG-15": "BT-77"})
    post_code: str | None = term({"BG-5": "BT-38", "BG-8": "BT-53", "BG-12": "BT-67", "BG-15": "BT-78"})
    subdivision: str | None = term({"BG-5": "BT-39", "BG-8": "BT-54", "BG-12": "BT-68", "BG-15": "BT-79"})
    country: str | None = term({"BG-5": "BT-40", "BG-8": "BT-55", "BG-12": "BT-69", "BG-15": "BT-80"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """A contact point: BG-6 of the seller, BG-9 of the buyer."""

    name: str | None = term({"BG-6": "BT-41", "BG-9": "BT-56"})
    telephone: str | None = term({"BG-6": "BT-42", "BG-9": "BT-57"})
    email: str | None = term({"BG-6": "BT-43", "BG-9": "BT-58"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Seller:
    """BG-4."""

    name: str | None = term("BT-27")
    trading_name: str | None = term("BT-28")
    identifiers: tuple[Identifier, ...] = groups("BT-29")
    legal_registration: Identifier | None = term("BT-30")
    vat_identifier: str | None = term("BT-31")
    tax_registration: str | None = term("BT-32")
    legal_information: str | None = term("BT-33")
    electronic_address: Identifier | None = term("BT-34")
    address: Address | None = group("BG-5")
    contact: Contact | None = group("BG-6")


@dataclass(frozen=True, slots=True, kw_only=True)
class Buyer:
    """BG-7."""

    name: str | None = term("BT-44")
    trading_name: str | None = term("BT-45")
    identifier: Identifier | None = term("BT-46")
    legal_registration: Identifier | None = term("BT-47")
    vat_identifier: str | None = term("BT-48")
    electronic_address: Identifier | None = term("BT-49")
    address: Address | None = group("BG-8")
    contact: Contact | None = group("BG-9")


@dataclass(frozen=True, slots=True, kw_only=True)
class Payee:
    """BG-10: who is paid, where that is not the seller."""

    name: str | None = term("BT-59")
    identifier: Identifier | None = term("BT-60")
    legal_registration: Identifier | None = term("BT-61")


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxRepresentative:
    """BG-11."""

    name: str | None = term("BT-62")
    vat_identifier: str | None = term("BT-63")
    address: Address | None = group("BG-12")


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """An invoicing period, both days included: BG-14 of the invoice, BG-26 of a line."""

    start: date | None = term({"BG-14": "BT-73", "BG-26": "BT-134"})
    end: date | None = term({"BG-14": "BT-74", "BG-26": "BT-135"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """BG-13: where and when goods or services were delivered."""

    name: str | None = term("BT-70")
    location: Identifier | None = term("BT-71")
    delivered_on: date | None = term("BT-72")
    address: Address | None = group("BG-15")

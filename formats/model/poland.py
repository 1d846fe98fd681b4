"""What Polish invoices (KSeF FA(3)) say beyond EN 16931: kind and annotations, corrections with their KSeF
numbers, advances, further parties, and details of lines.

A field is None where its value follows from the invoice itself; only what does not follow is kept here. Code
lists are those of the structure FA(3).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from formats.model.field import group, groups, term

__all__ = ["Advance", "Annotations", "Corrected", "Poland", "PolishLine", "SettledAdvance", "ThirdParty"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotations:
    """PL-G2. Those that hold are "1". `exemption_act` is A (Polish act), B (directive) or C (other), for the
    reason in BT-120; `margin` is 2 travel, 3_1 used goods, 3_2 art or 3_3 antiques."""

    cash_method: str | None = term("PL-20")  # P_16
    self_billing: str | None = term("PL-21")  # P_17
    reverse_charge: str | None = term("PL-22")  # P_18
    split_payment: str | None = term("PL-23")  # P_18A
    triangular: str | None = term("PL-24")  # P_23
    exemption_act: str | None = term("PL-25")  # P_19A to P_19C
    exemption_text: str | None = term("PL-26")
    margin: str | None = term("PL-27")  # P_PMarzy_...


@dataclass(frozen=True, slots=True, kw_only=True)
class Corrected:
    """PL-G3: the KSeF number of a corrected invoice, in the order of BG-3; without one it was issued outside
    of KSeF."""

    ksef_number: str | None = term("PL-30")
    number: str | None = term("PL-31")


@dataclass(frozen=True, slots=True, kw_only=True)
class Advance:
    """PL-G4: a part of an advance (ZAL) with the day on which it was received."""

    received_on: date | None = term("PL-40")
    amount: Decimal | None = term("PL-41")
    exchange_rate: Decimal | None = term("PL-42")


@dataclass(frozen=True, slots=True, kw_only=True)
class SettledAdvance:
    """PL-G5: an advance invoice that this one settles (ROZ), by its KSeF number, or by its own where it was
    issued outside of KSeF."""

    ksef_number: str | None = term("PL-45")
    number: str | None = term("PL-46")


@dataclass(frozen=True, slots=True, kw_only=True)
class ThirdParty:
    """PL-G6. `role` is 1 factor to 11 employee, or a text of one's own; `tax_number` a NIP, or with the
    country in front that of an EU state."""

    role: str | None = term("PL-50")
    name: str | None = term("PL-51")
    tax_number: str | None = term("PL-52")
    country: str | None = term("PL-53")
    address_1: str | None = term("PL-54")
    address_2: str | None = term("PL-55")
    share: Decimal | None = term("PL-56")


@dataclass(frozen=True, slots=True, kw_only=True)
class PolishLine:
    """PL-G7, beside a line. `state_before` "1" marks the old state in a correction. Gross values stand in
    documents that are calculated from prices with VAT."""

    rate: str | None = term("PL-60")  # P_12
    goods_group: str | None = term("PL-61")  # GTU
    procedure: str | None = term("PL-62")
    oss_rate: Decimal | None = term("PL-63")  # P_12_XII
    gross_price: Decimal | None = term("PL-64")  # P_9B
    gross_amount: Decimal | None = term("PL-65")  # P_11A
    vat_amount: Decimal | None = term("PL-66")  # P_11Vat
    exchange_rate: Decimal | None = term("PL-67")
    state_before: str | None = term("PL-68")
    delivered_on: date | None = term("PL-69")  # P_6A


@dataclass(frozen=True, slots=True, kw_only=True)
class Poland:
    """PL-G1. `kind` is VAT, KOR, ZAL, ROZ, UPR, KOR_ZAL or KOR_ROZ; `created_at` the moment the document was
    made, as text in UTC; `local_government` and `vat_group` "1" where the buyer is a part of one."""

    kind: str | None = term("PL-1")
    created_at: str | None = term("PL-2")
    system: str | None = term("PL-3")
    place: str | None = term("PL-4")
    local_government: str | None = term("PL-5")
    vat_group: str | None = term("PL-6")
    to_receipt: str | None = term("PL-7")  # FP
    related_parties: str | None = term("PL-8")  # TP
    exchange_rate: Decimal | None = term("PL-9")  # KursWalutyZ
    correction_reason: str | None = term("PL-10")
    correction_effect: str | None = term("PL-11")  # TypKorekty
    amount_before: Decimal | None = term("PL-12")  # P_15ZK
    paid_on: date | None = term("PL-13")
    annotations: Annotations | None = group("PL-G2")
    corrected: tuple[Corrected, ...] = groups("PL-G3")
    advances: tuple[Advance, ...] = groups("PL-G4")
    settled: tuple[SettledAdvance, ...] = groups("PL-G5")
    parties: tuple[ThirdParty, ...] = groups("PL-G6")

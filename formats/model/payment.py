"""Payment instructions (EN 16931-1, BG-16 to BG-19)."""

from __future__ import annotations

from dataclasses import dataclass

from formats.model.field import group, groups, term

__all__ = ["CreditTransfer", "DirectDebit", "PaymentCard", "PaymentInstructions"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditTransfer:
    """BG-17: an account to pay to. `account` is an IBAN or a national account number."""

    account: str | None = term("BT-84")
    account_name: str | None = term("BT-85")
    service_provider: str | None = term("BT-86")


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentCard:
    """BG-18: at most the first six and last four digits of the card."""

    account_number: str | None = term("BT-87")
    holder: str | None = term("BT-88")


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectDebit:
    """BG-19."""

    mandate: str | None = term("BT-89")
    creditor: str | None = term("BT-90")
    debited_account: str | None = term("BT-91")


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentInstructions:
    """BG-16. `means_code` is UNTDID 4461."""

    means_code: str | None = term("BT-81")
    means_text: str | None = term("BT-82")
    remittance_information: str | None = term("BT-83")
    credit_transfers: tuple[CreditTransfer, ...] = groups("BG-17")
    card: PaymentCard | None = group("BG-18")
    direct_debit: DirectDebit | None = group("BG-19")

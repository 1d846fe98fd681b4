"""Buyers of Exact Online: which accounts changed, and what of them invoices and routing need."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from connectors.base import PartyPage, PartyRecord
from connectors.erp.exact_online_bundle import ACCOUNT
from connectors.erp.exact_online_rest import ExactRest, Row, guid
from connectors.erp.exact_online_settings import ExactOnlineSettings
from formats.errors import RemoteUnexpected

__all__ = ["electronic_address", "pull_parties"]

_FEED: Final = "sync/CRM/Accounts"
_CUSTOMER: Final = "C"
_IDS_PER_CALL: Final = 15
# Company numbers and VAT numbers as electronic addresses: the code list EAS of the European Commission.
_COMPANY: Final[Mapping[str, str]] = {"NL": "0106", "BE": "0208"}
_VAT: Final[Mapping[str, str]] = {
    "NL": "9944", "BE": "9925", "DE": "9930", "AT": "9914", "LU": "9938", "IE": "9935", "ES": "9920",
    "PL": "9945",
}  # fmt: skip


def pull_parties(
    rest: ExactRest, settings: ExactOnlineSettings, cursor: str, moved: str
) -> Iterator[PartyPage]:
    """Customers that changed after `cursor`, as ReadsParties.pull_parties.

    `moved` tells when the division was moved, which makes the feed begin anew.
    """
    version = _version(cursor, moved)
    query = {"$filter": f"Timestamp gt {version}L", "$select": "Timestamp,ID,Status"}
    for rows in rest.pages(_FEED, query):
        latest: dict[str, int] = {}
        for row in sorted(rows, key=_timestamp):
            key = str(row.get("ID")).lower()
            latest.pop(key, None)
            latest[key] = _timestamp(row)
        wanted = list(latest.items())
        for start in range(0, len(wanted), _IDS_PER_CALL):
            part = wanted[start : start + _IDS_PER_CALL]
            parties = tuple(_parties(rest, settings, [key for key, _ in part]))
            version = max(version, part[-1][1])
            yield PartyPage(parties, json.dumps({"version": version, "moved": moved}))


def electronic_address(account: Row, kinds: Mapping[int, str]) -> str:
    """The address of an account as `scheme:value`: Peppol identifier, OIN, GLN, company number, VAT number;
    "" without any."""
    country, vat = _text(account.get("Country")), _compact(account.get("VATNumber"))
    company = _compact(account.get("ChamberOfCommerce"))
    peppol = _text(account.get("PeppolIdentifier"))
    if re.fullmatch(r"\d{4}:\S+", peppol):
        return peppol
    scheme = kinds.get(account.get("PeppolIdentifierType") or 0, "")
    if scheme == "company":
        scheme = _COMPANY.get(country, "")
    for found, value in (
        (scheme, _compact(peppol)),
        ("0190", _text(account.get("OINNumber"))),
        ("0088", _text(account.get("GlnNumber"))),
        (_COMPANY.get(country, ""), company),
        (_VAT.get(vat[:2], ""), vat),
    ):
        if found and value:
            return f"{found}:{value}"
    return ""


def _parties(rest: ExactRest, settings: ExactOnlineSettings, keys: Sequence[str]) -> Iterator[PartyRecord]:
    by_id = " or ".join(f"ID eq {guid(key)}" for key in keys)
    accounts = {
        str(row["ID"]).lower(): row
        for row in rest.rows("crm/Accounts", {"$select": ACCOUNT, "$filter": by_id})
        if _text(row.get("Status")) == _CUSTOMER
    }
    banks: dict[str, list[str]] = {}
    if settings.buyers_bank_accounts and accounts:
        by_account = " or ".join(f"Account eq {guid(key)}" for key in accounts)
        query = {"$select": "ID,Account,BankAccount,Main,Blocked", "$filter": by_account}
        for row in rest.rows("crm/BankAccounts", query):
            if not row.get("Blocked") and _compact(row.get("BankAccount")):
                banks.setdefault(str(row["Account"]).lower(), []).append(_compact(row["BankAccount"]))
    for key in keys:
        if key in accounts:
            yield PartyRecord(key, _facts(accounts[key], sorted(banks.get(key, ())), settings))


def _facts(account: Row, banks: Sequence[str], settings: ExactOnlineSettings) -> dict[str, str]:
    method = account.get("InvoicingMethod")
    by_exact = isinstance(method, int) and bool(method & settings.sent_by_exact)
    facts = {
        "name": _text(account.get("Name")),
        "number": _text(account.get("Code")),
        "country": _text(account.get("Country")),
        "vat_id": _compact(account.get("VATNumber")),
        "company_id": _compact(account.get("ChamberOfCommerce")),
        "gln": _text(account.get("GlnNumber")),
        "oin": _text(account.get("OINNumber")),
        "electronic_address": electronic_address(account, settings.peppol_kinds),
        "email": _text(account.get("Email")),
        "iban": " ".join(banks),
        "route": "sent by Exact Online over Peppol" if by_exact else "",
    }
    return {name: value for name, value in facts.items() if value}


def _version(cursor: str, moved: str) -> int:
    if not cursor:
        return 1
    try:
        data = json.loads(cursor)
        version = int(data["version"])
        return version if data["moved"] == moved else 1
    except (ValueError, KeyError, TypeError) as error:
        raise RemoteUnexpected(
            "the stored place in Exact's feed of accounts cannot be read",
            where="cursor of the source's buyers",
            fix="reset this cursor; buyers that did not change are recognised",
        ) from error


def _timestamp(row: Row) -> int:
    try:
        return int(row["Timestamp"])
    except (KeyError, TypeError, ValueError) as error:
        raise RemoteUnexpected(
            "a row of the feed has no Timestamp",
            where=f"Exact Online {_FEED}",
            fix="compare the feed with Exact's release notes",
        ) from error


def _text(value: Any) -> str:
    return str(value).strip() if value is not None else ""


def _compact(value: Any) -> str:
    return re.sub(r"[^0-9A-Za-z]", "", _text(value)).upper()

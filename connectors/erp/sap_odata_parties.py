"""Buyers from SAP's business partners, as far as invoices and routing need them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, timedelta

from connectors.base import PartyPage, PartyRecord
from connectors.erp.sap_odata_bundle import PARTNER_EXPANDED, in_order
from connectors.erp.sap_odata_canonical import canonical, key, listed
from connectors.erp.sap_odata_service import ODataService, Row, text
from connectors.erp.sap_odata_settings import SapODataSettings
from formats.errors import RemoteUnexpected

__all__ = ["pull_parties"]

# LastChangeDate has no time of day, and a visit may begin before midnight of another time zone.
_OVERLAP = timedelta(days=1)


def pull_parties(
    partners: ODataService, settings: SapODataSettings, cursor: str, today: date
) -> Iterator[PartyPage]:
    """Customers changed since the visit that the cursor tells of, in order of their numbers.

    The cursor holds the day since when changes are read, how far this visit came, and the day it began.
    """
    since, at, began = _read(cursor, today)
    while True:
        rows = partners.page("A_BusinessPartner", _query(settings, since, at))
        if not rows:
            yield PartyPage((), _written(began, "", ""))
            return
        last = str(rows[-1].get("BusinessPartner") or "")
        if last == at:
            raise RemoteUnexpected(
                "the list of business partners does not go on",
                where="SAP A_BusinessPartner",
                fix="tell SAP's support",
            )
        at = last
        yield PartyPage(
            tuple(_record(row, settings) for row in rows if key(row.get("Customer"))),
            _written(since, at, began),
        )


def _query(settings: SapODataSettings, since: str, at: str) -> dict[str, str]:
    conditions = [f"Customer ne {text('')}"]
    if since:
        day = (date.fromisoformat(since) - _OVERLAP).isoformat()
        literal = f"datetime'{day}T00:00:00'"
        # A partner that was never changed has no LastChangeDate.
        conditions.append(f"(LastChangeDate ge {literal} or CreationDate ge {literal})")
    if at:
        conditions.append(f"BusinessPartner gt {text(at)}")
    return {
        "$filter": " and ".join(conditions),
        "$orderby": "BusinessPartner",
        "$top": str(settings.documents_per_page),
        "$expand": f"{PARTNER_EXPANDED},to_BusinessPartnerBank",
    }


def _record(row: Row, settings: SapODataSettings) -> PartyRecord:
    partner = in_order(canonical(row))
    address: Row = next(iter(partner["to_BusinessPartnerAddress"]), {})
    mailbox: Row = next(iter(listed(address.get("to_EmailAddress"))), {})
    customer = partner.get("to_Customer") or {}
    country = str(address.get("Country") or "")
    identified = {
        str(found.get("BPIdentificationType")): str(found.get("BPIdentificationNumber") or "")
        for found in listed(partner.get("to_BuPaIdentification"))
    }
    facts = {
        "name": partner.get("BusinessPartnerFullName") or partner.get("BusinessPartnerName"),
        "country": country,
        "city": address.get("CityName"),
        "post_code": address.get("PostalCode"),
        "vat_id": _tax_number(partner, f"{country}0") or customer.get("VATRegistration"),
        "company_id": next(filter(None, map(identified.get, settings.registration_types)), ""),
        "electronic_address": identified.get(settings.participant_type) or _gln(partner),
        "email": mailbox.get("EmailAddress"),
        "iban": " ".join(
            sorted(
                str(bank["IBAN"])
                for bank in listed(partner.get("to_BusinessPartnerBank"))
                if bank.get("IBAN")
            )
        ),
        "business_partner": partner.get("BusinessPartner"),
        "blocked": "yes" if partner.get("BusinessPartnerIsBlocked") else "",
    }
    return PartyRecord(
        key(row.get("Customer")), {name: str(value).strip() for name, value in facts.items() if value}
    )


def _tax_number(partner: Row, kind: str) -> str:
    """A number stands in the short or in the long field."""
    for row in listed(partner.get("to_BusinessPartnerTax")):
        if row.get("BPTaxType") == kind:
            return str(row.get("BPTaxLongNumber") or row.get("BPTaxNumber") or "")
    return ""


def _gln(partner: Row) -> str:
    parts = [str(partner.get(f"InternationalLocationNumber{part}") or "") for part in (1, 2, 3)]
    number = "".join(parts)
    return f"0088:{number}" if len(number) == 13 and number.strip("0") else ""


def _read(cursor: str, today: date) -> tuple[str, str, str]:
    if not cursor:
        return "", "", today.isoformat()
    try:
        data = json.loads(cursor)
        since, at, began = str(data["since"]), str(data["at"]), str(data["began"])
        if since:
            date.fromisoformat(since)
    except (ValueError, KeyError, TypeError) as error:
        raise RemoteUnexpected(
            "the stored place in SAP's business partners cannot be read",
            where="cursor of the source",
            fix="reset the cursor; buyers that are known already are recognised",
        ) from error
    return since, at, began or today.isoformat()


def _written(since: str, at: str, began: str) -> str:
    return json.dumps({"since": since, "at": at, "began": began}, separators=(",", ":"))

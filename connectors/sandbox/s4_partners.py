"""Business partners, customers and the company code of the imitated S/4HANA.

As in real systems the number of a business partner is not that of its customer, tax numbers stand in the
short or the long field, and an address may have several e-mail addresses of which one is the default.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, time
from typing import Any, Final

from connectors.sandbox.s4_documents import COMPANY_CODE
from connectors.sandbox.sap_documents import Customer, ShipTo

__all__ = ["COMPANY_CODES", "partner_of", "ship_to_as_customer"]

Row = dict[str, Any]
_FROM: Final = datetime(2020, 1, 1, tzinfo=UTC)
_UNTIL: Final = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)

COMPANY_CODES: Final = (
    {
        "CompanyCode": COMPANY_CODE, "CompanyCodeName": "Nordlicht Maschinenbau", "CityName": "Kiel",
        "Country": "DE", "Currency": "EUR", "Language": "DE", "ChartOfAccounts": "YCOA", "Company": "1000",
        "VATRegistration": "DE814567205", "AddressID": "0000023001",
    },
    {
        "CompanyCode": "2000", "CompanyCodeName": "Nordlicht Danmark", "CityName": "Aabenraa",
        "Country": "DK", "Currency": "DKK", "Language": "DA", "ChartOfAccounts": "YCOA", "Company": "2000",
        "VATRegistration": "DK12345674", "AddressID": "0000023002",
    },
)  # fmt: skip


def ship_to_as_customer(to: ShipTo) -> Customer:
    """A ship-to party has a business partner of its own."""
    return Customer(to.number, to.name, to.street, to.city, to.post_code, to.country, "")


def partner_of(customer: Customer, index: int, changed: date) -> Row:
    """The business partner of a customer with all that can be expanded from it."""
    number = f"{1000 + index:010}"
    address = f"{30_000 + index:010}"
    street, _, house = customer.street.rpartition(" ")
    if not house[:1].isdigit():
        street, house = customer.street, ""
    gln = customer.gln
    return {
        "BusinessPartner": number,
        "Customer": customer.number,
        "Supplier": "",
        "BusinessPartnerCategory": "2",
        "BusinessPartnerFullName": f"{customer.name} {customer.name_2}".strip(),
        "BusinessPartnerName": customer.name,
        "CorrespondenceLanguage": "DE",
        "CreationDate": date(2024, 1, 8),
        "CreationTime": time(9, 0),
        "LastChangeDate": changed,
        "LastChangeTime": time(10, 30),
        "OrganizationBPName1": customer.name[:40],
        "OrganizationBPName2": customer.name_2[:40],
        "OrganizationBPName3": "",
        "OrganizationBPName4": "",
        "SearchTerm1": customer.name.split()[0].upper(),
        "InternationalLocationNumber1": gln[:7] or "0000000",
        "InternationalLocationNumber2": gln[7:12] or "00000",
        "InternationalLocationNumber3": gln[12:] or "0",
        "BusinessPartnerIsBlocked": False,
        "IsMarkedForArchiving": False,
        "ETag": f"{number}{changed:%Y%m%d}103000",
        "to_BusinessPartnerAddress": [
            {
                "BusinessPartner": number,
                "AddressID": address,
                "StreetName": street or customer.street,
                "HouseNumber": house,
                "PostalCode": customer.post_code,
                "CityName": customer.city,
                "Country": customer.country,
                "Language": "DE",
                "ValidityStartDate": _FROM,
                "ValidityEndDate": _UNTIL,
                "to_AddressUsage": [
                    {
                        "BusinessPartner": number,
                        "AddressID": address,
                        "AddressUsage": "XXDEFAULT",
                        "ValidityEndDate": _UNTIL,
                    }
                ],
                "to_EmailAddress": list(_mailboxes(customer, address)),
            }
        ],
        "to_BusinessPartnerTax": list(_tax_numbers(customer, number)),
        "to_BuPaIdentification": list(_identifications(customer, number)),
        "to_BusinessPartnerBank": [],
        "to_Customer": {
            "Customer": customer.number,
            "CustomerFullName": customer.name,
            "CustomerName": customer.name[:80],
            "VATRegistration": customer.vat,
            "to_CustomerCompany": [
                {
                    "Customer": customer.number,
                    "CompanyCode": COMPANY_CODE,
                    "AccountByCustomer": f"L-{customer.number[-4:]}",
                    "PaymentTerms": "NT30",
                    "ReconciliationAccount": "0012100000",
                }
            ],
        },
    }


def _mailboxes(customer: Customer, address: str) -> Iterable[Row]:
    if customer.email:
        for number, mailbox, default in (
            ("001", f"info@{customer.email.partition('@')[2]}", False),
            ("002", customer.email, True),
        ):
            yield {
                "AddressID": address,
                "Person": "",
                "OrdinalNumber": number,
                "EmailAddress": mailbox,
                "IsDefaultEmailAddress": default,
            }


def _tax_numbers(customer: Customer, number: str) -> Iterable[Row]:
    if customer.vat:
        # One country writes its numbers into the long field.
        long = customer.country == "BE"
        yield {
            "BusinessPartner": number,
            "BPTaxType": f"{customer.country}0",
            "BPTaxNumber": "" if long else customer.vat,
            "BPTaxLongNumber": customer.vat if long else "",
        }


def _identifications(customer: Customer, number: str) -> Iterable[Row]:
    for kind, value in (("PEPPOL", customer.endpoint),):
        if value:
            yield {
                "BusinessPartner": number,
                "BPIdentificationType": kind,
                "BPIdentificationNumber": value,
                "Country": customer.country,
            }

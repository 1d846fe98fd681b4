"""Which business terms a published rule is about, by the places that its test looks at."""

from __future__ import annotations

import pytest

from formats.registry import SYNTAXES


@pytest.mark.parametrize(
    ("context", "test", "terms"),
    [
        (
            "ubl-creditnote:CreditNote | ubl-invoice:Invoice",
            "cbc:BuyerReference or cac:OrderReference/cbc:ID",
            {"BT-10", "BT-13"},
        ),
        ("cac:AccountingCustomerParty/cac:Party", "cbc:EndpointID", {"BT-49"}),
        (
            "cbc:InvoiceTypeCode | cbc:CreditNoteTypeCode",
            "(self::cbc:InvoiceTypeCode and contains(' 380 ', .))",
            {"BT-3"},
        ),
        ("/ubl:Invoice", "cac:UBLExtensions/ext:Nothing", set()),
        ("/ubl:Invoice", "xs:decimal(u:round(1))", set()),
    ],
)
def test_the_terms_at_the_paths_of_a_test(context: str, test: str, terms: set[str]) -> None:
    assert set(SYNTAXES["ubl-2.1"].concerned(context, test)) == terms

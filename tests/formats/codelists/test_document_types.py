"""Document types: what the documents themselves say."""

from __future__ import annotations

import pytest

from formats.codelists.document_types import document_type, document_type_of, known_document_types
from formats.errors import MalformedDocument
from formats.identifiers import DOCUMENT_TYPE_SCHEME, WILDCARD_SCHEME, DocumentTypeId
from tests.official import folder

UBL = "urn:oasis:names:specification:ubl:schema:xsd:"
CII = "urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100"
RAM = "urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100"
BIS = "urn:cen.eu:en16931:2017#compliant#urn:fdc:peppol.eu:2017:poacc:billing:3.0"
BILLING = "urn:fdc:peppol.eu:2017:poacc:billing:01:1.0"


def _ubl(customization: str, process: str, root: str = "Invoice") -> bytes:
    return (
        f'<{root} xmlns="{UBL}{root}-2" xmlns:c="{UBL}CommonBasicComponents-2">'
        f"<c:CustomizationID> {customization}\n</c:CustomizationID>"
        f"<c:ProfileID>{process}</c:ProfileID></{root}>"
    ).encode()


@pytest.mark.parametrize(
    ("customization", "process", "scheme", "expected"),
    [
        (BIS, BILLING, DOCUMENT_TYPE_SCHEME, BILLING),
        (
            BIS,
            "urn:peppol:bis:billing_with_response",
            DOCUMENT_TYPE_SCHEME,
            "urn:peppol:bis:billing_with_response",
        ),
        (BIS, "our own process", DOCUMENT_TYPE_SCHEME, BILLING),
        ("urn:cen.eu:en16931:2017", BILLING, DOCUMENT_TYPE_SCHEME, "urn:fdc:peppol.eu:poacc:en16931:any"),
        (
            "urn:peppol:pint:billing-1@ae-1",
            "urn:peppol:bis:billing",
            WILDCARD_SCHEME,
            "urn:peppol:bis:billing",
        ),
        (
            "urn:peppol:pint:billing-1@xx-9",
            "urn:peppol:bis:billing",
            WILDCARD_SCHEME,
            "urn:peppol:bis:billing",
        ),
        ("urn:example:own", "urn:example:process", DOCUMENT_TYPE_SCHEME, "urn:example:process"),
    ],
)
def test_an_invoice_says_its_type_and_process(
    customization: str, process: str, scheme: str, expected: str
) -> None:
    kind, found = document_type_of(_ubl(customization, process))
    assert kind == DocumentTypeId(scheme, f"{UBL}Invoice-2::Invoice##{customization}::2.1")
    assert found.value == expected


def test_a_cross_industry_invoice_says_its_type() -> None:
    parameter = "SpecifiedDocumentContextParameter><r:ID>"
    document = (
        f'<i:CrossIndustryInvoice xmlns:i="{CII}" xmlns:r="{RAM}"><i:ExchangedDocumentContext>'
        f"<r:BusinessProcess{parameter}{BILLING}</r:ID></r:BusinessProcessSpecifiedDocumentContextParameter>"
        f"<r:Guideline{parameter}{BIS}</r:ID></r:GuidelineSpecifiedDocumentContextParameter>"
        "</i:ExchangedDocumentContext></i:CrossIndustryInvoice>"
    )
    kind, process = document_type_of(document.encode())
    assert kind.value == f"{CII}::CrossIndustryInvoice##{BIS}::D16B"
    assert process.value == BILLING


@pytest.mark.parametrize(
    "document",
    [
        _ubl("", BILLING),
        _ubl("urn:example:own", ""),
        _ubl("two words", BILLING),
        b"<a/>",
        b'<a xmlns="urn:x"><CustomizationID>c</CustomizationID><ProfileID>p</ProfileID></a>',
        b"no XML",
    ],
)
def test_a_document_that_does_not_say_it_is_refused(document: bytes) -> None:
    with pytest.raises(MalformedDocument):
        document_type_of(document)


def test_an_answer_says_its_type_as_well() -> None:
    kind, process = document_type_of(
        _ubl("urn:peppol:edec:mls:1.0", "urn:peppol:edec:mls", "ApplicationResponse")
    )
    assert known_document_types()[kind].name == "Message Level Status 1"
    assert process.value == "urn:peppol:edec:mls"


def test_every_listed_type_has_a_process_and_is_found_again() -> None:
    for kind, known in known_document_types().items():
        assert known.processes
        assert document_type(kind.root_namespace, kind.local_name, kind.customization) == kind


@pytest.mark.parametrize("part", ["peppol-bis-3/examples", "peppol-bis-3/self-billing", "pint/ae", "pint/sg"])
def test_official_examples_have_listed_types(part: str) -> None:
    documents = sorted(folder(part).rglob("*.xml"))
    assert documents
    for path in documents:
        assert document_type_of(path.read_bytes())[0] in known_document_types(), path.name

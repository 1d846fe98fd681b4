"""Connector and imitation against the interface descriptions that SAP publishes: fields, types, operations.

The descriptions are SAP's own and not part of this project; GATEWAY_TESTDATA names their folder.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from lxml import etree

from connectors.base import DeliveryState, IncomingPayment
from connectors.erp import sap_odata_bundle, sap_odata_canonical, sap_odata_payments, sap_soap
from connectors.sandbox.s4_metadata import edm_type
from connectors.sandbox.s4_model import SERVICES, EntityType
from connectors.sandbox.s4_wsdl import CHANGE, CREATE, NAMESPACE, change_description, create_description
from tests.connectors.s4_bench import Host, report

ENTITIES = [(service.name, entity) for service in SERVICES.values() for entity in service.sets.values()]


@pytest.fixture(scope="module")
def folder() -> Path:
    """Where SAP's descriptions are."""
    found = Path(os.environ.get("GATEWAY_TESTDATA", "")) / "sap"
    if not os.environ.get("GATEWAY_TESTDATA") or not found.is_dir():
        pytest.skip("SAP's interface descriptions are not here: set GATEWAY_TESTDATA")
    return found


def published(folder: Path, service: str) -> etree._Element:
    return etree.parse(folder / f"{service}.edmx").getroot()


def entity_type(folder: Path, service: str, name: str) -> etree._Element:
    (found,) = [one for one in published(folder, service).iter("{*}EntityType") if one.get("Name") == name]
    return found


@pytest.mark.parametrize(("service", "entity"), ENTITIES, ids=lambda value: getattr(value, "name", value))
def test_the_imitation_knows_no_field_that_sap_does_not_have(
    folder: Path, service: str, entity: EntityType
) -> None:
    """Name, type, length, precision and scale; keys in their order; navigations by name."""
    real = entity_type(folder, service, entity.name)
    properties = {one.get("Name"): one for one in real.findall("{*}Property")}
    wrong = []
    for name, kind in entity.fields.items():
        found = properties.get(name)
        type_, *facets = edm_type(kind).split('" ')
        said = re.findall(r'(\w+)="(\d+)', " ".join(facets) + '"')
        wanted: dict[str, str | None] = dict(said)
        told = {} if found is None else {facet: found.get(facet) for facet in wanted}
        if kind == "Day" and found is not None and told.get("Precision") is None:
            told = wanted
        if found is None or found.get("Type") != type_ or told != wanted:
            wrong.append((name, type_, wanted, None if found is None else found.items()))
    assert wrong == []
    assert [one.get("Name") for one in real.iter("{*}PropertyRef")] == list(entity.keys)
    navigations = {one.get("Name") for one in real.findall("{*}NavigationProperty")}
    assert set(entity.navigations) <= navigations


@pytest.mark.parametrize(("service", "entity"), ENTITIES, ids=lambda value: getattr(value, "name", value))
def test_what_cannot_be_written_in_sap_cannot_be_written_here(
    folder: Path, service: str, entity: EntityType
) -> None:
    sets = {one.get("Name"): one for one in published(folder, service).iter("{*}EntitySet")}
    real = sets[entity.entity_set]
    attributes = {etree.QName(name).localname: value for name, value in real.attrib.items()}
    if attributes.get("creatable") == "false":
        assert not entity.writable
    if entity.entity_set == "A_BillingDocument":
        assert attributes["updatable"] == "false"


def test_the_entity_tag_of_billing_documents_is_their_change_moment(folder: Path) -> None:
    real = entity_type(folder, "API_BILLING_DOCUMENT_SRV", "A_BillingDocumentType")
    fixed = [
        one.get("Name")
        for one in real.findall("{*}Property")
        if any(etree.QName(name).localname == "ConcurrencyMode" for name in one.attrib)
    ]
    assert fixed == [SERVICES["API_BILLING_DOCUMENT_SRV"].sets["A_BillingDocument"].etag]


@pytest.mark.parametrize(
    ("service", "name", "method", "parameters"),
    [
        ("API_BILLING_DOCUMENT_SRV", "GetPDF", "GET", {"BillingDocument"}),
        ("API_BILLING_DOCUMENT_SRV", "Cancel", "POST", {"BillingDocument"}),
        (
            "API_CV_ATTACHMENT_SRV",
            "GetAllOriginals",
            "GET",
            {"LinkedSAPObjectKey", "BusinessObjectTypeName"},
        ),
    ],
)
def test_functions_are_called_as_sap_declares_them(
    folder: Path, service: str, name: str, method: str, parameters: set[str]
) -> None:
    (found,) = [
        one for one in published(folder, service).iter("{*}FunctionImport") if one.get("Name") == name
    ]
    http = next(value for key, value in found.attrib.items() if etree.QName(key).localname == "HttpMethod")
    assert http == method
    assert parameters <= {one.get("Name") for one in found.findall("{*}Parameter")}


def used_fields(constant: str) -> list[str]:
    return [path for path in constant.split(",") if path]


@pytest.mark.parametrize(
    ("service", "name", "fields"),
    [
        (
            "API_OPLACCTGDOCITEMCUBE_SRV",
            "A_OperationalAcctgDocItemCubeType",
            used_fields(sap_odata_payments._FIELDS) + used_fields(sap_soap._LOOK) + list(sap_soap._LENGTHS),
        ),
        (
            "API_OPLACCTGDOCITEMCUBE_SRV",
            "A_OperationalAcctgDocItemCubeType",
            used_fields(sap_odata_bundle._DUE_FIELDS),
        ),
        (
            "API_BILLING_DOCUMENT_SRV",
            "A_BillingDocumentType",
            [
                "BillingDocument",
                "BillingDocumentDate",
                "BillingDocumentType",
                "CompanyCode",
                "PartnerCompany",
            ],
        ),
        ("API_COMPANYCODE_SRV", "A_CompanyCodeType", ["CompanyCode", "CompanyCodeName", "Currency"]),
    ],
)
def test_the_connector_asks_for_fields_that_sap_has(
    folder: Path, service: str, name: str, fields: list[str]
) -> None:
    real = {one.get("Name") for one in entity_type(folder, service, name).findall("{*}Property")}
    assert sorted(set(fields) - real) == []


@pytest.mark.parametrize(
    ("service", "start", "expanded"),
    [
        ("API_BILLING_DOCUMENT_SRV", "A_BillingDocumentType", sap_odata_bundle.EXPANDED),
        ("API_BUSINESS_PARTNER", "A_BusinessPartnerType", sap_odata_bundle.PARTNER_EXPANDED),
    ],
)
def test_the_connector_expands_along_navigations_that_sap_has(
    folder: Path, service: str, start: str, expanded: str
) -> None:
    root = published(folder, service)
    ends = {
        (one.get("Name"), end.get("Role")): str(end.get("Type")).rpartition(".")[2]
        for one in root.iter("{*}Association")
        for end in one.findall("{*}End")
    }
    for path in expanded.split(","):
        name = start
        for step in path.split("/"):
            (found,) = [
                one
                for one in entity_type(folder, service, name).findall("{*}NavigationProperty")
                if one.get("Name") == step
            ]
            name = ends[str(found.get("Relationship")).rpartition(".")[2], found.get("ToRole")]


def test_what_is_left_out_of_documents_are_fields_that_sap_has(folder: Path) -> None:
    """A misspelt name would let internal fields out."""
    real: set[str] = set()
    for service in SERVICES:
        for one in published(folder, service).iter("{*}EntityType"):
            real |= {str(found.get("Name")) for found in one.findall("{*}Property")}
    for alternative in sap_odata_canonical._LEFT_OUT.pattern.split("|"):
        if alternative != "__metadata":
            assert any(re.fullmatch(alternative, name) for name in real), alternative
    assert sorted(sap_odata_canonical._KEYS - real) == []


# SOAP.


def sequences(description: etree._Element) -> dict[str, list[tuple[str, str]]]:
    """Fields of each complex type, in order."""
    return {
        str(one.get("name")): [
            (str(field.get("name")), str(field.get("type")).rpartition(":")[2])
            for field in one.iter("{*}element")
        ]
        for one in description.iter("{*}complexType")
        if one.get("name")
    }


@pytest.mark.parametrize(
    ("file", "own"),
    [
        ("journal_entry_create.wsdl", create_description()),
        ("journal_entry_change.wsdl", change_description()),
    ],
    ids=["create", "change"],
)
def test_our_service_descriptions_are_parts_of_sap_s(folder: Path, file: str, own: bytes) -> None:
    """Each type has fields of the real one, in its order, with its types; lengths and operations agree."""
    real, ours = etree.parse(folder / file).getroot(), etree.fromstring(own)
    known = sequences(real)
    for name, fields in sequences(ours).items():
        assert name in known, name
        positions = [known[name].index(field) for field in fields]
        assert positions == sorted(positions), name
    lengths = {
        str(one.get("name")): next((end.get("value") for end in one.iter("{*}maxLength")), None)
        for one in real.iter("{*}simpleType")
    }
    for one in ours.iter("{*}simpleType"):
        longest = next((end.get("value") for end in one.iter("{*}maxLength")), None)
        if longest is not None and lengths.get(str(one.get("name"))) is not None:
            assert longest == lengths[str(one.get("name"))], one.get("name")
    assert ours.get("targetNamespace") == real.get("targetNamespace") == NAMESPACE
    for tag in ("portType", "message"):
        names = {one.get("name") for one in real.iter(f"{{*}}{tag}")}
        assert {one.get("name") for one in ours.iter(f"{{*}}{tag}")} <= names

    def actions(description: etree._Element) -> Iterator[str]:
        for operation in description.iter("{*}operation"):
            if operation.get("soapAction"):
                yield str(operation.get("soapAction"))

    assert set(actions(ours)) <= set(actions(real))
    # Children are not qualified: neither description says elementFormDefault.
    assert {one.get("elementFormDefault") for one in (*real.iter("{*}schema"), *ours.iter("{*}schema"))} == {
        None
    }


@pytest.fixture
def real_host(folder: Path) -> Iterator[Host]:
    """An imitated host that serves SAP's own descriptions."""
    made = Host()
    made.s4.journal.descriptions = {
        CREATE: (folder / "journal_entry_create.wsdl").read_bytes(),
        CHANGE: (folder / "journal_entry_change.wsdl").read_bytes(),
    }
    made.s4.bill(1)
    yield made
    made.close()


def test_messages_can_be_made_by_sap_s_own_descriptions(real_host: Host) -> None:
    """zeep refuses a field that the real description does not have: status and posting go through."""
    connector = real_host.soap(default_bank_account="0011001000")
    connector.report_status(report("90001001", state=DeliveryState.ACCEPTED_FOR_TRANSPORT))
    line = real_host.s4.ledger.lines_of("0090001001")[0]
    real_host.s4.journal.settle()
    assert line["Reference3IDByBusinessPartner"] == "EINV:SENT"
    payment = IncomingPayment(
        "pay-1", date(2026, 11, 20), "EUR", Decimal("695.46"), (("90001001", "90001001", Decimal("695.46")),)
    )
    assert not connector.post_payment(payment).existed
    assert len(real_host.s4.journal.entries) == 1


def test_the_described_metadata_is_that_of_the_model(folder: Path) -> None:
    """$metadata of the imitation reads as EDMX with the same sets as the real services."""
    host = Host()
    try:
        http = host.connector()._http
        for name in SERVICES:
            answer = http.request("GET", f"/sap/opu/odata/sap/{name}/$metadata")
            root = etree.fromstring(answer.content)
            real = {one.get("Name") for one in published(folder, name).iter("{*}EntitySet")}
            assert {one.get("Name") for one in root.iter("{*}EntitySet")} <= real
    finally:
        host.close()

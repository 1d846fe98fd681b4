"""The imitated SMPs: signatures that two other implementations judge, and what they do wrong on demand."""

from __future__ import annotations

from base64 import b64decode
from urllib.parse import quote

import pytest
import requests
import xmlsec
from cryptography import x509
from lxml import etree
from signxml import SignatureConfiguration, XMLVerifier  # type: ignore[attr-defined]
from signxml.exceptions import InvalidDigest, InvalidInput, InvalidSignature

from connectors.sandbox.faults import Fault
from connectors.sandbox.peppol import names
from connectors.sandbox.peppol.buyers import BUYERS_OF_AP3, REDIRECTED, SELLERS, WILDCARD_BUYER
from connectors.sandbox.peppol.desk import PeppolDesk

BUYER = "0208:1999412696"
DOCUMENT = f"busdox-docid-qns::{names.INVOICE}"
NS = {"smp": names.SMP, "ids": names.IDS, "wsa": names.WSA, "ds": names.DS}


def get(url: str) -> bytes:
    answer = requests.get(url, timeout=5)
    answer.raise_for_status()
    return answer.content


def address(network: PeppolDesk, participant: str, document: str = DOCUMENT, smp: str = "smp") -> str:
    encoded = quote(f"iso6523-actorid-upis::{participant}", safe="")
    return f"{network.url}/{smp}/{encoded}/services/{quote(document, safe='')}"


def metadata(
    network: PeppolDesk, participant: str, document: str = DOCUMENT, smp: str = "smp"
) -> etree._Element:
    return etree.fromstring(get(address(network, participant, document, smp)))


def one(root: etree._Element, path: str) -> str:
    found = root.xpath(f"string({path})", namespaces=NS)
    assert isinstance(found, str)
    return found


def verified_by_xmlsec(root: etree._Element, certificate: str) -> None:
    context = xmlsec.SignatureContext()
    context.key = xmlsec.Key.from_memory(certificate, xmlsec.constants.KeyDataFormatCertPem)
    signature = xmlsec.tree.find_node(root, "Signature")
    assert signature is not None
    context.verify(signature)


@pytest.mark.parametrize(
    ("smp", "signer", "participant"),
    [("smp", "smp", BUYER), ("smp", "smp", REDIRECTED), ("smp-two", "smp-two", REDIRECTED)],
    ids=["inclusive", "redirect", "exclusive"],
)
def test_signatures_are_good_to_other_implementations(
    network: PeppolDesk, smp: str, signer: str, participant: str
) -> None:
    """libxmlsec and signxml agree."""
    text = get(address(network, participant, smp=smp))
    certificate = network.pki.leaf(signer).pem
    verified_by_xmlsec(etree.fromstring(text), certificate)
    configuration = SignatureConfiguration(require_x509=False, expect_references=1)
    XMLVerifier().verify(text, x509_cert=certificate, expect_config=configuration, validate_schema=False)


def test_service_metadata_name_endpoint_and_certificate(network: PeppolDesk) -> None:
    root = metadata(network, BUYER)
    assert one(root, ".//ids:ParticipantIdentifier") == BUYER
    assert one(root, ".//ids:DocumentIdentifier") == names.INVOICE
    assert one(root, ".//ids:ProcessIdentifier/@scheme") == "cenbii-procid-ubl"
    assert one(root, ".//smp:Endpoint/@transportProfile") == "peppol-transport-as4-v2_0"
    assert one(root, ".//wsa:Address") == f"{network.url}/ap2/as4"
    der = b64decode(one(root, ".//smp:Certificate"))
    assert x509.load_der_x509_certificate(der) == network.pki.leaf("ap2").certificate


def test_a_group_lists_addresses_that_lead_to_its_services(network: PeppolDesk) -> None:
    encoded = quote(f"iso6523-actorid-upis::{BUYER}", safe="")
    root = etree.fromstring(get(f"{network.url}/smp/{encoded}"))
    links = [one.get("href", "") for one in root.iter(f"{{{names.SMP}}}ServiceMetadataReference")]
    assert len(links) == len(names.INVOICES) + 2
    for link in links:
        assert etree.fromstring(get(link)).tag == f"{{{names.SMP}}}SignedServiceMetadata"


@pytest.mark.parametrize(
    ("participant", "document"),
    [("0208:0000000097", DOCUMENT), (BUYER, "busdox-docid-qns::urn:example::Nothing##x::1")],
)
def test_what_is_not_registered_is_not_found(network: PeppolDesk, participant: str, document: str) -> None:
    assert requests.get(address(network, participant, document), timeout=5).status_code == 404


def test_participants_are_found_in_any_case(network: PeppolDesk) -> None:
    root = metadata(network, "9930:de315208462")
    assert one(root, ".//ids:ParticipantIdentifier").lower() == "9930:de315208462"
    assert one(metadata(network, "9930:DE315208462"), ".//wsa:Address") == one(root, ".//wsa:Address")


def test_a_redirect_names_the_next_publisher_and_its_certificate(network: PeppolDesk) -> None:
    root = metadata(network, REDIRECTED)
    assert one(root, ".//smp:Redirect/@href") == address(network, REDIRECTED, smp="smp-two")
    subject = network.pki.leaf("smp-two").certificate.subject.rfc4514_string()
    assert one(root, ".//smp:CertificateUID") == subject
    assert one(metadata(network, REDIRECTED, smp="smp-two"), ".//wsa:Address").endswith("/ap2/as4")


def test_some_buyers_are_behind_the_other_access_point_and_sellers_behind_ours(
    network: PeppolDesk,
) -> None:
    assert one(metadata(network, BUYERS_OF_AP3[0]), ".//wsa:Address") == f"{network.url}/ap3/as4"
    ours = metadata(network, SELLERS[0])
    assert one(ours, ".//wsa:Address") == "http://127.0.0.1:8080/as4"
    der = b64decode(one(ours, ".//smp:Certificate"))
    assert der == network.pki.leaf("gateway").der


def test_moving_our_access_point_moves_all_its_participants(network: PeppolDesk) -> None:
    second = network.pki.leaf("gateway-next")
    network.registers.gateway(
        "https://ap.example/as4", certificate=second.certificate, participants=["0208:0479031233"]
    )
    for participant, document in (
        (SELLERS[0], DOCUMENT),
        ("0208:0479031233", DOCUMENT),
        ("0242:000001", f"busdox-docid-qns::{names.MLS}"),
    ):
        root = metadata(network, participant, document)
        assert one(root, ".//wsa:Address") == "https://ap.example/as4"
        assert b64decode(one(root, ".//smp:Certificate")) == second.der
    assert one(metadata(network, BUYER), ".//wsa:Address") == f"{network.url}/ap2/as4"


def test_a_wildcard_is_registered_under_its_own_scheme(network: PeppolDesk) -> None:
    document = f"{names.UBL}Invoice-2::Invoice##urn:peppol:pint:billing-1*::2.1"
    root = metadata(network, WILDCARD_BUYER, f"peppol-doctype-wildcard::{document}")
    assert one(root, ".//ids:DocumentIdentifier/@scheme") == "peppol-doctype-wildcard"
    exact = document.replace("*", "@jp-1")
    assert network.registers.route(WILDCARD_BUYER, exact) is not None
    assert network.registers.serves("ap2")(WILDCARD_BUYER, exact, "urn:peppol:bis:billing")
    assert not network.registers.serves("ap2")(WILDCARD_BUYER, names.INVOICE, names.BILLING)


@pytest.mark.parametrize("kind", ["smp-unsigned", "smp-altered", "smp-wrong-ca", "smp-revoked", "smp-sha1"])
def test_bad_signatures_are_refused_by_others(network: PeppolDesk, kind: str) -> None:
    network.faults.arm(Fault(kind, "smp"))
    text = get(address(network, BUYER))
    configuration = SignatureConfiguration(require_x509=False, expect_references=1)
    with pytest.raises((InvalidSignature, InvalidDigest, InvalidInput)):
        XMLVerifier().verify(
            text,
            x509_cert=network.pki.leaf("smp").pem,
            expect_config=configuration,
            validate_schema=False,
        )
    verified_by_xmlsec(metadata(network, BUYER), network.pki.leaf("smp").pem)


@pytest.mark.parametrize(
    ("kind", "path", "expected"),
    [
        ("smp-wrong-participant", ".//ids:ParticipantIdentifier", "0088:0000000000000"),
        ("smp-wrong-type", ".//ids:DocumentIdentifier", f"{names.INVOICE}-other"),
        ("smp-no-endpoint", ".//smp:Endpoint/@transportProfile", "busdox-transport-as2-ver2p0"),
        ("smp-http-address", ".//wsa:Address", "http://ap.example/as4"),
    ],
)
def test_wrong_metadata_is_well_signed(network: PeppolDesk, kind: str, path: str, expected: str) -> None:
    network.faults.arm(Fault(kind, BUYER))
    root = metadata(network, BUYER)
    assert one(root, path) == expected
    verified_by_xmlsec(root, network.pki.leaf("smp").pem)


@pytest.mark.parametrize(
    ("kind", "label"),
    [
        ("smp-endpoint-revoked", "revoked"),
        ("smp-endpoint-expired", "expired"),
        ("smp-endpoint-foreign", "foreign"),
    ],
)
def test_endpoints_with_a_bad_certificate(network: PeppolDesk, kind: str, label: str) -> None:
    network.faults.arm(Fault(kind, BUYER))
    assert b64decode(one(metadata(network, BUYER), ".//smp:Certificate")) == network.pki.leaf(label).der


def test_a_redirect_that_leads_back_to_itself(network: PeppolDesk) -> None:
    network.faults.arm(Fault("smp-redirect-loop", BUYER, times=2))
    href = one(metadata(network, BUYER), ".//smp:Redirect/@href")
    assert href == address(network, BUYER)
    assert one(etree.fromstring(get(href)), ".//smp:Redirect/@href") == href


def test_endpoints_out_of_their_time(network: PeppolDesk) -> None:
    usual = metadata(network, BUYER)
    network.faults.arm(Fault("smp-expired-endpoint", BUYER))
    ended = one(metadata(network, BUYER), ".//smp:ServiceExpirationDate")
    network.faults.arm(Fault("smp-future-endpoint", BUYER))
    begins = one(metadata(network, BUYER), ".//smp:ServiceActivationDate")
    assert one(usual, ".//smp:ServiceActivationDate") < ended < begins
    assert begins < one(usual, ".//smp:ServiceExpirationDate")

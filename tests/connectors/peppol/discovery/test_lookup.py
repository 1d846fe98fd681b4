"""From a participant to its access point over real DNS and HTTP, and every check on the way."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import dns.rcode
import pytest

from connectors.channels.peppol.discovery.lookup import Directory
from connectors.channels.peppol.discovery.smp_documents import read_group
from connectors.channels.peppol.network import PeppolNetwork
from formats.errors import (
    EInvoicingError,
    MalformedDocument,
    RemoteUnavailable,
    RemoteUnexpected,
    RouteError,
)
from formats.identifiers import DocumentTypeId, ParticipantId, ProcessId
from tests.connectors.peppol.authorities import NOW, Authority
from tests.connectors.peppol.discovery.conftest import surroundings
from tests.connectors.peppol.little_network import (
    BILLING,
    BUYER,
    CREDIT_NOTE,
    INVOICE,
    Entry,
    LittleNetwork,
    metadata_xml,
    redirect_xml,
    signed,
)
from tests.connectors.peppol.servers import Answer

PINT = "urn:oasis:names:specification:ubl:schema:xsd:Invoice-2::Invoice##urn:peppol:pint:billing-1"
WILD = "peppol-doctype-wildcard"


def look(directory: Directory, document_type: DocumentTypeId = INVOICE) -> str:
    return directory.lookup(BUYER, document_type, BILLING, NOW).url


def failure(directory: Directory, kind: type[EInvoicingError] = RouteError) -> str:
    with pytest.raises(kind) as caught:
        look(directory)
    assert type(caught.value) is kind
    assert caught.value.where
    assert caught.value.fix
    return caught.value.what


def test_a_receiver_is_found_with_everything_that_proves_it(
    network: LittleNetwork, directory: Directory
) -> None:
    network.publish()
    found = directory.lookup(BUYER, INVOICE, BILLING, NOW)
    assert (found.url, found.seat_id) == ("http://127.0.0.1:9/as4", "POP000002")
    assert found.certificate == network.access_point.certificate
    assert found.evidence == network.web.pages[network.path(INVOICE)]
    assert (found.document_type, found.process) == (INVOICE, BILLING)
    assert found.expires_at is not None
    assert found.expires_at.year == 2028
    assert network.web.calls == [network.path(INVOICE)]
    assert network.web.headers[0]["accept"] == "text/xml, application/xml"


def test_the_case_of_a_participant_does_not_count(network: LittleNetwork, directory: Directory) -> None:
    upper, lower = ParticipantId.of("9914:ATU12345678"), ParticipantId.of("9914:atu12345678")
    network.publish(participant=upper, said_participant=lower)
    assert directory.lookup(upper, INVOICE, BILLING, NOW).url
    assert directory.lookup(lower, INVOICE, BILLING, NOW).url


# -- what is not there


def test_an_unregistered_participant_is_a_matter_of_the_route(directory: Directory) -> None:
    assert failure(directory) == f"{BUYER} is not registered in Peppol (asked in sml.test.example)"


def test_a_failing_dns_is_temporary(network: LittleNetwork, directory: Directory) -> None:
    network.publish()
    network.dns.rcode = dns.rcode.SERVFAIL
    assert "SERVFAIL" in failure(directory, RemoteUnavailable)
    network.dns.rcode = None
    assert look(directory), "a failure is not kept"


def test_an_unknown_document_type_is_a_matter_of_the_route(
    network: LittleNetwork, directory: Directory
) -> None:
    network.publish(CREDIT_NOTE)
    assert "not registered for this document type" in failure(directory)


def test_a_failing_smp_is_temporary_and_asked_once_more(network: LittleNetwork, directory: Directory) -> None:
    network.publish()
    network.web.pages[network.path(INVOICE)] = Answer(b"", 503)
    assert "503" in failure(directory, RemoteUnavailable)
    assert len(network.web.calls) == 2


def test_another_process_is_a_matter_of_the_route(network: LittleNetwork, directory: Directory) -> None:
    network.publish(INVOICE, replace(network.entry(), process=ProcessId.of("urn:example:other")))
    assert "not in the process" in failure(directory)
    assert directory.lookup(BUYER, INVOICE, None, NOW).process == ProcessId.of("urn:example:other")


def test_the_right_one_of_several_processes_is_taken(network: LittleNetwork, directory: Directory) -> None:
    other = replace(network.entry(url="http://127.0.0.1:9/other"), process=ProcessId.of("urn:example:other"))
    network.publish(INVOICE, other, network.entry())
    assert look(directory) == "http://127.0.0.1:9/as4"


# -- what must not be believed (acceptance list, item 10)


def test_an_entry_without_its_signature_is_refused(network: LittleNetwork, directory: Directory) -> None:
    network.publish()
    network.put(INVOICE, metadata_xml(BUYER, INVOICE, [network.entry()]))
    assert "there is no signature" in failure(directory, RemoteUnexpected)


def test_an_altered_entry_is_refused_and_kept_as_evidence(
    network: LittleNetwork, directory: Directory
) -> None:
    network.publish()
    content = network.web.pages[network.path(INVOICE)]
    assert isinstance(content, bytes)
    network.put(INVOICE, content.replace(b"127.0.0.1:9/as4", b"127.0.0.1:8/as4"))
    with pytest.raises(RemoteUnexpected) as caught:
        look(directory)
    assert "changed after it was signed" in caught.value.what
    assert caught.value.evidence.startswith(b"<?xml")


def test_a_signer_that_is_no_smp_is_refused(network: LittleNetwork, directory: Directory) -> None:
    """An access point's certificate, an unknown authority's, an ended one."""
    stranger = Authority.made("PEPPOL SERVICE METADATA PUBLISHER TEST CA - G3", label="stranger smp ca")
    cases = {
        "certificate of an access point": network.access_point,
        "not issued for the test network": stranger.issue("POP000009"),
        "ended on": network.world.smps.issue("POP000009", label="smp", ends=NOW - timedelta(days=1)),
    }
    for words, signer in cases.items():
        network.publish(signer=signer)
        assert words in failure(directory, RemoteUnexpected)


def test_the_answer_must_be_about_what_was_asked(network: LittleNetwork, directory: Directory) -> None:
    """Some SMPs answer every question with 200."""
    network.publish(INVOICE, said=CREDIT_NOTE)
    assert "the SMP answered with" in failure(directory)
    changed_case = DocumentTypeId(INVOICE.scheme, INVOICE.value.replace("Invoice##", "invoice##"))
    network.publish(INVOICE, said=changed_case)
    directory.forget(BUYER, INVOICE, BILLING)
    assert "the SMP answered with" in failure(directory)
    network.publish(INVOICE, said_participant=ParticipantId.of("0208:0999999922"))
    directory.forget(BUYER, INVOICE, BILLING)
    assert "instead of 0208:0123456749" in failure(directory, RemoteUnexpected)


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"ends": "2026-11-23T08:00:00Z"}, "no endpoint that is active now"),
        ({"begins": "2026-11-23T09:00:00+00:30"}, "no endpoint that is active now"),
        ({"profile": "busdox-transport-as2-ver2p0"}, "no endpoint for AS4"),
        ({"url": "ftp://ap.example/as4"}, "none that can be called"),
        ({"url": ""}, "none that can be called"),
        ({"url": "https://user:secret@ap.example/as4"}, "none that can be called"),
        ({"url": "http://ap.example/as4"}, "does not begin with https://"),
    ],
)
def test_an_endpoint_that_does_not_serve_is_refused(
    network: LittleNetwork, directory: Directory, facts: dict[str, Any], words: str
) -> None:
    network.publish(INVOICE, replace(network.entry(), **facts))
    assert words in failure(directory)


def test_the_endpoint_that_began_last_is_taken(network: LittleNetwork, directory: Directory) -> None:
    """While an access point moves, the old and the new endpoint stand side by side."""
    old = network.entry(url="http://127.0.0.1:9/old", begins="", ends="2026-12-31T00:00:00Z")
    new = network.entry(url="http://127.0.0.1:9/new", begins="2026-11-01", ends="")
    coming = network.entry(url="http://127.0.0.1:9/coming", begins="2026-12-01T00:00:00Z", ends="")
    network.publish(INVOICE, old, coming, new)
    assert look(directory) == "http://127.0.0.1:9/new"


def test_the_certificate_of_the_receiver_must_count(network: LittleNetwork, directory: Directory) -> None:
    access_points = network.world.access_points
    cases = {
        "is not one": "no certificate",
        "certificate of an SMP": base64.b64encode(network.smp.der).decode(),
        "ended on": base64.b64encode(access_points.issue("POP000003", ends=NOW - timedelta(1)).der).decode(),
        "not a seat id": base64.b64encode(access_points.issue("ap.example.com", label="ap").der).decode(),
    }
    for words, text in cases.items():
        network.publish(INVOICE, Entry(certificate=text))
        directory.forget(BUYER, INVOICE, BILLING)
        assert words in failure(directory)


def test_a_certificate_with_line_breaks_and_armour_is_read(
    network: LittleNetwork, directory: Directory
) -> None:
    text = network.access_point.pem.decode().replace("\n", "\n     ")
    network.publish(INVOICE, Entry(certificate=f"\n  {text}"))
    assert look(directory)


@pytest.mark.parametrize("revoked", [True, False])
def test_a_revoked_receiver_is_refused_and_an_unknown_one_waits(
    network: LittleNetwork, tmp_path: Path, revoked: bool
) -> None:
    """Item of the onboarding tests: nothing is sent to a revoked receiver."""
    issuing = replace(network.world.access_points, crl_url=f"{network.web.url}/ap.crl")
    leaf = issuing.issue("POP000005")
    smps = replace(network.world.smps, crl_url=f"{network.web.url}/smp.crl")
    network.smp = smps.issue("POP000009", label="smp")
    network.publish(INVOICE, network.entry(leaf))
    network.web.pages["/smp.crl"] = smps.crl()
    network.world.write(tmp_path / "trust" / "test")
    settings = network.settings(revocation="crl-then-ocsp", revocation_hosts=(network.web.host,))
    made = PeppolNetwork(settings, surroundings(tmp_path))
    try:
        if revoked:
            network.web.pages["/ap.crl"] = issuing.crl([leaf.certificate])
            assert "was taken back by its authority" in failure(made.directory)
        else:
            assert "cannot be told" in failure(made.directory, RemoteUnavailable)
            network.web.pages["/ap.crl"] = issuing.crl()
            later = NOW + timedelta(minutes=2)
            found = made.directory.lookup(BUYER, INVOICE, BILLING, later)
            assert found.revocation is not None
            assert found.revocation.evidence == network.web.pages["/ap.crl"]
            assert sorted(one.name for one in (tmp_path / "crl").iterdir())
            assert [one.problem for one in made.refresh_revocation(later)] == ["", ""]
    finally:
        made.close()


# -- redirects


def second_smp(network: LittleNetwork, uid: str) -> None:
    """The first SMP points to an entry at another address, signed by another SMP."""
    other = network.world.smps.issue("POP000010", label="other smp")
    network.register()
    network.web.pages["/elsewhere"] = signed(metadata_xml(BUYER, INVOICE, [network.entry()]), other)
    redirect = redirect_xml(f"{network.web.url}/elsewhere", uid or other.certificate.subject.rfc4514_string())
    network.put(INVOICE, signed(redirect, network.smp))


def test_one_redirect_is_followed_to_the_smp_that_was_named(
    network: LittleNetwork, directory: Directory
) -> None:
    second_smp(network, "")
    assert directory.lookup(BUYER, INVOICE, BILLING, NOW).smp_url.endswith("/elsewhere")
    for uid in (
        "CN=POP000010, OU=PEPPOL TEST AP, O=Example Access Point, C=BE:1f2e",
        'C=BE,O="Example Access Point",OU=PEPPOL TEST AP,CN=POP000010',
    ):
        second_smp(network, uid)
        assert directory.lookup(BUYER, INVOICE, BILLING, NOW, fresh=True).url


@pytest.mark.parametrize("uid", ["CN=POP000011,O=Example Access Point,C=BE", "nothing", " "])
def test_a_redirect_to_another_certificate_is_refused(
    network: LittleNetwork, directory: Directory, uid: str
) -> None:
    second_smp(network, uid)
    assert "another certificate than the one that was named" in failure(directory, RemoteUnexpected)


def test_a_redirect_loop_is_refused(network: LittleNetwork, directory: Directory) -> None:
    second_smp(network, "")
    uid = network.smp.certificate.subject.rfc4514_string()
    again = redirect_xml(f"{network.web.url}{network.path(INVOICE)}", uid)
    network.put(INVOICE, signed(again, network.smp))
    assert "only one step is allowed" in failure(directory, RemoteUnexpected)
    assert len(network.web.calls) == 2


def test_http_redirects_are_followed_a_few_times(network: LittleNetwork, directory: Directory) -> None:
    network.publish()
    content = network.web.pages[network.path(INVOICE)]
    network.web.pages[network.path(INVOICE)] = Answer(b"", 302, {"Location": "/moved"})
    network.web.pages["/moved"] = content
    assert look(directory)
    network.web.pages["/moved"] = Answer(b"", 302, {"Location": "/moved"})
    directory.forget(BUYER, INVOICE, BILLING)
    assert "from one address to another" in failure(directory, RemoteUnexpected)
    network.web.pages["/moved"] = Answer(b"", 302, {"Location": "https://127.0.0.1:9/moved"})
    assert "from one address to another" in failure(directory, RemoteUnexpected)


# -- inner networks


@pytest.fixture
def strict(network: LittleNetwork, tmp_path: Path) -> Directory:
    """The directory of a real installation: nothing inside is called."""
    network.world.write(tmp_path / "trust" / "test")
    return PeppolNetwork(network.settings(allow_internal=False), surroundings(tmp_path)).directory


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://smp.example.org", "does not begin with https://"),
        ("https://127.0.0.1:1", "inner network"),
        ("https://localhost", "inner network"),
        ("https://169.254.169.254/latest", "inner network"),
        ("https://[::1]", "inner network"),
        ("https://[::ffff:10.0.0.1]", "inner network"),
        ("https://10.1.2.3", "inner network"),
    ],
)
def test_an_smp_inside_is_not_called(network: LittleNetwork, strict: Directory, url: str, words: str) -> None:
    network.register(url=url)
    assert words in failure(strict)
    strict.close()


# -- what is kept


def test_what_was_found_is_kept_for_a_quarter_of_an_hour(
    network: LittleNetwork, directory: Directory
) -> None:
    network.publish()
    assert look(directory) == look(directory)
    assert len(network.web.calls) == 1
    directory.lookup(BUYER, INVOICE, BILLING, NOW + timedelta(minutes=14))
    assert len(network.web.calls) == 1
    directory.lookup(BUYER, INVOICE, BILLING, NOW + timedelta(minutes=15))
    assert len(network.web.calls) == 2


def test_that_there_is_nothing_is_kept_for_five_minutes(network: LittleNetwork, directory: Directory) -> None:
    failure(directory)
    network.publish()
    failure(directory)
    assert directory.lookup(BUYER, INVOICE, BILLING, NOW + timedelta(minutes=5)).url


def test_dropping_asks_again(network: LittleNetwork, directory: Directory) -> None:
    """After a receiver could not open a message: it may have a new certificate."""
    network.publish()
    look(directory)
    renewed = network.world.access_points.issue("POP000002", label="renewed")
    network.publish(INVOICE, network.entry(renewed))
    assert directory.lookup(BUYER, INVOICE, BILLING, NOW).certificate == network.access_point.certificate
    directory.forget(BUYER, INVOICE, BILLING)
    assert directory.lookup(BUYER, INVOICE, BILLING, NOW).certificate == renewed.certificate


def test_an_entry_is_not_kept_beyond_its_own_end(network: LittleNetwork, directory: Directory) -> None:
    network.publish(INVOICE, network.entry(ends="2026-11-23T08:02:00Z"))
    look(directory)
    with pytest.raises(RouteError, match="no endpoint that is active now"):
        directory.lookup(BUYER, INVOICE, BILLING, NOW + timedelta(minutes=3))


# -- wildcards


@pytest.mark.parametrize(
    ("registered", "taken"),
    [
        ((f"{PINT}*::2.1",), f"{PINT}*::2.1"),
        ((f"{PINT}*::2.1", f"{PINT}@jp-1*::2.1"), f"{PINT}@jp-1*::2.1"),
        ((f"{PINT}*::2.1", f"{PINT}@jp-1::2.1"), f"{PINT}@jp-1::2.1"),
    ],
)
def test_the_closest_wildcard_takes_a_document(
    network: LittleNetwork, directory: Directory, registered: tuple[str, ...], taken: str
) -> None:
    for one in registered:
        network.publish(DocumentTypeId(WILD, one))
    exact = DocumentTypeId(WILD, f"{PINT}@jp-1::2.1")
    found = directory.lookup(BUYER, exact, BILLING, NOW)
    assert found.registered_as == DocumentTypeId(WILD, taken)
    assert found.document_type == exact


def test_an_exact_entry_in_the_plain_scheme_gives_the_message_its_scheme(
    network: LittleNetwork, directory: Directory
) -> None:
    network.publish(DocumentTypeId("busdox-docid-qns", f"{PINT}@jp-1::2.1"))
    found = directory.lookup(BUYER, DocumentTypeId(WILD, f"{PINT}@jp-1::2.1"), BILLING, NOW)
    assert found.document_type.scheme == "busdox-docid-qns"


@pytest.mark.parametrize("other", [f"{PINT}@sg-1*::2.1", f"{PINT}@jp-1::2.2", PINT.upper() + "*::2.1"])
def test_other_entries_do_not_take_it(network: LittleNetwork, directory: Directory, other: str) -> None:
    network.publish(DocumentTypeId(WILD, other))
    with pytest.raises(RouteError, match="not registered for this document type"):
        directory.lookup(BUYER, DocumentTypeId(WILD, f"{PINT}@jp-1::2.1"), BILLING, NOW)


# -- what a participant receives


def test_all_document_types_of_a_participant_are_listed(network: LittleNetwork, directory: Directory) -> None:
    network.publish(INVOICE)
    network.publish(CREDIT_NOTE)
    assert directory.document_types(BUYER) == (INVOICE, CREDIT_NOTE)
    network.list([INVOICE], said=ParticipantId.of("0208:0999999922"))
    with pytest.raises(RemoteUnexpected, match=r"instead of 0208:0123456749"):
        directory.document_types(BUYER)


def test_entries_of_a_list_that_are_no_identifiers_are_counted(network: LittleNetwork) -> None:
    network.list([INVOICE])
    page = network.web.pages[f"/{BUYER.url_segment}"]
    assert isinstance(page, bytes)
    end = b"</smp:ServiceMetadataReferenceCollection>"
    odd = page.replace(end, b'<smp:ServiceMetadataReference href="https://x.example/y"/>' + end)
    group = read_group(odd, where="SMP")
    assert (group.document_types, group.unreadable) == ((INVOICE,), 1)
    with pytest.raises(MalformedDocument, match="not a list of document types"):
        read_group(b"<html/>", where="SMP")


# -- every step


def steps(directory: Directory, document_type: DocumentTypeId | None = None) -> list[tuple[str, bool]]:
    return [(step.name, step.ok) for step in directory.steps(BUYER, document_type, None, NOW)]


GOOD = ["participant", "SML", "document types", "document type", "SMP", "process", "endpoint", "certificate"]


def test_every_step_is_shown(network: LittleNetwork, directory: Directory) -> None:
    network.publish(CREDIT_NOTE)
    network.publish(INVOICE)
    assert steps(directory) == [(name, True) for name in GOOD]
    seen = {step.name: step.seen for step in directory.steps(BUYER, None, None, NOW)}
    assert BUYER.dns_label in seen["participant"]
    assert network.dns.address in seen["SML"]
    assert seen["document types"] == "2 registered"
    assert seen["document type"] == INVOICE.key, "the usual invoice is looked at first"
    assert seen["SMP"].startswith("signed by POP000009")
    assert seen["certificate"] == "POP000002, valid to 2027-12-31, revocation: not checked"


def test_a_receiver_of_wildcards_only_is_shown_too(network: LittleNetwork, directory: Directory) -> None:
    network.publish(DocumentTypeId(WILD, f"{PINT}*::2.1"))
    assert steps(directory) == [(name, True) for name in GOOD]


def stop_dns(network: LittleNetwork) -> None:
    network.dns.rcode = dns.rcode.SERVFAIL


def empty_list(network: LittleNetwork) -> None:
    network.list([])


def unsigned(network: LittleNetwork) -> None:
    network.put(INVOICE, metadata_xml(BUYER, INVOICE, [network.entry()]))


def ended(network: LittleNetwork) -> None:
    network.publish(INVOICE, network.entry(ends="2026-01-02T00:00:00Z"))


def smp_certificate(network: LittleNetwork) -> None:
    network.publish(INVOICE, network.entry(network.smp))


@pytest.mark.parametrize(
    ("harm", "failing"),
    [
        (stop_dns, "SML"),
        (empty_list, "document type"),
        (unsigned, "SMP"),
        (ended, "endpoint"),
        (smp_certificate, "certificate"),
    ],
)
def test_the_steps_end_with_the_one_that_fails(
    network: LittleNetwork, directory: Directory, harm: Callable[[LittleNetwork], None], failing: str
) -> None:
    network.publish(INVOICE)
    harm(network)
    shown = steps(directory)
    assert shown[-1] == (failing, False)
    assert [name for name, ok in shown if ok] == GOOD[: GOOD.index(failing)]

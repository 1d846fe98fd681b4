"""Revocation lists first, the responder second, and three answers: good, revoked, unknown."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID

from connectors.channels.peppol.pki.download import AuthorityDownloads
from connectors.channels.peppol.pki.revocation import CrlThenOcsp, Outcome, RevocationStatus
from formats.errors import RemoteRefused
from tests.connectors.peppol.authorities import NOW, Leaf, World, rsa_key
from tests.connectors.peppol.servers import Answer, WebServer


class Asked:
    """One installation that asks the authority on the loopback server."""

    def __init__(self, web: WebServer, folder: Path | None = None) -> None:
        self.web = web
        self.world = World.made(revocation=web.url)
        self.authority = self.world.access_points
        self.leaf = self.authority.issue("POP000001")
        self.downloads = AuthorityDownloads([web.host], clock=lambda: NOW, timeout=(1, 1))
        self.folder = folder
        self.restart()

    def restart(self) -> None:
        self.revocation = CrlThenOcsp(self.downloads, folder=self.folder)

    def publish(self, *revoked: Leaf, at: datetime = NOW - timedelta(hours=1), hours: float = 24) -> None:
        self.web.pages["/ap.crl"] = self.authority.crl(
            [one.certificate for one in revoked], at=at, hours=hours
        )

    def status(self, at: datetime = NOW) -> RevocationStatus:
        return self.revocation.status(self.leaf.certificate, self.authority.certificate, at)


@pytest.fixture
def asked(web: WebServer) -> Iterator[Asked]:
    made = Asked(web)
    yield made
    made.downloads.close()


def test_a_list_is_fetched_once_and_kept_as_evidence(asked: Asked) -> None:
    asked.publish()
    first, second = asked.status(), asked.status(NOW + timedelta(hours=2))
    assert first.outcome is second.outcome is Outcome.GOOD
    assert first.source == "CRL 7"
    assert first.evidence == asked.web.pages["/ap.crl"]
    assert asked.web.calls == ["/ap.crl"]


def test_a_revoked_certificate_is_revoked_with_its_day(asked: Asked) -> None:
    asked.publish(asked.leaf)
    status = asked.status()
    assert (status.outcome, status.text) == (Outcome.REVOKED, "revoked on 2026-11-22")


def test_a_list_is_renewed_when_it_ends(asked: Asked) -> None:
    asked.publish()
    assert asked.status().outcome is Outcome.GOOD
    later = NOW + timedelta(hours=24)
    asked.publish(asked.leaf, at=later - timedelta(hours=1))
    assert asked.status(later).outcome is Outcome.REVOKED


def test_the_background_renews_in_the_last_quarter_of_a_lists_life(asked: Asked) -> None:
    asked.publish()
    asked.status()
    assert asked.revocation.refresh(NOW + timedelta(hours=10))[0].problem == ""
    assert asked.web.calls == ["/ap.crl"]
    asked.publish(at=NOW + timedelta(hours=18))
    renewed = asked.revocation.refresh(NOW + timedelta(hours=18))
    assert renewed[0].next_update == NOW + timedelta(hours=42)
    assert asked.web.calls == ["/ap.crl", "/ap.crl"]


def test_a_watched_list_is_there_before_it_is_needed(asked: Asked) -> None:
    asked.publish()
    asked.revocation.watch(asked.leaf.certificate, asked.authority.certificate)
    assert [one.problem for one in asked.revocation.refresh(NOW)] == [""]
    asked.web.pages.clear()
    assert asked.status().outcome is Outcome.GOOD
    assert asked.web.calls == ["/ap.crl"]


def test_a_refresh_says_what_could_not_be_renewed(asked: Asked) -> None:
    asked.revocation.watch(asked.leaf.certificate, asked.authority.certificate)
    (result,) = asked.revocation.refresh(NOW)
    assert (result.url, result.next_update) == (f"{asked.web.url}/ap.crl", None)
    assert "404" in result.problem


def test_the_responder_answers_where_there_is_no_list(asked: Asked) -> None:
    asked.web.pages["/ocsp"] = asked.authority.ocsp(asked.leaf.certificate)
    assert (asked.status().outcome, asked.status().source) == (Outcome.GOOD, "OCSP")
    assert asked.web.calls == ["/ap.crl", "/ocsp"], "a failed list rests, an answer is kept"
    asked.restart()
    asked.web.pages["/ocsp"] = asked.authority.ocsp(asked.leaf.certificate, revoked=True)
    assert asked.status().outcome is Outcome.REVOKED


def test_the_question_names_certificate_and_issuer(asked: Asked) -> None:
    questions = []

    def answer(body: bytes) -> bytes:
        questions.append(ocsp.load_der_ocsp_request(body))
        return asked.authority.ocsp(asked.leaf.certificate)

    asked.web.pages["/ocsp"] = answer
    asked.status()
    assert [one.serial_number for one in questions] == [asked.leaf.certificate.serial_number]


def test_an_authority_may_let_a_responder_of_its_own_answer(asked: Asked) -> None:
    delegated = asked.authority.issue("Responder", extended=[ExtendedKeyUsageOID.OCSP_SIGNING])
    plain = asked.authority.issue("POP000003")
    certificate = asked.leaf.certificate
    asked.web.pages["/ocsp"] = asked.authority.ocsp(certificate, responder=delegated)
    assert asked.status().outcome is Outcome.GOOD
    asked.restart()
    asked.web.pages["/ocsp"] = asked.authority.ocsp(certificate, responder=plain)
    assert asked.status().outcome is Outcome.UNKNOWN


def test_an_outage_is_unknown_and_never_revoked(asked: Asked) -> None:
    asked.web.pages["/ap.crl"] = Answer(b"", 503)
    asked.web.pages["/ocsp"] = Answer(b"", 500)
    status = asked.status()
    assert (status.outcome, status.last_good) == (Outcome.UNKNOWN, None)
    assert "503" in status.text


def test_an_address_that_failed_rests_for_a_minute(asked: Asked) -> None:
    for _ in range(3):
        assert asked.status().outcome is Outcome.UNKNOWN
    assert asked.web.calls == ["/ap.crl", "/ocsp"]
    asked.publish()
    assert asked.status(NOW + timedelta(seconds=61)).outcome is Outcome.GOOD


def test_in_an_outage_the_end_of_the_last_list_is_the_last_good_word(asked: Asked) -> None:
    asked.publish()
    asked.status()
    del asked.web.pages["/ap.crl"]
    status = asked.status(NOW + timedelta(hours=30))
    assert status.outcome is Outcome.UNKNOWN
    assert status.last_good == NOW + timedelta(hours=23)


def test_what_was_revoked_stays_so_in_an_outage(asked: Asked) -> None:
    asked.publish(asked.leaf)
    asked.status()
    del asked.web.pages["/ap.crl"]
    assert asked.status(NOW + timedelta(days=30)).outcome is Outcome.REVOKED


def test_a_restart_in_an_outage_still_knows_the_last_list(web: WebServer, tmp_path: Path) -> None:
    asked = Asked(web, tmp_path / "crl")
    asked.publish(asked.leaf)
    asked.status()
    del web.pages["/ap.crl"]
    asked.restart()
    assert asked.status().outcome is Outcome.REVOKED
    (file,) = (tmp_path / "crl").iterdir()
    file.write_bytes(b"damaged")
    asked.restart()
    assert asked.status().outcome is Outcome.UNKNOWN
    asked.downloads.close()


def test_an_older_list_played_back_does_not_bring_a_certificate_to_life(asked: Asked) -> None:
    asked.publish(asked.leaf, hours=2)
    assert asked.status().outcome is Outcome.REVOKED
    asked.publish(at=NOW - timedelta(hours=3), hours=100)
    assert asked.status(NOW + timedelta(hours=2)).outcome is Outcome.REVOKED


def test_a_list_that_does_not_hold_is_not_believed(asked: Asked) -> None:
    authority = asked.authority
    point = x509.IssuingDistributionPoint(None, None, False, True, None, False, False)
    lists = [
        authority.crl(signed_by=rsa_key("stranger")),
        asked.world.smps.crl(),
        authority.crl(at=NOW - timedelta(days=3)),
        authority.crl(at=NOW + timedelta(days=1)),
        authority.crl(extra=[(point, True)]),
        authority.crl(extra=[(x509.DeltaCRLIndicator(3), True)]),
        b"<html>log in</html>",
        b"",
    ]
    for content in lists:
        asked.restart()
        asked.web.pages["/ap.crl"] = content
        assert asked.status().outcome is Outcome.UNKNOWN


def test_an_answer_that_does_not_hold_is_not_believed(asked: Asked) -> None:
    authority, certificate = asked.authority, asked.leaf.certificate
    answers = [
        authority.ocsp(authority.issue("POP000004").certificate),
        authority.ocsp(certificate, at=NOW - timedelta(days=2)),
        authority.ocsp(certificate, unknown=True),
        asked.world.smps.ocsp(certificate),
        ocsp.OCSPResponseBuilder.build_unsuccessful(ocsp.OCSPResponseStatus.TRY_LATER).public_bytes(
            Encoding.DER
        ),
        b"<html></html>",
    ]
    for content in answers:
        asked.restart()
        asked.web.pages["/ocsp"] = content
        assert asked.status().outcome is Outcome.UNKNOWN


def test_only_named_hosts_are_called(web: WebServer) -> None:
    """A certificate must not make the gateway call an address of its choice."""
    downloads = AuthorityDownloads(["crl.example.com"], clock=lambda: NOW)
    for url in (f"{web.url}/ap.crl", "http://crl.example.com@127.0.0.1/x", "http://crl.example.com:81/x"):
        with pytest.raises(RemoteRefused, match="not a host of the authorities"):
            downloads(url)
    assert web.calls == []


def test_a_certificate_without_sources_is_unknown() -> None:
    world = World.made()
    leaf = world.access_points.issue("POP000001")
    with_none = CrlThenOcsp(AuthorityDownloads([], clock=lambda: NOW))
    status = with_none.status(leaf.certificate, world.access_points.certificate, NOW)
    assert (status.outcome, status.text) == (Outcome.UNKNOWN, "the certificate names no source")

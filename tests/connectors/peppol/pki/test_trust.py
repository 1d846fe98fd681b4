"""Which certificates count: the right authority, role, time, use and seat, and what revocation means."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID

from connectors.channels.peppol.pki.certificates import key_digest
from connectors.channels.peppol.pki.revocation import Outcome, RevocationStatus, Unchecked
from connectors.channels.peppol.pki.trust import (
    Reason,
    Role,
    Stage,
    Trust,
    UntrustedCertificate,
    authorities,
    read_folder,
)
from formats.errors import ConfigError
from tests.connectors.peppol.authorities import NOW, Authority, Leaf, World, usage


class Says:
    """Revocation as a test wants it."""

    def __init__(self, outcome: Outcome, last_good: datetime | None = None) -> None:
        self.answer = RevocationStatus(outcome, "CRL 7", "as told", b"evidence", last_good=last_good)

    def status(
        self, certificate: x509.Certificate, issuer: x509.Certificate, at: datetime
    ) -> RevocationStatus:
        return self.answer


@pytest.fixture(scope="module")
def trust(world: World) -> Trust:
    return Trust(authorities(Stage.TEST, world.certificates), Unchecked())


def reason(trust: Trust, leaf: Leaf, role: Role = Role.ACCESS_POINT, at: datetime = NOW) -> Reason:
    with pytest.raises(UntrustedCertificate) as caught:
        trust.require(leaf.certificate, role, at)
    assert caught.value.fix
    assert caught.value.where
    return caught.value.reason


def test_a_sound_certificate_counts_in_its_role_only(trust: Trust, world: World) -> None:
    access_point, smp = world.access_points.issue("POP000001"), world.smps.issue("POP000002")
    trust.require(access_point.certificate, Role.ACCESS_POINT, NOW)
    trust.checker(Role.SMP)(smp.certificate, NOW)
    assert reason(trust, access_point, Role.SMP) is Reason.WRONG_POLICY
    assert reason(trust, smp, Role.ACCESS_POINT) is Reason.WRONG_POLICY


def test_the_time_decides(trust: Trust, world: World) -> None:
    leaf = world.access_points.issue("POP000001", begins=NOW, ends=NOW + timedelta(days=1))
    trust.require(leaf.certificate, Role.ACCESS_POINT, NOW)
    assert reason(trust, leaf, at=NOW - timedelta(seconds=1)) is Reason.NOT_YET_VALID
    assert reason(trust, leaf, at=NOW + timedelta(days=1, seconds=1)) is Reason.EXPIRED


def test_a_certificate_seen_before_still_ends_and_keeps_its_role(world: World) -> None:
    """What does not change with time is judged once; everything else every time."""
    ends = NOW + timedelta(days=1)
    leaf = world.access_points.issue("POP000001", ends=ends)
    trust = Trust(authorities(Stage.TEST, world.certificates), Unchecked())
    for _ in range(2):
        trust.require(leaf.certificate, Role.ACCESS_POINT, NOW)
    assert reason(trust, leaf, at=ends + timedelta(seconds=1)) is Reason.EXPIRED
    assert reason(trust, leaf, Role.SMP) is Reason.WRONG_POLICY
    said = Says(Outcome.GOOD)
    trust = Trust(authorities(Stage.TEST, world.certificates), said)
    trust.require(leaf.certificate, Role.ACCESS_POINT, NOW)
    said.answer = RevocationStatus(Outcome.REVOKED, "CRL 8")
    assert reason(trust, leaf) is Reason.REVOKED


def test_other_authorities_do_not_count(trust: Trust, world: World) -> None:
    """Another PKI, the other stage, a namesake with another key, the root itself, a self-made certificate."""
    namesake = Authority.made("PEPPOL ACCESS POINT TEST CA - G3", label="namesake")
    for issuer in (World.made(stage="").access_points, namesake, world.root):
        assert reason(trust, issuer.issue("POP000001")) is Reason.NOT_TRUSTED


def test_an_authority_is_known_by_its_key_not_by_its_certificate(world: World) -> None:
    """An authority that renewed its own certificate under the same key still counts."""
    renewed = Authority.made("PEPPOL ACCESS POINT TEST CA - G3", issuer=world.root)
    assert renewed.certificate != world.access_points.certificate
    trust = Trust(
        authorities(Stage.TEST, [renewed.certificate, world.smps.certificate, world.root.certificate]),
        Unchecked(),
    )
    trust.require(world.access_points.issue("POP000001").certificate, Role.ACCESS_POINT, NOW)


def test_what_is_made_for_another_use_is_refused(trust: Trust, world: World) -> None:
    issue = world.access_points.issue
    wrong = [
        issue("POP000001", key_usage=None),
        issue("POP000001", key_usage=usage(digital_signature=True)),
        issue("POP000001", key_usage=usage(key_encipherment=True, data_encipherment=True)),
        issue("POP000001", extended=[ExtendedKeyUsageOID.SERVER_AUTH]),
        issue("POP000001", is_authority=True),
        issue("POP000001", label="small", key_size=1024),
    ]
    assert [reason(trust, leaf) for leaf in wrong] == [Reason.WRONG_POLICY] * len(wrong)


@pytest.mark.parametrize("seat", ["www.example.com", "POP0001", "pop000001", "POP0000012", "XOP000001"])
def test_an_access_point_names_its_seat(trust: Trust, world: World, seat: str) -> None:
    assert reason(trust, world.access_points.issue(seat, label="seat")) is Reason.WRONG_SEAT


def test_a_policy_can_be_asked_for(world: World) -> None:
    trust = Trust(authorities(Stage.TEST, world.certificates), Unchecked(), policies=["2.16.1.1"])
    trust.require(
        world.access_points.issue("POP000001", policy="2.16.1.1").certificate, Role.ACCESS_POINT, NOW
    )
    assert reason(trust, world.access_points.issue("POP000001", policy="2.16.1.2")) is Reason.WRONG_POLICY
    assert reason(trust, world.access_points.issue("POP000001")) is Reason.WRONG_POLICY


def test_an_ended_authority_does_not_count(world: World) -> None:
    ended = Authority.made(
        "PEPPOL ACCESS POINT TEST CA - G3", issuer=world.root, ends=NOW - timedelta(days=1)
    )
    trust = Trust(
        authorities(Stage.TEST, [ended.certificate, world.smps.certificate, world.root.certificate]),
        Unchecked(),
    )
    assert reason(trust, ended.issue("POP000001")) is Reason.WRONG_POLICY


@pytest.mark.parametrize("position", [50, 300, 700, -10])
def test_a_changed_byte_is_noticed(trust: Trust, world: World, position: int) -> None:
    der = bytearray(world.access_points.issue("POP000001").der)
    der[position] ^= 1
    try:
        changed = x509.load_der_x509_certificate(bytes(der))
    except ValueError:
        return
    with pytest.raises(UntrustedCertificate):
        trust.require(changed, Role.ACCESS_POINT, NOW)


def test_revocation_good_revoked_unknown(world: World) -> None:
    trusted, leaf = authorities(Stage.TEST, world.certificates), world.access_points.issue("POP000001")
    good = Trust(trusted, Says(Outcome.GOOD)).examine(leaf.certificate, Role.ACCESS_POINT, NOW)
    assert good.evidence == b"evidence"
    assert reason(Trust(trusted, Says(Outcome.REVOKED)), leaf) is Reason.REVOKED
    assert reason(Trust(trusted, Says(Outcome.UNKNOWN)), leaf) is Reason.UNKNOWN_REVOCATION


def test_unknown_counts_only_for_a_bounded_time_after_the_last_good_word(world: World) -> None:
    trusted, leaf = authorities(Stage.TEST, world.certificates), world.access_points.issue("POP000001")
    day = timedelta(hours=24)

    def trust(last_good: datetime | None, soft_fail: timedelta = day) -> Trust:
        return Trust(trusted, Says(Outcome.UNKNOWN, last_good), soft_fail=soft_fail)

    trust(NOW - day).require(leaf.certificate, Role.ACCESS_POINT, NOW)
    for late in (trust(NOW - day - timedelta(seconds=1)), trust(None), trust(NOW, timedelta())):
        assert reason(late, leaf) is Reason.UNKNOWN_REVOCATION


def test_the_trust_folder_of_each_stage_is_its_own(world: World, tmp_path: Path) -> None:
    certificates = read_folder(world.write(tmp_path / "test"))
    assert len(certificates) == 3
    assert authorities(Stage.TEST, certificates).of(Role.SMP) == (world.smps.certificate,)
    with pytest.raises(ConfigError, match="belongs to the test network, and the stage is production"):
        authorities(Stage.PRODUCTION, certificates)
    with pytest.raises(ConfigError, match="belongs to the production network, and the stage is test"):
        authorities(Stage.TEST, World.made(stage="").certificates)


def test_pins_leave_no_other_authority(world: World) -> None:
    pins = {key_digest(world.access_points.certificate), key_digest(world.smps.certificate)}
    assert authorities(Stage.TEST, world.certificates, pins=pins).access_point
    with pytest.raises(ConfigError, match="the issuing CA for SMP certificates is missing"):
        authorities(Stage.TEST, world.certificates, pins={key_digest(world.access_points.certificate)})


def test_an_exchanged_authority_in_the_folder_is_noticed(world: World) -> None:
    """It names the root that lies beside it, and was not issued by it."""
    intruder = Authority.made("PEPPOL Root TEST CA - G3", label="intruder")
    fake = Authority.made("PEPPOL ACCESS POINT TEST CA - G3", issuer=intruder, label="fake")
    with pytest.raises(ConfigError, match="was not issued by the root"):
        authorities(Stage.TEST, [world.root.certificate, fake.certificate, world.smps.certificate])


def test_a_published_trust_store_opens(world: World, tmp_path: Path) -> None:
    stored = pkcs12.serialize_java_truststore(
        [pkcs12.PKCS12Certificate(one, b"ca%d" % number) for number, one in enumerate(world.certificates)],
        BestAvailableEncryption(b"peppol"),
    )
    (tmp_path / "stage.p12").write_bytes(stored)
    assert set(read_folder(tmp_path, password="peppol")) == set(world.certificates)
    with pytest.raises(ConfigError, match="no certificates that can be read"):
        read_folder(tmp_path, password="wrong")


def test_mistakes_in_the_trust_folder_are_named(world: World, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no authorities to trust"):
        read_folder(tmp_path / "none")
    with pytest.raises(ConfigError, match="no authorities to trust"):
        read_folder(tmp_path)
    (tmp_path / "bad.pem").write_bytes(b"nothing")
    with pytest.raises(ConfigError, match="no certificates that can be read"):
        read_folder(tmp_path)
    leaf = world.access_points.issue("POP000001").certificate
    with pytest.raises(ConfigError, match="POP000001 in the trust folder is not an authority"):
        authorities(Stage.TEST, [*world.certificates, leaf])
    with pytest.raises(ConfigError, match="access point and SMP certificates is missing"):
        authorities(Stage.TEST, [world.root.certificate])

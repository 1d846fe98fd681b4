"""What settings make of a Peppol channel: the separate stages, keys, trust, and what is refused early."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from connectors.base import Surroundings
from connectors.channels.peppol.network import PeppolNetwork
from connectors.channels.peppol.pki.certificates import expiring
from connectors.channels.peppol.pki.trust import Role, UntrustedCertificate
from connectors.channels.peppol.settings import PeppolSettings
from formats.errors import ConfigError
from tests.connectors.peppol.authorities import NOW, World
from tests.connectors.peppol.discovery.conftest import surroundings
from tests.connectors.peppol.servers import WebServer, web_server


@pytest.fixture
def web() -> Iterator[WebServer]:
    with web_server() as server:
        yield server


def settings(**facts: object) -> PeppolSettings:
    return PeppolSettings.model_validate(facts)


def test_each_stage_has_zone_and_trust_folder_of_its_own(tmp_path: Path) -> None:
    assert settings().zones_in_use == ("participant.sml.test.tech.peppol.org",)
    assert settings(stage="production").zones_in_use == ("participant.sml.prod.tech.peppol.org",)
    assert settings(zones=("a.example", "b.example")).zones_in_use == ("a.example", "b.example")
    World.made().write(tmp_path / "trust" / "test")
    assert PeppolNetwork(settings(), surroundings(tmp_path)).authorities.access_point
    with pytest.raises(ConfigError, match="no authorities to trust") as caught:
        _ = PeppolNetwork(settings(stage="production"), surroundings(tmp_path)).trust
    assert caught.value.where == str(tmp_path / "trust" / "production")


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"allow_internal": True}, "for trials only"),
        ({"revocation": "off"}, "cannot be off in production"),
        ({"resolvers": ("192.0.2.1",)}, "two name servers"),
        ({"zones": ("not a zone",)}, "zones"),
        ({"pinned_ca_keys": ("abc",)}, "pinned_ca_keys"),
        ({"revocation_soft_fail_hours": 200}, "revocation_soft_fail_hours"),
        ({"keys": ({"key": "secret in the open"},)}, "key"),
    ],
)
def test_what_is_not_safe_in_production_is_refused(facts: dict[str, object], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        settings(stage="production", **facts)


def test_keys_come_from_files_and_the_environment(tmp_path: Path) -> None:
    world = World.made()
    world.write(tmp_path / "trust" / "test")
    old = world.access_points.issue("POP000001", label="old", ends=NOW + timedelta(days=20))
    new = world.access_points.issue("POP000001", label="new", begins=NOW - timedelta(days=1))
    (tmp_path / "old.pem").write_bytes(old.pem + old.key_pem("open sesame"))
    secrets = {"env:NEW": (new.pem + new.key_pem()).decode(), "env:PASSWORD": "open sesame"}
    around = Surroundings(secrets.__getitem__, lambda: NOW, surroundings(tmp_path).locked, folder=tmp_path)
    keys = ({"key": "file:old.pem", "password": "env:PASSWORD"}, {"key": "env:NEW"})
    network = PeppolNetwork(settings(keys=keys), around)
    assert network.keys.signing(NOW).certificate == new.certificate
    assert network.keys.for_certificate(old.der) is not None
    assert [one.purpose for one in network.held()] == [
        *("access point certificate", "access point certificate"),
        *("access point CA", "SMP CA"),
    ]
    assert expiring(network.held(), NOW) == ()


def test_a_key_of_the_other_stage_is_refused_at_the_start(tmp_path: Path) -> None:
    World.made().write(tmp_path / "trust" / "test")
    leaf = World.made(stage="").access_points.issue("POP000001")
    (tmp_path / "ap.pem").write_bytes(leaf.pem + leaf.key_pem())
    network = PeppolNetwork(settings(keys=({"key": "file:ap.pem"},)), surroundings(tmp_path))
    with pytest.raises(ConfigError, match="the chain is missing") as caught:
        _ = network.keys
    assert caught.value.where == "file:ap.pem"


def test_the_background_fetches_the_list_of_our_own_authority(web: WebServer, tmp_path: Path) -> None:
    """Before the first message of another access point needs it."""
    world = World.made(revocation=web.url)
    world.write(tmp_path / "trust" / "test")
    leaf = world.access_points.issue("POP000001")
    (tmp_path / "ap.pem").write_bytes(leaf.pem + leaf.key_pem())
    web.pages["/ap.crl"] = world.access_points.crl()
    network = PeppolNetwork(
        settings(keys=({"key": "file:ap.pem"},), revocation_hosts=(web.host,)), surroundings(tmp_path)
    )
    (refreshed,) = network.refresh_revocation(NOW)
    assert (refreshed.url, refreshed.problem) == (f"{web.url}/ap.crl", "")
    assert network.refresh_revocation(NOW) == (refreshed,)
    assert web.calls == ["/ap.crl"]
    network.close()


def test_an_exchanged_key_signs_without_a_restart_and_the_one_before_still_opens(tmp_path: Path) -> None:
    world = World.made()
    world.write(tmp_path / "trust" / "test")
    old = world.access_points.issue("POP000001", label="old", ends=NOW + timedelta(days=20))
    new = world.access_points.issue("POP000001", label="new", begins=NOW - timedelta(days=1))
    file = tmp_path / "ap.pem"
    file.write_bytes(old.pem + old.key_pem())
    network = PeppolNetwork(settings(keys=({"key": "file:ap.pem"},)), surroundings(tmp_path))
    assert network.keys is network.keys
    assert network.keys.signing(NOW).certificate == old.certificate
    file.write_bytes(new.pem + new.key_pem())
    assert network.keys.signing(NOW).certificate == new.certificate
    assert network.keys.for_certificate(old.der) is not None
    file.write_bytes(old.pem + old.key_pem())
    assert network.keys.signing(NOW).certificate == old.certificate, "taken back: the newer one opens only"
    assert network.keys.for_certificate(new.der) is not None
    assert network.problems == ()


@pytest.mark.parametrize("content", [b"", b"-----BEGIN half", None], ids=["empty", "half", "gone"])
def test_a_key_file_that_cannot_be_read_stops_nothing(tmp_path: Path, content: bytes | None) -> None:
    """While it is being copied, or by mistake: what was before counts, until the file changes again."""
    world = World.made()
    world.write(tmp_path / "trust" / "test")
    leaf = world.access_points.issue("POP000001")
    file = tmp_path / "ap.pem"
    file.write_bytes(leaf.pem + leaf.key_pem())
    network = PeppolNetwork(settings(keys=({"key": "file:ap.pem"},)), surroundings(tmp_path))
    before = network.keys
    if content is None:
        file.unlink()
    else:
        file.write_bytes(content)
    assert network.keys is before
    assert [problem.where for problem in network.problems] == ["file:ap.pem"]
    file.write_bytes(leaf.pem + leaf.key_pem() + b"\n")
    assert network.keys.signing(NOW).certificate == leaf.certificate
    assert network.problems == ()


def test_new_authorities_count_without_a_restart_and_old_judgements_do_not(tmp_path: Path) -> None:
    """Whoever shares the trust sees the change; what the former authority issued is refused from then on."""
    folder = tmp_path / "trust" / "test"
    former, following = World.made(), World.made(stage="TEST")
    former.write(folder)
    network = PeppolNetwork(settings(revocation="off"), surroundings(tmp_path))
    trust = network.trust
    one, other = (world.access_points.issue("POP000002") for world in (former, following))
    trust.require(one.certificate, Role.ACCESS_POINT, NOW)
    for file in folder.iterdir():
        file.unlink()
    following.write(folder)
    assert network.trust is trust
    trust.require(other.certificate, Role.ACCESS_POINT, NOW)
    with pytest.raises(UntrustedCertificate):
        trust.require(one.certificate, Role.ACCESS_POINT, NOW)

"""The sample configuration of an access point fits the imitated network as it stands."""

from __future__ import annotations

from pathlib import Path

from cryptography import x509
from ruamel.yaml import YAML

from connectors.channels.peppol.access_point import AccessPointSettings
from connectors.sandbox.peppol.buyers import SELLERS
from connectors.sandbox.peppol.pki import CRL_NAMES, Pki
from connectors.sandbox.peppol.sml import ZONE
from connectors.sandbox.world import World

SAMPLE = Path(__file__).parents[3] / "config" / "channels" / "peppol.yaml"


def settings() -> AccessPointSettings:
    read = YAML(typ="safe").load(SAMPLE.read_text("utf-8"))
    return AccessPointSettings.model_validate(read["settings"])


def test_ports_zone_and_participants_are_those_of_the_sandbox() -> None:
    sample = settings()
    world = World(only=("peppol",))
    addresses = world.addresses()["peppol"]
    world.stop()
    assert list(sample.resolvers) == [addresses["dns"]]
    assert list(sample.zones) == [ZONE.rstrip(".")]
    assert [f"http://{host}" for host in sample.revocation_hosts] == [addresses["smp"].removesuffix("/smp")]
    assert {one.address for one in sample.participants} <= set(SELLERS)


def test_keys_and_trust_folder_are_written_by_init(tmp_path: Path) -> None:
    """And the revocation lists named in them are served where the sandbox of that port listens."""
    from gateway.cli.setup import write_config

    sample = settings()
    write_config(tmp_path / "config", 21000)
    folder = tmp_path / "config" / sample.trust_folder
    assert folder.stat().st_mode & 0o077 == 0
    names = {
        x509.load_pem_x509_certificate(file.read_bytes()).subject.rfc4514_string()
        for file in folder.glob("*.pem")
    }
    pki = Pki("http://127.0.0.1:21090")
    authorities = (pki.root, pki.access_point_ca, pki.smp_ca)
    assert names == {one.certificate.subject.rfc4514_string() for one in authorities}
    for one in sample.keys:
        text = (tmp_path / "config" / one.key.removeprefix("file:")).read_text("utf-8")
        assert text == pki.files()["peppol-ap.pem"]
        certificate = x509.load_pem_x509_certificate(text.encode())
        points = certificate.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
        (name,) = points[0].full_name or []
        assert name.value == f"http://127.0.0.1:21090/crl/{CRL_NAMES['ap-ca']}"

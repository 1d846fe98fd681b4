"""Keys from the configuration: opened, matched with their certificate, and never shown."""

from __future__ import annotations

import base64
import re
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)
from pydantic import ValidationError
from ruamel.yaml import YAML

from formats.errors import ConfigError
from formats.registry import PROFILES as FORMATS
from formats.signatures.profiles import PROFILES
from formats.signatures.signer import Signer
from gateway.key_settings import Signs, key_problems
from gateway.keys import FileKeys, KeySettings
from tests.formats.signatures.authority import (
    DAY,
    NOW,
    certificate,
    key,
    key_pem,
    middle,
    pem,
    root,
    signer,
)

PASSWORD = "invented"


def container(password: str | None = PASSWORD) -> bytes:
    one = signer()
    locked = NoEncryption() if password is None else BestAvailableEncryption(password.encode())
    return pkcs12.serialize_key_and_certificates(
        # In the order that some programs write: the root first.
        *(b"seal", one.private_key, one.certificate, [root(), middle()], locked)
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    one = signer()
    (tmp_path / "seal.pem").write_bytes(pem([one.certificate, *one.chain]))
    (tmp_path / "seal.key").write_bytes(key_pem(one.private_key))
    (tmp_path / "locked.key").write_bytes(
        one.private_key.private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(PASSWORD.encode())
        )
    )
    (tmp_path / "seal.p12").write_bytes(container())
    (tmp_path / "password").write_text(f"{PASSWORD}\n", "utf-8")
    (tmp_path / "wrong").write_text("something else\n", "utf-8")
    return tmp_path


def keys(folder: Path, **settings: str) -> FileKeys:
    return FileKeys.of([KeySettings.model_validate({"name": "seal", **settings})], folder)


WAYS = {
    "pem": {"certificate": "file:seal.pem", "private_key": "file:seal.key"},
    "locked pem": {
        "certificate": "file:seal.pem",
        "private_key": "file:locked.key",
        "password": "file:password",
    },
    "pkcs12": {"pkcs12": "file:seal.p12", "password": "file:password"},
}


@pytest.mark.parametrize("way", WAYS)
def test_a_key_is_opened_with_its_certificate_and_chain(way: str, folder: Path) -> None:
    found = keys(folder, **WAYS[way]).signer("seal", NOW)
    assert found.certificate == signer().certificate
    assert found.chain[0] == middle()
    assert found.sign(b"content") == signer().sign(b"content")


def test_a_container_may_come_from_the_environment(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEAL", base64.b64encode(container(None)).decode())
    assert keys(folder, pkcs12="env:SEAL").signer("seal", NOW).certificate == signer().certificate
    monkeypatch.setenv("SEAL", "not base64!")
    with pytest.raises(ConfigError, match="base64"):
        keys(folder, pkcs12="env:SEAL").signer("seal", NOW)


def test_a_renewed_key_counts_at_once(folder: Path) -> None:
    provider = keys(folder, **WAYS["pem"])
    before = provider.signer("seal", NOW)
    renewed = signer(serial=4712)
    (folder / "seal.pem").write_bytes(pem([renewed.certificate]))
    assert before.facts.serial == "4711"
    assert provider.signer("seal", NOW).facts.serial == "4712"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({**WAYS["pkcs12"], "password": "file:wrong"}, "password is wrong"),
        ({"pkcs12": "file:seal.p12"}, "password is wrong"),
        ({**WAYS["locked pem"], "password": "file:wrong"}, "password is wrong"),
        ({**WAYS["pem"], "password": "file:wrong"}, "password is wrong"),
        ({**WAYS["pem"], "certificate": "file:seal.key"}, "no certificate"),
        ({**WAYS["pem"], "private_key": "file:seal.pem"}, "cannot be opened"),
        ({"pkcs12": "file:missing.p12"}, "cannot be read"),
        ({"pkcs12": "file:seal.pem"}, "cannot be opened"),
    ],
)
def test_what_is_wrong_is_said_without_showing_it(settings: dict[str, str], said: str, folder: Path) -> None:
    with pytest.raises(ConfigError, match=said) as refused:
        keys(folder, **settings).signer("seal", NOW)
    shown = f"{refused.value} {refused.value.__cause__}"
    assert PASSWORD not in shown
    assert "something else" not in shown
    assert "PRIVATE KEY" not in shown


def test_a_key_that_does_not_fit_is_refused(folder: Path) -> None:
    (folder / "seal.key").write_bytes(key_pem(key("rsa2048", 3)))
    with pytest.raises(ConfigError, match="does not belong to the certificate"):
        keys(folder, **WAYS["pem"]).signer("seal", NOW)
    (folder / "seal.key").write_bytes(
        ed25519.Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    with pytest.raises(ConfigError, match="neither RSA nor ECDSA"):
        keys(folder, **WAYS["pem"]).signer("seal", NOW)


def test_a_weak_key_is_refused_before_anything_is_signed() -> None:
    own = key("rsa1024", 3)
    with pytest.raises(ConfigError, match="1024 bits"):
        Signer(certificate("Weak", own, "Weak", own), own)


def test_a_certificate_that_is_not_valid_does_not_sign(folder: Path) -> None:
    provider = keys(folder, **WAYS["pem"])
    for moment in (NOW - timedelta(days=500), NOW + timedelta(days=500)):
        with pytest.raises(ConfigError, match="valid from"):
            provider.signer("seal", moment)


def test_certificates_that_end_are_named_in_time(folder: Path) -> None:
    provider = keys(folder, **WAYS["pem"])
    ends = signer().facts.valid_to
    assert provider.expiring(ends - timedelta(days=91)) == ()
    assert provider.expiring(ends - timedelta(days=90))[0].days == 90
    (soon,) = provider.expiring(ends - timedelta(days=30))
    assert soon.days == 30
    assert soon.sentence == "The certificate of the key seal ends in 30 days; renew it now."
    (late,) = provider.expiring(ends + timedelta(days=2))
    assert late.days == -2
    assert "expired on" in late.sentence


def test_names_are_known_and_single(folder: Path) -> None:
    with pytest.raises(ConfigError, match="no key named"):
        keys(folder, **WAYS["pem"]).signer("other", NOW)
    twice = [KeySettings.model_validate({"name": "seal", **WAYS["pem"]})] * 2
    with pytest.raises(ConfigError, match="two keys"):
        FileKeys.of(twice, folder)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"certificate": "file:seal.pem"},
        {**WAYS["pem"], "pkcs12": "file:seal.p12"},
        {"certificate": "file:seal.pem", "pkcs12": "file:seal.p12"},
        {"pkcs12": "seal.p12"},
        {"pkcs12": "file:seal.p12", "pin": "1234"},
    ],
)
def test_half_a_key_is_no_key(settings: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        KeySettings.model_validate({"name": "seal", **settings})


def test_the_documented_examples_are_keys() -> None:
    page = (Path(__file__).parents[2] / "docs" / "signatures.md").read_text("utf-8")
    blocks = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    written = [KeySettings.model_validate(YAML(typ="safe").load(block)) for block in blocks]
    assert [one.name for one in written] == ["seal", "spain"]
    for one in written:
        assert [problem for signs in one.signs for problem in key_problems(signs, {"brightwater"})] == []
    assert all(f"`{key}`" in page for key in PROFILES)


def lasting(folder: Path, name: str, begins: int, ends: int, **settings: object) -> KeySettings:
    """A key whose certificate is valid from and to so many days from now."""
    own = key("p256", 7)
    made = certificate(name, own, name, own, begins=NOW + begins * DAY, ends=NOW + ends * DAY)
    (folder / f"{name}.pem").write_bytes(pem([made]))
    (folder / f"{name}.key").write_bytes(key_pem(own))
    files = {"certificate": f"file:{name}.pem", "private_key": f"file:{name}.key"}
    signs = [{"profiles": ["fatturapa-fpr12"], "companies": ["brightwater"]}]
    return KeySettings.model_validate({"name": name, **files, "signs": signs, **settings})


ITALY = FORMATS["fatturapa-fpr12"]


def test_a_renewed_certificate_lies_beside_the_old_one_and_signs_from_its_first_day(folder: Path) -> None:
    both = FileKeys.of([lasting(folder, "old", -300, 30), lasting(folder, "new", 10, 400)], folder)

    def signs(day: int) -> str:
        chosen = both.choose(ITALY, "brightwater", NOW + day * DAY)
        assert chosen is not None
        return chosen.name

    assert [signs(day) for day in (0, 9, 11, 29, 31)] == ["old", "old", "new", "new", "new"]
    assert both.expiring(NOW) == ()
    assert [one.name for one in both.expiring(NOW + 350 * DAY)] == ["new"]
    assert both.ends() == (("old", NOW + 30 * DAY), ("new", NOW + 400 * DAY))


def test_a_key_signs_for_its_companies_and_profiles_only(folder: Path) -> None:
    keys = FileKeys.of([lasting(folder, "one", -1, 100)], folder)
    chosen = keys.choose(ITALY, "brightwater", NOW)
    assert chosen is not None
    assert chosen.signature == "fatturapa-cades"
    assert keys.choose(ITALY, "nordlicht", NOW) is None
    assert keys.choose(FORMATS["facturae"], "brightwater", NOW) is None
    other = [{"profiles": ["fatturapa-fpr12"], "signature": "fatturapa-xades"}]
    keys = FileKeys.of([lasting(folder, "one", -1, 100, signs=other)], folder)
    chosen = keys.choose(ITALY, "nordlicht", NOW)
    assert chosen is not None
    assert chosen.signature == "fatturapa-xades"


@pytest.mark.parametrize(("begins", "ends", "state"), [(-9, -1, "expired"), (1, 9, "not yet valid")])
def test_a_key_that_is_not_valid_now_is_no_reason_to_send_unsigned(
    begins: int, ends: int, state: str, folder: Path
) -> None:
    """FPR12 may go unsigned; where a key is named for it, it does not."""
    keys = FileKeys.of([lasting(folder, "one", begins, ends)], folder)
    with pytest.raises(ConfigError, match="it is valid from"):
        keys.choose(ITALY, "brightwater", NOW)
    assert [one.state(NOW) for one in keys.standing()] == [state]


def test_a_key_that_cannot_be_read_stands_in_the_list_with_the_reason(folder: Path) -> None:
    good = lasting(folder, "good", -1, 50)
    broken = KeySettings.model_validate({"name": "bad", **WAYS["pkcs12"], "password": "file:wrong"})
    bad, soon = FileKeys.of([good, broken], folder).standing()
    assert (bad.state(NOW), soon.state(NOW), soon.state(NOW - 0.5 * DAY)) == (
        "unusable",
        "ends soon",
        "ends soon",
    )
    assert bad.problem is not None
    assert "password is wrong" in bad.problem.what


@pytest.mark.parametrize(
    ("signs", "said"),
    [
        ({"profiles": ["fatturapa"]}, "not known"),
        ({"profiles": ["peppol-bis-3"]}, "takes no signature"),
        ({"profiles": ["facturae"], "signature": "fatturapa-cades"}, "does not take the signature"),
        ({"profiles": ["facturae"], "companies": ["elsewhere"]}, "no company elsewhere"),
    ],
)
def test_what_a_key_cannot_sign_is_named_when_the_config_is_read(signs: dict[str, object], said: str) -> None:
    (problem,) = key_problems(Signs.model_validate(signs), {"brightwater"})
    assert said in problem[0]

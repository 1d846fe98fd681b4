"""gateway convert --sign, verify-signature and keys list: what people do with keys and signed files."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from formats.errors import ConfigError
from formats.registry import PROFILES, SYNTAXES
from formats.signatures.signer import Signer
from formats.syntaxes import ubl
from gateway.cli.main import app
from gateway.config_file import ConfigProblems
from gateway.files import write_whole
from tests.formats.signatures.authority import certificate, key, key_pem, pem
from tests.formats.signatures.programs import Folder, needs
from tests.formats.syntaxes.national import spanish
from tests.strategies import sample_invoice

DAY = timedelta(days=1)


def lasting(days: int = 300, kind: str = "rsa2048", number: int = 9) -> Signer:
    """A signer whose certificate is valid on the day of the test."""
    own, now = key(kind, number), datetime.now(UTC)
    made = certificate("Seal", own, "Seal", own, begins=now - DAY, ends=now + days * DAY)
    return Signer(made, own)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    folder = tmp_path / "config"
    (folder / "keys").mkdir(parents=True)
    (folder / "secrets").mkdir()
    (folder / "companies").mkdir()
    (folder / "companies" / "acme.yaml").write_text("{}\n", "utf-8")
    (folder / "channels").mkdir()
    mail = "{smtp: {host: 127.0.0.1}, sender: a@example.com, delivered_when: relay}"
    box = f"name: mail\nkind: email\nsettings: {mail}\n"
    (folder / "channels" / "mail.yaml").write_text(box, "utf-8")
    route = "routes: [{name: all, channel: mail, profile: peppol-bis-3}]\n"
    (folder / "routing.yaml").write_text(route, "utf-8")
    put_key(folder, "seal", lasting())
    return folder


def put_key(folder: Path, name: str, signer: Signer, signs: str = "[{profiles: [facturae]}]") -> None:
    (folder / "secrets" / f"{name}.pem").write_bytes(pem([signer.certificate]))
    (folder / "secrets" / f"{name}.key").write_bytes(key_pem(signer.private_key))
    (folder / "keys" / f"{name}.yaml").write_text(
        f"name: {name}\ncertificate: file:secrets/{name}.pem\nprivate_key: file:secrets/{name}.key\n"
        f"signs: {signs}\n",
        "utf-8",
    )


@pytest.fixture
def invoice(tmp_path: Path) -> Path:
    file = tmp_path / "invoice.xml"
    file.write_bytes(ubl.write(spanish(sample_invoice())))
    return file


def run(config: Path, *arguments: object) -> Result:
    return CliRunner().invoke(app, ["-c", str(config), *map(str, arguments)], catch_exceptions=True)


SIGNED = [
    ("fatturapa-fpr12", "out.xml.p7m", "cades-bes"),
    ("fatturapa-fpr12", "out.xml", "xades-bes"),
    ("facturae", "out.xsig", "xades-epes"),
    ("facturx-en16931", "out.pdf", "pades-b"),
]


@pytest.mark.parametrize(("profile", "name", "kind"), SIGNED)
def test_what_is_converted_is_signed_and_verifies(
    profile: str, name: str, kind: str, config: Path, invoice: Path, tmp_path: Path
) -> None:
    out = tmp_path / name
    done = run(config, "convert", invoice, "--to", profile, "--sign", "seal", "-o", out)
    assert done.exit_code == 0
    assert f"with the key seal, {kind}" in done.stderr
    trusted = ("--trusted", config / "secrets" / "seal.pem")
    covered = tmp_path / "covered"
    told = run(config, "verify-signature", out, *trusted, "-o", covered)
    assert (told.exit_code, "TOTAL-PASSED  signed by CN=Seal" in told.stdout) == (0, True)
    data = json.loads(run(config, "verify-signature", out, *trusted, "--json").stdout)
    assert (data["verified"], data["signatures"][0]["kind"]) == (True, kind)
    if not name.endswith(".pdf"):
        read = SYNTAXES[PROFILES[profile].syntax].read(covered.read_bytes())
        assert read.number == sample_invoice().number
    back = run(config, "convert", out, "--to", "en16931-ubl")
    assert back.exit_code == 0
    said = "signed by CN=Seal"
    assert said in back.stderr
    assert "not verified because no trusted certificates were given" in back.stderr


@needs("openssl")
@pytest.mark.parametrize("kind", ["rsa2048", "p256"])
def test_openssl_reads_what_the_command_wrote(kind: str, config: Path, invoice: Path, tmp_path: Path) -> None:
    signer = lasting(kind=kind)
    put_key(config, "seal", signer)
    out = tmp_path / "out.xml.p7m"
    assert (
        run(config, "convert", invoice, "--to", "fatturapa-fpa12", "--sign", "seal", "-o", out).exit_code == 0
    )
    folder = Folder(tmp_path, signer)
    done = folder.run(
        *("openssl", "cms", "-verify", "-cades", "-inform", "DER", "-in", out.name, "-out", "content"),
        *("-CAfile", "signer.pem", "-partial_chain", "-purpose", "any"),
    )
    assert done.returncode == 0, done.stderr
    assert b"FPA12" in (tmp_path / "content").read_bytes()


def test_a_document_that_must_be_signed_is_written_with_a_word_about_it(config: Path, invoice: Path) -> None:
    done = run(config, "convert", invoice, "--to", "facturae")
    assert done.exit_code == 0
    assert "must be signed before it is sent" in done.stderr


@pytest.mark.parametrize(
    ("profile", "name", "key_name", "said"),
    [
        ("peppol-bis-3", "out.xml", "seal", "takes no signature"),
        ("facturx-en16931", "out.xml", "seal", "takes no signature"),
        ("facturae", "out.xsig", "other", "no key named 'other'"),
        ("facturae", "out.xsig", "late", "it is valid from"),
    ],
)
def test_what_cannot_be_signed_is_not_written(
    profile: str, name: str, key_name: str, said: str, config: Path, invoice: Path, tmp_path: Path
) -> None:
    put_key(config, "late", lasting(days=0))
    done = run(config, "convert", invoice, "--to", profile, "--sign", key_name, "-o", tmp_path / name)
    assert isinstance(done.exception, ConfigError)
    assert said in done.exception.what
    assert not (tmp_path / name).exists()


def test_an_altered_file_fails_and_a_stranger_is_not_believed(
    config: Path, invoice: Path, tmp_path: Path
) -> None:
    out, stranger = tmp_path / "out.xsig", tmp_path / "stranger.pem"
    run(config, "convert", invoice, "--to", "facturae", "--sign", "seal", "-o", out)
    stranger.write_bytes(pem([lasting(number=10).certificate]))
    told = run(config, "verify-signature", out, "--trusted", stranger, "-o", tmp_path / "covered")
    assert (told.exit_code, "INDETERMINATE  signed by CN=Seal" in told.stdout) == (1, True)
    assert "leads to no certificate we trust" in told.stdout
    out.write_bytes(out.read_bytes().replace(b"2524.22", b"9524.22"))
    told = run(config, "verify-signature", out, "--trusted", config / "secrets" / "seal.pem")
    assert (told.exit_code, "TOTAL-FAILED" in told.stdout) == (1, True)
    assert not (tmp_path / "covered").exists()
    told = run(config, "verify-signature", invoice)
    assert (told.exit_code, "not signed" in told.stdout) == (1, True)


def test_keys_are_listed_with_what_they_sign_and_until_when(config: Path) -> None:
    listed = run(config, "keys", "list")
    assert listed.exit_code == 0
    assert [word for word in ("seal", "usable", "CN=Seal", "facturae") if word not in listed.stdout] == []
    put_key(config, "soon", lasting(days=50))
    put_key(config, "late", lasting(days=0), signs="[]")
    listed = run(config, "keys", "list")
    assert listed.exit_code == 1
    assert "The certificate of the key late expired on" in listed.stderr
    assert "of the key soon" not in listed.stderr, "the seal signs the same for longer"
    states = {one["name"]: one["state"] for one in json.loads(run(config, "keys", "list", "--json").stdout)}
    assert states == {"seal": "usable", "soon": "ends soon", "late": "expired"}


def test_a_key_file_is_checked_with_its_line(config: Path) -> None:
    put_key(config, "seal", lasting(), signs="[{profiles: [facturae], companies: [elsewhere]}]")
    done = run(config, "keys", "list")
    assert isinstance(done.exception, ConfigProblems)
    assert "there is no company elsewhere" in done.exception.what
    assert done.exception.where.endswith("keys/seal.yaml, line 4")


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    file = tmp_path / "out.xml"
    write_whole(file, b"one")
    file.chmod(0o640)
    write_whole(file, b"two")
    assert (file.read_bytes(), file.stat().st_mode & 0o777) == (b"two", 0o640)
    link = tmp_path / "link.xml"
    link.symlink_to(file)
    write_whole(link, b"three")
    assert (link.is_symlink(), file.read_bytes()) == (True, b"three")
    (tmp_path / "folder.xml").mkdir()
    with pytest.raises(OSError, match="directory"):
        write_whole(tmp_path / "folder.xml", b"four")
    with pytest.raises(OSError, match="No such file"):
        write_whole(tmp_path / "nowhere" / "out.xml", b"four")
    assert sorted(one.name for one in tmp_path.iterdir()) == ["folder.xml", "link.xml", "out.xml"]

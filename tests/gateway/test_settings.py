"""Whatever is wrong in a config folder is told with file, line and remedy, all at once, without secrets."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from formats.errors import ConfigError
from gateway import settings
from gateway.cli.setup import write_config
from gateway.config_file import ConfigProblems

SECRET = "hunter2-very-secret"


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("written") / "config"
    write_config(folder, 47000)
    return folder


@pytest.fixture
def config(tmp_path: Path, written: Path) -> Path:
    """What `gateway init` writes."""
    return Path(shutil.copytree(written, tmp_path / "config"))


def replaced(config: Path, name: str, old: str, new: str) -> int:
    """Change one place of a file; gives its line."""
    file = config / name
    text = file.read_text("utf-8")
    assert text.count(old) >= 1, old
    file.write_text(text.replace(old, new, 1), "utf-8")
    return text[: text.index(old)].count("\n") + 1


def problems(config: Path) -> tuple[ConfigError, ...]:
    with pytest.raises(ConfigError) as caught:
        settings.read(config)
    found = caught.value
    return found.problems if isinstance(found, ConfigProblems) else (found,)


def test_what_init_writes_is_right(config: Path) -> None:
    read = settings.read(config)
    assert [source.name for source in read.sources] == [
        *("exact-vandael", "netsuite-brightwater", "sap-nordlicht"),
    ]
    assert {channel.name for channel in read.channels} == {"peppol-access-point", "peppol-provider", "email"}
    assert read.database == f"sqlite:///{config.resolve() / 'gateway.db'}"
    assert (read.retry.attempts, read.retry.first, read.retry.cap) == (8, 5.0, 3600.0)


@pytest.mark.parametrize(
    ("name", "old", "new", "what", "fix"),
    [
        ("gateway.yaml", "workers: 4", "workers: 0", "workers", "1 to 64"),
        ("gateway.yaml", "workers: 4", "workers: many", "workers", "1 to 64"),
        ("gateway.yaml", "workers: 4", "worker: 4", "worker is not a setting", "spelling"),
        ("gateway.yaml", "  growth: 2", "  growth: 99", "retry.growth", "how many times longer"),
        ("gateway.yaml", "log_level: info", "log_level: loud", "log_level", "debug, info, warning or error"),
        ("gateway.yaml", "database: sqlite:///gateway.db", "database: here", "database", "sqlite:///"),
        ("gateway.yaml", "workers: 4", "workers: [4", "not YAML", "mend the YAML"),
        ("routing.yaml", "channel: email", "channel: fax", "fax", "channels/"),
        ("routing.yaml", "profile: en16931-ubl", "profile: ubl-9", "ubl-9", "peppol-bis-3"),
        ("routing.yaml", "needs: [BT-49]", "needs: 49", "routes.0.needs", "business terms"),
        ("sources/sap.yaml", "kind: sap-idoc", "kind: sap-r2", "sap-r2", "sap-idoc"),
        (
            "sources/sap.yaml",
            "company: nordlicht",
            "company: suedlicht",
            "suedlicht",
            "companies/suedlicht.yaml",
        ),
        ("sources/sap.yaml", "mapping: sap_invoic02", "mapping: sap_invoice", "sap_invoice", "sap_invoic02"),
        (
            "sources/sap.yaml",
            "poll_seconds: 60",
            "poll_seconds: 0",
            "poll_seconds",
            "seconds between two looks",
        ),
        ("sources/sap.yaml", "name: sap-nordlicht", "name: SAP Nordlicht", "name", "small letters"),
        ("sources/sap.yaml", "name: sap-nordlicht", "name: exact-vandael", "exact.yaml too", "its own name"),
        ("sources/sap.yaml", "    port: 47010", "    port: ssh", "settings.sftp.port", "TCP port"),
        ("sources/sap.yaml", "  settle_seconds: 0", "  settle_second: 0", "settle_second", "spelling"),
        (
            "sources/sap.yaml",
            "Europe/Berlin",
            "Europe/Entenhausen",
            "time zone",
            "time zone of the SAP system",
        ),
        (
            "sources/exact.yaml",
            "  division: 3210123",
            "  # no division",
            "settings.division is missing",
            "division",
        ),
        ("channels/provider.yaml", "kind: sftp-outbox", "kind: fax", "fax", "sftp-outbox"),
        ("channels/email.yaml", "security: starttls", "security: hopefully", "security", "starttls"),
        ("companies/nordlicht.yaml", "name: Nordlicht", "\tname: Nordlicht", "not YAML", "mend the YAML"),
    ],
)
def test_a_mistake_is_named_with_file_line_and_remedy(
    config: Path, name: str, old: str, new: str, what: str, fix: str
) -> None:
    line = replaced(config, name, old, new)
    (found,) = problems(config)
    assert what in found.what
    assert fix in found.fix
    place = re.fullmatch(r"(.+), line (\d+)", found.where)
    assert place is not None, found.where
    assert place[1] == str(config / name)
    # What is missing, or breaks off, is told at the line of what holds it or where the reader noticed.
    tolerance = 15 if "missing" in found.what else 5 if "YAML" in found.what else 0
    assert abs(int(place[2]) - line) <= tolerance


def _remove(name: str) -> Callable[[Path], object]:
    return lambda config: (config / name).unlink()


def _write(name: str, content: bytes) -> Callable[[Path], object]:
    def write(config: Path) -> None:
        (config / name).parent.mkdir(exist_ok=True)
        (config / name).write_bytes(content)

    return write


@pytest.mark.parametrize(
    ("spoil", "name", "what"),
    [
        (_remove("routing.yaml"), "routing.yaml", "cannot be read"),
        (_write("routing.yaml", b"# nothing yet\n"), "routing.yaml", "routes is missing"),
        (_write("sources/more.yaml", b"- a\n- list\n"), "sources/more.yaml", "no settings"),
        (_write("sources/more.yaml", b"name: caf\xe9\n"), "sources/more.yaml", "not UTF-8"),
        (_write("channels/more.yaml", b"#" * 2_000_000), "channels/more.yaml", "larger than 1 MiB"),
        (_write("sources/more.yml", b"name: more\n"), "sources/more.yml", "not read"),
        (_write("mappings/own.yaml", b"caf\xe9: 1\n"), "mappings/own.yaml", "cannot be read"),
    ],
)
def test_a_file_that_is_no_config_file_is_named(
    config: Path, spoil: Callable[[Path], object], name: str, what: str
) -> None:
    spoil(config)
    (found,) = problems(config)
    assert str(config / name) in found.where
    assert what in found.what
    assert found.fix


def test_all_mistakes_are_told_at_once(config: Path) -> None:
    replaced(config, "gateway.yaml", "workers: 4", "workers: 0")
    replaced(config, "routing.yaml", "channel: email", "channel: fax")
    replaced(config, "sources/sap.yaml", "    port: 47010", "    port: ssh")
    replaced(config, "sources/sap.yaml", "company: nordlicht", "company: suedlicht")
    replaced(config, "sources/exact.yaml", "kind: exact-online", "kind: excel")
    replaced(config, "channels/provider.yaml", "  taken_folder:", "  took_folder:")
    replaced(config, "companies/vandael.yaml", "name: Van", "name: {Van")
    found = problems(config)
    files = {Path(problem.where.rpartition(", line")[0]).name for problem in found}
    assert files == {
        "gateway.yaml",
        "routing.yaml",
        "sap.yaml",
        "exact.yaml",
        "vandael.yaml",
        "provider.yaml",
    }
    assert len(found) == 7
    with pytest.raises(ConfigProblems, match=r"\(and 6 more\)"):
        settings.read(config)


def test_a_channel_with_a_mistake_is_not_called_missing_too(config: Path) -> None:
    replaced(config, "channels/email.yaml", "security: starttls", "security: hopefully")
    (found,) = problems(config)
    assert "email.yaml" in found.where


def test_an_empty_gateway_file_means_the_defaults(config: Path) -> None:
    (config / "gateway.yaml").write_text("# workers: 8\n", "utf-8")
    assert settings.read(config).workers == 4
    (config / "gateway.yaml").unlink()
    assert settings.read(config).workers == 4


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    (found,) = problems(tmp_path / "nowhere")
    assert "no such folder" in found.what
    assert "gateway init" in found.fix


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("sources/sap.yaml", "password: file:secrets/sap-sftp-password", f"password: {SECRET}"),
        ("sources/sap.yaml", "password: file:secrets/sap-sftp-password", f"password: [{SECRET}]"),
        ("sources/sap.yaml", "password: file:secrets/sap-sftp-password", f"pasword: {SECRET}"),
        ("sources/sap.yaml", "password: file:secrets/sap-sftp-password", f"password: *{SECRET}"),
        ("sources/sap.yaml", "password: file:secrets/sap-sftp-password", f"password: !{SECRET} x"),
        ("sources/sap.yaml", "password: file:secrets/sap-sftp-password", f"password: '{SECRET}"),
        ("sources/sap.yaml", "password: file:secrets/sap-sftp-password", f"password: @{SECRET}"),
        ("sources/sap.yaml", "    password: ", f"    password: {SECRET}\n    password: "),
        ("sources/exact.yaml", "client_secret: file:secrets/exact-client-secret", f"client_secret: {SECRET}"),
        ("sources/netsuite.yaml", "token_secret: file:", f"token_secret: {SECRET} #"),
        ("channels/email.yaml", "    password: file:secrets/mail-password", f"    password: {SECRET}"),
        ("channels/email.yaml", "  sender: ", f"  sender: {SECRET} "),
        ("gateway.yaml", "workers: 4", f"database_password: {SECRET}"),
        ("gateway.yaml", "database: sqlite:///gateway.db", f"database: postgresql//u:{SECRET}@h/d"),
    ],
)
def test_a_secret_typed_in_place_of_its_reference_is_not_shown(
    config: Path, name: str, old: str, new: str
) -> None:
    replaced(config, name, old, new)
    with pytest.raises(ConfigError) as caught:
        settings.read(config)
    error = caught.value
    found = error.problems if isinstance(error, ConfigProblems) else (error,)
    shown = "".join(str(one) for one in (error, *found))
    assert SECRET not in shown
    assert str(config / name) in shown
    # Nor may a traceback show it.
    chain: BaseException | None = error
    while chain is not None:
        assert SECRET not in str(chain) or chain.__suppress_context__
        chain = chain.__cause__ or (None if chain.__suppress_context__ else chain.__context__)


def test_secrets_come_from_files_and_variables(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (config / "secrets" / "one").write_bytes(b" with blanks \n")
    (config / "secrets" / "two").write_bytes(b"from Windows\r\n")
    assert settings.reveal("file:secrets/one", config) == " with blanks "
    assert settings.reveal("file:secrets/two", config) == "from Windows"
    monkeypatch.setenv("GATEWAY_TEST_SECRET", SECRET)
    assert settings.reveal("env:GATEWAY_TEST_SECRET", config) == SECRET
    replaced(config, "gateway.yaml", "sqlite:///gateway.db", "postgresql://gateway@db.example/gateway")
    replaced(config, "gateway.yaml", "workers: 4", "database_password: env:GATEWAY_TEST_SECRET")
    assert settings.read(config).database == f"postgresql://gateway:{SECRET}@db.example/gateway"


@pytest.mark.parametrize(
    ("reference", "fix"),
    [
        ("env:GATEWAY_NO_SUCH_VARIABLE", "set it"),
        ("file:secrets/none", "secrets/none"),
        ("file:secrets", "readable"),
        ("file:secrets/large", "right file"),
        ("file:secrets/binary", "readable"),
    ],
)
def test_a_missing_secret_is_named_by_its_reference(config: Path, reference: str, fix: str) -> None:
    (config / "secrets" / "large").write_bytes(b"x" * 100_000)
    (config / "secrets" / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError) as caught:
        settings.reveal(reference, config)
    assert caught.value.where == reference
    assert fix in caught.value.fix


def test_a_missing_database_password_is_a_mistake_like_others(config: Path) -> None:
    replaced(config, "gateway.yaml", "sqlite:///gateway.db", "postgresql://gateway@db.example/gateway")
    replaced(config, "gateway.yaml", "workers: 4", "database_password: env:GATEWAY_NO_SUCH_VARIABLE")
    (found,) = problems(config)
    assert "GATEWAY_NO_SUCH_VARIABLE is not set" in found.what


def test_init_overwrites_nothing_and_keeps_secrets_to_its_user(config: Path) -> None:
    with pytest.raises(ConfigError, match="nothing is overwritten"):
        write_config(config, 47000)
    secrets = config / "secrets"
    assert secrets.stat().st_mode & 0o077 == 0
    assert [file.name for file in secrets.iterdir() if file.stat().st_mode & 0o077] == []
    assert "secrets/" in (config / ".gitignore").read_text("utf-8")


def test_a_password_in_the_database_address_is_refused_and_not_shown(config: Path) -> None:
    file = config / "gateway.yaml"
    address = "postgresql://gateway:hunter2@db.example/gateway"
    file.write_text(file.read_text("utf-8").replace("sqlite:///gateway.db", address), "utf-8")
    with pytest.raises(ConfigError, match="a password stands in the address") as caught:
        settings.read(config)
    assert "hunter2" not in str(caught.value)
    assert "gateway.yaml, line" in caught.value.where

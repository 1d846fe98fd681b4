"""The SFTP client against a real server on loopback: refusals, broken transfers, names that are taken."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import ValidationError

from connectors.sandbox.faults import Fault, Faults
from connectors.sandbox.sftp_server import SftpServer, demo_key_text, public_line
from connectors.sftp import SftpClient, SftpSettings, check_steps
from formats.errors import (
    ConfigError,
    ConflictError,
    DocumentError,
    RemoteRefused,
    RemoteUnavailable,
)

SECRETS = {
    "file:secrets/password": "correct horse\n",
    "file:secrets/wrong": "wrong",
    "file:secrets/key": demo_key_text("test client"),
    "file:secrets/other-key": demo_key_text("another client"),
    "file:secrets/no-key": "this is no key",
}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[SftpServer]:
    root = tmp_path / "root"
    (root / "in").mkdir(parents=True)
    (root / "out").mkdir()
    server = SftpServer(
        root,
        passwords={"gateway": "correct horse"},
        keys={"keyed": public_line("test client")},
        host_key_label="test host",
        faults=Faults(),
    )
    server.start()
    yield server
    server.stop()


@pytest.fixture
def root(tmp_path: Path, server: SftpServer) -> Path:
    return tmp_path / "root"


def settings(server: SftpServer, **changes: object) -> SftpSettings:
    values: dict[str, object] = {
        "host": "127.0.0.1",
        "port": server.port,
        "username": "gateway",
        "password": "file:secrets/password",
        "host_key": server.host_key,
        "connect_timeout_seconds": 5,
        "timeout_seconds": 5,
    }
    return SftpSettings.model_validate(values | changes)


def make(server: SftpServer, **changes: object) -> SftpClient:
    return SftpClient("sap", settings(server, **changes), SECRETS.__getitem__)


@pytest.fixture
def client(server: SftpServer) -> Iterator[SftpClient]:
    client = make(server)
    yield client
    client.close()


def arm(server: SftpServer, kind: str, where: str, *, times: int = 1, seconds: float = 1.0) -> None:
    server._site.faults.arm(Fault(kind, where, times, seconds))


def test_files_are_listed_oldest_first_with_size_and_time(client: SftpClient, root: Path) -> None:
    for name, age in (("b.xml", 100), ("a.xml", 300), ("c.xml", 200)):
        (root / "out" / name).write_bytes(name.encode() * 3)
        os.utime(root / "out" / name, (1_790_000_000 - age, 1_790_000_000 - age))
    (root / "out" / "archive").mkdir()
    listed = client.list("/out")
    assert [entry.name for entry in listed] == ["a.xml", "c.xml", "b.xml"]
    assert listed[0].size == 15
    assert listed[0].modified == datetime.fromtimestamp(1_790_000_000 - 300, UTC)


def test_a_long_listing_is_complete(client: SftpClient, root: Path) -> None:
    for number in range(250):
        (root / "out" / f"{number:04}.xml").touch()
    assert len(client.list("/out")) == 250


def test_written_files_are_read_back_byte_for_byte(client: SftpClient, root: Path) -> None:
    content = os.urandom(100_001)
    client.write_atomically("/in/a.xml", content)
    assert client.read("/in/a.xml") == content
    assert [path.name for path in (root / "in").iterdir()] == ["a.xml"]


def test_an_empty_file_can_be_written_and_read(client: SftpClient) -> None:
    client.write_atomically("/in/marker.done", b"")
    assert client.read("/in/marker.done") == b""


def test_a_name_that_is_taken_is_not_replaced(client: SftpClient, root: Path) -> None:
    (root / "in" / "a.xml").write_bytes(b"first")
    with pytest.raises(ConflictError):
        client.write_atomically("/in/a.xml", b"second")
    assert {path.name: path.read_bytes() for path in (root / "in").iterdir()} == {"a.xml": b"first"}


def test_renaming_onto_a_taken_name_or_a_missing_file_is_a_conflict(client: SftpClient, root: Path) -> None:
    (root / "in" / "a").touch()
    (root / "in" / "b").touch()
    with pytest.raises(ConflictError):
        client.rename("/in/a", "/in/b")
    with pytest.raises(ConflictError):
        client.rename("/in/gone", "/in/c")


def test_a_missing_target_folder_is_refused_and_leaves_the_file(client: SftpClient, root: Path) -> None:
    (root / "in" / "a").write_bytes(b"x")
    with pytest.raises(RemoteRefused, match="/nowhere"):
        client.rename("/in/a", "/nowhere/a")
    assert (root / "in" / "a").exists()


def test_a_missing_folder_is_refused(client: SftpClient) -> None:
    with pytest.raises(RemoteRefused, match="/nowhere"):
        client.list("/nowhere")
    with pytest.raises(RemoteRefused, match="/nowhere"):
        client.write_atomically("/nowhere/a.xml", b"x")


def test_folders_are_made_once(client: SftpClient, root: Path) -> None:
    client.ensure_folder("/archive/2026/11")
    client.ensure_folder("/archive/2026/11")
    assert (root / "archive" / "2026" / "11").is_dir()


def test_removing_twice_is_fine(client: SftpClient, root: Path) -> None:
    (root / "in" / "a").touch()
    client.remove("/in/a")
    client.remove("/in/a")
    assert not client.exists("/in/a")


def test_a_file_over_the_limit_is_not_read(client: SftpClient, root: Path) -> None:
    (root / "out" / "big").write_bytes(b"x" * 2_000)
    with pytest.raises(DocumentError, match="1999 are allowed"):
        client.read("/out/big", 1_999)
    assert len(client.read("/out/big", 2_000)) == 2_000


def test_a_file_that_has_gone_is_a_conflict(client: SftpClient) -> None:
    with pytest.raises(ConflictError):
        client.read("/out/gone")


def test_a_file_cut_short_on_the_way_is_not_taken_for_whole(
    client: SftpClient, server: SftpServer, root: Path
) -> None:
    (root / "out" / "a.xml").write_bytes(b"x" * 1_000)
    arm(server, "truncated", "read /out/a.xml")
    with pytest.raises(RemoteUnavailable, match="500 of 1000"):
        client.read("/out/a.xml")
    assert len(client.read("/out/a.xml")) == 1_000


def test_a_full_disk_is_unavailable_and_leaves_nothing(
    client: SftpClient, server: SftpServer, root: Path
) -> None:
    arm(server, "full", "write /in/a.xml")
    with pytest.raises(RemoteUnavailable) as caught:
        client.write_atomically("/in/a.xml", b"x" * 100_000)
    assert not caught.value.uncertain
    assert list((root / "in").iterdir()) == []


def test_a_connection_dropped_during_the_upload_is_certain_not_to_have_worked(
    client: SftpClient, server: SftpServer, root: Path
) -> None:
    arm(server, "drop-after", "write /in/a.xml")
    with pytest.raises(RemoteUnavailable) as caught:
        client.write_atomically("/in/a.xml", b"x")
    assert not caught.value.uncertain
    assert not client.exists("/in/a.xml")


def test_a_connection_dropped_after_the_rename_is_uncertain(client: SftpClient, server: SftpServer) -> None:
    arm(server, "drop-after", "rename")
    with pytest.raises(RemoteUnavailable) as caught:
        client.write_atomically("/in/a.xml", b"x")
    assert caught.value.uncertain
    assert client.read("/in/a.xml") == b"x"


def test_a_lost_connection_is_opened_again(client: SftpClient, server: SftpServer, root: Path) -> None:
    (root / "out" / "a.xml").write_bytes(b"x")
    assert client.read("/out/a.xml") == b"x"
    server.disconnect()
    for _ in range(2):
        try:
            content = client.read("/out/a.xml")
        except RemoteUnavailable:
            continue
    assert content == b"x"


def test_a_silent_server_is_unavailable_in_time(server: SftpServer, root: Path) -> None:
    client = make(server, timeout_seconds=0.2)
    arm(server, "slow", "list /out", seconds=2)
    with pytest.raises(RemoteUnavailable, match=r"0\.2 seconds"):
        client.list("/out")
    client.close()


def test_a_silent_rename_is_uncertain(server: SftpServer, root: Path) -> None:
    (root / "in" / "a").touch()
    client = make(server, timeout_seconds=0.2)
    arm(server, "slow", "rename", seconds=1)
    with pytest.raises(RemoteUnavailable) as caught:
        client.rename("/in/a", "/in/b")
    assert caught.value.uncertain
    client.close()


def test_a_failure_at_the_server_is_unavailable(client: SftpClient, server: SftpServer) -> None:
    arm(server, "unavailable", "list")
    with pytest.raises(RemoteUnavailable):
        client.list("/out")
    assert client.list("/out") == ()


def test_a_closed_port_is_unavailable(server: SftpServer) -> None:
    client = make(server)
    server.stop()
    with pytest.raises(RemoteUnavailable, match="no connection"):
        client.list("/out")


def test_a_server_that_hangs_up_at_once_is_unavailable(client: SftpClient, server: SftpServer) -> None:
    arm(server, "unavailable", "connect")
    with pytest.raises(RemoteUnavailable):
        client.list("/out")


def test_a_wrong_password_is_refused_without_naming_it(server: SftpServer) -> None:
    client = make(server, password="file:secrets/wrong")
    with pytest.raises(RemoteRefused, match="login of gateway") as caught:
        client.list("/out")
    assert "wrong" not in f"{caught.value.what} {caught.value.where}"


def test_a_key_opens_the_door_and_another_key_does_not(server: SftpServer) -> None:
    with_key = {"username": "keyed", "password": None}
    client = make(server, key="file:secrets/key", **with_key)
    assert client.list("/out") == ()
    client.close()
    with pytest.raises(RemoteRefused):
        make(server, key="file:secrets/other-key", **with_key).list("/out")
    with pytest.raises(ConfigError, match="private key"):
        make(server, key="file:secrets/no-key", **with_key).list("/out")


def test_another_host_key_than_the_pinned_one_is_refused_before_the_login(server: SftpServer) -> None:
    client = make(server, host_key=public_line("an impostor"))
    with pytest.raises(RemoteRefused, match="another host key"):
        client.list("/out")


def test_a_host_key_of_a_kind_the_server_does_not_have_is_refused(server: SftpServer) -> None:
    blob = "AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAAAA"
    client = make(server, host_key=f"ecdsa-sha2-nistp256 {blob}")
    with pytest.raises(RemoteRefused, match="ecdsa-sha2-nistp256"):
        client.list("/out")


@pytest.mark.parametrize("host_key", ["", "ssh-ed25519", "ssh-ed25519 ???", "ssh-rsa AAAAC3NzaC1lZDI1NTE5"])
def test_a_host_key_that_is_none_is_refused_in_the_settings(server: SftpServer, host_key: str) -> None:
    with pytest.raises(ValidationError):
        settings(server, host_key=host_key)


def test_settings_need_a_password_or_a_key(server: SftpServer) -> None:
    with pytest.raises(ValidationError, match="password or a key"):
        settings(server, password=None)


@pytest.mark.parametrize("path", ["/../outside", "/in/../../outside", "/link/outside"])
def test_the_imitated_server_lets_nobody_out_of_its_root(client: SftpClient, root: Path, path: str) -> None:
    (root.parent / "outside").write_bytes(b"private")
    (root / "link").symlink_to(root.parent)
    with pytest.raises(RemoteRefused):
        client.read(path)


def test_a_file_without_rights_is_refused(client: SftpClient, root: Path) -> None:
    with pytest.raises(RemoteRefused):
        client.rename("/in/../../a", "/in/b")


def test_threads_share_one_client(client: SftpClient, root: Path) -> None:
    def work(number: int) -> None:
        client.write_atomically(f"/in/{number}", bytes([number]) * 1_000)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(client.list("/in")) == 8


def test_the_check_names_each_step(client: SftpClient) -> None:
    steps = list(check_steps(client, ("/out", "/nowhere")))
    assert [(step.name, step.ok) for step in steps] == [
        ("name", True),
        ("connection and host key", True),
        ("login", True),
        ("folder /out", True),
        ("folder /nowhere", False),
    ]
    assert all(step.fix for step in steps if not step.ok)


def test_the_check_stops_at_a_wrong_password(server: SftpServer) -> None:
    steps = list(check_steps(make(server, password="file:secrets/wrong"), ("/out",)))
    assert [step.name for step in steps] == ["name", "connection and host key", "login"]
    assert [step.ok for step in steps] == [True, True, False]


def test_the_check_stops_at_an_impostor(server: SftpServer) -> None:
    steps = list(check_steps(make(server, host_key=public_line("an impostor")), ("/out",)))
    assert [(step.name, step.ok) for step in steps] == [("name", True), ("connection and host key", False)]

"""The command line as scripts and people use it: real processes, their output, their exit status, their
signals."""

from __future__ import annotations

import hashlib
import io
import itertools
import json
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from connectors.sandbox.faults import Fault
from formats.errors import StorageError
from formats.syntaxes import ubl
from gateway import audit
from gateway.cli.main import run
from gateway.pipeline.submission import State
from gateway.store import journal
from gateway.store.database import Database
from tests.gateway.offline import Offline, offline_world
from tests.gateway.stories import SharedRules, billing, tell
from tests.strategies import sample_invoice

PROGRAM = (sys.executable, "-m", "gateway.cli.main")
DELIVERED, MAILED, WRONG = "90000201", "90000210", "90000212"


def gateway(config: Path | None, *arguments: str, expect: int = 0) -> str:
    """What the program prints, run in this process; its errors behind it where it is to fail."""
    where = () if config is None else ("-c", str(config))
    out, errors, status = io.StringIO(), io.StringIO(), 0
    before, sys.argv = sys.argv, ["gateway", *where, *arguments]
    try:
        with redirect_stdout(out), redirect_stderr(errors):
            run()
    except SystemExit as ended:
        status = int(ended.code or 0)
    finally:
        sys.argv = before
    assert status == expect, f"exit status {status}: {out.getvalue()}{errors.getvalue()}"
    return out.getvalue() + (errors.getvalue() if expect else "")


def program(*arguments: str) -> subprocess.Popen[str]:
    """The program as a process of its own."""
    return subprocess.Popen(  # noqa: S603
        [*PROGRAM, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@contextmanager
def service(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """The program while it runs on; whatever happens, it is gone at the end."""
    with program(*arguments, "run") as process:
        try:
            yield process
        finally:
            process.kill()


def until(true: Callable[[], bool], seconds: float = 120) -> None:
    """Limits are for what never happens; how long a machine takes for a start says nothing."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


@pytest.fixture(scope="module")
def offline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Offline]:
    """SAP with one invoice for the network, one for e-mail and a wrong one, after `gateway process`."""
    with offline_world(tmp_path_factory.mktemp("commands"), ["sap"]) as world:
        out = world.world.systems["sap"].root / "out"  # type: ignore[attr-defined]
        wanted = [f"<BELNR>{number:0>10}</BELNR>".encode() for number in (DELIVERED, MAILED, WRONG)]
        for file in sorted(out.glob("*.xml"), reverse=True):
            content = file.read_bytes()
            if b"<BSART>INVO<" not in content or not any(number in content for number in wanted):
                file.unlink()
        pulled = gateway(world.config, "pull", "sap-nordlicht")
        assert "sap-nordlicht: 4 new documents" in pulled  # the first invoice was printed twice
        shown = gateway(world.config, "process")
        assert "3 invoices" in shown
        yield world


@pytest.fixture
def copied(offline: Offline, tmp_path: Path) -> Path:
    """The config folder with its database, to spoil."""
    return Path(shutil.copytree(offline.config, tmp_path / "config"))


# -- where everything stands -------------------------------------------------------------------------------


def test_status_tells_what_stopped_and_why(offline: Offline) -> None:
    shown = gateway(offline.config, "status")
    assert "Needs a person" in shown
    assert "6,658.80" in shown
    assert "Billed value (E1EDS01 011)" in shown
    told = json.loads(gateway(offline.config, "status", "--json"))
    assert {invoice["number"]: invoice["verdict"] for invoice in told["invoices"]} == {
        DELIVERED: "",
        MAILED: "",
        WRONG: "document",
    }
    assert told["invoices"][0]["payment"] == "paid"
    assert told["unreported"] == 0


def test_status_of_one_invoice_tells_its_whole_life(offline: Offline) -> None:
    shown = gateway(offline.config, "status", MAILED)
    for word in ("received", "mapped", "checked", "ready", "sending", "sent"):
        assert word in shown
    facts: list[dict[str, Any]] = json.loads(gateway(offline.config, "status", DELIVERED, "--json"))
    assert [fact["state"] for fact in facts] == ["paid", "superseded"]
    assert [attempt["outcome"] for attempt in facts[0]["attempts"]] == ["sent"]
    assert facts[0]["journal"][0]["event"] == "received"
    assert all(report["done_at"] for fact in facts for report in fact["reports"])


def test_trace_tells_where_a_term_came_from(offline: Offline) -> None:
    """Also of an invoice that was put out twice, where the second stands for nothing of its own."""
    origins = json.loads(gateway(offline.config, "trace", DELIVERED, "--json"))
    by_term = {origin["term"]: origin for origin in origins}
    assert by_term["BT-1"]["value"] == DELIVERED
    assert "BELNR" in by_term["BT-1"]["source"]
    assert by_term["BT-1"]["mapping"].startswith("sap_invoic02")
    assert "BT-115" in gateway(offline.config, "trace", DELIVERED)


@pytest.mark.parametrize("command", [("status", "4711"), ("trace", "4711"), ("audit", "evidence", "4711")])
def test_an_unknown_number_is_a_wrong_call(offline: Offline, command: tuple[str, ...]) -> None:
    shown = gateway(offline.config, *command, expect=2)
    assert "There is no invoice 4711" in shown
    assert "to do:" in shown


def test_a_wrong_config_folder_is_named_with_every_mistake(tmp_path: Path, copied: Path) -> None:
    assert "gateway init" in gateway(tmp_path / "nowhere", "status", expect=2)
    for name, old in (("gateway.yaml", "workers:"), ("routing.yaml", "needs:")):
        text = (copied / name).read_text("utf-8")
        (copied / name).write_text(text.replace(old, f"x{old}", 1), "utf-8")
    shown = gateway(copied, "status", expect=2)
    assert "Xworkers is not a setting" in shown
    assert "needs is not a setting" in shown
    assert str(copied / "gateway.yaml") in shown


# -- init and check ----------------------------------------------------------------------------------------


def test_init_writes_a_folder_once(tmp_path: Path) -> None:
    assert "gateway sandbox --base-port 48000" in gateway(
        None, "init", str(tmp_path / "new"), "--base-port", "48000"
    )
    assert "48010" in (tmp_path / "new" / "sources" / "sap.yaml").read_text("utf-8")
    assert "nothing is overwritten" in gateway(None, "init", str(tmp_path / "new"), expect=2)


def test_check_is_content_with_what_works(offline: Offline) -> None:
    shown = gateway(offline.config, "check")
    assert "FAIL" not in shown
    steps = json.loads(gateway(offline.config, "check", "sap-nordlicht", "--json"))
    assert {step["name"] for step in steps} == {"sap-nordlicht"}
    assert all(step["ok"] for step in steps)


def test_check_says_what_is_wrong_and_goes_on(copied: Path) -> None:
    """A server that is not there, a secret that is missing, a mapping that does not hold: each is told."""
    provider = copied / "channels" / "provider.yaml"
    text = provider.read_text("utf-8").replace("host: 127.0.0.1", "host: gateway.invalid")
    provider.write_text(text, "utf-8")
    (copied / "secrets" / "mail-password").unlink()
    own = copied / "mappings" / "our_sap.yaml"
    own.parent.mkdir()
    own.write_text(
        'mapping: our_sap\nversion: "1"\nextends: sap_invoic02\nterms:\n  BT-999: {from: doc}\n', "utf-8"
    )
    sap = copied / "sources" / "sap.yaml"
    sap.write_text(sap.read_text("utf-8").replace("mapping: sap_invoic02 ", "mapping: our_sap "), "utf-8")
    shown = gateway(copied, "check", expect=1)
    failed = [line for line in shown.splitlines() if line.startswith("FAIL")]
    assert {line.split()[1] for line in failed} == {"peppol-provider", "email", "sap-nordlicht"}
    assert "our_sap.yaml" in shown
    assert "secrets/mail-password" in shown
    assert "demo-provider-password" not in shown
    assert "there is no source or channel fax" in gateway(copied, "check", "fax", expect=2).lower()


# -- the record --------------------------------------------------------------------------------------------


def test_the_record_can_be_proven_and_handed_out(offline: Offline, tmp_path: Path) -> None:
    """The evidence holds with nothing but Python's own library."""
    assert "journal entries and all archived documents are as they were" in gateway(
        offline.config, "audit", "verify"
    )
    exported = [json.loads(line) for line in gateway(offline.config, "audit", "export").splitlines()]
    assert [entry["seq"] for entry in exported] == list(range(1, len(exported) + 1))
    assert _holds(exported)
    assert all(one["digest"] == two["previous"] for one, two in itertools.pairwise(exported))

    target = tmp_path / "evidence.zip"
    gateway(offline.config, "audit", "evidence", DELIVERED, "-o", str(target))
    with zipfile.ZipFile(target) as archive:
        entries = [json.loads(line) for line in archive.read("journal.jsonl").decode().splitlines()]
        held = {Path(name).stem: archive.read(name) for name in archive.namelist() if "documents/" in name}
    assert _holds(entries)
    assert all(hashlib.sha256(content).hexdigest() == digest for digest, content in held.items())
    (sent,) = [json.loads(entry["data"]) for entry in entries if entry["event"] == "sent"]
    assert sent["document"] in held
    assert ubl.read(held[sent["document"]]).number == DELIVERED


def _holds(entries: list[dict[str, Any]]) -> bool:
    names = ("seq", "at", "submission", "actor", "event", "data", "previous")
    texts = (
        json.dumps([entry[name] for name in names], ensure_ascii=False, separators=(",", ":"))
        for entry in entries
    )
    return [hashlib.sha256(text.encode()).hexdigest() for text in texts] == [e["digest"] for e in entries]


def test_one_changed_byte_is_found_and_named(copied: Path) -> None:
    with closing(sqlite3.connect(copied / "gateway.db")) as connection, connection:
        seq, data = connection.execute(
            "SELECT seq, data FROM journal WHERE event = 'sent' ORDER BY seq LIMIT 1"
        ).fetchone()
        changed = (
            data.replace("email", "emaiL", 1) if "email" in data else data.replace("peppol", "peppoL", 1)
        )
        assert changed != data
        connection.execute("UPDATE journal SET data = ? WHERE seq = ?", (changed, seq))
    shown = gateway(copied, "audit", "verify", expect=1)
    assert f"Journal entry {seq}: entry {seq} (sent) was changed after it was written" in shown


def test_a_state_changed_behind_the_journal_is_found(copied: Path) -> None:
    with closing(sqlite3.connect(copied / "gateway.db")) as connection, connection:
        connection.execute("UPDATE submissions SET state = 'delivered' WHERE number = ?", (WRONG,))
    shown = gateway(copied, "audit", "verify", expect=1)
    assert WRONG in shown or "parked" in shown


def test_a_changed_byte_anywhere_in_the_file_never_goes_unseen_in_the_record(copied: Path) -> None:
    """Flip bytes all over the database file: record and archive hold as they were, or it is said that not."""
    file = copied / "gateway.db"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.execute("PRAGMA journal_mode=DELETE")
    whole = file.read_bytes()
    sound = _record(file)
    chance = random.Random(4711)  # noqa: S311  # the same places every time
    seen = 0
    for position in chance.sample(range(100, len(whole)), 120):
        spoiled = bytearray(whole)
        spoiled[position] ^= 1 << chance.randrange(8)
        file.write_bytes(spoiled)
        try:
            found = _record(file)
        except StorageError:
            seen += 1
            continue
        seen += found is None
        assert found in (None, sound), f"byte {position}"
    assert seen >= 10


def _record(file: Path) -> list[tuple[str, ...]] | None:
    """Everything the record says; None where it is found to be broken."""
    with closing(Database(f"sqlite:///{file}")) as database, database.read() as connection:
        if audit.verify(connection).faults:
            return None
        return [(entry.at, entry.event, entry.data) for entry in journal.entries(connection)]


# -- ways on -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("outcome", ["sent", "not-sent"])
def test_a_person_says_what_became_of_a_mail(tmp_path: Path, rules: SharedRules, outcome: str) -> None:
    """Without an archive of sent mails nobody else can tell."""
    settings = {"    archive_folder: Archive": "    # no archive_folder"}
    with tell(tmp_path, rules, settings=settings) as story:
        story.mail.faults.arm(Fault("drop-after" if outcome == "sent" else "drop-before", "smtp DATA"))
        story.mail.faults.arm(Fault("lost-receipt", "dsn"))
        story.put(billing(MAILED))
        story.rounds(2)
        assert story.one(MAILED).state is State.PARKED
        shown = gateway(story.offline.config, "resolve", MAILED, "dismissed", "--note", "no", expect=2)
        assert "cannot be called dismissed" in shown
        gateway(
            story.offline.config, "resolve", MAILED, outcome, "--note", "seen in the log of the mail server"
        )
        story.rounds(2)
        invoice = story.one(MAILED)
        if outcome == "sent":
            assert invoice.state is State.DELIVERED
        else:
            story.mail.faults.clear()
            assert invoice.state in (State.SENT, State.DELIVERED)
        assert story.offline.arrivals() == {MAILED: 1}
        with story.gateway.database.read() as connection:
            (entry,) = [e for e in journal.entries(connection) if e.event == "resolved"]
        assert entry.actor == "operator"
        assert "log of the mail server" in entry.data
        story.assert_sound()


def test_retry_and_dismiss_are_ways_on_for_what_stopped(tmp_path: Path, rules: SharedRules) -> None:
    with tell(tmp_path, rules) as story:
        story.provider.faults.arm(Fault("rejected", "deliver"))
        story.put(billing("90000214"), billing(WRONG))
        story.round()
        assert story.one("90000214").state is State.REJECTED
        shown = gateway(story.offline.config, "retry", "90000214", WRONG)
        assert "2 stopped invoices are due now" in shown
        gateway(story.offline.config, "resolve", WRONG, "dismissed", "--note", "cancelled in SAP")
        story.round()
        assert story.one("90000214").state is State.DELIVERED
        assert WRONG not in story.states()
        assert story.offline.arrivals() == {"90000214": 1}
        story.assert_sound()


# -- as a service, and several at once ---------------------------------------------------------------------


def test_a_service_ends_on_a_signal_also_while_a_delivery_hangs(tmp_path: Path, rules: SharedRules) -> None:
    """And the next start finishes what hung."""
    with tell(tmp_path, rules) as story:
        story.provider.faults.arm(Fault("slow", "write /outbox", 1, 240))
        story.put(billing("90000214"), billing(MAILED))
        for channel in (story.offline.config / "channels").glob("*.yaml"):
            text = channel.read_text("utf-8")
            channel.write_text(re.sub(r"poll_seconds: \d+", "poll_seconds: 1", text), "utf-8")
        with service("-c", str(story.offline.config)) as running:
            until(lambda: story.states().get("90000214") is State.SENDING)
            until(lambda: story.states().get(MAILED) in (State.SENT, State.DELIVERED))
            running.send_signal(signal.SIGTERM)
            # The delivery would hang for longer than this.
            _, errors = running.communicate(timeout=60)
        assert running.returncode == 0, errors
        assert "Traceback" not in errors
        story.provider.disconnect()

        with service("-c", str(story.offline.config)) as running:
            until(lambda: set(story.states().values()) == {State.DELIVERED})
            until(lambda: story.told("90000214") == ["14"])
            running.send_signal(signal.SIGTERM)
            _, errors = running.communicate(timeout=60)
        assert running.returncode == 0, errors
        assert story.offline.arrivals() == {"90000214": 1, MAILED: 1}
        assert story.offline.holdings()["provider"]["repeated"] == []
        story.assert_sound()


def test_two_rounds_at_once_do_nothing_twice(
    tmp_path: Path, rules: SharedRules, database_address: str
) -> None:
    database = "" if database_address.startswith("sqlite") else database_address
    with tell(tmp_path, rules, database=database) as story:
        numbers = [f"9000{number:04}" for number in range(5000, 5008)]
        story.put(*(billing("90000214", number=f"00{number}") for number in numbers))
        both = [program("-c", str(story.offline.config), "process") for _ in range(2)]
        for process in both:
            _, errors = process.communicate(timeout=120)
            assert process.returncode == 0, errors
        story.rounds(1)
        assert set(story.states().values()) == {State.DELIVERED}
        assert story.offline.arrivals() == Counter(numbers)
        assert story.offline.holdings()["provider"]["repeated"] == []
        assert [story.told(number) for number in numbers] == [["14"]] * len(numbers)
        story.assert_sound()


# -- files -------------------------------------------------------------------------------------------------


def test_an_invoice_can_be_converted_validated_and_rendered(tmp_path: Path) -> None:
    source, wrong = tmp_path / "in.xml", tmp_path / "wrong.xml"
    source.write_bytes(ubl.write(sample_invoice()))
    wrong.write_bytes(b"<Invoice/>")
    target = tmp_path / "out.xml"
    gateway(None, "convert", str(source), "--to", "en16931-ubl", "-o", str(target))
    assert ubl.read(target.read_bytes()).number == sample_invoice().number
    lines = gateway(None, "validate", "--jsonl", str(source), str(target)).splitlines()
    found = [json.loads(line) for line in lines]
    assert [(line["schema"], line["fatal"]) for line in found] == [([], []), ([], [])]
    assert "wrong.xml" in gateway(None, "validate", str(wrong), expect=1)
    pdf = tmp_path / "out.pdf"
    gateway(None, "render", str(source), "-o", str(pdf))
    assert pdf.read_bytes().startswith(b"%PDF-")
    assert "There is no profile fax" in gateway(None, "convert", str(source), "--to", "fax", expect=2)


def test_the_environment_can_name_the_config_folder(
    offline: Offline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATEWAY_CONFIG", str(offline.config))
    assert len(json.loads(gateway(None, "status", "--json"))["invoices"]) == 3


def test_a_wrong_call_is_told_on_standard_error_with_status_2(tmp_path: Path) -> None:
    process = program("-c", str(tmp_path / "nowhere"), "status")
    out, errors = process.communicate(timeout=60)
    assert (process.returncode, out) == (2, "")
    assert "There is no such folder" in errors
    assert "Traceback" not in errors

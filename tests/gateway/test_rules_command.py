"""gateway rules and gateway explain, as an operator uses them."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest
from typer.testing import CliRunner, Result

from formats.errors import ConfigError, RemoteUnexpected
from formats.phrases import LANGUAGES
from formats.syntaxes import ubl
from gateway.cli.main import app
from gateway.clock import utc_now
from gateway.rules.fetch import ReleaseAddress, download, read_addresses
from tests.gateway.rule_files import schematron, style_sheet, zip_of
from tests.gateway.stories import SharedRules, billing, tell
from tests.strategies import sample_invoice


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A config folder, as far as rules are concerned."""
    folder = tmp_path / "config"
    folder.mkdir()
    (folder / "gateway.yaml").touch()
    return folder


def _run(config: Path, *arguments: object, answer: str | None = None) -> Result:
    return CliRunner().invoke(app, ["-c", str(config), *map(str, arguments)], input=answer)


def _packs(config: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(_run(config, "rules", "list", "--json").stdout)
    return found


def _file(path: Path, text: str) -> Path:
    path.write_text(text, "utf-8")
    return path


def test_the_list_says_what_judges_and_what_is_superseded(config: Path) -> None:
    """Out of the box: what the Python packages carry."""
    listed = {pack["pack"]: pack for pack in _packs(config)}
    assert listed["en16931-ubl"]["release"] == "1.3.16"
    assert listed["en16931-ubl"]["superseded"] == ""
    assert "3.0.21" in listed["peppol-ubl"]["superseded"]
    assert {"facturx-en16931", "fr-flux2-ubl", "extended-ctc-fr-ubl"} <= set(listed)
    assert "superseded" in _run(config, "rules", "list").stdout


def test_a_release_is_added_shown_and_judges(config: Path, tmp_path: Path) -> None:
    done = _run(
        config, "rules", "add", _file(tmp_path / "EN16931.sch", schematron()), "--valid-from", "2026-01-01"
    )
    assert done.exit_code == 0, done.stderr
    assert "Added en16931-ubl@9.0.0, judges from 2026-01-01" in done.stdout
    assert (config / "rules" / "en16931-ubl").is_dir()
    shown = json.loads(_run(config, "rules", "show", "en16931-ubl", "--json").stdout)
    assert (shown["release"], shown["judged_by"], shown["verified"]) == (
        "9.0.0",
        "compiled",
        "not compared with Saxon yet",
    )
    assert [
        pack["release"] for pack in _packs(config) if pack["in_force"] and pack["pack"] == "en16931-ubl"
    ] == ["9.0.0"]
    assert "[UBL-CR-900]" in _run(config, "explain", "UBL-CR-900").stdout


def test_replacing_is_asked_for(config: Path, tmp_path: Path) -> None:
    """Other bytes under the name of a release that is here: only with a yes."""
    _run(config, "rules", "add", _file(tmp_path / "a.sch", schematron()))
    (before,) = (pack["digest"] for pack in _packs(config) if pack["release"] == "9.0.0")
    other = _file(tmp_path / "b.sch", schematron(test="cbc:UUID"))
    refused = _run(config, "rules", "add", other, answer="n\n")
    assert refused.exit_code == 1
    assert "This replaces en16931-ubl@9.0.0" in refused.stdout
    assert [pack["digest"] for pack in _packs(config) if pack["release"] == "9.0.0"] == [before]
    assert _run(config, "rules", "add", other, "--yes").exit_code == 0
    (after,) = (pack["digest"] for pack in _packs(config) if pack["release"] == "9.0.0")
    assert after != before


def test_what_is_not_understood_is_refused_by_rule_and_expression(config: Path, tmp_path: Path) -> None:
    done = _run(
        config, "rules", "add", _file(tmp_path / "a.sch", schematron(test="unparsed-text('x') = 'y'"))
    )
    assert done.exit_code == 1
    assert "not added" in done.stderr
    assert not (config / "rules").exists()


def test_releases_are_compared(config: Path, tmp_path: Path) -> None:
    _run(config, "rules", "add", _file(tmp_path / "a.sch", schematron(version="9.1.0")))
    _run(config, "rules", "add", _file(tmp_path / "b.sch", schematron(version="9.2.0", test="cbc:UUID")))
    shown = _run(config, "rules", "diff", "en16931-ubl@9.1.0", "en16931-ubl@9.2.0").stdout
    assert "UBL-CR-900" in shown
    assert "1 rules differ" in shown
    missing = _run(config, "rules", "diff", "en16931-ubl@9.1.0", "en16931-ubl@7")
    assert isinstance(missing.exception, ConfigError)
    assert "en16931-ubl@9.2.0" in missing.exception.fix


def test_every_pack_in_the_list_has_a_name_of_its_own_that_commands_take(
    config: Path, tmp_path: Path
) -> None:
    """Also where two packs are one release, where the release is a sentence, and where nobody names one."""
    _run(config, "rules", "add", _file(tmp_path / "a.sch", schematron(version="1.3.16")), "--yes")
    names = [pack["name"] for pack in _packs(config)]
    assert len(names) == len(set(names))
    assert len([name for name in names if name.startswith("en16931-ubl@1.3.16-")]) == 2
    for name in names:
        assert re.fullmatch(r"[a-z0-9-]+@[a-z0-9._-]+", name), name
        assert json.loads(_run(config, "rules", "show", name, "--json").stdout)["name"] == name
    unclear = _run(config, "rules", "show", "en16931-ubl@1.3.16")
    assert isinstance(unclear.exception, ConfigError)
    assert "en16931-ubl@1.3.16-" in unclear.exception.fix
    digest = next(pack["digest"] for pack in _packs(config) if pack["pack"] == "peppol-ubl")
    assert digest in _run(config, "rules", "show", f"peppol-ubl@{digest[:8]}").stdout
    assert digest in _run(config, "rules", "show", "peppol-ubl@November 2023, compiled 2024-03-09").stdout


def test_a_pack_is_shown_with_what_it_holds(config: Path, tmp_path: Path) -> None:
    """Its rules by severity, its patterns and code lists, and the profiles that are judged by it."""
    more = (
        '<assert id="UBL-CR-901" flag="warning" test="contains(\' A B C D E F \', cbc:Note)">n</assert>'
        '<assert id="UBL-CR-902" flag="warning" test="true()">n</assert>'
    )
    _run(config, "rules", "add", _file(tmp_path / "a.sch", schematron(rules=more)))
    shown = json.loads(_run(config, "rules", "show", "en16931-ubl@9.0.0", "--json").stdout)
    assert shown["rules"] == {"fatal": 1, "warning": 2}
    assert (shown["patterns"], shown["code_lists"], shown["publisher"]) == (1, 1, "CEN/TC 434")
    assert {"en16931-ubl", "peppol-bis-3", "xrechnung-ubl"} <= set(shown["profiles"])
    text = _run(config, "rules", "show", "en16931-ubl@9.0.0").stdout
    assert "3: 1 fatal, 2 warning" in text


def test_a_pack_that_no_profile_uses_does_not_claim_to_judge(config: Path, tmp_path: Path) -> None:
    """Only what some document is judged by judges."""
    rules = _file(tmp_path / "ro.sch", schematron().replace("UBL-CR-900", "BR-RO-900"))
    assert _run(config, "rules", "add", rules, "--as", "cius-ro-ubl").exit_code == 0
    assert [pack["in_force"] for pack in _packs(config) if pack["pack"] == "cius-ro-ubl"] == [False]
    assert "kept, no profile is judged by it" in _run(config, "rules", "list").stdout


def test_a_rehearsal_says_that_it_needs_a_config_folder(tmp_path: Path) -> None:
    missing = _run(tmp_path / "nothing", "rules", "rehearse", "peppol-ubl")
    assert isinstance(missing.exception, ConfigError)
    assert "no config folder" in missing.exception.what
    assert "gateway -c FOLDER" in missing.exception.fix


def test_a_hostile_pack_costs_one_finding_and_the_file_keeps_its_line(config: Path, tmp_path: Path) -> None:
    """Endless loops in a rule: it is named, the others judge, the exit status is that of a check that ran."""
    endless = (
        '<assert id="UBL-CR-901" flag="warning" test="count(for $a in 1 to 1000000, $b in 1 to 1000000 '
        'return $a * $b) &lt; 0">n</assert>'
        '<assert id="UBL-CR-902" flag="warning" test="false()">n</assert>'
    )
    _run(config, "rules", "add", _file(tmp_path / "a.sch", schematron(rules=endless)))
    files = [tmp_path / f"{number}.xml" for number in range(3)]
    for file in files:
        file.write_bytes(ubl.write(sample_invoice()))
    done = _run(config, "validate", "--jsonl", "--profile", "en16931-ubl", *files)
    assert done.exit_code == 0
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["file"] for line in lines] == list(map(str, files))
    assert all((line["fatal"], line["warning"]) == (["UBL-CR-901"], ["UBL-CR-902"]) for line in lines)


def test_verifying_keeps_the_result_with_the_digest(config: Path, tmp_path: Path) -> None:
    """Both engines on examples and damaged copies; the list then says so."""
    _run(config, "rules", "add", _file(tmp_path / "a.xslt", style_sheet()))
    done = _run(config, "rules", "verify", "en16931-ubl@9.0.0", "--copies", "5")
    assert done.exit_code == 0, done.stdout
    (pack,) = (pack for pack in _packs(config) if pack["release"] == "9.0.0")
    assert pack["verified"].startswith("as Saxon on ")
    kept = json.loads(next((config / "rules").rglob("verified.json")).read_text("utf-8"))
    assert kept["digest"] == pack["digest"]
    assert kept["equal"] == kept["documents"]


class _Publisher(BaseHTTPRequestHandler):
    """A release page that hands downloads over to a file server, as publishers' sites do."""

    files: ClassVar[dict[str, bytes]] = {}
    redirects: ClassVar[dict[str, str]] = {}

    def do_GET(self) -> None:
        if self.path in self.redirects:
            self.send_response(302)
            self.send_header("Location", self.redirects[self.path])
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        content = self.files.get(self.path)
        self.send_response(200 if content is not None else 404)
        self.send_header("Content-Length", str(len(content or b"")))
        self.end_headers()
        self.wfile.write(content or b"")

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002  the base class names it
        """Quiet."""


@contextmanager
def _serving() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Publisher) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def publisher(tmp_path: Path) -> Iterator[str]:
    release = zip_of(tmp_path / "release.zip", {"schematron/EN16931.sch": schematron()})
    _Publisher.files = {"/files/release.zip": release.read_bytes()}
    _Publisher.redirects = {"/latest/release.zip": "/files/release.zip"}
    with _serving() as address:
        yield address


def _write_addresses(config: Path, url: str, more: str = "") -> None:
    text = f"releases:\n  core:\n    title: The core rules\n    url: {url}\n    packs: [en16931-ubl]\n{more}"
    (config / "rules.yaml").write_text(text, "utf-8")


def test_a_release_is_fetched_shown_and_taken_in(config: Path, publisher: str) -> None:
    """From the address in rules.yaml, by the way of a redirect on the same host."""
    _write_addresses(config, f"{publisher}/latest/release.zip")
    done = _run(config, "rules", "fetch", "core")
    assert done.exit_code == 0, done.stderr
    assert "The core rules" in done.stdout
    assert f"{publisher}/files/release.zip" in done.stdout
    assert "SHA-256" in done.stdout
    assert "Added en16931-ubl@9.0.0" in done.stdout


def test_fetching_asks_before_it_replaces(config: Path, publisher: str, tmp_path: Path) -> None:
    _write_addresses(config, f"{publisher}/files/release.zip")
    _run(config, "rules", "add", _file(tmp_path / "a.sch", schematron(test="cbc:UUID")))
    assert _run(config, "rules", "fetch", "core", answer="n\n").exit_code == 1
    assert _run(config, "rules", "fetch", "core", "--yes").exit_code == 0


def test_a_redirect_to_another_host_is_not_followed(config: Path, publisher: str, tmp_path: Path) -> None:
    """Unless the entry names the host."""
    with _serving() as elsewhere:
        _Publisher.redirects = {"/latest/release.zip": f"{elsewhere}/files/release.zip"}
        _write_addresses(config, f"{publisher}/latest/release.zip")
        refused = _run(config, "rules", "fetch", "core")
        assert isinstance(refused.exception, RemoteUnexpected)
        assert "not named in rules.yaml" in refused.exception.what
        named = ReleaseAddress(
            title="x", url=f"{publisher}/latest/release.zip", hosts=(elsewhere.removeprefix("http://"),)
        )
        assert download(named, tmp_path, clock=utc_now).source == f"{elsewhere}/files/release.zip"


def test_redirects_end(publisher: str, tmp_path: Path) -> None:
    _Publisher.redirects = {"/round": "/round"}
    with pytest.raises(RemoteUnexpected, match="without end"):
        download(ReleaseAddress(title="x", url=f"{publisher}/round"), tmp_path, clock=utc_now)


def test_a_file_with_another_digest_is_refused(config: Path, publisher: str) -> None:
    _write_addresses(config, f"{publisher}/files/release.zip", f"    sha256: '{'0' * 64}'\n")
    refused = _run(config, "rules", "fetch", "core")
    assert isinstance(refused.exception, RemoteUnexpected)
    assert "expects 000" in refused.exception.what
    assert not (config / "rules").exists()


def test_the_addresses_that_come_with_the_gateway_are_sound(config: Path) -> None:
    """Publishers' own sites over TLS, and rule sets that exist."""
    addresses = read_addresses(None).releases
    assert {"en16931-ubl", "en16931-cii", "peppol", "xrechnung", "nlcius", "cius-ro"} <= set(addresses)
    for address in addresses.values():
        assert address.url.startswith("https://")
        assert address.page.startswith("https://")
    unknown = _run(config, "rules", "fetch", "nothing")
    assert isinstance(unknown.exception, ConfigError)
    (config / "rules.yaml").write_text(
        "releases:\n  a:\n    title: A\n    url: x\n    packs: [nonsense]\n", "utf-8"
    )
    with pytest.raises(ConfigError, match="nonsense, which is not known"):
        read_addresses(config)


def test_a_rule_is_explained_in_four_languages(config: Path) -> None:
    """Our words change, the published text does not."""
    shown = {
        language: _run(config, "explain", "br-co-15", "--language", language).stdout for language in LANGUAGES
    }
    assert len(set(shown.values())) == 4
    for text in shown.values():
        assert "BR-CO-15" in text
        assert "BT-112" in text
        assert "Invoice total amount with VAT (BT-112) = Invoice total amount without VAT" in text
    assert "Must hold" in _run(config, "explain", "BR-CO-15", "--test").stdout
    assert isinstance(_run(config, "explain", "BR-NONE-1").exception, ConfigError)


def test_stored_invoices_are_explained_and_rehearsed(tmp_path: Path) -> None:
    """What is wrong with one invoice and where to mend it; and what a coming release would refuse."""
    rules = SharedRules()
    with tell(tmp_path, rules) as story:
        config = story.offline.config
        story.put(billing("90000201"), billing("90000212"))
        story.rounds(3)
        wrong = story.one("90000212")
        (rule,) = {word.strip("()") for word in wrong.fix.split() if word.startswith("(BR-")}
        told = _run(config, "explain", rule, "--invoice", "90000212").stdout
        assert "What is wrong" in told
        assert "/Invoice" in told
        assert ", line " in told
        assert "E1EDS01" in told
        assert "sap_invoic02:" in told
        fine = _run(config, "explain", rule, "--invoice", "90000201").stdout
        assert "does not break the rule" in fine
        coming = schematron(version="9.9.0", test="cbc:UUID")
        added = _run(config, "rules", "add", _file(tmp_path / "c.sch", coming), "--valid-from", "2999-01-01")
        assert added.exit_code == 0, added.stderr
        rehearsed = _run(config, "rules", "rehearse", "en16931-ubl@9.9.0", "--since", "36500d", "--json")
        assert rehearsed.exit_code == 1
        results = json.loads(rehearsed.stdout)
        assert {result["number"] for result in results} >= {"90000201"}
        assert all(result["would_fail"] for result in results)
        assert {finding["rule"] for result in results for finding in result["newly"]} == {"UBL-CR-900"}
        shown = _run(config, "rules", "rehearse", "en16931-ubl@9.9.0", "--since", "36500d").stdout
        assert "would newly fail" in shown
    rules.end()

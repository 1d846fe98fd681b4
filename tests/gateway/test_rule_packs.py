"""Rule packs: taken in from publishers' files, kept side by side, chosen by day, never trusted blindly."""

from __future__ import annotations

import json
import os
import stat
import zipfile
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from formats.errors import ConfigError
from formats.finding import RunState
from formats.registry import PROFILES, SYNTAXES
from formats.rules.pack import NotUnderstood
from formats.syntaxes import ubl
from gateway.rules.archive import neighbour, open_tree
from gateway.rules.artefact import artefacts_in
from gateway.rules.cache import CodeCache
from gateway.rules.catalogue import differences, rules_of
from gateway.rules.compiled import CompiledPacks
from gateway.rules.engine import Engine, RulesEngine
from gateway.rules.intake import offers, take_in
from gateway.rules.packs import RulePack, in_force, packaged_pack
from gateway.rules.store import RuleShelf, rule_folders, user_folder
from gateway.rules.verify import compare
from tests.gateway.rule_files import schematron, style_sheet, zip_of
from tests.strategies import sample_invoice

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
INVOICE = ubl.write(sample_invoice())
CORE = PROFILES["en16931-ubl"]


@pytest.fixture
def packs(tmp_path: Path) -> CompiledPacks:
    return CompiledPacks(CodeCache(tmp_path / "cache"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "rules"


def _add(file: Path, folder: Path, packs: CompiledPacks, **said: object) -> RulePack:
    (offer,) = offers(file, RuleShelf([folder]), packs)
    return take_in(offer, folder, source=file.name, now=NOW, **said)  # type: ignore[arg-type]


def _file(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return path


def test_a_loose_file_is_recognised_and_judges(tmp_path: Path, folder: Path, packs: CompiledPacks) -> None:
    """What was added stands before what a Python package carries, and says its own release."""
    pack = _add(_file(tmp_path / "EN16931.sch", schematron()), folder, packs)
    assert (pack.key, pack.release, pack.released) == ("en16931-ubl", "9.0.0", date(2026, 10, 1))
    with RulesEngine(RuleShelf([folder]), compiled=packs) as engine:
        assert engine.check(INVOICE, CORE).runs[1].release == "9.0.0"
        without = INVOICE.replace(b"<cbc:ID>2026-00417</cbc:ID>", b"", 1)
        report = engine.check(without, CORE, rules_despite_schema=True)
        assert engine.process_ids() == ()
    assert [(f.rule, f.location, f.line) for f in report.fatal if f.rule != "XSD"] == [
        ("UBL-CR-900", "/Invoice", 2)
    ]
    assert "BT-1" in report.fatal[-1].terms


def test_an_archive_gives_the_newest_release_of_each_set(
    tmp_path: Path, folder: Path, packs: CompiledPacks
) -> None:
    """As JARs hold them: a folder for each release."""
    archive = zip_of(
        tmp_path / "release.jar",
        {
            "external/schematron/9.2.0/EN16931.xslt": style_sheet(version="9.2.0"),
            "external/schematron/9.10.0/EN16931.xslt": style_sheet(version="9.10.0"),
            "META-INF/MANIFEST.MF": "x",
        },
    )
    assert [offer.release for offer in offers(archive, RuleShelf(), packs)] == ["9.10.0"]
    every = offers(archive, RuleShelf(), packs, every=True)
    assert [offer.release for offer in every] == ["9.2.0", "9.10.0"]
    with pytest.raises(ConfigError, match="no rule set nonsense"):
        offers(archive, RuleShelf(), packs, only=["nonsense"])
    with pytest.raises(ConfigError, match="no rules that the gateway knows"):
        offers(archive, RuleShelf(), packs, only=["zatca"])


def test_parts_of_a_schematron_come_along(tmp_path: Path, folder: Path, packs: CompiledPacks) -> None:
    """A release refers to files of its own; they are kept with it, and a missing one is named."""
    include = '<include href="abstract/names.sch"/>'
    part = (
        '<pattern xmlns="http://purl.oclc.org/dsdl/schematron" id="names"><rule context="cbc:ID">'
        '<assert id="UBL-CR-901" flag="warning" test="true()">x</assert></rule></pattern>'
    )
    archive = zip_of(
        tmp_path / "release.zip",
        {"schematron/EN16931.sch": schematron(more=include), "schematron/abstract/names.sch": part},
    )
    pack = _add(archive, folder, packs)
    assert {rule.rule for rule in rules_of(pack)} == {"UBL-CR-900", "UBL-CR-901"}
    alone = _file(tmp_path / "alone" / "EN16931.sch", schematron(more=include))
    with pytest.raises(ConfigError, match=r"abstract/names\.sch, which is not beside"):
        offers(alone, RuleShelf(), packs)


@pytest.mark.parametrize(
    "name", ["../evil.sch", "/etc/evil.sch", "a/../../evil.sch", "a\\evil.sch", "C:evil.sch"]
)
def test_archives_with_path_tricks_are_refused(tmp_path: Path, name: str) -> None:
    archive = zip_of(tmp_path / "evil.zip", {name: schematron()})
    with pytest.raises(ConfigError, match="outside its folder"):
        open_tree(archive)


def test_links_are_refused(tmp_path: Path) -> None:
    """In an archive and as the file itself."""
    archive = tmp_path / "links.zip"
    with zipfile.ZipFile(archive, "w") as made:
        info = zipfile.ZipInfo("rules.sch")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        made.writestr(info, "/etc/passwd")
    with pytest.raises(ConfigError, match="symbolic link"):
        open_tree(archive)
    link = tmp_path / "link.sch"
    link.symlink_to("/etc/passwd")
    with pytest.raises(ConfigError, match="symbolic link"):
        open_tree(link)


def test_an_archive_that_inflates_is_refused(
    tmp_path: Path, packs: CompiledPacks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a header says of a size is not believed; reading stops at the bound."""
    monkeypatch.setattr("gateway.rules.archive.LARGEST_FILE", 100_000)
    archive = zip_of(tmp_path / "bomb.zip", {"rules.sch": schematron() + " " * 1_000_000})
    with pytest.raises(ConfigError, match="larger than rules ever are"):
        offers(archive, RuleShelf(), packs)


@pytest.mark.parametrize(
    "reference", ["../../etc/passwd", "/etc/passwd", "file:///etc/passwd", "http://a.example/x"]
)
def test_references_stay_within_the_release(tmp_path: Path, packs: CompiledPacks, reference: str) -> None:
    assert neighbour("EN16931.sch", reference) is None
    file = _file(tmp_path / "EN16931.sch", schematron(more=f'<include href="{reference}"/>'))
    with pytest.raises(ConfigError, match="not beside them"):
        offers(file, RuleShelf(), packs)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04broken", b"hello"])
def test_files_that_are_no_rules_are_explained(tmp_path: Path, packs: CompiledPacks, content: bytes) -> None:
    file = tmp_path / "file.txt"
    file.write_bytes(content)
    with pytest.raises(ConfigError):
        offers(file, RuleShelf(), packs)


def test_the_release_in_force_is_chosen_by_day(tmp_path: Path, folder: Path, packs: CompiledPacks) -> None:
    """Two releases lie side by side; the coming one judges from its first day on."""
    old = _add(_file(tmp_path / "a.sch", schematron(version="9.1.0")), folder, packs, valid=date(2026, 5, 1))
    new = _add(_file(tmp_path / "b.sch", schematron(version="9.2.0")), folder, packs, valid=date(2027, 1, 1))
    releases = RuleShelf([folder])["en16931-ubl"]
    assert len(releases) == 3  # with the packaged one
    assert in_force(releases, date(2026, 11, 22)) == old
    assert in_force(releases, date(2027, 1, 1)) == new
    # Invoices of long ago are judged by the earliest added release, not by a packaged one.
    assert in_force(releases, date(2017, 1, 1)) == old
    with RulesEngine(RuleShelf([folder]), compiled=packs, today=lambda: date(2026, 12, 31)) as engine:
        assert engine.check(INVOICE, CORE).runs[1].release == "9.1.0"
        assert engine.check(INVOICE, CORE, on=date(2027, 2, 1)).runs[1].release == "9.2.0"


def test_adding_twice_changes_nothing(tmp_path: Path, folder: Path, packs: CompiledPacks) -> None:
    file = _file(tmp_path / "EN16931.sch", schematron())
    first = _add(file, folder, packs)
    assert _add(file, folder, packs) == first
    (offer,) = offers(file, RuleShelf([folder]), packs)
    assert offer.present == first
    assert offer.replaces is None
    (other,) = offers(_file(tmp_path / "c.sch", schematron(test="cbc:UUID")), RuleShelf([folder]), packs)
    assert other.replaces == first


def test_rules_changed_on_disk_do_not_judge(tmp_path: Path, folder: Path, packs: CompiledPacks) -> None:
    pack = _add(_file(tmp_path / "EN16931.sch", schematron()), folder, packs)
    pack.path.write_text(schematron(test="true()"), "utf-8")
    fresh = CompiledPacks(CodeCache(tmp_path / "other cache"))
    with pytest.raises(ConfigError, match="changed after they were added"):
        fresh.checker(pack)


def test_a_damaged_pack_is_named(tmp_path: Path, folder: Path, packs: CompiledPacks) -> None:
    pack = _add(_file(tmp_path / "EN16931.sch", schematron()), folder, packs)
    card = next(folder.rglob("pack.json"))
    facts = json.loads(card.read_text())
    card.write_text(json.dumps({**facts, "main": "../../../../etc/passwd"}))
    with pytest.raises(ConfigError, match="damaged"):
        RuleShelf([folder])[pack.key]


NOT_UNDERSTOOD = "unparsed-text('file:///etc/passwd') = cbc:ID"


def test_what_the_compiler_refuses_runs_on_saxon_visibly(
    tmp_path: Path, folder: Path, packs: CompiledPacks
) -> None:
    """A style sheet can; the report says that Saxon judged, and why."""
    test = "cbc:ID or namespace-uri-for-prefix('cbc', .) = 'x'"
    pack = _add(_file(tmp_path / "EN16931.xslt", style_sheet(test=test)), folder, packs)
    with pytest.raises(NotUnderstood):
        packs.checker(pack)
    with RulesEngine(RuleShelf([folder]), compiled=packs) as engine:
        report = engine.check(INVOICE, CORE)
        assert engine.process_ids()
    assert report.runs[1].state is RunState.PASSED
    assert "judged by Saxon" in report.runs[1].note


def test_what_nobody_can_judge_by_is_refused(tmp_path: Path, folder: Path, packs: CompiledPacks) -> None:
    """Schematron source that the compiler refuses: rule and expression are named, nothing is stored."""
    (offer,) = offers(_file(tmp_path / "EN16931.sch", schematron(test=NOT_UNDERSTOOD)), RuleShelf(), packs)
    assert not offer.usable
    with pytest.raises(ConfigError, match="cannot be compiled"):
        take_in(offer, folder, source="x", now=NOW)
    assert not folder.exists()


def test_a_rule_that_cannot_be_evaluated_is_a_finding(
    tmp_path: Path, folder: Path, packs: CompiledPacks
) -> None:
    """Two items where one is wanted: the official engine stops there, this one names the rule and goes on."""
    rules = (
        '<assert id="UBL-CR-901" flag="warning" test="string-length(//cac:InvoiceLine/cbc:ID) > 0">x</assert>'
    )
    pack = _add(_file(tmp_path / "EN16931.sch", schematron(rules=rules, test="cbc:UUID")), folder, packs)
    with RulesEngine({pack.key: pack}, compiled=packs) as engine:
        report = engine.check(INVOICE, CORE)
    assert [finding.rule for finding in report.fatal] == ["UBL-CR-900", "UBL-CR-901"]
    assert "could not be evaluated" in report.fatal[1].text


def test_cached_code_is_trusted_only_as_written(tmp_path: Path) -> None:
    cache = CodeCache(tmp_path / "cache")
    cache.put("key", b"code")
    (file,) = (tmp_path / "cache").iterdir()
    assert cache.get("key") == b"code"
    assert cache.get("other") is None
    kept = file.read_bytes()
    file.write_bytes(kept[:-1] + b"!")
    assert cache.get("key") is None
    file.write_bytes(kept)
    file.chmod(0o666)
    assert cache.get("key") is None
    file.chmod(0o600)
    assert cache.get("key") == b"code"
    (tmp_path / "cache").chmod(0o777)
    assert cache.get("key") is None
    (tmp_path / "cache").chmod(0o700)
    file.rename(tmp_path / "elsewhere")
    file.symlink_to(tmp_path / "elsewhere")
    assert cache.get("key") is None


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give files away")
def test_cached_code_of_another_user_is_not_run(tmp_path: Path) -> None:
    cache = CodeCache(tmp_path / "cache")
    cache.put("key", b"code")
    (file,) = (tmp_path / "cache").iterdir()
    os.chown(file, 12345, 12345)
    assert cache.get("key") is None


def test_a_cache_that_cannot_be_written_only_costs_time(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    cache = CodeCache(tmp_path / "file" / "cache")
    cache.put("key", b"code")
    assert cache.get("key") is None


def test_the_second_process_finds_the_code_of_the_first(tmp_path: Path) -> None:
    """Compiled once; the cache holds one file for each pack."""
    pack = packaged_pack("en16931-ubl")
    assert pack is not None
    cache = CodeCache(tmp_path / "cache")
    CompiledPacks(cache).checker(pack)
    files = sorted((tmp_path / "cache").iterdir())
    assert [file.name.split("-")[0] for file in files] == [pack.digest]
    stamp = files[0].stat().st_mtime_ns
    CompiledPacks(cache).checker(pack)
    assert files[0].stat().st_mtime_ns == stamp


def test_two_releases_are_compared_rule_by_rule(tmp_path: Path, folder: Path, packs: CompiledPacks) -> None:
    more = '<assert id="UBL-CR-901" flag="warning" test="cbc:Note">[UBL-CR-901]-A note.</assert>'
    before = _add(_file(tmp_path / "a.sch", schematron(version="9.1.0")), folder, packs)
    after = _add(
        _file(tmp_path / "b.sch", schematron(version="9.2.0", test="cbc:UUID", rules=more)), folder, packs
    )
    assert [(change.rule, change.what) for change in differences(before, after)] == [
        ("UBL-CR-900", "test"),
        ("UBL-CR-901", "new"),
    ]
    assert [change.what for change in differences(after, before)] == ["test", "gone"]
    assert differences(after, after) == ()


def test_both_engines_agree_on_the_packaged_rules(packs: CompiledPacks) -> None:
    """The packaged EN 16931 rules on a document and damaged copies of it."""
    shelf = RuleShelf()
    pack = shelf.find("en16931-ubl")
    document = ("invoice", INVOICE)
    with RulesEngine(shelf, compiled=packs) as own, RulesEngine(shelf, engine=Engine.SAXON) as saxon:
        result = compare(pack, [document], own, saxon, copies=300)
    assert result.unequal == ()
    assert result.holds
    assert result.documents > 60
    assert result.hits > 20
    assert result.stopped < 20


def test_a_difference_between_the_engines_is_shown(
    tmp_path: Path, folder: Path, packs: CompiledPacks
) -> None:
    """Were the compiled rules wrong, `verify` would say so: here Saxon is given other rules."""
    good = _add(_file(tmp_path / "a.xslt", style_sheet()), folder, packs)
    bad = _file(tmp_path / "b.xslt", style_sheet(test="cbc:UUID"))
    packs.checker(good)  # loaded, so that the files are not read again
    good.path.write_text(bad.read_text("utf-8"), "utf-8")
    document = ("invoice", INVOICE)
    with (
        RulesEngine({good.key: good}, compiled=packs) as own,
        RulesEngine({good.key: good}, engine=Engine.SAXON) as saxon,
    ):
        result = compare(good, [document], own, saxon, copies=0)
    assert not result.holds
    assert result.unequal[0].missing == ("UBL-CR-900 fatal",)


def test_rules_travel_with_the_config_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without one they are the user's."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert user_folder() == tmp_path / "data" / "erp-einvoicing-gateway" / "rules"
    assert rule_folders(tmp_path) == (user_folder(),)
    (tmp_path / "gateway.yaml").touch()
    assert rule_folders(tmp_path) == (tmp_path / "rules", user_folder())


def test_every_known_set_with_a_package_is_there_and_compiles_or_says_why(packs: CompiledPacks) -> None:
    """What comes with the Python packages is read by the same recogniser as files from outside."""
    for key, syntax in (
        ("en16931-ubl", "ubl-2.1"),
        ("peppol-ubl", "ubl-2.1"),
        ("facturx-en16931", "cii-d16b"),
    ):
        pack = packaged_pack(key)
        assert pack is not None
        assert pack.syntax == syntax
        tree = open_tree(pack.path)
        (artefact,) = artefacts_in(tree)
        assert artefact.known is not None
        assert artefact.known.key == key
        assert artefact.digest == pack.digest
        assert SYNTAXES[pack.syntax]
        packs.checker(pack)

"""Flat IDocs: the same invoice as in XML, odd files, conventions of pick-up, and the flat STATUS IDoc."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree
from pydantic import ValidationError

from connectors.base import Page, SourceDocument
from connectors.erp.sap_flat_idoc import BreaksOff, FlatForm, is_flat, read_flat, write_flat
from connectors.erp.sap_idoc import SapIdoc, SapIdocSettings
from connectors.erp.sap_segments import CONTROL, SEGMENTS, layout
from connectors.sandbox.sap import HOST_KEY, ImitatedSap
from connectors.sandbox.sap_documents import Billing, idoc
from connectors.sandbox.sap_flat import flat_file
from connectors.sandbox.sap_seeds import BILLINGS, Output
from formats.errors import MalformedDocument
from formats.syntaxes import ubl
from mappings import registry
from tests.connectors.test_sap_idoc import REPORT, World, records

FORM = FlatForm.of("utf-8", {})
COMPANY = {
    "name": "Nordlicht Maschinenbau GmbH",
    "vat": "DE814567205",
    "electronic_address": "9930:DE814567205",
    "address": {"city": "Kiel", "country": "DE"},
    "iban": "DE93 7000 0999 0012 3456 78",
}


def plain(element: etree._Element) -> tuple[Any, ...]:
    """A segment with its fields in any order and its segments in theirs."""
    children = list(element)
    fields = sorted((str(child.tag), child.text) for child in children if not child.get("SEGMENT"))
    return (str(element.tag), fields, [plain(child) for child in children if child.get("SEGMENT")])


@pytest.mark.parametrize("lines", [True, False], ids=["lines", "full width"])
@pytest.mark.parametrize("billing", BILLINGS, ids=lambda billing: billing.number)
def test_a_flat_idoc_holds_what_the_xml_one_holds(billing: Billing, lines: bool) -> None:
    """Names, values and nesting, for every billing document of the imitated SAP."""
    made = idoc(billing, 471100)
    [read] = read_flat(flat_file([made], lines=lines), FORM, "file")
    assert plain(read) == plain(made)


def test_the_layouts_are_those_of_the_published_record_types() -> None:
    """EDI_DC40 has 524 characters, and no segment more than the 1000 of a data record."""
    assert sum(length for _, length in CONTROL) == 524
    assert [name for name, fields in SEGMENTS.items() if sum(length for _, length in fields) > 1000] == []
    # Known places: the invoice number of E1EDK02 begins at the fourth character, GLN of a partner at 874.
    assert dict(offsets("E1EDK02"))["BELNR"] == 3
    assert dict(offsets("E1EDKA1"))["ILNNR"] == 873


def offsets(segment: str) -> Iterator[tuple[str, int]]:
    at = 0
    for name, length in SEGMENTS[segment]:
        yield name, at
        at += length


def test_width_counts_characters_not_bytes() -> None:
    made = idoc(BILLINGS[0], 471100)
    for encoding in ("utf-8", "iso-8859-1", "cp1252", "utf-16-le"):
        content = flat_file([made], encoding=encoding)
        [read] = read_flat(content, FlatForm.of(encoding, {}), "file")
        assert plain(read) == plain(made)
        assert is_flat(content, FlatForm.of(encoding, {}))


def test_a_byte_order_mark_is_no_part_of_the_first_record() -> None:
    content = b"\xef\xbb\xbf" + flat_file([idoc(BILLINGS[0], 1)])
    assert is_flat(content, FORM)
    assert len(read_flat(content, FORM, "file")) == 1


def test_the_wrong_character_set_is_named_not_guessed() -> None:
    with pytest.raises(MalformedDocument, match=r"not written in utf-8.*flat_encoding"):
        read_flat(flat_file([idoc(BILLINGS[0], 1)], encoding="iso-8859-1"), FORM, "file")


def test_many_idocs_in_one_file_are_told_apart_by_their_control_records() -> None:
    made = [idoc(billing, 471100 + number) for number, billing in enumerate(BILLINGS)]
    for lines in (True, False):
        read = read_flat(flat_file(made, lines=lines), FORM, "file")
        assert [plain(one) for one in read] == [plain(one) for one in made]


def test_windows_line_ends_and_blank_lines_mean_nothing() -> None:
    content = flat_file([idoc(BILLINGS[0], 1)]).replace(b"\n", b"\r\n") + b"\r\n\r\n"
    assert plain(read_flat(content, FORM, "file")[0]) == plain(idoc(BILLINGS[0], 1))


def test_items_stay_beside_the_header_whatever_their_parent_number_says() -> None:
    """Some systems hang every segment below E1EDK01, which has no children in XML."""
    lines = flat_file([idoc(BILLINGS[0], 1)]).decode().splitlines()
    changed = [line[:55] + "000001" + line[61:] if line.startswith("E2EDP01") else line for line in lines]
    [read] = read_flat("\n".join(changed).encode() + b"\n", FORM, "file")
    assert plain(read) == plain(idoc(BILLINGS[0], 1))


def test_an_unknown_segment_is_kept_and_a_layout_of_ones_own_gives_it_fields() -> None:
    content = flat_file([idoc(BILLINGS[0], 1)])
    own = f"{'Z2OWN000':<30}100{1:016}{99:06}{0:06}02ABC  20261122\n".encode()
    [read] = read_flat(content + own, FORM, "file")
    assert read.findtext("Z1OWN/SDATA") == "ABC  20261122"
    [read] = read_flat(content + own, FlatForm.of("utf-8", {"Z1OWN": layout("CODE 5 DAY 8")}), "file")
    assert (read.findtext("Z1OWN/CODE"), read.findtext("Z1OWN/DAY")) == ("ABC", "20261122")


@pytest.mark.parametrize("length", [3, 12, 200, 524, 560])
def test_a_file_that_ends_in_a_record_breaks_off(length: int) -> None:
    content = flat_file([idoc(BILLINGS[0], 1)], lines=False)[:length]
    with pytest.raises(MalformedDocument):
        read_flat(content, FORM, "file")


def test_an_empty_file_and_a_lone_control_record_break_off() -> None:
    control = flat_file([idoc(BILLINGS[0], 1)]).splitlines()[0]
    for content in (b"", b"\n\n", control):
        with pytest.raises(BreaksOff):
            read_flat(content, FORM, "file")


def test_an_older_record_type_is_refused_in_plain_words() -> None:
    with pytest.raises(MalformedDocument, match="port version"):
        read_flat(b"EDI_DC    1000000000000471100\n", FORM, "file")


def test_characters_that_xml_cannot_hold_become_blanks() -> None:
    content = flat_file([idoc(BILLINGS[0], 1)]).replace(b"Seilwinde", b"Seil\x00\x1fwin")
    assert b"Seil  win" in etree.tostring(read_flat(content, FORM, "file")[0])


# The connector


@pytest.fixture
def sap() -> Iterator[ImitatedSap]:
    """The imitated SAP with an empty folder."""
    sap = ImitatedSap()
    sap.start()
    for path in (sap.root / "out").iterdir():
        path.unlink()
    yield sap
    sap.stop()


@pytest.fixture
def world(sap: ImitatedSap) -> World:
    return World(secrets={f"file:secrets/{name}": text for name, text in sap.secrets().items()})


Make = Callable[..., SapIdoc]


@pytest.fixture
def make(sap: ImitatedSap, world: World) -> Iterator[Make]:
    made: list[SapIdoc] = []

    def build(**changes: object) -> SapIdoc:
        sftp = {
            "host": "127.0.0.1",
            "port": sap.port,
            "username": "gateway",
            "password": "file:secrets/sap-sftp-password",
            "host_key": HOST_KEY,
            "connect_timeout_seconds": 5,
            "timeout_seconds": 5,
        }
        chosen = SapIdocSettings.model_validate({"sftp": sftp, "settle_seconds": 0, **changes})
        made.append(SapIdoc("sap-nordlicht", chosen, world.surroundings()))
        return made[-1]

    yield build
    for connector in made:
        connector.close()


def one_page(connector: SapIdoc) -> Page:
    found = list(connector.pull(""))
    assert len(found) == 1
    return found[0]


def canonical(document: SourceDocument) -> bytes:
    mapped = registry.load("sap_invoic02").map(document.content, document.part, COMPANY)
    return ubl.write(mapped.invoice)


@pytest.mark.parametrize("basic_type", ["INVOIC01", "INVOIC02"])
def test_one_mapping_reads_both_forms_and_gives_one_invoice(
    sap: ImitatedSap, make: Make, basic_type: str
) -> None:
    for flat in (False, True):
        sap.put_out(Output((BILLINGS[0],), flat=flat, basic_type=basic_type))
    first, second = one_page(make()).documents
    assert first.key == second.key == "N01CLNT100/100/INVO/90000201"
    assert first.revision != second.revision
    assert canonical(first) == canonical(second)


def test_each_idoc_of_a_flat_file_is_handed_over_with_the_digest_of_its_file(
    sap: ImitatedSap, make: Make
) -> None:
    name = sap.put_out(Output(BILLINGS[:3], flat=True))
    page = one_page(make())
    assert [document.key.rpartition("/")[2] for document in page.documents] == [
        "90000201",
        "90000202",
        "90000203",
    ]
    assert {document.origin for document in page.documents} == {f"/out/{name}"}
    assert all(b"SHA-256" in document.content and document.part == 0 for document in page.documents)
    assert page.documents[1].content.count(b"<IDOC ") == 1


def test_the_flat_file_itself_goes_into_the_archive(sap: ImitatedSap, make: Make) -> None:
    name = sap.put_out(Output((BILLINGS[0],), flat=True))
    content = (sap.root / "out" / name).read_bytes()
    connector = make()
    connector.acknowledge(one_page(connector))
    assert (sap.root / "out/archive/2026/11" / name).read_bytes() == content


def test_a_test_idoc_in_a_flat_file_is_set_aside(sap: ImitatedSap, make: Make) -> None:
    sap.put_out(Output((BILLINGS[0], replace(BILLINGS[1], test=True)), flat=True))
    page = one_page(make())
    assert [document.key.rpartition("/")[2] for document in page.documents] == ["90000201"]
    assert [(rejected.needs_person, "TEST = X" in rejected.problem.what) for rejected in page.rejected] == [
        (False, True)
    ]


def test_a_flat_file_that_breaks_off_waits_and_is_shown_in_the_end(
    sap: ImitatedSap, make: Make, world: World
) -> None:
    name = sap.put_out(Output((BILLINGS[0],), flat=True))
    path = sap.root / "out" / name
    path.write_bytes(path.read_bytes().splitlines()[0])
    connector = make(give_up_after_seconds=60)
    assert list(connector.pull("")) == []
    world.wait(60)
    [rejected] = one_page(connector).rejected
    assert "no segments" in rejected.problem.what


def test_a_flat_file_in_another_character_set_is_shown_with_the_setting(sap: ImitatedSap, make: Make) -> None:
    sap.put_out(Output((BILLINGS[0],), "ISO-8859-1", flat=True))
    [rejected] = one_page(make()).rejected
    assert "flat_encoding" in rejected.problem.fix
    [document] = one_page(make(flat_encoding="iso-8859-1")).documents
    assert "Glückstadt".encode() in document.content


def test_xml_is_not_looked_for_in_a_source_of_flat_files(sap: ImitatedSap, make: Make) -> None:
    sap.put_out(Output((BILLINGS[0],)))
    assert one_page(make(form="flat")).documents == ()
    assert len(one_page(make(form="xml")).documents) == 1


def test_of_many_idocs_in_an_xml_file_each_is_handed_over_by_itself(sap: ImitatedSap, make: Make) -> None:
    """Reading the whole file anew for each of a thousand invoices would take its square."""
    sap.put_out(Output(BILLINGS[:12]))
    page = one_page(make())
    assert [document.key.rpartition("/")[2] for document in page.documents] == [
        billing.number.lstrip("0") for billing in BILLINGS[:12]
    ]
    for document in page.documents:
        assert (document.content.count(b"<IDOC "), document.part) == (1, 0)
    alone = one_page(make(file_pattern=sap.put_out(Output((BILLINGS[4],))))).documents[0]
    assert canonical(page.documents[4]) == canonical(alone)


def test_the_same_flat_idoc_in_another_file_is_recognised(sap: ImitatedSap, make: Make) -> None:
    name = sap.put_out(Output(BILLINGS[:2], flat=True))
    content = (sap.root / "out" / name).read_bytes()
    sap.drop("again.txt", content.split(b"\nEDI_DC40")[0] + b"\n")
    first, _, again = one_page(make()).documents
    assert (first.key, first.fingerprint) == (again.key, again.fingerprint)
    assert first.content != again.content


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(st.one_of(st.binary(max_size=300), st.integers(0, 20_000)), st.binary(max_size=8))
def test_a_reader_given_any_bytes_returns_or_refuses(found: bytes | int, noise: bytes) -> None:
    """Noise, and a whole file with noise anywhere in it."""
    whole = flat_file([idoc(BILLINGS[0], 1)], lines=False)
    content = found if isinstance(found, bytes) else whole[:found] + noise + whole[found:]
    with suppress(MalformedDocument):
        assert read_flat(content, FORM, "file")


# Conventions of pick-up


def test_a_marker_may_take_the_place_of_the_extension(sap: ImitatedSap, make: Make) -> None:
    name = sap.put_out(Output((BILLINGS[0],), flat=True))
    connector = make(done_marker=".ok", done_marker_replaces=True)
    assert list(connector.pull("")) == []
    sap.drop(name.replace(".txt", ".ok"), b"")
    connector.acknowledge(one_page(connector))
    assert [path.name for path in (sap.root / "out").iterdir() if path.is_file()] == []


def test_the_archive_can_be_one_folder(sap: ImitatedSap, make: Make) -> None:
    name = sap.put_out(Output((BILLINGS[0],)))
    connector = make(archive_folder="/out/done", archive_by_month=False)
    connector.acknowledge(one_page(connector))
    assert (sap.root / "out/done" / name).is_file()


def test_what_cannot_be_taken_goes_into_the_error_folder(sap: ImitatedSap, make: Make) -> None:
    with (sap.root / "out" / "huge.xml").open("wb") as file:
        file.truncate(60 * 1024 * 1024)
    connector = make(error_folder="/out/error")
    connector.acknowledge(one_page(connector))
    assert (sap.root / "out/error/huge.xml").is_file()


def test_only_the_named_message_types_are_invoices(sap: ImitatedSap, make: Make) -> None:
    name = sap.put_out(Output((BILLINGS[0],)))
    path = sap.root / "out" / name
    path.write_bytes(path.read_bytes().replace(b"<MESTYP>INVOIC<", b"<MESTYP>ZINVOI<"))
    assert one_page(make()).documents == ()
    assert len(one_page(make(message_types=["INVOIC", "ZINVOI"])).documents) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"flat_encoding": "klingon"},
        {"flat_segments": {"Z1OWN": "NAME"}},
        {"flat_segments": {"Z1OWN": "NAME 0"}},
        {"flat_segments": {"Z1OWN": "NAME 3 NAME 4"}},
        {"flat_segments": {"z1 own": "NAME 3"}},
        {"form": "edifact"},
    ],
)
def test_settings_that_cannot_work_are_refused_at_once(wrong: dict[str, object], make: Make) -> None:
    with pytest.raises(ValidationError):
        make(**wrong)


# Status


def test_sap_assigns_a_flat_status_like_one_in_xml(sap: ImitatedSap, make: Make) -> None:
    sap.put_out(Output((BILLINGS[0],), flat=True))
    written = make(status_form="flat", time_zone="Europe/Berlin").report_status(
        replace(REPORT, document_id=f"{471119 + 1:016}")
    )
    assert written.where.endswith(".txt")
    [record] = records(sap)
    assert (record["STATUS"], record["STATYP"], record["LOGDAT"]) == ("14", "S", "20261123")
    assert record["STATXT"] == "Delivered to 0204:01062-80412-93"


def test_flat_news_is_there_once_however_often_it_is_written(sap: ImitatedSap, make: Make) -> None:
    connector = make(status_form="flat")
    assert not connector.report_status(REPORT).existed
    assert connector.report_status(REPORT).existed
    assert len(records(sap)) == 1


def test_a_long_flat_text_is_cut_to_the_parameters_of_the_layout(sap: ImitatedSap, make: Make) -> None:
    text = "The receiver refused the invoice since the purchase order number is missing in it"
    make(status_form="flat").report_status(replace(REPORT, text=text))
    [record] = records(sap)
    assert record["STATXT"] == "&1 &2 &3 &4"
    assert all(len(record[f"STAPA{number}"]) <= 20 for number in range(1, 5))


def test_a_system_with_wider_parameters_gets_them_by_a_setting() -> None:
    wide = layout(" ".join(f"{name} {50 if name == 'STAPA1' else n}" for name, n in SEGMENTS["E1STATS"]))
    content = write_flat(etree.fromstring(STATUS), FlatForm.of("utf-8", {"E1STATS": wide}))
    assert content.splitlines()[1][252:302].strip() == b"x" * 50


STATUS = (
    b'<IDOC BEGIN="1"><EDI_DC40 SEGMENT="1"><TABNAM>EDI_DC40</TABNAM></EDI_DC40>'
    b'<E1STATS SEGMENT="1"><STAPA1>' + b"x" * 60 + b"</STAPA1></E1STATS></IDOC>"
)

"""Invoices in files: what is read from each kind, from a folder, from an SFTP server, and by push."""

from __future__ import annotations

import hashlib
import io
import json
import os
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from pypdf import PdfWriter

from connectors.base import DeliveryState, Page, Push, StatusReport, TakesPushes
from connectors.erp.files import (
    Folder,
    FolderSettings,
    PushFiles,
    PushSettings,
    SftpFiles,
    SftpFilesSettings,
)
from connectors.erp.files_format import FormatSettings
from connectors.erp.files_readers import Found, read_file
from connectors.sandbox.faults import Fault
from connectors.sandbox.files import ImitatedExport
from formats.errors import MalformedDocument, RemoteRefused, RemoteUnavailable
from formats.profiles.en16931_cii import PROFILE as CII
from formats.syntaxes import cii, ubl
from mappings.as_is import AS_IS
from tests.connectors.spreadsheets import TEMPLATE, workbook
from tests.connectors.test_sap_idoc import World
from tests.strategies import sample_invoice

GERMAN = FormatSettings(
    kind="csv",
    decimal=",",
    date_form="%d.%m.%Y",
    columns={"Rechnungsnummer": "number", "Datum": "issue_date", "Menge": "quantity", "Preis": "price"},
)
TABLE = (
    "Rechnungsnummer;Datum;Kunde;Menge;Preis\r\n"
    "1001;16.11.2026;Wendt;2,5;1.234,50\r\n"
    "1002;17.11.2026;Förde;1;10\r\n"
    '1001;;;3;"0,75"\r\n'
)


def read(content: bytes, form: FormatSettings) -> list[Found]:
    return list(read_file(content, form, file="file", where="file"))


def rows(found: Found) -> list[dict[str, str]]:
    content = json.loads(found.content)["rows"]
    assert isinstance(content, list)
    return content


# CSV


def test_the_lines_of_one_invoice_are_put_together_by_its_number() -> None:
    first, second = read(TABLE.encode(), GERMAN)
    assert (first.key, second.key) == ("1001", "1002")
    assert rows(first) == [
        {
            "number": "1001",
            "issue_date": "2026-11-16",
            "kunde": "Wendt",
            "quantity": "2.5",
            "price": "1234.50",
        },
        {"number": "1001", "quantity": "3", "price": "0.75"},
    ]
    assert json.loads(first.content)["source"] == {
        "file": "file",
        "sha256": hashlib.sha256(TABLE.encode()).hexdigest(),
        "rows": [2, 4],
    }


def test_the_same_rows_in_another_file_are_no_change() -> None:
    later = TABLE.replace("1002;17.11.2026;Förde;1;10", "1003;18.11.2026;Förde;2;10")
    assert read(TABLE.encode(), GERMAN)[0].fingerprint == read(later.encode(), GERMAN)[0].fingerprint
    changed = TABLE.replace("0,75", "0,76")
    assert read(TABLE.encode(), GERMAN)[0].fingerprint != read(changed.encode(), GERMAN)[0].fingerprint


@pytest.mark.parametrize(
    ("text", "decimal", "read_as"),
    [
        ("1.234,50", ",", "1234.50"),
        ("1234,5", ",", "1234.5"),
        ("1,234.50", ".", "1234.50"),
        ("1 234,50".replace(" ", "\u00a0"), ",", "1234.50"),
        ("1'234.50", ".", "1234.50"),
        ("-12,00", ",", "-12.00"),
        ("12,00-", ",", "-12.00"),
        ("19 %", ".", "19"),
        ("1.234.567", ",", "1234567"),
    ],
)
def test_numbers_are_read_as_the_country_writes_them(text: str, decimal: Any, read_as: str) -> None:
    form = FormatSettings(kind="csv", decimal=decimal)
    [found] = read(f"number;price\n1;{text}\n".encode(), form)
    assert rows(found)[0]["price"] == read_as


@pytest.mark.parametrize(
    ("text", "decimal"), [("1.5", ","), ("12.34", ","), ("1,5", "."), ("abc", ","), ("1,2,3", ",")]
)
def test_an_ambiguous_number_is_refused_not_guessed(text: str, decimal: Any) -> None:
    """1.5 with a decimal comma would silently become 15."""
    [found] = read(f"number;price\n1;{text}\n".encode(), FormatSettings(kind="csv", decimal=decimal))
    assert found.problem is not None
    assert "price" in found.problem.what


def test_a_wrong_cell_stops_its_invoice_and_no_other() -> None:
    first, second = read(TABLE.replace("2,5;", "two;").encode(), GERMAN)
    assert first.problem is not None
    assert "row 2" in first.problem.where or "invoice 1001" in first.problem.what
    assert second.problem is None


def test_rows_of_one_invoice_that_contradict_each_other_are_shown() -> None:
    table = "number;buyer_name;quantity\n1;Wendt;1\n1;Förde;2\n"
    [found] = read(table.encode(), FormatSettings(kind="csv"))
    assert found.problem is not None
    assert "buyer_name differs between row 2 and row 3" in found.problem.what


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("price;quantity\n1;2\n", "the column number is missing"),
        ("number;number\n1;2\n", "two columns are called number"),
        ("number;price\n;2\n", "number is empty"),
        ('number;price\n1;"2\n', "cannot be read"),
        ("", "the file is empty"),
        ("number;price\n1;2;3\n", ""),
    ],
)
def test_a_table_that_cannot_be_right_is_refused_with_its_place(table: str, said: str) -> None:
    form = FormatSettings(kind="csv")
    if said:
        with pytest.raises(MalformedDocument, match=said):
            read(table.encode(), form)
    else:
        [found] = read(table.encode(), form)
        assert found.problem is not None
        assert "no heading" in found.problem.what


def test_character_sets_are_told_not_guessed() -> None:
    with pytest.raises(MalformedDocument, match="not written in utf-8"):
        read(TABLE.encode("cp1252"), GERMAN)
    windows = GERMAN.model_copy(update={"encoding": "cp1252"})
    assert rows(read(TABLE.encode("cp1252"), windows)[1])[0]["kunde"] == "Förde"
    assert read(b"\xef\xbb\xbf" + TABLE.encode(), GERMAN)[0].key == "1001"


def test_a_line_break_within_quotes_and_lines_above_the_headings() -> None:
    form = FormatSettings(kind="csv", header_row=3, delimiter=",")
    [found] = read(b'Export of 2026-11-22\n\nnumber,note\n1,"two\nlines"\n', form)
    assert rows(found)[0]["note"] == "two\nlines"


# XLSX


def xlsx(content: bytes, **changes: Any) -> list[Found]:
    return read(content, FormatSettings.model_validate({"kind": "xlsx", **changes}))


def test_a_spreadsheet_gives_exact_numbers_and_dates() -> None:
    moment = datetime.fromisoformat("2026-12-16T08:30:00")  # a cell has no time zone
    content = workbook(
        [
            ("Number", "Issue date", "Due date", "Price", "Quantity", "Tax rate", "Text"),
            (1001, date(2026, 11, 16), moment, 0.1 + 0.2, 1234.56, 0.19, "a"),
        ],
        formats={"B2": "dd.mm.yyyy", "F2": "0%"},
    )
    [found] = xlsx(content)
    assert rows(found) == [
        {
            "number": "1001",
            "issue_date": "2026-11-16",
            "due_date": "2026-12-16",
            "price": "0.3",
            "quantity": "1234.56",
            "tax_rate": "19",
            "text": "a",
        }
    ]


def test_numbers_and_dates_written_as_text_follow_the_settings() -> None:
    content = workbook([("number", "issue_date", "price"), ("1", "16.11.2026", "1.234,50")])
    [found] = xlsx(content, decimal=",", date_form="%d.%m.%Y")
    assert rows(found)[0] == {"number": "1", "issue_date": "2026-11-16", "price": "1234.50"}


def test_a_number_where_a_date_belongs_is_shown() -> None:
    [found] = xlsx(workbook([("number", "issue_date"), ("1", 46342)]))
    assert found.problem is not None
    assert "not a date" in found.problem.what


def test_empty_rows_and_columns_in_between_mean_nothing() -> None:
    content = workbook(
        [(), ("number", None, "price"), (), ("1", None, 5), (None, None, None), ("1", None, 6)]
    )
    [found] = xlsx(content, header_row=2)
    assert [row["price"] for row in rows(found)] == ["5", "6"]


def test_a_formula_counts_by_its_last_value_or_is_refused() -> None:
    content = workbook([("number", "price"), ("1", "=2*3")])
    with pytest.raises(MalformedDocument, match="B2 holds a formula that was never calculated"):
        xlsx(content)
    calculated = edited(content, "xl/worksheets/sheet1.xml", b"<v></v>", b"<v>6</v>", b"<v />", b"<v>6</v>")
    assert rows(xlsx(calculated)[0])[0]["price"] == "6"
    with pytest.raises(MalformedDocument, match="holds a formula"):
        xlsx(calculated, formulas="refuse")


def edited(content: bytes, part: str, *changes: bytes) -> bytes:
    """The same spreadsheet with one part changed."""
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as old,
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in old.namelist():
            text = old.read(name)
            if name == part:
                for before, after in zip(changes[::2], changes[1::2], strict=True):
                    text = text.replace(before, after)
            new.writestr(name, text)
    return buffer.getvalue()


def test_an_error_value_is_refused_with_its_cell() -> None:
    content = edited(
        workbook([("number", "price"), ("1", 5)]),
        "xl/worksheets/sheet1.xml",
        b'<c r="B2" t="n"><v>5</v>',
        b'<c r="B2" t="e"><v>#REF!</v>',
    )
    with pytest.raises(MalformedDocument, match="B2 shows the error #REF!"):
        xlsx(content)


def test_a_sheet_is_found_by_its_name() -> None:
    with pytest.raises(MalformedDocument, match="there is no sheet 'Other'; there are Sheet"):
        xlsx(workbook([("number",), ("1",)]), sheet="Other")
    assert len(xlsx(workbook([("number",), ("1",)]), sheet="Sheet")) == 1


def test_a_packed_bomb_is_not_unpacked() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", b" " * (40 * 1024 * 1024))
    assert len(buffer.getvalue()) < 100_000
    with pytest.raises(MalformedDocument, match="when unpacked"):
        xlsx(buffer.getvalue())


@pytest.mark.parametrize(
    "content",
    [b"PK\x03\x04 broken", b"\xd0\xcf\x11\xe0 old .xls", b"number;price\n1;2\n"],
    ids=["broken", "old form", "csv"],
)
def test_what_is_no_spreadsheet_is_refused(content: bytes) -> None:
    with pytest.raises(MalformedDocument, match="no spreadsheet"):
        xlsx(content)


def test_an_entity_bomb_in_a_spreadsheet_is_refused() -> None:
    bomb = b'<!DOCTYPE a [<!ENTITY b "bb">]><workbook'
    with pytest.raises(MalformedDocument, match="document type declaration"):
        xlsx(edited(workbook([("number",), ("1",)]), "xl/workbook.xml", b"<workbook", bomb))


def test_a_text_used_in_many_cells_is_not_multiplied_without_end() -> None:
    """A spreadsheet keeps it once: some kilobytes would become gigabytes."""
    content = workbook([("number", "item"), *[("1", 5)] * 2_200])
    part = "xl/worksheets/sheet1.xml"
    packed = io.BytesIO(edited(content, part, b't="n"><v>5<', b't="s"><v>0<'))
    with zipfile.ZipFile(packed, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/sharedStrings.xml", f"<sst><si><t>{'A' * 32_000}</t></si></sst>")
    assert len(packed.getvalue()) < 100_000
    with pytest.raises(MalformedDocument, match="more than 67108864 characters"):
        xlsx(packed.getvalue())


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_a_text_longer_than_a_cell_can_hold_stops_its_invoice_and_no_other(kind: Any) -> None:
    if kind == "csv":
        content = f"number;item\n1;{'A' * 32_768}\n2;{'A' * 32_767}\n".encode()
    else:
        content = workbook([("number", "item"), ("1", "here"), ("2", "A" * 32_767)])
        for part in ("xl/sharedStrings.xml", "xl/worksheets/sheet1.xml"):
            content = edited(content, part, b">here<", b">%s<" % (b"A" * 32_768))
    first, second = read(content, FormatSettings(kind=kind))
    assert first.problem is not None
    assert "item has more than 32767 characters" in first.problem.what
    assert second.problem is None


def test_a_date_beyond_the_calendar_is_refused() -> None:
    """Counted from 1904 the last day is four years further on."""
    content = edited(
        workbook([("number", "issue_date"), ("1", 2_958_465)], formats={"B2": "dd.mm.yyyy"}),
        "xl/workbook.xml",
        *(b"<workbookPr/>", b'<workbookPr date1904="1"/>'),
        *(b"<workbookPr />", b'<workbookPr date1904="1"/>'),
    )
    with pytest.raises(MalformedDocument, match="the date in cell B2 cannot be read"):
        xlsx(content)


@pytest.mark.parametrize("method", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_a_spreadsheet_packed_in_an_unusual_way_is_refused(method: int) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        archive.writestr("xl/workbook.xml", b"<workbook/>")
    with pytest.raises(MalformedDocument, match="packed in an unusual way"):
        xlsx(buffer.getvalue())


def test_a_spreadsheet_that_points_beyond_its_end_is_refused() -> None:
    damaged = bytearray(workbook([("number",), ("1",)]))
    directory = damaged.find(b"PK\x01\x02")
    while directory >= 0:
        damaged[directory + 42 : directory + 46] = b"\xff\xff\xff\x7f"
        directory = damaged.find(b"PK\x01\x02", directory + 4)
    with pytest.raises(MalformedDocument, match="cannot be read"):
        xlsx(bytes(damaged))


def test_the_template_is_read_as_it_is_handed_out() -> None:
    [found] = xlsx(TEMPLATE.read_bytes())
    assert (found.key, found.problem) == ("R-1001", None)
    assert [row["price"] for row in rows(found)] == ["96.3", "31.15"]


# JSON, XML, e-invoices


def test_each_invoice_of_a_json_list_keeps_its_own_bytes() -> None:
    content = b'[ {"number": 1, "total": 1.10},\n {"number": "A/2", "total": 2e1} ]'
    found = read(content, FormatSettings(kind="json"))
    assert [(one.key, one.content) for one in found] == [
        ("1", b'{"number": 1, "total": 1.10}'),
        ("A%2F2", b'{"number": "A/2", "total": 2e1}'),
    ]


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("csv", "number\n{}\n"),
        ("json", '{{"number": "{}"}}'),
        ("xml", "<invoice><number>{}</number></invoice>"),
    ],
)
def test_numbers_that_differ_in_a_slash_are_different_invoices(kind: Any, content: str) -> None:
    form = FormatSettings(kind=kind)
    keys = [read(content.format(number).encode(), form)[0].key for number in ("a/b", "a_b", "a%2Fb")]
    assert keys == ["a%2Fb", "a_b", "a%252Fb"]


TWINS = b'[{"number": 1, "total": 1}, {"number": 2}, {"number": "1 ", "total": 2}]'


def test_different_invoices_of_one_number_are_both_refused() -> None:
    """Otherwise the later one would count as a change of the earlier one, which nobody would see again."""
    first, other, second = read(TWINS, FormatSettings(kind="json"))
    assert other.problem is None
    for twin in (first, second):
        assert twin.key == "1"
        assert twin.problem is not None
        assert "2 different invoices in it have the number 1" in twin.problem.what


def test_the_same_invoice_twice_is_no_contradiction() -> None:
    found = read(b'[{"number": 1}, {"number": 1}]', FormatSettings(kind="json"))
    assert [(one.key, one.problem) for one in found] == [("1", None), ("1", None)]


@pytest.mark.parametrize(
    ("content", "records"),
    [
        (b'{"number": 1, "number": 2}', ""),
        (b'{"invoices": [{"number": 1}], "invoices": [{"number": 2}]}', "invoices"),
        (b'{"number": 1, "lines": [{"net": 1, "net": 2}]}', ""),
    ],
)
def test_a_name_that_stands_twice_in_an_object_is_refused(content: bytes, records: str) -> None:
    """Of two values readers take either, and one would be lost unmentioned."""
    with pytest.raises(MalformedDocument, match="stands in it twice"):
        read(content, FormatSettings(kind="json", records=records))


def test_a_comment_does_not_end_a_number() -> None:
    [found] = read(b"<invoice><number>1<!-- x -->2</number></invoice>", FormatSettings(kind="xml"))
    assert found.key == "12"


def test_an_invoice_within_an_invoice_is_refused() -> None:
    content = b"<all><invoice><number>1</number><invoice><number>2</number></invoice></invoice></all>"
    with pytest.raises(MalformedDocument, match="stands within another one"):
        read(content, FormatSettings(kind="xml", records="invoice"))


def test_a_number_that_a_spreadsheet_rounded_stops_its_invoice() -> None:
    [found] = xlsx(workbook([("number", "net"), (202600000123456789, 1)]))
    assert found.problem is not None
    assert "more than 15 digits" in found.problem.what


UNFIT = [
    ("json", rb'{"number": "\ud800"}'),
    ("json", rb'{"number": "1\u0000"}'),
    ("json", rb'{"number": "1\n2"}'),
    ("json", b'{"number": "%s"}' % (b"1" * 301)),
    ("csv", b"number\n1\0\n"),
]


@pytest.mark.parametrize(("kind", "content"), UNFIT)
def test_a_number_that_cannot_be_stored_is_refused(kind: Any, content: bytes) -> None:
    [found] = read(content, FormatSettings(kind=kind))
    assert found.key == ""
    assert found.problem is not None
    assert "the number of an invoice" in found.problem.what


@pytest.mark.parametrize("number", [b"1e99999999999999999999", b"1e999999999", b"1e-999999999"])
def test_a_number_beyond_all_measure_is_refused(number: bytes) -> None:
    """Written out it would fill the memory."""
    with pytest.raises(MalformedDocument, match="a number in it is too large"):
        read(b'{"number": 1, "total": %s}' % number, FormatSettings(kind="json"))


@pytest.mark.parametrize("text", [rb"a\udc00", rb"a\u0000"])
def test_a_text_that_cannot_be_stored_stops_its_invoice_and_no_other(text: bytes) -> None:
    content = rb'[{"number": 1, "lines": [{"item": "%s"}]}, {"number": 2, "item": "\ud83d\ude00"}]' % text
    first, second = read(content, FormatSettings(kind="json"))
    assert (first.key, second.key, second.problem) == ("1", "2", None)
    assert first.problem is not None
    assert "a text of invoice 1" in first.problem.what


def test_a_json_list_may_lie_deeper_and_the_key_too() -> None:
    content = (
        b'{"meta": {"n": [1]}, "data": {"x": 1, "invoices": [{"head": {"no": 7}}, {"head": {}}]}, "z": 1}'
    )
    form = FormatSettings(kind="json", records="data.invoices", key=("head.no",))
    assert [one.key for one in read(content, form)] == ["7", ""]


@pytest.mark.parametrize(
    "content", [b"[1]", b'{"number": NaN', b"[{}] x", b"\xff", b"[" * 100_000, b"<a/>", b'{"a": 1}']
)
def test_what_is_no_json_of_invoices_is_refused(content: bytes) -> None:
    form = FormatSettings(kind="json", records="list" if content == b'{"a": 1}' else "")
    with pytest.raises(MalformedDocument):
        read(content, form)


def test_an_xml_file_is_one_invoice_or_several_records() -> None:
    record = b"<invoice><head><no>%d</no></head></invoice>"
    content = b"<export>" + record % 1 + record % 2 + b"</export>"
    form = FormatSettings(kind="xml", records="invoice", key=("head.no",))
    assert [one.key for one in read(content, form)] == ["1", "2"]
    one = b'<i:invoice xmlns:i="urn:x"><i:no>7</i:no></i:invoice>'
    [found] = read(one, FormatSettings(kind="xml", key=("no",)))
    assert (found.key, found.content) == ("7", one)
    with pytest.raises(MalformedDocument, match="there is no element bill"):
        read(content, FormatSettings(kind="xml", records="bill"))


def test_an_einvoice_is_handed_over_as_it_is_under_kind_and_number() -> None:
    invoice = sample_invoice()
    for content in (ubl.write(invoice), cii.write(CII.prepare(invoice))):
        [found] = read(content, FormatSettings(kind="einvoice"))
        assert found.key == f"380/{invoice.number}"
        assert found.content == content
    with pytest.raises(MalformedDocument, match="purchase order"):
        read(b"<Order/>", FormatSettings(kind="einvoice"))


def test_a_pdf_with_an_invoice_in_it_is_an_einvoice() -> None:
    writer = PdfWriter()
    writer.add_blank_page(200, 200)
    writer.add_attachment("factur-x.xml", cii.write(CII.prepare(sample_invoice())))
    buffer = io.BytesIO()
    writer.write(buffer)
    [found] = read(buffer.getvalue(), FormatSettings(kind="einvoice"))
    assert (found.key, found.media_type) == (f"380/{sample_invoice().number}", "application/pdf")
    assert AS_IS["einvoice"].map(found.content, 0, {}).invoice.number == sample_invoice().number


@given(st.sampled_from(["csv", "xlsx", "json", "xml", "einvoice"]), st.binary(max_size=200))
def test_a_reader_given_any_bytes_returns_or_refuses(kind: Any, content: bytes) -> None:
    with suppress(MalformedDocument):
        read(content, FormatSettings(kind=kind))


@given(st.integers(0, 6000), st.binary(max_size=6))
def test_a_damaged_spreadsheet_is_refused_or_read(place: int, noise: bytes) -> None:
    whole = TEMPLATE.read_bytes()
    with suppress(MalformedDocument):
        xlsx(whole[:place] + noise + whole[place + len(noise) :])


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "pdf"},
        {"kind": "csv", "encoding": "klingon"},
        {"kind": "csv", "encoding": "rot13"},
        {"kind": "csv", "encoding": "base64"},
        {"kind": "csv", "encoding": "unicode_escape"},
        {"kind": "csv", "encoding": "raw_unicode_escape"},
        {"kind": "csv", "encoding": "utf-7"},
        {"kind": "csv", "encoding": "undefined"},
        {"kind": "csv", "date_form": "%d.%m"},
        {"kind": "csv", "date_form": "%d.%m.%Y %H:%M"},
        {"kind": "csv", "delimiter": ";;"},
        {"kind": "csv", "group_by": []},
    ],
)
def test_a_format_that_cannot_work_is_refused_at_once(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        FormatSettings.model_validate(wrong)


# A folder


@pytest.fixture
def world() -> World:
    return World()


MakeFolder = Callable[..., Folder]


@pytest.fixture
def folder(tmp_path: Path, world: World) -> MakeFolder:
    (tmp_path / "in").mkdir()

    def build(**changes: object) -> Folder:
        settings = {
            "folder": str(tmp_path / "in"),
            "archive_folder": str(tmp_path / "done"),
            "settle_seconds": 0,
            "format": {"kind": "json"},
            **changes,
        }
        return Folder("files", FolderSettings.model_validate(settings), world.surroundings())

    return build


def one_page(connector: Folder | SftpFiles) -> Page:
    [page] = list(connector.pull(""))
    return page


def test_a_file_is_archived_once_its_invoices_are_stored(tmp_path: Path, folder: MakeFolder) -> None:
    (tmp_path / "in" / "a.json").write_bytes(b'[{"number": 1}, {"number": 2}]')
    connector = folder()
    page = one_page(connector)
    assert [document.key for document in page.documents] == ["1", "2"]
    assert page.documents[0].origin == f"{tmp_path}/in/a.json"
    assert (tmp_path / "in" / "a.json").exists()
    connector.acknowledge(page)
    connector.acknowledge(page)
    assert [path.name for path in (tmp_path / "done/2026/11").iterdir()] == ["a.json"]
    assert list(connector.pull("")) == []


def test_a_large_file_comes_in_several_pages_and_leaves_with_the_last(
    tmp_path: Path, folder: MakeFolder
) -> None:
    (tmp_path / "in" / "a.json").write_text(json.dumps([{"number": n} for n in range(1201)]))
    connector = folder()
    pages = list(connector.pull(""))
    assert [len(page.documents) for page in pages] == [500, 500, 201]
    assert [len(page.handles) for page in pages] == [0, 0, 1]


def test_links_and_folders_are_not_followed(tmp_path: Path, folder: MakeFolder) -> None:
    secret = tmp_path / "secret.json"
    secret.write_text('{"number": 1}')
    (tmp_path / "in" / "link.json").symlink_to(secret)
    (tmp_path / "in" / "folder.json").mkdir()
    assert list(folder().pull("")) == []


def test_a_bad_file_is_shown_and_the_others_go_on(tmp_path: Path, folder: MakeFolder) -> None:
    (tmp_path / "in" / "bad.json").write_text("{")
    (tmp_path / "in" / "good.json").write_text('{"number": 1}')
    connector = folder()
    page = one_page(connector)
    assert [document.key for document in page.documents] == ["1"]
    [rejected] = page.rejected
    assert rejected.origin.endswith("/bad.json")
    connector.acknowledge(page)
    assert sorted(path.name for path in (tmp_path / "done/2026/11").iterdir()) == ["bad.json", "good.json"]


@pytest.mark.parametrize(("kind", "content"), UNFIT)
def test_a_file_with_an_unfit_number_is_shown_and_the_others_go_on(
    tmp_path: Path, folder: MakeFolder, kind: str, content: bytes
) -> None:
    (tmp_path / "in" / "bad").write_bytes(content)
    (tmp_path / "in" / "good").write_bytes(b'{"number": 1}' if kind == "json" else b"number\n1\n")
    page = one_page(folder(format={"kind": kind}))
    assert [document.key for document in page.documents] == ["1"]
    assert [rejected.key.isprintable() and len(rejected.key) < 300 for rejected in page.rejected] == [True]


def test_a_file_whose_name_is_no_utf_8_is_taken(tmp_path: Path, folder: MakeFolder) -> None:
    (tmp_path / "in" / os.fsdecode(b"a\xff.json")).write_bytes(b'{"number": 1}')
    connector = folder()
    page = one_page(connector)
    assert [document.key for document in page.documents] == ["1"]
    connector.acknowledge(page)
    assert list((tmp_path / "in").iterdir()) == []


def test_a_mended_invoice_has_the_key_of_the_one_that_was_refused(tmp_path: Path, folder: MakeFolder) -> None:
    connector = folder(format=GERMAN.model_dump())
    (tmp_path / "in" / "a.csv").write_text(TABLE.replace("2,5;", "two;"))
    [rejected] = one_page(connector).rejected
    (tmp_path / "in" / "a.csv").write_text(TABLE)
    assert rejected.key in [document.key for document in one_page(connector).documents]


def test_the_archive_never_replaces_a_file(tmp_path: Path, folder: MakeFolder) -> None:
    connector = folder(archive_by_month=False)
    for number in (1, 2):
        (tmp_path / "in" / "a.json").write_text(f'{{"number": {number}}}')
        connector.acknowledge(one_page(connector))
    assert sorted(path.name for path in (tmp_path / "done").iterdir()) == [
        "a.json",
        "a_20261122T093000Z.json",
    ]


def test_the_archive_may_be_on_another_disk(tmp_path: Path, folder: MakeFolder) -> None:
    memory = Path("/dev/shm")
    if not memory.is_dir() or memory.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no second disk at /dev/shm")
    (tmp_path / "in" / "a.json").write_text('{"number": 1}')
    with TemporaryDirectory(dir=memory) as other:
        connector = folder(archive_folder=f"{other}/done", archive_by_month=False)
        connector.acknowledge(one_page(connector))
        assert (Path(other) / "done" / "a.json").read_text() == '{"number": 1}'
    assert list((tmp_path / "in").iterdir()) == []


def test_a_folder_that_is_not_there_is_refused_not_an_empty_day(tmp_path: Path, folder: MakeFolder) -> None:
    with pytest.raises(RemoteRefused, match="not there"):
        list(folder(folder=str(tmp_path / "nowhere")).pull(""))


def test_a_file_over_the_limit_is_rejected_unread(tmp_path: Path, folder: MakeFolder) -> None:
    (tmp_path / "in" / "a.json").write_text('{"number": 1}' + " " * 100)
    [rejected] = one_page(folder(largest_file_bytes=50)).rejected
    assert "50 are allowed" in rejected.problem.what


REPORT = StatusReport(
    reference="files/1/delivered",
    key="1",
    number="1",
    document_id="",
    state=DeliveryState.DELIVERED,
    text="Delivered",
    at=datetime(2026, 11, 22, 9, 30, tzinfo=UTC),
)


def test_news_is_put_once_into_the_folder_for_it(tmp_path: Path, folder: MakeFolder) -> None:
    (tmp_path / "news").mkdir()
    (tmp_path / "read").mkdir()
    connector = folder(status_folder=str(tmp_path / "news"), status_done_folder=str(tmp_path / "read"))
    assert not connector.report_status(REPORT).existed
    assert connector.report_status(REPORT).existed
    [file] = (tmp_path / "news").iterdir()
    assert json.loads(file.read_text())["state"] == "delivered"
    file.rename(tmp_path / "read" / file.name)
    assert connector.report_status(REPORT).existed
    assert list((tmp_path / "news").iterdir()) == []


def test_without_a_folder_for_it_news_stays_here(folder: MakeFolder) -> None:
    assert folder().report_status(REPORT).existed is False


def test_the_check_of_a_folder_names_what_is_wrong(tmp_path: Path, folder: MakeFolder) -> None:
    (tmp_path / "in" / "a.json").write_text("{")
    steps = list(folder().check())
    assert [(step.name, step.ok) for step in steps] == [
        (f"folder {tmp_path}/in", True),
        ("read one file", False),
    ]
    assert [step.ok for step in folder(folder=str(tmp_path / "nowhere")).check()] == [False]
    assert [path.name for path in (tmp_path / "in").iterdir()] == ["a.json"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_without_rights_is_refused(tmp_path: Path, folder: MakeFolder) -> None:
    (tmp_path / "in").chmod(0)
    with pytest.raises(RemoteRefused):
        list(folder().pull(""))
    (tmp_path / "in").chmod(0o700)


# An SFTP server


@pytest.fixture
def export() -> Iterator[ImitatedExport]:
    export = ImitatedExport()
    export.start()
    yield export
    export.stop()


@pytest.fixture
def sftp(export: ImitatedExport, world: World) -> Iterator[SftpFiles]:
    world.secrets.update({f"file:secrets/{name}": text for name, text in export.secrets().items()})
    settings = {
        "sftp": {
            "host": "127.0.0.1",
            "port": export.port,
            "username": "gateway",
            "password": "file:secrets/files-sftp-password",
            "host_key": export.host_key,
            "connect_timeout_seconds": 5,
            "timeout_seconds": 5,
        },
        "settle_seconds": 0,
        "status_folder": "/status",
        "format": export.format,
    }
    connector = SftpFiles("files", SftpFilesSettings.model_validate(settings), world.surroundings())
    yield connector
    connector.close()


def test_the_seeded_invoices_come_from_the_server(export: ImitatedExport, sftp: SftpFiles) -> None:
    page = one_page(sftp)
    assert len(page.documents) == len(export.numbers)
    assert {document.key for document in page.documents} == set(export.numbers)
    sftp.acknowledge(page)
    assert export.holdings()["counts"] == {"status": 0, "out": 0, "archived": 1}


def test_news_reaches_the_server_once(export: ImitatedExport, sftp: SftpFiles) -> None:
    export.faults.arm(Fault("drop-after", "^rename"))
    with pytest.raises(RemoteUnavailable):
        sftp.report_status(REPORT)
    assert sftp.report_status(REPORT).existed
    assert export.holdings()["status_references"] == {"files/1/delivered": 1}


def test_the_check_of_a_server_passes(sftp: SftpFiles) -> None:
    assert [step for step in sftp.check() if not step.ok and step.name != "clock"] == []


# Push


@pytest.fixture
def push(world: World) -> PushFiles:
    world.secrets["file:secrets/token"] = "a-token-of-enough-characters"
    settings = PushSettings.model_validate({"format": {"kind": "json"}, "token": "file:secrets/token"})
    return PushFiles("shop", settings, world.surroundings())


def test_a_push_is_taken_whole_or_not_at_all(push: PushFiles) -> None:
    assert isinstance(push, TakesPushes)
    page = push.take(Push("application/json", b'[{"number": 1}, {"number": 2}]', idempotency_key="k1"))
    assert [(document.key, document.origin) for document in page.documents] == [
        ("1", "push/k1"),
        ("2", "push/k1"),
    ]
    for content in (b"[]", b"{", b"", TWINS, rb'{"number": "\ud800"}'):
        with pytest.raises(MalformedDocument):
            push.take(Push("application/json", content))


def test_a_push_source_has_nothing_to_pull_and_keeps_its_news(push: PushFiles) -> None:
    assert list(push.pull("")) == []
    assert "gateway" in push.report_status(REPORT).where


def test_the_check_of_a_push_source_wants_a_long_token(push: PushFiles, world: World) -> None:
    assert [step.ok for step in push.check()] == [True]
    world.secrets["file:secrets/token"] = "short"
    assert [step.ok for step in push.check()] == [False]

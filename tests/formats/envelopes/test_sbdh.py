"""Envelopes: documents go in and come out byte for byte, and every rule is judged."""

from __future__ import annotations

import tracemalloc
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from formats.envelopes import sbdh
from formats.envelopes.other_content import unwrap, wrap_binary, wrap_text
from formats.envelopes.sbdh import EnvelopeRefused, Header, MlsType
from formats.errors import MalformedDocument
from formats.finding import Severity
from formats.identifiers import DocumentTypeId, ParticipantId, ProcessId
from tests.official import documents

UBL = "urn:oasis:names:specification:ubl:schema:xsd:"
MOMENT = datetime(2026, 11, 20, 10, 11, 12, 345678, tzinfo=UTC)
HEADER = Header(
    sender=ParticipantId.of("0208:0123456749"),
    receiver=ParticipantId.of("0088:7300010000001"),
    document_type=DocumentTypeId.of(
        f"{UBL}Invoice-2::Invoice##urn:cen.eu:en16931:2017#compliant#"
        "urn:fdc:peppol.eu:2017:poacc:billing:3.0::2.1"
    ),
    process=ProcessId.of("urn:fdc:peppol.eu:2017:poacc:billing:01:1.0"),
    instance_id="7f0f3a34-4c3c-4b43-9f57-1f1f2ab0c001",
    created_at=MOMENT,
    country_c1="BE",
    mls_to=ParticipantId.of("0242:000001"),
    mls_type=MlsType.ALWAYS_SEND,
)
INVOICE = f'<Invoice xmlns="{UBL}Invoice-2"><a>1</a></Invoice>'.encode()
FACTUR_X = DocumentTypeId.of(
    "urn:peppol:doctype:pdf+xml##urn:cen.eu:en16931:2017#conformant#"
    "urn:peppol:france:billing:Factur-X:1.0::D22B"
)

words = st.text(
    st.characters(categories=("L", "N", "P", "S"), exclude_characters="\ufffe\uffff"), min_size=1, max_size=20
)
headers = st.builds(
    Header,
    sender=st.sampled_from(["0208:0123456749", "9925:BE0123456749", "0225:a_B-c"]).map(ParticipantId.of),
    receiver=st.sampled_from(["0088:7300010000001", "0242:000002-ABC"]).map(ParticipantId.of),
    document_type=st.just(HEADER.document_type),
    process=st.sampled_from(["urn:peppol:bis:billing", "other"]).map(ProcessId.of),
    instance_id=st.uuids().map(str),
    created_at=st.integers(-(10**15), 10**16).map(lambda step: MOMENT + timedelta(microseconds=step)),
    country_c1=st.from_regex(r"[A-Z]{2}", fullmatch=True),
    mls_to=st.none() | st.sampled_from(["0242:000001", "0242:000001-ABC.DEF"]).map(ParticipantId.of),
    mls_type=st.none() | st.sampled_from(MlsType),
    attributes=st.lists(st.tuples(words.map("X-".__add__), words), max_size=3).map(tuple),
)
inner = st.recursive(
    words.map(lambda text: text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;"))
    | st.sampled_from(
        [
            "",
            " ",
            "\r\n",
            "<!-- - sh: -->",
            "<?pi x?>",
            "<![CDATA[<a>&]]>",
            "<x/>",
            "sh:",
            '<y q="sh:a"/>',
            "cash: 1",
        ]
    ),
    lambda parts: st.lists(parts, max_size=3).map(lambda some: f"<b k='v'>{''.join(some)}</b >"),
    max_leaves=8,
)


def _payload(envelope: bytes) -> bytes:
    return b"".join(sbdh.payload_chunks(envelope, sbdh.read(envelope).payload))


def _changed(old: str, new: str) -> bytes:
    envelope = sbdh.write(HEADER, INVOICE)
    assert old.encode() in envelope
    return envelope.replace(old.encode(), new.encode())


def _rules(envelope: bytes) -> set[str]:
    with pytest.raises(EnvelopeRefused) as refused:
        sbdh.read(envelope)
    assert refused.value.findings[0].severity is Severity.FATAL
    return {one.rule for one in refused.value.findings}


@given(header=headers, content=inner)
def test_header_and_document_come_out_as_they_went_in(header: Header, content: str) -> None:
    """Whatever stands in the document, comments, instructions and line ends included."""
    document = f"<u:Invoice\txmlns:u='{UBL}Invoice-2' >{content}</u:Invoice\n>".encode()
    envelope = sbdh.write(header, document)
    assert sbdh.read(envelope).header == header
    assert _payload(envelope) == document
    assert sbdh.write(header, document) == envelope


def test_what_stands_beside_the_root_stays_out() -> None:
    document = b'\xef\xbb\xbf<?xml version="1.0" encoding="utf-8"?>\n<!-- a -->' + INVOICE + b"\n<?b?>\n"
    assert _payload(sbdh.write(HEADER, document)) == INVOICE


@pytest.mark.parametrize("encoding", ["ISO-8859-1", "windows-1252", "iso-8859-15"])
def test_a_document_in_another_encoding_keeps_its_bytes(encoding: str) -> None:
    root = f'<Invoice xmlns="{UBL}Invoice-2">Zoë £</Invoice>'.encode(encoding)
    header = replace(HEADER, attributes=(("remark", "€ ž"),))
    envelope = sbdh.write(header, f'<?xml version="1.0" encoding="{encoding}"?>'.encode() + root)
    assert sbdh.read(envelope).header == header
    cut = _payload(envelope)
    assert cut.endswith(root)
    assert etree.fromstring(cut).text == "Zoë £"


def test_name_spaces_of_the_envelope_go_along_where_they_are_used() -> None:
    envelope = sbdh.write(
        HEADER, f'<u:Invoice xmlns:u="{UBL}Invoice-2"><v:a t="w:x"/></u:Invoice>'.encode()
    ).replace(
        b"xmlns:sh=", b'xmlns:v="urn:v" xmlns:w="urn:w&amp;" xmlns:unused="urn:z" xmlns="urn:d" xmlns:sh=', 1
    )
    cut = _payload(envelope)
    declared = 'xmlns:v="urn:v" xmlns:w="urn:w&amp;" xmlns:u='
    assert cut == f'<u:Invoice {declared}"{UBL}Invoice-2"><v:a t="w:x"/></u:Invoice>'.encode()
    assert etree.fromstring(cut)[0].nsmap["w"] == "urn:w&"


def test_the_default_name_space_goes_along_where_it_is_used() -> None:
    document = f'<u:Invoice xmlns:u="{UBL}Invoice-2"><a xmlns=""><b/></a>{{}}</u:Invoice>'
    for content, expected in (("", ""), ("<c/>", ' xmlns="urn:d"')):
        envelope = sbdh.write(HEADER, document.format(content).encode())
        cut = _payload(envelope.replace(b"xmlns:sh=", b'xmlns="urn:d" xmlns:sh=', 1))
        assert cut == document.format(content).replace(" xmlns:u", f"{expected} xmlns:u").encode()


def test_a_large_document_does_not_fill_the_memory(tmp_path: Path) -> None:
    """100 MB through writing, reading and cutting out, in a few megabytes."""
    document, envelope = tmp_path / "document.xml", tmp_path / "envelope.xml"
    line = b"QUJD" * 19 + b"\n"
    with document.open("wb") as file:
        file.write(INVOICE[: -len(b"</Invoice>")] + b"<b>")
        for _ in range(104):
            file.write(line * 13_600)
        file.write(b"</b></Invoice>")
    tracemalloc.start()
    with document.open("rb") as source, envelope.open("wb") as target:
        target.writelines(sbdh.write_chunks(HEADER, source))
    with envelope.open("rb") as source:
        payload = sbdh.read(source).payload
        size = sum(map(len, sbdh.payload_chunks(source, payload)))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size == document.stat().st_size > 100_000_000
    assert peak < 5_000_000


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        ("<sh:HeaderVersion>1.0", "<sh:HeaderVersion>1.5", "SBDH-VERSION"),
        ('Authority="iso6523-actorid-upis">0208', 'Authority="other">0208', "SBDH-SENDER"),
        (">0088:7300010000001<", ">7300010000001<", "SBDH-RECEIVER"),
        ("<sh:Standard>urn:oasis", "<sh:Standard>urn:other", "SBDH-STANDARD"),
        ("<sh:TypeVersion>2.1", "<sh:TypeVersion>2.0", "SBDH-TYPE-VERSION"),
        ("<sh:Type>Invoice<", "<sh:Type>CreditNote<", "SBDH-TYPE"),
        (">7f0f3a34-4c3c-4b43-9f57-1f1f2ab0c001<", "> <", "SBDH-INSTANCE"),
        ("2026-11-20T10:11:12.345678Z", "20.11.2026", "SBDH-CREATED"),
        ("2026-11-20T10:11:12.345678Z", "2026-13-20T10:11:12Z", "SBDH-CREATED"),
        (
            "</sh:CreationDateAndTime>",
            "</sh:CreationDateAndTime><sh:MultipleType>true</sh:MultipleType>",
            "SBDH-MULTIPLE",
        ),
        (">DOCUMENTID<", ">other<", "SBDH-DOCUMENTID"),
        (">PROCESSID<", ">other<", "SBDH-PROCESSID"),
        (">COUNTRY_C1<", ">other<", "SBDH-COUNTRY-C1"),
        (">COUNTRY_C1<", ">PROCESSID<", "SBDH-PROCESSID"),
        (">BE<", ">be<", "SBDH-COUNTRY-C1"),
        (">BE<", ">BEL<", "SBDH-COUNTRY-C1"),
        ("<sh:Type>MLS_TO</sh:Type>", "", "SBDH-SCOPE"),
        ("<Invoice ", "<Order ", "SBDH-DOCUMENT"),
        ("</sh:StandardBusinessDocument>", "<second/></sh:StandardBusinessDocument>", "SBDH-DOCUMENT"),
        ("</sh:StandardBusinessDocument>", "text</sh:StandardBusinessDocument>", "SBDH-DOCUMENT"),
        ("<sh:StandardBusinessDocumentHeader>", "<first/><sh:StandardBusinessDocumentHeader>", "SBDH-HEADER"),
    ],
)
def test_an_envelope_that_breaks_a_rule_is_refused(old: str, new: str, rule: str) -> None:
    changed = _changed(old, new).replace(b"</Invoice>", b"</Order>" if "<Order" in new else b"</Invoice>")
    assert rule in _rules(changed)


def test_the_wildcard_of_a_receiver_is_no_document_type_of_an_envelope() -> None:
    kind = DocumentTypeId.of(f"{UBL}Invoice-2::Invoice##urn:peppol:pint:billing-1*::2.1")
    with pytest.raises(EnvelopeRefused, match="ends in a"):
        sbdh.write(replace(HEADER, document_type=kind), INVOICE)


@pytest.mark.parametrize(
    ("old", "new", "rule", "kept"),
    [
        ("0242:000001", "test", "SBDH-MLS-TO", None),
        ("0242:000001", "9915:test", "SBDH-MLS-TO", "9915:test"),
        ("<sh:Identifier>iso6523-actorid-upis</sh:Identifier>", "", "SBDH-MLS-TO", "0242:000001"),
        ("<sh:Identifier>iso6523-actorid-upis<", "<sh:Identifier>other<", "SBDH-MLS-TO", None),
        ("ALWAYS_SEND", "always_SEND", "SBDH-MLS-TYPE", "0242:000001"),
        ("ALWAYS_SEND", "", "SBDH-MLS-TYPE", "0242:000001"),
    ],
)
def test_a_wrong_wish_about_the_status_is_a_warning(old: str, new: str, rule: str, kept: str | None) -> None:
    found = sbdh.read(_changed(old, new))
    assert {one.rule for one in found.warnings} == {rule}
    assert found.header.mls_to == (None if kept is None else ParticipantId.of(kept))
    assert found.header.mls_type is (None if "TYPE" in rule else MlsType.ALWAYS_SEND)


def test_a_time_without_a_zone_and_an_id_that_is_no_uuid_are_told() -> None:
    found = sbdh.read(
        _changed("2026-11-20T10:11:12.345678Z", "2026-11-20T10:11:12").replace(b"7f0f3a34-", b"x")
    )
    assert {one.rule for one in found.warnings} == {"SBDH-CREATED", "SBDH-INSTANCE"}
    assert found.header.created_at == datetime(2026, 11, 20, 10, 11, 12, tzinfo=UTC)


def test_moments_are_kept_in_utc() -> None:
    there = HEADER.created_at.astimezone(timezone(timedelta(hours=5, minutes=30)))
    assert sbdh.write(replace(HEADER, created_at=there), INVOICE) == sbdh.write(HEADER, INVOICE)
    moved = _changed("2026-11-20T10:11:12.345678Z", "2026-11-20T12:11:12.3456789+02:00")
    assert sbdh.read(moved).header.created_at == HEADER.created_at


def test_the_status_of_a_document_asks_for_no_status() -> None:
    kind = DocumentTypeId.of(f"{UBL}Invoice-2::Invoice##urn:peppol:edec:mls:1.0::2.1")
    with pytest.raises(EnvelopeRefused, match="not to be answered"):
        sbdh.write(replace(HEADER, document_type=kind), INVOICE)
    plain = replace(HEADER, document_type=kind, mls_to=None, mls_type=None)
    assert sbdh.read(sbdh.write(plain, INVOICE)).header == plain


def test_documents_that_are_no_xml_travel_wrapped() -> None:
    header = replace(HEADER, document_type=FACTUR_X)
    envelope = sbdh.write(header, wrap_binary(b"%PDF-1.7\n\x00\xff", "application/pdf"))
    assert b"<sh:Type>factur-x</sh:Type>" in envelope
    found = sbdh.read(envelope)
    assert found.header == header
    content = unwrap(_payload(envelope))
    assert (content.mime_type, content.content) == ("application/pdf", b"%PDF-1.7\n\x00\xff")
    other = envelope.replace(b"<sh:Type>factur-x<", b"<sh:Type>Factur<").replace(
        b"TypeVersion>0<", b"TypeVersion>9<"
    )
    assert sbdh.read(other).header == replace(header, type_name="Factur", type_version="9")
    assert "SBDH-DOCUMENT" in _rules(envelope.replace(b"BinaryContent", b"Binary"))


@given(st.binary(max_size=200), words)
def test_wrapped_content_comes_out_as_it_went_in(content: bytes, text: str) -> None:
    assert unwrap(wrap_binary(content, "a/b")).content == content
    assert unwrap(wrap_text(text, "text/plain")).content == text.encode()


@pytest.mark.parametrize(
    "document",
    [
        b"<BinaryContent mimeType='a/b'/>",
        b"<BinaryContent xmlns='http://peppol.eu/xsd/ticc/envelope/1.0'>QQ==</BinaryContent>",
        b"<BinaryContent xmlns='http://peppol.eu/xsd/ticc/envelope/1.0' mimeType='a/b'>Q!</BinaryContent>",
        b"<BinaryContent xmlns='http://peppol.eu/xsd/ticc/envelope/1.0' mimeType='a/b'><a/></BinaryContent>",
    ],
)
def test_a_wrapper_that_holds_nothing_readable_is_refused(document: bytes) -> None:
    with pytest.raises(MalformedDocument):
        unwrap(document)


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"<a>",
        b"<Invoice/>",
        b"<!DOCTYPE a [<!ENTITY x 'y'>]><StandardBusinessDocument/>",
        "<StandardBusinessDocument/>".encode("utf-16"),
        b"<?xml version='1.0' encoding='no-such'?><a/>",
        b"<?xml version='1.0' encoding='shift_jis'?><a/>",
        b"<p:StandardBusinessDocument/>",
    ],
)
def test_what_is_no_envelope_is_refused(document: bytes) -> None:
    with pytest.raises(MalformedDocument):
        sbdh.read(document)


def test_hostile_envelopes_are_refused_without_effort() -> None:
    envelope = sbdh.write(HEADER, INVOICE)
    deep = INVOICE.replace(b"<a>1</a>", b"<a>" * 300 + b"</a>" * 300)
    for document, message in (
        (deep, "nested too deep"),
        (b"<!DOCTYPE Invoice>" + INVOICE, "document type declaration"),
        (INVOICE.replace(b"<a>", b"<a b='" + b"x" * 11_000_000 + b"'>"), "a tag has more than"),
    ):
        with pytest.raises(MalformedDocument, match=message):
            sbdh.write(HEADER, document)
    with pytest.raises(MalformedDocument, match="more than 100 bytes"):
        sbdh.read(envelope, largest=100)
    with pytest.raises(MalformedDocument, match="too many parts"):
        sbdh.read(envelope.replace(b"<Invoice", b"<x/>" * 70 + b"<Invoice"))
    with pytest.raises(MalformedDocument, match="header ends at byte"):
        sbdh.read(envelope.replace(b"<sh:Sender>", b"<!--" + b"x" * 1_100_000 + b"--><sh:Sender>"))


@given(st.binary(max_size=60), st.integers(0, 2_000), st.integers(0, 30))
def test_whatever_comes_is_read_or_refused(noise: bytes, at: int, cut: int) -> None:
    """Nothing but MalformedDocument leaves the reader."""
    envelope = sbdh.write(HEADER, INVOICE)
    for damaged in (noise, envelope[:at] + noise + envelope[at + cut :], envelope[:at]):
        with suppress(MalformedDocument):
            sbdh.read(BytesIO(damaged))


def test_official_envelopes_that_are_good_are_read() -> None:
    for path in documents("sbdh/good"):
        envelope = path.read_bytes()
        found = sbdh.read(envelope)
        assert {one.rule for one in found.warnings} <= {"SBDH-MLS-TO"}, path.name
        cut = etree.fromstring(b"".join(sbdh.payload_chunks(envelope, found.payload)))
        inside = etree.fromstring(envelope)[1]
        assert etree.tostring(cut, method="c14n", exclusive=True) == etree.tostring(
            inside, method="c14n", exclusive=True
        ), path.name


def test_official_envelopes_that_are_bad_are_refused_or_lose_their_wish() -> None:
    """Only wishes about Message Level Status may be wrong: the document is delivered without them."""
    for path in documents("sbdh/bad"):
        if path.name.startswith("bad-mls-"):
            assert sbdh.read(path.read_bytes()).warnings, path.name
        else:
            with pytest.raises(EnvelopeRefused):
                sbdh.read(path.read_bytes())

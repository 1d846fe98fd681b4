"""A PDF/A-3 that carries an XML invoice, as Factur-X and ZUGFeRD have it: the file, its relation to the
pages, and the metadata that say so.

Source: Factur-X 1.09.2 / ZUGFeRD 2.5.2, technical annex; ISO 19005-3 (PDF/A-3); ISO 16684-1 (XMP).
"""

from __future__ import annotations

from datetime import UTC, datetime
from io import BytesIO
from typing import Final, Literal, TypeAlias

from lxml import etree

from formats.errors import MalformedDocument
from formats.syntaxes import xml

__all__ = ["Relationship", "embed"]

Relationship: TypeAlias = Literal["Data", "Source", "Alternative"]

_FX: Final = "urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#"
_RDF: Final = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_EXTENSION: Final = "http://www.aiim.org/pdfa/ns/extension/"
_SCHEMA: Final = "http://www.aiim.org/pdfa/ns/schema#"
_PROPERTY: Final = "http://www.aiim.org/pdfa/ns/property#"
_ID: Final = "http://www.aiim.org/pdfa/ns/id/"
_DESCRIPTION: Final = f"{{{_RDF}}}Description"
_PROPERTIES: Final = (
    ("DocumentFileName", "The name of the embedded XML document"),
    ("DocumentType", "The type of the hybrid document in capital letters"),
    ("Version", "The version of the standard that the embedded XML document follows"),
    ("ConformanceLevel", "The profile of the embedded XML document"),
)
_PACKET_BEGIN: Final = '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'.encode()
_PACKET_END: Final = b'<?xpacket end="r"?>'


def embed(
    pdf: bytes, document: bytes, *, filename: str, level: str, relationship: Relationship, at: datetime
) -> bytes:
    """The PDF with the XML inside it; the same arguments always give the same bytes.

    `pdf` is a PDF/A-3 with XMP metadata, without attachments; `level` is the ConformanceLevel; `at` (aware)
    is the date of the attachment. What the pages show is not touched. Raises MalformedDocument for any other
    PDF.
    """
    import pikepdf  # takes longer to load than most commands that never need it

    try:
        with pikepdf.open(BytesIO(pdf)) as opened:
            if opened.attachments:
                raise _unfit("it has attachments already")
            stamp = f"D:{at.astimezone(UTC):%Y%m%d%H%M%S}Z"
            opened.attachments[filename] = pikepdf.AttachedFileSpec(
                opened,
                document,
                filename=filename,
                description="The invoice as XML",
                mime_type="text/xml",
                creation_date=stamp,
                mod_date=stamp,
            )
            attached = opened.attachments[filename].obj
            attached.AFRelationship = pikepdf.Name(f"/{relationship}")
            opened.Root.AF = pikepdf.Array([attached])
            if "/Metadata" not in opened.Root:
                raise _unfit("it has no metadata")
            metadata = opened.Root.Metadata
            metadata.write(_described(metadata.read_bytes(), filename, level))
            written = BytesIO()
            opened.save(written, deterministic_id=True, object_stream_mode=pikepdf.ObjectStreamMode.generate)
            return written.getvalue()
    except pikepdf.PdfError as error:
        raise _unfit("it is damaged or encrypted") from error


def _described(packet: bytes, filename: str, level: str) -> bytes:
    """The XMP packet with the four properties, and the description of their schema, which PDF/A asks for."""
    root = xml.parse(packet.lstrip(b"\x00"))
    rdf = root if root.tag == f"{{{_RDF}}}RDF" else root.find(f"{{{_RDF}}}RDF")
    if rdf is None or root.find(f".//{{{_ID}}}part") is None:
        raise _unfit("its metadata do not say that it is PDF/A")
    bag = rdf.find(f".//{{{_EXTENSION}}}schemas/{{{_RDF}}}Bag")
    if bag is None:
        around = etree.SubElement(rdf, _DESCRIPTION, {f"{{{_RDF}}}about": ""})
        schemas = etree.SubElement(around, f"{{{_EXTENSION}}}schemas", nsmap={"pdfaExtension": _EXTENSION})
        bag = etree.SubElement(schemas, f"{{{_RDF}}}Bag")
    schema = _resource(
        bag,
        _SCHEMA,
        "pdfaSchema",
        (("schema", "Factur-X PDFA Extension Schema"), ("namespaceURI", _FX), ("prefix", "fx")),
    )
    listed = etree.SubElement(etree.SubElement(schema, f"{{{_SCHEMA}}}property"), f"{{{_RDF}}}Seq")
    for name, meaning in _PROPERTIES:
        about = (("name", name), ("valueType", "Text"), ("category", "external"), ("description", meaning))
        _resource(listed, _PROPERTY, "pdfaProperty", about)
    values = etree.SubElement(rdf, _DESCRIPTION, {f"{{{_RDF}}}about": ""}, nsmap={"fx": _FX})
    said = {
        "DocumentType": "INVOICE",
        "DocumentFileName": filename,
        "Version": "1.0",
        "ConformanceLevel": level,
    }
    for name, value in said.items():
        etree.SubElement(values, f"{{{_FX}}}{name}").text = value
    return _PACKET_BEGIN + etree.tostring(root, encoding="utf-8") + _PACKET_END


def _resource(
    parent: etree._Element, space: str, prefix: str, fields: tuple[tuple[str, str], ...]
) -> etree._Element:
    item = etree.SubElement(
        parent, f"{{{_RDF}}}li", {f"{{{_RDF}}}parseType": "Resource"}, nsmap={prefix: space}
    )
    for name, value in fields:
        etree.SubElement(item, f"{{{space}}}{name}").text = value
    return item


def _unfit(what: str) -> MalformedDocument:
    return MalformedDocument(
        f"the XML cannot be embedded in this PDF: {what}",
        where="PDF",
        fix="give a PDF/A-3 without attachments",
    )

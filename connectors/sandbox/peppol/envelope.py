"""The business message envelope (SBDH) as the imitated access points write and judge it.

Source: Peppol Business Message Envelope 2.0.2.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from xml.sax.saxutils import escape

from lxml import etree

from connectors.sandbox.peppol import names
from connectors.sandbox.peppol.refusal import Refusal, refuse_unless

__all__ = ["Envelope", "parse", "unwrap", "wrap"]

_CODE: Final = "EBMS:0004"
_MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
_PARTICIPANT: Final = re.compile(r"[0-9]{4}:[A-Za-z0-9._~\-:]{1,130}")
_BINARY: Final = "http://peppol.eu/xsd/ticc/envelope/1.0"


@dataclass(frozen=True, slots=True)
class Envelope:
    """What the header says; `created` as written."""

    sender: str
    receiver: str
    instance_id: str
    document_type: str
    process: str
    country: str
    created: str
    document_scheme: str = names.DOCUMENT_TYPE
    process_scheme: str = names.PROCESS
    mls_to: str = ""
    mls_type: str = ""

    @property
    def standard(self) -> str:
        return self.document_type.partition("::")[0]

    @property
    def root_name(self) -> str:
        return self.document_type.partition("::")[2].partition("##")[0]

    @property
    def version(self) -> str:
        return self.document_type.rpartition("::")[2]

    def header(self) -> str:
        """The header element as text, in the namespace of the envelope."""
        scopes = [
            ("DOCUMENTID", self.document_type, self.document_scheme),
            ("PROCESSID", self.process, self.process_scheme),
            ("COUNTRY_C1", self.country, ""),
            ("MLS_TO", self.mls_to, names.PARTICIPANT),
            ("MLS_TYPE", self.mls_type, ""),
        ]
        scope = "".join(
            f"<Scope><Type>{kind}</Type><InstanceIdentifier>{escape(value)}</InstanceIdentifier>"
            + (f"<Identifier>{escape(scheme)}</Identifier>" if scheme else "")
            + "</Scope>"
            for kind, value, scheme in scopes
            if value
        )
        parties = "".join(
            f'<{role}><Identifier Authority="{names.PARTICIPANT}">{escape(value)}</Identifier></{role}>'
            for role, value in (("Sender", self.sender), ("Receiver", self.receiver))
        )
        return (
            f"<StandardBusinessDocumentHeader><HeaderVersion>1.0</HeaderVersion>{parties}"
            f"<DocumentIdentification><Standard>{escape(self.standard)}</Standard>"
            f"<TypeVersion>{escape(self.version)}</TypeVersion>"
            f"<InstanceIdentifier>{escape(self.instance_id)}</InstanceIdentifier>"
            f"<Type>{escape(self.root_name)}</Type>"
            f"<CreationDateAndTime>{escape(self.created)}</CreationDateAndTime></DocumentIdentification>"
            f"<BusinessScope>{scope}</BusinessScope></StandardBusinessDocumentHeader>"
        )


def wrap(envelope: Envelope, payload: bytes) -> bytes:
    """The payload (XML with or without a declaration, no DOCTYPE) in its envelope; its bytes stay as they
    are."""
    bare = re.sub(rb"^(?:\xef\xbb\xbf)?\s*<\?xml[^>]*\?>\s*", b"", payload)
    start = f'<?xml version="1.0" encoding="UTF-8"?>\n<StandardBusinessDocument xmlns="{names.SBDH}">'
    return start.encode() + envelope.header().encode() + bare + b"</StandardBusinessDocument>"


def parse(data: bytes, code: str, what: str, *, large: bool = False) -> etree._Element:
    """Well-formed XML without a DOCTYPE; a Refusal with this code otherwise. `large` is for business
    documents, which may hold attachments of any size."""
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=large, remove_blank_text=False
    )
    try:
        root = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise Refusal(code, f"{what} is not well-formed XML") from error
    refuse_unless(root.getroottree().docinfo.internalDTD is None, code, f"{what} has a DOCTYPE")
    return root


def unwrap(data: bytes) -> tuple[Envelope, bytes]:
    """What the envelope says, and the payload as it stands in it. Raises Refusal."""
    root = parse(data, _CODE, "the business document", large=True)
    refuse_unless(root.tag == f"{{{names.SBDH}}}StandardBusinessDocument", _CODE, "there is no SBDH")
    children = [child for child in root if isinstance(child.tag, str)]
    refuse_unless(
        children and children[0].tag == f"{{{names.SBDH}}}StandardBusinessDocumentHeader",
        _CODE,
        "the envelope has no header",
    )
    refuse_unless(len(children) == 2, _CODE, f"the envelope has {len(children) - 1} payloads")
    header, content = children
    envelope = _read(header)
    name = etree.QName(content)
    refuse_unless(
        name.namespace == _BINARY
        or (name.namespace, name.localname) == (envelope.standard, envelope.root_name),
        _CODE,
        "the payload is not what DOCUMENTID says",
    )
    return envelope, _cut(data, content)


def _read(header: etree._Element) -> Envelope:
    refuse_unless(_text(header, "HeaderVersion") == "1.0", _CODE, "HeaderVersion is not 1.0")
    sender, receiver = (_party(header, role) for role in ("Sender", "Receiver"))
    document = header.find(f"{{{names.SBDH}}}DocumentIdentification")
    refuse_unless(document is not None, _CODE, "DocumentIdentification is missing")
    assert document is not None  # noqa: S101 - for the type checker
    facts = {
        name: _text(document, name)
        for name in ("Standard", "TypeVersion", "InstanceIdentifier", "Type", "CreationDateAndTime")
    }
    for name, value in facts.items():
        refuse_unless(value, _CODE, f"{name} is missing")
    created = facts["CreationDateAndTime"]
    refuse_unless(
        _MOMENT.fullmatch(created) and _moment(created), _CODE, "CreationDateAndTime is not a moment"
    )
    scopes = _scopes(header)
    for name in ("DOCUMENTID", "PROCESSID", "COUNTRY_C1"):
        refuse_unless(scopes.get(name, ("", ""))[0], _CODE, f"the scope {name} is missing")
    refuse_unless(re.fullmatch("[A-Z]{2}", scopes["COUNTRY_C1"][0]), _CODE, "COUNTRY_C1 is not a country")
    (document_type, document_scheme), (process, process_scheme) = scopes["DOCUMENTID"], scopes["PROCESSID"]
    envelope = Envelope(
        sender=sender,
        receiver=receiver,
        instance_id=facts["InstanceIdentifier"],
        document_type=document_type,
        process=process,
        country=scopes["COUNTRY_C1"][0],
        created=created,
        document_scheme=document_scheme or names.DOCUMENT_TYPE,
        process_scheme=process_scheme or names.PROCESS,
        mls_to=scopes.get("MLS_TO", ("", ""))[0],
        mls_type=scopes.get("MLS_TYPE", ("", ""))[0],
    )
    refuse_unless(facts["Standard"] == envelope.standard, _CODE, "Standard does not fit DOCUMENTID")
    refuse_unless(facts["Type"] == envelope.root_name, _CODE, "Type does not fit DOCUMENTID")
    return envelope


def _party(header: etree._Element, role: str) -> str:
    parties = header.findall(f"{{{names.SBDH}}}{role}")
    identifiers = [one for party in parties for one in party.findall(f"{{{names.SBDH}}}Identifier")]
    refuse_unless(
        len(identifiers) == 1, _CODE, f"there are {len(identifiers)} identifiers of {role}, not one"
    )
    only = identifiers[0]
    refuse_unless(only.get("Authority") == names.PARTICIPANT, _CODE, f"the authority of {role} is another")
    value = (only.text or "").strip()
    refuse_unless(_PARTICIPANT.fullmatch(value), _CODE, f"{role} is not a participant identifier")
    return value


def _scopes(header: etree._Element) -> dict[str, tuple[str, str]]:
    found = header.findall(f"{{{names.SBDH}}}BusinessScope/{{{names.SBDH}}}Scope")
    return {
        _text(scope, "Type"): (_text(scope, "InstanceIdentifier"), _text(scope, "Identifier"))
        for scope in found
    }


def _text(parent: etree._Element, name: str) -> str:
    return (parent.findtext(f"{{{names.SBDH}}}{name}") or "").strip()


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _cut(data: bytes, content: etree._Element) -> bytes:
    """The bytes of the payload; written anew where it needs the envelope's namespaces."""
    end = re.search(rb"</(?:[A-Za-z0-9_.-]+:)?StandardBusinessDocumentHeader\s*>", data)
    if end is not None:
        bare = data[end.end() : data.rfind(b"</")].strip()
        try:
            alone = parse(bare, _CODE, "the payload", large=True)
        except Refusal:
            return etree.tostring(content, with_tail=False)
        if alone.tag == content.tag:
            return bare
    return etree.tostring(content, with_tail=False)

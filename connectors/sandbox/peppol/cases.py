"""The cases of the testbed: what an access point must take, and what it must refuse.

Source: the negative cases of the OpenPeppol onboarding suite, Peppol AS4 profile 2.0.3, and what operators
report.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from connectors.sandbox.peppol import names, spoiling
from connectors.sandbox.peppol.envelope import Envelope
from connectors.sandbox.peppol.seal import HMAC_SHA256, Hook, Sealed, Suite

__all__ = ["CASES", "FORMER", "Case", "Plan"]

# Stacks differ in the code for one and the same fault; an error it must be.
_TRUST: Final = frozenset({"EBMS:0101", "EBMS:0004"})
_SIGNATURE: Final = frozenset({"EBMS:0101", "EBMS:0103", "EBMS:0009"})
_SECRECY: Final = frozenset({"EBMS:0102", "EBMS:0103"})
_POLICY: Final = frozenset({"EBMS:0101", "EBMS:0102", "EBMS:0103"})
_HEADER: Final = frozenset({"EBMS:0001", "EBMS:0003", "EBMS:0004", "EBMS:0009", "EBMS:0010", "EBMS:0103"})
_PARTS: Final = frozenset({"EBMS:0007", "EBMS:0009", "EBMS:0011", "EBMS:0101", "EBMS:0102", "EBMS:0103"})
_ENVELOPE: Final = frozenset({"EBMS:0003", "EBMS:0004"})
_PACKED: Final = frozenset({"EBMS:0303"})
_SAME_ID: Final = frozenset({"EBMS:0004", "EBMS:4001"})


def _packed(document: bytes) -> bytes:
    return gzip.compress(document, mtime=0)


@dataclass(frozen=True, slots=True)
class Plan:
    """How the message of a case is made; as it stands, a good one.

    `signer` and `encrypted_for` are labels of certificates ("" for those that fit, "former" for the
    receiver's last one). `pack` makes the attachment of the document, `signed_as` what the signature says of
    it. `again` sends a second message with the same id: "same" bytes, or "other" content.
    """

    envelope: Callable[[Envelope], Envelope] | None = None
    document: Callable[[bytes], bytes] | None = None
    pack: Callable[[bytes], bytes] = _packed
    media_type: str = "application/gzip"
    signer: str = ""
    from_party: str = ""
    encrypted_for: str = ""
    suite: Suite = Suite()  # noqa: RUF009 - a frozen value
    before: Hook | None = None
    after: Hook | None = None
    signed_as: Callable[[bytes], bytes] | None = None
    attachment_signed: bool = True
    sign: bool = True
    encrypt: bool = True
    bare: bool = False
    wire: Callable[[Sealed], Sealed] | None = None
    chunked: bool = False
    again: str = ""


@dataclass(frozen=True, slots=True)
class Case:
    """One case: `codes` are the ebMS errors it may be refused with, empty where it must be taken.

    `plainly` allows a refusal by an HTTP status from 400 on without a signal, where a receiver may not get as
    far as ebMS. `detail` is how the error's detail must begin.
    """

    name: str
    title: str
    plan: Plan
    codes: frozenset[str] = frozenset()
    plainly: bool = False
    detail: str = ""


def _taken(name: str, title: str, plan: Plan) -> Case:
    return Case(name, title, plan)


def _refused(name: str, title: str, codes: frozenset[str], plan: Plan, **more: bool | str) -> Case:
    return replace(Case(name, title, plan, codes), **more)  # type: ignore[arg-type]


def _field(name: str) -> Callable[[bytes], bytes]:
    return spoiling.replaced(f"<{name}>.*?</{name}>", "")


def _scope(name: str) -> Callable[[bytes], bytes]:
    return spoiling.replaced(f"<Scope><Type>{name}</Type>.*?</Scope>", "")


_GOOD: Final = (
    _taken("good", "a good message", Plan()),
    _taken("chunked", "a good message in chunks, without a length", Plan(chunked=True)),
    _taken(
        "uncompressed",
        "the document without compression",
        Plan(
            pack=bytes,
            media_type="application/octet-stream",
            before=spoiling.without("PartProperties/Property", name="CompressionType"),
        ),
    ),
    _taken("base64", "the encrypted part in base64", Plan(wire=spoiling.in_base64)),
    _taken(
        "messaging-first", "the ebMS header before the security header", Plan(after=spoiling.messaging_first)
    ),
    _taken(
        "ping", "the test service: a receipt, and nothing is delivered", Plan(before=spoiling.ping, bare=True)
    ),
    _taken(
        "mls-scope-wrong",
        "a scope MLS_TYPE that does not exist is only noted",
        Plan(envelope=lambda one: replace(one, mls_type="SOMETIMES")),
    ),
    _taken("repeated", "the same message again gets the first receipt again", Plan(again="same")),
)
_ENVELOPES: Final = tuple(
    _refused(name, title, _ENVELOPE, Plan(document=change))
    for name, title, change in (
        ("payload-without-sbdh", "a payload without an envelope", spoiling.only_payload),
        (
            "sbdh-without-payload",
            "an envelope without a payload",
            spoiling.replaced("(</StandardBusinessDocumentHeader>).*(</StandardBusinessDocument>)", r"\1\2"),
        ),
        ("sbdh-malformed", "an envelope that is no XML", spoiling.replaced("</BusinessScope>", "")),
        ("sbdh-header-missing", "an envelope without its header", _field("StandardBusinessDocumentHeader")),
        (
            "sbdh-no-instance-id",
            "an envelope without InstanceIdentifier",
            spoiling.replaced("(</TypeVersion>)<InstanceIdentifier>[^<]*</InstanceIdentifier>", r"\1"),
        ),
        ("sbdh-no-creation-date", "an envelope without CreationDateAndTime", _field("CreationDateAndTime")),
        ("sbdh-no-sender", "an envelope without Sender", _field("Sender")),
        ("sbdh-no-document-type", "an envelope without DOCUMENTID", _scope("DOCUMENTID")),
        ("sbdh-no-process", "an envelope without PROCESSID", _scope("PROCESSID")),
        ("sbdh-no-country", "an envelope without COUNTRY_C1", _scope("COUNTRY_C1")),
        ("sbdh-doctype", "an envelope with a growing entity", spoiling.with_doctype),
    )
)
_CERTIFICATES: Final = (
    *(
        _refused(f"certificate-{label}", title, _TRUST, Plan(signer=label))
        for label, title in (
            ("expired", "signed with an expired certificate"),
            ("revoked", "signed with a revoked certificate"),
            ("not-yet-valid", "signed with a certificate of the future"),
            ("foreign", "signed with a certificate of another authority"),
        )
    ),
    _refused("certificate-smp", "signed with the certificate of an SMP", _TRUST, Plan(signer="smp")),
    _refused(
        "certificate-wrong-name",
        "signed with a certificate whose name is no seat id",
        _TRUST | _HEADER,
        Plan(signer="wrong-name"),
    ),
    _refused(
        "certificate-other-party",
        "signed by a good access point that is not the party in From",
        _TRUST | _HEADER,
        Plan(signer="ap4", from_party="POP000002"),
    ),
)
_SIGNATURES: Final = (
    _refused("unsigned", "no signature", _SIGNATURE, Plan(sign=False)),
    _refused(
        "header-altered", "the header changed after signing", _SIGNATURE, Plan(after=spoiling.altered_header)
    ),
    _refused(
        "digest-altered", "a digest changed after signing", _SIGNATURE, Plan(after=spoiling.altered_digest)
    ),
    _refused(
        "payload-exchanged",
        "another document than the one that was signed",
        _SIGNATURE,
        Plan(signed_as=lambda document: _packed(document + b" ")),
    ),
    _refused("payload-not-signed", "the document is not signed", _SIGNATURE, Plan(attachment_signed=False)),
    _refused(
        "ski-signature", "the signer is named by its key identifier", _POLICY, Plan(suite=Suite(token="ski"))
    ),
    _refused("signature-sha1", "signed with SHA-1", _POLICY, Plan(suite=Suite(signature=names.RSA_SHA1))),
    _refused("digest-sha1", "digests with SHA-1", _POLICY, Plan(suite=Suite(digest=names.SHA1))),
    _refused(
        "signature-hmac", "signed with a shared secret", _POLICY, Plan(suite=Suite(signature=HMAC_SHA256))
    ),
    _refused(
        "wrapped",
        "another ebMS header in the place of the signed one",
        _SIGNATURE | _HEADER,
        Plan(after=spoiling.wrapped(same_id=False)),
    ),
    _refused(
        "wrapped-same-id",
        "another ebMS header with the same id",
        _SIGNATURE | _HEADER,
        Plan(after=spoiling.wrapped(same_id=True)),
    ),
    _refused(
        "second-messaging",
        "a second ebMS header beside the signed one",
        _SIGNATURE | _HEADER,
        Plan(after=spoiling.second_messaging),
    ),
)
_SECRETS: Final = (
    _refused("not-encrypted", "the document is not encrypted", _SECRECY, Plan(encrypt=False)),
    _refused("wrong-receiver", "encrypted for somebody else", _SECRECY, Plan(encrypted_for="ap4")),
    _refused(
        "ski-encryption",
        "our certificate named by its key identifier",
        _SECRECY,
        Plan(suite=Suite(encryption_token="ski")),
    ),
    _refused(
        "rsa-1-5", "the key wrapped with RSA 1.5", _SECRECY, Plan(suite=Suite(key_transport=names.RSA_1_5))
    ),
    _refused(
        "cipher-cbc", "encrypted with AES in CBC mode", _SECRECY, Plan(suite=Suite(cipher=names.AES_CBC))
    ),
    _refused(
        "part-altered",
        "a bit of the encrypted part changed",
        _SECRECY | _SIGNATURE,
        Plan(wire=spoiling.flipped_part),
    ),
)
_HEADERS: Final = tuple(
    _refused(name, title, _HEADER, Plan(before=change))
    for name, title, change in (
        ("two-user-messages", "two UserMessages", spoiling.second_message),
        ("original-sender-untyped", "originalSender without a type", spoiling.untyped("originalSender")),
        (
            "final-recipient-missing",
            "no finalRecipient",
            spoiling.without("MessageProperties/Property", name="finalRecipient"),
        ),
        (
            "sender-differs",
            "another originalSender than in the envelope",
            spoiling.message_property("originalSender", "0208:0479031233"),
        ),
        (
            "action-differs",
            "another Action than in the envelope",
            spoiling.text("CollaborationInfo/Action", f"{names.DOCUMENT_TYPE}::{names.CREDIT_NOTE}"),
        ),
        (
            "service-differs",
            "another Service than in the envelope",
            spoiling.text("CollaborationInfo/Service", "urn:fdc:peppol.eu:2017:poacc:selfbilling:01:1.0"),
        ),
        (
            "agreement-wrong",
            "another AgreementRef",
            spoiling.text("CollaborationInfo/AgreementRef", "urn:example:ours"),
        ),
        (
            "party-type-wrong",
            "a PartyId of another type",
            spoiling.attribute("From/PartyId", "type", "urn:oasis:names:tc:ebcore:partyid-type:unregistered"),
        ),
        ("two-party-ids", "two PartyIds in From", spoiling.twice("From/PartyId")),
        ("to-wrong", "addressed to another access point", spoiling.text("To/PartyId", "POP000004")),
        ("body-filled", "something in the SOAP body", spoiling.filled_body),
    )
)
_WIRES: Final = (
    _refused(
        "part-elsewhere",
        "PayloadInfo names another part",
        _PARTS,
        Plan(before=spoiling.attribute("PayloadInfo/PartInfo", "href", "cid:other@sandbox.example")),
    ),
    _refused(
        "part-on-the-web",
        "PayloadInfo names an address",
        _PARTS,
        Plan(before=spoiling.attribute("PayloadInfo/PartInfo", "href", "http://127.0.0.1/document")),
    ),
    _refused("part-missing", "the attachment is not there", _PARTS, Plan(wire=spoiling.without_parts)),
    _refused(
        "mime-torn", "the request ends in the middle", _PARTS, Plan(wire=spoiling.torn_mime), plainly=True
    ),
    _refused("not-gzip", "the document is said to be compressed, and is not", _PACKED, Plan(pack=bytes)),
    _refused("gzip-torn", "the compressed document ends in the middle", _PACKED, Plan(pack=spoiling.torn)),
    _refused(
        "gzip-bomb",
        "a small document that grows without end",
        _PACKED,
        Plan(pack=spoiling.bomb),
        plainly=True,
    ),
    _refused(
        "soap-doctype",
        "a growing entity in the SOAP part",
        _HEADER,
        Plan(wire=spoiling.in_soap(spoiling.with_doctype)),
        plainly=True,
    ),
    _refused(
        "soap-malformed",
        "a SOAP part that is no XML",
        _HEADER | _PARTS,
        Plan(wire=spoiling.in_soap(lambda soap: soap.replace(b"</eb:UserMessage>", b""))),
        plainly=True,
    ),
    _refused("id-taken", "another message with an id that was used", _SAME_ID, Plan(again="other")),
)
_SERVICES: Final = tuple(
    _refused(name, title, frozenset({"EBMS:0004"}), Plan(envelope=change), detail="PEPPOL:NOT_SERVICED")
    for name, title, change in (
        (
            "receiver-not-served",
            "a receiver that is not served there",
            lambda one: replace(one, receiver="0208:0000000097"),
        ),
        (
            "type-not-served",
            "a document type that the receiver does not take",
            lambda one: replace(one, document_type=one.document_type.replace("billing:3.0", "billing:99.0")),
        ),
    )
)
# Only where the access point has a former certificate.
FORMER: Final = _taken(
    "former-certificate", "encrypted for the certificate before the present one", Plan(encrypted_for="former")
)
CASES: Final[tuple[Case, ...]] = (
    *_GOOD,
    *_ENVELOPES,
    *_CERTIFICATES,
    *_SIGNATURES,
    *_SECRETS,
    *_HEADERS,
    *_WIRES,
    *_SERVICES,
)

"""Signatures and encryption against those who know how they are attacked."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from connectors.channels.peppol.as4 import Blob, Rules, names, prepare
from connectors.channels.peppol.as4.blobs import Spool
from connectors.channels.peppol.as4.encryption import open_part, seal
from connectors.channels.peppol.as4.mime import content_type, head, tail
from connectors.channels.peppol.as4.problems import As4Problem
from connectors.channels.peppol.as4.signing import verify
from connectors.channels.peppol.as4.soap import canonical, read_envelope
from tests.connectors.peppol.as4.world import Network, key_of
from tests.connectors.peppol.authorities import World

Change = Callable[[bytes], bytes]
MESSAGING = re.compile(rb"<eb:Messaging .*</eb:Messaging>", re.DOTALL)
EVIL = b'<eb:UserMessage xmlns:eb="' + names.EB.encode() + b'"/>'


def replaced(old: str, new: str) -> Change:
    return lambda envelope: envelope.replace(old.encode(), new.encode())


def messaging(envelope: bytes) -> bytes:
    found = MESSAGING.search(envelope)
    assert found is not None
    return found[0]


def evil(envelope: bytes, element_id: str = "evil") -> bytes:
    """A Messaging header of the attacker's."""
    mine = messaging(envelope).replace(b"0088:7300010000001", b"0088:7300010000002")
    return re.sub(rb'wsu:Id="[^"]*"', f'wsu:Id="{element_id}"'.encode(), mine, count=1)


def second_messaging(envelope: bytes) -> bytes:
    return envelope.replace(b"<eb:Messaging", evil(envelope) + b"<eb:Messaging", 1)


def moved_into_security(envelope: bytes) -> bytes:
    signed = messaging(envelope)
    moved = envelope.replace(signed, evil(envelope))
    return moved.replace(b"</wsse:Security>", b"<wrap>" + signed + b"</wrap></wsse:Security>")


def moved_into_signature(envelope: bytes) -> bytes:
    signed = messaging(envelope)
    moved = envelope.replace(signed, evil(envelope))
    inside = b"<ds:Object>" + signed + b"</ds:Object></ds:Signature>"
    return moved.replace(b"</ds:Signature>", inside)


def moved_as_another_header(envelope: bytes) -> bytes:
    """The signed one under another name, so that only one Messaging is left."""
    signed = messaging(envelope)
    moved = envelope.replace(signed, evil(envelope))
    return moved.replace(b"</S12:Header>", b"<x:Wrap xmlns:x='urn:x'>" + signed + b"</x:Wrap></S12:Header>")


def same_id_twice(envelope: bytes) -> bytes:
    signed = messaging(envelope)
    element_id = re.search(rb'wsu:Id="([^"]*)"', signed)
    assert element_id is not None
    block = b'<x:y xmlns:x="urn:x" Id="' + element_id[1] + b'"/>'
    return envelope.replace(b"</S12:Header>", block + b"</S12:Header>")


def second_body(envelope: bytes) -> bytes:
    return envelope.replace(b"<S12:Body", b"<S12:Body/><S12:Body", 1)


def second_security(envelope: bytes) -> bytes:
    block = f'<wsse:Security xmlns:wsse="{names.WSSE}"/></S12:Header>'
    return envelope.replace(b"</S12:Header>", block.encode())


def second_signature(envelope: bytes) -> bytes:
    found = re.search(rb"<ds:Signature .*</ds:Signature>", envelope, re.DOTALL)
    assert found is not None
    copy = re.sub(rb' Id="[^"]*"', b"", found[0])
    return envelope.replace(b"</wsse:Security>", copy + b"</wsse:Security>")


def unsigned(envelope: bytes) -> bytes:
    return re.sub(rb"<ds:Signature .*</ds:Signature>", b"", envelope, flags=re.DOTALL)


def unsecured(envelope: bytes) -> bytes:
    return re.sub(rb"<wsse:Security .*</wsse:Security>", b"", envelope, flags=re.DOTALL)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (second_messaging, "EBMS:0009"),
        (moved_into_security, "EBMS:0009"),
        (moved_into_signature, "EBMS:0009"),
        (moved_as_another_header, "EBMS:0009"),
        (same_id_twice, "EBMS:0101"),
        (second_body, "EBMS:0009"),
        (second_security, "EBMS:0101"),
        (second_signature, "EBMS:0103"),
        (replaced("0088:7300010000001", "0088:7300010000002"), "EBMS:0101"),
        (replaced("</S12:Body>", "<x/></S12:Body>"), "EBMS:0101"),
        (replaced("0088:7300010000001", "0088:7300010<!-- -->000001"), "EBMS:0009"),
        (replaced("0088:7300010000001", "0088:7300010<?x ?>000001"), "EBMS:0009"),
        (replaced("<eb:UserMessage>", '<eb:UserMessage xmlns:x="none/absolute">'), "EBMS:0009"),
    ],
)
def test_wrapped_and_altered_signatures_are_refused(network: Network, change: Change, code: str) -> None:
    assert network.refusal(network.prepare(), change) == code


def test_an_element_that_was_moved_does_not_vouch_for_the_one_in_its_place(network: Network) -> None:
    """Even where the counting of headers would be got around: the reference leads to another element."""
    envelope = network.prepare().envelope
    signed = messaging(envelope)
    renamed = envelope.replace(signed, evil(envelope)).replace(
        b"</S12:Header>", b"<x:W xmlns:x='urn:x'>" + signed + b"</x:W></S12:Header>"
    )
    with pytest.raises(As4Problem, match="2 Messaging headers"):
        read_envelope(renamed, largest=1_000_000)
    good = read_envelope(envelope, largest=1_000_000)
    other = read_envelope(envelope.replace(b"<a", b"<a"), largest=1_000_000)
    swapped = type(good)(good.content, other.messaging, good.body, good.security, good.ids)
    with pytest.raises(As4Problem, match="does not cover the Messaging header"):
        verify(swapped, (network.prepare().sent.references[2].uri,), lambda _href, _digest: True)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (unsecured, "EBMS:0102"),
        (unsigned, "EBMS:0101"),
        (replaced(names.RSA_SHA256, "http://www.w3.org/2000/09/xmldsig#rsa-sha1"), "EBMS:0103"),
        (replaced(names.RSA_SHA256, "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256"), "EBMS:0103"),
        (replaced(f'Algorithm="{names.SHA256}"></ds:Dig', f'Algorithm="{names.SHA1}"></ds:Dig'), "EBMS:0103"),
        (
            replaced(
                f'CanonicalizationMethod Algorithm="{names.EC}"', 'CanonicalizationMethod Algorithm="x"'
            ),
            "EBMS:0103",
        ),
        (
            replaced(f'Transform Algorithm="{names.EC}"', 'Transform Algorithm="http://www.w3.org/TR/xslt"'),
            "EBMS:0101",
        ),
        (replaced(names.AES128_GCM, "http://www.w3.org/2001/04/xmlenc#aes128-cbc"), "EBMS:0103"),
        (replaced(names.RSA_OAEP, "http://www.w3.org/2001/04/xmlenc#rsa-1_5"), "EBMS:0103"),
        (replaced(names.RSA_OAEP, names.RSA_OAEP_MGF1P), "EBMS:0103"),
        (replaced(names.MGF1_SHA256, "http://www.w3.org/2009/xmlenc11#mgf1sha1"), "EBMS:0103"),
        (replaced(f'Algorithm="{names.SHA256}"/>', f'Algorithm="{names.SHA1}"/>'), "EBMS:0103"),
        (replaced(names.ATTACHMENT_ONLY, "http://www.w3.org/2001/04/xmlenc#Element"), "EBMS:0103"),
        (replaced(names.ATTACHMENT_CIPHERTEXT, "urn:other"), "EBMS:0103"),
        (replaced(names.X509_TOKEN, names.X509_TOKEN + "PKIPathv1"), "EBMS:0103"),
    ],
)
def test_downgrades_are_refused(network: Network, change: Change, code: str) -> None:
    """Before anything is computed with what the profile does not allow."""
    assert network.refusal(network.prepare(), change) == code


@pytest.mark.parametrize("place", ["sig-cert", "enc-cert"])
def test_a_key_is_named_by_its_certificate_in_the_message(network: Network, place: str) -> None:
    """Subject key identifiers, and tokens elsewhere in the envelope, are refused."""
    change = re.compile(rf'<wsse:Reference URI="#{place}[^>]*/>'.encode())
    identifier = b"<wsse:KeyIdentifier>AAAA</wsse:KeyIdentifier>"
    assert (
        network.refusal(network.prepare(), lambda envelope: change.sub(identifier, envelope)) == "EBMS:0103"
    )

    def outside(envelope: bytes) -> bytes:
        pattern = rb'<wsse:BinarySecurityToken wsu:Id="' + place.encode() + rb".*?</wsse:BinarySecurityToken>"
        token = re.search(pattern, envelope)
        assert token is not None
        namespaces = f' xmlns:wsse="{names.WSSE}" xmlns:wsu="{names.WSU}"'.encode()
        moved = token[0].replace(b"Token wsu", b"Token" + namespaces + b" wsu")
        return envelope.replace(token[0], b"").replace(b"</S12:Header>", moved + b"</S12:Header>")

    assert network.refusal(network.prepare(), outside) == "EBMS:0103"


def test_the_older_key_transport_opens_where_the_operator_allows_it(network: Network) -> None:
    prepared = network.prepare()
    [wrapped] = re.findall(rb"<xenc:CipherValue>(.*?)<", prepared.envelope)
    modern = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
    older = padding.OAEP(padding.MGF1(hashes.SHA1()), hashes.SHA1(), None)  # noqa: S303  # what it is about
    key = network.b.private_key.decrypt(base64.b64decode(wrapped), modern)
    again = base64.b64encode(network.b.certificate.public_key().encrypt(key, older))  # type: ignore[union-attr]
    method = re.compile(rb'<xenc:EncryptionMethod Algorithm="[^"]*rsa-oaep".*?</xenc:EncryptionMethod>')

    def change(envelope: bytes) -> bytes:
        named = f'<xenc:EncryptionMethod Algorithm="{names.RSA_OAEP_MGF1P}"/>'.encode()
        return method.sub(named, envelope).replace(wrapped, again)

    assert network.refusal(prepared, change) == "EBMS:0103"
    network.rules = Rules(allow_mgf1p=True)
    assert network.refusal(prepared, change) == ""


def test_another_payload_under_the_old_signature_is_refused(network: Network) -> None:
    """Anybody can encrypt for us; only the signature says who speaks."""
    prepared = network.prepare(b"<pay>100</pay>")
    forged = network.prepare(b"<pay>999</pay>")
    signature = re.compile(rb'<wsse:BinarySecurityToken wsu:Id="sig-cert.*</ds:Signature>', re.DOTALL)
    old = signature.search(prepared.envelope)
    assert old is not None
    envelope = signature.sub(lambda _found: old[0], forged.envelope)
    attachment = b"".join(forged.chunks()).split(b"\r\n\r\n", 2)[2].rpartition(b"\r\n--as4-")[0]
    content_id = forged.sent.references[2].uri.removeprefix("cid:")
    answer = network.receiver().answer(
        content_type("b"), (head("b", envelope, content_id), attachment, tail("b"))
    )
    assert answer.problem is not None
    assert answer.problem.what == "an attachment was changed after it was signed"
    assert answer.problem.error.code == "EBMS:0101"


def test_an_attachment_that_nobody_signed_is_refused(network: Network) -> None:
    prepared = network.prepare()
    body = b"".join(prepared.chunks())
    boundary = re.match(rb"--(as4-[0-9a-f]+)", body)
    assert boundary is not None
    extra = b"--" + boundary[1] + b"\r\nContent-ID: <more@x>\r\n\r\nx\r\n--" + boundary[1] + b"--"
    answer = network.receiver().answer(
        prepared.content_type, [body.replace(b"--" + boundary[1] + b"--", extra)]
    )
    assert answer.problem is not None
    assert answer.problem.error.code == "EBMS:0007"


def test_a_small_key_does_not_sign(network: Network, peppol_world: World) -> None:
    small = key_of(peppol_world.access_points.issue("POP000001", label="small", key_size=1024))
    prepared = prepare(network.message(), receiver=network.b.certificate, key=small, folder=network.folder)
    answer = network.answer(prepared)
    assert answer.problem is not None
    assert answer.problem.error.code == "EBMS:0103"


def test_what_is_written_is_canonical(network: Network) -> None:
    """The bytes that are hashed are the bytes that are sent."""
    prepared = network.prepare(sender='0208:a&b<c>"d', receiver="0088:é\u20ac")
    envelope = read_envelope(prepared.envelope, largest=1_000_000)
    signed = envelope.messaging.getparent()
    assert signed is not None
    assert canonical(envelope.messaging) in prepared.envelope
    assert canonical(envelope.body) in prepared.envelope
    assert envelope.security is not None
    info = envelope.security.find(f"{{{names.DS}}}Signature/{{{names.DS}}}SignedInfo")
    assert info is not None
    assert canonical(info) in prepared.envelope


@pytest.mark.parametrize("in_memory", [0, 1_000_000])
def test_nothing_is_given_out_before_the_tag_was_verified(network: Network, in_memory: int) -> None:
    """A cut or changed ciphertext leaves no file behind, even when its start would decrypt."""

    def space() -> Spool:
        return Spool(network.folder, in_memory=in_memory, largest=1_000_000, what="test")

    plain = bytes(range(256)) * 2_000
    sealed = seal(Blob.of(plain), b"k" * 16, b"n" * 12, space()).read()
    opened, _ = open_part(Blob.of(sealed), b"k" * 16, space())
    assert opened.read() == plain
    opened.discard()
    network.folder.joinpath("as4-").unlink(missing_ok=True)
    before = sorted(network.folder.iterdir())
    for wrong in (sealed[:-1], sealed[:-1] + b"x", sealed[:20], b"x" + sealed[1:]):
        with pytest.raises(As4Problem) as caught:
            open_part(Blob.of(wrong), b"k" * 16, space())
        assert caught.value.error.code == "EBMS:0102"
    assert sorted(network.folder.iterdir()) == before


def listed(count: int) -> str:
    prefixes = " ".join(f"p{number}" for number in range(count))
    return f'<ec:InclusiveNamespaces xmlns:ec="{names.EC}" PrefixList="{prefixes}"/>'


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (replaced('exc-c14n#"></ds:Can', f'exc-c14n#">{listed(21)}</ds:Can'), "EBMS:0103"),
        (replaced("</ds:SignedInfo>", "<q/></ds:SignedInfo>"), "EBMS:0103"),
        (
            replaced(
                "<S12:Header>", "<S12:Header " + " ".join(f'xmlns:p{n}="u:{n}"' for n in range(99)) + ">"
            ),
            "EBMS:0009",
        ),
        (replaced("</S12:Body>", "<q/>" * 5_000 + "</S12:Body>"), "EBMS:0009"),
    ],
    ids=["prefixes", "children of SignedInfo", "name spaces", "elements"],
)
def test_what_makes_checking_dear_is_refused_before_it_is_checked(
    network: Network, change: Change, code: str
) -> None:
    """Time grows with the product of elements, prefixes and name spaces, and anybody may send them."""
    assert network.refusal(network.prepare(), change) == code


def test_more_references_than_a_message_has_are_refused(network: Network) -> None:
    def many(envelope: bytes) -> bytes:
        found = re.search(rb"<ds:Reference .*?</ds:Reference>", envelope)
        assert found is not None
        return envelope.replace(found[0], found[0] * 13)

    assert network.refusal(network.prepare(), many) == "EBMS:0103"

"""Comments and processing instructions stand beside what a document says: they never change it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from lxml import etree

from formats.detection import detect
from formats.envelopes import sbdh
from formats.registry import PROFILES, SYNTAXES
from formats.responses import invoice_response, message_level_status
from formats.signatures import profiles
from formats.signatures.cades import Outcome
from formats.signatures.inspection import inspect
from formats.syntaxes import cii, ubl, xml
from tests.formats.envelopes.test_sbdh import HEADER, INVOICE
from tests.formats.responses.test_invoice_response import FULL
from tests.formats.responses.test_message_level_status import REFUSED
from tests.formats.signatures import authority
from tests.golden import FORMAT_EXAMPLES
from tests.strategies import sample_credit_note, sample_invoice

UBL = ubl.write(sample_invoice())
EXAMPLES = {
    "ubl": UBL,
    "ubl credit note": ubl.write(sample_credit_note()),
    "cii": cii.write(PROFILES["en16931-cii"].prepare(sample_invoice())),
    **{
        f"{file.parent.name} {file.stem}": file.read_bytes()
        for file in sorted(FORMAT_EXAMPLES.glob("*/*.xml"))
    },
}
_TEXT = re.compile(r">([^<>&\s])([^<>]+)</")


def commented(document: bytes, remark: str = "<!-- aside -->") -> bytes:
    """With a remark after the first sign of every text of two and more."""
    changed, count = _TEXT.subn(rf">\1{remark}\2</", document.decode())
    assert count > 3
    return changed.encode()


@pytest.mark.parametrize("remark", ["<!-- aside -->", "<?aside?>", "<!--1--><?b?><!--3-->"])
@pytest.mark.parametrize("name", EXAMPLES)
def test_an_invoice_says_the_same_with_a_remark_in_every_text(name: str, remark: str) -> None:
    plain, parted = detect(EXAMPLES[name]), detect(commented(EXAMPLES[name], remark))
    assert plain.syntax is not None
    assert parted.tree is not None
    assert plain.tree is not None
    assert (parted.syntax, parted.profile_key, parted.identifier) == (
        plain.syntax,
        plain.profile_key,
        plain.identifier,
    )
    binding = SYNTAXES[plain.syntax]
    assert binding.read_tree(parted.tree) == binding.read_tree(plain.tree)
    assert binding.read(parted.document) == binding.read(plain.document)
    assert binding.unread_tree(parted.tree) == binding.unread_tree(plain.tree)


@pytest.mark.parametrize(
    ("read", "document"),
    [
        (invoice_response.read, invoice_response.write(FULL)),
        (message_level_status.read, message_level_status.write(REFUSED)),
        (lambda content: sbdh.read(content).header, sbdh.write(HEADER, INVOICE)),
    ],
    ids=["invoice response", "message level status", "envelope"],
)
def test_a_message_says_the_same_with_a_remark_in_every_text(
    read: Callable[[bytes], Any], document: bytes
) -> None:
    assert read(commented(document)) == read(document)


def test_a_comment_below_a_signature_changes_nothing_of_what_is_read() -> None:
    """Signatures do not cover comments, so whoever passes a document on can add them."""
    signed = profiles.named("ubl-xades").sign(UBL, authority.signer(), authority.NOW).content
    parted = signed.replace(b">EUR</cbc:DocumentCurrencyCode>", b">E<!-- -->UR</cbc:DocumentCurrencyCode>")
    assert parted != signed
    [one] = inspect(parted, authority.trust(), authority.NOW)
    assert one.outcome is Outcome.PASSED
    assert ubl.read(parted) == ubl.read(signed)


def test_rules_see_the_document_to_the_letter() -> None:
    found = detect(commented(UBL))
    assert found.as_written is not None
    assert next(found.as_written.iter(etree.Comment), None) is not None
    assert found.tree is not None
    assert next(found.tree.iter(etree.Comment), None) is None


def test_lines_keep_their_numbers_and_encodings_their_name_without_the_remarks() -> None:
    document = b'<?xml version="1.0" encoding="ISO-8859-1"?>\n<!-- \n -->\n<a><!--\n\n-->\n<b>x</b></a>'
    read = xml.parse(document)
    joined = xml.joined(xml.parse(document, as_written=True))
    assert [one.sourceline for one in (*read, *joined)] == [7, 7]
    assert joined.getroottree().docinfo.encoding == read.getroottree().docinfo.encoding == "ISO-8859-1"

"""A Facturae file as it comes and goes: signed (.xsig), with one invoice or a batch of them.

A batch is one file with one seller, one buyer and one currency. Source: Facturae 3.2.2 and its signature
policy 3.1.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Final

from lxml import etree

from formats import money
from formats.errors import ConfigError, DocumentError, MalformedDocument, SignatureInvalid
from formats.model.invoice import Invoice
from formats.signatures import profiles
from formats.signatures.cades import Outcome
from formats.signatures.errors import UntrustedSigner
from formats.signatures.signer import Signer
from formats.signatures.trust import Trust
from formats.signatures.verified import Verified
from formats.syntaxes import facturae, xml

__all__ = ["FacturaeFile", "open_file", "sign", "split", "write_batch"]

_SIGNATURE: Final = "{http://www.w3.org/2000/09/xmldsig#}Signature"
_SUMS: Final = (
    ("TotalInvoicesAmount", "InvoiceTotal"),
    ("TotalOutstandingAmount", "TotalOutstandingAmount"),
    ("TotalExecutableAmount", "TotalExecutableAmount"),
)


@dataclass(frozen=True, slots=True)
class FacturaeFile:
    """`document` is what to read from: only what the signature covers, where it is proven.

    `reason` is a sentence for people: why the signature was not verified, or fails; "" where it passed.
    """

    document: bytes = field(repr=False)
    outcome: Outcome
    reason: str
    verified: Verified | None = None


def open_file(data: bytes, trust: Trust | None = None, at: datetime | None = None) -> FacturaeFile:
    """A file and what its signature is worth; nothing is refused for its signature here.

    An expired certificate is INDETERMINATE, and the reason says when it expired and whether the invoice
    claims to be signed before. Raises MalformedDocument for what is no XML.
    """
    root = xml.parse(data)
    if root.find(f".//{_SIGNATURE}") is None:
        return FacturaeFile(data, Outcome.INDETERMINATE, "not signed")
    if trust is None or at is None:
        reason = "signed, not verified because no trusted certificates were given"
        return FacturaeFile(data, Outcome.INDETERMINATE, reason)
    try:
        verified = profiles.named("facturae-3.1").verify(data, trust, at)
    except UntrustedSigner as error:
        reason = f"signed, not verified because {error.what}"
        return FacturaeFile(data, Outcome.INDETERMINATE, reason)
    except SignatureInvalid as error:
        reason = f"signed, and the signature fails because {error.what}"
        return FacturaeFile(data, Outcome.FAILED, reason)
    return FacturaeFile(verified.covered, Outcome.PASSED, "", verified)


def sign(document: bytes, signer: Signer, at: datetime) -> profiles.Signed:
    """Signed under policy 3.1, by whom the document names as its issuer: EM seller, RE buyer, TE third party.

    Raises ConfigError for a certificate that is not valid at `at`, and as `profiles` says.
    """
    issuer = xml.parse(document).findtext("FileHeader/InvoiceIssuerType") or "EM"
    try:
        role = profiles.FACTURAE_ROLES[issuer.strip()]
    except KeyError:
        raise ConfigError(
            f"{issuer[:10]!r} is no kind of issuer", where="InvoiceIssuerType", fix="use EM, RE or TE"
        ) from None
    return profiles.named("facturae-3.1").sign(document, signer, at, role=role)


def split(document: bytes) -> tuple[bytes, ...]:
    """Each invoice of a file as a file of its own; one file where there is one invoice. Signatures, which
    cover the whole, are left out of the parts. Raises MalformedDocument."""
    root = xml.parse(document)
    invoices = root.findall("Invoices/Invoice")
    if root.tag != facturae.BINDING.invoice_root or not invoices:
        raise MalformedDocument(
            "there is no invoice in the file", where="Facturae, Invoices", fix="send a Facturae 3.2.2 file"
        )
    if len(invoices) == 1:
        return (document,)
    found = []
    for number in range(len(invoices)):
        part = copy.deepcopy(root)
        for signature in part.findall(f".//{_SIGNATURE}"):
            parent = signature.getparent()
            if parent is not None:
                parent.remove(signature)
        place = part.find("Invoices")
        for other, invoice in enumerate(part.findall("Invoices/Invoice")):
            if other != number and place is not None:
                place.remove(invoice)
        _put_sums(part, number=number + 1)
        found.append(xml.serialize(part))
    return tuple(found)


def write_batch(invoices: Sequence[Invoice]) -> bytes:
    """Several invoices of one seller to one buyer in one currency, as one file.

    Raises DocumentError where they differ in one of these, or one of them cannot be written; then nothing is.
    """
    if not invoices:
        raise DocumentError("there is no invoice to write", where="batch", fix="give one at least")
    roots = [xml.parse(facturae.BINDING.write(invoice)) for invoice in invoices]
    first = roots[0]
    heads = [_head(root) for root in roots]
    place = first.find("Invoices")
    if any(head != heads[0] for head in heads) or place is None:
        raise DocumentError(
            "the invoices have not all the same seller, buyer, issuer and currency",
            where="batch",
            fix="write one file for each of them",
        )
    for root in roots[1:]:
        place.extend(root.findall("Invoices/Invoice"))
    _put_sums(first, number=len(roots))
    return xml.serialize(first)


def _head(root: etree._Element) -> tuple[bytes, str, str]:
    parties = root.find("Parties")
    return (
        b"" if parties is None else etree.tostring(parties, method="c14n"),
        root.findtext("FileHeader/InvoiceIssuerType") or "",
        root.findtext("FileHeader/Batch/InvoiceCurrencyCode") or "",
    )


def _put_sums(root: etree._Element, *, number: int) -> None:
    """The batch again over the invoices that the file has. `number` makes the name of a part its own."""
    invoices = root.findall("Invoices/Invoice")
    modality, count = root.find("FileHeader/Modality"), root.find("FileHeader/Batch/InvoicesCount")
    if modality is not None:
        modality.text = "I" if len(invoices) == 1 else "L"
    if count is not None:
        count.text = str(len(invoices))
    name = root.find("FileHeader/Batch/BatchIdentifier")
    if name is not None and len(invoices) == 1:
        name.text = f"{(name.text or '')[:66]}-{number}"
    for batch, own in _SUMS:
        place = root.find(f"FileHeader/Batch/{batch}/TotalAmount")
        texts = (invoice.findtext(f"InvoiceTotals/{own}") for invoice in invoices)
        if place is not None:
            place.text = money.text(sum((money.parse(text) for text in texts if text), Decimal(0)))

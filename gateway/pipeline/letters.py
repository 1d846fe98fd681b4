"""What an e-mail says around the invoice that it carries: subject and text in the buyer's language, and the
link under which the buyer finds the invoice again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from connectors.base import Channel, OutboundMessage
from formats.model import Invoice
from formats.profiles.profile import Profile
from formats.registry import PROFILES
from formats.render.words import LANGUAGES as WORDS
from gateway.pipeline.convert import invoice_of
from gateway.portal.links import Links
from gateway.store import portal_links
from gateway.store.submissions import Submission
from gateway.wiring import Gateway

__all__ = ["enclose", "language_of", "put_link"]


@dataclass(frozen=True, slots=True)
class _Texts:
    """One language; what stands in braces is filled in. `names` and `its` are for an invoice and for a credit
    note, as are `links`: nobody says when a credit note is paid."""

    names: tuple[str, str]
    its: tuple[str, str]
    subject: str
    first: str
    due: str
    xml: str
    xml_and_pdf: str
    in_pdf: str
    links: tuple[str, str]
    holders: str


_TEXTS: Final[Mapping[str, _Texts]] = MappingProxyType(
    {
        "en": _Texts(
            names=("Invoice", "Credit note"),
            its=("the invoice", "the credit note"),
            subject="{kind} {number} from {seller}",
            first="{kind} {number} from {seller}: {amount}{due}.",
            due=", due on {day}",
            xml="The attached XML file is {it}.",
            xml_and_pdf="The attached XML file is {it}; the PDF is a readable copy of it.",
            in_pdf="The attached PDF is {it}, for people and, by the XML inside it, for machines.",
            links=(
                "Here you can read {it}, ask a question or say when you pay; no account is needed.",
                "Here you can read {it} and ask a question; no account is needed.",
            ),
            holders="Whoever has this address can open {it}, until {day}:",
        ),
        "nl": _Texts(
            names=("Factuur", "Creditnota"),
            its=("de factuur", "de creditnota"),
            subject="{kind} {number} van {seller}",
            first="{kind} {number} van {seller}: {amount}{due}.",
            due=", te betalen uiterlijk op {day}",
            xml="Het bijgevoegde XML-bestand is {it}.",
            xml_and_pdf="Het bijgevoegde XML-bestand is {it}; de pdf is een leesbare kopie ervan.",
            in_pdf="De bijgevoegde pdf is {it}, voor mensen en, door de XML erin, voor machines.",
            links=(
                "Hier kunt u {it} lezen, een vraag stellen of zeggen wanneer u betaalt; een account is niet "
                "nodig.",
                "Hier kunt u {it} lezen en een vraag stellen; een account is niet nodig.",
            ),
            holders="Wie dit adres heeft, kan {it} openen, tot {day}:",
        ),
        "de": _Texts(
            names=("Rechnung", "Gutschrift"),
            its=("die Rechnung", "die Gutschrift"),
            subject="{kind} {number} von {seller}",
            first="{kind} {number} von {seller}: {amount}{due}.",
            due=", fällig am {day}",
            xml="Die angehängte XML-Datei ist {it}.",
            xml_and_pdf="Die angehängte XML-Datei ist {it}; die PDF-Datei ist eine lesbare Kopie davon.",
            in_pdf="Die angehängte PDF-Datei ist {it}, für Menschen und, durch das XML darin, für Maschinen.",
            links=(
                "Hier können Sie {it} lesen, eine Frage stellen oder sagen, wann Sie zahlen; ein Konto ist "
                "nicht nötig.",
                "Hier können Sie {it} lesen und eine Frage stellen; ein Konto ist nicht nötig.",
            ),
            holders="Wer diese Adresse hat, kann {it} öffnen, bis {day}:",
        ),
        "fr": _Texts(
            names=("Facture", "Avoir"),
            its=("la facture", "l’avoir"),
            subject="{kind} {number} de {seller}",
            first="{kind} {number} de {seller} : {amount}{due}.",
            due=", à payer au plus tard le {day}",
            xml="Le fichier XML joint est {it}.",
            xml_and_pdf="Le fichier XML joint est {it} ; le PDF en est une copie lisible.",
            in_pdf="Le PDF joint est {it}, pour les personnes et, par le XML qu’il contient, pour les "
            "machines.",
            links=(
                "Ici, vous pouvez lire {it}, poser une question ou dire quand vous payez ; aucun compte "
                "n’est nécessaire.",
                "Ici, vous pouvez lire {it} et poser une question ; aucun compte n’est nécessaire.",
            ),
            holders="Quiconque a cette adresse peut ouvrir {it}, jusqu’au {day} :",
        ),
    }
)


def put_link(connection: Connection, gateway: Gateway, submission: Submission, channel: Channel) -> None:
    """Make the link that goes out with this message, in the transaction that opens its first attempt: each
    later one finds it. None where the channel shows none, or the portal has no address of its own.

    Raises ConfigError where the key of the links is missing.
    """
    told = gateway.settings.portal
    if told.address and told.in_mails and getattr(channel, "shows_links", False):
        Links(gateway).of_message(connection, submission, now=gateway.clock())


def enclose(
    connection: Connection, gateway: Gateway, submission: Submission, message: OutboundMessage
) -> OutboundMessage:
    """The message with subject and text, and with the link that was made for it while that holds."""
    invoice = invoice_of(connection, submission)
    language = language_of(gateway, invoice)
    texts, words = _TEXTS[language], WORDS[language]
    which = int(invoice.is_credit_note)
    said = {
        "kind": texts.names[which],
        "it": texts.its[which],
        "number": submission.number,
        "seller": message.seller,
        "amount": "",
        "due": "",
    }
    if submission.amount is not None:
        said["amount"] = f"{submission.currency} {words.amount(submission.amount, submission.currency)}"
    if invoice.due_date:
        said["due"] = texts.due.format(day=words.date(invoice.due_date))
    enclosed = _files(texts, PROFILES.get(submission.profile), message)
    parts = [texts.first.format(**said), enclosed.format(**said)]
    address = ""
    link = portal_links.of_message(connection, submission.message_id)
    if link is not None and link.holds(gateway.clock()):
        address = Links(gateway).address(link)
        day = link.ends_at.astimezone(ZoneInfo(gateway.settings.web.time_zone)).date()
        told = f"{texts.links[which]} {texts.holders}".format(day=words.date(day), **said)
        parts.append(f"{told}\n{address}")
    subject = texts.subject.format(**said)
    return replace(message, subject=subject, body="\n\n".join(parts) + "\n", link=address)


def language_of(gateway: Gateway, invoice: Invoice) -> str:
    """The language that the buyer is written to in: that of the buyer's country by the settings, elsewhere
    that of the readable copies."""
    address = invoice.buyer.address if invoice.buyer else None
    country = (address.country if address else "") or ""
    return gateway.settings.mail_languages.get(country, gateway.settings.pdf_language)


def _files(texts: _Texts, profile: Profile | None, message: OutboundMessage) -> str:
    if profile is not None and profile.in_pdf:
        return texts.in_pdf
    return texts.xml_and_pdf if len(message.files) > 1 else texts.xml

"""gateway convert and render: e-invoices as files, without any ERP or database."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Final

import typer
from rich.text import Text

from formats.codelists.numbers import check_numbers
from formats.detection import Detected, detect
from formats.envelopes.hybrid_pdf import is_pdf
from formats.errors import ConfigError, MalformedDocument, SignatureInvalid
from formats.losses import losses
from formats.model import Invoice
from formats.model.names import name_of
from formats.profiles.profile import Profile
from formats.registry import PROFILES, SYNTAXES
from formats.render.appearance import PLAIN, Appearance
from formats.render.hybrid import render_hybrid
from formats.render.page import render_page
from formats.render.pdf import render_pdf
from formats.syntaxes import xml
from gateway.appearance import logo_in
from gateway.cli.output import ERRORS, OUT, config_folder
from gateway.clock import utc_now
from gateway.files import write_whole

__all__ = ["register"]

_RENDERINGS: Final = MappingProxyType({".pdf": render_pdf, ".html": render_page})
_SOURCE: Final = typer.Argument(
    help="an e-invoice: UBL, CII, FatturaPA, Facturae, FA(3), or a PDF or .p7m that carries one"
)

_DESPITE: Final = typer.Option(
    "--despite-signature", help="to see what a file says whose signature does not match it"
)


def convert(
    context: typer.Context,
    source: Annotated[Path, _SOURCE],
    to: Annotated[str, typer.Option(help="the profile, for example peppol-bis-3")],
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="a file; standard output without it")
    ] = None,
    strict: Annotated[bool, typer.Option(help="write nothing where anything would be lost")] = False,
    language: Annotated[str, typer.Option(help="of the pages of a PDF: en, nl, de or fr")] = "en",
    despite_signature: Annotated[bool, _DESPITE] = False,
    sign: Annotated[
        str | None, typer.Option(help="the name of a key of the config folder, to sign the result with")
    ] = None,
) -> None:
    """Write any readable invoice under another profile; whatever would be lost is named on standard error.

    With --to facturx-... and -o NAME.pdf it is a PDF that carries the XML, else the XML. With --sign the
    result is signed as the profile demands; of the kinds that FatturaPA takes, NAME.xml.p7m chooses CAdES and
    NAME.xml XAdES.

    Exit status 1 with --strict if anything would be.
    """
    profile = _profile(to)
    read = _read(source, despite_signature=despite_signature)
    invoice = profile.prepare(read.invoice)
    binding = SYNTAXES[profile.syntax]
    named = [f"in no business term, so not carried: {place}" for place in read.unread]
    left_out = losses(read.invoice, invoice, profile)
    named += [f"not carried by {profile.title}: {term} {name_of(term)}" for term in left_out]
    if profile.judged_only:
        ERRORS.print(
            Text(
                f"{profile.title} asks for more than the core invoice, or for less: check the result with "
                f"gateway validate --profile {profile.key}",
                style="yellow",
            ),
            soft_wrap=True,
        )
    for loss in named:
        ERRORS.print(Text(loss, style="yellow"), soft_wrap=True)
    for finding in check_numbers(invoice, on=utc_now().date()):
        ERRORS.print(Text(f"{finding.rule}: {finding.text}", style="yellow"), soft_wrap=True)
    if named and strict:
        ERRORS.print("Nothing was written.", style="red")
        raise typer.Exit(1)
    content = binding.write(invoice)
    if out is not None and out.suffix.lower() == ".pdf":
        content = render_hybrid(read.invoice, content, profile, language=language)
    if sign is not None:
        content = _signed(content, profile, sign, config_folder(context), out)
    elif profile.must_be_signed:
        note = f"{profile.title} must be signed before it is sent; --sign KEY does that"
        ERRORS.print(Text(note, style="yellow"), soft_wrap=True)
    if out is None:
        sys.stdout.buffer.write(content)
    else:
        write_whole(out, content)


def _signed(content: bytes, profile: Profile, key: str, folder: Path, out: Path | None) -> bytes:
    # Loaded here: who signs nothing need not wait for it.
    from formats.signatures import profiles
    from gateway import settings
    from gateway.keys import Chosen, FileKeys
    from gateway.pipeline import signing

    kinds = [profiles.named(kind) for kind in profile.signatures]
    if profile.in_pdf and not is_pdf(content):
        kinds = []
    if not kinds:
        raise ConfigError(
            f"{profile.title} takes no signature",
            where="--sign",
            fix="name a .pdf file with -o: the PDF is signed" if profile.in_pdf else "leave --sign out",
        )
    name = "" if out is None else out.name.lower()
    fitting = [kind for kind in kinds if name.endswith(kind.ending)]
    known = settings.read(folder)
    at = utc_now()
    signer = FileKeys.of(known.keys, known.folder).signer(key, at)
    signed = signing.sign(Chosen(key, (fitting or kinds)[0].key, signer), content, at)
    note = f"signed by {signed.signer.subject} with the key {key}, {signed.kind}, {signed.algorithm}"
    ERRORS.print(Text(note, style="green"), soft_wrap=True)
    return signed.content


def render(
    file: Annotated[Path, _SOURCE],
    out: Annotated[Path, typer.Option("-o", "--out", help="the .pdf or .html file to write")],
    language: Annotated[str, typer.Option(help="en, nl, de or fr")] = "en",
    logo: Annotated[Path | None, typer.Option(help="a PNG, JPEG or SVG for the head of the page")] = None,
    colour: Annotated[str, typer.Option(help="of headings and rules, #rrggbb")] = PLAIN.colour,
    despite_signature: Annotated[bool, _DESPITE] = False,
) -> None:
    """A readable PDF or HTML page of an e-invoice."""
    rendering = _RENDERINGS.get(out.suffix.lower())
    if rendering is None:
        raise ConfigError(
            f"{out.suffix or 'no suffix'} cannot be written",
            where=str(out),
            fix="name a .pdf or an .html file",
        )
    look = Appearance(colour, logo_in(logo) if logo else None)
    invoice = _read(file, despite_signature=despite_signature).invoice
    write_whole(out, rendering(invoice, language=language, appearance=look))
    OUT.print(f"Wrote {out}")


@dataclass(frozen=True, slots=True)
class _Read:
    """An invoice from a file, and the places of the file that no business term holds."""

    invoice: Invoice
    unread: tuple[str, ...]


def _read(file: Path, *, despite_signature: bool) -> _Read:
    found = _detect(file, despite_signature=despite_signature)
    if found.altered and not despite_signature:
        raise SignatureInvalid(
            found.reason,
            where=str(file),
            fix="ask the sender for the file as it was signed; --despite-signature shows what this one says",
        )
    if found.syntax is None or found.tree is None:
        raise MalformedDocument(
            found.reason,
            where=str(file),
            fix=f"give an invoice in {', '.join(one.name for one in SYNTAXES.values())}, or a PDF with one",
        )
    if found.signature:
        ERRORS.print(Text(f"{file.name}: {found.signature}", style="yellow"), soft_wrap=True)
    binding = SYNTAXES[found.syntax]
    try:
        return _Read(binding.read_tree(found.tree), binding.unread_tree(found.tree))
    except MalformedDocument as error:
        raise MalformedDocument(error.what, where=f"{file}, {error.where}", fix=error.fix) from error


def _detect(file: Path, *, despite_signature: bool) -> Detected:
    try:
        size = file.stat().st_size
        if size > xml.LARGEST:
            raise MalformedDocument(
                f"the file has {size} bytes, {xml.LARGEST} are allowed",
                where=str(file),
                fix="give one invoice, not a collection",
            )
        return detect(file.read_bytes(), despite_signature=despite_signature)
    except OSError as error:
        raise ConfigError(
            f"the file cannot be read: {error.strerror}", where=str(file), fix="check the path"
        ) from error


def _profile(key: str) -> Profile:
    if key not in PROFILES:
        raise ConfigError(
            f"there is no profile {key}", where="gateway", fix=f"use one of {', '.join(PROFILES)}"
        )
    return PROFILES[key]


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    for command in (convert, render):
        app.command()(command)

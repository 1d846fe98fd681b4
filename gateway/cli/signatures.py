"""gateway verify-signature: who signed a file, and whether that holds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from cryptography import x509

from formats.envelopes.hybrid_pdf import LARGEST
from formats.errors import ConfigError
from formats.signatures.cades import Outcome
from formats.signatures.inspection import Inspected, inspect
from formats.signatures.trust import Trust
from gateway.cli.output import OUT, print_json, shown
from gateway.clock import utc_now
from gateway.files import write_whole

__all__ = ["register"]

_STYLES = {Outcome.PASSED: "green", Outcome.INDETERMINATE: "yellow", Outcome.FAILED: "bold red"}


def verify_signature(
    file: Annotated[Path, typer.Argument(help="a .p7m, a signed XML document or a signed PDF")],
    trusted: Annotated[
        list[Path] | None,
        typer.Option(help="PEM certificates of authorities or signers to believe; may be repeated"),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="write exactly what the verified signature covers")
    ] = None,
    archived: Annotated[
        bool, typer.Option(help="believe the time that is claimed, for certificates that expired since")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="for machines")] = False,
) -> None:
    """Who signed a file, when by their own words, and whether that holds.

    Exit status 0 only where there is a signature and every one of them is verified. Without --trusted,
    signatures are compared with what they cover, and nobody is believed.
    """
    content = _content(file)
    trust = Trust(_anchors(trusted), claimed_time_counts=archived) if trusted else None
    found = inspect(content, trust, utc_now())
    passed = bool(found) and all(one.outcome is Outcome.PASSED for one in found)
    if as_json:
        print_json({"file": str(file), "verified": passed, "signatures": [_data(one) for one in found]})
    else:
        _print(file, found)
    if passed and out is not None and found[-1].verified is not None:
        write_whole(out, found[-1].verified.covered)
    if not passed:
        raise typer.Exit(1)


def _print(file: Path, found: tuple[Inspected, ...]) -> None:
    if not found:
        OUT.print(shown(f"{file}: not signed"), soft_wrap=True)
    for one in found:
        OUT.print(shown(f"{one.outcome}  {one.sentence}", _STYLES[one.outcome]), soft_wrap=True)
        if one.signer is not None:
            OUT.print(shown(f"  kind:        {one.kind}, {one.algorithm}"), soft_wrap=True)
            OUT.print(shown(f"  certificate: {one.signer.serial} of {one.signer.issuer}"), soft_wrap=True)
            OUT.print(f"  valid:       {one.signer.valid_from:%Y-%m-%d} to {one.signer.valid_to:%Y-%m-%d}")
        if one.verified is not None:
            path = " < ".join(part.subject.rfc4514_string() for part in one.verified.path)
            OUT.print(shown(f"  path:        {path}"), soft_wrap=True)
            OUT.print(f"  covers:      {len(one.verified.covered)} bytes")


def _data(one: Inspected) -> dict[str, Any]:
    verified = one.verified
    return {
        "outcome": one.outcome,
        "sentence": one.sentence,
        "kind": one.kind,
        "algorithm": one.algorithm,
        "signer": one.signer.subject if one.signer else "",
        "issuer": one.signer.issuer if one.signer else "",
        "serial": one.signer.serial if one.signer else "",
        "sha256": one.signer.sha256 if one.signer else "",
        "signed_at": one.signed_at.isoformat() if one.signed_at else "",
        "expired_since": verified.expired_since.isoformat() if verified and verified.expired_since else "",
        "policy": (verified.policy if verified else None) or "",
        "path": [part.subject.rfc4514_string() for part in verified.path] if verified else [],
    }


def _content(file: Path) -> bytes:
    if file.stat().st_size > LARGEST:
        raise ConfigError(
            f"the file has more than {LARGEST} bytes", where=str(file), fix="give one signed document"
        )
    return file.read_bytes()


def _anchors(files: list[Path]) -> tuple[x509.Certificate, ...]:
    found: list[x509.Certificate] = []
    for file in files:
        try:
            found += x509.load_pem_x509_certificates(file.read_bytes())
        except ValueError as error:
            raise ConfigError(
                "this is no certificate in PEM text",
                where=str(file),
                fix="it begins with BEGIN CERTIFICATE; openssl x509 -inform der turns DER into PEM",
            ) from error
    return tuple(found)


def register(app: typer.Typer) -> None:
    """Add the command of this file."""
    app.command("verify-signature")(verify_signature)

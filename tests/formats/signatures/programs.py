"""Other people's programs that sign and verify: xmlsec1, openssl, pdfsig. A test that needs one that is not
installed is skipped by name."""

from __future__ import annotations

import base64
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes

from formats.signatures.signer import Signer
from tests.formats.signatures.authority import key_pem, middle, pem, root

__all__ = ["Folder", "needs", "template"]

_C14N = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"


def needs(program: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(shutil.which(program) is None, reason=f"the program {program} is not installed")


@dataclass(frozen=True)
class Folder:
    """A folder with the authority's certificates and one signer's, for programs that want files."""

    path: Path
    signer: Signer

    def __post_init__(self) -> None:
        (self.path / "root.pem").write_bytes(pem([root()]))
        (self.path / "middle.pem").write_bytes(pem([middle()]))
        (self.path / "both.pem").write_bytes(pem([root(), middle()]))
        (self.path / "signer.pem").write_bytes(pem([self.signer.certificate]))
        (self.path / "key.pem").write_bytes(key_pem(self.signer.private_key))

    def run(self, *command: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(  # noqa: S603 - the programs that the test names
            command, cwd=self.path, input=given, capture_output=True, timeout=60, check=False
        )

    def write(self, name: str, content: bytes) -> str:
        (self.path / name).write_bytes(content)
        return name

    def xmlsec_accepts(self, signed: bytes) -> bool:
        """Whether xmlsec1 verifies all references, to the root alone."""
        done = self.run(
            *(
                "xmlsec1",
                "--verify",
                "--trusted-pem",
                "root.pem",
                "--verification-time",
                "2026-11-23 08:00:00",
            ),
            *("--id-attr:Id", "SignedProperties", "--id-attr:Id", "KeyInfo", "--id-attr:Id", "Object"),
            self.write("signed.xml", signed),
        )
        return done.returncode == 0

    def xmlsec_signs(self, document: bytes) -> bytes:
        """A template (a document with an empty signature), filled in by xmlsec1."""
        done = self.run(
            *("xmlsec1", "--sign", "--privkey-pem", "key.pem,signer.pem,middle.pem"),
            *("--id-attr:Id", "SignedProperties", "--id-attr:Id", "KeyInfo", "--id-attr:Id", "Object"),
            *("--output", "made.xml", self.write("template.xml", document)),
        )
        assert done.returncode == 0, done.stderr.decode()
        return (self.path / "made.xml").read_bytes()

    def openssl_accepts(self, signed: bytes, *options: str) -> bool:
        """Whether openssl verifies CMS in DER or BER as CAdES, at the time of these tests."""
        done = self.run(
            *("openssl", "cms", "-verify", "-inform", "DER", "-CAfile", "root.pem", "-purpose", "any"),
            *("-attime", "1795420800", "-out", "content", *options),
            *("-in", self.write("signed.p7m", signed)),
        )
        return done.returncode == 0

    def openssl_signs(self, content: bytes, *options: str) -> bytes:
        """CMS with the content inside, DER unless `options` say otherwise."""
        done = self.run(
            *("openssl", "cms", "-sign", "-binary", "-nodetach", "-md", "sha256", "-signer", "signer.pem"),
            *("-inkey", "key.pem", "-certfile", "middle.pem", "-out", "made.p7m"),
            *(options if "-outform" in options else ("-outform", "DER", *options)),
            *("-in", self.write("content", content)),
        )
        assert done.returncode == 0, done.stderr.decode()
        return (self.path / "made.p7m").read_bytes()


def template(
    signer: Signer,
    *,
    c14n: str = _C14N,
    transforms: str = (
        f'<ds:Transform Algorithm="http://www.w3.org/2000/09/xmldsig#enveloped-signature"/>'
        f'<ds:Transform Algorithm="{_C14N}"/>'
    ),
    uri: str = "",
    xades: bool = False,
    method: str | None = None,
    digest: str = "http://www.w3.org/2001/04/xmlenc#sha256",
) -> str:
    """An empty signature for xmlsec1 to fill in."""
    kind = signer.algorithm
    method = method or f"http://www.w3.org/2001/04/xmldsig-more#{kind}"
    fingerprint = base64.b64encode(signer.certificate.fingerprint(hashes.SHA256())).decode()
    properties = (
        '<ds:Object><xades:QualifyingProperties xmlns:xades="http://uri.etsi.org/01903/v1.3.2#" '
        'Target="#sig">'
        '<xades:SignedProperties Id="props"><xades:SignedSignatureProperties>'
        "<xades:SigningTime>2026-11-23T09:00:00+01:00</xades:SigningTime>"
        "<xades:SigningCertificateV2><xades:Cert><xades:CertDigest>"
        '<ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/>'
        f"<ds:DigestValue>{fingerprint}</ds:DigestValue></xades:CertDigest></xades:Cert></xades:SigningCertificateV2>"
        "</xades:SignedSignatureProperties></xades:SignedProperties></xades:QualifyingProperties></ds:Object>"
    )
    reference = (
        '<ds:Reference URI="#props" Type="http://uri.etsi.org/01903#SignedProperties">'
        f'<ds:DigestMethod Algorithm="{digest}"/><ds:DigestValue/></ds:Reference>'
    )
    return (
        '<ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#" Id="sig"><ds:SignedInfo>'
        f'<ds:CanonicalizationMethod Algorithm="{c14n}"/><ds:SignatureMethod Algorithm="{method}"/>'
        f'<ds:Reference URI="{uri}"><ds:Transforms>{transforms}</ds:Transforms>'
        f'<ds:DigestMethod Algorithm="{digest}"/><ds:DigestValue/></ds:Reference>{reference if xades else ""}'
        "</ds:SignedInfo><ds:SignatureValue/><ds:KeyInfo><ds:X509Data/></ds:KeyInfo>"
        f"{properties if xades else ''}</ds:Signature>"
    )

"""Time stamps: asked of a service (openssl's), and believed only from services that are trusted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from formats.signatures import timestamp, xades
from formats.signatures.errors import BrokenSignature, UntrustedSigner
from formats.signatures.trust import Trust
from tests.formats.signatures.authority import NOW, certificate, key, key_pem, pem, root, signer, trust
from tests.formats.signatures.documents import INVOICE
from tests.formats.signatures.programs import Folder, needs

CONFIG = b"""
[tsa]
serial = tsa-serial
crypto_device = builtin
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
ess_cert_id_chain = no
ess_cert_id_alg = sha256
"""


@dataclass(frozen=True)
class Service:
    """A stamping service; openssl asks the clock, so its certificate is valid for decades."""

    folder: Folder

    def __post_init__(self) -> None:
        own = key("rsa2048", 7)
        made = certificate(
            "Invented Stamping Service",
            own,
            "Invented Root Authority",
            key("rsa2048", 100),
            begins=datetime(2020, 1, 1, tzinfo=UTC),
            ends=datetime(2060, 1, 1, tzinfo=UTC),
            stamping=True,
            serial=77,
        )
        self.folder.write("tsa.pem", pem([made]))
        self.folder.write("tsa.key", key_pem(own))
        self.folder.write("tsa.conf", CONFIG)
        self.folder.write("tsa-serial", b"01\n")

    def respond(self, content: bytes, nonce: int = 5) -> bytes:
        self.folder.write("query.tsq", timestamp.request(content, nonce))
        done = self.folder.run(
            *("openssl", "ts", "-reply", "-config", "tsa.conf", "-section", "tsa", "-queryfile", "query.tsq"),
            *("-inkey", "tsa.key", "-signer", "tsa.pem", "-out", "reply.tsr"),
        )
        assert done.returncode == 0, done.stderr.decode()
        return (self.folder.path / "reply.tsr").read_bytes()

    def stamp(self, content: bytes) -> bytes:
        return timestamp.token(self.respond(content), content, 5)


@pytest.fixture
def service(tmp_path: Path) -> Service:
    return Service(Folder(tmp_path, signer()))


def stamping_trust() -> Trust:
    return Trust((root(),), stampers=(root(),))


pytestmark = needs("openssl")


def test_a_stamp_proves_a_moment(service: Service) -> None:
    moment = timestamp.verify(service.stamp(b"content"), b"content", stamping_trust(), NOW + timedelta(400))
    assert moment is not None
    assert moment.tzinfo is UTC


def test_a_stamp_for_something_else_proves_nothing(service: Service) -> None:
    token = service.stamp(b"content")
    with pytest.raises(BrokenSignature, match="something else"):
        timestamp.verify(token, b"other", stamping_trust(), NOW)
    with pytest.raises(BrokenSignature, match="something else"):
        timestamp.token(service.respond(b"content"), b"other", 5)
    with pytest.raises(BrokenSignature, match="another request"):
        timestamp.token(service.respond(b"content"), b"content", 6)
    with pytest.raises(BrokenSignature, match="cannot be read"):
        timestamp.token(b"<html>", b"content", 5)


def test_a_service_that_nobody_trusts_proves_nothing(service: Service) -> None:
    token = service.stamp(b"content")
    assert timestamp.verify(token, b"content", trust(), NOW + timedelta(400)) is None
    with pytest.raises(UntrustedSigner):
        timestamp.verify(token, b"content", Trust((), stampers=(signer().certificate,)), NOW + timedelta(400))


@needs("xmlsec1")
def test_a_stamped_signature_outlives_its_certificate(service: Service) -> None:
    """The service's clock is the real one: the certificate is valid from a day before to a day after it."""
    clock = timestamp.verify(service.stamp(b""), b"", stamping_trust(), NOW + timedelta(400))
    assert clock is not None
    short = signer(begins=clock - timedelta(days=1), ends=clock + timedelta(days=1))
    made = xades.sign(INVOICE, short, clock, stamp=service.stamp)
    later = clock + timedelta(days=300)
    verified = xades.verify(made, stamping_trust(), later)
    assert verified.stamped_at is not None
    assert verified.expired_since == clock + timedelta(days=1)
    with pytest.raises(UntrustedSigner, match="which nothing proves"):
        xades.verify(made, trust(), later)
    assert service.folder.xmlsec_accepts(xades.sign(INVOICE, signer(), NOW, stamp=service.stamp))


def test_a_stamp_of_another_signature_is_refused(service: Service) -> None:
    made = xades.sign(INVOICE, signer(), NOW, stamp=lambda _: service.stamp(b"another signature"))
    with pytest.raises(BrokenSignature, match="something else"):
        xades.verify(made, stamping_trust(), NOW)

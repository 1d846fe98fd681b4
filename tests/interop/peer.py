"""The access point on phase4: built once by Maven, then run as a process that is told what to do.

    python -m tests.interop.peer      builds it, so that the first test does not have to wait

What is built lies in build/interop and is built anew when its sources change.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, Queue
from shutil import which
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12

from connectors.sandbox.peppol.pki import Identity, Pki

__all__ = ["NotBuilt", "Phase4", "build", "running", "write_keys"]

_SOURCES: Final = Path(__file__).parent / "peer"
_TARGET: Final = Path(__file__).parents[2] / "build" / "interop"
_PASSWORD: Final = "peer"  # of key files that live as long as a test run
_BUILD_SECONDS: Final = 600
_ANSWER_SECONDS: Final = 240
# A document of 50 MB is held in memory several times by phase4.
_MEMORY: Final = "-Xmx2g"


class NotBuilt(Exception):
    """This machine cannot build the peer; the text says what is missing."""


def build() -> Path:
    """The peer's program, built where it is not there yet. Safe to call by several processes at once.

    Raises NotBuilt where Maven, a JDK or the network is missing; AssertionError where the sources are wrong.
    """
    missing = [name for name in ("java", "javac", "mvn") if which(name) is None]
    if missing:
        raise NotBuilt(f"phase4 needs {', '.join(missing)}: install a JDK 17 and Maven")
    _TARGET.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    for file in sorted(_SOURCES.rglob("*")):
        if file.is_file():
            digest.update(file.read_bytes())
    stamp, program = _TARGET / "built-from", _TARGET / "peer.jar"
    with (_TARGET / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not program.is_file() or not stamp.is_file() or stamp.read_text() != digest.hexdigest():
            _maven()
            stamp.write_text(digest.hexdigest())
    return program


def _maven() -> None:
    command = ["mvn", "-q", "-B", "-f", str(_SOURCES / "pom.xml"), "package"]
    try:
        done = subprocess.run(  # noqa: S603
            command, capture_output=True, text=True, timeout=_BUILD_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise NotBuilt(f"Maven did not end within {_BUILD_SECONDS} seconds") from error
    if done.returncode == 0:
        return
    said = [line for line in done.stdout.splitlines() if line.startswith("[ERROR]")]
    assert "Compilation failure" not in done.stdout, "\n".join(said)
    raise NotBuilt(f"Maven could not build the peer: {said[0][:300] if said else done.stderr[:300]}")


class Phase4:
    """A running peer. `url` is its endpoint, `version` that of phase4."""

    def __init__(self, process: subprocess.Popen[str], folder: Path) -> None:
        self.folder = folder
        self._process = process
        self._lines: Queue[str] = Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        told = self._answer()
        self.url = f"http://127.0.0.1:{told['port']}/as4"
        self.version = str(told["phase4"])

    def send(self, **command: Any) -> dict[str, Any]:
        """Have it send; what it says about it: `result`, `errors`, or `delivered` and `seconds` for many."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def received(self, message_id: str) -> bytes:
        """The envelope of a message that it took."""
        return (self.folder / "received" / f"{message_id}.xml").read_bytes()

    def has(self, message_id: str) -> bool:
        return (self.folder / "received" / f"{message_id}.xml").exists()

    def understood(self, message_id: str) -> dict[str, str]:
        """What phase4 read in that envelope."""
        content = (self.folder / "received" / f"{message_id}.json").read_text("utf-8")
        return {key: value for key, value in json.loads(content).items() if value is not None}

    def close(self) -> None:
        """End its input, and with it the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(20)
        self._reader.join(10)
        assert self._process.stdout is not None
        self._process.stdout.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put("")

    def _answer(self) -> dict[str, Any]:
        try:
            line = self._lines.get(timeout=_ANSWER_SECONDS)
        except Empty:
            line = ""
        assert line, f"the peer gave no answer; its log:\n{self._log()}"
        found: dict[str, Any] = json.loads(line)
        return found

    def _log(self) -> str:
        return (self.folder / "log").read_text("utf-8", "replace")[-4000:]


@contextmanager
def running(program: Path, folder: Path, pki: Pki, label: str = "ap2") -> Iterator[Phase4]:
    """A peer that is the access point with the certificate `label`; its files are in `folder`."""
    write_keys(folder, pki, label)
    command = [
        *("java", _MEMORY, "-Dphase4.manager.inmemory=true", "-Djava.io.tmpdir=" + str(folder)),
        *("-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-jar", str(program), str(folder)),
    ]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(  # noqa: S603
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, cwd=folder
        )
        peer = None
        try:
            peer = Phase4(process, folder)
            yield peer
        finally:
            if peer is not None:
                peer.close()
            else:
                process.kill()
                process.communicate()


def write_keys(folder: Path, pki: Pki, own: str) -> None:
    """ap.p12 with the peer's own key, one file for each other identity it may pretend to be, trust.p12 with
    the authorities, ca.pem with the one that issues."""
    for label, name in ((own, "ap"), *((label, label) for label in ("foreign", "revoked", "expired", "ap4"))):
        (folder / f"{name}.p12").write_bytes(_key_store(pki.leaf(label), pki))
    (folder / "ca.pem").write_text(pki.access_point_ca.pem)
    authorities = [pki.access_point_ca.certificate, pki.root.certificate]
    (folder / "trust.p12").write_bytes(
        pkcs12.serialize_java_truststore(
            [pkcs12.PKCS12Certificate(one, f"ca{number}".encode()) for number, one in enumerate(authorities)],
            BestAvailableEncryption(_PASSWORD.encode()),
        )
    )


def _key_store(identity: Identity, pki: Pki) -> bytes:
    issuers: list[x509.Certificate] = [pki.access_point_ca.certificate, pki.root.certificate]
    return pkcs12.serialize_key_and_certificates(
        b"ap",
        identity.private_key,
        identity.certificate,
        issuers if identity.certificate.issuer == issuers[0].subject else None,
        BestAvailableEncryption(_PASSWORD.encode()),
    )


if __name__ == "__main__":
    try:
        build()
    except NotBuilt as reason:
        sys.exit(str(reason))

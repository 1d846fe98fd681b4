"""veraPDF as the judge of PDF/A, where there is Java and its JAR files: GATEWAY_TEST_VERAPDF names their
folder, which tests/fetch-verapdf fills."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

__all__ = ["ENVIRONMENT", "broken_clauses", "needs_verapdf"]

ENVIRONMENT = "GATEWAY_TEST_VERAPDF"
_PROGRAM = Path(__file__).with_name("PdfaVerdicts.java")
_JARS = Path(os.environ.get(ENVIRONMENT) or "absent")
_JAVA = shutil.which("java")

needs_verapdf = pytest.mark.skipif(
    _JAVA is None or not any(_JARS.glob("validation-model-*.jar")),
    reason=f"veraPDF not run: needs java and {ENVIRONMENT}, a folder with the JAR files of "
    "org.verapdf:validation-model",
)


def broken_clauses(folder: Path, files: dict[str, bytes]) -> dict[str, str]:
    """What each file claims to be and the clauses of ISO 19005 that it breaks, "3b []" for a valid one; in
    one run, for Java takes long to start."""
    for name, content in files.items():
        (folder / name).write_bytes(content)
    assert _JAVA is not None
    command = [_JAVA, "-cp", f"{_JARS}/*", str(_PROGRAM), *(str(folder / name) for name in files)]
    done = subprocess.run(command, capture_output=True, check=True, timeout=240)  # noqa: S603  # our own program
    found = {}
    for line in done.stdout.decode().splitlines():
        file, flavour, _, broken = line.split("\t")
        found[Path(file).name] = f"{flavour} {broken}"
    return found

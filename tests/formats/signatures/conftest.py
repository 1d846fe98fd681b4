"""A folder for other programs, with the certificates of the invented authority."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.formats.signatures.authority import signer
from tests.formats.signatures.programs import Folder


@pytest.fixture
def folder_for(tmp_path: Path) -> Callable[[str], Folder]:
    """A folder whose signer has a key of the given kind."""
    return lambda kind: Folder(tmp_path, signer(kind))


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """A folder whose signer has an RSA key."""
    return Folder(tmp_path, signer())

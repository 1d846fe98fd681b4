"""What the log tells of a fault: where it was, and no secret that was at hand there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from formats.errors import ConfigError
from gateway import logs
from gateway.pipeline.foreign import contained
from gateway.settings import reveal

SECRET = "open-sesame-4711"


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    before = structlog.get_config()
    yield
    structlog.configure(**before)


def _connector_at_fault() -> None:
    key = SECRET
    raise ValueError(f"the header {key!r} cannot be sent")


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_fault_names_its_place_and_neither_variables_nor_message(
    form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.configure("info", form)
    with pytest.raises(ConfigError), contained("acme"):
        _connector_at_fault()
    said = capsys.readouterr().err
    assert SECRET not in said
    assert "ValueError" in said
    assert "_connector_at_fault" in said
    if form == "json":
        assert json.loads(said)["name"] == "acme"


def test_a_secret_saved_with_a_mark_in_front_is_read_without_it(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes("\ufeff".encode() + SECRET.encode() + b"\r\n")
    assert reveal("file:key", tmp_path) == SECRET


@pytest.mark.parametrize("content", ["open\x00sesame", "open\u200bsesame"])
def test_a_secret_with_signs_that_cannot_be_seen_is_refused_without_being_shown(
    content: str, tmp_path: Path
) -> None:
    (tmp_path / "key").write_text(content, "utf-8")
    with pytest.raises(ConfigError, match="cannot be seen") as caught:
        reveal("file:key", tmp_path)
    assert "sesame" not in str(caught.value)

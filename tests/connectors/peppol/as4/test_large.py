"""A message much larger than what may be kept in memory."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path


def test_a_large_message_takes_no_more_memory_than_a_small_one(tmp_path: Path) -> None:
    """100 MiB, packed, signed, encrypted, received, opened and unpacked in one process of its own."""
    command = [sys.executable, "-m", "tests.connectors.peppol.as4.large_worker", str(tmp_path), "100"]
    done = subprocess.run(  # noqa: S603  # our own program
        command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[4]
    )
    result = json.loads(done.stdout)
    assert result["transferred_mb"] > 10
    assert result["growth_mb"] < 30, result
    assert result["left_behind"] == 0

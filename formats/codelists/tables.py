"""Reading the tables beside this file: CSV, with `#` lines before the header for version and source."""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path

__all__ = ["rows"]


@cache
def rows(name: str) -> tuple[dict[str, str], ...]:
    """The rows of `<name>.csv`, by column."""
    with Path(__file__).with_name(f"{name}.csv").open(encoding="utf-8", newline="") as file:
        lines = (line for line in file if not line.startswith("#"))
        return tuple(csv.DictReader(lines))

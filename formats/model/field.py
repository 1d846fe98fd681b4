"""How a model field names its business term.

A class that serves several groups (an address is BG-5, BG-8, BG-12 or BG-15) gives one term for each group.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any

__all__ = ["group", "groups", "term"]


def term(name: str | Mapping[str, str]) -> Any:
    """A business term that may be absent: `term("BT-1")`, or `term({"BG-5": "BT-35", "BG-8": "BT-50"})`."""
    return field(default=None, metadata={"term": name})


def group(name: str | Mapping[str, str]) -> Any:
    """A business group that occurs at most once and may be absent."""
    return field(default=None, metadata={"group": name})


def groups(name: str | Mapping[str, str]) -> Any:
    """A business group or term that may be repeated; empty when absent."""
    return field(default=(), metadata={"group": name})

"""What identifies an invoice of a file: its key, made of one value or several."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from unicodedata import category

from formats.errors import DocumentError

__all__ = ["LONGEST_KEY", "key_of", "key_problem"]

LONGEST_KEY: Final = 300


def key_of(parts: Sequence[str]) -> str:
    """The parts with "/" between them; "/" within one is %2F and "%" is %25, so that A/1 and A_1 differ."""
    return "/".join(part.strip().replace("%", "%25").replace("/", "%2F") for part in parts)


def key_problem(key: str, where: str) -> DocumentError | None:
    """Why this key cannot be stored and shown: its signs, or its length."""
    if any(category(sign) in ("Cc", "Cs") for sign in key):
        what = "the number of an invoice holds a control character, or half of a sign"
    elif len(key) > LONGEST_KEY:
        what = f"the number of an invoice has more than {LONGEST_KEY} characters"
    else:
        return None
    return DocumentError(what, where=where, fix="correct the number in the system that wrote it")

"""Secrets, where settings only name them."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path
from typing import Final

from formats.errors import ConfigError

__all__ = ["reveal"]

_LARGEST_SECRET: Final = 64 * 1024


def reveal(reference: str, folder: Path) -> str:
    """The secret behind `env:NAME` or `file:PATH` (relative to the config folder).

    Raises ConfigError naming the reference, never the value.
    """
    kind, _, name = reference.partition(":")
    if kind == "env":
        if name not in os.environ:
            raise ConfigError(
                f"the environment variable {name} is not set", where=reference, fix="set it before the start"
            )
        return _usable(os.environ[name], reference)
    file = folder / name
    try:
        if file.stat().st_size > _LARGEST_SECRET:
            raise ConfigError(
                "the file is too large for a secret", where=reference, fix="name the right file"
            )
        # Editors on Windows put a mark in front of a text.
        return _usable(file.read_text("utf-8-sig").removesuffix("\n").removesuffix("\r"), reference)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            "the secret cannot be read",
            where=reference,
            fix=f"put it into {file}, readable by this user only",
        ) from error


def _usable(secret: str, reference: str) -> str:
    """The secret, unless it holds what no password can: then a file was saved wrongly."""
    if any(unicodedata.category(sign) in ("Cc", "Cf", "Cs") and sign not in "\n\r\t" for sign in secret):
        raise ConfigError(
            "the secret holds signs that cannot be seen",
            where=reference,
            fix="write the file anew as plain text in UTF-8, with nothing but the secret in it",
        )
    return secret

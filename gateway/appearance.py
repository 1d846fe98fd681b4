"""What companies/*.yaml says about how a company's readable invoices look: `appearance: {colour, logo}`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from formats.errors import ConfigError
from formats.render.appearance import LARGEST_LOGO, PLAIN, Appearance, Logo, read_logo

__all__ = ["FACTS", "appearance_of", "logo_in"]

FACTS: Final = frozenset({"appearance.colour", "appearance.logo"})


def appearance_of(facts: Mapping[str, object], folder: Path) -> Appearance:
    """The appearance among a company's facts; a logo is a file, relative to the config folder.

    Raises ConfigError.
    """
    said = facts.get("appearance") or {}
    if not isinstance(said, Mapping):
        raise ConfigError(
            "appearance has no colour and no logo", where="companies", fix="indent them below it"
        )
    logo = said.get("logo")
    return Appearance(
        colour=str(said.get("colour") or PLAIN.colour),
        logo=logo_in(folder / str(logo)) if logo else None,
    )


def logo_in(file: Path) -> Logo:
    """The picture in a file. Raises ConfigError."""
    try:
        with file.open("rb") as opened:
            content = opened.read(LARGEST_LOGO + 1)
    except OSError as error:
        raise ConfigError(
            f"the logo cannot be read: {error.strerror}", where=str(file), fix="check the path"
        ) from error
    return read_logo(content)

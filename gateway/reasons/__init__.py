"""Sentences about stops, fixes, alarms and events, in the language of who reads them."""

from __future__ import annotations

from pathlib import Path
from typing import Final

__all__ = ["CATALOGUES", "TRANSLATED"]

CATALOGUES: Final = Path(__file__).parent
TRANSLATED: Final = ("nl", "de", "fr")

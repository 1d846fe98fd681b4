"""The German routing id (Leitweg-ID): where an invoice goes within the public administration.

Two to twelve digits for the body, up to thirty signs of its own, two check digits (ISO 7064, MOD 97-10).
Which codes of states there are is not judged: test bodies have others. Source: KoSIT, format specification
of the Leitweg-ID 2.0.2.
"""

from __future__ import annotations

import re
from typing import Final

__all__ = ["is_leitweg", "looks_like_leitweg"]

_SHAPE: Final = re.compile(r"[0-9]{2,12}(-[0-9A-Z]{1,30})?-[0-9]{2}")
_LONGEST: Final = 46
_SHORTEST: Final = 5


def looks_like_leitweg(text: str) -> bool:
    """Whether it has the shape of one, whatever its check digits."""
    return _SHORTEST <= len(text) <= _LONGEST and _SHAPE.fullmatch(text) is not None


def is_leitweg(text: str) -> bool:
    """Whether it is one, in capitals and without blanks, with right check digits."""
    from stdnum.iso7064 import mod_97_10  # slow to load

    return looks_like_leitweg(text) and bool(mod_97_10.is_valid(text.replace("-", "")))

"""Answers of an interface that was changed over night: sound JSON or XML with other names in it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final

__all__ = ["altered", "confided"]

_LEFT: Final = frozenset({"Envelope", "Header", "Body"})  # of SOAP, which does not change
_NAME: Final = re.compile(r"(</?)((?:[\w.-]+:)?)([A-Za-z_][\w.-]*)")
_LOGIN: Final = re.compile(r"log_?in|token|auth|session|connect", re.IGNORECASE)
_CONFIDED: Final = re.compile(r"token|session|secret|password|nonce", re.IGNORECASE)
_SHORTEST: Final = 12


def altered(body: bytes, media_type: str, *, rows_only: bool) -> bytes | None:
    """The answer with other names of fields, with `rows_only` only of those of records in lists.

    None where there are none: an answer that is neither JSON nor XML, or has no such fields.
    """
    if "json" in media_type:
        try:
            data = json.loads(body)
        except ValueError:
            return None
        changed = _renamed(data, not rows_only)
        return None if changed == data else json.dumps(changed, ensure_ascii=False).encode()
    if "xml" in media_type and not rows_only:
        text = body.decode("utf-8", "replace")
        return _NAME.sub(_other_name, text).encode()
    return None


def confided(body: bytes, media_type: str, place: str) -> Iterator[str]:
    """What an answer tells its receiver alone: all texts of an answer to a login, else those so named."""
    if "json" in media_type:
        try:
            yield from _texts(json.loads(body), bool(_LOGIN.search(place)))
        except ValueError:
            return


def _renamed(data: Any, wanted: bool) -> Any:
    if isinstance(data, dict):
        return {f"{name}_" if wanted else name: _renamed(value, wanted) for name, value in data.items()}
    if isinstance(data, list):
        return [_renamed(value, True) for value in data]
    return data


def _other_name(match: re.Match[str]) -> str:
    return match[0] if match[3] in _LEFT else f"{match[1]}{match[2]}{match[3]}_"


def _texts(data: Any, wanted: bool) -> Iterator[str]:
    if isinstance(data, dict):
        for name, value in data.items():
            yield from _texts(value, wanted or bool(_CONFIDED.search(name)))
    elif isinstance(data, list):
        for value in data:
            yield from _texts(value, wanted)
    elif wanted and isinstance(data, str) and len(data) >= _SHORTEST and "://" not in data:
        yield data

"""Which addresses from the network are called: encrypted, plain to read, and never inside."""

from __future__ import annotations

import re
import socket
from typing import Final
from urllib.parse import urlsplit

from connectors.http import is_safe_address
from connectors.outside import InsideAddress, is_outside, outside_addresses
from formats.errors import RouteError

__all__ = ["require_callable"]

_LONGEST: Final = 2_000
_STRANGE: Final = re.compile(r"[\x00-\x20\x7f-\U0010ffff\\]")
_ADDRESS: Final = re.compile(r"[0-9.]+|\[?[0-9a-fA-F:.]*:[0-9a-fA-F:.]*\]?")


def require_callable(url: str, *, whose: str, where: str, allow_internal: bool) -> None:
    """Raises RouteError unless the address begins with https://, has no login in it, and its host leads to
    the public internet only.

    With `allow_internal` (trials on one machine) inner addresses pass, and http:// to this machine. A name
    that cannot be resolved now passes: calling it will say so.
    """
    parts = urlsplit(url) if not _STRANGE.search(url) and len(url) <= _LONGEST else None
    try:
        sound = parts is not None and bool(parts.hostname) and "@" not in parts.netloc and not parts.fragment
        port = (parts.port or 443) if parts is not None else 0
    except ValueError:
        sound, port = False, 0
    if not sound or parts is None or parts.scheme not in ("http", "https"):
        raise _refused(f"the address of the {whose} is none that can be called ({url[:100]!r})", where)
    if not url.lower().startswith("https://") and not (allow_internal and is_safe_address(url)):
        raise _refused(f"the address of the {whose} does not begin with https:// ({url[:100]})", where)
    if allow_internal:
        return
    host = str(parts.hostname)
    try:
        inside = not is_outside(host) if _ADDRESS.fullmatch(host) else not outside_addresses(host, port)
    except InsideAddress:
        inside = True
    except (socket.gaierror, UnicodeError):
        inside = False
    if inside:
        raise _refused(f"the address of the {whose} leads into an inner network ({host[:100]})", where)


def _refused(what: str, where: str) -> RouteError:
    return RouteError(
        what, where=where, fix="ask the buyer to have their Peppol provider correct the entry in the network"
    )

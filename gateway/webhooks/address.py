"""Which addresses events may be sent to.

Outside: encrypted only, on hosts that the settings name, or any that is on the public internet where they
name none. Inside: only what the settings name with host and port. What a name leads to is judged again at
each connection (`connectors.outside`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from urllib3.exceptions import LocationParseError
from urllib3.util import parse_url

from connectors.outside import is_outside
from formats.errors import ConfigError

__all__ = ["Target", "address", "target"]

_STRANGE: Final = re.compile(r"[\x00-\x20\x7f-\U0010ffff\\]")
_PORTS: Final = {"http": 80, "https": 443}
_LITERAL: Final = re.compile(r"\[[0-9a-fA-F:.%]+\]|[0-9.]+|0[xX][0-9a-fA-F.xX]*")


@dataclass(frozen=True, slots=True)
class Target:
    """An address that may be called. `path` holds path and query; `inside` says that our own network is
    meant."""

    base_url: str
    path: str
    inside: bool


def address(url: str) -> str:
    """The address itself, if it can be read in one way only. ValueError for anything else."""
    _parts(url)
    return url


def target(url: str, *, hosts: Sequence[str], inside: Sequence[str]) -> Target:
    """Judge an address by the settings. Raises ConfigError, which says what would be allowed."""
    try:
        scheme, host, port = _parts(url)
    except ValueError as error:
        raise _refused(str(error)) from error
    path = url.split("://", 1)[1].partition("/")[2]
    made = f"{scheme}://{host}:{port}"
    if f"{host}:{port}" in inside:
        return Target(made, f"/{path}", True)
    if scheme != "https":
        raise _refused("events go over https:// only")
    if _LITERAL.fullmatch(host) and not is_outside(host.strip("[]")):
        raise _refused("the address leads into an inner network")
    if hosts and not any(_covers(one, host) for one in hosts):
        raise _refused(f"{host[:100]} is not among the hosts that may be called")
    return Target(made, f"/{path}", False)


def _covers(allowed: str, host: str) -> bool:
    return host == allowed or (allowed.startswith("*.") and host.endswith(allowed[1:]))


def _parts(url: str) -> tuple[str, str, int]:
    """Scheme, host and port, in small letters. ValueError where two readers could read two addresses."""
    if _STRANGE.search(url) or "#" in url:
        raise ValueError("the address holds signs that do not belong there")
    try:
        parts, seen = urlsplit(url), parse_url(url)
        scheme, host, port = parts.scheme.lower(), (parts.hostname or "").lower(), parts.port
    except (ValueError, LocationParseError) as error:
        raise ValueError("this is not the address of a web server") from error
    if scheme not in _PORTS or not host or "@" in parts.netloc or seen.auth:
        raise ValueError("write https:// and a host, without user name and password")
    found = port or _PORTS[scheme]
    other = (seen.host or "").strip("[]").lower()
    if other != host or (seen.port or _PORTS[scheme]) != found or (seen.scheme or "") != scheme:
        raise ValueError("the address can be read in two ways")
    if any(part in (".", "..") for part in parts.path.split("/")):
        raise ValueError("write the address without . and .. in its path")
    return scheme, f"[{host}]" if ":" in host else host, found


def _refused(what: str) -> ConfigError:
    return ConfigError(
        what,
        where="address of the webhook",
        fix="name an https address outside, or have IT allow it under webhooks in gateway.yaml",
    )

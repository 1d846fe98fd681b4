"""Whose calls are counted together where the network address is all that is known of a caller."""

from __future__ import annotations

import ipaddress

from fastapi import Request

__all__ = ["network_of"]


def network_of(request: Request) -> str:
    """An IPv4 address, or the /64 of an IPv6 address, which is one line of a provider. A proxy on this
    machine names the caller in X-Forwarded-For; the server has read it."""
    host = request.client.host if request.client else ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host[:100]
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)

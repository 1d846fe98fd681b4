"""Addresses that others name (in the DNS, in an SMP) must lead outside: never into the operator's own
network.

Whoever publishes such an address could otherwise make the gateway knock on inner doors. A name is resolved
here, every address of it is judged, and the connection is made to a judged address, so that a name that
changes its mind in between gains nothing.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError
from urllib3.util.connection import create_connection

__all__ = ["OUTSIDE_POOLS", "InsideAddress", "is_outside", "outside_addresses"]


class InsideAddress(OSError):
    """The name leads to an address that is not on the public internet."""


def is_outside(address: str) -> bool:
    """Whether an IP address is on the public internet; also what hides in IPv6 forms of IPv4 is judged.

    Of IPv6 only what is given out as global unicast counts (RFC 4291, section 2.4; IANA, 2000::/3): forms
    that were given up, or belong to one site, lead wherever the operator's own routers take them.
    """
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address):
        hidden = found.ipv4_mapped or found.sixtofour or (found.teredo[1] if found.teredo else None)
        if found in _NAT64:
            hidden = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        if hidden is not None:
            return is_outside(str(hidden))
        if found not in _GLOBAL:
            return False
    return found.is_global and not found.is_multicast


_GLOBAL: Final = ipaddress.IPv6Network("2000::/3")
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")


def outside_addresses(host: str, port: int) -> tuple[str, ...]:
    """The addresses of a host, all of them outside.

    Raises InsideAddress where one is not, socket.gaierror where the name is unknown.
    """
    found = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
    addresses = tuple(dict.fromkeys(str(one[4][0]) for one in found))
    if not addresses or not all(is_outside(address) for address in addresses):
        raise InsideAddress(f"{host} leads into an inner network")
    return addresses


def _connected(connection: HTTPConnection) -> socket.socket:
    """As urllib3 does it, to judged addresses only."""
    host = connection.host
    problem: OSError | None = None
    try:
        for address in outside_addresses(host, connection.port or connection.default_port):
            try:
                return create_connection(
                    (address, connection.port),
                    connection.timeout,
                    source_address=connection.source_address,
                    socket_options=connection.socket_options,
                )
            except OSError as error:
                problem = error
    except socket.gaierror as error:
        raise NameResolutionError(host, connection, error) from error
    except OSError as error:
        raise NewConnectionError(connection, str(error)) from error
    if isinstance(problem, TimeoutError):
        raise ConnectTimeoutError(connection, f"no connection to {host}") from problem
    raise NewConnectionError(connection, f"no connection to {host}") from problem


class _OutsideHttp(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        return _connected(self)


class _OutsideHttps(HTTPSConnection):
    def _new_conn(self) -> socket.socket:
        return _connected(self)


class _HttpPool(HTTPConnectionPool):
    ConnectionCls = _OutsideHttp


class _HttpsPool(HTTPSConnectionPool):
    ConnectionCls = _OutsideHttps


# What a pool manager of urllib3 takes as `pool_classes_by_scheme`.
OUTSIDE_POOLS: Final[Mapping[str, Any]] = MappingProxyType({"http": _HttpPool, "https": _HttpsPool})

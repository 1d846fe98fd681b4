"""Where a participant's SMP is: one U-NAPTR question to the SML's zone in the DNS.

"Not registered" is said only on the DNS's own word (NXDOMAIN, or no fitting record). Whatever else goes wrong
is temporary, and another resolver is asked. Sources: Peppol SML specification 1.3.0; RFC 3403 (NAPTR), RFC
4848 (U-NAPTR); RFC 7766 (TCP).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

import dns.exception
import dns.inet
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdatatype
import dns.resolver
from dns.rdtypes.IN.NAPTR import NAPTR

from formats.errors import ConfigError, RemoteUnavailable, RemoteUnexpected, RouteError
from formats.identifiers import ParticipantId

__all__ = ["Resolver", "SmpLookup", "SmpPlace", "resolvers", "smp_address"]

_SERVICE: Final = "meta:smp"
_PAYLOAD: Final = 1232
_LONGEST_RULE: Final = 1_000
_LONGEST_PATTERN: Final = 100
_MOST_QUANTIFIERS: Final = 3
_ROUNDS: Final = 2


@dataclass(frozen=True, slots=True)
class Resolver:
    """A recursive name server: an IP address and a port."""

    address: str
    port: int = 53

    def __str__(self) -> str:
        host = f"[{self.address}]" if ":" in self.address else self.address
        return host if self.port == 53 else f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class SmpPlace:
    """What the DNS said: the name that was asked for, the base address of the SMP (no slash at its end), and
    who said so."""

    name: str
    url: str
    resolver: str


@dataclass(frozen=True, slots=True)
class _Negative:
    """The DNS says that there is nothing, or nothing that fits."""

    no_such_name: bool
    text: str


@dataclass(frozen=True, slots=True)
class SmpLookup:
    """Asks for SMPs in these zones, in order; each resolver `seconds` long, over UDP and, for long answers,
    TCP.

    Needs no closing; safe to share between threads.
    """

    zones: tuple[str, ...]
    resolvers: tuple[Resolver, ...] = field(default_factory=tuple)
    seconds: float = 3.0

    def find(self, participant: ParticipantId) -> SmpPlace:
        """The participant's SMP.

        Raises RouteError where the DNS says that the participant is not registered, RemoteUnavailable where
        no resolver gave a usable answer, RemoteUnexpected for a record that breaks the rules, and for a zone
        that does not exist.
        """
        absent: list[str] = []
        missing: list[str] = []
        for zone in self.zones:
            name = participant.dns_name(zone.rstrip("."))
            found = self._ask(name)
            if isinstance(found, SmpPlace):
                return found
            if found.no_such_name and not self._exists(zone):
                missing.append(zone.rstrip("."))
            else:
                absent.append(zone.rstrip("."))
        if missing and not absent:
            raise RemoteUnexpected(
                f"the zone {' and '.join(missing)} does not exist, so nobody can be found in it",
                where="DNS",
                fix="check `zones` of the Peppol channel against OpenPeppol's names, and whether these "
                "resolvers see the internet",
            )
        raise RouteError(
            f"{participant} is not registered in Peppol (asked in {', '.join(absent)})",
            where="DNS",
            fix="check scheme and number with the buyer; an organisation may be registered under another "
            "scheme, such as its VAT number",
        )

    def _ask(self, name: str) -> SmpPlace | _Negative:
        message, resolver = self._answered(name, "NAPTR")
        try:
            records = message.resolve_chaining().answer
        except dns.exception.DNSException as error:
            raise RemoteUnavailable(
                f"the answer of {resolver} leads nowhere (an alias without an end)",
                where=f"DNS, {name}",
                fix="it is asked again by itself",
            ) from error
        if records is None:
            return _Negative(message.rcode() == dns.rcode.NXDOMAIN, "no record")
        url = smp_address((one for one in records if isinstance(one, NAPTR)), name)
        return SmpPlace(name, url, str(resolver)) if url else _Negative(False, "no record for SMPs")

    def _exists(self, zone: str) -> bool:
        message, _ = self._answered(zone.rstrip("."), "SOA")
        return message.rcode() != dns.rcode.NXDOMAIN

    def _answered(self, name: str, kind: str) -> tuple[dns.message.QueryMessage, Resolver]:
        """The first usable answer: NOERROR or NXDOMAIN."""
        asked = self.resolvers or resolvers(())
        problems: dict[str, str] = {}
        for resolver in asked * _ROUNDS:
            query = dns.message.make_query(name, kind, use_edns=0, payload=_PAYLOAD)
            try:
                message, _ = dns.query.udp_with_fallback(
                    query, resolver.address, timeout=self.seconds, port=resolver.port
                )
            except dns.exception.Timeout:
                problems[str(resolver)] = f"no answer within {self.seconds:g} seconds"
                continue
            except (dns.exception.DNSException, OSError, EOFError, ValueError) as error:
                problems[str(resolver)] = f"no usable answer ({type(error).__name__})"
                continue
            if message.rcode() in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN) and isinstance(
                message, dns.message.QueryMessage
            ):
                return message, resolver
            problems[str(resolver)] = dns.rcode.to_text(message.rcode())
        said = "; ".join(f"{resolver}: {problem}" for resolver, problem in problems.items())
        raise RemoteUnavailable(
            f"the DNS does not answer whether the participant is registered ({said})",
            where=f"DNS, {name}",
            fix="it is asked again by itself; if it lasts, check `resolvers` of the Peppol channel",
        )


def resolvers(configured: Sequence[str]) -> tuple[Resolver, ...]:
    """Resolvers from `address` or `address:port` texts ([...]:port for IPv6); those of this machine for none.

    Raises ConfigError for what is no IP address, and where this machine has no resolver.
    """
    if configured:
        return tuple(_resolver(text) for text in configured)
    try:
        own = dns.resolver.Resolver(configure=True).nameservers
    except dns.exception.DNSException as error:
        raise ConfigError(
            "this machine knows no name server", where="resolvers", fix="name two of them in the settings"
        ) from error
    return tuple(Resolver(str(one)) for one in own)


def _resolver(text: str) -> Resolver:
    found = re.fullmatch(r"\[([0-9A-Fa-f:.]+)\](?::([0-9]{1,5}))?|([0-9.]+)(?::([0-9]{1,5}))?", text.strip())
    address = (found[1] or found[3]) if found else text.strip()
    port = int((found[2] or found[4] or "53") if found else "53")
    if not dns.inet.is_address(address) or not 0 < port < 65_536:
        raise ConfigError(
            f"{text[:60]!r} is not the address of a resolver",
            where="resolvers",
            fix="write IP addresses, as 192.0.2.53 or 192.0.2.53:5353 or [2001:db8::53]:53",
        )
    return Resolver(address, port)


def smp_address(records: Iterable[NAPTR], name: str) -> str:
    """The address in the best fitting record, without a slash at its end; "" where none fits.

    Best is the lowest order, then the lowest preference. Raises RemoteUnexpected for a rule that cannot be
    applied.
    """
    fitting = [
        one
        for one in records
        if one.flags.lower() == b"u" and one.service.decode("ascii", "replace").lower() == _SERVICE
    ]
    if not fitting:
        return ""
    best = min(fitting, key=lambda one: (one.order, one.preference))
    return _applied(best.regexp.decode("utf-8", "replace"), name).rstrip("/")


def _applied(rule: str, name: str) -> str:
    """The substitution of RFC 3402: delimiter, pattern, delimiter, replacement, delimiter, flags."""
    delimiter = rule[:1]
    parts = re.split(rf"(?<!\\){re.escape(delimiter)}", rule[1:]) if delimiter else []
    if len(rule) > _LONGEST_RULE or len(parts) != 3 or delimiter.isalnum() or delimiter == "\\":
        raise _odd_rule(rule)
    pattern, replacement, flags = (part.replace(f"\\{delimiter}", delimiter) for part in parts)
    # Nothing that could run for ever: few repetitions, none of a group.
    quantifiers = re.findall(r"(?<!\\)[*+?{]", pattern)
    if (
        flags.lower() not in ("", "i")
        or len(pattern) > _LONGEST_PATTERN
        or len(quantifiers) > _MOST_QUANTIFIERS
        or re.search(r"\)[*+?{]|\\[0-9]|\(\?", pattern)
    ):
        raise _odd_rule(rule)
    try:
        found = re.search(pattern, name, re.IGNORECASE if flags else 0)
        if found is None:
            raise _odd_rule(rule)
        return re.sub(r"\\([0-9])", lambda mark: found[int(mark[1])] or "", replacement)
    except (re.error, IndexError) as error:
        raise _odd_rule(rule) from error


def _odd_rule(rule: str) -> RemoteUnexpected:
    return RemoteUnexpected(
        "the record in the DNS does not lead to an address",
        where="DNS, NAPTR record",
        fix="tell the participant's SMP provider; the record is kept",
        evidence=rule.encode(),
    )

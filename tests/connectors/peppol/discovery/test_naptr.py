"""The question to the DNS: the published vectors, every class of failure, and rules applied."""

from __future__ import annotations

from collections.abc import Iterator

import dns.rcode
import dns.rrset
import pytest
from dns.rdtypes.IN.NAPTR import NAPTR

from connectors.channels.peppol.discovery.naptr import Resolver, SmpLookup, resolvers, smp_address
from formats.errors import ConfigError, RemoteUnavailable, RemoteUnexpected, RouteError
from formats.identifiers import ParticipantId
from tests.connectors.peppol.servers import DnsServer, dns_server

ZONE = "participant.sml.test.example"
OTHER_ZONE = "old.sml.example"
# Published with the specification: the label of a participant.
VECTORS = {
    "9915:test": "eh5boavaktmbgzyh2a63dz4qov33fvp5nsdvqklucfraayoodw6a",
    "0088:1234567890123": "sjsyvccmqyjxk3weuapffq4x3umcrf4qryherj4vovhmonh7gccq",
    "0088:123ABC": "y7dzfxaf3d4cjz4kcgrxtec6twvcga4ky7zwa5boif6mswd4tdrq",
    "0010:5798000000001": "xukhfqabqziki3ykvr2fhr4snfa3pf5vpq6k4tonv3lmvsy5arvq",
}
BUYER = ParticipantId.of("0088:1234567890123")
RECORD = '100 10 "U" "Meta:SMP" "!.*!https://smp.example.org!" .'


@pytest.fixture
def server() -> Iterator[DnsServer]:
    with dns_server() as made:
        made.zones |= {f"{ZONE}.", f"{OTHER_ZONE}."}
        yield made


def lookup(*servers: DnsServer, zones: tuple[str, ...] = (ZONE,), seconds: float = 0.5) -> SmpLookup:
    return SmpLookup(zones, resolvers([server.address for server in servers]), seconds)


def register(server: DnsServer, *records: str, participant: ParticipantId = BUYER, zone: str = ZONE) -> str:
    name = f"{participant.dns_name(zone)}."
    server.records[name] = list(records or (RECORD,))
    return name


@pytest.mark.parametrize(("value", "label"), VECTORS.items())
def test_the_published_vectors_are_found(server: DnsServer, value: str, label: str) -> None:
    name = f"{label}.iso6523-actorid-upis.{ZONE}."
    server.records[name] = [RECORD]
    place = lookup(server).find(ParticipantId.of(value))
    assert place.url == "https://smp.example.org"
    assert server.questions == [("udp", name)]
    assert place.resolver == server.address


def test_an_alias_to_another_zone_is_followed(server: DnsServer) -> None:
    """As the zones of the operator were renamed."""
    goal = register(server, zone=OTHER_ZONE)
    server.aliases[f"{BUYER.dns_name(ZONE)}."] = goal
    assert lookup(server).find(BUYER).url == "https://smp.example.org"


def test_a_long_answer_comes_over_tcp(server: DnsServer) -> None:
    name = register(server)
    server.truncated = True
    assert lookup(server).find(BUYER).url == "https://smp.example.org"
    assert server.questions == [("udp", name), ("tcp", name)]


def test_zones_are_asked_in_order(server: DnsServer) -> None:
    """While participants move from one zone to another, both can be named."""
    register(server, zone=OTHER_ZONE)
    with pytest.raises(RouteError):
        lookup(server, zones=(ZONE,)).find(BUYER)
    assert lookup(server, zones=(ZONE, OTHER_ZONE)).find(BUYER).url == "https://smp.example.org"
    register(server, RECORD.replace("smp.", "first."))
    assert lookup(server, zones=(ZONE, OTHER_ZONE)).find(BUYER).url == "https://first.example.org"


@pytest.mark.parametrize("records", [(), ('100 10 "U" "E2U+sip" "!.*!sip:a@example.org!" .',)])
def test_not_registered_is_what_the_dns_itself_says(server: DnsServer, records: tuple[str, ...]) -> None:
    """No such name, or no record that fits."""
    if records:
        register(server, *records)
    with pytest.raises(RouteError, match="0088:1234567890123 is not registered in Peppol"):
        lookup(server).find(BUYER)


@pytest.mark.parametrize("code", ["SERVFAIL", "REFUSED", "NOTIMP", "FORMERR"])
def test_a_failing_resolver_is_never_not_registered(server: DnsServer, code: str) -> None:
    server.rcode = dns.rcode.from_text(code)
    with pytest.raises(RemoteUnavailable, match=code):
        lookup(server).find(BUYER)
    with dns_server() as second:
        register(second)
        assert lookup(server, second).find(BUYER).resolver == second.address


@pytest.mark.parametrize("fault", ["silent", "garbled", "gone"])
def test_silence_and_nonsense_are_never_not_registered(server: DnsServer, fault: str) -> None:
    with dns_server() as second:
        register(second)
        if fault == "gone":
            gone = Resolver("127.0.0.1", 1)
            asked = SmpLookup((ZONE,), (gone, *resolvers([second.address])), 0.2)
            alone = SmpLookup((ZONE,), (gone,), 0.2)
        else:
            setattr(server, fault, True)
            asked, alone = lookup(server, second, seconds=0.2), lookup(server, seconds=0.2)
        assert asked.find(BUYER).resolver == second.address
        with pytest.raises(RemoteUnavailable, match="does not answer"):
            alone.find(BUYER)


def test_a_zone_that_is_gone_is_not_a_participant_that_is_gone(server: DnsServer) -> None:
    """After a change of zones nobody is found in the old one, which says nothing about the buyers."""
    with pytest.raises(RemoteUnexpected, match=r"the zone gone\.example does not exist"):
        lookup(server, zones=("gone.example.",)).find(BUYER)
    with pytest.raises(RouteError, match="is not registered"):
        lookup(server, zones=("gone.example", ZONE)).find(BUYER)


def test_the_lowest_order_then_preference_counts(server: DnsServer) -> None:
    register(
        server,
        '200 5 "U" "Meta:SMP" "!.*!https://c.example!" .',
        '100 20 "U" "Meta:SMP" "!.*!https://b.example!" .',
        '100 10 "u" "meta:smp" "!.*!https://a.example/!" .',
        '50 1 "S" "Meta:SMP" "!.*!https://flag.example!" .',
        '50 1 "U" "Meta:Other" "!.*!https://service.example!" .',
    )
    assert lookup(server).find(BUYER).url == "https://a.example"


def records(rule: str) -> list[NAPTR]:
    escaped = rule.replace("\\", "\\\\").replace('"', '\\"')
    rows = dns.rrset.from_text("x.", 60, "IN", "NAPTR", f'1 1 "U" "Meta:SMP" "{escaped}" .')
    return [row for row in rows if isinstance(row, NAPTR)]


@pytest.mark.parametrize(
    ("rule", "url"),
    [
        ("!.*!https://smp.example.org/path/!", "https://smp.example.org/path"),
        ("!^.*$!https://smp.example.org!", "https://smp.example.org"),
        ("/.*/https:\\/\\/smp.example.org/", "https://smp.example.org"),
        ("!^([a-z0-9]+)\\..*$!https://smp.example.org/\\1!", "https://smp.example.org/label"),
        ("!^LABEL.*$!https://smp.example.org!i", "https://smp.example.org"),
    ],
)
def test_rules_are_applied_to_the_name(rule: str, url: str) -> None:
    assert smp_address(records(rule), "label.zone.example") == url


@pytest.mark.parametrize(
    "rule",
    [
        *("", "!", "!.*!", "!.*!x", "a.*ahttps://smp.example.orga", "!(a*)*b!x!", "!.*.*.*.*!x!"),
        *("!nothing!x!", "!(!x!", "!.*!\\7!", "!(?i).*!x!", "!.*!x!g", "!" + "a" * 200 + "!x!"),
    ],
)
def test_a_rule_that_breaks_the_rules_is_refused(rule: str) -> None:
    """Also one that could keep the machine busy for ever."""
    with pytest.raises(RemoteUnexpected):
        smp_address(records(rule), "label.zone.example")


def test_resolvers_are_addresses() -> None:
    found = resolvers(["192.0.2.53", "192.0.2.53:5353", "[2001:db8::53]:5353", "2001:db8::53"])
    assert [(one.address, one.port) for one in found] == [
        ("192.0.2.53", 53),
        ("192.0.2.53", 5353),
        ("2001:db8::53", 5353),
        ("2001:db8::53", 53),
    ]
    assert [str(one) for one in found][1:3] == ["192.0.2.53:5353", "[2001:db8::53]:5353"]
    for wrong in ("dns.example.com", "192.0.2.1:0", "192.0.2.1:99999", ""):
        with pytest.raises(ConfigError):
            resolvers([wrong])

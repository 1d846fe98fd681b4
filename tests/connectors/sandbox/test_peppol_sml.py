"""The name server of the imitated SML, asked by a real resolver."""

from __future__ import annotations

import dns.exception
import dns.message
import dns.query
import dns.rcode
import dns.resolver
import pytest

from connectors.sandbox.faults import Fault
from connectors.sandbox.peppol.desk import PeppolDesk
from connectors.sandbox.peppol.sml import label_of

BUYER = "0208:1999412696"


@pytest.fixture
def resolver(network: PeppolDesk) -> dns.resolver.Resolver:
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers = ["127.0.0.1"]
    resolver.port = network.sml.port
    resolver.lifetime = 2
    return resolver


def asked(network: PeppolDesk, way: str, timeout: float = 2) -> dns.message.Message:
    query = dns.message.make_query(network.sml.name_of(BUYER), "NAPTR")
    send = dns.query.udp if way == "udp" else dns.query.tcp
    return send(query, "127.0.0.1", port=network.sml.port, timeout=timeout)


@pytest.mark.parametrize(
    ("participant", "label"),
    [
        ("9915:test", "eh5boavaktmbgzyh2a63dz4qov33fvp5nsdvqklucfraayoodw6a"),
        ("0088:123ABC", "y7dzfxaf3d4cjz4kcgrxtec6twvcga4ky7zwa5boif6mswd4tdrq"),
        ("0010:5798000000001", "xukhfqabqziki3ykvr2fhr4snfa3pf5vpq6k4tonv3lmvsy5arvq"),
    ],
)
def test_labels_are_those_of_the_specification(participant: str, label: str) -> None:
    assert label_of(participant) == label


def test_a_registered_participant_is_found_at_its_smp(
    network: PeppolDesk, resolver: dns.resolver.Resolver
) -> None:
    found = list(resolver.resolve(network.sml.name_of(BUYER), "NAPTR"))
    assert [(one.flags, one.service, one.regexp) for one in found] == [
        (b"U", b"Meta:SMP", f"!.*!{network.url}/smp!".encode())
    ]


def test_a_participant_that_nobody_registered_does_not_exist(
    network: PeppolDesk, resolver: dns.resolver.Resolver
) -> None:
    with pytest.raises(dns.resolver.NXDOMAIN):
        resolver.resolve(network.sml.name_of("0208:0000000097"), "NAPTR")
    network.registers.forget(BUYER)
    with pytest.raises(dns.resolver.NXDOMAIN):
        resolver.resolve(network.sml.name_of(BUYER), "NAPTR")


def test_other_zones_are_refused_and_other_types_are_empty(
    network: PeppolDesk, resolver: dns.resolver.Resolver
) -> None:
    query = dns.message.make_query("other.example.", "NAPTR")
    assert dns.query.udp(query, "127.0.0.1", port=network.sml.port, timeout=2).rcode() == dns.rcode.REFUSED
    with pytest.raises(dns.resolver.NoAnswer):
        resolver.resolve(network.sml.name_of(BUYER), "CNAME")


def test_the_zone_itself_is_there(network: PeppolDesk, resolver: dns.resolver.Resolver) -> None:
    """So that a wrong zone can be told from a participant that is not registered."""
    assert len(resolver.resolve(network.sml.zone, "SOA")) == 1
    query = dns.message.make_query(network.sml.name_of("0208:0000000097"), "NAPTR")
    answer = dns.query.udp(query, "127.0.0.1", port=network.sml.port, timeout=2)
    assert [one.name for one in answer.authority] == [network.sml.zone]


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("server-error", dns.rcode.SERVFAIL),
        ("refused", dns.rcode.REFUSED),
        ("nxdomain", dns.rcode.NXDOMAIN),
    ],
)
def test_failures_of_the_name_server_are_played_once(network: PeppolDesk, kind: str, code: int) -> None:
    network.faults.arm(Fault(kind, "dns"))
    assert asked(network, "udp").rcode() == code
    assert asked(network, "udp").rcode() == dns.rcode.NOERROR


def test_no_answer_at_all(network: PeppolDesk) -> None:
    network.faults.arm(Fault("drop-before", "dns udp"))
    with pytest.raises(dns.exception.Timeout):
        asked(network, "udp", timeout=0.3)
    assert len(asked(network, "tcp").answer) == 1


def test_a_cut_answer_is_whole_over_tcp(network: PeppolDesk, resolver: dns.resolver.Resolver) -> None:
    network.faults.arm(Fault("truncated", "dns"))
    assert len(resolver.resolve(network.sml.name_of(BUYER), "NAPTR")) == 1
    assert [way for way, _ in network.sml.queries] == ["udp", "tcp"]


def test_records_that_lead_nowhere(network: PeppolDesk) -> None:
    network.faults.arm(Fault("wrong-records", "dns"))
    (answer,) = asked(network, "udp").answer
    assert not any(one.service == b"Meta:SMP" and one.regexp.startswith(b"!") for one in answer)


def test_noise_is_not_answered(network: PeppolDesk) -> None:
    assert network.sml.answer("udp", b"noise") is None
    assert network.sml.answer("udp", b"") is None

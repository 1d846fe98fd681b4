"""The registers of the imitated network: who is found where, and where each document type is received.

Kept by the SML's name server and two publishers; what is registered holds until the end of the process.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from connectors.sandbox.faults import Faults
from connectors.sandbox.peppol import names
from connectors.sandbox.peppol.buyers import BUYERS, BUYERS_OF_AP3, REDIRECTED, SELLERS, WILDCARD_BUYER
from connectors.sandbox.peppol.pki import Pki, common_name
from connectors.sandbox.peppol.sml import SmlServer
from connectors.sandbox.peppol.smp import Endpoint, Publisher, Service

__all__ = ["SPIS", "Destination", "Registers"]

# The scheme of service provider identifiers.
SPIS: Final = "0242"
_RESPONSES: Final = (
    (names.INVOICE_RESPONSE, names.INVOICE_RESPONSE_PROCESS),
    (names.MLS, names.MLS_PROCESS),
)
_PINT: Final = "Invoice-2::Invoice##urn:peppol:pint:billing-1*::2.1"


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a message goes: the address and the certificate of the receiving access point."""

    url: str
    certificate: x509.Certificate

    @property
    def party(self) -> str:
        """Its seat id."""
        return common_name(self.certificate)


class Registers:
    """SML and SMPs together. `url` is the base address of the imitated network, without a slash at its end;
    `gateway_url` is where our own access point listens."""

    def __init__(
        self,
        url: str,
        pki: Pki,
        sml: SmlServer,
        faults: Faults,
        clock: Callable[[], datetime],
        *,
        gateway_url: str,
    ) -> None:
        self._url = url
        self._sml = sml
        self._lock = threading.RLock()
        second = pki.leaf("smp-two")
        other = f"{url}/smp-two", second.certificate.subject.rfc4514_string()
        self.publishers = {
            "smp": Publisher(pki, pki.leaf("smp"), f"{url}/smp", faults, clock, other=other),
            "smp-two": Publisher(pki, second, other[0], faults, clock, exclusive=True),
        }
        self._destinations = {
            "ap2": Destination(f"{url}/ap2/as4", pki.leaf("ap2").certificate),
            "ap3": Destination(f"{url}/ap3/as4", pki.leaf("ap3").certificate),
            "gateway": Destination(gateway_url, pki.leaf("gateway").certificate),
        }

    def fill(self) -> None:
        """Register the buyers and sellers of the sample world."""
        for buyer in BUYERS:
            self.register(buyer)
        for buyer in BUYERS_OF_AP3:
            self.register(buyer, access_point="ap3")
        self.register(REDIRECTED, redirect=True)
        pint = Service(names.UBL + _PINT, ("urn:peppol:bis:billing",), scheme=names.WILDCARD)
        responses = [Service(one, (process,)) for one, process in _RESPONSES]
        self.register(WILDCARD_BUYER, services=[pint, *responses])
        for seller in SELLERS:
            self.register(seller, access_point="gateway")
        for name, place in self._destinations.items():
            status = Service(names.MLS, (names.MLS_PROCESS,))
            self.register(f"{SPIS}:{place.party[3:]}", access_point=name, services=[status])

    def register(
        self,
        participant: str,
        *,
        access_point: str = "ap2",
        services: Sequence[Service] = (),
        smp: str = "smp",
        redirect: bool = False,
    ) -> None:
        """Let a participant be found, and received by one of our access points.

        `access_point` is "ap2", "ap3" or "gateway"; without `services` all kinds of invoices, Invoice
        Response and MLS are taken; services without an endpoint get that of the access point. `redirect` puts
        only a redirect into the first SMP, and the rest into the second.
        """
        place = self._destinations[access_point]
        endpoint = Endpoint(place.url, place.certificate.public_bytes(serialization.Encoding.DER))
        wanted = tuple(services) or tuple(
            Service(document_type, (process,)) for document_type, process in (*names.INVOICES, *_RESPONSES)
        )
        full = [one if one.endpoints else replace(one, endpoints=(endpoint,)) for one in wanted]
        if redirect:
            self.publishers["smp-two"].register(participant, full)
            full = [replace(one, endpoints=(), redirect=True) for one in full]
        self.publishers[smp].register(participant, full)
        self._sml.register(participant, self.publishers[smp].base_url)

    def forget(self, participant: str) -> None:
        """The participant is in no SML and no SMP any more."""
        self._sml.forget(participant)
        for publisher in self.publishers.values():
            publisher.forget(participant)

    def gateway(
        self, url: str = "", *, certificate: x509.Certificate | None = None, participants: Iterable[str] = ()
    ) -> None:
        """Where our own access point listens and which certificate it publishes; what is not given stays.

        All participants that it receives for are published anew, and `participants` besides.
        """
        with self._lock:
            former = self._destinations["gateway"]
            self._destinations["gateway"] = Destination(url or former.url, certificate or former.certificate)
            for publisher in self.publishers.values():
                for one in publisher.participants():
                    moved = [
                        replace(service, endpoints=())
                        for service in publisher.services(one)
                        if any(endpoint.url == former.url for endpoint in service.endpoints)
                    ]
                    if moved:
                        self.register(one, access_point="gateway", services=moved)
            for one in participants:
                self.register(one, access_point="gateway")

    def route(self, participant: str, document_type: str) -> Destination | None:
        """Where the registers say that a document type of a participant is received."""
        for publisher in self.publishers.values():
            for service in publisher.services(participant):
                if service.covers(document_type) and service.endpoints:
                    first = service.endpoints[0]
                    return Destination(first.url, x509.load_der_x509_certificate(first.certificate))
        return None

    def destination(self, name: str) -> Destination:
        """The access point "ap2", "ap3" or "gateway" itself."""
        return self._destinations[name]

    def serves(self, access_point: str) -> Callable[[str, str, str], bool]:
        """Whether this access point receives a document type and process of a participant."""
        url = self._destinations[access_point].url

        def serves(participant: str, document_type: str, process: str) -> bool:
            return any(
                endpoint.url == url and process in service.processes and service.covers(document_type)
                for publisher in self.publishers.values()
                for service in publisher.services(participant)
                for endpoint in service.endpoints
            )

        return serves

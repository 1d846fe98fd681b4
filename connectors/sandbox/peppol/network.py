"""The imitated Peppol network in one system: SML, two SMPs, two access points, CRL and OCSP, buyers who
answer.

HTTP on the first port:

    /smp, /smp-two         the publishers
    /ap2/as4, /ap3/as4     the access points POP000002 and POP000003
    /crl/<name>, /ocsp     revocation
    /control/...           what arrived, and what it is to do (see `desk.py`)

DNS on the second port, UDP and TCP. Our own access point, POP000001, is registered for the sellers of the
sample configuration at `gateway_url`. Faults: see `sml.py`, `smp.py`, `access_point.py`; on CRL and OCSP
those of every web server.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from connectors.sandbox.faults import Faults
from connectors.sandbox.http_server import Reply, Request, SandboxHttpServer, text_reply
from connectors.sandbox.peppol import documents, names
from connectors.sandbox.peppol.access_point import AccessPoint, Arrival
from connectors.sandbox.peppol.agenda import Agenda
from connectors.sandbox.peppol.buyers import BEHAVIOURS, Response
from connectors.sandbox.peppol.documents import Finding
from connectors.sandbox.peppol.outgoing import ATTEMPTS, Outgoing
from connectors.sandbox.peppol.pki import CRL_NAMES, Pki
from connectors.sandbox.peppol.refusal import Refusal
from connectors.sandbox.peppol.registers import Registers
from connectors.sandbox.peppol.sml import SmlServer
from connectors.sandbox.peppol.smp import Publisher

__all__ = ["GATEWAY_URL", "ImitatedPeppol", "MlsPlan"]

GATEWAY_URL: Final = "http://127.0.0.1:8080/as4"
_LARGEST: Final = 256 * 1024 * 1024
_RESPONSES: Final = frozenset({names.MLS, names.INVOICE_RESPONSE})
_INVOICES: Final = frozenset(document_type for document_type, _ in names.INVOICES)


@dataclass(frozen=True, slots=True)
class MlsPlan:
    """How corner 3 answers envelopes: after `delay` seconds with `code` (AP or AB); `findings` make it RE.

    `duty` is "profile" (as the network policy has it: on request, and always when refused), "always" or
    "never".
    """

    delay: float = 0.2
    code: str = "AP"
    findings: tuple[Finding, ...] = ()
    duty: str = "profile"


class ImitatedPeppol:
    """The network on `port` (HTTP) and `port` + 1 (DNS); 0 for any free ones.

    `clock` gives the aware UTC time. `registers`, `access_points` and `outgoing` are there from the first
    start on, and keep what they hold through a stop.
    """

    name = "peppol"
    registers: Registers
    outgoing: Outgoing

    def __init__(
        self,
        port: int = 47090,
        *,
        clock: Callable[[], datetime] | None = None,
        gateway_url: str = GATEWAY_URL,
    ) -> None:
        self.faults = Faults()
        self._clock = clock or _now
        self._lock = threading.Lock()
        self._gateway_url = gateway_url
        self._http = SandboxHttpServer(port, self.faults, largest=_LARGEST)
        self.sml = SmlServer(port + 1 if port else 0, self.faults)
        self._agenda = Agenda("sandbox-peppol-agenda")
        self._pki: Pki | None = None
        self._behaviours: dict[str, tuple[Response, ...]] = {}
        self.mls_plan = MlsPlan()
        self.access_points: dict[str, AccessPoint] = {}
        self._route()

    @property
    def port(self) -> int:
        return self._http.port

    @property
    def url(self) -> str:
        return self._http.url

    @property
    def pki(self) -> Pki:
        """Authorities and certificates. The address of their revocation lists is known once it listens, and
        certificates made before are others on a port that was left to chance."""
        with self._lock:
            if self._pki is None or self._pki.base_url != self.url:
                self._pki = Pki(self.url, self._clock)
            return self._pki

    def start(self) -> None:
        if self.port:
            self._found()
        self._http.start()
        self._found()
        try:
            self.sml.start()
        except OSError:
            self._http.stop()
            raise
        self._agenda.start()

    def stop(self) -> None:
        self._agenda.stop()
        self._http.stop()
        self.sml.stop()

    def addresses(self) -> Mapping[str, str]:
        return {
            "dns": f"127.0.0.1:{self.sml.port}",
            "smp": f"{self.url}/smp",
            "smp-two": f"{self.url}/smp-two",
            "as4": f"{self.url}/ap2/as4",
            "as4-two": f"{self.url}/ap3/as4",
            "control": f"{self.url}/control",
        }

    def secrets(self) -> Mapping[str, str]:
        return self.pki.files()

    def mend(self) -> list[str]:
        """Nothing is seeded wrong here."""
        return []

    def holdings(self) -> Mapping[str, object]:
        """What arrived at the access points, what they refused, what came again, and what was sent from
        here."""
        points = tuple(self.access_points.values())
        return {
            "arrived": [one.described() for one in self.arrivals()],
            "counts": {point.name: point.count for point in points},
            "refused": [
                {"access_point": point.name, "code": code, "detail": detail, "message_id": message_id}
                for point in points
                for code, detail, message_id in tuple(point.refused)
            ],
            "repeated": [message_id for point in points for message_id in tuple(point.repeated)],
            "pings": [message_id for point in points for message_id in tuple(point.pings)],
            "sent": [one.described() for one in tuple(self.outgoing.sent)] if points else [],
        }

    def arrivals(self) -> tuple[Arrival, ...]:
        """The newest arrivals of all access points, in order of time."""
        found = [one for point in self.access_points.values() for one in tuple(point.arrivals)]
        return tuple(sorted(found, key=lambda one: one.at))

    def idle(self, timeout: float = 10.0) -> bool:
        """Wait until buyers and access points have answered all there is; False when `timeout` seconds have
        passed before."""
        return self._agenda.idle(timeout)

    @property
    def failures(self) -> list[str]:
        """Tracebacks of what broke inside; a test can insist on none."""
        return [*self._http.failures, *self._agenda.failures]

    def behave(self, participant: str, responses: str | Sequence[Response]) -> None:
        """How a buyer answers invoices: a name of `BEHAVIOURS`, or the responses themselves; participant ""
        for all buyers without a behaviour of their own. At first all are silent."""
        chosen = BEHAVIOURS[responses] if isinstance(responses, str) else tuple(responses)
        with self._lock:
            self._behaviours[participant.lower()] = chosen

    def route(self, method: str, pattern: str, answer: Callable[[Request], Reply]) -> None:
        """Serve further paths, as `SandboxHttpServer.route`."""
        self._http.route(method, pattern, answer)

    def _taken(self, arrival: Arrival) -> None:
        """An access point has taken a document: the status that is due, and the buyer's answers."""
        envelope, plan = arrival.envelope, self.mls_plan
        if envelope.document_type in _RESPONSES:
            return
        findings = plan.findings
        readable = True
        try:
            documents.read(arrival.payload)
        except Refusal as refusal:
            readable = False
            if envelope.document_type in _INVOICES:
                findings = (*findings, Finding("SV", refusal.detail, "/"))
        due = findings or envelope.mls_type == "ALWAYS_SEND"
        if plan.duty == "always" or (plan.duty == "profile" and due):
            code = "RE" if findings else plan.code
            self._agenda.add(
                plan.delay, lambda: self.outgoing.send_mls(arrival, code, findings, attempts=ATTEMPTS)
            )
        if readable and not findings:
            with self._lock:
                silent = self._behaviours.get("", ())
                responses = self._behaviours.get(envelope.receiver.lower(), silent)
            for response in responses:
                self._agenda.add(response.after, self._response(arrival, response))

    def _response(self, arrival: Arrival, response: Response) -> Callable[[], object]:
        return lambda: self.outgoing.respond(arrival, response, attempts=ATTEMPTS)

    def _found(self) -> None:
        """Everything that needs the address; does nothing where it is there."""
        if self.access_points:
            return
        pki = self.pki
        self.registers = Registers(
            self.url, pki, self.sml, self.faults, self._clock, gateway_url=self._gateway_url
        )
        # The second one does what other stacks do: errors as HTTP 500, repeated messages refused.
        for name, status, repeats in (("ap2", 200, "receipt"), ("ap3", 500, "refuse")):
            self.access_points[name] = AccessPoint(
                name,
                pki.leaf(name),
                pki,
                self.faults,
                self._clock,
                serves=self.registers.serves(name),
                taken=self._taken,
                error_status=status,
                repeats=repeats,
            )
        self.outgoing = Outgoing(self.registers, self.access_points, self._agenda, self._clock)
        self.registers.fill()

    def _route(self) -> None:
        for name in ("smp", "smp-two"):
            self.route("GET", f"/{name}/([^/]+)", self._of_publisher(name, Publisher.group))
            self.route(
                "GET", f"/{name}/([^/]+)/services/([^/]+)", self._of_publisher(name, Publisher.metadata)
            )
        for name in ("ap2", "ap3"):
            self.route("POST", f"/{name}/as4", self._of_access_point(name))
        self.route("GET", r"/crl/([A-Za-z0-9-]+\.crl)", self._crl)
        self.route("POST", "/ocsp", self._ocsp)

    def _of_publisher(
        self, name: str, answer: Callable[[Publisher, Request], Reply]
    ) -> Callable[[Request], Reply]:
        return lambda request: answer(self.registers.publishers[name], request)

    def _of_access_point(self, name: str) -> Callable[[Request], Reply]:
        return lambda request: self.access_points[name].receive(request)

    def _crl(self, request: Request) -> Reply:
        for label, name in CRL_NAMES.items():
            if name == request.match[1]:
                return Reply(200, self.pki.crl(label), "application/pkix-crl")
        return text_reply("no such list", 404)

    def _ocsp(self, request: Request) -> Reply:
        return Reply(200, self.pki.ocsp(request.body), "application/ocsp-response")


def _now() -> datetime:
    return datetime.now(UTC)

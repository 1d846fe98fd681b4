"""The testbed: plays good and bad messages against an access point and says of each whether it did as it
must.

From a shell, against the gateway of the sample configuration (the sandbox must run, for its revocation
lists):

    python -m connectors.sandbox.peppol.testbed http://127.0.0.1:8080/as4

or by the control address of the sandbox: POST /control/testbed {"url": "..."}.
"""

from __future__ import annotations

import argparse
import sys
import uuid
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from cryptography import x509

from connectors.sandbox.peppol import documents, names
from connectors.sandbox.peppol.access_point import post
from connectors.sandbox.peppol.cases import CASES, FORMER, Case, Plan
from connectors.sandbox.peppol.documents import Person
from connectors.sandbox.peppol.envelope import Envelope, wrap
from connectors.sandbox.peppol.pki import Pki, common_name
from connectors.sandbox.peppol.seal import Attachment, Header, Sealed, new_message_id, seal
from connectors.sandbox.peppol.signals import Answer, read

__all__ = ["CaseResult", "Testbed", "main"]

_SELLER: Final = Person("0208:1999412696", "Testbed seller", "BE", "BE1999412696")
_SANDBOX: Final = "http://127.0.0.1:47090"
_TIMEOUT: Final = 60.0


@dataclass(frozen=True, slots=True)
class CaseResult:
    """What became of one case: `expected` and `seen` in words."""

    name: str
    title: str
    passed: bool
    expected: str
    seen: str

    def described(self) -> dict[str, object]:
        return {
            "case": self.name,
            "title": self.title,
            "passed": self.passed,
            "expected": self.expected,
            "seen": self.seen,
        }


@dataclass(frozen=True, slots=True)
class _Played:
    answers: tuple[Answer, ...]
    instance_id: str
    other_id: str = ""


class Testbed:
    """Plays cases against the access point at `url` with the certificate `receiver`.

    Messages go from POP000002 to the participant `recipient`, which must be served there for BIS Billing
    invoices. `delivered` tells the InstanceIdentifiers of what was delivered there, if that can be seen; then
    it is also checked that exactly what was taken was delivered. `former` is the certificate that it had
    before, where messages encrypted for that one are still to be opened.
    """

    __test__ = False  # not a test class, whatever its name

    def __init__(
        self,
        url: str,
        receiver: x509.Certificate,
        pki: Pki,
        *,
        recipient: str = "0208:1999307184",
        delivered: Callable[[], Collection[str]] | None = None,
        former: x509.Certificate | None = None,
        clock: Callable[[], datetime] | None = None,
    ) -> None:
        self._url = url
        self._receiver = receiver
        self._pki = pki
        self._recipient = recipient
        self._delivered = delivered
        self._former = former
        self._clock = clock or (lambda: datetime.now(UTC))

    def run(self, only: Iterable[str] = ()) -> Iterator[CaseResult]:
        """Play all cases, or those of these names, one after the other."""
        wanted = frozenset(only)
        for case in CASES if self._former is None else (*CASES, FORMER):
            if not wanted or case.name in wanted:
                yield self.play(case)

    def play(self, case: Case) -> CaseResult:
        """Play one case."""
        played = self._play(case.plan)
        last = played.answers[-1]
        seen = last.described()
        if case.codes:
            passed, expected = self._refused(case, last)
        elif case.plan.again:
            first = played.answers[0]
            passed = first.good and last.good and first.body == last.body
            expected = "the first receipt again"
            if last.good and first.body != last.body:
                seen = "another receipt"
        else:
            passed, expected = last.good, "a receipt"
        if self._delivered is not None:
            delivered = self._delivered()
            arrived = played.instance_id in delivered
            meant = not case.plan.bare and (not case.codes or case.plan.again == "other")
            if played.other_id and played.other_id in delivered:
                passed, seen = False, f"{seen}, and the second document was delivered"
            if arrived != meant:
                passed, seen = False, f"{seen}, and the document was {'' if arrived else 'not '}delivered"
        return CaseResult(case.name, case.title, passed, expected, seen)

    @staticmethod
    def _refused(case: Case, answer: Answer) -> tuple[bool, str]:
        expected = f"refused with {' or '.join(sorted(case.codes))}"
        if case.detail:
            expected += f" and {case.detail}"
        if case.plainly:
            expected += ", or an HTTP status from 400 on"
        if answer.kind == "error":
            right = set(answer.codes) <= case.codes
            return right and all(one.startswith(case.detail) for one in answer.details), expected
        return case.plainly and answer.kind == "nothing" and answer.status >= 400, expected

    def _play(self, plan: Plan) -> _Played:
        envelope = self._envelope()
        if plan.envelope is not None:
            envelope = plan.envelope(envelope)
        message_id = new_message_id()
        first = self._message(plan, envelope, message_id)
        if not plan.again:
            return _Played((self._send(first, message_id, plan),), envelope.instance_id)
        other = self._envelope()
        second = first if plan.again == "same" else self._message(plan, other, message_id)
        answers = tuple(self._send(one, message_id, plan) for one in (first, second))
        return _Played(answers, envelope.instance_id, "" if second is first else other.instance_id)

    def _envelope(self) -> Envelope:
        return Envelope(
            sender=_SELLER.participant,
            receiver=self._recipient,
            instance_id=str(uuid.uuid4()),
            document_type=names.INVOICE,
            process=names.BILLING,
            country=_SELLER.country,
            created=self._clock().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        )

    def _message(self, plan: Plan, envelope: Envelope, message_id: str) -> Sealed:
        buyer = Person(self._recipient, "Testbed buyer")
        invoice = documents.invoice(
            f"TB-{uuid.uuid4().hex[:8]}", _SELLER, buyer, issued=self._clock().astimezone(UTC).date()
        )
        document = wrap(envelope, invoice)
        if plan.document is not None:
            document = plan.document(document)
        signer = self._pki.leaf(plan.signer or "ap2")
        header = Header(
            message_id,
            plan.from_party or signer.common_name,
            common_name(self._receiver),
            envelope.document_type,
            envelope.process,
            envelope.sender,
            envelope.receiver,
            self._clock(),
        )
        sent = Attachment(f"{uuid.uuid4()}@sandbox.example", plan.pack(document), plan.media_type)
        attachments: Sequence[Attachment] = () if plan.bare else (sent,)
        signed: Sequence[Attachment] | None = None
        if plan.signed_as is not None:
            signed = (replace(sent, content=plan.signed_as(document)),)
        elif not plan.attachment_signed:
            signed = ()
        receiver = self._receiver
        if plan.encrypted_for == "former" and self._former is not None:
            receiver = self._former
        elif plan.encrypted_for:
            receiver = self._pki.leaf(plan.encrypted_for).certificate
        sealed = seal(
            header.user_message(attachments),
            signer if plan.sign else None,
            attachments=attachments,
            receiver=receiver if plan.encrypt else None,
            suite=plan.suite,
            before=plan.before,
            after=plan.after,
            signed=signed,
        )
        return sealed if plan.wire is None else plan.wire(sealed)

    def _send(self, sealed: Sealed, message_id: str, plan: Plan) -> Answer:
        status, kind, body = post(
            self._url, sealed.content_type, sealed.body, chunked=plan.chunked, timeout=_TIMEOUT
        )
        return read(
            status,
            kind,
            body,
            message_id=message_id,
            references=sealed.references,
            party=common_name(self._receiver),
            problem=self._pki.problem,
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Play the cases from a shell; the exit status is 1 where one failed, 2 for wrong arguments."""
    parser = argparse.ArgumentParser(
        prog="python -m connectors.sandbox.peppol.testbed",
        description="Play good and bad Peppol AS4 messages against an access point of the offline world.",
    )
    parser.add_argument("url", help="the address it receives at")
    parser.add_argument(
        "--receiver", default="gateway", help="whose certificate it has: gateway, ap2, ap3 ..."
    )
    parser.add_argument("--recipient", default="0208:1999307184", help="a participant that is served there")
    parser.add_argument("--sandbox", default=_SANDBOX, help="where the imitated network listens")
    parser.add_argument("--only", nargs="*", default=(), help="names of cases")
    chosen = parser.parse_args(arguments)
    pki = Pki(chosen.sandbox)
    bed = Testbed(chosen.url, pki.leaf(chosen.receiver).certificate, pki, recipient=chosen.recipient)
    failed = 0
    for result in bed.run(chosen.only):
        failed += not result.passed
        mark = "ok  " if result.passed else "FAIL"
        line = f"{mark} {result.name:26} {result.title}\n"
        if not result.passed:
            line += f"     expected {result.expected}; seen: {result.seen}\n"
        sys.stdout.write(line)
        sys.stdout.flush()
    sys.stdout.write(f"{failed} of the cases failed\n" if failed else "all as it must be\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

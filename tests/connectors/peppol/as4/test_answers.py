"""What is answered to a message, what an answer means to the sender, and that nothing is delivered twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.channels.peppol.as4 import (
    As4Problem,
    Concern,
    Outcome,
    PreparedMessage,
    ReceivedMessage,
    Receiver,
    Rules,
    Verdict,
    judge,
    names,
)
from connectors.channels.peppol.as4.problems import BY_CODE, OTHER, EbmsError
from connectors.channels.peppol.as4.signals import error_signal, receipt_signal
from connectors.channels.peppol.as4.verdicts import TABLE
from formats.errors import StorageError
from tests.connectors.peppol.as4.world import NOW, Network, key_of
from tests.connectors.peppol.authorities import World


def judged(
    network: Network, prepared: PreparedMessage, content: bytes, status: int = 200, kind: str = ""
) -> Outcome:
    return judge(prepared.sent, status, kind, content, trust=network.trust, at=NOW)


def signal(network: Network, error: EbmsError, what: str = "words", detail: str = "") -> bytes:
    return error_signal(
        As4Problem(error, what, detail=detail),
        ref_to="m-1@a.example",
        key=network.b,
        at=NOW,
        message_id="e@b.example",
    )


def test_a_message_is_stored_before_it_is_acknowledged(network: Network) -> None:
    class Full:
        def take(self, message: ReceivedMessage, receipt: bytes, /) -> bytes:
            raise StorageError("the disk is full", where="inbox", fix="make room")

    prepared = network.prepare()
    receiver = Receiver(
        keys=lambda: network.keys,
        trust=network.trust,
        inbox=Full(),
        folder=network.folder,
        clock=lambda: NOW,
        new_id=lambda: "r@b.example",
    )
    answer = receiver.answer(prepared.content_type, prepared.chunks())
    assert b"Receipt" not in answer.content
    outcome = network.judge(prepared, answer)
    assert (outcome.verdict, outcome.code, outcome.uncertain) == (Verdict.RETRY, "EBMS:0202", True)
    assert "disk" not in outcome.what


def test_a_repetition_gets_the_stored_receipt_and_is_not_delivered_again(network: Network) -> None:
    prepared = network.prepare(b"<one/>")
    first, second = network.answer(prepared), network.answer(prepared)
    assert first.content == second.content
    assert network.judge(prepared, second).verdict is Verdict.DELIVERED
    assert network.inbox.payloads == [b"<one/>"]


def test_a_repetition_with_a_new_header_gets_a_receipt_that_fits_it(network: Network) -> None:
    """Some senders write the time anew on each attempt."""
    network.answer(network.prepare(b"<one/>"))
    again = network.prepare(b"<one/>", sent_at=NOW.replace(hour=9))
    assert network.judge(again, network.answer(again)).verdict is Verdict.DELIVERED
    assert network.inbox.payloads == [b"<one/>"]


def test_another_message_under_a_known_id_is_refused(network: Network) -> None:
    network.answer(network.prepare(b"<one/>"))
    answer = network.answer(network.prepare(b"<two/>"))
    assert answer.problem is not None
    assert answer.problem.error.code == "EBMS:4001"
    assert network.inbox.payloads == [b"<one/>"]


def test_a_receiver_that_is_not_serviced_is_named_so(network: Network) -> None:
    """With the fixed text of the network, and the sender looks for another way."""

    def nobody(_message: ReceivedMessage) -> None:
        raise As4Problem(OTHER, "the receiver is not serviced here", detail=names.NOT_SERVICED)

    network.rules = Rules(check=nobody)
    prepared = network.prepare()
    answer = network.answer(prepared)
    assert b"<eb:ErrorDetail>PEPPOL:NOT_SERVICED</eb:ErrorDetail>" in answer.content
    outcome = network.judge(prepared, answer)
    assert (outcome.verdict, outcome.concern, outcome.refresh) == (Verdict.GIVE_UP, Concern.ROUTE, True)
    assert network.inbox.payloads == []
    assert not list(network.folder.iterdir())


def test_errors_are_signed_and_refer_to_the_message(network: Network) -> None:
    prepared = network.prepare(receiver="0088:1")
    network.rules = Rules(check=lambda _message: (_ for _ in ()).throw(As4Problem(OTHER, "a <b> & c")))
    answer = network.answer(prepared)
    assert (answer.status, answer.message_id) == (200, "m-1@a.example")
    assert b'refToMessageInError="m-1@a.example"' in answer.content
    assert b"a &lt;b&gt; &amp; c" in answer.content
    outcome = network.judge(prepared, answer)
    assert "a <b> & c" in outcome.what


@pytest.mark.parametrize(
    ("kind", "body"),
    [("text/plain", b"hello"), ("application/soap+xml", b"<a/>"), ("application/soap+xml", b"\xff\xfe")],
)
def test_what_is_no_message_is_answered_400_with_a_signed_error(
    network: Network, kind: str, body: bytes
) -> None:
    answer = network.receiver().answer(kind, [body])
    assert (answer.status, answer.message_id) == (400, "")
    assert b"EBMS:00" in answer.content
    assert b"<ds:SignatureValue>" in answer.content


def test_a_server_that_awaits_its_body_answers_the_same(network: Network) -> None:
    prepared = network.prepare(b"<one/>")

    async def pieces() -> AsyncIterator[bytes]:
        for piece in prepared.chunks():
            yield piece

    receiver = network.receiver()
    request = asyncio.run(receiver.spool(prepared.content_type, pieces()))
    assert network.judge(prepared, receiver.answer_spooled(request)).verdict is Verdict.DELIVERED


def test_every_error_of_the_table_has_a_verdict() -> None:
    assert set(TABLE) == set(BY_CODE)


@pytest.mark.parametrize(
    ("code", "verdict"),
    [
        ("EBMS:0001", Verdict.GIVE_UP),
        ("EBMS:0003", Verdict.GIVE_UP),
        ("EBMS:0004", Verdict.GIVE_UP),
        ("EBMS:0009", Verdict.GIVE_UP),
        ("EBMS:0010", Verdict.GIVE_UP),
        ("EBMS:0101", Verdict.GIVE_UP),
        ("EBMS:0102", Verdict.REFRESH),
        ("EBMS:0103", Verdict.GIVE_UP),
        ("EBMS:0202", Verdict.RETRY),
        ("EBMS:0303", Verdict.GIVE_UP),
        ("EBMS:4001", Verdict.ALREADY_THERE),
        ("EBMS:9999", Verdict.GIVE_UP),
    ],
)
@pytest.mark.parametrize("status", [200, 400, 500])
def test_an_error_counts_whatever_the_http_status(
    network: Network, code: str, verdict: Verdict, status: int
) -> None:
    prepared = network.prepare()
    error = BY_CODE.get(code, EbmsError(code, "New", "Content"))
    outcome = judged(network, prepared, signal(network, error), status)
    assert (outcome.verdict, outcome.code, outcome.status) == (verdict, code, status)


def test_an_error_that_nobody_signed_is_read_all_the_same(network: Network) -> None:
    prepared = network.prepare()
    content = signal(network, BY_CODE["EBMS:0102"])
    bare = content[: content.index(b"<wsse:BinarySec")] + content[content.index(b"</wsse:Security>") :]
    assert judged(network, prepared, bare, 500).verdict is Verdict.REFRESH


def test_words_after_not_serviced_do_not_hide_it(network: Network) -> None:
    content = signal(network, OTHER, detail=" PEPPOL:NOT_SERVICED (no such receiver)")
    assert judged(network, network.prepare(), content).concern is Concern.ROUTE


def test_a_repetition_that_phase4_refuses_in_words_has_arrived(network: Network) -> None:
    """Before 4.5.0 it had no code of its own for that."""
    detail = "Not invoking SPIs, because 'm-1@a.example' was already handled (this is a duplicate)"
    outcome = judged(network, network.prepare(), signal(network, OTHER, detail=detail))
    assert (outcome.verdict, outcome.concern) == (Verdict.ALREADY_THERE, Concern.NONE)


def test_a_duplicate_beside_another_error_is_no_arrival(network: Network) -> None:
    """Whatever the order: what else went wrong decides."""
    prepared = network.prepare()
    one = signal(network, BY_CODE["EBMS:4001"])
    start, end = one.index(b"<eb:Error "), one.index(b"</eb:Error>") + len(b"</eb:Error>")
    other = one[start:end].replace(b"EBMS:4001", b"EBMS:0202")
    for errors in (one[start:end] + other, other + one[start:end]):
        outcome = judged(network, prepared, one[:start] + errors + one[end:])
        assert (outcome.verdict, outcome.code, outcome.refused) == (Verdict.RETRY, "EBMS:0202", True)


def test_a_certificate_that_phase4_does_not_trust_is_ours_to_mend(network: Network) -> None:
    """It answers that with the error of a failed decryption, after which others would be looked up again."""
    detail = "WSSecurityException - Error during certificate path validation: No trusted certs found"
    content = signal(network, BY_CODE["EBMS:0102"], detail=detail)
    outcome = judged(network, network.prepare(), content)
    assert (outcome.verdict, outcome.concern) == (Verdict.GIVE_UP, Concern.PRECONDITION)
    assert not outcome.refresh


def test_a_warning_is_neither_a_receipt_nor_a_refusal(network: Network) -> None:
    outcome = judged(network, network.prepare(), signal(network, BY_CODE["EBMS:0002"]))
    assert (outcome.verdict, outcome.code) == (Verdict.RETRY, "EBMS:0301")


@pytest.mark.parametrize(
    ("status", "verdict", "uncertain"),
    [
        (200, Verdict.RETRY, True),
        (204, Verdict.RETRY, True),
        (302, Verdict.REFRESH, False),
        (400, Verdict.GIVE_UP, False),
        (403, Verdict.RETRY, False),
        (404, Verdict.REFRESH, False),
        (413, Verdict.GIVE_UP, False),
        (429, Verdict.RETRY, False),
        (500, Verdict.RETRY, True),
        (502, Verdict.RETRY, True),
        (503, Verdict.RETRY, True),
    ],
)
@pytest.mark.parametrize("content", [b"", b"<html><body>Bad gateway</body></html>", b"--x\r\n"])
def test_what_is_no_ebms_message_is_judged_by_its_status(
    network: Network, status: int, verdict: Verdict, uncertain: bool, content: bytes
) -> None:
    outcome = judged(network, network.prepare(), content, status, "multipart/related")
    assert (outcome.verdict, outcome.uncertain) == (verdict, uncertain)


@pytest.mark.parametrize(("code", "verdict"), [("Sender", Verdict.GIVE_UP), ("Receiver", Verdict.RETRY)])
def test_soap_faults_say_whose_fault_it_is(network: Network, code: str, verdict: Verdict) -> None:
    fault = (
        f'<s:Envelope xmlns:s="{names.S12}"><s:Body><s:Fault><s:Code><s:Value>s:{code}</s:Value></s:Code>'
        "<s:Reason><s:Text>because</s:Text></s:Reason></s:Fault></s:Body></s:Envelope>"
    )
    outcome = judged(network, network.prepare(), fault.encode(), 500)
    assert outcome.verdict is verdict
    assert "because" in outcome.what


def test_a_receipt_wrapped_in_mime_is_read(network: Network) -> None:
    prepared = network.prepare()
    receipt = network.answer(prepared).content
    body = b"--x\r\nContent-Type: application/soap+xml\r\n\r\n" + receipt + b"\r\n--x--"
    outcome = judged(network, prepared, body, 200, 'multipart/related; boundary="x"')
    assert outcome.verdict is Verdict.DELIVERED


def altered_digest(content: bytes) -> bytes:
    start = content.index(b"<ebbp:")
    place = content.index(b"<ds:DigestValue>", start) + 20
    return content[:place] + (b"A" if content[place : place + 1] != b"A" else b"B") + content[place + 1 :]


@pytest.mark.parametrize(
    "change",
    [
        altered_digest,
        lambda content: content.replace(b"RefToMessageId>m-1", b"RefToMessageId>m-2"),
        lambda content: content.replace(b"<eb:SignalMessage>", b'<eb:SignalMessage xmlns:x="none/absolute">'),
        lambda content: content.replace(b"<ds:SignatureValue>", b"<ds:SignatureValue>AAAA"),
        lambda content: (
            content[: content.index(b"<wsse:Bin")] + content[content.index(b"</wsse:Security>") :]
        ),
    ],
)
def test_a_receipt_that_was_changed_does_not_count(
    network: Network, change: Callable[[bytes], bytes]
) -> None:
    prepared = network.prepare()
    outcome = judged(network, prepared, change(network.answer(prepared).content))
    assert (outcome.verdict, outcome.code, outcome.receipt) == (Verdict.RETRY, "EBMS:0302", None)
    assert outcome.uncertain


def receipt_by(network: Network, signer: object, prepared: PreparedMessage, leave_out: int = 0) -> bytes:
    references = prepared.sent.references[leave_out:]
    return receipt_signal(
        references,
        ref_to=prepared.message_id,
        key=signer,  # type: ignore[arg-type]  # a key
        at=NOW,
        message_id="r@b.example",
    )


def test_a_receipt_by_somebody_else_does_not_count(network: Network, peppol_world: World) -> None:
    prepared = network.prepare()
    good = judged(network, prepared, receipt_by(network, network.b, prepared))
    assert good.receipt is not None
    assert (good.receipt.message_id, good.receipt.at) == ("r@b.example", NOW)
    other = key_of(peppol_world.access_points.issue("POP000003"))
    assert "another access point" in judged(network, prepared, receipt_by(network, other, prepared)).what
    stranger = key_of(World.made(stage="").access_points.issue("POP000002", label="stranger"))
    assert "not trusted" in judged(network, prepared, receipt_by(network, stranger, prepared)).what


def test_a_receipt_that_leaves_out_a_part_does_not_count(network: Network) -> None:
    prepared = network.prepare()
    outcome = judged(network, prepared, receipt_by(network, network.b, prepared, leave_out=1))
    assert "leaves out" in outcome.what


def test_a_receipt_for_another_message_does_not_count(network: Network) -> None:
    prepared, other = network.prepare(), network.prepare(message_id="m-2@a.example")
    assert "another message" in judged(network, prepared, network.answer(other).content).what


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=300), status=st.integers(100, 599), kind=st.text(max_size=40))
def test_any_answer_has_a_verdict(network: Network, content: bytes, status: int, kind: str) -> None:
    prepared = PREPARED.setdefault("one", network.prepare())
    for body in (content, b"--b\r\n" + content):
        assert judged(network, prepared, body, status, kind).verdict is not Verdict.DELIVERED


PREPARED: dict[str, PreparedMessage] = {}


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_damaged_receipt_counts_as_another(network: Network, data: st.DataObject) -> None:
    """A byte changed anywhere gives the same receipt or none, and never an exception."""
    if "two" not in PREPARED:
        PREPARED["two"] = network.prepare()
        RECEIPTS.append(network.answer(PREPARED["two"]).content)
    content = RECEIPTS[0]
    position = data.draw(st.integers(0, len(content) - 1))
    changed = content[:position] + bytes([data.draw(st.integers(0, 255))]) + content[position + 1 :]
    outcome = judged(network, PREPARED["two"], changed)
    if outcome.receipt is not None:
        assert outcome.receipt.ref_to == "m-1@a.example"
        assert outcome.receipt.signer == network.b.certificate


RECEIPTS: list[bytes] = []


def test_keys_that_are_renewed_sign_from_then_on(network: Network, peppol_world: World) -> None:
    """The sender looks at the seat, whatever its certificate is."""
    later = NOW.replace(month=11, day=1)
    renewed = key_of(peppol_world.access_points.issue("POP000002", label="renewed", begins=later))
    prepared = network.prepare()
    network.b, network.previous = renewed, (network.b,)
    outcome = network.judge(prepared, network.answer(prepared))
    assert outcome.receipt is not None
    assert outcome.receipt.signer == renewed.certificate


def duplicate(where: str, refers_to: str) -> bytes:
    error = f'<eb:Error errorCode="EBMS:4001" severity="failure"{refers_to}/>'
    return where.replace("ERROR", error).encode()


IN_HEADER = (
    f'<s:Envelope xmlns:s="{names.S12}" xmlns:eb="{names.EB}"><s:Header><eb:Messaging><eb:SignalMessage>'
    "ERROR</eb:SignalMessage></eb:Messaging></s:Header><s:Body/></s:Envelope>"
)


@pytest.mark.parametrize("refers_to", ["", ' refToMessageInError="m-1@a.example"'])
def test_a_duplicate_is_one_of_this_message(network: Network, refers_to: str) -> None:
    outcome = judged(network, network.prepare(), duplicate(IN_HEADER, refers_to))
    assert outcome.verdict is Verdict.ALREADY_THERE


@pytest.mark.parametrize(
    ("where", "refers_to"),
    [
        (IN_HEADER, ' refToMessageInError="m-2@a.example"'),
        (
            IN_HEADER.replace(
                "ERROR", "<eb:MessageInfo><eb:RefToMessageId>m-2</eb:RefToMessageId></eb:MessageInfo>ERROR"
            ),
            "",
        ),
        (IN_HEADER.replace("Header>", "Body>"), ""),
        (f'<html xmlns:eb="{names.EB}">ERROR</html>', ""),
    ],
    ids=["another message", "signal for another message", "outside of the header", "no envelope"],
)
def test_a_duplicate_of_something_else_is_no_arrival(network: Network, where: str, refers_to: str) -> None:
    outcome = judged(network, network.prepare(), duplicate(where, refers_to))
    assert (outcome.verdict, outcome.uncertain) == (Verdict.RETRY, True)

"""The console: what is work, whose invoices are seen, what people decide, and what leaves as a file."""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import update
from typer.testing import CliRunner

from connectors.base import PaymentState, PaymentStatus, SourceDocument
from formats.errors import ConfigError
from gateway.access.rights import ALL_COMPANIES, Role
from gateway.cli.main import app
from gateway.pipeline import answers
from gateway.pipeline.submission import State, Verdict
from gateway.store import attempts, documents, journal, payments, receipts, reports, submissions, tables
from gateway.store.receipts import Due
from gateway.store.submissions import Submission
from tests.gateway.portal.shared import at_buyer, invoice
from tests.gateway.web.conftest import Web

_GOLDEN = Path(__file__).parents[2] / "data" / "mappings" / "exact_online"
EXACT, SAP = "exact-vandael", "sap-nordlicht"


def stopped(
    web: Web,
    number: str,
    *,
    source: str = EXACT,
    buyer: str = "Chemiepark Rodenau GmbH & Co. KG",
    amount: str = "10238.76",
    verdict: Verdict = Verdict.DOCUMENT,
    due_in: timedelta | None = None,
    resume: State = State.RECEIVED,
    sentence: str = "the lines add up to 8,640.00, but the invoice says 8,604.00",
) -> Submission:
    """An invoice that has stopped."""
    now = web.gateway.clock()
    with web.gateway.database.begin() as connection:
        taken = submissions.receive(
            connection, source, SourceDocument(number, "1", "text/plain", number.encode()), now=now
        )
        assert taken is not None
        digest = documents.put(connection, _a_golden_invoice(), "application/xml", now=now)
        return submissions.move(
            connection,
            taken,
            State.PARKED,
            "parked",
            {"verdict": verdict, "what": sentence, "evidence": digest},
            now=now,
            resume_state=resume,
            verdict=verdict,
            sentence=sentence,
            fix="check in the ERP: the header discount",
            number=number,
            buyer=buyer,
            currency="EUR",
            amount=Decimal(amount),
            issue_date=date(2026, 11, 14),
            invoice_digest=digest,
            message_id="0b0f7f0e-0000-4000-8000-000000000001" if resume is State.SENDING else "",
            channel="email" if resume is State.SENDING else "",
            due_at=now + due_in if due_in is not None else None,
        )


def _a_golden_invoice() -> bytes:
    return sorted(_GOLDEN.glob("*/invoice.xml"))[0].read_bytes()


def state(web: Web, one: Submission) -> Submission:
    with web.gateway.database.read() as connection:
        return submissions.get(connection, one.id)


def last_entry(web: Web, one: Submission, event: str) -> journal.Entry:
    with web.gateway.database.read() as connection:
        found = [e for e in journal.entries(connection, submission=one.id) if e.event == event]
    return found[-1]


def post(web: Web, who: str, path: str, **form: object) -> int:
    answer = web.client.post(
        path,
        headers=web.headers(who),
        data={"form_token": web.form_token(who), **form},
    )
    return answer.status_code


@pytest.fixture
def marit(web: Web) -> str:
    web.add("marit", {ALL_COMPANIES: Role.FINANCE})
    return "marit"


def test_the_work_list_shows_the_sentence_the_sum_and_the_way_on(web: Web, marit: str) -> None:
    one = stopped(web, "2026-104102")
    stopped(web, "2026-104103", amount="1.24")
    page = web.client.get("/", headers=web.headers(marit)).text
    assert "2 things need a person" in page
    assert "The lines add up to 8,640.00, but the invoice says 8,604.00." in page
    assert "EUR&nbsp;10,240.00" in page
    assert f'href="/invoices/{one.id}"' in page


def test_what_heals_by_itself_is_no_work(web: Web, marit: str) -> None:
    stopped(web, "2026-1", verdict=Verdict.PROVIDER, due_in=timedelta(minutes=9), sentence="no answer")
    page = web.client.get("/", headers=web.headers(marit)).text
    assert "Nothing needs you." in page
    assert "One invoice goes on without you" in page
    assert "No answer." in page


def test_what_may_be_at_its_buyer_already_is_work_although_it_is_tried_again(web: Web, marit: str) -> None:
    """Trying again finds out nothing where the channel cannot tell; only a person can."""
    later = timedelta(hours=1)
    one = stopped(
        web, "2026-1", verdict=Verdict.PROVIDER, due_in=later, resume=State.SENDING, sentence="broke off"
    )
    with web.gateway.database.begin() as connection:
        attempts.open_next(connection, one.id, "email", one.message_id, now=web.gateway.clock())
    page = web.client.get("/", headers=web.headers(marit)).text
    assert "One thing needs a person." in page
    assert "Say what became of it" in page
    assert "goes on without you" not in page
    with web.gateway.database.begin() as connection:
        attempts.note(connection, one.id, attempts.NOT_TAKEN)
    page = web.client.get("/", headers=web.headers(marit)).text
    assert "goes on without you" in page, "it certainly did not arrive, and trying again mends it"


def test_an_empty_work_list_says_what_fills_it(web: Web, marit: str) -> None:
    page = web.client.get("/", headers=web.headers(marit)).text
    assert "New invoices that stop appear here by themselves." in page


def test_invoices_of_another_company_are_nowhere(web: Web) -> None:
    """Not on a list, not in an export, not under their address: there is nothing there at all."""
    theirs = stopped(web, "2026-900001", source=SAP, buyer="Somebody Else AG")
    web.add("one", {"vandael": Role.FINANCE})
    headers = web.headers("one")
    for place in (
        "/",
        "/invoices",
        "/invoices?q=Somebody",
        "/invoices/export.csv",
        f"/invoices?source={SAP}",
    ):
        answer = web.client.get(place, headers=headers)
        assert answer.status_code == 200, place
        assert "2026-900001" not in answer.text, place
        assert "Somebody Else AG" not in answer.text, place
    for place in (f"/invoices/{theirs.id}", f"/invoices/{theirs.id}/files/source"):
        assert web.client.get(place, headers=headers).status_code == 404
    for action in ("retry", "route"):
        assert post(web, "one", f"/invoices/{theirs.id}/{action}") == 404
    form = {"outcome": "dismissed", "note": "mine now"}
    assert post(web, "one", f"/invoices/{theirs.id}/resolve", **form) == 404
    assert post(web, "one", "/invoices/act", action="cancel", pick=[theirs.id], reason="mine") == 200
    assert state(web, theirs).version == theirs.version


def test_who_may_only_see_for_one_company_may_not_act_there(web: Web) -> None:
    one = stopped(web, "2026-900002", source=SAP)
    web.add("both", {"vandael": Role.FINANCE, "nordlicht": Role.COMPLIANCE})
    assert web.client.get(f"/invoices/{one.id}", headers=web.headers("both")).status_code == 200
    assert post(web, "both", f"/invoices/{one.id}/retry") == 403
    assert state(web, one).version == one.version


def test_trying_again_is_due_at_once_and_names_who_asked(web: Web, marit: str) -> None:
    one = stopped(web, "2026-1")
    assert post(web, marit, f"/invoices/{one.id}/retry") == 303
    assert state(web, one).due_at is not None
    assert last_entry(web, one, "retry").actor.startswith("marit (")


def test_setting_aside_needs_a_reason_which_the_record_keeps(web: Web, marit: str) -> None:
    one = stopped(web, "2026-1")
    place = f"/invoices/{one.id}/resolve"
    assert post(web, marit, place, outcome="dismissed", note=" ") == 422
    assert state(web, one).state is State.PARKED
    assert post(web, marit, place, outcome="dismissed", note="billed twice") == 303
    assert state(web, one).state is State.SUPERSEDED
    assert json.loads(last_entry(web, one, "resolved").data)["note"] == "billed twice"


def test_what_may_be_at_the_buyer_cannot_be_set_aside(web: Web, marit: str) -> None:
    one = stopped(web, "2026-1", verdict=Verdict.PROVIDER, resume=State.SENDING)
    post(web, marit, f"/invoices/{one.id}/resolve", outcome="dismissed", note="gone")
    assert state(web, one).state is State.PARKED
    assert post(web, marit, "/invoices/act", action="cancel", pick=[one.id], reason="gone") == 200
    assert state(web, one).state is State.PARKED


def test_somebody_found_out_that_the_buyer_has_it(web: Web, marit: str) -> None:
    one = stopped(web, "2026-1", verdict=Verdict.PROVIDER, resume=State.SENDING)
    page = web.client.get(f"/invoices/{one.id}", headers=web.headers(marit)).text
    assert "The buyer has it" in page
    assert post(web, marit, f"/invoices/{one.id}/resolve", outcome="sent", note="they called") == 303
    assert state(web, one).state is State.DELIVERED


def test_a_decision_for_many_shows_its_effect_first_and_does_only_that(web: Web, marit: str) -> None:
    fits = stopped(web, "2026-1")
    handed = stopped(web, "2026-2", verdict=Verdict.PROVIDER, resume=State.SENDING)
    form = {"action": "cancel", "pick": [fits.id, handed.id]}
    answer = web.client.post(
        "/invoices/preview", headers=web.headers(marit), data={"form_token": web.form_token(marit), **form}
    )
    assert "One invoice would not be sent" in answer.text
    assert "2026-2 (Parked)" in answer.text
    assert state(web, fits).version == fits.version
    assert post(web, marit, "/invoices/act", **form, reason="the order was withdrawn") == 200
    assert state(web, fits).state is State.SUPERSEDED
    assert state(web, handed).state is State.PARKED


def test_too_many_in_one_minute_wait(web: Web, marit: str) -> None:
    from gateway.store import decided

    one = stopped(web, "2026-1")
    with web.gateway.database.read() as connection:
        entries = list(journal.entries(connection))
    assert entries
    person = post(web, marit, "/invoices/act", action="retry", pick=[one.id])
    assert person == 200
    with web.gateway.database.begin() as connection:
        label = next(e.actor for e in journal.entries(connection) if e.event == "decided for many")
        decided.note(connection, label, "retry", 200, now=web.gateway.clock())
    assert post(web, marit, "/invoices/act", action="retry", pick=[one.id]) == 429


def test_an_export_holds_no_formula(web: Web, marit: str) -> None:
    stopped(web, "=2+5", buyer='@SUM(A1:A9)|cmd"', amount="-12.50")
    answer = web.client.get("/invoices/export.csv", headers=web.headers(marit))
    assert answer.headers["content-disposition"].startswith("attachment")
    (row,) = csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff")))
    assert row["number"] == "'=2+5"
    assert row["buyer"].startswith("'@SUM")
    assert row["amount"] == "-12.50"


def test_the_number_that_was_typed_leads_to_its_invoice(web: Web, marit: str) -> None:
    one = stopped(web, "2026-104102")
    answer = web.client.get("/invoices?q=2026-104102", headers=web.headers(marit))
    assert answer.headers["location"] == f"/invoices/{one.id}"


def test_pages_go_on_where_the_last_one_ended(web: Web, marit: str) -> None:
    for number in range(53):
        stopped(web, f"N-{number:03}")
    first = web.client.get("/invoices?sort=number&down=0", headers=web.headers(marit)).text
    assert 'aria-sort="ascending"' in first
    assert "N-049" in first
    assert "N-050" not in first
    place = first.partition("Next page")[0].rpartition('href="')[2].partition('"')[0].replace("&amp;", "&")
    second = web.client.get(place, headers=web.headers(marit)).text
    assert "N-050" in second
    assert "N-049" not in second


@pytest.mark.parametrize("query", ["least=1.234%2C50", "from=yesterday", "state=lost", "after=nonsense&q=x"])
def test_what_cannot_be_read_breaks_nothing(web: Web, marit: str, query: str) -> None:
    assert web.client.get(f"/invoices?{query}", headers=web.headers(marit)).status_code in (200, 303)


def test_amounts_are_found_however_they_are_typed(web: Web, marit: str) -> None:
    stopped(web, "2026-1", amount="1234.50")
    for text in ("1.234,50", "1,234.50", "1234.5", "1234,5", "1'234.50"):
        params = {"least": text, "most": text}
        assert "2026-1" in web.client.get("/invoices", params=params, headers=web.headers(marit)).text, text


def test_the_page_of_an_invoice_says_why_it_goes_this_way(web: Web, marit: str) -> None:
    one = stopped(web, "2026-1")
    why = {"route": "Peppol", "buyer kind": "public", "because": "a <law> demands it since 2026-01-01"}
    before = web.client.get(f"/invoices/{one.id}", headers=web.headers(marit)).text
    assert "Why this way" not in before
    with web.gateway.database.begin() as connection:
        journal.append(connection, "checked", why, now=web.gateway.clock(), submission=one.id)
    page = web.client.get(f"/invoices/{one.id}", headers=web.headers(marit)).text
    assert "Public body" in page
    assert "A &lt;law&gt; demands it since 2026-01-01." in page


def test_what_came_from_an_erp_is_never_markup(web: Web, marit: str) -> None:
    evil = "<script>alert(1)</script>"
    one = stopped(web, "<b>1</b>", buyer=evil, sentence=evil)
    for place in ("/", "/invoices", f"/invoices/{one.id}"):
        page = web.client.get(place, headers=web.headers(marit)).text
        assert "&lt;script&gt;" in page, place
        assert "<script" not in page, place
        assert " style=" not in page, place


def test_files_are_downloads_that_no_browser_runs(web: Web, marit: str) -> None:
    one = stopped(web, '2026"/../1')
    for name in ("source", "invoice.pdf", one.invoice_digest):
        answer = web.client.get(f"/invoices/{one.id}/files/{name}", headers=web.headers(marit))
        assert answer.status_code == 200, name
        told = answer.headers["content-disposition"]
        assert told.startswith('attachment; filename="'), name
        assert "/" not in told, name
        assert "sandbox" in answer.headers["content-security-policy"]


def test_a_document_of_another_invoice_is_not_reached_by_its_digest(web: Web, marit: str) -> None:
    one, other = stopped(web, "2026-1"), stopped(web, "2026-2")
    place = f"/invoices/{one.id}/files/{other.content_digest}"
    assert web.client.get(place, headers=web.headers(marit)).status_code == 404


def test_the_evidence_is_for_those_who_prove(web: Web, marit: str) -> None:
    one = stopped(web, "2026-1")
    web.add("clara", {ALL_COMPANIES: Role.COMPLIANCE})
    place = f"/invoices/{one.id}/files/evidence.zip"
    assert web.client.get(place, headers=web.headers(marit)).status_code == 403
    answer = web.client.get(place, headers=web.headers("clara"))
    assert answer.content[:2] == b"PK"
    page = web.client.get(f"/invoices/{one.id}", headers=web.headers("clara")).text
    assert "evidence.zip" in page
    assert "/retry" not in page


def test_an_old_link_gets_a_page_and_a_program_a_problem(web: Web, marit: str) -> None:
    page = web.client.get("/invoices/0", headers=web.headers(marit))
    assert page.status_code == 404
    assert "There is nothing here" in page.text
    plain = web.client.get("/invoices/0", headers={**web.headers(marit), "Accept": "*/*"})
    assert plain.headers["content-type"].startswith("application/problem+json")


@pytest.mark.parametrize("language", ["en", "nl", "de", "fr"])
@pytest.mark.parametrize("place", ["/", "/invoices", "/inbox", "/overview", "/system", "/record", "one"])
def test_each_page_speaks_each_language(web: Web, place: str, language: str) -> None:
    one = stopped(web, "2026-1")
    stopped(web, "2026-2", verdict=Verdict.PROVIDER, due_in=timedelta(minutes=9))
    role = Role.COMPLIANCE if place == "/record" else Role.FINANCE
    web.add("reader", {ALL_COMPANIES: role}, language=language)
    path = f"/invoices/{one.id}" if place == "one" else place
    answer = web.client.get(path, headers=web.headers("reader"))
    assert answer.status_code == 200
    assert f'<html lang="{language}">' in answer.text


def test_an_entry_that_says_less_than_usual_leaves_the_page_readable(web: Web) -> None:
    """An earlier release may have written less."""
    web.add("marit", {ALL_COMPANIES: Role.FINANCE})
    one = stopped(web, "2026-104102")
    with web.gateway.database.begin() as connection:
        journal.append(connection, "sent", {}, submission=one.id, now=web.gateway.clock())
    page = web.client.get(f"/invoices/{one.id}", headers=web.headers("marit"))
    assert page.status_code == 200
    assert "Handed to —" in page.text


def test_a_file_that_could_not_be_read_is_named_as_it_came_and_is_only_received(web: Web, marit: str) -> None:
    now = web.gateway.clock()
    with web.gateway.database.begin() as connection:
        stub = SourceDocument("file:32f29f/46ff8c", "", "text/plain", b"-", origin="in/2026/a.csv")
        taken = submissions.receive(connection, EXACT, stub, now=now)
        assert taken is not None
        submissions.move(
            connection,
            taken,
            State.PARKED,
            "parked",
            {"what": "not a table"},
            now=now,
            resume_state=State.PARKED,
            verdict=Verdict.DOCUMENT,
            sentence="not a table",
        )
    work = web.client.get("/", headers=web.headers(marit)).text
    assert "a.csv" in work
    assert "46ff8c" not in work
    page = web.client.get(f"/invoices/{taken.id}", headers=web.headers(marit)).text
    assert "<h1>a.csv</h1>" in page
    steps = re.findall(r'<li class="(\w+)', page[page.index('class="cycle"') :][:6000])
    assert steps[:9] == ["here", *["ahead"] * 8]


def test_the_overview_tells_what_is_overdue_and_what_is_expected(web: Web) -> None:
    """By when it is due, less what was paid; without what no ERP calls unpaid, and without credit notes."""
    web.add("marit", {ALL_COMPANIES: Role.FINANCE})
    today = web.gateway.clock().date()
    for place, (days, kind, paid, told) in enumerate(
        (
            (-45, "380", "0.00", PaymentState.OPEN),
            (-3, "380", "38.76", PaymentState.PARTLY_PAID),
            (2, "380", "0.00", PaymentState.OPEN),
            (-3, "381", "0.00", PaymentState.OPEN),
            (-3, "380", "10238.76", PaymentState.PAID),
            (-3, "380", "0.00", None),
        )
    ):
        one = stopped(web, f"2026-{place}")
        with web.gateway.database.begin() as connection:
            connection.execute(
                update(tables.submissions)
                .where(tables.submissions.c.id == one.id)
                .values(state=State.DELIVERED, payment_due=today + timedelta(days=days), type_code=kind)
            )
            if told:
                status = PaymentStatus("", "", told, "EUR", Decimal(paid), None)
                payments.store(connection, one.id, status, now=web.gateway.clock())
    with web.gateway.database.read() as connection:
        found = receipts.owed(connection, None, today)
        elsewhere = receipts.owed(connection, (SAP,), today)
    assert {due: (one.count, one.amounts) for due, one in found.items()} == {
        Due.LONG_OVERDUE: (1, {"EUR": Decimal("10238.76")}),
        Due.OVERDUE: (1, {"EUR": Decimal("10200.00")}),
        Due.THIS_WEEK: (1, {"EUR": Decimal("10238.76")}),
    }
    assert elsewhere == {}
    page = web.client.get("/overview", headers=web.headers("marit")).text
    assert "Overdue for more than 30 days" in page
    assert "10,200.00" in page


def answered_by_buyer(web: Web, one: State) -> Submission:
    """An invoice that its buyer disputed or refused, of which the ERP was told."""
    held = at_buyer(web.gateway, invoice("2026-103977", today=web.gateway.clock().date()))
    with web.gateway.database.begin() as connection:
        return answers.take_in(connection, web.gateway, held, one, "the buyer asks: which order?", {})


def told_erp(web: Web, one: Submission) -> list[tuple[str, str]]:
    with web.gateway.database.read() as connection:
        return [(report.state, report.text) for report in reports.of(connection, one.id)]


@pytest.mark.parametrize(
    ("outcome", "becomes", "told"),
    [
        ("answered", State.DELIVERED, "the buyer's question is answered"),
        ("accepted", State.ACCEPTED, "the buyer accepts the invoice"),
        ("closed", State.CLOSED, "this invoice is no longer pursued"),
    ],
)
def test_a_dispute_has_ways_on_that_the_record_and_the_erp_know(
    web: Web, marit: str, outcome: str, becomes: State, told: str
) -> None:
    one = answered_by_buyer(web, State.DISPUTED)
    assert told_erp(web, one) == [("disputed", "the buyer asks: which order?")]
    place = f"/invoices/{one.id}"
    assert f'value="{outcome}"' in web.client.get(place, headers=web.headers(marit)).text
    assert post(web, marit, f"{place}/resolve", outcome=outcome, note=" ") == 422
    assert post(web, marit, f"{place}/resolve", outcome=outcome, note="order 418, by phone") == 303
    assert (state(web, one).state, state(web, one).verdict) == (becomes, "")
    assert told_erp(web, one)[-1] == (becomes.value, f"{told}: order 418, by phone")
    entry = last_entry(web, one, "resolved")
    assert (entry.actor.startswith("marit ("), "order 418, by phone" in entry.data) == (True, True)
    assert "Nothing needs you" in web.client.get("/", headers=web.headers(marit)).text
    page = web.client.get(place, headers=web.headers(marit)).text
    assert "Decided: order 418, by phone" in page
    assert 'name="outcome"' not in page


def test_a_refused_invoice_is_set_aside_with_a_reason_or_sent_again(web: Web, marit: str) -> None:
    one = answered_by_buyer(web, State.REJECTED)
    page = web.client.get(f"/invoices/{one.id}", headers=web.headers(marit)).text
    assert "Send it again" in page
    assert "It is not to be sent again" in page
    place = f"/invoices/{one.id}/resolve"
    assert post(web, marit, place, outcome="closed", note="no") == 303
    assert state(web, one).state is State.REJECTED
    assert post(web, marit, place, outcome="dismissed", note="credited") == 303
    assert state(web, one).state is State.SUPERSEDED
    assert told_erp(web, one)[-1] == ("closed", "not sent again: credited")
    page = web.client.get(f"/invoices/{one.id}", headers=web.headers(marit)).text
    assert "Set aside, and not sent again" in page


def test_a_new_question_opens_what_was_closed(web: Web, marit: str) -> None:
    one = answered_by_buyer(web, State.DISPUTED)
    post(web, marit, f"/invoices/{one.id}/resolve", outcome="closed", note="credited")
    with web.gateway.database.begin() as connection:
        held = submissions.get(connection, one.id)
        again = answers.take_in(connection, web.gateway, held, State.DISPUTED, "the buyer asks: when?", {})
    assert (again.state, again.verdict) == (State.DISPUTED, Verdict.DOCUMENT)


def test_many_are_closed_at_once_and_only_what_was_disputed_or_refused(web: Web, marit: str) -> None:
    disputed, parked = answered_by_buyer(web, State.DISPUTED), stopped(web, "2026-2")
    form = {"action": "close", "pick": [disputed.id, parked.id]}
    assert post(web, marit, "/invoices/act", **form) == 422
    assert post(web, marit, "/invoices/act", **form, reason="written off") == 200
    assert state(web, disputed).state is State.CLOSED
    assert state(web, parked).version == parked.version


def behind_a_shut_channel(web: Web, number: str) -> Submission:
    """Ready, and put off without knocking: its channel let nobody in."""
    one = stopped(web, number, amount="100.00")
    with web.gateway.database.begin() as connection:
        now = web.gateway.clock()
        ready = submissions.move(connection, one, State.READY, "ready", {}, now=now, channel="email")
        submissions.postpone(connection, ready, now + timedelta(minutes=1))
    return state(web, one)


def test_what_waits_behind_a_shut_channel_is_work_with_a_cause(web: Web, marit: str) -> None:
    held = [behind_a_shut_channel(web, f"2026-{number}") for number in (2, 3)]
    nothing = web.client.get("/", headers=web.headers(marit)).text
    assert "Nothing needs you" in nothing
    sentence = "the provider no longer takes our login"
    first = stopped(
        web, "2026-1", verdict=Verdict.PRECONDITION, resume=State.SENDING, sentence=sentence, amount="1.00"
    )
    work = web.client.get("/", headers=web.headers(marit)).text
    assert "3 things need a person" in work
    assert "2 invoices wait for their channel" in work
    assert "EUR&nbsp;200.00" in work
    assert "EUR&nbsp;201.00" in work
    page = web.client.get(f"/invoices/{held[0].id}", headers=web.headers(marit)).text
    assert "It waits for email" in page
    assert "The provider no longer takes our login." in page
    assert f'href="/invoices/{first.id}"' in page


def test_the_cause_at_another_company_is_not_told(web: Web) -> None:
    stopped(
        web,
        "9",
        source=SAP,
        verdict=Verdict.PRECONDITION,
        resume=State.SENDING,
        sentence="a secret of theirs",
    )
    held = behind_a_shut_channel(web, "2026-2")
    web.add("sofie", {"vandael": Role.FINANCE})
    for place in ("/", f"/invoices/{held.id}"):
        page = web.client.get(place, headers=web.headers("sofie")).text
        assert "an invoice of another company found it out" in page
        assert "a secret of theirs" not in page


def test_a_dispute_is_settled_by_command_too(web: Web, tmp_path: Path) -> None:
    one = answered_by_buyer(web, State.DISPUTED)
    words = ["-c", str(tmp_path / "config"), "resolve", one.number]
    refused = CliRunner().invoke(app, [*words, "dismissed", "--note", "no"])
    assert isinstance(refused.exception, ConfigError)
    assert CliRunner().invoke(app, [*words, "closed", "--note", "credited"]).exit_code == 0
    assert state(web, one).state is State.CLOSED
    assert last_entry(web, one, "closed").actor == "operator"

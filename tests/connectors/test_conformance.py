"""The conformance suite: all built-in connectors pass it, and it notices the mistakes it is there to find."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

import pytest
from pydantic import Field

from connectors.base import (
    CheckStep,
    ConnectorSettings,
    OpenInvoice,
    Page,
    PaymentStatus,
    SecretReference,
    SourceDocument,
    StatusReport,
    Surroundings,
    WriteBack,
)
from connectors.conformance.behaviours import BEHAVIOURS
from connectors.conformance.outcome import Behaviour, Outcome, Verdict
from connectors.conformance.registry import trial, trial_kinds
from connectors.conformance.suite import run_one
from connectors.conformance.table import markdown
from connectors.http import HttpClient
from connectors.kit.fields import Fields
from connectors.registry import ERPS, erp
from connectors.sandbox.faults import Faults
from connectors.sandbox.http_server import Reply, Request, SandboxHttpServer, json_reply, text_reply
from formats.errors import EInvoicingError, RemoteError, RemoteUnexpected
from gateway.clock import utc_now

# What every ERP interface can be put to the test with; elsewhere a reason is enough.
NEVER_LEFT_OUT: Final = frozenset(
    {
        *("paging", "resume", "nothing new", "changed invoice", "no echo", "malformed document"),
        *("write-back once", "several news", "check reads only", "check of a dead system"),
        *("payments", "secrets", "close twice"),
    }
)


# Kinds that nothing is pulled by: documents come to them by themselves.
NEVER_ASKED: Final = frozenset({"push"})  # see tests/gateway/test_push.py


@pytest.mark.parametrize("kind", sorted(set(ERPS) - NEVER_ASKED))
def test_a_built_in_connector_can_be_put_to_the_test(kind: str) -> None:
    assert kind in trial_kinds(), f"write connectors/conformance/{kind.replace('-', '_')}.py"


@pytest.mark.parametrize("behaviour", BEHAVIOURS, ids=lambda one: one.name.replace(" ", "-"))
@pytest.mark.parametrize("kind", trial_kinds())
def test_a_built_in_connector_behaves(kind: str, behaviour: Behaviour) -> None:
    outcome = run_one(behaviour, trial(kind), erp(kind), utc_now)
    assert outcome.verdict is not Verdict.FAILED, outcome.note
    if outcome.verdict is Verdict.NOT_APPLICABLE:
        assert outcome.note
        assert behaviour.name not in NEVER_LEFT_OUT, outcome.note


def test_the_table_names_each_reason_once() -> None:
    """A document can show all connectors side by side, and why a behaviour does not apply."""
    quiet = Outcome("no echo", Verdict.NOT_APPLICABLE, "It writes nothing.", 0.1)
    found = {
        "one": [Outcome("paging", Verdict.PASSED, "", 0.1), quiet],
        "two": [Outcome("paging", Verdict.FAILED, "a page is\nmissing", 0.1), quiet],
    }
    assert markdown(found).splitlines() == [
        "| behaviour | one | two |",
        "| --- | :-: | :-: |",
        "| paging | yes | NO (1) |",
        "| no echo | - (2) | - (2) |",
        "| **passed** | 1 | 0 |",
        "| **failed** | 0 | 1 |",
        "| **not applicable** | 1 | 1 |",
        "",
        "1. a page is missing",
        "2. It writes nothing.",
    ]


def test_the_command_says_its_verdicts_and_nothing_else() -> None:
    """What is provoked in the trial stays out of the terminal; each reason is a sentence."""
    done = subprocess.run(
        [sys.executable, "-m", "gateway.cli.main", "connector-test", "folder"],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert (lines[0], len(lines)) == ("folder", len(BEHAVIOURS) + 3)
    assert all(line.endswith(".") for line in lines if "  not applicable" in line)


class Shop:
    """A small ERP: invoices by key in a list of changes, and notes."""

    name = "shop"

    def __init__(self) -> None:
        self.faults = Faults()
        self.documents: dict[str, dict[str, Any]] = {}
        self.changes: list[str] = []
        self.notes: list[dict[str, str]] = []
        self._http = SandboxHttpServer(0, self.faults)
        for method, pattern, answer in (
            ("GET", "/list", self._list),
            ("GET", "/one/([0-9]+)", self._one),
            ("GET", "/notes", lambda request: json_reply(self.notes)),
            ("POST", "/notes", self._note),
        ):
            self._http.route(method, pattern, self._guarded(answer))

    def start(self) -> None:
        self._http.start()

    def stop(self) -> None:
        self._http.stop()

    def addresses(self) -> Mapping[str, str]:
        return {"rest": self._http.url}

    def secrets(self) -> Mapping[str, str]:
        return {"shop-token": "open-sesame-4711"}

    def mend(self) -> list[str]:
        return []

    def holdings(self) -> Mapping[str, object]:
        return {"notes": self.notes}

    def save(self, key: str, **facts: Any) -> None:
        self.documents[key] = {**self.documents.get(key, {}), "key": key, **facts}
        self.changes.append(key)

    def _guarded(self, answer: Callable[[Request], Reply]) -> Callable[[Request], Reply]:
        def guarded(request: Request) -> Reply:
            known = request.headers.get("authorization") == "open-sesame-4711"
            if not known or self.faults.take(f"{request.method} {request.path}", "revoked-token"):
                return text_reply("who are you?", 401)
            return answer(request)

        return guarded

    def _list(self, request: Request) -> Reply:
        after = int(request.query["after"])
        rows = self.changes[after : after + 4]
        page = {"rows": rows, "last": after + len(rows), "end": len(self.changes)}
        return json_reply({**page, "session": "one-that-nobody-may-see"})

    def _one(self, request: Request) -> Reply:
        return json_reply(self.documents[request.match[1]])

    def _note(self, request: Request) -> Reply:
        note = request.json()
        self.notes.append(note)
        self.save(note["key"], note=note["reference"])
        return json_reply({}, 201)


class ShopTrial:
    def __init__(self) -> None:
        self.system = Shop()

    def settings(self) -> Mapping[str, object]:
        return {"url": self.system.addresses()["rest"], "token": "file:secrets/shop-token"}

    def place(self, action: str) -> str:
        return {"list": "GET /list", "read": "GET /one", "write": "POST /notes"}[action]

    def add(self, count: int) -> tuple[str, ...]:
        first = len(self.system.documents) + 1
        keys = tuple(str(number) for number in range(first, first + count))
        for key in keys:
            self.system.save(key, total="1.00")
        return keys

    def change(self, key: str) -> None:
        self.system.save(key, total="2.00")

    def break_one(self) -> str:
        (key,) = self.add(1)
        self.system.documents[key] = {}
        return key

    def times_written(self, reference: str) -> int:
        return sum(note["reference"] == reference for note in self.system.notes)

    def set_clock_back(self, seconds: float) -> bool:
        return False


class ShopSettings(ConnectorSettings):
    url: str = Field(description="address")
    token: SecretReference = Field(description="token")


class Sound:
    """A connector without mistakes; each of those below makes one."""

    def __init__(self, name: str, settings: ShopSettings, surroundings: Surroundings) -> None:
        self.name = name
        self.token = surroundings.secret(settings.token)
        self.http = HttpClient(settings.url, clock=surroundings.clock, timeout=(5.0, 1.0))

    def get(self, path: str, **query: str) -> Any:
        answer = self.http.get_json(path, query=query, headers={"Authorization": self.token})
        if not isinstance(answer, dict | list):
            raise RemoteUnexpected("no object", where=path, fix="look")
        return answer

    def pull(self, cursor: str) -> Iterator[Page]:
        while True:
            feed = Fields(self.get("/list", after=cursor or "0"), "/list")
            documents = tuple(self.document(key) for key in dict.fromkeys(feed["rows"]))
            cursor = str(feed["last"])
            yield Page(documents, cursor)
            if feed["last"] >= feed["end"]:
                return

    def document(self, key: str) -> SourceDocument:
        record = self.get(f"/one/{key}")
        content = json.dumps(record).encode()
        matters = json.dumps({name: value for name, value in record.items() if name != "note"})
        return SourceDocument(key, "", "application/json", content, fingerprint=matters)

    def acknowledge(self, page: Page) -> None:
        pass

    def report_status(self, report: StatusReport) -> WriteBack:
        notes = [Fields(note, "/notes") for note in self.get("/notes")]
        existed = any(note["reference"] == report.reference for note in notes)
        if not existed:
            self.write(report)
        return WriteBack("a note", existed)

    def write(self, report: StatusReport) -> None:
        note = {"key": report.key, "reference": report.reference}
        self.http.request("POST", "/notes", json=note, headers={"Authorization": self.token})

    def pull_payments(self, invoices: Sequence[OpenInvoice]) -> Iterator[PaymentStatus]:
        yield from ()

    def check(self) -> Iterator[CheckStep]:
        try:
            self.get("/list", after="0")
        except EInvoicingError as error:
            yield CheckStep("login", False, error.what, error.fix)
        else:
            yield CheckStep("login", True, "let in")

    def close(self) -> None:
        self.http.close()


class QuietOnErrors(Sound):
    def pull(self, cursor: str) -> Iterator[Page]:
        try:
            yield from super().pull(cursor)
        except RemoteError:
            return


class QuietAndOn(Sound):
    """Goes past what it could not read."""

    def pull(self, cursor: str) -> Iterator[Page]:
        feed = self.get("/list", after=cursor or "0")
        while feed["rows"]:
            taken = []
            for key in dict.fromkeys(feed["rows"]):
                try:
                    taken.append(self.document(key))
                except RemoteError:
                    continue
            yield Page(tuple(taken), str(feed["last"]))
            feed = self.get("/list", after=str(feed["last"]))


class SeesNothing(Sound):
    """Takes a list without what it looks for as one without invoices."""

    def pull(self, cursor: str) -> Iterator[Page]:
        feed = self.get("/list", after=cursor or "0")
        if "rows" in feed:
            yield from super().pull(cursor)


class CountsOnIt(Sound):
    """Breaks down where a field is missing."""

    def report_status(self, report: StatusReport) -> WriteBack:
        existed = any(note["reference"] == report.reference for note in self.get("/notes"))
        if not existed:
            self.write(report)
        return WriteBack("a note", existed)


class KeepsEverything(Sound):
    """Keeps an answer that it does not know as evidence, whatever is in it."""

    def get(self, path: str, **query: str) -> Any:
        answer = super().get(path, **query)
        if isinstance(answer, dict) and "session_" in answer:
            evidence = json.dumps(answer).encode()
            raise RemoteUnexpected("no session", where=path, fix="look", evidence=evidence)
        return answer


class OneGulp(Sound):
    def pull(self, cursor: str) -> Iterator[Page]:
        pages = list(super().pull(cursor))
        yield Page(tuple(one for page in pages for one in page.documents), pages[-1].cursor)


class Forward(Sound):
    """Its cursor is beyond the page it belongs to."""

    def pull(self, cursor: str) -> Iterator[Page]:
        for page in super().pull(cursor):
            yield Page(page.documents, str(int(page.cursor) + 1))


class WritesBlindly(Sound):
    def report_status(self, report: StatusReport) -> WriteBack:
        self.write(report)
        return WriteBack("a note", existed=False)


class TriesTwice(Sound):
    """Repeats a writing whose answer was lost, without looking."""

    def write(self, report: StatusReport) -> None:
        try:
            super().write(report)
        except RemoteError:
            super().write(report)


class HearsItself(Sound):
    def document(self, key: str) -> SourceDocument:
        found = super().document(key)
        return SourceDocument(found.key, "", found.media_type, found.content)


class DeafToChanges(Sound):
    def document(self, key: str) -> SourceDocument:
        found = super().document(key)
        return SourceDocument(found.key, "", found.media_type, found.content, fingerprint=key)


class SkipsBroken(Sound):
    def pull(self, cursor: str) -> Iterator[Page]:
        for page in super().pull(cursor):
            yield Page(tuple(one for one in page.documents if one.content != b"{}"), page.cursor)


class Chatty(Sound):
    def get(self, path: str, **query: str) -> Any:
        logging.getLogger(__name__).debug("asking with %s", self.token)
        return super().get(path, **query)


class ChecksByWriting(Sound):
    def check(self) -> Iterator[CheckStep]:
        self.http.request(
            "POST", "/notes", json={"key": "1", "reference": "x"}, headers={"Authorization": self.token}
        )
        yield CheckStep("login", True, "let in")


class ClosesOnce(Sound):
    closed = False

    def close(self) -> None:
        if self.closed:
            raise ValueError("closed already")
        self.closed = True
        super().close()


class Impatient(Sound):
    """Loses the time that the other side named."""

    def get(self, path: str, **query: str) -> Any:
        try:
            return super().get(path, **query)
        except RemoteError as error:
            if hasattr(error, "retry_at"):
                error.retry_at = None
            raise


def failed(made_by: type[Sound]) -> set[str]:
    outcomes = [run_one(behaviour, ShopTrial, made_by, utc_now) for behaviour in BEHAVIOURS]
    return {one.behaviour for one in outcomes if one.verdict is Verdict.FAILED}


def test_a_connector_without_mistakes_passes() -> None:
    assert failed(Sound) == set()


@pytest.mark.parametrize(
    ("made_by", "noticed"),
    [
        (QuietOnErrors, "revoked login"),
        (QuietAndOn, "500"),
        (SeesNothing, "list in another form"),
        (CountsOnIt, "any answer in another form"),
        (KeepsEverything, "secrets in such an answer"),
        (OneGulp, "paging"),
        (Forward, "resume"),
        (WritesBlindly, "write-back once"),
        (WritesBlindly, "lost answer"),
        (TriesTwice, "lost answer"),
        (HearsItself, "no echo"),
        (DeafToChanges, "changed invoice"),
        (SkipsBroken, "malformed document"),
        (Chatty, "secrets"),
        (ChecksByWriting, "check reads only"),
        (ClosesOnce, "close twice"),
        (Impatient, "429 with Retry-After"),
    ],
    ids=lambda one: one.__name__ if isinstance(one, type) else one.replace(" ", "-"),
)
def test_a_mistake_is_noticed(made_by: type[Sound], noticed: str) -> None:
    (behaviour,) = [one for one in BEHAVIOURS if one.name == noticed]
    outcome = run_one(behaviour, ShopTrial, made_by, utc_now)
    assert outcome.verdict is Verdict.FAILED
    assert outcome.note


def test_a_clock_that_is_moved_does_not_move_the_time_of_day() -> None:
    """Waiting for a limit costs no time: only the connectors' clock goes on."""
    (behaviour,) = [one for one in BEHAVIOURS if one.name == "429 with Retry-After"]
    before = utc_now()
    assert run_one(behaviour, ShopTrial, Sound, utc_now).verdict is Verdict.PASSED
    assert utc_now() - before < timedelta(seconds=20)

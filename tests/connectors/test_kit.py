"""The kit, by an ERP that has nothing else: the Acme Ledger of docs/connectors.md, played by a server."""

from __future__ import annotations

import importlib.util
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import pytest

from connectors.conformance.behaviours import BEHAVIOURS
from connectors.conformance.outcome import Behaviour, Verdict
from connectors.conformance.suite import run_one
from connectors.kit.complaints import Complaint, Complaints, Meaning, busy, no_right, own_error
from connectors.kit.documents import insist_on_sum
from connectors.kit.purchases import the_one
from connectors.kit.records import Record, Records, at, names
from connectors.kit.relations import Relations
from connectors.sandbox.faults import Faults
from connectors.sandbox.http_server import Reply, Request, SandboxHttpServer, json_reply, text_reply
from formats.errors import (
    DocumentError,
    RemoteBlocked,
    RemoteRefused,
    RemoteUnavailable,
    RemoteUnexpected,
)
from gateway.clock import utc_now
from tests.architecture.sources import ROOT

PAGE: Final = ROOT / "docs" / "connectors.md"
TOKEN: Final = "ledger-token-20261122"
# Fields by model; a relation names the model behind it.
SCHEMA: Final[Mapping[str, Mapping[str, str]]] = {
    "company": {"name": "", "currency": "currency"},
    "currency": {"code": ""},
    "country": {"code": ""},
    "buyer": {"name": "", "country": "country"},
    "tax": {"rate": ""},
    "invoice": {
        **dict.fromkeys(("number", "state", "net", "total", "open"), ""),
        "company": "company",
        "currency": "currency",
        "buyer": "buyer",
    },
    "line": {"invoice": "invoice", "text": "", "quantity": "", "amount": "", "tax": "tax"},
    "note": {"invoice": "invoice", "text": ""},
    "file": {"invoice": "invoice", "name": "", "text": ""},
}
# What Acme Ledger does not offer.
NOT_HERE: Final = frozenset(
    {
        *("expired token", "closed period", "master data", "counting", "payment posting"),
        *("received invoices", "forged calls", "empty pushes"),
    }
)
HOLDS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "=": lambda has, wanted: has == wanted,
    "in": lambda has, wanted: has in wanted,
    ">": lambda has, wanted: has > wanted,
    ">=": lambda has, wanted: has >= wanted,
    "<": lambda has, wanted: has < wanted,
}


class LedgerServer:
    """Models in memory, searched and written over JSON-RPC; it tells times to the microsecond."""

    name = "ledger"

    def __init__(self) -> None:
        self.faults = Faults()
        self.late = timedelta()
        self.rows: dict[str, list[dict[str, Any]]] = {model: [] for model in SCHEMA}
        self._http = SandboxHttpServer(0, self.faults, place=_place)
        self._http.route("POST", "/rpc", self._answer)
        euro = self.make("currency", code="EUR")
        self.make("company", name="Acme N.V.", currency=euro)
        self.make("buyer", name="Kessel", country=self.make("country", code="BE"))
        self.make("tax", rate="21")

    def start(self) -> None:
        self._http.start()

    def stop(self) -> None:
        self._http.stop()

    def addresses(self) -> Mapping[str, str]:
        return {"rpc": self._http.url}

    def secrets(self) -> Mapping[str, str]:
        return {"ledger-token": TOKEN}

    def mend(self) -> list[str]:
        return []

    def holdings(self) -> Mapping[str, object]:
        return {"notes": [dict(row) for row in self.rows["note"]], "files": len(self.rows["file"])}

    def make(self, model: str, **values: Any) -> int:
        key = len(self.rows[model]) + 1
        stamp = (utc_now() - self.late).isoformat(timespec="microseconds")
        self.rows[model].append({**values, "id": key, "write_date": stamp})
        return key

    def _answer(self, request: Request) -> Reply:
        place, asked = _place(request), request.json()
        known = request.headers.get("authorization") == f"Bearer {TOKEN}"
        if not known or self.faults.take(place, "revoked-token"):
            return text_reply("who are you?", 401)
        result = getattr(self, f"_{asked['method']}")(asked["params"])
        if place == "search invoice" and self.faults.take(place, "duplicate"):
            result = result + result[:1]
        return json_reply({"id": asked["id"], "result": result})

    def _version(self, _params: Any) -> str:
        return "4.2"

    def _who(self, _params: Any) -> str:
        return "gateway"

    def _lacking(self, _params: Any) -> list[str]:
        return []

    def _fields(self, params: Any) -> Any:
        fields = {"id": "", "write_date": "", **SCHEMA[params["model"]]}
        return {name: {"relation": behind} if behind else {} for name, behind in fields.items()}

    def _search(self, params: Any) -> list[dict[str, Any]]:
        where = params["where"]
        rows = [
            row
            for row in self.rows[params["model"]]
            if all(HOLDS[how](row[name], wanted) for name, how, wanted in where)
        ]
        for part in reversed(params["order"].split(",")):
            name, _, way = part.strip().partition(" ")
            rows.sort(key=lambda row, name=name: row[name], reverse=way == "desc")  # type: ignore[misc]
        return [{name: row[name] for name in ("id", *params["fields"])} for row in rows[: params["limit"]]]

    def _create(self, params: Any) -> int:
        return self.make(params["model"], **params["values"])


def _place(request: Request) -> str:
    asked = request.json()
    return f"{asked['method']} {asked['params'].get('model', '')}".strip()


class LedgerTrial:
    """A clerk at Acme Ledger."""

    def __init__(self) -> None:
        self.system = LedgerServer()

    def settings(self) -> Mapping[str, object]:
        return {
            "base_url": self.system.addresses()["rpc"],
            "database": "acme",
            "company": 1,
            "token": "file:secrets/ledger-token",
            "invoices_per_page": 4,
            "read_seconds": 0.5,
        }

    def place(self, action: str) -> str:
        return {"list": "search invoice", "read": "search line", "write": "create note"}[action]

    def add(self, count: int) -> tuple[str, ...]:
        return tuple(str(self._post(f"A-{number}")) for number in range(count))

    def change(self, key: str) -> None:
        row = self.system.rows["invoice"][int(key) - 1]
        row |= {"total": "242.00", "write_date": utc_now().isoformat(timespec="microseconds")}

    def break_one(self) -> str:
        return str(self._post("A-broken", net="999.00"))

    def times_written(self, reference: str) -> int:
        return sum(f"[{reference}]" in row["text"] for row in self.system.rows["note"])

    def set_clock_back(self, seconds: float) -> bool:
        self.system.late = timedelta(seconds=seconds)
        return True

    def _post(self, number: str, net: str = "100.00") -> int:
        make = self.system.make
        money = {"net": net, "total": "121.00", "open": "121.00", "currency": 1}
        key = make("invoice", number=number, state="posted", company=1, buyer=1, **money)
        for text in ("Coffee", "Tea"):
            make("line", invoice=key, text=text, quantity="1", amount="50.00", tax=1)
        return key


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    """The module of the page."""
    (text,) = re.findall(r"```python\n# acme_gateway/ledger.py\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    file: Path = tmp_path_factory.mktemp("ledger") / "ledger_of_the_page.py"
    file.write_text(text, "utf-8")
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[file.stem] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[file.stem]


@pytest.mark.parametrize("behaviour", BEHAVIOURS, ids=lambda one: one.name.replace(" ", "-"))
def test_a_third_erp_made_of_the_kit_behaves(ledger: ModuleType, behaviour: Behaviour) -> None:
    outcome = run_one(behaviour, LedgerTrial, ledger.Ledger, utc_now)
    expected = Verdict.NOT_APPLICABLE if behaviour.name in NOT_HERE else Verdict.PASSED
    assert outcome.verdict is expected, outcome.note


# Relations.


class Store(Records):
    """Models in memory that count how often they are read."""

    system = "Store"

    def __init__(self, rows: Mapping[str, Sequence[Record]]) -> None:
        super().__init__()
        self._rows = rows
        self.asked: list[str] = []
        self.foretell(
            {
                "invoice": "number buyer:party ship_to:party tax:tax",
                "party": "name country:country",
                "country": "code",
                "tax": "rate",
                "line": "invoice:invoice sequence text taxes:tax",
            }
        )

    def version(self) -> str:
        return "1"

    def moment(self, at: datetime) -> object:
        return at.isoformat()

    def strange(self, what: str) -> RemoteUnexpected:
        return RemoteUnexpected(what, where="Store", fix="look")

    def _search(
        self, model: str, domain: Sequence[Any], wanted: Sequence[str], limit: int, order: str
    ) -> object:
        self.asked.append(model)
        rows = self._rows.get(model, [])
        kept = [row for row in rows if all(HOLDS[how](row[name], value) for name, how, value in domain)]
        return [{name: row[name] for name in ("id", *wanted)} for row in kept[:limit]]

    def _fields_of(self, model: str) -> object:
        raise AssertionError(f"the fields of {model} were told before")

    def _create(self, model: str, values: Mapping[str, object]) -> object:
        raise AssertionError("nothing is made here")


ROWS: Final[Mapping[str, Sequence[Record]]] = {
    "invoice": [
        {"id": 1, "number": "A-1", "buyer": 7, "ship_to": 8},
        {"id": 2, "number": "A-2", "buyer": 8, "ship_to": None},
        {"id": 3, "number": "A-3", "buyer": 99, "ship_to": 7},
    ],
    "party": [{"id": 7, "name": "Kessel", "country": 1}, {"id": 8, "name": "Nordwind", "country": 2}],
    "country": [{"id": 1, "code": "BE"}, {"id": 2, "code": "DE"}],
    "tax": [{"id": 5, "rate": "21"}, {"id": 6, "rate": "6"}],
    "line": [
        {"id": 11, "invoice": 1, "sequence": 20, "text": "second", "taxes": [5, 6]},
        {"id": 12, "invoice": 1, "sequence": 10, "text": "first", "taxes": [6, 404]},
        {"id": 13, "invoice": 2, "sequence": 10, "text": "other", "taxes": []},
    ],
}
WITH_PARTIES: Final = names("number buyer(name country(code)) ship_to(name)")


def test_what_records_refer_to_stands_in_its_place() -> None:
    found = Relations(Store(ROWS)).read("invoice", [1, 2, 3, 404], WITH_PARTIES)
    assert sorted(found) == [1, 2, 3]
    assert found[1] == {
        "id": 1,
        "number": "A-1",
        "buyer": {"id": 7, "name": "Kessel", "country": {"id": 1, "code": "BE"}},
        "ship_to": {"id": 8, "name": "Nordwind"},
    }
    assert (at(found[2], "buyer.country.code"), at(found[2], "ship_to.name")) == ("DE", None)
    assert found[3]["buyer"] is None, "it is gone"


def test_each_model_is_read_once_however_many_records_refer_to_it() -> None:
    store = Store(ROWS)
    related = Relations(store)
    related.read("invoice", [1, 2], WITH_PARTIES)
    assert store.asked == ["invoice", "party", "country"]
    related.read("invoice", [2, 1], WITH_PARTIES)
    assert store.asked == ["invoice", "party", "country", "invoice"]


def test_what_more_is_wanted_of_a_model_is_read() -> None:
    related = Relations(Store(ROWS))
    related.read("invoice", [1], names("buyer(name)"))
    (found,) = related.read("invoice", [1], names("buyer(country(code))")).values()
    assert found["buyer"] == {"id": 7, "country": {"id": 1, "code": "BE"}}


def test_lines_come_by_invoice_in_their_order() -> None:
    lines = Relations(Store(ROWS)).children("line", "invoice", [1, 2], names("sequence text taxes(rate)"))
    assert [line["text"] for line in lines[1]] == ["first", "second"]
    assert [[tax["rate"] for tax in line["taxes"]] for line in lines[1]] == [["6"], ["21", "6"]]
    assert lines[2][0]["taxes"] == []


def test_a_field_that_is_counted_on_and_absent_is_named() -> None:
    (found,) = Relations(Store(ROWS)).read("invoice", [1], names("number")).values()
    with pytest.raises(RemoteUnexpected, match="no field total"):
        found["total"]


def test_a_relation_whose_model_nobody_tells_is_not_guessed() -> None:
    store = Store(ROWS)
    store.foretell({"invoice": "number buyer"})
    with pytest.raises(RemoteUnexpected, match=r"invoice\.buyer"):
        Relations(store).read("invoice", [1], names("buyer(name)"))


# Complaints, sums, the one.

TABLE: Final = Complaints(
    "Acme",
    (
        no_right("AccessError", words="not allowed"),
        busy("Locked"),
        Meaning(RemoteUnexpected, "{system} has a mistake: {text}", "tell {owner}", kinds=("builtins",)),
        own_error(500),
    ),
    otherwise="look at it",
    owner="whoever runs it",
)


@pytest.mark.parametrize(
    ("said", "error", "what"),
    [
        (Complaint("acme.errors.AccessError", "no"), RemoteRefused, "Acme refuses: no"),
        (Complaint("UserError", "You are Not allowed"), RemoteRefused, "Acme refuses: You are Not allowed"),
        (Complaint("Locked", ""), RemoteUnavailable, "Acme's database is busy"),
        (Complaint("builtins.KeyError", "x", 500), RemoteUnexpected, "Acme has a mistake: x"),
        (Complaint("", "", 500), RemoteUnavailable, "Acme answered 500"),
        (Complaint("acme.Other", "{odd} words"), RemoteUnexpected, "Acme says Other: {odd} words"),
    ],
)
def test_the_first_row_that_fits_decides(said: Complaint, error: type[Exception], what: str) -> None:
    found = TABLE.error(said, "Acme books, invoice.read", b"evidence")
    assert type(found) is error
    assert found.what.startswith(what)
    assert found.where == "Acme books, invoice.read"


def test_only_what_is_unexpected_keeps_evidence_and_long_words_are_cut() -> None:
    found = TABLE.error(Complaint("Other", "word " * 500), "Acme", b"evidence")
    assert isinstance(found, RemoteUnexpected)
    assert found.evidence == b"evidence"
    assert len(found.what) < 330
    lost = TABLE.error(Complaint("", "", 500), "Acme")
    assert isinstance(lost, RemoteUnavailable)
    assert lost.uncertain


def test_lines_that_do_not_make_the_total_are_for_people() -> None:
    insist_on_sum("Acme", "A-1", ["10.00", "2.50", None], "12.5")
    with pytest.raises(DocumentError, match=r"make 10\.00, its untaxed amount is 12\.50"):
        insist_on_sum("Acme", "A-1", ["10.00"], "12.50")


def test_none_and_several_are_told_apart() -> None:
    said = {"none": "no account", "many": "two accounts", "where": "Acme", "fix": "name one"}
    assert the_one([7], **said) == 7
    for found, words in (([], "no account"), ([7, 8], "two accounts")):
        with pytest.raises(RemoteBlocked, match=words):
            the_one(found, **said)

"""Calls with a method and parameters as JSON, answered by a result or an error: JSON-RPC and its relatives.

How an error is put differs from ERP to ERP; each explains its own as one of `formats.errors`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping
from typing import Any, Generic, TypeVar

from connectors.budget import CallBudget
from connectors.http import HttpAnswer, HttpClient
from formats.errors import EInvoicingError, RemoteUnexpected

__all__ = ["JsonRpc", "Session", "strange"]

_Proof = TypeVar("_Proof")


def strange(system: str, where: str, page: str = "", evidence: bytes = b"") -> RemoteUnexpected:
    """An answer of a form that nobody foresaw; `page` is the page of docs/connectors that names versions."""
    known = f"those in docs/connectors/{page}" if page else "the one that this connector was written for"
    return RemoteUnexpected(
        f"{system} answered in a form that this connector does not know",
        where=where,
        fix=f"compare the server's version with {known}",
        evidence=evidence,
    )


class JsonRpc:
    """One server that takes such calls; answers are bounded and timed by `http`, calls counted by `budget`.

    `explain` makes an error of ours of what was said instead of a result: of the place, the error (None for
    an answer that holds neither) and the answer.
    """

    def __init__(
        self,
        http: HttpClient,
        explain: Callable[[str, Any, HttpAnswer], EInvoicingError],
        *,
        marks: Mapping[str, object] | None = None,
        budget: CallBudget | None = None,
    ) -> None:
        self._http, self._explain, self._marks, self._budget = http, explain, marks or {}, budget

    def ask(
        self,
        path: str,
        method: str,
        params: object,
        *,
        headers: Mapping[str, str] | None = None,
        allowed: Collection[int] = (),
        writing: bool = False,
    ) -> HttpAnswer:
        """The answer as it came; statuses 2xx and `allowed`."""
        body = {**self._marks, "id": 1, "method": method, "params": params}
        return self.post(path, body, headers=headers, allowed=allowed, writing=writing)

    def post(
        self,
        path: str,
        body: Mapping[str, object],
        *,
        headers: Mapping[str, str] | None = None,
        allowed: Collection[int] = (),
        writing: bool = False,
    ) -> HttpAnswer:
        """The answer to a body without envelope, for the relatives: its method stands in the path."""
        if self._budget is not None:
            self._budget.spend(writing=writing)
        return self._http.request("POST", path, json=body, headers=headers, allowed=allowed)

    def result(self, answer: HttpAnswer, what: str) -> Any:
        """What the call gave. Raises what `explain` says, of an error and of an answer without either (None).

        A method that returns nothing may leave the result out.
        """
        data = self._data(answer, what)
        if not isinstance(data, dict) or not data.keys() & {"result", "error", "id"}:
            raise self._explain(what, None, answer)
        if data.get("error") is not None or not _fine(answer):
            raise self._explain(what, data.get("error"), answer)
        return data.get("result")

    def bare(self, answer: HttpAnswer, what: str) -> Any:
        """The same where there is no envelope: the whole body is the result, or the error, by the status."""
        data = self._data(answer, what)
        if not _fine(answer):
            raise self._explain(what, data, answer)
        return data

    def _data(self, answer: HttpAnswer, what: str) -> Any:
        try:
            return answer.json()
        except RemoteUnexpected:
            if _fine(answer):
                raise
            raise self._explain(what, None, answer) from None


def _fine(answer: HttpAnswer) -> bool:
    return 200 <= answer.status < 300


class Session(Generic[_Proof]):
    """A login that is made with the first call and again when the server has ended it. Safe to share."""

    def __init__(self, log_in: Callable[[], _Proof]) -> None:
        self._log_in = log_in
        self._guard = threading.Lock()
        self._proof: _Proof | None = None

    def proof(self) -> _Proof:
        """What shows who we are."""
        with self._guard:
            if self._proof is None:
                self._proof = self._log_in()
            return self._proof

    def end(self) -> None:
        """The next call logs in anew."""
        with self._guard:
            self._proof = None

    def use(self, ask: Callable[[_Proof], HttpAnswer], ended: Callable[[HttpAnswer], bool]) -> HttpAnswer:
        """The answer of a call; where the session turns out to have ended, once more with a new one."""
        answer = ask(self.proof())
        if ended(answer):
            self.end()
            answer = ask(self.proof())
        return answer

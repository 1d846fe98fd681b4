"""Calls with a method and parameters as JSON, answered by a result or an error: JSON-RPC and its relatives.

How an error is put differs from ERP to ERP; each explains its own as one of `formats.errors`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping
from typing import Any, Generic, TypeVar

from connectors.http import HttpAnswer, HttpClient
from formats.errors import EInvoicingError, RemoteUnexpected

__all__ = ["JsonRpc", "Session", "strange"]

_Proof = TypeVar("_Proof")


def strange(system: str, where: str, page: str, evidence: bytes = b"") -> RemoteUnexpected:
    """An answer of a form that nobody foresaw; `page` is the page of docs/connectors that names versions."""
    return RemoteUnexpected(
        f"{system} answered in a form that this connector does not know",
        where=where,
        fix=f"compare the server's version with those in docs/connectors/{page}",
        evidence=evidence,
    )


class JsonRpc:
    """One server that takes such calls. `explain` makes an error of ours of what it said instead of a
    result."""

    def __init__(
        self,
        http: HttpClient,
        explain: Callable[[str, Any, HttpAnswer], EInvoicingError],
        *,
        marks: Mapping[str, object] | None = None,
    ) -> None:
        self._http, self._explain, self._marks = http, explain, marks or {}

    def ask(
        self,
        path: str,
        method: str,
        params: object,
        *,
        headers: Mapping[str, str] | None = None,
        allowed: Collection[int] = (),
    ) -> HttpAnswer:
        """The answer as it came; statuses 2xx and `allowed`."""
        body = {**self._marks, "id": 1, "method": method, "params": params}
        return self._http.request("POST", path, json=body, headers=headers, allowed=allowed)

    def result(self, answer: HttpAnswer, what: str) -> Any:
        """What the call gave. Raises what `explain` says, of an error and of an answer without either (None).

        A method that returns nothing may leave the result out.
        """
        fine = 200 <= answer.status < 300
        try:
            data = answer.json()
        except RemoteUnexpected:
            if fine:
                raise
            raise self._explain(what, None, answer) from None
        if not isinstance(data, dict) or not data.keys() & {"result", "error", "id"}:
            raise self._explain(what, None, answer)
        if data.get("error") is not None:
            raise self._explain(what, data["error"], answer)
        if not fine:
            raise self._explain(what, None, answer)
        return data.get("result")


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

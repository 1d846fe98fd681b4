"""Tryton, which nobody imitates here: the real server, behind a door that plays faults.

Each of these systems begins on a day of its own in the books. The door passes every request on as it came and
the answer back as it was given; a fault is played before, after or instead of that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

import requests

from connectors.sandbox.faults import Faults
from connectors.sandbox.http_server import Reply, Request, SandboxHttpServer, text_reply
from connectors.sandbox.tryton_server import BUYER, PASSWORD, server

__all__ = ["TrytonBehindFaults"]

# Of the request's head, what concerns Tryton.
_PASSED_ON: Final = ("authorization", "content-type", "accept")


class TrytonBehindFaults:
    """A real Tryton server from one day of its books on; the place of a fault is the method called, as in
    `model.ir.note.create`."""

    name = "tryton"

    def __init__(self, port: int = 0) -> None:
        self.faults = Faults()
        self._http = SandboxHttpServer(port, self.faults, place=_method)
        self._http.route("POST", r"/(?:[^/]+/)?rpc/", self._pass_on)
        self._session = requests.Session()
        self._revoked = False
        self.first_day = date.max

    def start(self) -> None:
        if self.first_day is date.max:
            self.first_day = server().new_day()
        self._http.start()

    def stop(self) -> None:
        self._http.stop()
        self._session.close()

    def addresses(self) -> Mapping[str, str]:
        return {"http": self._http.url}

    def secrets(self) -> Mapping[str, str]:
        return {"tryton_password": PASSWORD}

    def mend(self) -> list[str]:
        """Nothing is faulty at the start."""
        return []

    def holdings(self) -> Mapping[str, object]:
        return {"first_day": self.first_day.isoformat()}

    @property
    def company(self) -> int:
        """The id of the company in its database."""
        return int(server().facts["company"])

    def ask(self, order: str, **arguments: Any) -> Any:
        """Have the clerk do something; `tryton_clerk` has the orders."""
        return server().ask(order, **arguments)

    def invoice(self, *lines: Sequence[str], buyer: str = BUYER, **more: Any) -> dict[str, Any]:
        """One invoice of this system's day: its id, number, state and total."""
        day = self.first_day.isoformat()
        made: dict[str, Any] = self.ask("invoice", buyer=buyer, lines=lines, day=day, **more)
        return made

    def _pass_on(self, request: Request) -> Reply:
        place = _method(request)
        if self.faults.take(place, "revoked-token") is not None:
            self._revoked = True
        expired = "authorization" in request.headers and self.faults.take(place, "expired-token") is not None
        if expired or (self._revoked and place != "common.server.version"):
            return text_reply("Unauthorized", 401)
        headers = {name: request.headers[name] for name in _PASSED_ON if name in request.headers}
        answer = self._session.post(
            server().url + request.path, data=request.body, headers=headers, timeout=60
        )
        media_type = answer.headers.get("Content-Type", "text/plain")
        return Reply(answer.status_code, answer.content, media_type)


def _method(request: Request) -> str:
    """The method that is called; the body of a request that is none gives the path."""
    try:
        return str(request.json()["method"])
    except (ValueError, KeyError, TypeError):
        return request.path

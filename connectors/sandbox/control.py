"""The control server of the offline world: where everything is, what arrived, faults on and off, mend, quit.

    GET    /                 addresses, by system and purpose
    GET    /holdings         what each system got; /holdings/<system> for one
    POST   /mend             put seeded mistakes right; body {"system": "..."} for one system, or none
    POST   /faults           body {"system": "provider", "fault": "lost-receipt*2"}, or by chance
                             {"fault": "random:0.05", "seed": 7}, for all systems without "system"
    DELETE /faults           forget the faults that were not played
    POST   /quit             end the sandbox

Answers are JSON; a mistake is 400 with {"what", "where", "fix"}.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Final, Protocol

from connectors.sandbox.asking import answering_mistakes, asked_object
from connectors.sandbox.faults import Chance, Fault, Faults
from connectors.sandbox.http_server import Reply, Request, SandboxHttpServer, json_reply
from formats.errors import ConfigError

__all__ = ["Control"]

_HERE: Final = "sandbox control"


class _Controlled(Protocol):
    """What the control server needs of the world."""

    def addresses(self) -> Mapping[str, Mapping[str, str]]: ...

    def holdings(self) -> Mapping[str, Mapping[str, object]]: ...

    def mend(self, system: str | None = None) -> Mapping[str, list[str]]: ...

    def arm(self, system: str, fault: Fault | Chance) -> None: ...

    def clear_faults(self) -> None: ...


class Control:
    """`quit_` is called when somebody asks for the end; it must return at once."""

    def __init__(self, world: _Controlled, port: int, quit_: Callable[[], None]) -> None:
        self._world = world
        self._quit = quit_
        self._server = SandboxHttpServer(port, Faults(), largest=64 * 1024)
        for method, pattern, answer in (
            ("GET", "/", self._addresses),
            ("GET", "/holdings(?:/([a-z0-9_-]+))?", self._holdings),
            ("POST", "/mend", self._mend),
            ("POST", "/faults", self._arm),
            ("DELETE", "/faults", self._clear),
            ("POST", "/quit", self._end),
        ):
            self._server.route(method, pattern, answering_mistakes(answer))

    @property
    def url(self) -> str:
        return self._server.url

    def start(self) -> None:
        self._server.start()

    def stop(self) -> None:
        self._server.stop()

    def _addresses(self, request: Request) -> Reply:
        return json_reply({name: dict(places) for name, places in self._world.addresses().items()})

    def _holdings(self, request: Request) -> Reply:
        found = self._world.holdings()
        name = request.match[1]
        if name is not None and name not in found:
            raise _mistake(f"there is no system {name}", f"use one of {', '.join(found)}")
        # Amounts and moments that a system keeps as values become texts.
        body = json.dumps(found if name is None else found[name], default=str, ensure_ascii=False, indent=1)
        return Reply(200, body.encode(), "application/json;charset=utf-8")

    def _mend(self, request: Request) -> Reply:
        system = asked_object(request, where=_HERE).get("system")
        if system is not None and not isinstance(system, str):
            raise _mistake("system is not a text", 'send {"system": "sap"}, or nothing for all')
        return json_reply(dict(self._world.mend(system)))

    def _arm(self, request: Request) -> Reply:
        body = asked_object(request, where=_HERE)
        system, fault, seed = body.get("system"), body.get("fault"), body.get("seed", 0)
        by_chance = isinstance(fault, str) and fault.startswith("random:")
        if system is None and by_chance:
            system = ""
        if not (isinstance(system, str) and isinstance(fault, str) and isinstance(seed, int)):
            raise _mistake(
                "system or fault are missing", 'send {"system": "provider", "fault": "lost-receipt"}'
            )
        if by_chance:
            self._world.arm(system, Chance.parse(fault.removeprefix("random:"), seed))
        else:
            self._world.arm(system, Fault.parse(fault))
        return json_reply({"armed": fault})

    def _clear(self, request: Request) -> Reply:
        self._world.clear_faults()
        return json_reply({"armed": None})

    def _end(self, request: Request) -> Reply:
        self._quit()
        return json_reply({"quit": True})


def _mistake(what: str, fix: str) -> ConfigError:
    return ConfigError(what, where=_HERE, fix=fix)

"""The offline world: all imitated systems together, as `gateway sandbox`, the demo and the tests use it."""

from __future__ import annotations

import errno
import threading
from collections.abc import Collection, Mapping
from dataclasses import replace
from types import TracebackType
from typing import Final

from connectors.sandbox.control import Control
from connectors.sandbox.faults import Chance, Fault
from connectors.sandbox.registry import BASE_PORT, Imitation, systems
from connectors.sandbox.system import ImitatedSystem
from formats.errors import ConfigError

__all__ = ["World", "parse_fault"]

_RANDOM: Final = "random"


def parse_fault(text: str, seed: int = 0) -> tuple[str, Fault | Chance]:
    """Read `system:kind[@where][*times][~seconds]`, as in `provider:lost-receipt*2`, or
    `[system:]random:share[@where]`, as in `random:0.05`: by chance, the same for the same `seed`.

    The system is "" for all of them.
    """
    system, colon, fault = text.strip().partition(":")
    if system == _RANDOM:
        return "", Chance.parse(fault, seed)
    if system in (names := {imitation.name for imitation in systems()}) and fault.startswith(f"{_RANDOM}:"):
        return system, Chance.parse(fault.removeprefix(f"{_RANDOM}:"), seed)
    if not colon or system not in names:
        raise ConfigError(
            f"{text[:200]!r} does not say which system has the fault",
            where="--faults",
            fix=f"write one of {_names()}, a colon and the fault, as in provider:lost-receipt; "
            "or random:0.05 for all",
        )
    return system, Fault.parse(fault)


class World:
    """All imitated systems, or those named in `only`, each on its port above `base_port` (0: any free ports).

    The control server listens on `base_port` itself. Use it as a context manager, or `start` and `stop` it.
    Raises ConfigError for a base port that does not fit, when it is made, and for a port that is taken, when
    it is started; nothing is left running then.
    """

    def __init__(self, base_port: int = BASE_PORT, *, only: Collection[str] = ()) -> None:
        known = systems()
        highest = 65_535 - max(one.offset + one.ports for one in known)
        if base_port and not 1_024 <= base_port <= highest:
            raise ConfigError(
                f"{base_port} cannot be the first port of the sandbox",
                where="--base-port",
                fix=f"use 0 for any free ports, or a number from 1024 to {highest}",
            )
        for name in only:
            _insist(name, {one.name for one in known})
        self._base_port = base_port
        self._imitations = tuple(one for one in known if not only or one.name in only)
        self.systems: dict[str, ImitatedSystem] = {
            one.name: one.make(base_port + one.offset if base_port else 0) for one in self._imitations
        }
        self._quit = threading.Event()
        self._control = Control(self, base_port, self._quit.set)

    def __enter__(self) -> World:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start every system, then the control server: when that answers, all is there."""
        try:
            for imitation in self._imitations:
                self._start(imitation)
            try:
                self._control.start()
            except OSError as error:
                raise _not_started("control", (self._base_port,), error) from error
        except ConfigError:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop all that runs; safe to repeat."""
        self._control.stop()
        for system in self.systems.values():
            system.stop()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until somebody asks the control server to quit; False when `timeout` seconds have passed
        before."""
        return self._quit.wait(timeout)

    def addresses(self) -> dict[str, Mapping[str, str]]:
        """Where everything listens: by system, then by purpose. The control server is `control`, `http`."""
        return {
            "control": {"http": self._control.url},
            **{name: system.addresses() for name, system in self.systems.items()},
        }

    def secrets(self) -> dict[str, str]:
        """All login data, by file name."""
        return {name: secret for system in self.systems.values() for name, secret in system.secrets().items()}

    def mend(self, system: str | None = None) -> dict[str, list[str]]:
        """Put the seeded mistakes of one system, or of all, right; what was done, by system."""
        if system is not None:
            _insist(system, self.systems)
        return {name: one.mend() for name, one in self.systems.items() if system in (None, name)}

    def holdings(self) -> dict[str, Mapping[str, object]]:
        """What each system got from the gateway."""
        return {name: system.holdings() for name, system in self.systems.items()}

    def arm(self, system: str, fault: Fault | Chance) -> None:
        """Let a system play a fault, or all of them ("")."""
        if system:
            _insist(system, self.systems)
        for name, one in self.systems.items():
            if system in ("", name):
                # Each system has luck of its own.
                one.faults.arm(replace(fault, salt=name) if isinstance(fault, Chance) else fault)

    def clear_faults(self) -> None:
        """Forget all faults that were not played."""
        for system in self.systems.values():
            system.faults.clear()

    def _start(self, imitation: Imitation) -> None:
        first = self._base_port + imitation.offset
        try:
            self.systems[imitation.name].start()
        except OSError as error:
            ports = tuple(range(first, first + imitation.ports))
            raise _not_started(imitation.name, ports, error) from error


def _insist(name: str, known: Collection[str]) -> None:
    if name not in known:
        raise ConfigError(
            f"{name[:100]!r} is not a system of this sandbox",
            where="sandbox",
            fix=f"use one of {', '.join(sorted(known))}",
        )


def _not_started(name: str, ports: tuple[int, ...], error: OSError) -> ConfigError:
    shown = " or ".join(str(port) for port in ports)
    if error.errno == errno.EADDRINUSE:
        what = f"port {shown} is taken by another program, so {name} cannot start"
    else:
        what = f"{name} cannot listen on port {shown}: {error.strerror or type(error).__name__}"
    return ConfigError(
        what,
        where="sandbox",
        fix="stop the other program (perhaps another sandbox), or choose other ports with --base-port, "
        "and write them into the config",
    )


def _names() -> str:
    return ", ".join(imitation.name for imitation in systems())

"""The offline world and a config folder for it, as the tests of the pipeline use them."""

from __future__ import annotations

import random
import socket
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from connectors.sandbox.world import World
from gateway.cli.setup import write_config
from tests.gateway import prepared

_PORTS = (0, 10, 20, 30, 40, 50, 51, 90, 91, 95)


@dataclass(frozen=True, slots=True)
class Offline:
    """A running world, and a config folder that talks to it."""

    world: World
    config: Path

    def holdings(self) -> Mapping[str, Any]:
        return self.world.holdings()

    def arrivals(self) -> Counter[str]:
        """What the buyers' sides hold: invoice number at the provider, XML file name in mails."""
        holdings = self.holdings()
        delivered = [
            document["number"]
            for receiver in holdings["provider"]["receivers"].values()
            for document in receiver["documents"]
        ]
        mailed = [
            file["filename"].removesuffix(".xml")
            for receiver in holdings["mail"]["receivers"].values()
            for mail in receiver["messages"]
            for file in mail["attachments"]
            if file["filename"].endswith(".xml")
        ]
        return Counter(delivered + mailed)


@contextmanager
def offline_world(
    folder: Path,
    erps: Collection[str],
    database: str = "",
    workers: int = 2,
    also: Collection[str] = (),
) -> Iterator[Offline]:
    """Start the named ERPs with provider and mail, and write a config folder that knows only them; `also` are
    further systems of the world."""
    base = _free_base()
    world = World(base, only=(*erps, "provider", "mail", *also))
    with world:
        config = folder / "config"
        write_config(config, base)
        for file in (config / "sources").glob("*.yaml"):
            if file.stem not in erps:
                file.unlink()
        if "peppol" not in also:
            _without_access_point(config)
        main = config / "gateway.yaml"
        text = main.read_text("utf-8").replace("workers: 4", f"workers: {workers}")
        text = text.replace("first_seconds: 5", "first_seconds: 0.2")
        if database:
            text = text.replace("sqlite:///gateway.db", database)
        else:
            prepared.sqlite_copy(config / "gateway.db")
        main.write_text(text, "utf-8")
        yield Offline(world, config)


def _without_access_point(config: Path) -> None:
    """The provider is the way to buyers with an electronic address."""
    (config / "channels" / "peppol.yaml").unlink()
    routing = config / "routing.yaml"
    head, _, rest = routing.read_text("utf-8").partition("  - name: Peppol\n")
    _, _, provider = rest.partition("  - name: Peppol provider\n")
    routing.write_text(f"{head}  - name: Peppol\n{provider}", "utf-8")


def _free_base() -> int:
    for _ in range(200):
        base = random.randrange(20_000, 46_000, 100)  # noqa: S311  # keeps parallel test runs apart
        if all(_free(base + offset) for offset in _PORTS):
            return base
    raise AssertionError("no free ports on this machine")


def _free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True

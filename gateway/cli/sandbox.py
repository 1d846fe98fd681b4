"""gateway sandbox: the offline world on loopback, to try the gateway against and to test a configuration."""

from __future__ import annotations

import signal
from typing import Annotated

import typer
from rich import box
from rich.table import Table
from rich.text import Text

from gateway.cli.output import OUT

__all__ = ["register"]


def sandbox(
    base_port: Annotated[
        int, typer.Option(help="first port; each imitated system has its own place behind it")
    ] = 47000,
    faults: Annotated[
        list[str] | None,
        typer.Option(
            help="system:kind[@where][*times][~seconds], for example exact:too-many-requests*2~3, or by "
            "chance [system:]random:share, for example random:0.05; repeatable"
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="the same number gives the same random faults again")] = 0,
) -> None:
    """Imitate the ERPs, an access-point provider and a mail server until Ctrl-C."""
    from connectors.sandbox.world import World, parse_fault

    world = World(base_port=base_port)
    for fault in faults or ():
        world.arm(*parse_fault(fault, seed))
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    world.start()
    try:
        table = Table(title="The offline world", box=box.SIMPLE_HEAD, title_justify="left", pad_edge=False)
        for name in ("System", "What", "Address"):
            table.add_column(name)
        for system, addresses in world.addresses().items():
            for what, address in addresses.items():
                table.add_row(system, what, Text(address))
        OUT.print(table)
        OUT.print("Ctrl-C ends it. Nothing of it is reachable from outside this machine.")
        world.wait()
    except KeyboardInterrupt:
        OUT.print("Ended.")
    finally:
        world.stop()


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command()(sandbox)

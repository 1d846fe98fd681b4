"""gateway run, pull and process: all the time, or one round by hand."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Annotated, Final

import structlog
import typer
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from formats.errors import ConfigError
from gateway import logs, scheduler
from gateway.cli.invoices import print_status
from gateway.cli.output import ERRORS, OUT, config_folder, shown
from gateway.pipeline.runner import Observer, Runner
from gateway.wiring import Gateway

if TYPE_CHECKING:
    from gateway.web.server import WebServer

__all__ = ["Web", "process", "pull", "register", "run", "watched_round"]

_AGAIN_SECONDS: Final = 3.0
_log: Final = structlog.get_logger("web")


def run(context: typer.Context) -> None:
    """Poll, work, follow, report and take calls until told to stop (SIGTERM, Ctrl-C)."""
    gateway = Gateway.open(config_folder(context))
    logs.configure(gateway.settings.log_level, gateway.settings.log_format)
    web = Web(gateway)
    try:
        clean = scheduler.run(gateway, web.start, web.leave)
    finally:
        web.stop()
    if not clean:
        # A thread hangs in a call to the other side. All state is committed; waiting longer would gain
        # nothing.
        os._exit(0)
    gateway.close()


class Web:
    """The interface for other programs, beside the scheduler, where the settings want it.

    While another program holds the port, which may be the process that this one follows, it is tried again
    every `again` seconds; `Gateway.not_listening` says so meanwhile.
    """

    def __init__(self, gateway: Gateway, *, again: float = _AGAIN_SECONDS) -> None:
        self._gateway = gateway
        self._again = again
        self._server: WebServer | None = None
        self._waiting: threading.Thread | None = None
        self._leaving = threading.Event()
        self._lock = threading.Lock()

    @property
    def listening(self) -> bool:
        """Whether calls are taken."""
        return self._server is not None

    def start(self, wake: Callable[[], None]) -> None:
        """Take calls. Where the address cannot be had, invoices go on without it until it can."""
        wanted = self._gateway.settings.web
        if not wanted.enabled:
            return
        # Loaded here: the other commands need not wait for it.
        from gateway.web.app import create_app
        from gateway.web.server import WebServer

        server = WebServer(create_app(self._gateway, woken=wake), wanted.host, wanted.port)
        if not self._listen(server):
            self._waiting = threading.Thread(target=self._try, args=(server,), name="web again", daemon=True)
            self._waiting.start()

    def leave(self) -> None:
        """Free the port at once; calls at hand go on. Safe to repeat."""
        self._leaving.set()
        with self._lock:
            if self._server is not None:
                self._server.leave()

    def stop(self) -> None:
        """Let calls at hand end, for a few seconds; safe to repeat."""
        self.leave()
        if self._waiting is not None:
            self._waiting.join()
        if self._server is not None:
            self._server.stop()

    def _try(self, server: WebServer) -> None:
        while not self._leaving.wait(self._again):
            if self._listen(server):
                return

    def _listen(self, server: WebServer) -> bool:
        gateway = self._gateway
        with self._lock:
            if self._leaving.is_set():
                return True
            try:
                server.start()
            except ConfigError as error:
                if gateway.not_listening is None:
                    gateway.not_listening = gateway.clock(), error
                    then = f"tried again every {self._again:g} seconds"
                    _log.error(
                        "web not started", what=error.what, where=error.where, fix=error.fix, then=then
                    )
                else:
                    _log.warning("web still not started", what=error.what)
                return False
            self._server = server
            gateway.not_listening = None
        _log.info("web", url=server.url)
        return True


def pull(
    context: typer.Context,
    source: Annotated[str | None, typer.Argument(help="one source; all without it")] = None,
) -> None:
    """Read what changed in the ERPs, without sending anything yet."""
    gateway = Gateway.open(config_folder(context))
    logs.configure("error", gateway.settings.log_format)
    failed: list[str] = []

    def observe(what: str, subject: str, result: str) -> None:
        number = result.isdigit()
        told = f"{result} new documents" if number else result
        OUT.print(shown(f"{subject}: {told}"), soft_wrap=True)
        if not number:
            failed.append(subject)

    try:
        names = [spec.name for spec in gateway.settings.sources if source in (None, spec.name)]
        if not names:
            raise ConfigError(
                f"there is no source {source}", where="gateway pull", fix="see the folder sources/"
            )
        runner = Runner(gateway, observe)
        for name in names:
            runner.collect(name)
    finally:
        gateway.close()
    if failed:
        raise typer.Exit(1)


def process(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="for machines")] = False,
) -> None:
    """One whole round: read the ERPs, work, take in receipts, report back, ask for payments.

    Ends with 1 where an ERP or a channel could not be asked; what its invoices need is done later.
    """
    gateway = Gateway.open(config_folder(context))
    logs.configure("error", gateway.settings.log_format)
    try:
        troubles = watched_round(gateway, quiet=as_json)
        print_status(gateway, as_json=as_json)
    finally:
        gateway.close()
    for (what, name), sentence in troubles.items():
        # For a source the status has said it already, where it is for people.
        if as_json or what != "collected":
            ERRORS.print(shown(f"{name}: not {what}. {sentence}"), soft_wrap=True)
    if troubles:
        raise typer.Exit(1)


def watched_round(gateway: Gateway, *, quiet: bool = False) -> Mapping[tuple[str, str], str]:
    """A round with a line of progress for people; the terminal's standard error, so that output stays
    clean. Gives what could not be asked, with the reason."""
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=20),
        TextColumn("{task.fields[last]}", markup=False),
        TimeElapsedColumn(),
        console=ERRORS,
        transient=True,
        disable=quiet or not ERRORS.is_terminal,
    ) as progress:
        task = progress.add_task("reading the ERPs", total=None, last="")
        runner = Runner(gateway, _teller(progress, task))
        runner.round()
    return runner.troubles


def _teller(progress: Progress, task: object) -> Observer:
    words = {
        "collected": "reading the ERPs",
        "worked": "writing, checking, sending",
        "reported": "reporting back",
    }

    def tell(what: str, subject: str, result: str) -> None:
        progress.update(
            task,  # type: ignore[arg-type]  # rich's own type for a task is an int by another name
            description=words.get(what, "following receipts and payments"),
            last=shown(f"{subject}: {result}"[:70]).plain,
            advance=1,
        )

    return tell


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command()(run)
    app.command()(pull)
    app.command()(process)

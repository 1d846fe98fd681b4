"""gateway init and gateway check: a config folder that works, and whether every connection does."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from secrets import token_urlsafe
from typing import Annotated, Final

import typer
from rich.text import Text

from connectors.base import Channel, CheckStep, ErpConnector
from formats.errors import ConfigError, EInvoicingError
from formats.registry import PROFILES
from gateway.cli.output import OUT, config_folder, print_json, shown
from gateway.cli.plugins import plugin_steps
from gateway.pipeline import failing
from gateway.pipeline.foreign import contained
from gateway.rules.packs import KNOWN
from gateway.store import sides
from gateway.store.sides import Errand
from gateway.wiring import Gateway

__all__ = ["check", "init", "register", "write_config"]

_BASE_PORT: Final = 47000
_SANDBOX_PORT: Final = re.compile(r"\b470([0-9]{2})\b")


def init(
    folder: Annotated[Path, typer.Argument(help="a new or empty folder")],
    base_port: Annotated[
        int, typer.Option(help="first port of the offline world (gateway sandbox)")
    ] = _BASE_PORT,
) -> None:
    """Write a commented config folder that works with the offline world as it stands."""
    write_config(folder, base_port)
    OUT.print(f"Wrote {folder}. It talks to the offline world as it stands; try it in two terminals:\n")
    port = "" if base_port == _BASE_PORT else f" --base-port {base_port}"
    OUT.print(f"  gateway sandbox{port}\n  gateway -c {folder} check\n", soft_wrap=True)
    OUT.print(
        "To connect your own ERP, edit the files in sources/ and companies/; each line says what it is for."
    )


def write_config(folder: Path, base_port: int) -> None:
    """The config examples with the sandbox's logins. Raises ConfigError rather than overwrite a file."""
    from connectors.sandbox.world import World

    if folder.exists() and any(folder.iterdir()):
        raise ConfigError(
            "the folder is not empty, and nothing is overwritten", where=str(folder), fix="name a new folder"
        )
    for path, text in _examples(_config_root(), Path()):
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(_SANDBOX_PORT.sub(lambda match: str(base_port + int(match[1])), text), "utf-8")
    secrets = folder / "secrets"
    secrets.mkdir(mode=0o700, exist_ok=True)
    world = World(base_port=base_port)
    logins = world.secrets()
    world.stop()
    for name, text in logins.items():
        file = secrets / name
        file.parent.mkdir(mode=0o700, exist_ok=True)
        file.touch(mode=0o600)
        file.write_text(text, "utf-8")
    _write_key(secrets / "web-key")
    (folder / ".gitignore").write_text("secrets/\nlocks/\n*.db\n*.db-*\n", "utf-8")


def _write_key(file: Path) -> None:
    """What seals second factors and signs links to buyers: another one in each installation."""
    file.touch(mode=0o600)
    file.write_text(token_urlsafe(48) + "\n", "utf-8")


def _config_root() -> Traversable:
    installed = resources.files("gateway").joinpath("config_examples")
    return installed if installed.is_dir() else Path(__file__).parents[2] / "config"


def _examples(folder: Traversable, below: Path) -> Iterator[tuple[Path, str]]:
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir():
            yield from _examples(entry, below / entry.name)
        elif entry.name.endswith(".yaml"):
            yield below / entry.name, entry.read_text("utf-8")


def check(
    context: typer.Context,
    name: Annotated[str | None, typer.Argument(help="one source or channel; all without it")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="for machines")] = False,
) -> None:
    """Check the configuration, the mappings, the rules and every connection; say what is wrong and how to
    mend it."""
    gateway = Gateway.open(config_folder(context))
    try:
        results = [
            {"name": subject, "step": step.name, "ok": step.ok, "seen": step.seen, "fix": step.fix}
            for subject, step in _steps(gateway, name)
            if _show(subject, step, quiet=as_json)
        ]
        _note_what_works(gateway, results)
    finally:
        gateway.close()
    if as_json:
        print_json(results)
    if not results:
        raise ConfigError(
            f"there is no source or channel {name}", where="gateway check", fix="see gateway status"
        )
    if not all(result["ok"] for result in results):
        raise typer.Exit(1)


def _steps(gateway: Gateway, name: str | None) -> Iterator[tuple[str, CheckStep]]:
    if name is None:
        yield "gateway", CheckStep("configuration", True, str(gateway.settings.folder))
        yield (
            "gateway",
            CheckStep("database", True, "current" if gateway.database.is_sqlite else "PostgreSQL, current"),
        )
        yield from (("rules", step) for step in _rules(gateway))
        yield from (("plug-ins", step) for step in plugin_steps())
    for left_out in gateway.settings.left_out:
        if name in (None, left_out.name):
            problem = left_out.problem
            yield left_out.name, CheckStep("plug-in", False, f"{problem.what} ({problem.where})", problem.fix)
    for source in gateway.settings.sources:
        if name in (None, source.name):
            yield source.name, _mapping(gateway, source.name)
            yield from _connection(source.name, partial(gateway.source, source.name))
    for channel in gateway.settings.channels:
        if name in (None, channel.name):
            yield from _connection(channel.name, partial(gateway.channel, channel.name))
    if name is None:
        # Last, so that what the checks themselves have called is counted.
        for standing in gateway.budgets.standing():
            yield "call budgets", CheckStep(standing.tenant, True, standing.sentence)


def _mapping(gateway: Gateway, source: str) -> CheckStep:
    try:
        mapping = gateway.mapping(source)
    except ConfigError as error:
        return CheckStep("mapping", False, f"{error.what} ({error.where})", error.fix)
    return CheckStep("mapping", True, f"{mapping.name} {mapping.version}, {mapping.document}")


def _rules(gateway: Gateway) -> Iterator[CheckStep]:
    """The rule packs that the routes need; of others nothing is said."""
    needed = [key for route in gateway.settings.routes for key in PROFILES[route.profile].rule_packs]
    for key in dict.fromkeys(needed):
        pack = gateway.rules.in_force(key)
        if pack is None:
            title = KNOWN[key].title if key in KNOWN else key
            fix = f"get {title} from their publisher: gateway rules fetch, or gateway rules add FILE"
            yield CheckStep(key, False, "not installed", fix)
        else:
            yield CheckStep(key, True, f"{pack.title}, {pack.release}. {pack.superseded}".rstrip(". "))


def _connection(name: str, made: Callable[[], ErpConnector | Channel]) -> Iterator[tuple[str, CheckStep]]:
    try:
        with contained(name):
            steps = made().check()
        while True:
            with contained(name):
                step = next(steps, None)
            if step is None:
                return
            yield name, step
    except EInvoicingError as error:
        yield name, CheckStep("settings", False, f"{error.what} ({error.where})", error.fix)


def _note_what_works(gateway: Gateway, results: Sequence[Mapping[str, object]]) -> None:
    """What was called failing and connects now is not called so any longer."""
    broken = {result["name"] for result in results if not result["ok"]}
    works = {result["name"] for result in results} - broken
    named = [(sides.source(one.name), one.name) for one in gateway.settings.sources]
    named += [(sides.channel(one.name), one.name) for one in gateway.settings.channels]
    for side, name in named:
        if name in works:
            failing.over(gateway, side, *Errand)


def _show(subject: str, step: CheckStep, *, quiet: bool) -> bool:
    if not quiet:
        mark = ("ok  ", "green") if step.ok else ("FAIL", "bold red")
        OUT.print(
            Text.assemble(mark, f" {subject:22} {step.name:18} ", shown(step.seen, "dim")), soft_wrap=True
        )
        if not step.ok and step.fix:
            OUT.print(shown(f"     to do: {step.fix}"), soft_wrap=True)
    return True


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command()(init)
    app.command()(check)

"""A real Tryton server on SQLite with the books of one company, and its clerk.

It needs Tryton's own packages (`pip install erp-einvoicing-gateway[tryton]`). Making the database takes half
a minute, so it is made once, kept in the temporary folder, and copied for each server. One server and one
clerk serve this process and end with it; whoever uses them gets days of their own (`new_day`), so that one
does not see the invoices of another.
"""

from __future__ import annotations

import atexit
import fcntl
import itertools
import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from time import monotonic, sleep
from typing import Any, Final

import requests

from formats.errors import ConfigError

__all__ = ["BUYER", "DATABASE", "PASSWORD", "PRODUCT", "USER", "TrytonServer", "server"]

DATABASE: Final = "windmolen"
USER: Final = "admin"
PASSWORD: Final = "opens nothing but this server on loopback"
# What the clerk has set up in each company.
BUYER: Final = "Koper & Zonen B.V."
PRODUCT: Final = "Tandwiel 40 mm"
_MODULES: Final = ("ir", "res", "account_invoice", "edocument_unece")
_PACKAGES: Final = ("trytond", "trytond_account_invoice", "trytond_edocument_unece", "proteus")
_PATIENCE: Final = 120.0
_ATTEMPTS: Final = 3
_CONFIG_FILE: Final = "trytond.conf"
_CONFIG: Final = """[database]
uri = sqlite://
path = {folder}
[web]
listen = 127.0.0.1:{port}
"""


@dataclass(slots=True)
class TrytonServer:
    """A running server. `url` is its address, `facts` what the clerk set up."""

    url: str
    facts: dict[str, Any]
    _folder: Path
    _server: subprocess.Popen[bytes]
    _clerk: subprocess.Popen[str]
    _days: itertools.count[int] = field(default_factory=lambda: itertools.count(1))
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def new_day(self) -> date:
        """A day in the books on which nothing was invoiced yet; all earlier days are older."""
        return date.fromisoformat(self.facts["first_day"]) + timedelta(days=next(self._days))

    def ask(self, order: str, **arguments: Any) -> Any:
        """Have the clerk do something; what came of it."""
        with self._lock:
            if self._clerk.poll() is not None:
                # One who could not do what was asked has gone home.
                self._clerk = _clerk(self._folder / _CONFIG_FILE)
            return _ask(self._clerk, {"order": order, **arguments})

    def end(self) -> None:
        """Stop server and clerk and remove the database."""
        for process in (self._server, self._clerk):
            process.kill()
            process.wait(20)
        for pipe in (self._clerk.stdin, self._clerk.stdout):
            if pipe is not None:
                with suppress(BrokenPipeError):
                    pipe.close()
        shutil.rmtree(self._folder, ignore_errors=True)


@cache
def server() -> TrytonServer:
    """The server of this process, started when first asked for. Raises ConfigError where Tryton is not
    installed."""
    if not all(find_spec(package.partition("_")[0]) for package in _PACKAGES) or not _installed():
        raise ConfigError(
            "Tryton is not installed, and it is the real one that is used here",
            where="connectors.sandbox.tryton",
            fix="pip install 'erp-einvoicing-gateway[tryton]'",
        )
    _make_template()
    folder = Path(tempfile.mkdtemp(prefix="tryton-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    copied = Path(shutil.copy(_home() / f"{DATABASE}.sqlite", folder))
    with closing(sqlite3.connect(copied)) as database:
        # Server and clerk work on it side by side: who reads does not wait for who writes.
        database.execute("PRAGMA journal_mode=WAL").fetchall()
    url, process = _started(folder)
    facts = json.loads((_home() / "facts.json").read_text("utf-8"))
    running = TrytonServer(url, facts, folder, process, _clerk(folder / _CONFIG_FILE))
    atexit.register(running.end)
    return running


def _started(folder: Path) -> tuple[str, subprocess.Popen[bytes]]:
    """The address and the process of a server that answers from its database."""
    config, log_file = folder / _CONFIG_FILE, folder / "server.log"
    for _ in range(_ATTEMPTS):
        # Between looking for a free port and listening somebody else may take it.
        port = _free_port()
        config.write_text(_CONFIG.format(folder=folder, port=port), "utf-8")
        with log_file.open("wb") as log:
            process = subprocess.Popen(  # noqa: S603  # the server that was installed for this
                [_program("trytond"), "-c", str(config), "-d", DATABASE], stdout=log, stderr=log
            )
        url = f"http://127.0.0.1:{port}"
        if _answers(url, process):
            return url, process
        process.kill()
        process.wait(20)
    said = log_file.read_text("utf-8", "replace").strip()[-500:]
    raise RuntimeError(f"the Tryton server did not start; the last it said: {said}")


def _installed() -> bool:
    try:
        return all(version(package) for package in _PACKAGES)
    except PackageNotFoundError:
        return False


def _home() -> Path:
    """Where the template is kept: beside those of other versions and users."""
    name = f"einvoicing-tryton-{version('trytond')}-{os.getuid()}"
    return Path(tempfile.gettempdir(), name)


def _make_template() -> None:
    """The database of the company before any invoice, made by whoever comes first."""
    home = _home()
    home.mkdir(mode=0o700, exist_ok=True)
    if home.stat().st_uid != os.getuid():
        raise ConfigError(
            "the folder of the Tryton databases belongs to somebody else",
            where=str(home),
            fix="remove it, or set TMPDIR to a folder of your own",
        )
    with (home / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if (home / "facts.json").is_file():
            return
        config = home / _CONFIG_FILE
        config.write_text(_CONFIG.format(folder=home, port=0), "utf-8")
        (home / f"{DATABASE}.sqlite").unlink(missing_ok=True)
        (home / f"{DATABASE}.sqlite").touch()
        password = home / "password"
        password.write_text(PASSWORD, "utf-8")
        subprocess.run(  # noqa: S603  # the server that was installed for this
            [
                _program("trytond-admin"),
                *("-c", str(config), "-d", DATABASE, "--email", "admin@example.com"),
                *("--activate-dependencies", "-u", *_MODULES),
            ],
            check=True,
            env={**os.environ, "TRYTONPASSFILE": str(password)},
            capture_output=True,
        )
        clerk = _clerk(config)
        facts = _ask(clerk, {"order": "set_up"})
        clerk.communicate(timeout=30)
        (home / "facts.json").write_text(json.dumps(facts), "utf-8")


def _clerk(config: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(  # noqa: S603  # our own program
        [sys.executable, "-W", "ignore", "-m", "connectors.sandbox.tryton_clerk", str(config), DATABASE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )


def _ask(clerk: subprocess.Popen[str], order: dict[str, Any]) -> Any:
    if clerk.stdin is None or clerk.stdout is None:
        raise RuntimeError("the clerk has no pipes")
    clerk.stdin.write(json.dumps(order) + "\n")
    clerk.stdin.flush()
    for line in clerk.stdout:
        if line.startswith("=> "):
            return json.loads(line[3:])
    raise RuntimeError(f"the clerk at Tryton did not manage to {order['order']}; the reason stands above")


def _program(name: str) -> str:
    return str(Path(sys.executable).parent / name)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(url: str, process: subprocess.Popen[bytes]) -> bool:
    """Wait until it lets the gateway's user in; False where it has ended, or is silent for too long.

    Any web server may have taken the port, and the first answer from the database takes longest of all.
    """
    end = monotonic() + _PATIENCE
    body = {"id": 1, "method": "common.db.login", "params": [USER, {"password": PASSWORD}]}
    while monotonic() < end and process.poll() is None:
        try:
            answer = requests.post(f"{url}/{DATABASE}/rpc/", json=body, timeout=_PATIENCE)
        except (requests.ConnectionError, requests.Timeout):
            sleep(0.1)
            continue
        return answer.ok and process.poll() is None
    return False

"""The gateway in a process that kills itself (SIGKILL) at one chosen moment.

    python -m tests.gateway.dying_process CONFIG MOMENT

MOMENT is `commit:after:1` (after the first commit that wrote to the journal), `commit:before:2` (just before
the second one), `MODULE/CLASS.METHOD:after:1` (after a call has done its work), or `never`.

Nothing in the gateway knows of this; the moments are found from outside.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from contextlib import closing
from importlib import import_module
from pathlib import Path
from typing import Any

from gateway import logs
from gateway.pipeline.runner import Runner
from gateway.store import journal
from gateway.wiring import Gateway


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def die_at_commit(gateway: Gateway, when: str, count: int) -> None:
    """Count the transactions that wrote to the journal, by the number of entries each connection added."""
    written: dict[int, int] = {}
    seen = [0]
    append, dialect = journal.append, gateway.database.engine.dialect
    commit: Callable[[Any], None] = dialect.do_commit

    def counted_append(connection: Any, *args: Any, **kwargs: Any) -> Any:
        written[id(connection.connection.dbapi_connection)] = 1
        return append(connection, *args, **kwargs)

    def deadly_commit(connection: Any) -> None:
        raw = getattr(connection, "dbapi_connection", connection)
        if not written.pop(id(raw), 0):
            commit(connection)
            return
        seen[0] += 1
        if when == "before" and seen[0] == count:
            die()
        commit(connection)
        if when == "after" and seen[0] == count:
            die()

    journal.append = counted_append
    setattr(dialect, "do_commit", deadly_commit)  # noqa: B010  # a method, replaced on purpose


def die_at_call(place: str, when: str, count: int) -> None:
    module, _, path = place.partition("/")
    owner_name, _, name = path.partition(".")
    owner = getattr(import_module(module), owner_name)
    original = getattr(owner, name)
    seen = [0]

    def deadly(*args: Any, **kwargs: Any) -> Any:
        seen[0] += 1
        if when == "before" and seen[0] == count:
            die()
        result = original(*args, **kwargs)
        if when == "after" and seen[0] == count:
            die()
        return result

    setattr(owner, name, deadly)


def main() -> None:
    config, moment = Path(sys.argv[1]), sys.argv[2]
    with closing(Gateway.open(config)) as gateway:
        logs.configure(os.environ.get("LOG", "error"), "text")
        if moment != "never":
            place, when, count = moment.split(":")
            if place == "commit":
                die_at_commit(gateway, when, int(count))
            else:
                die_at_call(place, when, int(count))
        Runner(gateway).round()


if __name__ == "__main__":
    main()

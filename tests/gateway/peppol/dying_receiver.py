"""The endpoint of a gateway in a process that kills itself (SIGKILL) at one chosen moment.

    python -m tests.gateway.peppol.dying_receiver CONFIG MOMENT

MOMENT is as in `tests.gateway.dying_process`. Prints the address of the endpoint and ends with its input.
"""

from __future__ import annotations

import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from gateway import logs
from gateway.web.app import create_app
from gateway.web.server import WebServer
from gateway.wiring import Gateway
from tests.gateway.dying_process import die_at_call, die_at_commit


def main() -> None:
    config, moment = Path(sys.argv[1]), sys.argv[2]
    with closing(Gateway.open(config, clock=lambda: datetime.now(UTC))) as gateway:
        logs.configure("critical", "text")
        if moment != "never":
            place, when, count = moment.split(":")
            if place == "commit":
                die_at_commit(gateway, when, int(count))
            else:
                die_at_call(place, when, int(count))
        server = WebServer(create_app(gateway), "127.0.0.1", 0)
        server.start()
        try:
            sys.stdout.write(f"{server.url}/as4\n")
            sys.stdout.flush()
            sys.stdin.read()
        finally:
            server.stop()


if __name__ == "__main__":
    main()

"""Messages per second with phase4 on either side: python -m tests.interop.bench [MESSAGES] [SIZE]

Prints one JSON object per line, in the shape of the other benchmarks. Both sides do the whole work: pack,
sign, encrypt, send over HTTP on loopback, open, verify, check the certificate, look into the envelope, store,
sign a receipt, verify it. phase4 stores in a file, our endpoint in the gateway's database with all evidence.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from connectors.channels.peppol.as4 import Verdict
from tests.interop import peer
from tests.interop.peer import Phase4
from tests.interop.world import Site, invoice, open_site, order, wrapped

__all__ = ["run"]


def run(messages: int = 600, size: int = 10_000) -> Iterator[dict[str, Any]]:
    """The rows of the table; none where phase4 cannot be built. The Java machine is warmed up before."""
    try:
        program = peer.build()
    except peer.NotBuilt as reason:
        yield {"benchmark": "as4 beside phase4", "skipped": str(reason)}
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "phase4").mkdir()
        with open_site(folder) as site, peer.running(program, folder / "phase4", site.pki) as phase4:
            to_itself = {"url": phase4.url, "certificate": site.certificate("ap2")}
            phase4.send(**order(site, invoice(size), count=min(messages, 300), threads=2, **to_itself))
            alone = {}
            for threads in (1, 2):
                row = _theirs("phase4 to phase4", site, phase4, messages, size, threads, to_itself)
                alone[threads] = row["per_second"]
                yield row
            for threads in (1, 2):
                row = _theirs("phase4 to the gateway", site, phase4, messages, size, threads, {})
                yield _beside(row, alone[threads])
            yield _beside(_ours(site, phase4, messages, size), alone[1])


def _theirs(
    name: str, site: Site, phase4: Phase4, messages: int, size: int, threads: int, more: dict[str, Any]
) -> dict[str, Any]:
    answer = phase4.send(**order(site, invoice(size), count=messages, threads=threads, **more))
    if "delivered" not in answer:
        raise RuntimeError(str(answer))
    return _row(name, size, threads, answer["delivered"], messages, answer["seconds"])


def _ours(site: Site, phase4: Phase4, messages: int, size: int) -> dict[str, Any]:
    content = invoice(size)
    started = time.perf_counter()
    delivered = 0
    for _ in range(messages):
        outcome = site.send(site.prepare(wrapped(content)), phase4.url)
        delivered += outcome.verdict is Verdict.DELIVERED
    return _row("the gateway to phase4", size, 1, delivered, messages, time.perf_counter() - started)


def _beside(row: dict[str, Any], phase4_alone: float) -> dict[str, Any]:
    return {**row, "times_phase4_to_itself": round(row["per_second"] / phase4_alone, 2)}


def _row(name: str, size: int, threads: int, delivered: int, messages: int, seconds: float) -> dict[str, Any]:
    return {
        "benchmark": f"as4 {name}",
        "payload": f"{size // 1000} KB",
        "threads": threads,
        "messages": messages,
        "delivered": delivered,
        "per_second": round(delivered / seconds, 1),
    }


if __name__ == "__main__":
    for row in run(*(int(argument) for argument in sys.argv[1:])):
        sys.stdout.write(json.dumps(row) + "\n")
        sys.stdout.flush()

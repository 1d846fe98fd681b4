"""Messages per second between two access points of ours over HTTP, as they are in use, and what each used.

The receiver is the gateway's own endpoint with its database, the sender a process of its own; the imitated
network is there for the revocation list. See `as4_endpoint` for what each of them does.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from connectors.sandbox.peppol.desk import PeppolDesk
from tests.gateway.offline import offline_world

__all__ = ["run"]

_ROOT: Final = Path(__file__).parents[2]
_TRUST: Final = Path("secrets", "peppol-trust")


def run(size: int, count: int, *, senders: int = 1, threads: int = 1, largest: int = 100) -> dict[str, Any]:
    """One row: `count` messages with documents of `size` bytes from each of `senders` processes, each of
    which sends `threads` at a time; `largest` is the setting of that name, in MB."""
    with tempfile.TemporaryDirectory() as name, _network(Path(name), largest) as config:
        task = {
            "folder": name,
            "size": size,
            "count": count,
            "threads": threads,
            "trust": str(config / _TRUST),
        }
        with _process("serve", str(config)) as server:
            task["url"] = _answer(server)["url"]
            file = Path(name, "task.json")
            file.write_text(json.dumps(task), "utf-8")
            running = [_started("send", str(file)) for _ in range(senders)]
            for one in running:
                _answer(one)
            before = _asked(server)
            for one in running:
                _tell(one)
            sent = [_answer(one) for one in running]
            after = _asked(server)
            for one in running:
                one.communicate()
        messages = sum(one["messages"] for one in sent)
        used = {
            "sender": sum(one["cpu"] for one in sent) / messages * 1000,
            "receiver": (after["cpu"] - before["cpu"]) / messages * 1000,
        }
        return {
            "processes": f"{senders} sending, 1 receiving",
            "threads": threads,
            "messages": messages,
            "seconds": round(max(one["seconds"] for one in sent), 1),
            "per_second": round(sum(one["messages"] / one["seconds"] for one in sent), 1),
            "cpu_ms": {
                **{name: round(ms, 2) for name, ms in used.items()},
                "both": round(sum(used.values()), 2),
            },
            "memory_mb": {
                "receiver before": before["mb"],
                "receiver after": after["mb"],
                "receiver peak": after["peak_mb"],
                "sender before": sent[0]["mb"][0],
                "sender after": sent[0]["mb"][1],
                "sender peak": sent[0]["peak_mb"],
            },
            "stored": after["stored"] - before["stored"],
            "load": round(os.getloadavg()[0], 1),
        }


@contextmanager
def _network(folder: Path, largest: int) -> Iterator[Path]:
    """The config folder of a gateway in the imitated network; keys and certificates beside it."""
    with offline_world(folder, (), also=("peppol",)) as offline:
        network = offline.world.systems["peppol"]
        assert isinstance(network, PeppolDesk)
        for label in ("gateway", "ap2"):
            leaf = network.pki.leaf(label)
            folder.joinpath(f"{label}.pem").write_text(leaf.pem, "utf-8")
            folder.joinpath(f"{label}.key").write_text(leaf.key_pem, "utf-8")
        file = offline.config / "channels" / "peppol.yaml"
        text = file.read_text("utf-8").replace("# largest_megabytes: 100", f"largest_megabytes: {largest}")
        file.write_text(text, "utf-8")
        yield offline.config


@contextmanager
def _process(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    process = _started(*arguments)
    try:
        yield process
    finally:
        process.communicate()


def _started(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(  # noqa: S603  # our own program
        [sys.executable, "-m", "tests.benchmarks.as4_endpoint", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=_ROOT,
    )


def _tell(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def _asked(process: subprocess.Popen[str]) -> dict[str, Any]:
    _tell(process)
    return _answer(process)


def _answer(process: subprocess.Popen[str]) -> dict[str, Any]:
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise RuntimeError("the measured process ended")
    found: dict[str, Any] = json.loads(line)
    return found


if __name__ == "__main__":
    arguments = dict(
        zip(("size", "count", "senders", "threads", "largest"), map(int, sys.argv[1:]), strict=False)
    )
    size, count = arguments.pop("size"), arguments.pop("count")
    sys.stdout.write(json.dumps(run(size, count, **arguments)) + "\n")

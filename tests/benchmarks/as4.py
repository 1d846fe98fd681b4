"""Send and receive messages of 10 KB and 1 MB over AS4: rate, where the time goes, and memory.

Each message is packed, signed, encrypted, opened, verified, stored durably, acknowledged by a signed receipt,
and the receipt verified. Measured in one process without a network, in two processes side by side, and over
HTTP on loopback from one and from two processes to the gateway's own endpoint with its database, with the
processor time of each; phase4 and the gateway send to each other and themselves where phase4 can be built
(tests/interop), and peppol-py sends to an endpoint like ours where it is installed. One message of 200 MB
shows what memory it takes. BENCH_MESSAGES (4,000) is the number of messages of 10 KB in one process and over
HTTP, the others take less; BENCH_MESSAGES=20000 shows whether memory stays flat, and takes half an hour.

    python -m tests.benchmarks.as4      this benchmark alone, one JSON object a line
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from shutil import which
from typing import Any, Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from tests.benchmarks import as4_side_by_side as side_by_side
from tests.benchmarks.as4_worker import DOCUMENT_TYPE, PROCESS, RECEIVER, SENDER, payload
from tests.connectors.peppol.authorities import Leaf, World
from tests.interop import bench as phase4

MESSAGES: Final = int(os.environ.get("BENCH_MESSAGES", "4000"))
_SIZES: Final = {"10 KB": (10_000, 1), "1 MB": (1_000_000, 40)}
_PHASE4: Final = 5  # phase4 takes part in so many of the messages: it runs in six ways
_ROOT: Final = Path(__file__).parents[2]
_XMLSEC: Final = _ROOT / "tests" / "connectors" / "peppol" / "as4" / "xmlsec_stand_in.py"
_PEPPOL_PY: Final = 20


def run() -> Iterator[dict[str, Any]]:
    """Rows of the table; each measurement has processes and a folder of its own."""
    world = World.made()
    leaves = {seat: world.access_points.issue(seat) for seat in ("POP000001", "POP000002")}
    yield _arithmetic(leaves["POP000001"])
    for size, (count, share) in _SIZES.items():
        task: dict[str, Any] = {"what": "round_trips", "size": count, "count": max(MESSAGES // share, 10)}
        with _folder(world, leaves) as folder:
            yield {
                "benchmark": "as4 round trip",
                "payload": size,
                "processes": 1,
                **_result(_start(folder, task)),
            }
        with _folder(world, leaves) as folder:
            task["count"] = max(MESSAGES // share // 4, 10)
            started = time.perf_counter()
            both = [_result(process) for process in [_start(folder, task) for _ in range(2)]]
            spent = time.perf_counter() - started
            yield {
                "benchmark": "as4 round trip",
                "payload": size,
                "processes": 2,
                "messages": 2 * task["count"],
                "per_second": round(sum(one["per_second"] for one in both), 1),
                "with_start_per_second": round(2 * task["count"] / spent, 1),
            }
        beside = tuple(phase4.run(max(MESSAGES // share // _PHASE4, 10), size=count))
        yield from beside
        if find_spec("peppol_py") and find_spec("xmlsec"):
            with _folder(world, leaves) as folder:
                other = _peppol_py(folder, leaves, size, count)
            beside = (*beside, other)
            yield other
        most = max(MESSAGES // share, 10)
        for senders, threads, messages in ((1, 1, most // 4), (1, 2, most), (2, 2, most // 4)):
            ours = side_by_side.run(count, max(messages, 10), senders=senders, threads=threads)
            row = {"benchmark": "as4 gateway to gateway", "payload": size, **ours}
            yield row | _ratios(ours["per_second"], beside, senders * threads)
    yield {
        "benchmark": "as4 gateway to gateway",
        "payload": "200 MB",
        **side_by_side.run(200_000_000, 1, largest=250),
    }


def _ratios(per_second: float, beside: tuple[dict[str, Any], ...], at_once: int) -> dict[str, Any]:
    """How many times what others manage on this machine in this run, with as many threads where they can."""
    of = {(row["benchmark"], row.get("threads")): row.get("per_second") for row in beside}
    theirs = {
        "times_phase4_to_itself": of.get(("as4 phase4 to phase4", min(at_once, 2))),
        "times_peppol_py": of.get(("as4 peppol-py to us", None)),
    }
    return {name: round(per_second / rate, 2) for name, rate in theirs.items() if rate}


def _arithmetic(leaf: Leaf) -> dict[str, Any]:
    """What nobody can get below: two signatures and one decryption with 2048 bits for each round trip."""
    oaep = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
    public = leaf.key.public_key()
    signature = leaf.key.sign(b"x", padding.PKCS1v15(), hashes.SHA256())
    sealed = public.encrypt(b"k" * 16, oaep)
    calls: dict[str, Callable[[], object]] = {
        "sign": lambda: leaf.key.sign(b"x", padding.PKCS1v15(), hashes.SHA256()),
        "decrypt": lambda: leaf.key.decrypt(sealed, oaep),
        "verify": lambda: public.verify(signature, b"x", padding.PKCS1v15(), hashes.SHA256()),
    }
    result = {}
    for name, call in calls.items():
        started = time.perf_counter()
        for _ in range(200):
            call()
        result[name] = round((time.perf_counter() - started) * 5, 3)
    return {"benchmark": "as4 RSA 2048 alone", "ms": result}


def _peppol_py(folder: Path, leaves: dict[str, Leaf], size: str, count: int) -> dict[str, Any]:
    """peppol-py with its program xmlsec1 where that is installed, else with a stand-in of its library."""
    as4_sender = import_module("peppol_py.as4_sender")
    program, stand_in = _xmlsec1(), folder / "xmlsec1"
    stand_in.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{_XMLSEC}" "$@"\n')
    stand_in.chmod(0o755)
    content = payload(count)
    a, b = leaves["POP000001"], leaves["POP000002"]
    with _serving(folder) as (url, server):
        started = time.perf_counter()
        for _ in range(_PEPPOL_PY):
            body, headers = as4_sender.get_headers_and_body_for_posting_as4_document(
                *(content, None, "2026-11-23T08:00:00+00:00", DOCUMENT_TYPE, PROCESS, SENDER, RECEIVER),
                *("POP000002", program or str(stand_in), str(folder / "POP000001.key"), ""),
                *(a.pem, b.pem, "POP000001"),
            )
            as4_sender.post_edelivery_as4_document(url, body, headers, 60, "peppol-py")
        seconds = time.perf_counter() - started
    return {
        "benchmark": "as4 peppol-py to us",
        "payload": size,
        "messages": _PEPPOL_PY,
        "per_second": round(_PEPPOL_PY / seconds, 1),
        "sealed_by": "xmlsec1" if program else "xmlsec1 made of python-xmlsec, a process for each",
        "stored": _result(server)["stored"],
    }


def _xmlsec1() -> str:
    """The program in the version that peppol-py needs, "" where there is none."""
    program = which("xmlsec1")
    if program is None:
        return ""
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout  # noqa: S603
    found = re.search(r"(\d+)\.(\d+)", said)
    return program if found and (int(found[1]), int(found[2])) >= (1, 3) else ""


@contextmanager
def _serving(folder: Path) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    server = _start(folder, {"what": "serve"})
    assert server.stdin is not None
    assert server.stdout is not None
    yield f"http://127.0.0.1:{server.stdout.readline().strip()}/as4", server
    server.stdin.close()
    server.stdin = None


@contextmanager
def _folder(world: World, leaves: dict[str, Leaf]) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.joinpath("ca.pem").write_bytes(world.access_points.pem)
        for seat, leaf in leaves.items():
            folder.joinpath(f"{seat}.crt").write_bytes(leaf.pem)
            folder.joinpath(f"{seat}.key").write_bytes(leaf.key_pem())
        yield folder


def _start(folder: Path, task: dict[str, Any]) -> subprocess.Popen[str]:
    with tempfile.NamedTemporaryFile("w", dir=folder, suffix=".json", delete=False) as file:
        json.dump({"folder": str(folder), **task}, file)
    return subprocess.Popen(  # noqa: S603  # our own program
        [sys.executable, "-m", "tests.benchmarks.as4_worker", file.name],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=_ROOT,
    )


def _result(process: subprocess.Popen[str]) -> dict[str, Any]:
    output, _ = process.communicate()
    if process.returncode:
        raise RuntimeError(f"the measured process ended with {process.returncode}")
    found: dict[str, Any] = json.loads(output)
    return found


if __name__ == "__main__":
    for row in run():
        sys.stdout.write(json.dumps(row) + "\n")
        sys.stdout.flush()

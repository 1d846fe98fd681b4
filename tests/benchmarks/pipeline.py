"""Invoices a second from the ERP's file to the provider's outbox, and the share of each step.

Real parts on loopback: an SFTP server as SAP, one as the provider, SQLite on disk, the official rules.
"""

from __future__ import annotations

import statistics
import tempfile
import threading
import time
from collections import defaultdict
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from connectors.sandbox.sap import ImitatedSap
from gateway import logs
from gateway.pipeline import runner as runner_module
from gateway.pipeline.runner import Runner
from gateway.store import submissions
from gateway.store.submissions import Submission
from gateway.wiring import Gateway
from tests.gateway.offline import Offline, offline_world

INVOICES: Final = 200
_MODEL: Final = "90000201"


def run() -> list[dict[str, Any]]:
    """One row for each number of workers."""
    return [_measure(workers) for workers in (1, 4)]


def _measure(workers: int) -> dict[str, Any]:
    with (
        tempfile.TemporaryDirectory() as folder,
        offline_world(Path(folder), ["sap"], workers=workers) as offline,
        closing(Gateway.open(offline.config)) as gateway,
    ):
        logs.configure("error", "text")
        _many_invoices(offline)
        gateway.rules.warm()
        spent = _timed_steps()
        runner = Runner(gateway)
        started = time.perf_counter()
        runner.collect("sap-nordlicht")
        collected = time.perf_counter()
        runner.work()
        worked = time.perf_counter()
        runner.follow("peppol-provider")
        followed = time.perf_counter()
        runner.report()
        reported = time.perf_counter()
        with gateway.database.read() as connection:
            listed = submissions.listing(connection)
        states = sorted({str(item.state) for item in listed})
        return {
            "benchmark": "pipeline",
            "workers": workers,
            "invoices": len(listed),
            "states": states,
            "invoices_per_second": round(len(listed) / (reported - started), 1),
            "seconds": {
                "collect": round(collected - started, 2),
                "work": round(worked - collected, 2),
                "follow": round(followed - worked, 2),
                "report back": round(reported - followed, 2),
            },
            "median_ms_per_step": {
                name: round(statistics.median(times) * 1000, 1) for name, times in sorted(spent.items())
            },
        }


def _many_invoices(offline: Offline) -> None:
    """Copies of one ordinary invoice under numbers of their own."""
    sap = offline.world.systems["sap"]
    assert isinstance(sap, ImitatedSap)
    files = list((sap.root / "out").glob("*.xml"))
    wanted = f"<BELNR>{_MODEL:0>10}</BELNR>".encode()
    model = next(text for file in files if wanted in (text := file.read_bytes()) and b"<BSART>INVO<" in text)
    document = model.split(b"<DOCNUM>")[1].split(b"</DOCNUM>")[0]
    for file in files:
        file.unlink()
    for index in range(INVOICES):
        number = f"{91_000_000 + index:010}".encode()
        text = model.replace(f"{_MODEL:0>10}".encode(), number).replace(
            document, f"{800_000 + index:016}".encode()
        )
        sap.drop(f"O_100_{800_000 + index:016}.xml", text)


def _timed_steps() -> dict[str, list[float]]:
    spent: defaultdict[str, list[float]] = defaultdict(list)
    lock = threading.Lock()

    def timed(name: str, step: runner_module.Step) -> runner_module.Step:
        def measured(gateway: Gateway, submission: Submission) -> Submission:
            started = time.perf_counter()
            try:
                return step(gateway, submission)
            finally:
                with lock:
                    spent[name].append(time.perf_counter() - started)

        return measured

    for state, step in list(runner_module._STEPS.items()):
        original = getattr(step, "__wrapped__", step)
        wrapped = timed(original.__name__, original)
        wrapped.__wrapped__ = original  # type: ignore[attr-defined]  # so that the next run wraps the step itself
        runner_module._STEPS[state] = wrapped
    return spent

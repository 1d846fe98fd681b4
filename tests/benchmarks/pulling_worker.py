"""python -m tests.benchmarks.pulling_worker TASK: pull and map everything; prints what it took as JSON."""

from __future__ import annotations

import json
import resource
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

from ruamel.yaml import YAML

from connectors.base import StateCell, Surroundings
from connectors.registry import erp, settings_of
from formats.errors import DocumentError
from mappings.registry import load


class _Cell:
    """A state cell in memory."""

    value = ""

    def save(self, value: str) -> None:
        self.value = value


def _quarters(marks: list[float]) -> list[float]:
    """Invoices per second in each quarter of the visit; `marks` are seconds since its start, per invoice."""
    count = len(marks)
    ends = [0.0, *(marks[count * part // 4 - 1] for part in (1, 2, 3, 4))] if count >= 4 else [0.0, 1.0]
    return [round(count / 4 / (later - earlier), 1) for earlier, later in pairwise(ends)]


def main() -> None:
    task = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    cells: dict[str, _Cell] = {}
    lock = threading.Lock()

    @contextmanager
    def locked(name: str) -> Iterator[StateCell]:
        with lock:
            yield cells.setdefault(name, _Cell())

    secrets = {f"file:secrets/{name}": text for name, text in task["secrets"].items()}
    made_by = erp(task["kind"])
    settings = settings_of(made_by).model_validate(task["settings"])
    connector = made_by(
        "bench", settings, Surroundings(secrets.__getitem__, lambda: datetime.now(UTC), locked)
    )
    mapping = load(task["mapping"])
    company = YAML(typ="safe").load(Path(task["company"]))
    mapped = refused = lines = 0
    mapping_seconds = 0.0
    marks: list[float] = []
    started = time.perf_counter()
    for page in connector.pull(""):
        for document in page.documents:
            before = time.perf_counter()
            try:
                lines += len(mapping.map(document.content, document.part, company).invoice.lines)
                mapped += 1
            except DocumentError:
                refused += 1
            mapping_seconds += time.perf_counter() - before
            marks.append(time.perf_counter() - started)
        connector.acknowledge(page)
    spent = time.perf_counter() - started
    connector.close()
    quarters = _quarters(marks)
    result = {
        "mapped": mapped,
        "refused": refused,
        "lines_per_invoice": round(lines / max(mapped, 1), 1),
        "invoices_per_second": round((mapped + refused) / spent, 1),
        "map_ms": round(mapping_seconds / max(mapped + refused, 1) * 1000, 2),
        "share_of_mapping": f"{mapping_seconds / spent:.0%}",
        # A rate that sinks from the first quarter to the last means that something grows.
        "first_quarter_per_second": quarters[0],
        "last_quarter_per_second": quarters[-1],
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    sys.stdout.write(json.dumps(result))


if __name__ == "__main__":
    main()

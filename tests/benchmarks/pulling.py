"""Pull and map ten thousand invoices from each sandbox: rate, steadiness and memory of the client.

The sandbox runs in this process and is filled through the trial of its connector; the client runs in one of
its own (`pulling_worker`), pulls page by page as the gateway does and maps every document. Where a sandbox
brakes (call limits), the limits are lifted by settings, for the client is what is measured. A Tryton is real
and takes a second for each invoice that its clerk makes, so it is measured with few.

    BENCH_INVOICES=1000 BENCH_KINDS="odoo sap-odata" python -m tests.benchmarks.pulling
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML

from connectors.conformance.registry import trial, trial_kinds
from connectors.conformance.trial import HasFullSize

INVOICES: Final = int(os.environ.get("BENCH_INVOICES", "10000"))
# Only these kinds, by name with a blank between them; all where none is named.
_KINDS: Final = os.environ.get("BENCH_KINDS", "").split()
_FEW: Final = {"tryton": 50}
# Another kind reads the same documents from the same sandbox.
_SAME: Final = frozenset({"sap-soap", "folder"})
# What makes a trial's pages small is left out, and its patience with it.
_OF_TRIALS: Final = frozenset(
    {
        *(
            "page_files",
            "documents_per_page",
            "invoices_per_call",
            "invoices_per_page",
            "page_size",
            "batch_size",
        ),
        *("read_seconds", "calls_per_minute", "calls_per_day"),
    }
)
_LIFTED: Final = {"calls_per_minute": 1_000_000, "calls_per_day": 1_000_000}
_CONFIG: Final = Path(__file__).parents[2] / "config"


def run() -> Iterator[dict[str, Any]]:
    """One row for each kind of connector that has a trial, named in its sample configuration."""
    samples = dict(_samples())
    for kind in trial_kinds():
        if kind in samples and kind not in _SAME and (not _KINDS or kind in _KINDS):
            yield _measure(kind, samples[kind])


def _samples() -> Iterator[tuple[str, dict[str, Any]]]:
    """Mapping and company of each kind, from the sample sources."""
    for file in sorted((*_CONFIG.glob("sources/*.yaml"), *_CONFIG.glob("samples/sources/*.yaml"))):
        sample = YAML(typ="safe").load(file)
        yield sample["kind"], sample


def _measure(kind: str, sample: dict[str, Any]) -> dict[str, Any]:
    other = trial(kind)()
    if isinstance(other, HasFullSize):
        other.at_full_size()
    other.system.start()
    try:
        count = _FEW.get(kind, INVOICES)
        other.add(count)
        given = dict(other.settings())
        settings = {name: value for name, value in given.items() if name not in _OF_TRIALS}
        settings |= {name: value for name, value in _LIFTED.items() if name in given}
        companies = (_CONFIG / "companies", _CONFIG / "samples" / "companies")
        [company] = [file for folder in companies for file in folder.glob(f"{sample['company']}.yaml")]
        task = {
            "kind": kind,
            "mapping": sample["mapping"],
            "company": str(company),
            "settings": settings,
            "secrets": dict(other.system.secrets()),
        }
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "task.json")
            file.write_text(json.dumps(task, default=str), "utf-8")
            done = subprocess.run(  # noqa: S603  # our own program
                [sys.executable, "-m", "tests.benchmarks.pulling_worker", str(file)],
                capture_output=True,
                text=True,
                check=True,
                cwd=_CONFIG.parent,
            )
    finally:
        other.system.stop()
    return {"benchmark": "pulling", "kind": kind, "asked": count, **json.loads(done.stdout)}


def main() -> None:
    """One row a line, as JSON, as soon as it is measured."""
    for row in run():
        sys.stdout.write(json.dumps(row) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()

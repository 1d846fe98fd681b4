"""python -m tests.benchmarks: run all, write benchmarks.json, print the table."""

from __future__ import annotations

import json
import os
import platform
import sys
from pathlib import Path

from tests.benchmarks import as4, console, mapping, pipeline, pulling, rendering, rules


def main() -> None:
    rows = [*mapping.run(), *rendering.run(), *pulling.run(), *pipeline.run(), *as4.run()]
    rows += console.run()
    examples = Path(os.environ.get("GATEWAY_TESTDATA", ""), "peppol-bis-3", "examples")
    if examples.is_dir():
        rows += rules.run(examples)
    else:
        sys.stdout.write("rules not measured: set GATEWAY_TESTDATA to the official example documents\n")
    machine = {"python": platform.python_version(), "processors": os.cpu_count(), "system": platform.system()}
    Path("benchmarks.json").write_text(
        json.dumps({"machine": machine, "rows": rows}, indent=2) + "\n", "utf-8"
    )
    for row in rows:
        head = ", ".join(
            f"{name} {value}" for name, value in row.items() if not isinstance(value, dict | list)
        )
        sys.stdout.write(head + "\n")
        for name, value in row.items():
            if isinstance(value, dict):
                parts = ", ".join(f"{key} {number}" for key, number in value.items())
                sys.stdout.write(f"    {name}: {parts}\n")


if __name__ == "__main__":
    main()

"""python -m tests.golden: what comes out today becomes what must come out; read the difference first.

The examples of our own mappings lie in tests/data/mappings; `gateway.mapping_examples` tells their form.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from gateway.mapping_examples import accept, cases, mappings_in
from mappings.registry import load

__all__ = ["MAPPING_EXAMPLES"]

MAPPING_EXAMPLES: Final = Path(__file__).parent / "data" / "mappings"


def main() -> None:
    for name in mappings_in(MAPPING_EXAMPLES):
        mapping = load(name)
        found = list(cases(MAPPING_EXAMPLES, name))
        for case in found:
            accept(case, mapping)
        sys.stdout.write(f"{name}: {len(found)} examples written\n")


if __name__ == "__main__":
    main()

"""python -m tests.golden: what comes out today becomes what must come out; read the difference first.

The examples of our own mappings lie in tests/data/mappings; `gateway.mapping_examples` tells their form.
Those of the national formats lie in tests/data/formats: the canonical invoice as JSON, and its document
beside it. Those of national profiles of UBL and CII lie in tests/data/profiles: the invoice as an ERP gives
it, and beside it what it is under each profile that profiles.txt of the folder names (<case>.<profile>.xml).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Final

from formats.model.plain import from_plain
from formats.registry import PROFILES, SYNTAXES
from gateway.mapping_examples import accept, cases, mappings_in
from mappings.registry import load

__all__ = ["FORMAT_EXAMPLES", "MAPPING_EXAMPLES", "PROFILE_EXAMPLES", "PROFILE_FOLDERS"]

MAPPING_EXAMPLES: Final = Path(__file__).parent / "data" / "mappings"
FORMAT_EXAMPLES: Final = Path(__file__).parent / "data" / "formats"
PROFILE_EXAMPLES: Final = Path(__file__).parent / "data" / "profiles"
# What the examples of each folder are written as: it says so itself.
PROFILE_FOLDERS: Final = {
    file.parent.name: tuple(file.read_text("utf-8").split())
    for file in sorted(PROFILE_EXAMPLES.glob("*/profiles.txt"))
}


def main() -> None:
    for name in mappings_in(MAPPING_EXAMPLES):
        mapping = load(name)
        found = list(cases(MAPPING_EXAMPLES, name))
        for case in found:
            accept(case, mapping)
        sys.stdout.write(f"{name}: {len(found)} examples written\n")
    for folder in sorted(FORMAT_EXAMPLES.iterdir()):
        examples = sorted(folder.glob("*.json"))
        for file in examples:
            invoice = from_plain(json.loads(file.read_text("utf-8")))
            profile = next(
                one for one in PROFILES.values() if one.specification_id == invoice.specification_id
            )
            file.with_suffix(".xml").write_bytes(SYNTAXES[profile.syntax].write(invoice))
        sys.stdout.write(f"{folder.name}: {len(examples)} examples written\n")
    for name, keys in PROFILE_FOLDERS.items():
        examples = sorted((PROFILE_EXAMPLES / name).glob("*.json"))
        for file in examples:
            invoice = from_plain(json.loads(file.read_text("utf-8")))
            for key in keys:
                profile = PROFILES[key]
                written = SYNTAXES[profile.syntax].write(profile.prepare(invoice))
                file.with_suffix(f".{key}.xml").write_bytes(written)
        sys.stdout.write(f"{name}: {len(examples)} examples written\n")


if __name__ == "__main__":
    main()

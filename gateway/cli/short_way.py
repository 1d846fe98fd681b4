"""`gateway validate --jsonl FILE...` as scripts call it, without loading what reads any other command line.

Only calls that are understood at first sight are taken; the command itself (`validate.py`) does all others,
and says what is wrong with them.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from gateway.cli.judged_lines import Order, judged_lines
from gateway.rules.engine import Engine
from gateway.rules.judging import known_profile

__all__ = ["validate"]


def validate(arguments: list[str]) -> int | None:
    """The exit status, None where the call holds anything but files, --jsonl and --profile NAME."""
    files: list[Path] = []
    profile = ""
    waiting = iter(arguments)
    for argument in waiting:
        if argument == "--profile":
            profile = next(waiting, "")
            if not profile or profile.startswith("-"):
                return None
        elif argument.startswith("-") and argument != "--jsonl":
            return None
        elif argument != "--jsonl":
            files.append(Path(argument))
    if not files:
        return None
    if profile:
        known_profile(profile)
    config = Path(os.environ.get("GATEWAY_CONFIG") or ".")
    sound = True
    for line, ran in judged_lines(files, Order(config, profile, Engine.COMPILED, None, "en", True), 0):
        sound &= ran
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
    return 0 if sound else 1

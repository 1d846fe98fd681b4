"""Secrets: whatever goes wrong, none stands in an error, in its evidence or in the log."""

from __future__ import annotations

from typing import Final

from connectors.conformance.bench import Bench
from connectors.conformance.outcome import Behaviour, insist
from connectors.sandbox.faults import KINDS, Fault
from formats.errors import EInvoicingError

__all__ = ["BEHAVIOURS"]

_SHORTEST: Final = 8


def kept(bench: Bench) -> None:
    (key,) = bench.trial.add(1)
    document = next(one for one in bench.read_on("", {key}).documents if one.key == key)
    with bench.listening():
        for kind in KINDS:
            # At every place: also where the login itself is what fails.
            bench.system.faults.arm(Fault(kind, times=2, seconds=0.1))
            bench.pull()
            try:
                bench.connector().report_status(bench.news(document))
            except EInvoicingError as error:
                bench.heard(error)
            bench.said += [repr(step) for step in bench.connector().check()]
            bench.system.faults.clear()
    text = "\n".join(bench.said)
    for name, secret in bench.system.secrets().items():
        lines = [line.strip() for line in secret.splitlines()]
        shown = [line for line in lines if len(line) >= _SHORTEST and not _framing(line) and line in text]
        insist(not shown, f"the secret {name} stands in an error or in the log")


def _framing(line: str) -> bool:
    return line.startswith("-----") and line.endswith("-----")


BEHAVIOURS: Final = (Behaviour("secrets", "none in an error, its evidence, or the log", kept),)

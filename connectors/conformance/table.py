"""What came of all behaviours of several connectors, as a table for documents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from connectors.conformance.outcome import Outcome, Verdict

__all__ = ["MARKS", "markdown"]

MARKS: Final = {Verdict.PASSED: "yes", Verdict.FAILED: "NO", Verdict.NOT_APPLICABLE: "-"}


def markdown(found: Mapping[str, Sequence[Outcome]]) -> str:
    """Behaviours by kinds of connector, all with the same behaviours in the same order.

    A number stands for a reason below the table: what failed, or why a behaviour does not apply.
    """
    reasons: dict[str, int] = {}
    lines = [f"| behaviour | {' | '.join(found)} |", f"| --- |{' :-: |' * len(found)}"]
    for row in zip(*found.values(), strict=True):
        cells = []
        for one in row:
            number = reasons.setdefault(" ".join(one.note.split()), len(reasons) + 1) if one.note else 0
            cells.append(f"{MARKS[one.verdict]} ({number})" if number else MARKS[one.verdict])
        lines.append(f"| {row[0].behaviour} | {' | '.join(cells)} |")
    for verdict in Verdict:
        counts = (str(sum(one.verdict is verdict for one in outcomes)) for outcomes in found.values())
        lines.append(f"| **{verdict}** | {' | '.join(counts)} |")
    lines += ["", *(f"{number}. {reason}" for reason, number in reasons.items())]
    return "\n".join(lines).rstrip() + "\n"

"""Reading the report of a compiled Schematron (SVRL): which rules failed, how gravely, where."""

from __future__ import annotations

from typing import Final, TypedDict

from formats.syntaxes import xml

__all__ = ["FailedRule", "read_report"]

_SVRL: Final = "{http://purl.oclc.org/dsdl/svrl}"


class FailedRule(TypedDict):
    """One failed assertion or successful report, as published. `flag` is "fatal", "warning" or something
    else."""

    rule: str
    flag: str
    location: str
    text: str


def read_report(report: bytes) -> list[FailedRule]:
    """The failed rules in document order. Raises MalformedDocument for anything but an SVRL report."""
    root = xml.parse(report)
    failed: list[FailedRule] = []
    for entry in root.iter(f"{_SVRL}failed-assert", f"{_SVRL}successful-report"):
        text = entry.find(f"{_SVRL}text")
        failed.append(
            FailedRule(
                rule=entry.get("id") or "",
                flag=entry.get("flag") or entry.get("role") or "fatal",
                location=entry.get("location") or "",
                text="" if text is None else " ".join(str(text.xpath("string()")).split()),
            )
        )
    return failed

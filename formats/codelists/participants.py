"""Whether a participant's number fits its scheme, and whether the scheme is still in use.

What does not fit is a finding: the network decides who is registered, and some numbers in use break the rules
of their own scheme.

Source: participant_schemes.csv, which names version and source. The specification numbers no rules; the ids
are ours.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import import_module
from types import MappingProxyType
from typing import Final

from formats.codelists.leitweg import is_leitweg
from formats.codelists.tables import rows
from formats.finding import Finding, Severity
from formats.identifiers import ParticipantId

__all__ = ["ParticipantScheme", "check_participant", "participant_schemes"]

_EARLIER: Final = "earlier"


@dataclass(frozen=True, slots=True)
class ParticipantScheme:
    """One row of the list. `pattern` is for the number in capitals, "" where nothing is published; `check`
    names how its check digit is judged.

    `removed` is true for what is not used any more, from the day `removed_on` (None where it is not known);
    `instead` is the scheme to use then, "" where none is named.
    """

    icd: str
    name: str
    country: str
    pattern: str
    check: str
    removed: bool
    removed_on: date | None
    instead: str


@cache
def participant_schemes() -> Mapping[str, ParticipantScheme]:
    """All schemes by ICD."""
    return MappingProxyType({row["icd"]: _scheme(row) for row in rows("participant_schemes")})


def check_participant(participant: ParticipantId, *, on: date) -> tuple[Finding, ...]:
    """What is wrong with a participant on a day: PARTICIPANT-SCHEME (unknown, or removed by then; a warning),
    PARTICIPANT-FORMAT (the number cannot be one of the scheme), PARTICIPANT-CHECK-DIGIT (a warning)."""
    scheme = participant_schemes().get(participant.icd)
    if scheme is None:
        text = f"{participant.icd or participant.scheme} is no participant scheme that is known here"
        return (Finding("PARTICIPANT-SCHEME", Severity.WARNING, text),)
    findings = []
    if scheme.removed and (scheme.removed_on is None or scheme.removed_on <= on):
        findings.append(Finding("PARTICIPANT-SCHEME", Severity.WARNING, _why_removed(scheme)))
    number = participant.number.upper()
    if scheme.pattern and not re.fullmatch(scheme.pattern, number):
        text = f"{participant.number[:60]} cannot be a number of {scheme.icd} ({scheme.name})"
        findings.append(Finding("PARTICIPANT-FORMAT", Severity.FATAL, text))
    elif scheme.check and not _passes(scheme.check, number):
        text = f"the check digit of {participant.value[:60]} is wrong ({scheme.name})"
        findings.append(Finding("PARTICIPANT-CHECK-DIGIT", Severity.WARNING, text))
    return tuple(findings)


def _scheme(row: Mapping[str, str]) -> ParticipantScheme:
    removed = row["removed"]
    return ParticipantScheme(
        icd=row["icd"],
        name=row["name"],
        country=row["country"],
        pattern=row["pattern"],
        check=row["check"],
        removed=bool(removed),
        removed_on=date.fromisoformat(removed) if removed not in ("", _EARLIER) else None,
        instead=row["instead"],
    )


def _why_removed(scheme: ParticipantScheme) -> str:
    day = f" since {scheme.removed_on}" if scheme.removed_on else ""
    instead = f"; use {scheme.instead}" if scheme.instead else ""
    return f"the scheme {scheme.icd} ({scheme.name}) is out of use{day}{instead}"


def _passes(check: str, number: str) -> bool:
    own = _OWN_CHECKS.get(check)
    return own(number) if own is not None else _stdnum(check, number)


def _stdnum(module: str, number: str) -> bool:
    # Some modules take the number with its country, some without.
    judge: Callable[[str], bool] = import_module(f"stdnum.{module}").is_valid
    return judge(number) or (number[:2].isalpha() and judge(number[2:]))


def _sirene(number: str) -> bool:
    return _stdnum("fr.siret" if len(number) == 14 else "fr.siren", number)


def _uen(number: str) -> bool:
    """Behind the five letters of the issuer."""
    return not number.startswith("SGUEN") or _stdnum("sg.uen", number[5:])


def _iin(number: str) -> bool:
    """A T, and a corporate number."""
    return _stdnum("jp.cn", number[1:])


def _ico(number: str) -> bool:
    """Weights 8 to 2, modulo 11."""
    total = sum(int(digit) * weight for digit, weight in zip(number[:7], range(8, 1, -1), strict=True))
    return (11 - total % 11) % 10 == int(number[7])


_OWN_CHECKS: Final[Mapping[str, Callable[[str], bool]]] = MappingProxyType(
    {"sirene": _sirene, "uen": _uen, "iin": _iin, "ico": _ico, "leitweg": is_leitweg}
)

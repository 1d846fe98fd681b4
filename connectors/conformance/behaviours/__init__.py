"""What every connector does, one behaviour a test, in the order of the table that people see."""

from __future__ import annotations

from typing import Final

from connectors.conformance.behaviours import (
    abilities,
    changes,
    checking,
    closing,
    faults,
    login,
    paging,
    secrecy,
    strangeness,
    writing,
)
from connectors.conformance.outcome import Behaviour

__all__ = ["BEHAVIOURS"]

BEHAVIOURS: Final[tuple[Behaviour, ...]] = (
    *paging.BEHAVIOURS,
    *changes.BEHAVIOURS,
    *faults.BEHAVIOURS,
    *strangeness.BEHAVIOURS,
    *login.BEHAVIOURS,
    *writing.BEHAVIOURS,
    *checking.BEHAVIOURS,
    *abilities.BEHAVIOURS,
    *secrecy.BEHAVIOURS,
    *closing.BEHAVIOURS,
)

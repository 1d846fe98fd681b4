"""Sentences about stops, fixes, alarms and events, in the language of who reads them.

They are kept in English, for machines, logs and the record. People read them by way of `reason`, which finds
the sentence's template in a catalogue (`reasons.<language>.po`) and puts what was filled in into its
translation. The catalogues are renewed by python -m tests.words.
"""

from __future__ import annotations

from gateway.reasons.catalogue import CATALOGUES, TRANSLATED
from gateway.reasons.lookup import knows, reason

__all__ = ["CATALOGUES", "TRANSLATED", "knows", "reason"]

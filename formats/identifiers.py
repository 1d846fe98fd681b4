"""Identifiers of the network: electronic addresses (BT-34, BT-49) and their schemes.

Sources: Peppol Policy for use of identifiers 4.x; EAS and ICD code lists.
"""

from __future__ import annotations

from dataclasses import dataclass

from formats.errors import MalformedDocument

__all__ = ["Identifier", "electronic_address"]


@dataclass(frozen=True, slots=True)
class Identifier:
    """A value and the scheme it belongs to: EAS for electronic addresses, ICD for parties, items and the
    rest."""

    value: str
    scheme: str | None = None

    def __str__(self) -> str:
        return f"{self.scheme}:{self.value}" if self.scheme else self.value


def electronic_address(text: str) -> Identifier:
    """Read `scheme:value`, as in `0106:64218703`.

    Raises MalformedDocument when either half is missing.
    """
    scheme, colon, value = text.strip().partition(":")
    if not (colon and scheme and value):
        raise MalformedDocument(
            f"{text[:60]!r} is not an electronic address",
            where="electronic address",
            fix="write the four-digit scheme, a colon and the number, as in 0106:64218703",
        )
    return Identifier(value, scheme)

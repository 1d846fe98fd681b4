"""What is said of rules that the compiler refuses; apart from the compiler, which few runs need."""

from __future__ import annotations

from typing import Final

from formats.errors import ConfigError

__all__ = ["FORMAT", "TOO_DEEP", "NotUnderstood"]

#: The version of the generated code; code of another version is compiled anew.
FORMAT: Final = 2
_SHOWN: Final = 160
TOO_DEEP: Final = "it is nested more deeply, or chained longer, than any published rule"


class NotUnderstood(ConfigError):
    """A rule set holds something that the compiler does not know, so the whole set is refused.

    `rule` is the id of the rule (or the name of the variable or function) and `expression` the published
    text.
    """

    def __init__(self, why: str, *, rule: str, expression: str) -> None:
        self.rule = rule
        self.expression = expression
        shown = " ".join(expression.split())
        shown = shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}..."
        super().__init__(
            f"the rules cannot be compiled: {why}",
            where=f"rule {rule}: {shown}" if rule != "all" else "the file as a whole",
            fix="use the rules with the Saxon engine, and report the rule so that the compiler learns it",
        )

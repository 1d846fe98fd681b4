"""Rule packs as people see them: one in a list, and everything about one."""

from __future__ import annotations

from collections.abc import Mapping

from rich.padding import Padding
from rich.text import Text

from formats.registry import PROFILES
from gateway.cli.output import OUT
from gateway.rules import catalogue
from gateway.rules.packs import RulePack

__all__ = ["contents_of", "print_facts", "print_row", "profiles_by_pack"]


def profiles_by_pack() -> Mapping[str, tuple[str, ...]]:
    """The profiles that are judged by each rule set, by its key."""
    found: dict[str, tuple[str, ...]] = {}
    for profile in PROFILES.values():
        for key in profile.rule_packs:
            found[key] = (*found.get(key, ()), profile.key)
    return found


def print_row(pack: RulePack, judges: bool, verified: str) -> None:
    """One pack in the list: its name, whether it judges today, where it is from."""
    unused = pack.key not in profiles_by_pack()
    state = ("judges today", "green") if judges else ("kept", "dim")
    if unused:
        state = ("kept, no profile is judged by it", "dim")
    elif pack.superseded:
        state = ("judges today, superseded", "yellow") if judges else ("kept, superseded", "dim")
    since = f"valid from {pack.valid_from}, " if pack.valid_from else ""
    OUT.print(Text.assemble((pack.name, "bold"), "  ", state), soft_wrap=True)
    about = Text(f"{pack.title}, {pack.release}; {since}{pack.origin}; {verified}", "dim")
    OUT.print(Padding(about, (0, 0, 0, 4), expand=False))
    if judges and pack.superseded:
        OUT.print(Padding(Text(pack.superseded, "yellow"), (0, 0, 0, 4), expand=False))


def contents_of(pack: RulePack) -> dict[str, object]:
    """What is in a pack, and which profiles are judged by it."""
    found = catalogue.contents(pack)
    return {
        "rules": dict(sorted(found.severities.items())),
        "patterns": found.patterns,
        "code_lists": found.code_lists,
        "functions": found.functions,
        "files": found.files,
        "made_with": found.generator,
        "profiles": list(profiles_by_pack().get(pack.key, ())),
    }


def print_facts(facts: Mapping[str, object]) -> None:
    """One line for each fact; what is not known is left out."""
    for name, value in facts.items():
        if (text := _plain(name, value)) != "":
            OUT.print(Text.assemble((f"{name.replace('_', ' '):14}", "dim"), text), soft_wrap=True)


def _plain(name: str, value: object) -> str:
    if name == "rules" and isinstance(value, dict):
        return f"{sum(value.values())}: " + ", ".join(f"{count} {flag}" for flag, count in value.items())
    if name == "profiles" and not value:
        return "none is judged by it"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)

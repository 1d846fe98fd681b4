"""Taking in a publisher's release: what is in a file, what each part would replace, and who can judge by
it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from importlib.util import find_spec
from pathlib import Path

from formats.errors import ConfigError
from gateway.rules.archive import ZipTree, open_tree
from gateway.rules.artefact import Artefact, artefacts_in, version_of
from gateway.rules.compiled import CompiledPacks
from gateway.rules.known import KNOWN, KnownPack
from gateway.rules.packs import RulePack
from gateway.rules.reach import pack_reaches_outside
from gateway.rules.store import RuleShelf, add_pack, remove_pack

__all__ = ["Offer", "offers", "take_in"]


@dataclass(frozen=True, slots=True)
class Offer:
    """One release found in a file.

    `refusal` says why the compiler does not take it, "" where it does; `on_saxon` that Saxon can judge
    instead. `present` is the same release on the shelf with the same bytes, `replaces` one with others.
    """

    artefact: Artefact
    known: KnownPack
    release: str
    refusal: str
    on_saxon: bool
    present: RulePack | None
    replaces: RulePack | None

    @property
    def usable(self) -> bool:
        return not self.refusal or self.on_saxon


def offers(
    file: Path,
    shelf: RuleShelf,
    compiled: CompiledPacks,
    *,
    only: Collection[str] = (),
    as_key: str = "",
    every: bool = False,
    release: str = "",
) -> tuple[Offer, ...]:
    """What a rule file or archive holds for this gateway: of each rule set the newest release, or `every`
    one.

    `only` limits the rule sets. `as_key` names the rule set of a loose file that is not recognised, `release`
    what the operator calls it. Raises
    ConfigError for a file without rules that the gateway knows, NotUnderstood never: that is in the offer.
    """
    for key in (*only, *((as_key,) if as_key else ())):
        if key not in KNOWN:
            raise ConfigError(
                f"there is no rule set {key}", where=str(file), fix=f"use one of {', '.join(KNOWN)}"
            )
    tree = open_tree(file)
    try:
        found = _chosen(tuple(artefacts_in(tree)), as_key, only, every=every)
    finally:
        if isinstance(tree, ZipTree):
            tree.close()
    if not found:
        raise ConfigError(
            "no rules that the gateway knows are in it",
            where=str(file),
            fix="name the publisher's release, or say with --as which rule set a loose file is: "
            + ", ".join(KNOWN),
        )
    return tuple(_offer(artefact, known, shelf, compiled, release) for artefact, known in found)


def take_in(
    offer: Offer, folder: Path, *, source: str, now: datetime, release: str = "", valid: date | None = None
) -> RulePack:
    """Store one offer, in the place of what it replaces. Raises ConfigError for one that nobody could judge
    by, StorageError."""
    if not offer.usable:
        raise ConfigError(
            offer.refusal,
            where=f"{source}: {offer.artefact.name}",
            fix="install the Python package saxonche to have Saxon judge by these rules"
            if offer.artefact.name.lower().endswith((".xsl", ".xslt"))
            else "add the publisher's compiled rules (XSLT) instead, which Saxon can run",
        )
    added = add_pack(
        offer.artefact, offer.known, folder, source=source, now=now, release=release, valid=valid
    )
    old = offer.replaces
    if old is not None and old.path.is_relative_to(folder):
        remove_pack(old)
    return added


def _chosen(
    artefacts: tuple[Artefact, ...], as_key: str, only: Collection[str], *, every: bool
) -> list[tuple[Artefact, KnownPack]]:
    if as_key:
        if len(artefacts) != 1:
            raise ConfigError(
                "--as is for one loose rule file", where="gateway rules add", fix="name one file"
            )
        return [(artefacts[0], KNOWN[as_key])]
    by_key: dict[str, list[Artefact]] = {}
    for artefact in artefacts:
        if artefact.known is not None and (not only or artefact.known.key in only):
            by_key.setdefault(artefact.known.key, []).append(artefact)
    found: list[tuple[Artefact, KnownPack]] = []
    for key, releases in by_key.items():
        releases.sort(key=_rank)
        found.extend((artefact, KNOWN[key]) for artefact in (releases if every else releases[-1:]))
    return found


def _rank(artefact: Artefact) -> tuple[tuple[int, ...], bool]:
    # Publishers ship source and style sheet of one release; both engines can judge by the style sheet.
    return version_of(artefact.release), not artefact.name.lower().endswith(".sch")


def _offer(
    artefact: Artefact, known: KnownPack, shelf: RuleShelf, compiled: CompiledPacks, release: str
) -> Offer:
    told = known.releases.get(artefact.release)
    release = release or (told.name if told else artefact.release)
    refusal = ""
    try:
        compiled.prepare(artefact)
    except ConfigError as error:
        # The rule and its expression, too: nobody finds them otherwise in a thousand rules.
        refusal = f"{error.what} ({error.where})"
    on_saxon = artefact.name.lower().endswith((".xsl", ".xslt")) and find_spec("saxonche") is not None
    if refusal and on_saxon and (reach := pack_reaches_outside(artefact.files)):
        refusal, on_saxon = f"{refusal}; and Saxon is not given it: {reach}", False
    same_release = [pack for pack in shelf.get(known.key, ()) if pack.added and pack.release == release]
    present = next((pack for pack in same_release if pack.digest == artefact.digest), None)
    replaces = next((pack for pack in same_release if pack.digest != artefact.digest), None)
    return Offer(artefact, known, release, refusal, on_saxon, present, replaces)

"""docs/coverage.md, made from the binding tables: `python -m tests.coverage_page` writes it anew."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from formats.model.names import name_of
from formats.model.terms import CATALOGUE
from formats.registry import PROFILES, SYNTAXES
from formats.syntaxes.binding import Binding
from formats.syntaxes.kinds import UnderScheme
from formats.syntaxes.table import Element, Entry, Filler, Fixed, Group, Part, Term, path_in
from gateway.rules.known import KNOWN
from gateway.rules.xsd import SCHEMAS

__all__ = ["PAGE", "page"]

PAGE = Path(__file__).parent.parent / "docs" / "coverage.md"

HEAD = """\
# What each format carries

Every business term of EN 16931-1, with what single countries add, and where it stands in each vocabulary.
This page is made from the tables that read and write the documents (`formats/syntaxes/`);
`python -m tests.coverage_page` renews it, and a test fails while it is stale.

- Paths begin below the root element. `[...]` is a constant that tells look-alikes apart. Where invoices and
  credit notes differ, both are given.
- *Read only* places are read where the proper place is empty, and never written.
- A group without a path is a bracket around its terms.
- Terms that begin with the code of a country (`IT-1`) are ours: what that country's invoices say beyond the
  standard. A *yes* of a group of the standard does not count them.
- What a national vocabulary derives (a total, a VAT category from its own codes) stands at the place that it
  is derived from.
- What a document says beyond these terms is not lost in silence: `gateway convert` names each such place, and
  each term that the target cannot carry as it stands.
"""

NOTES = """\
## Where a vocabulary has limits

| vocabulary | limit |
| --- | --- |
| UBL 2.1 | A credit note has a due date (BT-9) only beside a payment means code (BT-81). |
| UBL 2.1 | A note's subject code (BT-21) stands in the text as `#AAI#`, so it has three capital letters. |
| UBL 2.1, CII | The VAT total in the accounting currency (BT-111) needs BT-6, other than BT-5. |
| CII | Codes of the tax point (BT-8) are translated: 3, 35, 432 are written 5, 29, 72. |
| CII | Identifiers without a scheme stand before those with one; their order says nothing. |
| CII | The D16B schema has one preceding invoice (BG-3); later ones, and we, have any number. |
| CII | A project (BT-11) has the name `Project reference`, because the schema wants one. |

Characters that XML forbids become blanks, and the term is named.
"""


JUDGES = """\
*Schema* and *rules* judge what is written, here and on the way out. What is in brackets comes with no Python
package: `gateway rules add FILE` adds it, and until then the check says that it was *not run*. A profile
without rules has no published ones beyond its schema; what its network checks on arrival is said there.
*Signature* names the kinds that its authority takes, in bold where it takes nothing unsigned.
"""


def page() -> str:
    """The whole page; the same tables always give the same text."""
    parts = [HEAD, _profiles(), JUDGES, _groups(), _terms(), NOTES]
    return "\n".join(parts)


def _profiles() -> str:
    rows = []
    for profile in PROFILES.values():
        schema = SCHEMAS.get(profile.schema_key)
        title = "" if schema is None else schema.title if schema.package else f"({schema.title})"
        rules = ", ".join(
            key if key in KNOWN and KNOWN[key].package else f"({key})" for key in profile.rule_packs
        )
        signature = ", ".join(profile.signatures)
        signature = f"**{signature}**" if profile.must_be_signed else signature
        name = SYNTAXES[profile.syntax].name
        rows.append(_row([f"`{profile.key}`", profile.title, name, title, rules, signature]))
    head = ["profile", "title", "vocabulary", "schema", "rules", "signature"]
    return "\n".join(["## Profiles", "", _row(head), _row(["---"] * len(head)), *rows]) + "\n"


def _groups() -> str:
    """How many terms of each group a vocabulary writes and reads."""
    groups: dict[str, list[str]] = {}
    for entry in CATALOGUE.values():
        if entry.is_national or any(one.within == entry.name for one in CATALOGUE.values()):
            continue
        groups.setdefault(_outermost(entry.name), []).append(entry.name)
    ways = {
        key: (_written_terms(binding), set(_by_term(binding, credit_note=False)))
        for key, binding in SYNTAXES.items()
    }
    head = ["group", "name", "terms", *(binding.name for binding in SYNTAXES.values())]
    lines = ["## By group: terms written / read", "", _row(head), _row(["---"] * len(head))]
    for group, terms in groups.items():
        cells = [group, name_of(group) if group else "Invoice", str(len(terms))]
        for written, read in ways.values():
            counts = (sum(term in where for term in terms) for where in (written, read))
            cells.append(" / ".join(str(count) for count in counts))
        lines.append(_row(cells))
    return "\n".join(lines) + "\n"


def _outermost(term: str) -> str:
    """The group right below the invoice that a term stands in, "" for the invoice itself."""
    group = CATALOGUE[term].within
    while group and CATALOGUE[group].within:
        group = CATALOGUE[group].within
    return group


def _written_terms(binding: Binding) -> set[str]:
    return {
        term
        for term, paths in _by_term(binding, credit_note=False).items()
        if any("(read only)" not in path for path in paths)
    }


def _terms() -> str:
    places = {key: _places_of(binding) for key, binding in SYNTAXES.items()}
    columns = ["term", "name", *(binding.name for binding in SYNTAXES.values()), *PROFILES]
    lines = ["## Terms", "", _row(columns), _row(["---"] * len(columns))]
    for term in CATALOGUE:
        cells = [term, _indent(term) + name_of(term)]
        cells += [places[key].get(term, "") for key in SYNTAXES]
        cells += ["yes" if _is_carried(term, PROFILES[key].syntax, places) else "no" for key in PROFILES]
        lines.append(_row(cells))
    return "\n".join(lines) + "\n"


def _is_carried(term: str, syntax: str, places: dict[str, dict[str, str]]) -> bool:
    """A group is carried when all that it holds is; what a country adds to it does not count."""
    inner = [
        entry.name
        for entry in CATALOGUE.values()
        if entry.within == term and entry.is_national == CATALOGUE[term].is_national
    ]
    return all(_is_carried(name, syntax, places) for name in inner) if inner else term in places[syntax]


def _indent(term: str) -> str:
    depth = 0
    while within := CATALOGUE[term].within:
        term, depth = within, depth + 1
    return "&nbsp;&nbsp;" * depth


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _places_of(binding: Binding) -> dict[str, str]:
    """Term -> its places, invoices and credit notes apart where they differ."""
    invoice = _by_term(binding, credit_note=False)
    if binding.invoice_root == binding.credit_note_root:
        return {term: "<br>".join(paths) for term, paths in invoice.items()}
    credit_note = _by_term(binding, credit_note=True)
    found = {}
    for term in (*invoice, *(term for term in credit_note if term not in invoice)):
        one, other = invoice.get(term, []), credit_note.get(term, [])
        both = [path for path in one if path in other]
        only = [f"Invoice: {path}" for path in one if path not in other]
        only += [f"CreditNote: {path}" for path in other if path not in one]
        found[term] = "<br>".join(both + only)
    return found


def _by_term(binding: Binding, *, credit_note: bool) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for term, path in _walk(binding.entries, credit_note, ""):
        paths = found.setdefault(term, [])
        if path not in paths:
            paths.append(path)
    return found


def _walk(entries: tuple[Entry, ...], credit_note: bool, above: str) -> Iterator[tuple[str, str]]:
    for entry in entries:
        path = path_in(entry, credit_note)
        if path is None or isinstance(entry, Fixed | Filler):
            continue
        if isinstance(entry, Part):
            yield from _walk(entry.terms, credit_note, above)
            continue
        place = f"{above}{path}"
        if isinstance(entry, Term):
            yield from _places_of_term(entry, place)
            continue
        place += "".join(f"[{fixed.path}={fixed.value}]" for fixed in _constants(entry))
        if isinstance(entry, Group):
            yield entry.name, f"`{place}`"
        yield from _walk(entry.entries, credit_note, f"{place}/")


def _constants(entry: Element | Group) -> Iterator[Fixed]:
    return (inner for inner in entry.entries if isinstance(inner, Fixed))


def _places_of_term(term: Term, place: str) -> Iterator[tuple[str, str]]:
    scheme = f"[@schemeID={term.kind.scheme}]" if isinstance(term.kind, UnderScheme) else ""
    note = " (read only)" if term.read_only else ""
    for name in {term.name: None} if not term.parts else dict.fromkeys((term.name, *term.parts)):
        yield name, f"`{place}{scheme}`{note}"
    for attribute, name in term.attributes.items():
        yield name, f"`{place}/@{attribute}`{note}"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")

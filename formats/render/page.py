"""The readable copy of an invoice as one HTML file for screen and print, without scripts."""

from __future__ import annotations

from typing import Any, Final, TypeAlias

from lxml import etree

from formats.errors import ConfigError
from formats.model.invoice import Invoice
from formats.render.view import view
from formats.render.words import LANGUAGES

__all__ = ["render_page"]

# Nothing may be loaded or run, whatever an invoice says.
_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'"
_STYLE: Final = """
:root { --ink: #1b2a3d; --accent: #1f5673; --soft: #5d6b7a; --line: #cfd8e0; --wash: #eef3f6; }
* { box-sizing: border-box; }
body { margin: 0; background: var(--wash); color: var(--ink);
  font: 15px/1.45 Georgia, 'Times New Roman', serif; font-variant-numeric: tabular-nums lining-nums;
  overflow-wrap: anywhere; }
main { max-width: 60rem; margin: 2rem auto; padding: 2.5rem; background: #fff; border-radius: 6px; }
header { display: flex; justify-content: space-between; gap: 2rem; padding-bottom: .6rem;
  border-bottom: 2px solid var(--accent); }
h1 { margin: 0; font-size: 1.6rem; text-align: right; font-weight: 400; }
h2 { margin: 1.6rem 0 .3rem; font-size: .75rem; letter-spacing: .06em; text-transform: uppercase;
  color: var(--accent); }
.seller { font-size: 1.6rem; font-weight: 700; color: var(--accent); }
.number { display: block; font-size: 1rem; color: var(--soft); }
.columns { display: flex; flex-wrap: wrap; gap: 0 2.5rem; align-items: flex-start; }
.columns > * { flex: 1 1 18rem; }
.box { margin-top: 1.6rem; padding: .8rem 1rem; background: var(--wash); border-radius: 6px; }
.small { font-size: .85rem; color: var(--soft); }
.name { font-weight: 600; }
table { width: 100%; border-collapse: collapse; }
th { font-size: .75rem; letter-spacing: .04em; text-transform: uppercase; color: var(--accent); }
th, td { padding: .45rem .5rem; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); }
th:first-child, td:first-child { padding-left: 0; }
th:last-child, td:last-child { padding-right: 0; }
.right { text-align: right; white-space: nowrap; }
.lines { margin-top: 1.8rem; }
.pairs td { border: 0; padding: .15rem .5rem .15rem 0; }
.due td { padding: .7rem 1rem; background: var(--accent); color: #fff; font-size: 1.2rem; font-weight: 700; }
footer { margin-top: 2rem; padding-top: .6rem; border-top: 1px solid var(--line); font-size: .8rem;
  color: var(--soft); }
@media (max-width: 40rem) { main { margin: 0; padding: 1rem; border-radius: 0; } }
@media print { body { background: #fff; font-size: 10pt; } main { margin: 0; padding: 0; max-width: none; }
  tr, .box { break-inside: avoid; } thead { display: table-header-group; } }
"""

_Node: TypeAlias = etree._Element


def render_page(invoice: Invoice, *, language: str = "en") -> bytes:
    """One HTML document in UTF-8; the same invoice in the same language always gives the same bytes.

    Texts of the invoice stand in it as texts, never as markup. Raises ConfigError for a language that is not
    one of `LANGUAGES`.
    """
    words = LANGUAGES.get(language)
    if words is None:
        raise ConfigError(
            f"there are no words in {language!r} for a readable invoice",
            where="language",
            fix=f"use one of {', '.join(LANGUAGES)}",
        )
    page = _Page(view(invoice, words)).build()
    return etree.tostring(page, encoding="utf-8", method="html", doctype="<!DOCTYPE html>", pretty_print=True)


class _Page:
    def __init__(self, shown: dict[str, Any]) -> None:
        self.view = shown
        self.labels: dict[str, str] = shown["labels"]

    def build(self) -> _Node:
        title = f"{self.view['title']} {self.view['number']}".strip()
        main = _tag(
            "main",
            self._head(),
            self._parties(),
            *self._others(),
            self._lines(),
            _tag("div", {"class": "columns"}, self._vat(), self._totals()),
            *self._sections(),
            self._foot(),
        )
        head = _tag(
            "head",
            _tag("meta", {"charset": "utf-8"}),
            _tag("meta", {"http-equiv": "Content-Security-Policy", "content": _POLICY}),
            _tag("meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"}),
            _tag("title", title),
            _tag("style", _STYLE),
        )
        return _tag("html", {"lang": self.view["language"]}, head, _tag("body", main))

    def _head(self) -> _Node:
        number = _tag("span", {"class": "number"}, self.view["number"])
        seller = _tag("div", {"class": "seller"}, self.view["seller"]["name"])
        return _tag("header", seller, _tag("h1", self.view["title"], number))

    def _parties(self) -> _Node:
        buyer = self.view["buyer"]
        facts = [f"{label} {value}" for label, value in buyer["facts"]]
        extra = [*facts, "  ·  ".join(buyer["contact"])]
        return _tag(
            "div",
            {"class": "columns"},
            _tag(
                "section",
                _tag("h2", self.labels["buyer"]),
                _tag("div", {"class": "name"}, buyer["name"]),
                *_rows([buyer["trading"], *buyer["address"]]),
                *_rows(extra, kind="small"),
            ),
            _tag("section", {"class": "box"}, _pairs(self.view["facts"])),
        )

    def _others(self) -> list[_Node]:
        """Delivery place, payee and tax representative, side by side."""
        parts = [
            _tag("section", _tag("h2", other["label"]), *_rows(other["rows"]))
            for other in self.view["others"]
        ]
        return [_tag("div", {"class": "columns"}, *parts)] if parts else []

    def _lines(self) -> _Node:
        labels = self.labels
        heads = (
            ("", labels["position"]),
            ("", labels["description"]),
            ("right", labels["quantity"]),
            ("right", labels["price"]),
            ("right", labels["rate"]),
            ("right", f"{labels['amount']} {self.view['currency']}".strip()),
        )
        head = _tag(
            "thead", _tag("tr", *(_tag("th", {"class": kind, "scope": "col"}, text) for kind, text in heads))
        )
        body = _tag("tbody", *(self._line(line) for line in self.view["lines"]))
        return _tag("table", {"class": "lines"}, head, body)

    def _line(self, line: dict[str, Any]) -> _Node:
        changes = [f"{reason}  {amount}" for reason, amount in line["changes"]]
        return _tag(
            "tr",
            _tag("td", {"class": "small"}, line["position"]),
            _tag(
                "td",
                _tag("div", {"class": "name"}, line["name"]),
                *_rows([*line["details"], *changes], kind="small"),
            ),
            _tag(
                "td",
                {"class": "right"},
                line["quantity"],
                " ",
                _tag("span", {"class": "small"}, line["unit"]),
            ),
            _tag("td", {"class": "right"}, line["price"], *_rows([line["per"]], kind="small")),
            _tag("td", {"class": "right"}, line["rate"]),
            _tag("td", {"class": "right"}, line["amount"]),
        )

    def _vat(self) -> _Node:
        labels = self.labels
        if not self.view["vat"]:
            return _tag("section")
        heads = (labels["category"], labels["rate"], labels["taxable"], labels["tax"])
        rows = [
            _tag(
                "tr",
                _tag("td", row["category"], *_rows([row["reason"]], kind="small")),
                *(_tag("td", {"class": "right"}, row[key]) for key in ("rate", "taxable", "tax")),
            )
            for row in self.view["vat"]
        ]
        kinds = ("", "right", "right", "right")
        cells = (
            _tag("th", {"class": kind, "scope": "col"}, text) for kind, text in zip(kinds, heads, strict=True)
        )
        return _tag(
            "section",
            _tag("h2", labels["vat_breakdown"]),
            _tag("table", _tag("thead", _tag("tr", *cells)), _tag("tbody", *rows)),
        )

    def _totals(self) -> _Node:
        rows = [
            _tag("tr", _tag("td", label), _tag("td", {"class": "right"}, amount))
            for label, amount in self.view["totals"]
        ]
        label, amount = self.view["due"]
        due = f"{self.view['currency']} {amount}".strip()
        rows.append(_tag("tr", {"class": "due"}, _tag("td", label), _tag("td", {"class": "right"}, due)))
        return _tag("section", {"class": "box"}, _tag("table", {"class": "pairs"}, *rows))

    def _sections(self) -> list[_Node]:
        """How to pay, and what else is said."""
        parts = []
        if self.view["payment"]:
            parts.append(_tag("section", _tag("h2", self.labels["payment"]), _pairs(self.view["payment"])))
        for key in ("terms", "notes", "attachments"):
            if self.view[key]:
                parts.append(_tag("section", _tag("h2", self.labels[key]), *_rows(self.view[key])))
        return parts

    def _foot(self) -> _Node:
        seller = self.view["seller"]
        facts = [f"{label} {value}" for label, value in seller["facts"]]
        parts = [seller["legal"], *seller["address"], *facts, *seller["contact"], seller["information"]]
        return _tag(
            "footer",
            _tag("div", "  ·  ".join(part for part in parts if part)),
            _tag("div", _tag("em", self.labels["notice"])),
        )


def _rows(texts: list[str], kind: str = "") -> list[_Node]:
    return [_tag("div", {"class": kind} if kind else {}, text) for text in texts if text]


def _pairs(pairs: list[tuple[str, str]]) -> _Node:
    rows = (_tag("tr", _tag("td", {"class": "small"}, label), _tag("td", value)) for label, value in pairs)
    return _tag("table", {"class": "pairs"}, *rows)


def _tag(name: str, *parts: str | dict[str, str] | _Node) -> _Node:
    """An element with its attributes (a dict), texts and children, in this order of appearance."""
    element = etree.Element(name)
    for part in parts:
        if isinstance(part, dict):
            for key, value in part.items():
                element.set(key, value)
        elif not isinstance(part, str):
            element.append(part)
        elif len(element):
            element[-1].tail = (element[-1].tail or "") + part
        else:
            element.text = (element.text or "") + part
    return element

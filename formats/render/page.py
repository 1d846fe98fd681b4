"""The readable copy of an invoice as one HTML file for screen and print, without scripts."""

from __future__ import annotations

from typing import Any, Final, TypeAlias

from lxml import etree

from formats.errors import ConfigError
from formats.model.invoice import Invoice
from formats.render.appearance import PLAIN, Appearance
from formats.render.payment_code import payment_code
from formats.render.view import view
from formats.render.words import LANGUAGES
from formats.syntaxes import xml

__all__ = ["render_page"]

# Nothing may be loaded or run, whatever an invoice says.
_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'"
_POLICY_WITH_LOGO: Final = _POLICY + "; img-src data:"
_STYLE: Final = """
* { box-sizing: border-box; }
body { margin: 0; background: var(--wash); color: var(--ink);
  font: 15px/1.45 Georgia, 'Times New Roman', serif; font-variant-numeric: tabular-nums lining-nums;
  overflow-wrap: anywhere; }
main { max-width: 58rem; margin: 2rem auto; padding: 3rem; background: #fff; border-radius: 4px;
  box-shadow: 0 1px 6px rgb(27 42 61 / 12%); }
header { display: flex; justify-content: space-between; align-items: flex-end; gap: 2rem;
  padding-bottom: .8rem; border-bottom: 2px solid var(--accent); }
header img { display: block; max-width: 18rem; max-height: 4.2rem; }
h1 { margin: 0; font-size: 2rem; line-height: 1.15; text-align: right; font-weight: 400;
  color: var(--heading); }
h2 { margin: 1.8rem 0 .4rem; font-size: .72rem; letter-spacing: .07em; text-transform: uppercase;
  color: var(--heading); }
.seller { font-size: 1.5rem; font-weight: 700; line-height: 1.2; color: var(--heading); }
.number { display: block; font-size: 1rem; color: var(--soft); }
.columns { display: flex; flex-wrap: wrap; gap: 0 2.5rem; align-items: flex-start; }
.columns > * { flex: 1 1 18rem; }
.box { margin-top: 1.8rem; padding: .9rem 1.1rem; background: var(--wash); border-radius: 4px; }
.small { font-size: .85rem; color: var(--soft); }
.name { font-weight: 600; }
.change { display: flex; justify-content: space-between; gap: 1rem; max-width: 24rem; }
table { width: 100%; border-collapse: collapse; }
th { font-size: .72rem; letter-spacing: .05em; text-transform: uppercase; color: var(--heading); }
th, td { padding: .5rem; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); }
thead th { border-bottom-color: var(--accent); }
th:first-child, td:first-child { padding-left: 0; }
th:last-child, td:last-child { padding-right: 0; }
.right, .lines th { white-space: nowrap; }
.right { text-align: right; }
.lines { margin-top: 2rem; }
.lines td + td + td { width: 1%; }
.pairs td { border: 0; padding: .15rem .8rem .15rem 0; }
.pairs td:first-child { width: 1%; white-space: nowrap; }
.sums { margin-top: 1.5rem; }
.sums td:first-child { width: auto; white-space: normal; padding-left: 1.1rem; }
.sums td:last-child { padding-right: 1.1rem; }
.due { display: flex; justify-content: space-between; align-items: baseline; gap: 1rem; margin-top: .7rem;
  padding: .8rem 1.1rem; background: var(--accent); color: var(--on-accent); border-radius: 4px; }
.due strong { font-size: 1.35rem; white-space: nowrap; }
.scan { display: flex; gap: 1rem; align-items: flex-end; margin-top: 1.8rem; }
.scan svg { width: 7.5rem; height: 7.5rem; flex: none; }
footer { margin-top: 2.5rem; padding-top: .8rem; border-top: 1px solid var(--line); font-size: .8rem;
  color: var(--soft); }
footer .columns > * { flex-basis: 12rem; }
footer em { display: block; margin-top: .8rem; }
@media (max-width: 40rem) {
  main { margin: 0; padding: 1.2rem; border-radius: 0; box-shadow: none; }
  header { flex-direction: column; align-items: flex-start; gap: .8rem; }
  h1 { text-align: left; }
  .lines thead { position: absolute; clip-path: inset(50%); width: 1px; height: 1px; overflow: hidden; }
  .lines, .lines tbody, .lines tr, .lines td { display: block; width: auto; }
  .lines tr { padding: .7rem 0; border-bottom: 1px solid var(--line); }
  .lines td + td + td { display: flex; justify-content: space-between; gap: 1rem; width: auto; }
  .lines td { padding: .1rem 0; border: 0; white-space: normal; }
  .lines td[data-label]::before { content: attr(data-label); color: var(--soft); font-size: .85rem; }
  .lines td:last-child { font-weight: 600; }
  .lines td:empty { display: none; }
}
@media print { body { background: #fff; font-size: 10pt; }
  main { margin: 0; padding: 0; max-width: none; box-shadow: none; }
  tr, .box, .due, .scan { break-inside: avoid; } thead { display: table-header-group; }
  .due { print-color-adjust: exact; -webkit-print-color-adjust: exact; } }
"""

_Node: TypeAlias = etree._Element


def render_page(invoice: Invoice, *, language: str = "en", appearance: Appearance = PLAIN) -> bytes:
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
    page = _Page(view(invoice, words), appearance, payment_code(invoice)).build()
    return etree.tostring(page, encoding="utf-8", method="html", doctype="<!DOCTYPE html>", pretty_print=True)


class _Page:
    def __init__(self, shown: dict[str, Any], appearance: Appearance, code: str) -> None:
        self.view = shown
        self.appearance = appearance
        self.code = code
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
        policy = _POLICY_WITH_LOGO if self.appearance.logo else _POLICY
        head = _tag(
            "head",
            _tag("meta", {"charset": "utf-8"}),
            _tag("meta", {"http-equiv": "Content-Security-Policy", "content": policy}),
            _tag("meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"}),
            _tag("title", title),
            _tag("style", _colours(self.appearance) + _STYLE),
        )
        return _tag("html", {"lang": self.view["language"]}, head, _tag("body", main))

    def _head(self) -> _Node:
        number = _tag("span", {"class": "number"}, self.view["number"])
        name = self.view["seller"]["name"]
        logo = self.appearance.logo
        seller = (
            _tag("img", {"src": logo.address, "alt": name})
            if logo
            else _tag("div", {"class": "seller"}, name)
        )
        return _tag("header", seller, _tag("h1", self.view["title"], number))

    def _parties(self) -> _Node:
        buyer = self.view["buyer"]
        facts = [f"{label} {value}" for label, value in buyer["facts"]]
        extra = [*buyer["contact"], *facts]
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
        labels = self.labels
        changes = (
            _tag("div", {"class": "small change"}, _tag("span", reason), _tag("span", amount))
            for reason, amount in line["changes"]
        )
        quantity = (line["quantity"], " ", _tag("span", {"class": "small"}, line["unit"]))
        return _tag(
            "tr",
            _tag("td", {"class": "small"}, line["position"]),
            _tag(
                "td",
                _tag("div", {"class": "name"}, line["name"]),
                *_rows(line["details"], kind="small"),
                *changes,
            ),
            _cell(labels["quantity"], _tag("span", *quantity)),
            _cell(labels["price"], _tag("span", line["price"], *_rows([line["per"]], kind="small"))),
            _cell(labels["rate"], line["rate"]),
            _cell(labels["amount"], line["amount"]),
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
        return _tag(
            "section",
            _tag("table", {"class": "pairs sums"}, *rows),
            _tag("div", {"class": "due"}, _tag("span", label), _tag("strong", due)),
        )

    def _sections(self) -> list[_Node]:
        """How to pay, and what else is said."""
        parts = []
        if self.view["payment"]:
            pay = _tag("section", _tag("h2", self.labels["payment"]), _pairs(self.view["payment"]))
            parts.append(_tag("div", {"class": "columns"}, pay, *self._code()))
        for key in ("terms", "notes", "attachments"):
            if self.view[key]:
                parts.append(_tag("section", _tag("h2", self.labels[key]), *_rows(self.view[key])))
        return parts

    def _code(self) -> list[_Node]:
        if not self.code:
            return []
        picture = xml.parse(self.code.encode())
        for part in picture.iter(etree.Element):
            part.tag = etree.QName(part).localname
        etree.cleanup_namespaces(picture)
        picture.set("role", "img")
        picture.set("aria-label", self.labels["scan"])
        caption = _tag("div", {"class": "small"}, self.labels["scan"])
        return [_tag("section", {"class": "scan"}, picture, caption)]

    def _foot(self) -> _Node:
        seller = self.view["seller"]
        facts = [f"{label} {value}" for label, value in seller["facts"]]
        columns = (
            [seller["name"], seller["legal"], *seller["address"]],
            [*seller["contact"], seller["information"]],
            facts,
        )
        parts = (_tag("div", *_rows(column)) for column in columns if any(column))
        return _tag("footer", _tag("div", {"class": "columns"}, *parts), _tag("em", self.view["notice"]))


def _cell(label: str, content: str | _Node) -> _Node:
    """A number of a line; on narrow screens its label stands before it."""
    return _tag("td", {"class": "right", "data-label": label}, content)


def _colours(appearance: Appearance) -> str:
    return (
        ":root { --ink: #1b2a3d; --soft: #566373; --line: #d5dce3; --wash: #f3f5f7; "
        f"--accent: {appearance.colour}; --heading: {appearance.heading}; "
        f"--on-accent: {appearance.on_colour}; }}"
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

"""Changed documents, to compare engines on what no published example shows.

Changes of the tree (things taken out, doubled, moved, emptied, renamed; codes, numbers, dates and blanks;
comments and processing instructions inside text) and of the bytes (line ends, CDATA, character references,
prefixes, encodings). Invented throughout, and the same for the same seed.
"""

from __future__ import annotations

import copy
import random
import re
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal, InvalidOperation
from typing import Final

from lxml import etree

__all__ = ["mutants"]

_NUMBERS: Final = (
    "0", "1", "-1", "0.005", "1.00", "100", "99999999.99", "1e3", "1E-7", "+5.5", ".5", "5.", "-0", "-0.00",
    "00012", "NaN", "INF", "-INF", "+INF", "1e400", "0x10", "1_000", "1,000.00", "1 000",
    "12345678901234567890123456789012345.67", "0.1234567890123456789012345", "9007199254740993",
    "0.30000000000000004", "1.005", "２５", "٢٥", "١٠.٥", "½", "1.000000000000000000001", "--1", "1-", "e5",
    ".", "-", "+",
)  # fmt: skip
_DATES: Final = (
    "2026-02-29", "2026-11-22", "2026-11-22Z", "2026-11-22+14:00", "2026-11-22-12:30", "2024-02-29",
    "0000-01-01", "-0001-01-01", "10000-01-01", "02026-11-22", "2026-1-2", "20261122", "22.11.2026",
    "2026-11-22T00:00:00", "2026-11-22T24:00:00Z", "2026-11-31", "2099-12-31", "1899-12-31", " 2026-11-22",
    "２０２６-11-22",
)  # fmt: skip
_CODES: Final = (
    "S", "AE", "E", "K", "Z", "O", "G", "L", "M", "B", "s", "Ae", "VAT", "vat", "Vat", "GST", "EUR", "eur",
    "Eur", "USD", "DKK", "SEK", "XXX", "380", "381", "389", "384", "326", "386", "877", "0380", "380 381",
    "S AE", "true", "false", "TRUE", "1", "0", "NL", "DE", "nl", "XX", "EL", "GR", "GB", "RO", "IT", "NO",
    "SA", "0088", "0106", "9930", "0000", "0088 0106", "30", "58", "49", "57", "ZZZ", "C62", "c62", "EA",
    "H87", "application/pdf", "text/plain", "VATEX-EU-AE", "95", "41", "ABL", "AAA", "130", "916", "35", "3",
    "432", "IBAN", "NL123456789B01", "DE123456789", "SE556677889901", "NO123456785MVA",
    "urn:fdc:peppol.eu:2017:poacc:billing:01:1.0", "urn:cen.eu:en16931:2017", "mutually defined", "102",
    "203", "#SKONTO#TAGE=14#PROZENT=2.25#\n", "0123456789012", "7300010000001",
)  # fmt: skip
_BLANKS: Final = (
    "",
    " ",
    "\n",
    "\t \n",
    "\u00a0",
    "\u2003",
    "\u200b",
    "a b",
    "\ufeff",
    "a\u00a0b",
    "x" * 300,
)
_ODD: Final = ("ß", "İstanbul", "ﬁ", "e\u0301", "\U0001f9fe", "<b>&amp;</b>", "]]>", "$1\\1", "'\"", "%s {0}")
_WORDS: Final = (*_NUMBERS, *_DATES, *_CODES, *_BLANKS, *_ODD)
_ATTRIBUTES: Final = (
    "schemeID", "currencyID", "unitCode", "listID", "mimeCode", "format", "name", "filename", "languageID",
    "schemeVersionID", "{http://www.w3.org/XML/1998/namespace}lang",
    "{http://www.w3.org/XML/1998/namespace}space", "{http://www.w3.org/2001/XMLSchema-instance}nil",
    "{http://www.w3.org/2001/XMLSchema-instance}type",
    "{http://www.w3.org/2001/XMLSchema-instance}schemaLocation", "{urn:example:other}schemeID",
)  # fmt: skip
_SHIFTS: Final = (
    "0.01",
    "-0.01",
    "0.02",
    "-0.02",
    "1",
    "-1",
    "0.005",
    "-0.005",
    "1.01",
    "0.99",
    "100",
    "-100",
    "0.001",
)


def mutants(
    seeds: Sequence[bytes],
    count: int,
    *,
    seed: int,
    valid: Callable[[etree._Element], bool] | None = None,
    spelled: bool = False,
) -> Iterator[bytes]:
    """`count` changed documents, the same for the same arguments.

    With `valid` each still keeps to the schema that it asks. With `spelled` some are spelled in ways that a
    parser has to see through: other line ends, CDATA, prefixes, encodings.
    """
    chance = random.Random(seed)  # noqa: S311  tests want to repeat
    made = tries = 0
    while made < count and tries < count * 60:
        tries += 1
        root = etree.fromstring(chance.choice(seeds))
        for _ in range(chance.choice((1, 1, 1, 2, 3, 5))):
            chance.choice(_CHANGES)(root, chance)
        if valid is None or valid(root):
            made += 1
            content = etree.tostring(root.getroottree(), encoding="UTF-8")
            yield chance.choice(_SPELLINGS)(content, chance) if spelled and chance.random() < 0.3 else content
    assert made == count, f"only {made} of {count} mutants keep to the schema"


def _elements(root: etree._Element) -> list[etree._Element]:
    return [element for element in root.iter(etree.Element) if element is not root]


def _any(root: etree._Element, chance: random.Random) -> etree._Element:
    return chance.choice(_elements(root) or [root])


def _leaf(root: etree._Element, chance: random.Random) -> etree._Element:
    return chance.choice([element for element in _elements(root) if not len(element)] or [root])


def _group(root: etree._Element, chance: random.Random) -> etree._Element:
    return chance.choice([element for element in _elements(root) if len(element)] or [root])


def _drop(element: etree._Element) -> None:
    parent = element.getparent()
    if parent is not None:
        parent.remove(element)


# what is said


def _set_text(root: etree._Element, chance: random.Random) -> None:
    _leaf(root, chance).text = _said(chance.choice(_WORDS))


def _said(word: str) -> str:
    return word.replace("<b>&amp;</b>", "<b>&</b>")


def _fitting_text(root: etree._Element, chance: random.Random) -> None:
    """Another word of the kind that stands there: rules look closest at these."""
    leaf = _leaf(root, chance)
    text, name = leaf.text or "", etree.QName(leaf).localname
    if re.search(r"Date|DateTimeString", name):
        leaf.text = chance.choice(_DATES)
    elif re.search(r"Amount|Percent|Quantity|Rate", name) or re.fullmatch(r"-?[0-9.]+", text):
        leaf.text = chance.choice(_NUMBERS)
    else:
        leaf.text = chance.choice(_CODES)


def _shift_number(root: etree._Element, chance: random.Random) -> None:
    numbers = [leaf for leaf in _elements(root) if not len(leaf) and _number(leaf.text) is not None]
    if numbers:
        leaf = chance.choice(numbers)
        leaf.text = str((_number(leaf.text) or 0) + Decimal(chance.choice(_SHIFTS)))


def _number(text: str | None) -> Decimal | None:
    try:
        found = Decimal(text or "x")
    except InvalidOperation:
        return None
    return found if found.is_finite() and abs(found) < 10**30 else None


def _spell_number(root: etree._Element, chance: random.Random) -> None:
    """The same number, written otherwise."""
    numbers = [leaf for leaf in _elements(root) if not len(leaf) and _number(leaf.text) is not None]
    if numbers:
        leaf = chance.choice(numbers)
        leaf.text = chance.choice(
            ("+{}", "{}0", "0{}", "{}.0", " {} ", "{}e0", "\n{}", "{}000000000000000000000")
        ).format(leaf.text)


def _swap_text(root: etree._Element, chance: random.Random) -> None:
    one, other = _leaf(root, chance), _leaf(root, chance)
    one.text, other.text = other.text, one.text


def _case(root: etree._Element, chance: random.Random) -> None:
    leaf = _leaf(root, chance)
    leaf.text = chance.choice((str.upper, str.lower, str.swapcase, str.title))(leaf.text or "")


def _pad(root: etree._Element, chance: random.Random) -> None:
    leaf = _leaf(root, chance)
    leaf.text = chance.choice(
        (" {} ", "\n{}\t", "{}\u00a0", "{} {}", "{}\n{}", "{}.", "{}\r", "\u2028{}")
    ).format(*(leaf.text or "",) * 2)


def _shorten(root: etree._Element, chance: random.Random) -> None:
    leaf = _leaf(root, chance)
    text = leaf.text or ""
    leaf.text = chance.choice((text[:-1], text[1:], text[::-1], text * 2, text[: len(text) // 2]))


def _everywhere(root: etree._Element, chance: random.Random) -> None:
    """One word replaced wherever it stands: a currency, a country, a rate."""
    old, new = _leaf(root, chance).text, chance.choice(_WORDS)
    for element in _elements(root):
        if not len(element) and element.text == old:
            element.text = _said(new)
        for name, value in element.attrib.items():
            if value == old:
                element.set(name, _said(new))


def _mixed(root: etree._Element, chance: random.Random) -> None:
    """Text where only elements belong."""
    group = _group(root, chance)
    if chance.random() < 0.5:
        group.text = chance.choice(_WORDS)
    elif len(group):
        group[0].tail = chance.choice(_WORDS)


# what stands where


def _remove(root: etree._Element, chance: random.Random) -> None:
    _drop(_any(root, chance))


def _remove_all(root: etree._Element, chance: random.Random) -> None:
    for element in list(root.iter(_any(root, chance).tag)):
        if element is not root:
            _drop(element)


def _repeat(root: etree._Element, chance: random.Random) -> None:
    chosen = _any(root, chance)
    parent = chosen.getparent()
    if chosen is root or parent is None:
        return
    other = copy.deepcopy(chosen)
    if chance.random() < 0.7:
        chosen.addnext(other)
    else:
        parent.append(other)
    if chance.random() < 0.4:
        _fitting_text(other, chance)


def _repeat_often(root: etree._Element, chance: random.Random) -> None:
    chosen = _group(root, chance)
    if chosen is not root:
        for _ in range(chance.choice((3, 10, 25))):
            chosen.addnext(copy.deepcopy(chosen))


def _empty(root: etree._Element, chance: random.Random) -> None:
    chosen = _any(root, chance)
    for child in list(chosen):
        chosen.remove(child)
    chosen.text = chance.choice((None, "", " ", "\n"))


def _move(root: etree._Element, chance: random.Random) -> None:
    chosen, target = _any(root, chance), _group(root, chance)
    if chosen is not root and target not in (chosen, *chosen.iterdescendants()):
        target.insert(chance.randrange(len(target) + 1), chosen)


def _shuffle(root: etree._Element, chance: random.Random) -> None:
    group = _group(root, chance)
    children = list(group)
    chance.shuffle(children)
    group[:] = children


def _swap(root: etree._Element, chance: random.Random) -> None:
    """Two subtrees change places."""
    one, other = _any(root, chance), _any(root, chance)
    if one is root or other is root or other in one.iter() or one in other.iter():
        return
    place = etree.Element("place")
    for old, new in ((one, place), (other, one), (place, other)):
        parent = old.getparent()
        if parent is not None:
            parent.replace(old, new)


def _borrow(root: etree._Element, chance: random.Random) -> None:
    """A copy of something from elsewhere in the document."""
    target, chosen = _group(root, chance), _any(root, chance)
    if chosen is not root:
        target.insert(chance.randrange(len(target) + 1), copy.deepcopy(chosen))


def _rename(root: etree._Element, chance: random.Random) -> None:
    chosen, other = _any(root, chance), _any(root, chance)
    name = etree.QName(chosen)
    own, space = name.localname, name.namespace
    chosen.tag = chance.choice(
        (
            f"{{urn:example:other}}{own}",
            own,
            other.tag,
            f"{{{space}}}{own}X",
            f"{{{space}}}{own.lower()}",
            f"{{{etree.QName(other).namespace}}}{own}",
        )
    )


def _stranger(root: etree._Element, chance: random.Random) -> None:
    group = _group(root, chance)
    child = etree.Element(
        chance.choice(("{urn:example:other}Note", "Note", f"{{{etree.QName(group).namespace}}}Note"))
    )
    child.text = chance.choice(_WORDS)
    group.insert(chance.randrange(len(group) + 1), child)


# attributes


def _change_attribute(root: etree._Element, chance: random.Random) -> None:
    owners = [element for element in _elements(root) if element.attrib]
    if owners:
        owner = chance.choice(owners)
        name = chance.choice(list(owner.attrib))
        if chance.random() < 0.3:
            del owner.attrib[name]
        else:
            owner.set(name, _said(chance.choice((*_CODES, *_BLANKS))))


def _add_attribute(root: etree._Element, chance: random.Random) -> None:
    words = ("true", "en", "EUR", "", "0088", "preserve", *_CODES)
    _any(root, chance).set(chance.choice(_ATTRIBUTES), chance.choice(words))


def _swap_attributes(root: etree._Element, chance: random.Random) -> None:
    owners = [element for element in _elements(root) if element.attrib]
    if len(owners) > 1:
        one, other = chance.sample(owners, 2)
        first, second = dict(one.attrib.items()), dict(other.attrib.items())
        for owner, given in ((one, second), (other, first)):
            owner.attrib.clear()
            owner.attrib.update(given)


# what a parser reads and most people forget


def _put_inside(root: etree._Element, chance: random.Random) -> None:
    """A comment or an instruction in the middle of a text."""
    leaf = _leaf(root, chance)
    text = leaf.text or ""
    half = chance.choice((0, len(text) // 2, len(text)))
    inserted = (
        etree.Comment("a remark") if chance.random() < 0.6 else etree.ProcessingInstruction("target", "380")
    )
    inserted.tail, leaf.text = text[half:], text[:half]
    leaf.insert(0, inserted)


def _put_between(root: etree._Element, chance: random.Random) -> None:
    group = _group(root, chance)
    inserted = (
        etree.Comment("EUR") if chance.random() < 0.5 else etree.ProcessingInstruction("xmute", 'mutator="x"')
    )
    group.insert(chance.randrange(len(group) + 1), inserted)


def _put_before(root: etree._Element, chance: random.Random) -> None:
    root.addprevious(
        etree.Comment("before") if chance.random() < 0.5 else etree.ProcessingInstruction("a", "b")
    )


_Change = Callable[[etree._Element, random.Random], None]
_CHANGES: Final[tuple[_Change, ...]] = (
    _set_text, _set_text, _fitting_text, _fitting_text, _fitting_text, _fitting_text, _shift_number,
    _shift_number, _shift_number, _spell_number, _swap_text, _case, _pad, _pad, _shorten, _everywhere,
    _everywhere, _mixed, _remove, _remove, _remove, _remove_all, _repeat, _repeat, _repeat, _repeat_often,
    _empty, _empty, _move, _shuffle, _swap, _borrow, _rename, _stranger, _change_attribute, _change_attribute,
    _add_attribute, _swap_attributes, _put_inside, _put_inside, _put_between, _put_before,
)  # fmt: skip


# spellings: the same document as far as XML is concerned, or nearly


def _line_ends(content: bytes, chance: random.Random) -> bytes:
    return content.replace(b"\n", chance.choice((b"\r\n", b"\r", b"\n\n")))


def _cdata(content: bytes, chance: random.Random) -> bytes:
    """Some texts as CDATA, whole or in part."""

    def wrap(match: re.Match[bytes]) -> bytes:
        text = match[1]
        if b"&" in text or chance.random() > 0.2:
            return match[0]
        half = chance.choice((0, len(text) // 2))
        while half and text[half] & 0xC0 == 0x80:  # not inside a character
            half -= 1
        return b">" + text[:half] + b"<![CDATA[" + text[half:] + b"]]></"

    return re.sub(rb">([^<>\n]+)</", wrap, content)


def _references(content: bytes, chance: random.Random) -> bytes:
    """Some characters by number."""

    def spell(match: re.Match[bytes]) -> bytes:
        if chance.random() > 0.2:
            return match[0]
        return b">" + b"&#x%x;" % match[1][0] + match[1][1:] + b"</"

    return re.sub(rb">([A-Za-z0-9][^<>]*)</", spell, content)


def _blank_references(content: bytes, chance: random.Random) -> bytes:
    """Line ends that the parser must not fold: by number, in texts and attributes."""
    mark = chance.choice((b"&#13;", b"&#10;", b"&#9;", b"&#160;", b"&#xD;&#xA;"))
    places = [match.start() for match in re.finditer(rb"(?<=[A-Za-z0-9])</", content)]
    for place in sorted(chance.sample(places, min(3, len(places))), reverse=True):
        content = content[:place] + mark + content[place:]
    return content


def _prefixes(content: bytes, chance: random.Random) -> bytes:
    """Other prefixes for the same namespaces; rules that ask name() see them."""
    found = sorted(set(re.findall(rb"xmlns:([A-Za-z0-9]+)=", content)) - {b"xsi"})
    if not found:
        return content
    old = chance.choice(found)
    new = chance.choice((b"p", b"ns0", b"Invoice", b"x-1"))
    if new in found:
        return content
    return re.sub(rb"(</?|xmlns:|(?<=\s))" + re.escape(old) + rb"(?=[:=])", rb"\g<1>" + new, content)


def _encoding(content: bytes, chance: random.Random) -> bytes:
    text = content.decode("utf-8")
    text = re.sub(r"\A<\?xml[^>]*\?>\s*", "", text)
    if chance.random() < 0.5:
        return ('<?xml version="1.0" encoding="UTF-16"?>' + text).encode("utf-16")
    return ("\ufeff" + text).encode("utf-8")


_SPELLINGS: Final[tuple[Callable[[bytes, random.Random], bytes], ...]] = (
    _line_ends, _cdata, _cdata, _references, _blank_references, _blank_references, _prefixes, _encoding,
)  # fmt: skip

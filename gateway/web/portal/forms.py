"""What a buyer typed into a form of the portal: read with a bound, judged field by field."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final
from urllib.parse import parse_qsl

from fastapi import Request

from gateway.portal.answers import LONGEST_MAIL, LONGEST_TEXT, Kind, Said, Topic, latest_day, plain

__all__ = ["NOTHING", "Typed", "judged", "read_form"]

# A thousand signs of four bytes, each written as three signs, and what stands around them.
_LARGEST: Final = 20_000
_MOST_FIELDS: Final = 20
_MAIL: Final = re.compile(r"[^\s@<>,;\"]{1,64}@[^\s@<>,;\"]{1,130}\.[^\s@<>,;\".]{2,24}\Z")


@dataclass(frozen=True, slots=True)
class Typed:
    """What was typed, and what is wrong with it by field; `said` where nothing is."""

    values: Mapping[str, str]
    wrong: Mapping[str, str] = field(default_factory=dict)
    said: Said | None = None


_FIELDS: Final = ("kind", "text", "mail", "topic", "line", "on")
NOTHING: Final = Typed(dict.fromkeys(_FIELDS, ""))


async def read_form(request: Request) -> Mapping[str, str] | None:
    """The fields of a form as browsers send it; None for one that is larger than any that we made, or another
    kind of content."""
    if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return None
    content = b""
    async for part in request.stream():
        content += part
        if len(content) > _LARGEST:
            return None
    try:
        pairs = parse_qsl(
            content.decode("utf-8"), max_num_fields=_MOST_FIELDS, errors="strict", keep_blank_values=True
        )
    except ValueError:
        return None
    return dict(pairs)


def judged(form: Mapping[str, str], lines: Mapping[str, str], today: date) -> Typed:
    """The answer that a form holds, or what is wrong in it: "missing", "mail", "date". `lines` are the lines
    of the invoice, number to name."""
    values = {name: form.get(name, "")[: LONGEST_TEXT * 2] for name in _FIELDS}
    try:
        kind = Kind(values["kind"])
    except ValueError:
        return Typed(values, {"kind": "missing"})
    text = plain(values["text"], LONGEST_TEXT)
    mail = plain(values["mail"], LONGEST_MAIL)
    wrong: dict[str, str] = {}
    if kind is Kind.PAYMENT:
        on = _day(values["on"])
        if on is None or not today <= on <= latest_day(today):
            return Typed(values, {"on": "date" if values["on"] else "missing"})
        return Typed(values, said=Said(kind, on=on))
    if kind is Kind.QUESTION and not text:
        wrong["text"] = "missing"
    if mail and not _MAIL.match(mail):
        wrong["mail"] = "mail"
    elif kind is Kind.QUESTION and not mail:
        wrong["mail"] = "missing"
    if wrong:
        return Typed(values, wrong)
    if kind is Kind.QUESTION:
        return Typed(values, said=Said(kind, text, mail))
    topic = Topic(values["topic"]) if values["topic"] in set(Topic) else Topic.OTHER
    if topic is Topic.OTHER and not text:
        return Typed(values, {"text": "missing"})
    name = lines.get(values["line"])
    line = "" if name is None else plain(f"{values['line']} {name}", 80)
    return Typed(values, said=Said(kind, text, mail, topic, line))


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        return None

"""Pages: templates with the reader's language, numbers and dates; nothing in them is trusted as markup."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from http import HTTPStatus
from importlib import resources
from typing import Any, Final
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime, format_time
from babel.numbers import format_decimal, format_percent
from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from gateway import __version__
from gateway.reasons import reason
from gateway.store.sessions import Session
from gateway.web.languages import LANGUAGES, Words, chosen, words
from gateway.wiring import Gateway

__all__ = ["Pages"]

_MINUS: Final = "\u2212"


class Pages:
    """Renders templates for one gateway. Safe to share between threads."""

    def __init__(self, gateway: Gateway) -> None:
        self._zone = ZoneInfo(gateway.settings.web.time_zone)
        self._clock = gateway.clock
        self._environments = {language: self._environment(words(language)) for language in LANGUAGES}

    def render(
        self,
        request: Request,
        template: str,
        context: Mapping[str, Any] | None = None,
        *,
        status: HTTPStatus = HTTPStatus.OK,
        language: str = "",
    ) -> HTMLResponse:
        """One page. Templates see `session` and `actor` (None without), `path`, `language`, `now`, and what
        `context` gives them."""
        session = getattr(request.state, "session", None)
        own = session.person.language if isinstance(session, Session) else ""
        tongue = language or chosen(request.headers.get("accept-language", ""), own)
        page = self._environments[tongue].get_template(template)
        values = {
            "session": session,
            "actor": getattr(request.state, "actor", None),
            "path": request.url.path,
            "language": tongue,
            "now": self._clock(),
            **(context or {}),
        }
        return HTMLResponse(page.render(values), status)

    def _environment(self, tongue: Words) -> Environment:
        made = Environment(
            loader=PackageLoader("gateway.web", "templates"),
            autoescape=select_autoescape(default=True, default_for_string=True),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            extensions=["jinja2.ext.i18n"],
        )
        made.install_gettext_callables(  # type: ignore[attr-defined]  # added by the extension
            tongue.gettext, tongue.ngettext, newstyle=True
        )
        made.globals |= {"version": __version__, "languages": LANGUAGES, "style": _style()}
        made.filters |= {
            "amount": lambda value: _amount(value, tongue),
            "count": lambda value: format_decimal(value, locale=tongue.locale),
            "day": lambda value: _day(value, tongue, "d MMM y"),
            "local_day": lambda value: _day(value.astimezone(self._zone), tongue, "EEE d MMM y"),
            "reason": lambda value: reason(value, tongue.language),
            "percent": lambda value: format_percent(value / 100, format="#,##0.0 %", locale=tongue.locale),
            "short_day": lambda value: _day(value, tongue, "d MMM"),
            "moment": lambda value: self._moment(value, tongue),
            "clock": lambda value: self._clock_time(value, tongue),
            "age": lambda value: _age(self._clock() - value, tongue),
        }
        return made

    def _moment(self, value: datetime | None, tongue: Words) -> str:
        if value is None:
            return ""
        return format_datetime(value.astimezone(self._zone), "d MMM y, HH:mm", locale=tongue.locale)

    def _clock_time(self, value: datetime | None, tongue: Words) -> str:
        return (
            "" if value is None else format_time(value.astimezone(self._zone), "HH:mm", locale=tongue.locale)
        )


def _amount(value: Decimal | None, tongue: Words) -> str:
    """Two decimals always, a true minus."""
    if value is None:
        return ""
    return format_decimal(value, format="#,##0.00", locale=tongue.locale).replace("-", _MINUS)


def _day(value: date | None, tongue: Words, pattern: str) -> str:
    return "" if value is None else format_date(value, pattern, locale=tongue.locale)


def _age(span: Any, tongue: Words) -> str:
    """How long ago, in the largest unit that fits."""
    minutes = max(0, int(span.total_seconds() // 60))
    if minutes < 60:
        return tongue.ngettext("%(num)d minute", "%(num)d minutes", minutes) % {"num": minutes}
    if minutes < 48 * 60:
        hours = minutes // 60
        return tongue.ngettext("%(num)d hour", "%(num)d hours", hours) % {"num": hours}
    days = minutes // (24 * 60)
    return tongue.ngettext("%(num)d day", "%(num)d days", days) % {"num": days}


def _style() -> str:
    """The address of the style sheet, which changes with its content so that browsers may keep it."""
    content = resources.files("gateway.web").joinpath("static/gateway.css").read_bytes()
    return f"/static/gateway.css?{hashlib.sha256(content).hexdigest()[:12]}"

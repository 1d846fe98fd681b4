"""Headers that every answer carries: nothing is loaded from elsewhere, framed, guessed or kept by caches."""

from __future__ import annotations

from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["SafeHeaders", "protect"]

_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "style-src 'self'",
        "script-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)
_ALWAYS: Final = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    # Told nothing at all, browsers send forms from nowhere ("Origin: null"), which the guard refuses.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
}


def protect(headers: MutableHeaders) -> None:
    """Add them to one answer, where it says nothing else itself."""
    for name, value in _ALWAYS.items():
        headers.setdefault(name, value)
    # What is told to somebody is for them alone; files for everybody say how long they hold.
    headers.setdefault("Cache-Control", "no-store")


class SafeHeaders:
    """An ASGI layer around the whole application."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                protect(MutableHeaders(scope=message))
            await send(message)

        await self._app(scope, receive, told if scope["type"] == "http" else send)

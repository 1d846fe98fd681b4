"""The providers of identities behind the sign-in page: one client each, and the cookie of a sign-in under
way."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final, TypeVar
from urllib.parse import quote

from fastapi import Request, Response

from formats.errors import EInvoicingError
from gateway import settings
from gateway.access import identities
from gateway.access.oidc import OpenIdClient
from gateway.access.sealing import Seal
from gateway.web.problems import Problem
from gateway.wiring import Gateway

__all__ = ["Doors"]

_COOKIE: Final = "gateway_sign_in"
_SECONDS: Final = 600
_LONGEST: Final = 8192
_Answer = TypeVar("_Answer", bound=Response)


class Doors:
    """The ways in that lead over a provider. Safe to share between threads."""

    def __init__(self, gateway: Gateway) -> None:
        """ConfigError where the secret of a client cannot be read."""
        self._gateway = gateway
        web = gateway.settings.web
        folder = gateway.settings.folder
        self._address = (web.address or f"http://{web.host}:{web.port}").rstrip("/")
        seal = Seal(settings.reveal(web.secret, folder), "oidc")
        self._clients: Mapping[str, OpenIdClient] = {
            one.name: OpenIdClient(
                one,
                secret=settings.reveal(one.client_secret, folder) if one.client_secret else "",
                redirect=f"{self._address}/sign-in/{quote(one.name)}/return",
                seal=seal,
                clock=gateway.clock,
                ca_file=str(folder / one.ca_file) if one.ca_file else "",
            )
            for one in gateway.settings.sign_in.providers
        }

    def find(self, name: str) -> OpenIdClient:
        """The client of one provider. Problem 404 for a name that is none."""
        if name not in self._clients:
            raise Problem(HTTPStatus.NOT_FOUND, "there is no such way in")
        return self._clients[name]

    def enter(self, request: Request, door: OpenIdClient) -> tuple[str, str]:
        """What the browser shows from now on, and where it goes. Raises EInvoicingError with the reason."""
        answer = {name: value[:_LONGEST] for name, value in request.query_params.items()}
        returned = door.finish(request.cookies.get(_COOKIE, "")[:_LONGEST], answer)
        gateway = self._gateway
        shown = identities.let_in(gateway.database, door.provider, returned, now=gateway.clock())
        return shown, returned.next

    def way_out(self, name: str) -> str:
        """Where the provider's own session ends; "" where it has no such place, or does not answer."""
        client = self._clients.get(name)
        try:
            return client.way_out(f"{self._address}/sign-in") if client is not None else ""
        except EInvoicingError:  # the person is signed out here in any case
            return ""

    def remember(self, response: _Answer, cookie: str) -> _Answer:
        """With the cookie of a sign-in that has begun."""
        response.set_cookie(
            _COOKIE,
            cookie,
            max_age=_SECONDS,
            path="/sign-in",
            secure=self._gateway.settings.web.secure_cookies,
            httponly=True,
            samesite="lax",
        )
        return response

    def forget(self, response: _Answer) -> _Answer:
        """Without it."""
        response.delete_cookie(_COOKIE, path="/sign-in")
        return response

"""/api/v1/tokens: tokens of programs; each is told once, when it is made."""

from __future__ import annotations

from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from formats.errors import ConfigError
from gateway.access import granting
from gateway.access.rights import Right
from gateway.store import tokens
from gateway.store.tokens import ApiToken
from gateway.web.guard import actor_of
from gateway.web.problems import Problem
from gateway.wiring import Gateway

__all__ = ["router"]


_MOST = 500


class _Told(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Token(_Told):
    """One token, without what the program shows."""

    id: str = Field(examples=["3f0c1a52-6c1d-4f0e-9a51-0d1c1a2b3c4d"])
    name: str = Field(examples=["data warehouse"])
    scopes: dict[str, list[str]] = Field(
        description="a company, or * for all, and its rights", examples=[{"vandael": ["invoices:read"]}]
    )
    made_by: str
    made_at: datetime
    ends_at: datetime
    used_at: datetime | None = Field(description="exact to a minute")
    ended_at: datetime | None

    @classmethod
    def of(cls, one: ApiToken) -> Token:
        return cls(
            id=one.id,
            name=one.name,
            scopes={company: sorted(right.value for right in held) for company, held in one.scopes.items()},
            made_by=one.made_by,
            made_at=one.made_at,
            ends_at=one.ends_at,
            used_at=one.used_at,
            ended_at=one.ended_at,
        )


class Tokens(_Told):
    """Those that the caller may see, newest first. `next` is the `after` of the next page, "" at the end."""

    items: list[Token]
    next: str = Field(examples=["3f0c1a52-6c1d-4f0e-9a51-0d1c1a2b3c4d"])


class NewToken(_Told):
    """What is asked for; the rights must be among the caller's own."""

    name: str = Field(min_length=1, max_length=200, examples=["data warehouse"])
    scopes: list[Right] = Field(min_length=1, max_length=50, examples=[["invoices:read"]])
    companies: list[Annotated[str, Field(max_length=100)]] = Field(
        default_factory=list, max_length=1000, description="none for all", examples=[["vandael"]]
    )
    days: int = Field(90, ge=1, le=granting.LONGEST_DAYS, description="how long it holds")


class MadeToken(Token):
    """A new token with what the program shows: told this once."""

    token: str = Field(examples=["gw_..."])


def router(gateway: Gateway) -> APIRouter:
    """The three routes."""
    routes = APIRouter(tags=["tokens"])

    @routes.get("/api/v1/tokens", summary="Tokens of programs")
    def listed(
        request: Request,
        after: Annotated[str, Query(max_length=36, description="`next` of the page before")] = "",
        size: Annotated[int, Query(ge=1, le=_MOST)] = 100,
    ) -> Tokens:
        actor = actor_of(request)
        with gateway.database.read() as connection:
            found = [one for one in tokens.listing(connection) if granting.may_see(actor, one)]
        ids = [one.id for one in found]
        if after and after not in ids:
            what = "this place in the list is not known"
            raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, what, fix="begin at the first page again")
        start = ids.index(after) + 1 if after else 0
        page = found[start : start + size]
        more = start + size < len(found)
        return Tokens(items=[Token.of(one) for one in page], next=page[-1].id if more else "")

    @routes.post("/api/v1/tokens", status_code=HTTPStatus.CREATED, summary="Make one")
    def make(request: Request, wanted: NewToken) -> MadeToken:
        now = gateway.clock()
        try:
            scopes = granting.scopes_for(wanted.scopes, wanted.companies, gateway.settings.companies)
            with gateway.database.begin() as connection:
                token, shown = granting.new_token(
                    connection,
                    wanted.name,
                    scopes,
                    by=actor_of(request),
                    ends_at=now + timedelta(days=wanted.days),
                    now=now,
                )
                made = tokens.get(connection, token)
        except ConfigError as error:
            raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, error.what, fix=error.fix) from error
        assert made is not None  # noqa: S101  # written in this transaction
        return MadeToken(**Token.of(made).model_dump(), token=shown)

    @routes.delete("/api/v1/tokens/{id}", status_code=HTTPStatus.NO_CONTENT, summary="Revoke one")
    def end(request: Request, id: Annotated[str, Path(max_length=36)]) -> Response:  # noqa: A002  # the name in the address
        actor = actor_of(request)
        with gateway.database.begin() as connection:
            found = tokens.get(connection, id)
            if found is None or not granting.may_revoke(actor, found):
                raise Problem(HTTPStatus.NOT_FOUND, "there is no such token")
            granting.revoke(connection, found, by=actor, now=gateway.clock())
        return Response(status_code=HTTPStatus.NO_CONTENT)

    return routes

"""GET and POST /sources/new: an administrator adds a source, checks it, and has its file written."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from http import HTTPStatus
from itertools import groupby
from typing import Any, Final

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from starlette.datastructures import FormData

from connectors import registry
from formats.errors import ConfigError
from gateway.access import new_sources
from gateway.access.source_form import SECRET_FILE, Entry, entries
from gateway.store import journal
from gateway.web.console.shell import Shell
from gateway.web.guard import actor_of

__all__ = ["router"]

_MOST: Final = 300
_OWN: Final = ("name", "kind", "mapping", "company")


def router(shell: Shell) -> APIRouter:
    """The form, and what it does."""
    routes = APIRouter()
    gateway = shell.gateway

    def show(request: Request, form: Mapping[str, str], **more: Any) -> Response:
        kind = form.get("kind", "")
        known = kind in registry.erp_kinds()
        asked: tuple[Entry, ...] = ()
        if known:
            asked = entries(registry.settings_of(registry.erp(kind)))
        needed = [one for one in asked if one.required]
        others = [one for one in asked if not one.required]
        context = {
            "kinds": registry.erp_kinds(),
            "kind": kind if known else "",
            "needed": needed,
            "others": [(group, tuple(found)) for group, found in groupby(others, key=lambda one: one.group)],
            "mappings": new_sources.mappings_of(gateway),
            "known": sorted(gateway.settings.companies),
            "form": _to_show(form, asked),
            "problems": (),
            "steps": (),
            "written": "",
            **more,
        }
        status = HTTPStatus.UNPROCESSABLE_ENTITY if context["problems"] else HTTPStatus.OK
        return shell.render(request, "new_source.html", context, section="system", status=status)

    def act(request: Request, form: Mapping[str, str]) -> Response:
        try:
            source = new_sources.read_form(gateway, form)
        except ConfigError as error:
            return show(request, form, problems=getattr(error, "problems", (error,)))
        steps = new_sources.checked(gateway, source)
        well = all(step.ok for step in steps)
        wanted = form.get("act", "check")
        if not (wanted == "anyway" or (wanted == "write" and well)):
            return show(request, form, steps=steps, well=well)
        actor = actor_of(request)
        try:
            file = new_sources.write(gateway, source, actor.name)
        except ConfigError as error:
            return show(request, form, steps=steps, well=well, problems=getattr(error, "problems", (error,)))
        told = {
            "source": source.spec.name,
            "kind": source.spec.kind,
            "company": source.spec.company,
            "mapping": source.spec.mapping,
            "checked": well,
            "file": hashlib.sha256(file.read_bytes()).hexdigest(),
        }
        with gateway.database.begin() as connection:
            journal.append(connection, "source added", told, now=gateway.clock(), actor=actor.label)
        return show(request, form, steps=steps, well=well, written=f"sources/{file.name}")

    @routes.get("/sources/new")
    def form(request: Request, kind: str = "") -> Response:
        return show(request, {"kind": kind})

    @routes.post("/sources/new")
    async def send(request: Request) -> Response:
        return await run_in_threadpool(act, request, _texts(await request.form(max_fields=_MOST)))

    return routes


def _texts(form: FormData) -> dict[str, str]:
    return {name: value for name, value in form.items() if isinstance(value, str)}


def _to_show(form: Mapping[str, str], asked: tuple[Entry, ...]) -> dict[str, str]:
    """What was typed, but never something that was typed where a reference to a secret belongs."""
    shown = {name: form.get(name, "") for name in _OWN}
    for one in asked:
        text = form.get(one.field, "")
        shown[one.field] = text if one.way != "secret" or SECRET_FILE.fullmatch(text.strip()) else ""
    return shown

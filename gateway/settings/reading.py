"""Reading and checking a config folder: every mistake is found, each with file and line."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, TypeVar

from pydantic import BaseModel
from ruamel.yaml.comments import CommentedMap
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from connectors import registry
from formats.errors import ConfigError
from formats.registry import PROFILES
from gateway import appearance, config_file, mandates
from gateway.alarms.settings import AlarmSettings
from gateway.config_file import ConfigProblems
from gateway.key_settings import KeySettings, key_problems
from gateway.mandates import OwnMandates
from gateway.retry import RetryPolicy
from gateway.settings.files import (
    ChannelFile,
    ChannelSettings,
    GatewayFile,
    HandOver,
    LeftOut,
    Route,
    RoutingFile,
    Settings,
    SourceFile,
    SourceSettings,
)
from gateway.settings.secret import reveal
from gateway.webhooks.settings import WebhookFile
from mappings import registry as mapping_registry
from mappings.as_is import AS_IS

__all__ = ["read"]

_COMPANY_FACT: Final = re.compile(r"\bcompany((?:\.[A-Za-z_][A-Za-z0-9_]*)+)")


def read(folder: Path) -> Settings:
    """Read and check a config folder. Raises ConfigProblems with every mistake found, each with file and
    line."""
    return _Reader(folder, [], []).settings()


_Model = TypeVar("_Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class _Head:
    """What one file of sources/ or channels/ calls itself, read as far as that goes."""

    file: Path
    data: CommentedMap
    values: SourceFile | ChannelFile


@dataclass(frozen=True, slots=True)
class _Reader:
    folder: Path
    problems: list[ConfigError]
    left_out: list[LeftOut]

    def settings(self) -> Settings:
        if not self.folder.is_dir():
            raise ConfigError(
                "there is no such folder",
                where=str(self.folder),
                fix=f"gateway init {self.folder} writes one",
            )
        self._misnamed()
        main = self._gateway()
        routing_data = self._loaded(self.folder / "routing.yaml")
        routing = self._checked(RoutingFile, routing_data, self.folder / "routing.yaml")
        mappings = self._mappings()
        companies = self._companies(mappings)
        source_heads = self._heads("sources", SourceFile)
        channel_heads = self._heads("channels", ChannelFile)
        sources = tuple(filter(None, map(self._source, source_heads)))
        channels = tuple(filter(None, map(self._channel, channel_heads)))
        self._references(source_heads, companies, mappings)
        webhooks = self._webhooks(companies)
        if main is not None:
            self._alarm_mail(main.alarms, channels)
            self._hand_over(main.hand_over, {head.values.name for head in source_heads})
        if routing is not None and routing_data is not None:
            self._master_data(routing, routing_data, {head.values.name for head in source_heads})
            self._routes(routing.routes, routing_data, {head.values.name for head in channel_heads})
        own_mandates = self._mandates()
        keys = self._keys(companies)
        database = self._database(main) if main is not None else ""
        if self.problems or main is None or routing is None:
            raise ConfigProblems(self.problems)
        return Settings(
            folder=self.folder,
            database=database,
            workers=main.workers,
            retry=RetryPolicy(
                attempts=main.retry.attempts,
                first=main.retry.first_seconds,
                growth=main.retry.growth,
                cap=main.retry.cap_seconds,
                jitter=main.retry.jitter,
            ),
            receipt_within_hours=main.receipt_within_hours,
            log_format=main.log_format,
            log_level=main.log_level,
            pdf_language=main.pdf_language,
            mail_languages=MappingProxyType(dict(main.mail_languages)),
            routes=routing.routes,
            companies=companies,
            sources=sources,
            channels=channels,
            own_mappings=mappings,
            left_out=tuple(self.left_out),
            web=main.web,
            portal=main.portal,
            mandates=own_mandates,
            address_from_master_data=frozenset(routing.address_from_master_data),
            inbox_folder=main.inbox_folder,
            hand_over_to=main.hand_over.connector,
            sign_in=main.sign_in,
            four_eyes=main.four_eyes,
            keys=keys,
            first_file_numbers=main.first_file_numbers,
            alarms=main.alarms,
            webhooks=main.webhooks,
            webhook_files=webhooks,
        )

    def _files(self, name: str) -> list[Path]:
        return sorted((self.folder / name).glob("*.yaml"))

    def _misnamed(self) -> None:
        """Files that would be passed over in silence."""
        for folder in ("", "companies", "sources", "channels", "mappings", "webhooks"):
            for file in sorted((self.folder / folder).glob("*.yml")):
                self._problem("the file is not read", str(file), f"name it {file.stem}.yaml")

    def _gateway(self) -> GatewayFile | None:
        file = self.folder / "gateway.yaml"
        return self._checked(GatewayFile, self._loaded(file), file) if file.exists() else GatewayFile()

    def _loaded(self, file: Path) -> CommentedMap | None:
        try:
            return config_file.load(file)
        except ConfigError as found:
            self.problems.append(found)
            return None

    def _checked(
        self, model: type[_Model], data: CommentedMap | None, file: Path, under: tuple[str, ...] = ()
    ) -> _Model | None:
        if data is None:
            return None
        try:
            return config_file.validated(model, data, file, under=under)
        except ConfigProblems as found:
            self.problems.extend(found.problems)
        return None

    def _companies(self, own_mappings: Mapping[str, str]) -> dict[str, Mapping[str, Any]]:
        read_by_mappings = {
            fact.removeprefix(".")
            for text in (*mapping_registry.texts().values(), *own_mappings.values())
            for fact in _COMPANY_FACT.findall(text)
        }
        found: dict[str, Mapping[str, Any]] = {}
        for file in self._files("companies"):
            data = self._loaded(file)
            found[file.stem] = {} if data is None else config_file.plain(data)
            for path in _unread(found[file.stem], read_by_mappings | appearance.FACTS):
                self._unread_fact(file, data, path, read_by_mappings)
            try:
                appearance.appearance_of(found[file.stem], self.folder)
            except ConfigError as error:
                self._problem(error.what, config_file.place(file, data, ("appearance",)), error.fix)
        return found

    def _unread_fact(self, file: Path, data: Any, path: tuple[str, ...], known: set[str]) -> None:
        like = get_close_matches(".".join(path), known, n=1, cutoff=0.6)
        self._problem(
            f"{'.'.join(path)[:100]} is not a fact that any mapping reads",
            config_file.place(file, data, path),
            f"write {like[0]}, if that is what is meant" if like else "check the spelling, or remove it",
        )

    def _mappings(self) -> dict[str, str]:
        home = self.folder / "mappings"
        found = {}
        for file in sorted((*home.glob("*.yaml"), *home.glob("tables/*.yaml"))):
            try:
                found[str(file.relative_to(home))] = file.read_text("utf-8")
            except (OSError, UnicodeDecodeError):
                self._problem(
                    "the file cannot be read", str(file), "save it as UTF-8, readable by the gateway"
                )
        return found

    def _heads(self, folder: str, model: type[SourceFile | ChannelFile]) -> list[_Head]:
        heads: list[_Head] = []
        for file in self._files(folder):
            data = self._loaded(file)
            values = self._checked(model, data, file)
            if data is None or values is None:
                continue
            twin = next((head.file.name for head in heads if head.values.name == values.name), "")
            if twin:
                where = config_file.place(file, data, ("name",))
                self._problem(
                    f"the name {values.name} is used in {twin} too", where, "give each its own name"
                )
            heads.append(_Head(file, data, values))
        return heads

    def _source(self, head: _Head) -> SourceSettings | None:
        values = head.values
        if not isinstance(values, SourceFile) or not self._known(head, registry.erp_kinds()):
            return None
        try:
            model = registry.settings_of(registry.erp(values.kind))
        except ConfigError as problem:
            self.left_out.append(LeftOut(values.name, problem))
            return None
        settings = self._checked(model, head.data, head.file, ("settings",))
        if settings is None:
            return None
        return SourceSettings(
            values.name,
            values.kind,
            values.mapping,
            values.company,
            values.poll_seconds,
            settings,
            values.parties_poll_seconds,
        )

    def _channel(self, head: _Head) -> ChannelSettings | None:
        values = head.values
        if not self._known(head, registry.channel_kinds()):
            return None
        try:
            model = registry.settings_of(registry.channel(values.kind))
        except ConfigError as problem:
            self.left_out.append(LeftOut(values.name, problem))
            return None
        settings = self._checked(model, head.data, head.file, ("settings",))
        if settings is None:
            return None
        return ChannelSettings(values.name, values.kind, values.poll_seconds, settings)

    def _keys(self, companies: Mapping[str, Mapping[str, Any]]) -> tuple[KeySettings, ...]:
        found: dict[str, KeySettings] = {}
        for file in self._files("keys"):
            data = self._loaded(file)
            key = self._checked(KeySettings, data, file)
            if key is None:
                continue
            if key.name in found:
                where = config_file.place(file, data, ("name",))
                self._problem(f"there are two keys named {key.name}", where, "give each its own name")
            found[key.name] = key
            for number, signs in enumerate(key.signs):
                for what, fix in key_problems(signs, companies):
                    self._problem(what, config_file.place(file, data, ("signs", number)), fix)
        return tuple(found.values())

    def _known(self, head: _Head, kinds: tuple[str, ...]) -> bool:
        kind = head.values.kind
        if kind not in kinds:
            where = config_file.place(head.file, head.data, ("kind",))
            self._problem(f"{kind[:100]!r} is not a kind", where, f"use one of {', '.join(sorted(kinds))}")
        return kind in kinds

    def _references(
        self,
        heads: list[_Head],
        companies: Mapping[str, Mapping[str, Any]],
        own_mappings: Mapping[str, str],
    ) -> None:
        known = {*mapping_registry.names(), *AS_IS, *(name.removesuffix(".yaml") for name in own_mappings)}
        for head in heads:
            values = head.values
            if not isinstance(values, SourceFile):
                continue
            if values.company not in companies:
                self._problem(
                    f"there is no company {values.company}",
                    config_file.place(head.file, head.data, ("company",)),
                    f"write companies/{values.company}.yaml, or name another company",
                )
            if values.mapping not in known:
                self._problem(
                    f"there is no mapping {values.mapping[:100]}",
                    config_file.place(head.file, head.data, ("mapping",)),
                    f"write mappings/{values.mapping[:100]}.yaml, or use one of "
                    + ", ".join((*mapping_registry.names(), *AS_IS)),
                )

    def _routes(self, routes: tuple[Route, ...], data: CommentedMap, channels: set[str]) -> None:
        file = self.folder / "routing.yaml"
        for number, route in enumerate(routes):
            if route.channel not in channels:
                self._problem(
                    f"route {route.name!r} uses the channel {route.channel}, which is not there",
                    config_file.place(file, data, ("routes", number, "channel")),
                    "write the file in channels/, or name another channel",
                )
            if route.profile not in PROFILES:
                self._problem(
                    f"route {route.name!r} uses the profile {route.profile[:100]}, which is not known",
                    config_file.place(file, data, ("routes", number, "profile")),
                    f"use one of {', '.join(PROFILES)}",
                )

            for name in route.networks:
                if name not in mandates.NETWORKS:
                    self._problem(
                        f"route {route.name!r} names the network {name[:60]}, which is not known",
                        config_file.place(file, data, ("routes", number, "networks")),
                        f"use some of {', '.join(mandates.NETWORKS)}",
                    )

    def _hand_over(self, hand_over: HandOver, sources: set[str]) -> None:
        if hand_over.connector and hand_over.connector not in sources:
            self._problem(
                f"received invoices are to go to {hand_over.connector[:100]}, which is not there",
                f"{self.folder / 'gateway.yaml'}, hand_over",
                "write the file in sources/, or name another source",
            )

    def _mandates(self) -> OwnMandates:
        """What the operator says about the table; nothing without the file."""
        file = self.folder / "mandates.yaml"
        data = self._loaded(file) if file.exists() else None
        own = self._checked(OwnMandates, data, file)
        if own is None or not (own.rows or own.apply or own.set_aside):
            return own or OwnMandates()
        known = [row.id for row in mandates.table(own)]
        for setting in ("apply", "set_aside"):
            for name in getattr(own, setting):
                if name not in known:
                    like = get_close_matches(name, known, n=1)
                    self._problem(
                        f"{setting} names {name}, which is no row of the table",
                        config_file.place(file, data, (setting,)),
                        f"write {like[0]}, if that is meant" if like else "see gateway routing show",
                    )
        return own

    def _master_data(self, routing: RoutingFile, data: CommentedMap, sources: set[str]) -> None:
        file = self.folder / "routing.yaml"
        for number, name in enumerate(routing.address_from_master_data):
            if name not in sources:
                self._problem(
                    f"address_from_master_data names {name[:100]}, which is no source",
                    config_file.place(file, data, ("address_from_master_data", number)),
                    "name a source of the folder sources/",
                )

    def _webhooks(self, companies: Mapping[str, Mapping[str, Any]]) -> tuple[WebhookFile, ...]:
        found: list[WebhookFile] = []
        for file in self._files("webhooks"):
            data = self._loaded(file)
            values = self._checked(WebhookFile, data, file)
            if data is None or values is None:
                continue
            if any(one.name == values.name for one in found):
                where = config_file.place(file, data, ("name",))
                self._problem(f"there are two webhooks named {values.name}", where, "rename one of them")
            for number, name in enumerate(values.companies):
                if name not in companies:
                    where = config_file.place(file, data, ("companies", number))
                    self._problem(f"there is no company {name[:100]}", where, "name a file of companies/")
            found.append(values)
        return tuple(found)

    def _alarm_mail(self, alarms: AlarmSettings, channels: tuple[ChannelSettings, ...]) -> None:
        name = alarms.mail.channel
        if name and not any(one.name == name and one.kind == "email" for one in channels):
            self._problem(
                f"alarms are to go over the channel {name[:100]}, which is no channel of kind email",
                f"{self.folder / 'gateway.yaml'}, alarms.mail.channel",
                "name a channel of kind email, or give sender and smtp instead",
            )

    def _problem(self, what: str, where: str, fix: str) -> None:
        self.problems.append(ConfigError(what, where=where, fix=fix))

    def _database(self, main: GatewayFile) -> str:
        prefix = "sqlite:///"
        if main.database.startswith(prefix):
            return prefix + str((self.folder / main.database[len(prefix) :]).resolve())
        try:
            url = make_url(main.database)
            if url.password:
                self._problem(
                    "database: a password stands in the address",
                    f"{self.folder / 'gateway.yaml'}, line {self._database_line()}",
                    "take it out and name it as database_password: env:NAME or file:secrets/NAME",
                )
            if main.database_password is not None:
                url = url.set(password=reveal(main.database_password, self.folder))
        except (ArgumentError, ValueError):
            # Without the address: it may hold a password.
            self._problem(
                "database: this is not the address of a database",
                f"{self.folder / 'gateway.yaml'}, line {self._database_line()}",
                "write sqlite:///gateway.db or postgresql://user@host/name",
            )
            return ""
        except ConfigError as found:
            self.problems.append(found)
            return ""
        return url.render_as_string(hide_password=False)

    def _database_line(self) -> str:
        data = config_file.load(self.folder / "gateway.yaml")
        return config_file.place(self.folder, data, ("database",)).rpartition(" ")[2]


def _unread(facts: Mapping[str, Any], known: set[str], *above: str) -> Iterator[tuple[str, ...]]:
    """Where in these facts something stands that no mapping asks for; a whole group that one takes is not
    looked into, unless others take parts of it."""
    for name, value in facts.items():
        path = (*above, str(name))
        place = ".".join(path)
        deeper = any(fact.startswith(f"{place}.") for fact in known)
        if place not in known and not deeper:
            yield path
        elif deeper and isinstance(value, Mapping):
            yield from _unread(value, known, *path)

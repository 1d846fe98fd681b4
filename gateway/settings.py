"""The config folder as frozen values.

gateway.yaml          database, workers, retries, logs
routing.yaml          which channel and profile a buyer gets, in order
mandates.yaml         which e-invoice is demanded by law, where that differs from the table; if any
companies/*.yaml      facts of each selling company, for the mappings
sources/*.yaml        one ERP interface each
channels/*.yaml       one way out each
keys/*.yaml           one key that signs each
webhooks/*.yaml       one program each that is told of what happens, if any
mappings/*.yaml       the company's own mapping files, if any
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints
from ruamel.yaml.comments import CommentedMap
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from connectors import registry
from connectors.base import ConnectorSettings, SecretReference
from formats.errors import ConfigError
from formats.registry import PROFILES
from gateway import appearance, config_file, mandates
from gateway.access.settings import SignInSettings
from gateway.alarms.settings import AlarmSettings
from gateway.config_file import ConfigProblems
from gateway.key_settings import KeySettings, key_problems
from gateway.mandates import BuyerKind, OwnMandates
from gateway.retry import RetryPolicy
from gateway.webhooks.settings import WebhookFile, WebhookSettings
from mappings import registry as mapping_registry
from mappings.as_is import AS_IS

__all__ = [
    "ChannelSettings",
    "Cost",
    "LeftOut",
    "Portal",
    "Route",
    "Settings",
    "SourceSettings",
    "Web",
    "read",
    "reveal",
]

_Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,99}$")]
_Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
_Language = Literal["en", "nl", "de", "fr"]
# Where one language is written by most; elsewhere the buyer's is not known.
_MAIL_LANGUAGES: Final[Mapping[str, _Language]] = {
    "AT": "de",
    "BE": "nl",
    "CH": "de",
    "DE": "de",
    "FR": "fr",
    "LI": "de",
    "LU": "fr",
    "MC": "fr",
    "NL": "nl",
}
_LARGEST_SECRET: Final = 64 * 1024
_COMPANY_FACT: Final = re.compile(r"\bcompany((?:\.[A-Za-z_][A-Za-z0-9_]*)+)")


def _exact(value: object) -> object:
    """YAML reads 0.12 as a binary fraction; in quotes it stays what was written."""
    if isinstance(value, float):
        raise ValueError('write the amount in quotes, for example "0.12"')
    return value


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class HandOver(_File):
    """Who takes received invoices, beside the folder."""

    connector: str = Field(
        "", description="name of a source whose ERP takes received invoices as drafts; empty: none"
    )


class _Retry(_File):
    attempts: int = Field(8, ge=1, le=1000, description="failures in a row before people see it")
    first_seconds: float = Field(5.0, gt=0, description="delay after the first failure, in seconds")
    growth: float = Field(2.0, ge=1, le=10, description="how many times longer each further delay is")
    cap_seconds: float = Field(3600.0, gt=0, description="the longest delay, in seconds")
    jitter: float = Field(
        0.3, ge=0, lt=1, description="share of each delay that is left to chance, 0 to 0.99"
    )


class Web(_File):
    """Where `gateway run` takes calls: pushed documents, and ERPs that say that something changed."""

    enabled: bool = Field(True, description="false: no calls are taken")
    host: str = Field(
        "127.0.0.1", description="the address to listen on; 0.0.0.0 for all, behind a proxy with TLS"
    )
    port: int = Field(8080, ge=0, le=65_535, description="the TCP port; 0 for any free one")
    address: str = Field(
        "", description="what others call it, as https://gateway.example.com; empty for host and port"
    )
    secret: SecretReference = Field(
        "file:secrets/web-key", description="env:NAME or file:PATH of 32 signs of chance or more"
    )
    secure_cookies: bool = Field(
        True, description="false only for trials over http:// on another machine than this one"
    )
    time_zone: str = Field("Europe/Amsterdam", description="the time zone of the pages, as Europe/Berlin")


class Portal(_File):
    """Where buyers open their invoices, and for how long a link holds."""

    address: str = Field(
        "",
        pattern=r"^(https?://[A-Za-z0-9.:\[\]-]+)?$",
        description="what buyers call it, as https://invoices.example.com; empty for that of the console",
    )
    days: int = Field(90, ge=1, le=730, description="how many days a link to an invoice holds, 1 to 730")
    in_mails: bool = Field(
        True, description="invoices that go out by e-mail name a link of their own, where `address` is set"
    )


class _GatewayFile(_File):
    database: str = Field(
        "sqlite:///gateway.db",
        description="sqlite:///file (relative to this folder) or postgresql://user@host/name",
    )
    database_password: SecretReference | None = Field(
        None, description="env:NAME or file:PATH of the database password"
    )
    workers: int = Field(4, ge=1, le=64, description="how many invoices are worked on at a time, 1 to 64")
    retry: _Retry = _Retry()
    receipt_within_hours: float = Field(
        24.0, gt=0, description="hours after which a sent invoice without a receipt is shown to people"
    )
    log_format: Literal["text", "json"] = Field("text", description="text for people, json for machines")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="debug, info, warning or error"
    )
    pdf_language: _Language = Field("en", description="en, nl, de or fr")
    mail_languages: dict[_Country, _Language] = Field(
        default_factory=lambda: dict(_MAIL_LANGUAGES),
        description="country of the buyer (ISO 3166-1): language of e-mails; elsewhere pdf_language",
    )
    first_file_numbers: dict[str, Annotated[int, Field(ge=1)]] = Field(
        default_factory=dict,
        description="tax number of a transmitter: its first file number, where earlier ones are used up, as "
        "IT01234567890: 500",
    )
    inbox_folder: str = Field(
        "",
        description="where received invoices are put as files for the ERP, below this folder; empty: nowhere",
    )
    hand_over: HandOver = Field(
        HandOver(), description="connector: name of a source whose ERP takes received invoices as drafts"
    )
    web: Web = Field(Web(), description="enabled, host and port of the interface for other programs")
    sign_in: SignInSettings = Field(SignInSettings(), description="how people come in")
    four_eyes: bool = Field(
        False, description="on: bank details, routes and mappings take effect when two people agree"
    )
    alarms: AlarmSettings = Field(AlarmSettings(), description="what people are told when it goes wrong")
    webhooks: WebhookSettings = Field(WebhookSettings(), description="which programs may be told of events")
    portal: Portal = Field(Portal(), description="address and days of the links that buyers are given")


class Cost(_File):
    """What one message costs: an exact amount, so it is written in quotes."""

    amount: Annotated[Decimal, BeforeValidator(_exact)] = Field(
        ge=0, max_digits=12, decimal_places=6, description='an amount in quotes, for example "0.12"'
    )
    currency: Annotated[str, StringConstraints(pattern="^[A-Z]{3}$")] = Field(
        description="currency code of three letters, for example EUR"
    )


class Route(_File):
    """One way to reach buyers: it fits when sources, countries and kinds of buyers match and the needed terms
    are there.

    It is taken where the mandates allow it, or in spite of them for the reason in `despite_mandate`.
    """

    name: str = Field(description="a name for people")
    channel: _Name = Field(description="the name of a file in channels/")
    profile: str = Field(description="what the invoice is written as, for example peppol-bis-3")
    needs: tuple[str, ...] = Field((), description="business terms that must be there, for example [BT-49]")
    countries: tuple[str, ...] = Field((), description="buyer countries, ISO 3166-1; empty for all")
    sources: tuple[str, ...] = Field((), description="names of sources; empty for all")
    buyers: tuple[BuyerKind, ...] = Field((), description="business, public, consumer; empty for all")
    networks: tuple[str, ...] = Field(
        (), description="networks that the channel's provider reaches, for example [peppol]; empty for any"
    )
    despite_mandate: str = Field(
        "",
        max_length=300,
        description="why this way is taken where a law demands another; kept in the journal",
    )
    attach_pdf: bool = Field(False, description="true to send a readable PDF along")
    cost: Cost | None = Field(None, description="what one message that is handed over costs on this way")


class _RoutingFile(_File):
    routes: tuple[Route, ...] = Field(
        min_length=1, description="at least one route; the first that fits is tried first"
    )
    address_from_master_data: tuple[str, ...] = Field(
        (),
        description="names of sources whose buyers' electronic address may come from the ERP's master data "
        "where the invoice has none",
    )


class _SourceFile(_File):
    name: _Name = Field(description="small letters, digits, dots and hyphens")
    kind: str = Field(description="the ERP interface, for example sap-idoc")
    mapping: str = Field(description="the name of a mapping file")
    company: _Name = Field(description="the name of a file in companies/")
    poll_seconds: float = Field(300.0, ge=1, description="seconds between two looks, 1 or more")
    parties_poll_seconds: float = Field(
        3600.0, ge=60, description="seconds between two looks at the buyers' master data, 60 or more"
    )
    settings: dict[str, Any] = Field(default_factory=dict, description="the settings of this kind")


class _ChannelFile(_File):
    name: _Name = Field(description="small letters, digits, dots and hyphens")
    kind: str = Field(description="the kind of channel, for example sftp-outbox or email")
    poll_seconds: float = Field(60.0, ge=1, description="seconds between two looks for receipts, 1 or more")
    settings: dict[str, Any] = Field(default_factory=dict, description="the settings of this kind")


@dataclass(frozen=True, slots=True)
class SourceSettings:
    """One ERP interface: `settings` is of the type that its connector declares."""

    name: str
    kind: str
    mapping: str
    company: str
    poll_seconds: float
    settings: ConnectorSettings
    parties_poll_seconds: float = 3600.0


@dataclass(frozen=True, slots=True)
class ChannelSettings:
    """One way out: `settings` is of the type that its channel declares."""

    name: str
    kind: str
    poll_seconds: float
    settings: ConnectorSettings


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A source or channel whose plug-in cannot be used; the others go on without it."""

    name: str
    problem: ConfigError


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything the gateway was told, checked."""

    folder: Path
    database: str
    workers: int
    retry: RetryPolicy
    receipt_within_hours: float
    log_format: str
    log_level: str
    pdf_language: str
    mail_languages: Mapping[str, str]
    routes: tuple[Route, ...]
    companies: Mapping[str, Mapping[str, Any]]
    sources: tuple[SourceSettings, ...]
    channels: tuple[ChannelSettings, ...]
    own_mappings: Mapping[str, str] = field(repr=False)
    left_out: tuple[LeftOut, ...] = ()
    web: Web = field(default_factory=Web)
    portal: Portal = field(default_factory=Portal)
    mandates: OwnMandates = field(default_factory=OwnMandates)
    address_from_master_data: frozenset[str] = frozenset()
    inbox_folder: str = ""
    # The source whose ERP takes received invoices, "" for none.
    hand_over_to: str = ""
    sign_in: SignInSettings = field(default_factory=SignInSettings)
    four_eyes: bool = False
    alarms: AlarmSettings = field(default_factory=AlarmSettings)
    webhooks: WebhookSettings = field(default_factory=WebhookSettings)
    webhook_files: tuple[WebhookFile, ...] = ()
    keys: tuple[KeySettings, ...] = field(default=(), repr=False)
    first_file_numbers: Mapping[str, int] = field(default_factory=dict)


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
    values: _SourceFile | _ChannelFile


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
        routing = self._checked(_RoutingFile, routing_data, self.folder / "routing.yaml")
        mappings = self._mappings()
        companies = self._companies(mappings)
        source_heads = self._heads("sources", _SourceFile)
        channel_heads = self._heads("channels", _ChannelFile)
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

    def _gateway(self) -> _GatewayFile | None:
        file = self.folder / "gateway.yaml"
        return self._checked(_GatewayFile, self._loaded(file), file) if file.exists() else _GatewayFile()

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

    def _heads(self, folder: str, model: type[_SourceFile | _ChannelFile]) -> list[_Head]:
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
        if not isinstance(values, _SourceFile) or not self._known(head, registry.erp_kinds()):
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
            if not isinstance(values, _SourceFile):
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

    def _master_data(self, routing: _RoutingFile, data: CommentedMap, sources: set[str]) -> None:
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

    def _database(self, main: _GatewayFile) -> str:
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


def reveal(reference: str, folder: Path) -> str:
    """The secret behind `env:NAME` or `file:PATH` (relative to the config folder).

    Raises ConfigError naming the reference, never the value.
    """
    kind, _, name = reference.partition(":")
    if kind == "env":
        if name not in os.environ:
            raise ConfigError(
                f"the environment variable {name} is not set", where=reference, fix="set it before the start"
            )
        return _usable(os.environ[name], reference)
    file = folder / name
    try:
        if file.stat().st_size > _LARGEST_SECRET:
            raise ConfigError(
                "the file is too large for a secret", where=reference, fix="name the right file"
            )
        # Editors on Windows put a mark in front of a text.
        return _usable(file.read_text("utf-8-sig").removesuffix("\n").removesuffix("\r"), reference)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            "the secret cannot be read",
            where=reference,
            fix=f"put it into {file}, readable by this user only",
        ) from error


def _usable(secret: str, reference: str) -> str:
    """The secret, unless it holds what no password can: then a file was saved wrongly."""
    if any(unicodedata.category(sign) in ("Cc", "Cf", "Cs") and sign not in "\n\r\t" for sign in secret):
        raise ConfigError(
            "the secret holds signs that cannot be seen",
            where=reference,
            fix="write the file anew as plain text in UTF-8, with nothing but the secret in it",
        )
    return secret

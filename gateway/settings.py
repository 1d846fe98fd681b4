"""The config folder as frozen values.

gateway.yaml          database, workers, retries, logs
routing.yaml          which channel and profile a buyer gets, in order
companies/*.yaml      facts of each selling company, for the mappings
sources/*.yaml        one ERP interface each
channels/*.yaml       one way out each
mappings/*.yaml       the company's own mapping files, if any
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from connectors import registry
from connectors.base import ConnectorSettings, SecretReference
from formats.errors import ConfigError
from formats.registry import PROFILES
from gateway import config_file
from gateway.config_file import ConfigProblems
from gateway.retry import RetryPolicy

__all__ = ["ChannelSettings", "Route", "Settings", "SourceSettings", "read", "reveal"]

_Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,99}$")]
_LARGEST_SECRET: Final = 64 * 1024


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Retry(_File):
    attempts: int = Field(8, ge=1, le=1000, description="failures in a row before people see it")
    first_seconds: float = Field(5.0, gt=0, description="delay after the first failure, in seconds")
    growth: float = Field(2.0, ge=1, le=10, description="how many times longer each further delay is")
    cap_seconds: float = Field(3600.0, gt=0, description="the longest delay, in seconds")
    jitter: float = Field(
        0.3, ge=0, lt=1, description="share of each delay that is left to chance, 0 to 0.99"
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
    pdf_language: Literal["en", "nl", "de", "fr"] = Field("en", description="en, nl, de or fr")


class Route(_File):
    """One way to reach buyers: it fits when the sources and countries match and the needed terms are
    there."""

    name: str = Field(description="a name for people")
    channel: _Name = Field(description="the name of a file in channels/")
    profile: str = Field(description="what the invoice is written as, for example peppol-bis-3")
    needs: tuple[str, ...] = Field((), description="business terms that must be there, for example [BT-49]")
    countries: tuple[str, ...] = Field((), description="buyer countries, ISO 3166-1; empty for all")
    sources: tuple[str, ...] = Field((), description="names of sources; empty for all")
    attach_pdf: bool = Field(False, description="true to send a readable PDF along")


class _RoutingFile(_File):
    routes: tuple[Route, ...] = Field(
        min_length=1, description="at least one route; the first that fits is tried first"
    )


class _SourceFile(_File):
    name: _Name = Field(description="small letters, digits, dots and hyphens")
    kind: str = Field(description="the ERP interface, for example sap-idoc")
    mapping: str = Field(description="the name of a mapping file")
    company: _Name = Field(description="the name of a file in companies/")
    poll_seconds: float = Field(300.0, ge=1, description="seconds between two looks, 1 or more")
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


@dataclass(frozen=True, slots=True)
class ChannelSettings:
    """One way out: `settings` is of the type that its channel declares."""

    name: str
    kind: str
    poll_seconds: float
    settings: ConnectorSettings


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
    routes: tuple[Route, ...]
    companies: Mapping[str, Mapping[str, Any]]
    sources: tuple[SourceSettings, ...]
    channels: tuple[ChannelSettings, ...]
    own_mappings: Mapping[str, str] = field(repr=False)


def read(folder: Path) -> Settings:
    """Read and check a config folder. Raises ConfigProblems with every mistake found, each with file and
    line."""
    return _Reader(folder, []).settings()


_Model = TypeVar("_Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class _Reader:
    folder: Path
    problems: list[ConfigError]

    def settings(self) -> Settings:
        if not self.folder.is_dir():
            raise ConfigError(
                "there is no such folder",
                where=str(self.folder),
                fix=f"gateway init {self.folder} writes one",
            )
        main = self._file(_GatewayFile, "gateway.yaml") or _GatewayFile()
        routing = self._file(_RoutingFile, "routing.yaml")
        companies = {file.stem: self._company(file) for file in self._files("companies")}
        sources = tuple(filter(None, map(self._source, self._files("sources"))))
        channels = tuple(filter(None, map(self._channel, self._files("channels"))))
        routes = routing.routes if routing else ()
        self._references(sources, channels, routes, companies)
        if self.problems:
            raise ConfigProblems(self.problems)
        return Settings(
            folder=self.folder,
            database=self._database(main),
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
            routes=routes,
            companies=companies,
            sources=sources,
            channels=channels,
            own_mappings={
                str(file.relative_to(self.folder / "mappings")): file.read_text("utf-8")
                for file in sorted((self.folder / "mappings").rglob("*.yaml"))
            },
        )

    def _files(self, name: str) -> list[Path]:
        return sorted((self.folder / name).glob("*.yaml"))

    def _file(self, model: type[_Model], name: str) -> _Model | None:
        return self._checked(model, self.folder / name)

    def _checked(self, model: type[_Model], file: Path, under: tuple[str, ...] = ()) -> _Model | None:
        try:
            return config_file.validated(model, config_file.load(file), file, under=under)
        except ConfigProblems as found:
            self.problems.extend(found.problems)
        except ConfigError as found:
            self.problems.append(found)
        return None

    def _company(self, file: Path) -> Mapping[str, Any]:
        try:
            facts: Mapping[str, Any] = config_file.plain(config_file.load(file))
        except ConfigError as found:
            self.problems.append(found)
            return {}
        return facts

    def _source(self, file: Path) -> SourceSettings | None:
        head = self._checked(_SourceFile, file)
        if head is None or not self._known(file, head.kind, registry.ERPS):
            return None
        settings = self._checked(registry.settings_of(registry.erp(head.kind)), file, ("settings",))
        if settings is None:
            return None
        return SourceSettings(head.name, head.kind, head.mapping, head.company, head.poll_seconds, settings)

    def _channel(self, file: Path) -> ChannelSettings | None:
        head = self._checked(_ChannelFile, file)
        if head is None or not self._known(file, head.kind, registry.CHANNELS):
            return None
        settings = self._checked(registry.settings_of(registry.channel(head.kind)), file, ("settings",))
        if settings is None:
            return None
        return ChannelSettings(head.name, head.kind, head.poll_seconds, settings)

    def _known(self, file: Path, kind: str, kinds: Mapping[str, str]) -> bool:
        if kind not in kinds:
            self._problem(f"{kind!r} is not a kind", file, f"use one of {', '.join(sorted(kinds))}")
        return kind in kinds

    def _references(
        self,
        sources: tuple[SourceSettings, ...],
        channels: tuple[ChannelSettings, ...],
        routes: tuple[Route, ...],
        companies: Mapping[str, Mapping[str, Any]],
    ) -> None:
        for folder, names in (
            ("sources", [s.name for s in sources]),
            ("channels", [c.name for c in channels]),
        ):
            for name in sorted({name for name in names if names.count(name) > 1}):
                self._problem(
                    f"the name {name} is used twice", self.folder / folder, "give each file its own name"
                )
        for source in sources:
            if source.company not in companies:
                self._problem(
                    f"source {source.name} belongs to the company {source.company}, which is not there",
                    self.folder / "sources",
                    f"write companies/{source.company}.yaml",
                )
        if self.problems:
            return  # what was not read cannot be missed
        for route in routes:
            if route.channel not in {channel.name for channel in channels}:
                self._problem(
                    f"route {route.name!r} uses the channel {route.channel}, which is not there",
                    self.folder / "routing.yaml",
                    "write the file in channels/, or name another channel",
                )
            if route.profile not in PROFILES:
                self._problem(
                    f"route {route.name!r} uses the profile {route.profile}, which is not known",
                    self.folder / "routing.yaml",
                    f"use one of {', '.join(PROFILES)}",
                )

    def _problem(self, what: str, where: Path, fix: str) -> None:
        self.problems.append(ConfigError(what, where=str(where), fix=fix))

    def _database(self, main: _GatewayFile) -> str:
        prefix = "sqlite:///"
        if main.database.startswith(prefix):
            return prefix + str((self.folder / main.database[len(prefix) :]).resolve())
        if main.database_password is None:
            return main.database
        from sqlalchemy import make_url

        url = make_url(main.database).set(password=reveal(main.database_password, self.folder))
        return url.render_as_string(hide_password=False)


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
        return os.environ[name]
    file = folder / name
    try:
        if file.stat().st_size > _LARGEST_SECRET:
            raise ConfigError(
                "the file is too large for a secret", where=reference, fix="name the right file"
            )
        return file.read_text("utf-8").removesuffix("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            "the secret cannot be read",
            where=reference,
            fix=f"put it into {file}, readable by this user only",
        ) from error

"""The one place where settings become objects."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime
from functools import partial
from pathlib import Path

from connectors import registry
from connectors.base import Channel, ErpConnector, StateCell, Surroundings
from formats.errors import ConfigError
from formats.registry import PROFILES
from gateway import __version__, config_file
from gateway import settings as settings_module
from gateway.clock import Clock, utc_now
from gateway.keys import FileKeys
from gateway.rules.engine import RulesEngine
from gateway.rules.store import RuleShelf, rule_folders
from gateway.settings import Settings, SourceSettings
from gateway.store import schema
from gateway.store.budgets import Budgets
from gateway.store.connector_state import ConnectorState
from gateway.store.database import Database
from mappings import registry as mapping_registry
from mappings.as_is import AsIs
from mappings.engine import CompiledMapping

__all__ = ["Gateway"]


class Gateway:
    """Everything a pipeline step may need, made when first asked for; safe to share between threads.

    Close it when done; a closed one is not used again.
    """

    def __init__(self, settings: Settings, *, clock: Clock = utc_now) -> None:
        self.settings = settings
        # Of the files that the settings were read from, before anything else takes its time.
        self.files = config_file.stamp(settings.folder)
        self.clock = clock
        self.database = Database(settings.database)
        schema.upgrade(self.database)
        # Since when (aware UTC) and why nobody can call this process, where it wants to be called.
        self.not_listening: tuple[datetime, ConfigError] | None = None
        # Since when and why what is in the config folder now is not what this process works with.
        self.not_taken_up: tuple[datetime, ConfigError] | None = None
        self._shelf = RuleShelf(rule_folders(settings.folder))
        self.rules = RulesEngine(self._shelf, today=lambda: clock().date())
        self.budgets = Budgets(self.database, clock)
        self.keys = FileKeys.of(settings.keys, settings.folder)
        self._state = ConnectorState(self.database, settings.folder / "locks")
        self._lock = threading.RLock()
        self._sources: dict[str, ErpConnector] = {}
        # Connectors of sources that were changed or taken away, and since when (aware UTC).
        self._retired: list[tuple[datetime, ErpConnector]] = []
        self._channels: dict[str, Channel] = {}
        self._mappings: dict[str, CompiledMapping | AsIs] = {}
        self._judged_under: dict[str, str] = {}

    @classmethod
    def open(cls, folder: Path, *, clock: Clock = utc_now) -> Gateway:
        """Read the config folder, bring the database up to date. Raises ConfigError, StorageError."""
        return cls(settings_module.read(folder), clock=clock)

    def source_settings(self, name: str) -> SourceSettings:
        """The settings of one source. Raises ConfigError for a name that is no longer configured."""
        for source in self.settings.sources:
            if source.name == name:
                return source
        raise ConfigError(
            f"there is no source {name} any more", where="sources/", fix=f"put the file of {name} back"
        )

    def source(self, name: str) -> ErpConnector:
        """The connector of one source."""
        with self._lock:
            if name not in self._sources:
                spec = self.source_settings(name)
                self._sources[name] = registry.erp(spec.kind)(name, spec.settings, self._surroundings(name))
            return self._sources[name]

    def use(self, settings: Settings) -> None:
        """Work with these settings from now on. A source that is different gets a new connector; a step at
        hand ends with the one it has, which `let_go` closes later."""
        with self._lock:
            now = {one.name: one for one in settings.sources}
            for before in self.settings.sources:
                if now.get(before.name) != before and before.name in self._sources:
                    self._retired.append((self.clock(), self._sources.pop(before.name)))
            self.settings = settings
            self._judged_under.clear()

    def let_go(self, before: datetime) -> None:
        """Close connectors that have not been used since before this moment."""
        with self._lock:
            resting = [connector for since, connector in self._retired if since < before]
            self._retired = [one for one in self._retired if one[0] >= before]
        for connector in resting:
            connector.close()

    def trial(self, spec: SourceSettings) -> ErpConnector:
        """A connector of a source that is not configured yet, to check it; the caller closes it."""
        return registry.erp(spec.kind)(spec.name, spec.settings, self._surroundings(spec.name))

    def channel(self, name: str) -> Channel:
        """One way out. Raises ConfigError for a name that is no longer configured."""
        with self._lock:
            if name not in self._channels:
                spec = next((spec for spec in self.settings.channels if spec.name == name), None)
                if spec is None:
                    raise ConfigError(
                        f"there is no channel {name} any more",
                        where="channels/",
                        fix=f"put the file of {name} back",
                    )
                self._channels[name] = registry.channel(spec.kind)(
                    name, spec.settings, self._surroundings(name)
                )
            return self._channels[name]

    def mapping(self, source: str) -> CompiledMapping | AsIs:
        """The mapping of one source, compiled. Raises ConfigError with file and line."""
        name = self.source_settings(source).mapping
        with self._lock:
            if name not in self._mappings:
                self._mappings[name] = mapping_registry.mapper(name, self.settings.own_mappings)
            return self._mappings[name]

    def company(self, source: str) -> dict[str, object]:
        """The facts of the company that a source belongs to."""
        return dict(self.settings.companies[self.source_settings(source).company])

    def judged_under(self) -> str:
        """A digest of everything here that decides what becomes of a document: release, mappings, company
        facts, routes, rules, and the day, for rules come into force."""
        today = self.clock().date().isoformat()
        with self._lock:
            if today not in self._judged_under:
                keys = sorted(
                    {key for route in self.settings.routes for key in PROFILES[route.profile].rule_packs}
                )
                facts = [
                    __version__,
                    today,
                    mapping_registry.texts(),
                    dict(self.settings.own_mappings),
                    dict(self.settings.companies),
                    sorted(self.settings.address_from_master_data),
                    [route.model_dump(mode="json") for route in self.settings.routes],
                    self.settings.mandates.model_dump(mode="json"),
                    [[key, *(pack.digest for pack in self._shelf.get(key, ()))] for key in keys],
                ]
                text = json.dumps(facts, sort_keys=True, default=str)
                self._judged_under = {today: hashlib.sha256(text.encode()).hexdigest()}
            return self._judged_under[today]

    def alone(self, errand: str) -> AbstractContextManager[StateCell]:
        """Hold a lock that no other thread or process of this installation can hold at the same time."""
        return self._state.locked("gateway", errand)

    def close(self) -> None:
        """Let go of everything; safe to repeat."""
        with self._lock:
            for source in (*self._sources.values(), *(connector for _, connector in self._retired)):
                source.close()
            self._retired.clear()
            for channel in self._channels.values():
                channel.close()
            self._sources.clear()
            self._channels.clear()
            self.rules.close()
            self.database.close()

    def _surroundings(self, name: str) -> Surroundings:
        locked: Callable[[str], AbstractContextManager[StateCell]] = partial(self._state.locked, name)
        return Surroundings(
            secret=lambda reference: settings_module.reveal(reference, self.settings.folder),
            clock=self.clock,
            locked=locked,
            ledger=self.budgets.ledger,
            folder=self.settings.folder,
        )

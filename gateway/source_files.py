"""Sources come and go while the gateway runs: the files of the config folder are looked at, and what is
different in sources/ is taken up without a restart.

Only sources are, with the companies and mapping files that are new with them; whatever else is changed waits
for the next start. A folder that is not valid changes nothing: what runs goes on, and the problem is told.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

import structlog

from formats.errors import ConfigError
from gateway import settings as settings_module
from gateway.config_file import ConfigProblems, stamp
from gateway.settings import LeftOut, Settings, SourceSettings
from gateway.store import journal, sources
from gateway.wiring import Gateway
from mappings import registry as mapping_registry

__all__ = ["Difference", "SourceFiles"]

# Longer than any step may take that has a connector in hand.
_REST: Final = timedelta(minutes=15)
_log = structlog.get_logger("sources")


@dataclass(frozen=True, slots=True)
class Difference:
    """Names of sources."""

    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.added or self.changed or self.removed)


class SourceFiles:
    """Looks at the files, and has `start` and `stop` called for sources that begin and end to run.

    A source that is changed is stopped and started. Not safe to share between threads.
    """

    def __init__(
        self, gateway: Gateway, start: Callable[[SourceSettings], object], stop: Callable[[str], object]
    ) -> None:
        self._gateway = gateway
        self._start = start
        self._stop = stop
        self._read = self._seen = gateway.files

    def look(self) -> Difference | None:
        """Take up what is different; what, or None where nothing was read. A file that was written since the
        last look is left until the next one: it may be half written."""
        gateway = self._gateway
        gateway.let_go(gateway.clock() - _REST)
        now = stamp(gateway.settings.folder)
        settled, self._seen = now == self._seen, now
        if not settled or now == self._read:
            return None
        try:
            wanted = settings_module.read(gateway.settings.folder)
        except ConfigError as error:
            self._read = now
            self._tell(error)
            return None
        found = self._take_up(wanted)
        self._read, gateway.not_taken_up = now, None
        return found

    def _tell(self, error: ConfigError) -> None:
        gateway = self._gateway
        since = gateway.not_taken_up[0] if gateway.not_taken_up is not None else gateway.clock()
        gateway.not_taken_up = since, error
        first = error.problems[0] if isinstance(error, ConfigProblems) else error
        _log.error(
            "configuration not taken up",
            what=first.what,
            where=first.where,
            fix=first.fix,
            then="the sources that run go on as they are",
        )

    def _take_up(self, wanted: Settings) -> Difference:
        gateway = self._gateway
        there = {one.name: one for one in gateway.settings.sources}
        new = {one.name: one for one in wanted.sources}
        found = Difference(
            added=tuple(name for name in new if name not in there),
            changed=tuple(name for name in new if name in there and new[name] != there[name]),
            removed=tuple(name for name in there if name not in new),
        )
        if not found:
            gateway.use(replace(gateway.settings, left_out=_left_out(gateway.settings, wanted)))
            return found
        told = {"added": list(found.added), "changed": list(found.changed), "removed": list(found.removed)}
        # First: where nothing can be written, nothing is changed, and the next look tries again.
        with gateway.database.begin() as connection:
            for name in (*found.added, *found.changed):
                sources.try_now(connection, name)
            journal.append(connection, "sources taken up", told, now=gateway.clock())
        for name in (*found.removed, *found.changed):
            self._stop(name)
        gateway.use(_with_sources(gateway.settings, wanted))
        for name in (*found.added, *found.changed):
            self._start(new[name])
        _log.info("sources taken up", **told)
        return found


def _with_sources(running: Settings, wanted: Settings) -> Settings:
    """What runs, with the sources that are wanted and what is new with them. A file that changes what other
    sources work with is not: it has to be a new one, and none that stands in front of one of a release."""
    packaged = mapping_registry.texts()
    mappings = {name: text for name, text in wanted.own_mappings.items() if name not in packaged}
    return replace(
        running,
        sources=wanted.sources,
        companies={**wanted.companies, **running.companies},
        own_mappings={**mappings, **running.own_mappings},
        left_out=_left_out(running, wanted),
    )


def _left_out(running: Settings, wanted: Settings) -> tuple[LeftOut, ...]:
    """Sources that cannot be used now; channels as they were at the start."""
    channels = {one.name for one in (*running.channels, *wanted.channels)}
    before = tuple(one for one in running.left_out if one.name in channels)
    return before + tuple(one for one in wanted.left_out if one.name not in channels)

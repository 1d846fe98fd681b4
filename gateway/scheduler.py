"""The scheduler: each source and channel on its own clock, the workers in between, and a clean stop. Sources
come and go while it runs."""

from __future__ import annotations

import random
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from types import FrameType
from typing import Final

import structlog
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.jobstores.base import JobLookupError
from apscheduler.schedulers.background import BackgroundScheduler

from formats.errors import EInvoicingError, StorageError
from formats.registry import PROFILES
from gateway.alarms.rounds import Rounds
from gateway.pipeline.runner import Runner
from gateway.settings import SourceSettings
from gateway.source_files import SourceFiles
from gateway.store import sources
from gateway.webhooks.sender import Sender
from gateway.wiring import Gateway

__all__ = ["collect_when_due", "run"]

_WORK_SECONDS: Final = 1.0
_REPORT_SECONDS: Final = 5.0
_POSTING_SECONDS: Final = 30.0
_PAYMENT_FACTOR: Final = 6
# How often it is looked whether the time of a source that failed has come.
_AGAIN_SECONDS: Final = 5.0
_NETWORK_SECONDS: Final = 5.0
_REVOCATION_SECONDS: Final = 300.0
_NIGHT_SECONDS: Final = 86_400.0
_KEPT_SECONDS: Final = 3_600.0
_MAIL_SECONDS: Final = 15.0
# After a start the sources are read first, so that nothing old is told as new.
_ALARM_DELAY: Final = 60.0
_NIGHT_HOUR: Final = 2
_STOP_SECONDS: Final = 8.0
# How often it is looked whether sources came or went; a file is taken up at the second look.
_FILES_SECONDS: Final = 2.0
_log = structlog.get_logger("scheduler")


def run(
    gateway: Gateway,
    started: Callable[[Callable[[], None]], object] = lambda wake: None,
    ending: Callable[[], object] = lambda: None,
) -> bool:
    """Work until SIGTERM or SIGINT; returns whether everything at hand was finished within 8 seconds.

    What could not be finished is safe: it goes on at the next start. `started` is called once, with what
    makes the workers look at once; that returns immediately and may be called from any thread. `ending` is
    called once, before anything at hand is waited for.
    """
    stopping = threading.Event()

    def stop(number: int, _frame: FrameType | None) -> None:
        _log.info("stopping", signal=signal.Signals(number).name)
        stopping.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    runner = Runner(gateway)
    sender = Sender(gateway)
    scheduler = _scheduler(gateway, runner, sender)
    scheduler.start()
    started(partial(_work_now, scheduler, gateway))
    _log.info(
        "running",
        sources=[source.name for source in gateway.settings.sources],
        channels=[channel.name for channel in gateway.settings.channels],
        workers=gateway.settings.workers,
    )
    for left_out in gateway.settings.left_out:
        _log.error("left out", name=left_out.name, what=left_out.problem.what, fix=left_out.problem.fix)
    stopping.wait()
    # First, so that the process that comes after this one finds the port free.
    ending()
    runner.stop()
    sender.stop()
    # The jobs at hand are waited for in a thread of their own, so that a hanging one cannot hold the process.
    waiter = threading.Thread(target=scheduler.shutdown, name="shutdown", daemon=True)
    waiter.start()
    waiter.join(_STOP_SECONDS)
    clean = not waiter.is_alive() and sender.wait(2.0)
    _log.info("stopped", clean=clean)
    return clean


def _work_now(scheduler: BackgroundScheduler, gateway: Gateway) -> None:
    # A scheduler that is being ended knows no jobs any more; the work is taken up at the next start.
    with suppress(JobLookupError):
        scheduler.modify_job("work", next_run_time=gateway.clock())


def _scheduler(gateway: Gateway, runner: Runner, sender: Sender) -> BackgroundScheduler:
    settings = gateway.settings
    errands = 12 + len(settings.channels)
    scheduler = BackgroundScheduler(
        timezone="UTC",
        executors={"default": ThreadPoolExecutor(errands)},
        job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
    )
    start = gateway.clock()
    spread = random.Random()  # noqa: S311  # only spreads the first looks, so that not all sources start at once
    every = partial(_every, scheduler, gateway)
    errands_of = _SourceErrands(scheduler, gateway, runner)
    for source in settings.sources:
        errands_of.start(source)
    every(_FILES_SECONDS, "sources", SourceFiles(gateway, errands_of.start, errands_of.stop).look)
    for channel in settings.channels:
        every(
            channel.poll_seconds,
            f"follow {channel.name}",
            partial(runner.follow, channel.name),
            delay=spread.random(),
        )
    if any(channel.kind == "peppol" for channel in settings.channels):
        # Loaded here: who has no access point need not wait for it.
        from gateway.peppol import rounds

        every(_NETWORK_SECONDS, "network", runner.network)
        every(_REVOCATION_SECONDS, "revocation", partial(rounds.refresh_revocation, gateway), delay=5)
        every(
            _NIGHT_SECONDS,
            "buyers and statistics",
            partial(rounds.nightly, gateway),
            delay=_until_night(start),
        )
    # Once, and beside the rest: a signal that comes meanwhile is heard. Rules of other profiles are compiled
    # when the first document needs them.
    written = [PROFILES[name] for name in dict.fromkeys(route.profile for route in settings.routes)]
    scheduler.add_job(_careful("warm", partial(gateway.rules.warm, written)), id="warm", name="warm")
    every(_WORK_SECONDS, "work", runner.work)
    every(_REPORT_SECONDS, "report", runner.report)
    every(_WORK_SECONDS, "webhooks", sender.round, delay=1)
    every(_KEPT_SECONDS, "webhook texts", sender.forget, delay=60)
    if settings.alarms.enabled:
        rounds_of_alarms = Rounds(gateway)
        every(settings.alarms.look_seconds, "alarms", rounds_of_alarms.look, delay=_ALARM_DELAY)
        every(_MAIL_SECONDS, "alarm mails", rounds_of_alarms.send, delay=_ALARM_DELAY)
    return scheduler


class _SourceErrands:
    """The errands of each source, in threads of its own: a source that hangs keeps no other waiting, and its
    going takes nothing from the others."""

    def __init__(self, scheduler: BackgroundScheduler, gateway: Gateway, runner: Runner) -> None:
        self._scheduler = scheduler
        self._gateway = gateway
        self._runner = runner
        self._threads: dict[str, ThreadPoolExecutor] = {}
        self._spread = random.Random()  # noqa: S311  # only spreads the first looks

    def start(self, source: SourceSettings) -> None:
        """Begin with a source."""
        runner, name, chance = self._runner, source.name, self._spread.random
        collect = partial(collect_when_due, self._gateway, runner, name, threading.Lock())
        errands: dict[str, tuple[float, Callable[[], object], float]] = {
            "collect": (source.poll_seconds, collect(), 0.0),
            "again": (_AGAIN_SECONDS, collect(again=True), _AGAIN_SECONDS + chance()),
            "payments": (
                source.poll_seconds * _PAYMENT_FACTOR,
                partial(runner.follow_payments, name),
                min(source.poll_seconds, 30.0) + chance(),
            ),
            "postings": (_POSTING_SECONDS, partial(runner.post_payments, name), 2 + chance()),
            "parties": (
                source.parties_poll_seconds,
                partial(runner.pull_parties, name, only_when_due=True),
                1 + chance(),
            ),
        }
        runner.mended(name)
        self._threads[name] = ThreadPoolExecutor(len(errands))
        self._scheduler.add_executor(self._threads[name], f"source {name}")
        for what, (seconds, errand, delay) in errands.items():
            _every(
                self._scheduler,
                self._gateway,
                seconds,
                f"{what} {name}",
                errand,
                delay,
                threads=f"source {name}",
            )

    def stop(self, name: str) -> None:
        """Begin nothing more with a source; what is at hand goes on to its end."""
        for what in ("collect", "again", "payments", "postings", "parties"):
            # A scheduler that is being ended knows no jobs any more.
            with suppress(JobLookupError):
                self._scheduler.remove_job(f"{what} {name}")
        threads = self._threads.pop(name, None)
        if threads is not None:
            self._scheduler.remove_executor(f"source {name}", shutdown=False)
            threads.shutdown(wait=False)


def _every(
    scheduler: BackgroundScheduler,
    gateway: Gateway,
    seconds: float,
    name: str,
    errand: Callable[[], object],
    delay: float = 0.0,
    *,
    threads: str = "default",
) -> None:
    scheduler.add_job(
        _careful(name, errand),
        "interval",
        seconds=seconds,
        jitter=seconds * 0.1 if seconds >= 10 else None,
        next_run_time=gateway.clock() + timedelta(seconds=delay),
        id=name,
        name=name,
        executor=threads,
    )


def collect_when_due(
    gateway: Gateway,
    runner: Runner,
    source: str,
    at_hand: threading.Lock | None = None,
    *,
    again: bool = False,
) -> Callable[[], object]:
    """A source that asked for a pause, or failed, is left alone until its time; `again`: nothing but such a
    source is read. Errands that share `at_hand` read it one at a time, and do not wait for each other."""
    reading = at_hand or threading.Lock()

    def collect() -> None:
        # Who waited would try anew, without a pause, what has just failed.
        if not reading.acquire(blocking=False):
            return
        try:
            with gateway.database.read() as connection:
                due_at = sources.get(connection, source).due_at
            if due_at is None and again:
                return
            if due_at is None or due_at <= gateway.clock():
                runner.collect(source)
        finally:
            reading.release()

    return collect


def _until_night(now: datetime) -> float:
    """Seconds until two in the morning (UTC)."""
    tonight = now.replace(hour=_NIGHT_HOUR, minute=0, second=0, microsecond=0)
    return ((tonight - now).total_seconds()) % _NIGHT_SECONDS


def _careful(name: str, errand: Callable[[], object]) -> Callable[[], object]:
    """An errand that fails says so and is tried again at its next time; the others go on."""

    def careful() -> None:
        try:
            errand()
        except StorageError as error:
            _log.error("storage", errand=name, what=error.what, fix=error.fix)
        except EInvoicingError as error:
            _log.warning("not done", errand=name, what=error.what, fix=error.fix)

    return careful

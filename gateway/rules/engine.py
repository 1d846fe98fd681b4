"""The judge: official schema, then official business rules, one report for each document.

Rules run compiled, in this process. A pack that the compiler refuses runs on Saxon, in a process of its own,
and the report says so.
"""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from enum import StrEnum
from types import MappingProxyType, TracebackType
from typing import Any, Self

from lxml import etree

from formats.errors import ConfigError, MalformedDocument
from formats.finding import CheckRun, Finding, Report, RunState, Severity
from formats.phrases import say
from formats.profiles.profile import Profile
from formats.registry import PROFILES, SYNTAXES
from formats.rules.pack import Document, no_collection
from formats.syntaxes import xml
from formats.syntaxes.binding import Binding
from gateway.clock import utc_now
from gateway.rules import xsd
from gateway.rules.compiled import CompiledPacks
from gateway.rules.findings import of_compiled, of_saxon
from gateway.rules.location import line_of
from gateway.rules.packs import KNOWN, Releases, RulePack, in_force, superseded
from gateway.rules.schemas import SchemaShelf
from gateway.rules.store import RuleShelf
from gateway.rules.worker import Worker, WorkerFailed

__all__ = ["Engine", "RulesEngine"]

_WARM_UP = 60.0
_NO_SAXON = "and Saxon is not installed (Python package saxonche)"


class Engine(StrEnum):
    """Who judges by the business rules."""

    COMPILED = "compiled"
    SAXON = "saxon"


class RulesEngine:
    """Checks documents against a profile's schema and the releases of its rule packs that are in force.

    `packs` is one pack or several releases by key (`RuleShelf`), None for what Python packages carry.
    `engine` says who judges; the compiled engine leaves to Saxon only what the compiler refuses. `today`
    (UTC) decides which release is in force where `check` is not told a day. `language` is that of our own
    words in the report. Any number of threads may call `check`.

    Saxon runs in `workers` processes of about 250 MB each, started when first needed and again after a crash;
    one process checks one document at a time, and a request that takes longer than `timeout` seconds ends its
    process. What could not be run is reported as not run, never as passed.
    """

    def __init__(
        self,
        packs: Mapping[str, RulePack] | Releases | None = None,
        *,
        workers: int = 1,
        timeout: float = 60.0,
        engine: Engine | str = Engine.COMPILED,
        compiled: CompiledPacks | None = None,
        today: Callable[[], date] = lambda: utc_now().date(),
        language: str = "en",
    ) -> None:
        self.releases: Releases = RuleShelf() if packs is None else _as_releases(packs)
        self.engine = Engine(engine)
        self._schemas = SchemaShelf(self.releases.folders if isinstance(self.releases, RuleShelf) else ())
        self._today = today
        self._language = language
        self._compiled = compiled or CompiledPacks()
        self._timeout = timeout
        self._workers = tuple(Worker() for _ in range(workers))
        self._free: queue.LifoQueue[Worker] = queue.LifoQueue()
        for worker in self._workers:
            self._free.put(worker)

    @property
    def packs(self) -> Mapping[str, RulePack]:
        """The releases in force today, by key."""
        return MappingProxyType({key: pack for key in self.releases if (pack := self.in_force(key))})

    def in_force(self, key: str, on: date | None = None) -> RulePack | None:
        """The release that judges on a day, today without one; None where none is installed."""
        return in_force(self.releases.get(key, ()), on or self._today())

    def check(
        self,
        content: bytes,
        profile: Profile,
        *,
        rules_despite_schema: bool = False,
        on: date | None = None,
    ) -> Report:
        """The report on one document by the releases in force on a day, today without one.

        Business rules need a document that keeps to the schema, so they are not run on one that does not;
        `rules_despite_schema` runs them all the same, for study and for comparing engines.
        """
        try:
            root = xml.parse(content, as_written=True)
        except MalformedDocument as error:
            finding = Finding("XSD", Severity.FATAL, error.sentence)
            known = xsd.SCHEMAS[profile.schema_key]
            schema_run = CheckRun(known.title, known.release, RunState.FAILED)
            packs = self._chosen(profile.rule_packs, on)
            return Report((schema_run, *self._skipped(profile.rule_packs, packs, schema_run)), (finding,))
        return self.check_tree(
            root, profile, source=content, rules_despite_schema=rules_despite_schema, on=on
        )

    def check_tree(
        self,
        root: etree._Element,
        profile: Profile,
        *,
        source: bytes = b"",
        rules_despite_schema: bool = False,
        on: date | None = None,
    ) -> Report:
        """The same for a document that `formats.syntaxes.xml` has parsed: one parse serves schema and rules.

        With `source`, the bytes that it was parsed from, errors of the schema say their column too.
        """
        binding = SYNTAXES[profile.syntax]
        packs = self._chosen(profile.rule_packs, on)
        schema_run, findings = self._check_schema(root, profile, binding, source)
        if schema_run.state is not RunState.PASSED and not rules_despite_schema:
            return Report((schema_run, *self._skipped(profile.rule_packs, packs, schema_run)), findings)
        runs, broken = self._check_rules(root, profile.rule_packs, packs, binding, source)
        return Report((schema_run, *runs), (*findings, *broken))

    def run_pack(self, root: etree._Element, pack: RulePack, binding: Binding, *, source: bytes) -> Report:
        """What one release says of a document, whether it is in force or not; no schema.

        `source` are the bytes that `root` was parsed from.
        """
        runs, findings = self._check_rules(root, (pack.key,), {pack.key: pack}, binding, source)
        return Report(runs, findings)

    def warm(self, profiles: Iterable[Profile] | None = None) -> tuple[CheckRun, ...]:
        """Load every pack that the profiles need today, starting Saxon where it is needed; one run for each.

        Without any named, every profile there is.
        """
        chosen = PROFILES.values() if profiles is None else profiles
        needed = dict.fromkeys(key for profile in chosen for key in profile.rule_packs)
        packs = self._chosen(needed, None)
        runs: list[CheckRun] = []
        for_saxon: dict[str, RulePack] = {}
        for key, pack in packs.items():
            why = self._why_saxon(pack)
            if why is None:
                runs.append(self._run_of(pack, (), ""))
            else:
                for_saxon[key] = pack
        if for_saxon:
            paths = {key: _place(pack) for key, pack in for_saxon.items()}
            taken = [self._free.get() for _ in self._workers]
            answers: dict[str, dict[str, Any]] = {}
            try:
                for worker in taken:
                    answers.update(_ask(worker, paths, b"", max(self._timeout, _WARM_UP)))
            finally:
                for worker in taken:
                    self._free.put(worker)
            runs.extend(
                self._saxon_run(pack, answers[key], (), self._why_saxon(pack))
                for key, pack in for_saxon.items()
            )
        return tuple(runs)

    def process_ids(self) -> tuple[int, ...]:
        """The Saxon processes that run now."""
        return tuple(found for worker in self._workers if (found := worker.process_id) is not None)

    def close(self) -> None:
        """End the Saxon processes, after the checks that are under way; a later check starts them anew."""
        taken = [self._free.get() for _ in self._workers]
        for worker in taken:
            worker.close()
            self._free.put(worker)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _chosen(self, keys: Iterable[str], on: date | None) -> dict[str, RulePack]:
        return {key: pack for key in keys if (pack := self.in_force(key, on)) is not None}

    def _why_saxon(self, pack: RulePack) -> str | None:
        """Why Saxon has to judge by this pack; None where the compiled engine does, "" where it was asked
        for."""
        if self.engine is Engine.SAXON:
            return ""
        try:
            self._compiled.checker(pack)
        except ConfigError as error:
            return error.what
        return None

    def _check_rules(
        self,
        root: etree._Element,
        keys: Sequence[str],
        packs: Mapping[str, RulePack],
        binding: Binding,
        source: bytes = b"",
    ) -> tuple[tuple[CheckRun, ...], tuple[Finding, ...]]:
        why = {key: self._why_saxon(pack) for key, pack in packs.items()}
        for_saxon = {key: _place(packs[key]) for key in packs if why[key] is not None}
        answers: dict[str, dict[str, Any]] = {}
        if for_saxon:
            worker = self._free.get()
            try:
                answers = _ask(worker, for_saxon, etree.tostring(root, encoding="UTF-8"), self._timeout)
            finally:
                self._free.put(worker)
        document: Document | None = None
        runs: list[CheckRun] = []
        findings: list[Finding] = []
        with no_collection:  # until the document is gone
            for key in keys:
                pack = packs.get(key)
                if pack is None:
                    runs.append(self._not_installed(key))
                elif key in answers:
                    broken = of_saxon(answers[key].get("failed", ()), root, binding)
                    runs.append(self._saxon_run(pack, answers[key], broken, why[key]))
                    findings.extend(broken)
                else:
                    try:
                        document = document or Document(root, source)  # one for all packs
                    except MalformedDocument as error:
                        runs.append(CheckRun(pack.title, pack.release, RunState.NOT_RUN, error.sentence))
                        continue
                    broken = of_compiled(self._compiled.checker(pack).check(document, now=utc_now()), binding)
                    run = self._run_of(pack, broken, "")
                    runs.append(run)
                    findings.extend(broken)
            document = None
        return tuple(runs), tuple(findings)

    def _run_of(self, pack: RulePack, broken: Iterable[Finding], note: str) -> CheckRun:
        fatal = any(finding.severity is Severity.FATAL for finding in broken)
        state = RunState.FAILED if fatal else RunState.PASSED
        return CheckRun(pack.title, pack.release, state, _joined(self._superseded(pack), note))

    def _saxon_run(
        self, pack: RulePack, answer: Mapping[str, Any], broken: Sequence[Finding], why: str | None
    ) -> CheckRun:
        note = say("note.on_saxon", self._language, why=why) if why else ""
        if "failed" not in answer:
            told = say("note.could_not_run", self._language, why=answer.get("error", "no answer"))
            return CheckRun(pack.title, pack.release, RunState.NOT_RUN, _joined(told, note))
        return self._run_of(pack, broken, note)

    def _superseded(self, pack: RulePack) -> str:
        if not pack.superseded or pack.key not in KNOWN:
            return pack.superseded
        return superseded(KNOWN[pack.key], pack.release, pack.released, self._language)

    def _not_installed(self, key: str) -> CheckRun:
        title = KNOWN[key].title if key in KNOWN else key
        note = say("note.not_installed", self._language, key=key)
        return CheckRun(title, "", RunState.NOT_RUN, note)

    def _check_schema(
        self, root: etree._Element, profile: Profile, binding: Binding, source: bytes
    ) -> tuple[CheckRun, tuple[Finding, ...]]:
        known = xsd.SCHEMAS[profile.schema_key]
        name = etree.QName(root).localname
        if name not in known.files:
            text = f"the document is {name[:60]!r}; {profile.title} is one of {', '.join(known.files)}"
            return (
                CheckRun(known.title, known.release, RunState.FAILED),
                (Finding("XSD", Severity.FATAL, text, f"/{name}", line=line_of(root)),),
            )
        try:
            release, schema = self._schemas.load(profile.schema_key, name)
        except ConfigError as error:
            return CheckRun(known.title, known.release, RunState.NOT_RUN, error.sentence), ()
        if schema is None:
            name = "note.no_schema" if known.package else "note.schema_not_added"
            note = say(name, self._language, package=known.package)
            return CheckRun(known.title, release, RunState.NOT_RUN, note), ()
        findings = schema.check(root, binding, source)
        return CheckRun(known.title, release, RunState.FAILED if findings else RunState.PASSED), findings

    def _skipped(
        self, keys: Sequence[str], packs: Mapping[str, RulePack], schema: CheckRun
    ) -> tuple[CheckRun, ...]:
        failed = schema.state is RunState.FAILED
        note = say("note.schema_failed" if failed else "note.schema_not_run", self._language)
        return tuple(
            CheckRun(pack.title, pack.release, RunState.NOT_RUN, note)
            if (pack := packs.get(key))
            else self._not_installed(key)
            for key in keys
        )


def _joined(*notes: str) -> str:
    return ". ".join(filter(None, notes))


def _as_releases(packs: Mapping[str, RulePack] | Releases) -> Releases:
    if isinstance(packs, RuleShelf):
        return packs
    return MappingProxyType(
        {key: (value,) if isinstance(value, RulePack) else tuple(value) for key, value in packs.items()}
    )


def _place(pack: RulePack) -> tuple[str, str]:
    """A pack's style sheet, and the folder that it may refer into, "" for its own."""
    return str(pack.path), str(pack.root or "")


def _ask(
    worker: Worker, paths: Mapping[str, tuple[str, str]], document: bytes, timeout: float
) -> dict[str, Any]:
    """The worker's answer; a process that died gets a second chance, an error stands for each pack after
    it."""
    for last in (False, True):
        try:
            return worker.ask(paths, document, timeout)
        except WorkerFailed as error:
            if last or not error.again:
                return {key: {"error": error.why} for key in paths}
    return {}

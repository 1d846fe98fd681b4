"""The judge: official schema, then official business rules, one report for each document."""

from __future__ import annotations

import queue
import re
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Final, Self

from lxml import etree

from formats.errors import MalformedDocument
from formats.finding import CheckRun, Finding, Report, RunState, Severity
from formats.profiles.profile import Profile
from formats.registry import SYNTAXES
from formats.syntaxes import xml
from formats.syntaxes.binding import Binding
from gateway.rules import xsd
from gateway.rules.location import readable_location
from gateway.rules.packs import KNOWN, RulePack, installed_packs
from gateway.rules.worker import Worker, WorkerFailed

__all__ = ["RulesEngine"]

_TERM: Final = re.compile(r"\bB[TG]-[0-9]+(?:-[0-9]+)?")
_WARM_UP: Final = 60.0


class RulesEngine:
    """Checks documents against a profile's schema and rule packs.

    It owns `workers` processes of about 250 MB each, started when first needed and again after a crash;
    one process checks one document at a time. Any number of threads may call `check`. A request that takes
    longer than `timeout` seconds ends its process. What could not be run is reported as not run, never as
    passed.
    """

    def __init__(
        self, packs: Mapping[str, RulePack] | None = None, *, workers: int = 1, timeout: float = 60.0
    ) -> None:
        self.packs = installed_packs() if packs is None else packs
        self._timeout = timeout
        self._workers = tuple(Worker() for _ in range(workers))
        self._free: queue.LifoQueue[Worker] = queue.LifoQueue()
        for worker in self._workers:
            self._free.put(worker)

    def check(self, content: bytes, profile: Profile, *, rules_despite_schema: bool = False) -> Report:
        """The report on one document: the same document always gets the same one.

        Business rules need a document that keeps to the schema, so they are not run on one that does not;
        `rules_despite_schema` runs them all the same, for study.
        """
        binding = SYNTAXES[profile.syntax]
        known = xsd.SCHEMAS[profile.syntax]
        try:
            root = xml.parse(content)
        except MalformedDocument as error:
            finding = Finding("XSD", Severity.FATAL, error.sentence)
            schema_run = CheckRun(known.title, known.release, RunState.FAILED)
            return Report((schema_run, *self._skipped(profile.rule_packs, schema_run)), (finding,))
        schema_run, findings = _check_schema(root, profile, binding)
        if schema_run.state is not RunState.PASSED and not rules_despite_schema:
            return Report((schema_run, *self._skipped(profile.rule_packs, schema_run)), findings)
        runs, broken = self._check_rules(root, profile.rule_packs, binding)
        return Report((schema_run, *runs), (*findings, *broken))

    def warm(self) -> tuple[CheckRun, ...]:
        """Start every process and compile every installed pack; one run for each pack, with what it said."""
        paths = {key: str(pack.path) for key, pack in self.packs.items()}
        runs: dict[str, CheckRun] = {}
        taken = [self._free.get() for _ in self._workers]
        try:
            for worker in taken:
                answer = _ask(worker, paths, b"", max(self._timeout, _WARM_UP))
                runs.update({key: self._run_of(key, answer[key]) for key in paths})
        finally:
            for worker in taken:
                self._free.put(worker)
        return tuple(runs.values())

    def process_ids(self) -> tuple[int, ...]:
        """The worker processes that run now."""
        return tuple(found for worker in self._workers if (found := worker.process_id) is not None)

    def close(self) -> None:
        """End the worker processes, after the checks that are under way; a later check starts them anew."""
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

    def _check_rules(
        self, root: etree._Element, keys: Sequence[str], binding: Binding
    ) -> tuple[tuple[CheckRun, ...], tuple[Finding, ...]]:
        paths = {key: str(self.packs[key].path) for key in keys if key in self.packs}
        answer: dict[str, Any] = {}
        if paths:
            worker = self._free.get()
            try:
                answer = _ask(worker, paths, etree.tostring(root, encoding="UTF-8"), self._timeout)
            finally:
                self._free.put(worker)
        runs: list[CheckRun] = []
        findings: list[Finding] = []
        for key in keys:
            broken = [_finding(entry, root, binding) for entry in answer.get(key, {}).get("failed", ())]
            fatal = any(finding.severity is Severity.FATAL for finding in broken)
            runs.append(self._run_of(key, answer.get(key, {}), failed=fatal))
            findings.extend(broken)
        return tuple(runs), tuple(findings)

    def _run_of(self, key: str, answer: Mapping[str, Any], *, failed: bool = False) -> CheckRun:
        pack = self.packs.get(key)
        if pack is None:
            title = KNOWN[key].title if key in KNOWN else key
            return CheckRun(title, "", RunState.NOT_RUN, f"the rules {key} are not installed")
        if "failed" not in answer:
            note = f"the official rules could not be run: {answer.get('error', 'no answer')}"
            return CheckRun(pack.title, pack.release, RunState.NOT_RUN, note)
        state = RunState.FAILED if failed else RunState.PASSED
        return CheckRun(pack.title, pack.release, state, pack.superseded)

    def _skipped(self, keys: Sequence[str], schema: CheckRun) -> tuple[CheckRun, ...]:
        why = "failed" if schema.state is RunState.FAILED else "could not be run"
        note = f"the schema check {why}, and business rules need a document that keeps to the schema"
        return tuple(
            CheckRun(pack.title, pack.release, RunState.NOT_RUN, note)
            if (pack := self.packs.get(key))
            else self._run_of(key, {})
            for key in keys
        )


def _check_schema(
    root: etree._Element, profile: Profile, binding: Binding
) -> tuple[CheckRun, tuple[Finding, ...]]:
    known = xsd.SCHEMAS[profile.syntax]
    name = etree.QName(root).localname
    if name not in known.files:
        text = f"the document is {name[:60]!r}; {profile.title} is one of {', '.join(known.files)}"
        return (
            CheckRun(known.title, known.release, RunState.FAILED),
            (Finding("XSD", Severity.FATAL, text, f"/{name}"),),
        )
    schema = xsd.load(profile.syntax, name)
    if schema is None:
        note = f"the schema is not installed: install the Python package {known.package}"
        return CheckRun(known.title, known.release, RunState.NOT_RUN, note), ()
    findings = schema.check(root, binding)
    return CheckRun(known.title, known.release, RunState.FAILED if findings else RunState.PASSED), findings


def _ask(worker: Worker, paths: dict[str, str], document: bytes, timeout: float) -> dict[str, Any]:
    """The worker's answer; a process that died gets a second chance, an error stands for each pack after
    it."""
    for last in (False, True):
        try:
            return worker.ask(paths, document, timeout)
        except WorkerFailed as error:
            if last or not error.again:
                return {key: {"error": error.why} for key in paths}
    return {}


def _finding(entry: Mapping[str, str], root: etree._Element, binding: Binding) -> Finding:
    location = readable_location(root, entry["location"])
    named = (*_TERM.findall(entry["text"]), *binding.explain(location))
    severity = Severity.FATAL if entry["flag"] in ("fatal", "error") else Severity.WARNING
    return Finding(entry["rule"], severity, entry["text"], location, tuple(dict.fromkeys(named)))

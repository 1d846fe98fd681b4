"""check(): it reads only, says what it saw, and names the step that fails instead of raising."""

from __future__ import annotations

import json
from typing import Final

from connectors.conformance.bench import Bench
from connectors.conformance.outcome import Behaviour, NotApplicable, insist

__all__ = ["BEHAVIOURS"]


def well(bench: Bench) -> None:
    bench.trial.add(1)
    before = _holdings(bench)
    steps = list(bench.connector().check())
    insist(bool(steps), "check() tries nothing")
    failed = [step for step in steps if not step.ok]
    insist(not failed, f"check() fails on a healthy system: {failed[:1]}")
    mute = [step.name for step in steps if not step.name or not step.seen]
    insist(not mute, f"these steps do not say what was seen: {mute}")
    insist(_holdings(bench) == before, "check() changed something at the other side")


def down(bench: Bench) -> None:
    connector = bench.connector()
    bench.system.stop()
    steps = list(connector.check())
    failed = [step for step in steps if not step.ok]
    insist(bool(failed), "check() finds nothing wrong with a system that is down")
    insist(bool(failed[0].seen and failed[0].fix), f"the step {failed[0].name} does not say what to do")
    insist(not steps[-1].ok, "check() goes on after a step that makes the next ones pointless")


def wrong_secret(bench: Bench) -> None:
    secrets = bench.system.secrets()
    if not secrets:
        raise NotApplicable("This system asks for no secret.")
    wrong = dict.fromkeys(secrets, "a-wrong-secret")
    steps = list(bench.connector(lambda reference: wrong[reference.removeprefix("file:secrets/")]).check())
    failed = [step for step in steps if not step.ok]
    insist(bool(failed), "check() does not notice that every secret is wrong")
    insist(bool(failed[0].fix), f"the step {failed[0].name} does not say what to do")
    text = " ".join(f"{step.seen} {step.fix}" for step in steps)
    insist("a-wrong-secret" not in text, "check() shows the secret")


def _holdings(bench: Bench) -> str:
    return json.dumps(bench.system.holdings(), default=str, sort_keys=True)


BEHAVIOURS: Final = (
    Behaviour("check reads only", "each step says what it saw, and nothing is left behind", well),
    Behaviour("check of a dead system", "the step that fails is named with what to do", down),
    Behaviour("check with wrong secrets", "the step that fails is named, the secret is not", wrong_secret),
)

"""Changes: a corrected invoice comes again, our own status does not, a late clock hides nothing, and one
broken document holds up nobody."""

from __future__ import annotations

from typing import Final

from connectors.base import DeliveryState
from connectors.conformance.bench import Bench
from connectors.conformance.outcome import Behaviour, NotApplicable, insist

__all__ = ["BEHAVIOURS"]


def changed(bench: Bench) -> None:
    keys = bench.trial.add(3)
    before = bench.read_on("", set(keys), acknowledge=True)
    bench.trial.change(keys[1])
    after = bench.read_on(before.cursor, {keys[1]}, acknowledge=True)
    insist(
        after.contents[keys[1]] != before.contents[keys[1]],
        "a corrected invoice came again as if nothing had changed",
    )


def no_echo(bench: Bench) -> None:
    (key,) = bench.trial.add(1)
    before = bench.read_on("", {key}, acknowledge=True)
    document = next(one for one in before.documents if one.key == key)
    bench.write(bench.news(document, DeliveryState.ACCEPTED_FOR_TRANSPORT))
    bench.write(bench.news(document))
    after = bench.pull(before.cursor, acknowledge=True)
    insist(after.error is None, f"reading after our own writing failed: {after.error}")
    came = after.contents.get(key)
    insist(
        came in (None, before.contents[key]),
        "the status that we wrote makes the invoice look changed; leave it out of the fingerprint",
    )


def late_clock(bench: Bench) -> None:
    first = set(bench.trial.add(2))
    before = bench.read_on("", first, acknowledge=True)
    if not bench.trial.set_clock_back(600):
        raise NotApplicable("The other side's clock has no part in what is read.")
    later = set(bench.trial.add(3))
    bench.read_on(before.cursor, later, acknowledge=True)


def malformed(bench: Bench) -> None:
    before = set(bench.trial.add(2))
    broken = bench.trial.break_one()
    after = set(bench.trial.add(2))
    pulled = bench.read_on("", before | after)
    seen = [f"{one.key} {one.origin}" for one in pulled.documents]
    seen += [f"{one.key} {one.origin}" for one in pulled.rejected]
    insist(
        any(broken in text for text in seen),
        f"the broken document {broken} was passed over in silence: give it as it is, or as rejected",
    )
    for one in pulled.rejected:
        insist(bool(one.problem.what and one.problem.fix), f"{one.key} is rejected without a reason")


BEHAVIOURS: Final = (
    Behaviour("changed invoice", "a corrected invoice comes again, with another content", changed),
    Behaviour("no echo", "what we write back does not make the invoice look changed", no_echo),
    Behaviour("clock skew", "invoices come also when the other side's clock is late", late_clock),
    Behaviour("malformed document", "it is shown to people, and the others come", malformed),
)

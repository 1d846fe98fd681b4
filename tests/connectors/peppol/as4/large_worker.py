"""python -m tests.connectors.peppol.as4.large_worker FOLDER MEBIBYTES: one large message, sent and received.

Prints as JSON how much the peak of memory grew over that of a small message.
"""

from __future__ import annotations

import hashlib
import json
import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from connectors.channels.peppol.as4 import ReceivedMessage, Verdict
from tests.connectors.peppol.as4.world import Network, key_of
from tests.connectors.peppol.authorities import World

MEBIBYTE = 1024 * 1024


class Hashing:
    """An inbox that reads the payload as a gateway would, in pieces."""

    digest = ""
    size = 0

    def take(self, message: ReceivedMessage, receipt: bytes, /) -> bytes:
        assert message.payload is not None
        digest = hashlib.sha256()
        for piece in message.payload.chunks():
            digest.update(piece)
        self.digest, self.size = digest.hexdigest(), message.payload.size
        return receipt


def pieces(count: int) -> Iterator[bytes]:
    """Text that packs to little more than half."""
    for number in range(count):
        yield hashlib.shake_256(str(number).encode()).hexdigest(MEBIBYTE // 2).encode()


def peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main() -> None:
    folder, size = Path(sys.argv[1]), int(sys.argv[2])
    world = World.made()
    a, b = (key_of(world.access_points.issue(seat)) for seat in ("POP000001", "POP000002"))
    inbox = Hashing()
    network = Network(folder, world, a, b, inbox=inbox)  # type: ignore[arg-type]  # its own inbox
    for number, mebibytes in enumerate((1, size)):
        sent = hashlib.sha256()
        for piece in pieces(mebibytes):
            sent.update(piece)
        before, started = peak(), time.perf_counter()
        with network.prepare(pieces(mebibytes), message_id=f"m-{number}@a.example") as prepared:
            outcome = network.judge(prepared, network.answer(prepared))
            transferred = prepared.size
        assert outcome.verdict is Verdict.DELIVERED, outcome.what
        assert (inbox.digest, inbox.size) == (sent.hexdigest(), mebibytes * MEBIBYTE)
        seconds = time.perf_counter() - started
    result = {
        "payload_mb": size,
        "transferred_mb": round(transferred / MEBIBYTE, 1),
        "growth_mb": round((peak() - before) / MEBIBYTE, 1),
        "peak_mb": round(peak() / MEBIBYTE),
        "seconds": round(seconds, 1),
        "left_behind": len(list(folder.iterdir())),
    }
    sys.stdout.write(json.dumps(result))


if __name__ == "__main__":
    main()

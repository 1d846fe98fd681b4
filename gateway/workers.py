"""Who is working: the name of this process, and which others on this machine are gone."""

from __future__ import annotations

import os
import socket
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Final

__all__ = ["THIS_WORKER", "gone"]

_HOST: Final = socket.gethostname()
THIS_WORKER: Final = f"{_HOST}/{os.getpid()}/{uuid.uuid4().hex[:8]}"


def gone(workers: Iterable[str]) -> list[str]:
    """Those of this machine whose process has ended; of other machines nothing is known here."""
    return [worker for worker in workers if not worker.startswith(THIS_WORKER) and _ended(worker)]


def _ended(worker: str) -> bool:
    host, _, rest = worker.partition("/")
    process = rest.partition("/")[0]
    if host != _HOST or not process.isdigit():
        return False
    if int(process) == os.getpid():
        return True  # the same number in an earlier life, as in a restarted container
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return _is_zombie(process)


def _is_zombie(process: str) -> bool:
    status = Path(f"/proc/{process}/stat")
    try:
        return status.read_text().rpartition(")")[2].split()[0] == "Z"
    except (OSError, IndexError):
        return False

"""The engine's end of one worker process: start it, ask it, end it when it is too slow."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from typing import IO, Any, Final

from gateway.rules.frames import read_frame, write_frame

__all__ = ["Worker", "WorkerFailed"]

_KEPT_VARIABLES: Final = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "SYSTEMROOT", "LD_LIBRARY_PATH")
_LONGEST_ERROR_FILE: Final = 64 * 1024


class WorkerFailed(Exception):
    """The worker gave no answer; `again` says that another try may succeed."""

    def __init__(self, why: str, *, again: bool) -> None:
        super().__init__(why)
        self.why = why
        self.again = again


class Worker:
    """One process, started on the first request and again after it died. Not for several threads at once."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._errors: IO[bytes] | None = None
        # For what the process copies; ours, since the process is ended without a word.
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    @property
    def process_id(self) -> int | None:
        """The id of the running process, None when there is none."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    def ask(self, packs: Mapping[str, tuple[str, str]], document: bytes, timeout: float) -> dict[str, Any]:
        """The answer for each pack (its style sheet, and the folder that this may refer into). Raises
        WorkerFailed after `timeout` seconds or when the process ends."""
        process = self._running()
        if process.stdin is None or process.stdout is None:  # both are pipes, as `_running` opens them
            raise WorkerFailed("the rules process has no pipes", again=False)
        late = threading.Event()
        watch = threading.Timer(timeout, self._end_late, (process, late))
        watch.daemon = True
        watch.start()
        try:
            write_frame(process.stdin, json.dumps({"packs": packs}).encode())
            write_frame(process.stdin, document)
            answer = read_frame(process.stdout)
        except OSError:
            answer = None
        finally:
            watch.cancel()
        if answer is None:
            why = f"gave no answer within {timeout:g} seconds" if late.is_set() else self._last_words(process)
            self.close()
            raise WorkerFailed(f"the rules process {why}", again=not late.is_set())
        self._trim_errors()
        found: dict[str, Any] = json.loads(answer)
        if "unusable" in found:
            self.close()
            raise WorkerFailed(str(found["unusable"]), again=False)
        return found

    def close(self) -> None:
        """End the process, if one runs; the next request starts another."""
        process, self._process = self._process, None
        if process is not None:
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    _close_quietly(pipe)
            process.kill()
            process.wait()
        errors, self._errors = self._errors, None
        if errors is not None:
            errors.close()
        folder, self._folder = self._folder, None
        if folder is not None:
            folder.cleanup()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self.close()
            # The native runtime reports on stderr in its own ways; a file takes it all without being read.
            self._errors = tempfile.TemporaryFile("a+b")  # noqa: SIM115  # closed with the process
            self._folder = tempfile.TemporaryDirectory(prefix="rules-", ignore_cleanup_errors=True)
            environment = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
            environment["GATEWAY_RULES_FOLDER"] = self._folder.name
            environment["TZ"] = "UTC"  # rules that ask for today's date mean the day that the gateway means
            environment["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
            self._process = subprocess.Popen(
                [sys.executable, "-m", "gateway.rules.saxon_worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                env=environment,
                start_new_session=True,  # an interrupt at the keyboard is the gateway's to handle
            )
        return self._process

    @staticmethod
    def _end_late(process: subprocess.Popen[bytes], late: threading.Event) -> None:
        late.set()
        process.kill()

    def _last_words(self, process: subprocess.Popen[bytes]) -> str:
        try:
            code: int | None = process.wait(timeout=2)
        except subprocess.TimeoutExpired:
            code = None
        text = b""
        if self._errors is not None:
            size = self._errors.seek(0, os.SEEK_END)
            self._errors.seek(max(0, size - 2_000))
            text = self._errors.read()
        lines = [line.strip() for line in text.decode("utf-8", errors="replace").splitlines() if line.strip()]
        return f"ended with code {code}" + (f": {lines[-1][:200]}" if lines else "")

    def _trim_errors(self) -> None:
        if self._errors is not None and self._errors.seek(0, os.SEEK_END) > _LONGEST_ERROR_FILE:
            self._errors.truncate(0)


def _close_quietly(pipe: IO[bytes]) -> None:
    """A pipe to a process that died may refuse its last bytes; they are of no use any more."""
    try:
        pipe.close()
    except OSError:
        return

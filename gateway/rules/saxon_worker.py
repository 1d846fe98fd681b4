"""The process in which Saxon runs the official rules: `python -m gateway.rules.saxon_worker`.

Saxon's native runtime reserves 32 GiB of address space, holds the interpreter lock while it works, and ends
its process rather than raising an error when something is wrong, so it never shares a process with the
gateway.

Protocol: frames on stdin and stdout (`frames.py`). A request is two frames: JSON `{"packs": {key: path}}` and
the document (empty: only compile). The answer is one frame of JSON, for each pack either
`{"failed": [...]}` or `{"error": "..."}`. Documents come from the engine, which has parsed them without DTD.
"""

from __future__ import annotations

import json
import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO, Final

from formats.errors import MalformedDocument
from gateway.rules.frames import read_frame, write_frame
from gateway.rules.svrl import FailedRule, read_report

__all__ = ["NEEDED_ADDRESS_SPACE", "address_space_problem", "run"]

NEEDED_ADDRESS_SPACE: Final = 36 * 1024**3


def address_space_problem() -> str:
    """Why Saxon cannot start under the limits of this process, "" if it can."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return ""
    soft, _ = resource.getrlimit(resource.RLIMIT_AS)
    if soft == resource.RLIM_INFINITY or soft >= NEEDED_ADDRESS_SPACE:
        return ""
    return (
        f"the address space of this process is limited to {soft // 1024**2} MiB; the rules engine reserves "
        f"{NEEDED_ADDRESS_SPACE // 1024**3} GiB of it without using it: lift the limit (ulimit -v unlimited)"
    )


class _Rules:
    """The compiled style sheets; each is compiled once."""

    def __init__(self) -> None:
        saxon = import_module("saxonche")  # after the check of the limits; it has no types to import
        self.error: type[Exception] = saxon.PySaxonApiError
        self._saxon = saxon.PySaxonProcessor(license=False)
        # No protocol at all: style sheets are handed over as text, and nothing they or a document name is
        # read.
        self._saxon.set_configuration_property("http://saxon.sf.net/feature/allowedProtocols", "")
        self._compiler = self._saxon.new_xslt30_processor()
        self._compiled: dict[str, Any] = {}

    def compile(self, path: str) -> Any:
        if path not in self._compiled:
            text = Path(path).read_text(encoding="utf-8")
            self._compiled[path] = self._compiler.compile_stylesheet(stylesheet_text=text)
        return self._compiled[path]

    def parse(self, document: bytes) -> Any:
        return self._saxon.parse_xml(xml_text=document.decode("utf-8"))

    def run(self, path: str, node: Any) -> list[FailedRule]:
        report = self.compile(path).transform_to_string(xdm_node=node)
        return read_report(report.encode("utf-8"))


def run(requests: BinaryIO, answers: BinaryIO) -> None:
    """Serve requests until the engine closes the pipe."""
    if problem := address_space_problem():
        if read_frame(requests) is not None:
            write_frame(answers, json.dumps({"unusable": problem}).encode())
        return
    rules = _Rules()
    while (header := read_frame(requests)) is not None:
        document = read_frame(requests)
        if document is None:
            return
        packs: dict[str, str] = json.loads(header)["packs"]
        write_frame(answers, json.dumps(_answer(rules, packs, document)).encode())


def _answer(rules: _Rules, packs: dict[str, str], document: bytes) -> dict[str, Any]:
    answer: dict[str, Any] = {}
    node = None
    for key, path in packs.items():
        # What stops one pack is that pack's answer and never a pass; anything else ends the process, seen
        # too.
        try:
            rules.compile(path)
            if document and node is None:
                node = rules.parse(document)
            answer[key] = {"failed": rules.run(path, node) if document else []}
        except (rules.error, OSError, RuntimeError, ValueError, MalformedDocument) as error:
            answer[key] = {"error": " ".join(str(error).split())[:1_000] or type(error).__name__}
    return answer


def main() -> None:
    # The binding may print; the pipe to the engine is moved out of its way.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    run(sys.stdin.buffer, answers)


if __name__ == "__main__":
    main()

"""The process in which Saxon runs the official rules: `python -m gateway.rules.saxon_worker`.

Saxon's native runtime reserves 32 GiB of address space, holds the interpreter lock while it works, and ends
its process rather than raising an error when something is wrong, so it never shares a process with the
gateway.

Protocol: frames on stdin and stdout (`frames.py`). A request is two frames: JSON `{"packs": {key: [path,
root]}}` (`root` is the folder that the style sheet may refer into, "" for its own) and the document (empty:
only compile). The answer is one frame of JSON, for each pack either `{"failed": [...]}` or `{"error":
"..."}`. Documents come from the engine, which has parsed them without DTD.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO, Final

from formats.errors import ConfigError, MalformedDocument
from gateway.rules.frames import read_frame, write_frame
from gateway.rules.packs import read_loose
from gateway.rules.reach import pack_reaches_outside
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


class _Saxon:
    """A processor and the style sheets compiled by it; each is compiled once."""

    def __init__(self, saxon: Any, protocols: str) -> None:
        self._processor = saxon.PySaxonProcessor(license=False)
        self._processor.set_configuration_property("http://saxon.sf.net/feature/allowedProtocols", protocols)
        self._compiler = self._processor.new_xslt30_processor()
        self._document: tuple[bytes, Any] = b"", None

    def compile(self, **source: str) -> Any:
        return self._compiler.compile_stylesheet(**source)

    def parse(self, document: bytes) -> Any:
        """The document; the last one is kept, since several packs judge it."""
        if self._document[0] is not document:
            self._document = document, self._processor.parse_xml(xml_text=document.decode("utf-8"))
        return self._document[1]


class _Rules:
    """The style sheets in use.

    That none can touch other files than its own is made sure first. One of a single file is handed over as
    text and may read nothing at all; one with code list files is copied with exactly these into a temporary
    folder, and may read files.
    """

    def __init__(self, folder: Path) -> None:
        self._module = import_module("saxonche")  # after the check of the limits; it has no types to import
        self.error: type[Exception] = self._module.PySaxonApiError
        self._folder = folder
        self._closed = _Saxon(self._module, "")
        self._reading: _Saxon | None = None
        self._compiled: dict[tuple[str, str], tuple[_Saxon, Any]] = {}

    def compile(self, path: str, root: str) -> tuple[_Saxon, Any]:
        key = path, root
        if key not in self._compiled:
            artefact = read_loose(Path(path), Path(root) if root else None)
            if problem := pack_reaches_outside(artefact.files):
                raise ValueError(
                    f"Saxon is not given this style sheet, for it could touch other files: {problem}"
                )
            if len(artefact.files) == 1:
                text = artefact.files[artefact.name].decode("utf-8-sig")
                self._compiled[key] = self._closed, self._closed.compile(stylesheet_text=text)
            else:
                main = self._copied(artefact.name, artefact.files)
                self._reading = self._reading or _Saxon(self._module, "file")
                self._compiled[key] = self._reading, self._reading.compile(stylesheet_file=str(main))
        return self._compiled[key]

    def run(self, path: str, root: str, document: bytes) -> list[FailedRule]:
        saxon, style_sheet = self.compile(path, root)
        report = style_sheet.transform_to_string(xdm_node=saxon.parse(document))
        return read_report(report.encode("utf-8"))

    def _copied(self, main: str, files: Mapping[str, bytes]) -> Path:
        """A folder of its own with the pack's files; the main one in it."""
        folder = self._folder / str(len(self._compiled))
        for name, content in files.items():
            copy = folder / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(content)
        return folder / main


def run(requests: BinaryIO, answers: BinaryIO, folder: Path) -> None:
    """Serve requests until the engine closes the pipe. `folder` is an empty one of its own, which the engine
    removes."""
    if problem := address_space_problem():
        if read_frame(requests) is not None:
            write_frame(answers, json.dumps({"unusable": problem}).encode())
        return
    rules = _Rules(folder)
    while (header := read_frame(requests)) is not None:
        document = read_frame(requests)
        if document is None:
            return
        packs: dict[str, tuple[str, str]] = json.loads(header)["packs"]
        write_frame(answers, json.dumps(_answer(rules, packs, document)).encode())


def _answer(rules: _Rules, packs: dict[str, tuple[str, str]], document: bytes) -> dict[str, Any]:
    answer: dict[str, Any] = {}
    for key, (path, root) in packs.items():
        # What stops one pack is that pack's answer and never a pass; anything else ends the process, seen
        # too.
        try:
            rules.compile(path, root)
            answer[key] = {"failed": rules.run(path, root, document) if document else []}
        except (rules.error, OSError, RuntimeError, ValueError, ConfigError, MalformedDocument) as error:
            answer[key] = {"error": " ".join(str(error).split())[:1_000] or type(error).__name__}
    return answer


def main() -> None:
    # The binding may print; the pipe to the engine is moved out of its way.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    run(sys.stdin.buffer, answers, Path(os.environ["GATEWAY_RULES_FOLDER"]).resolve())


if __name__ == "__main__":
    main()

"""YAML files checked against a schema, with file, line and remedy for everything that is wrong in them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.parser import ParserError
from ruamel.yaml.scanner import ScannerError

from formats.errors import ConfigError

__all__ = ["ConfigProblems", "Stamp", "load", "place", "plain", "stamp", "validated"]

_Model = TypeVar("_Model", bound=BaseModel)
_LARGEST: Final = 1024 * 1024
_FOLDERS: Final = (
    "",
    "channels",
    "companies",
    "keys",
    "mappings",
    "mappings/tables",
    "sources",
    "webhooks",
)

# Of each file when it was written (nanoseconds) and its size in bytes.
Stamp = Mapping[str, tuple[int, int]]


class ConfigProblems(ConfigError):
    """Everything that is wrong in a config folder, not only the first thing."""

    def __init__(self, problems: Sequence[ConfigError]) -> None:
        first = problems[0]
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        super().__init__(first.what + more, where=first.where, fix=first.fix)
        self.problems = tuple(problems)


def stamp(folder: Path) -> Stamp:
    """What tells whether a file of a config folder was written, came or went."""
    found: dict[str, tuple[int, int]] = {}
    for name in _FOLDERS:
        for file in (folder / name).glob("*.y*ml"):
            try:
                known = file.stat()
            except FileNotFoundError:  # gone since it was listed
                continue
            found[str(file)] = known.st_mtime_ns, known.st_size
    return found


def load(file: Path) -> CommentedMap:
    """The mapping at the top of a YAML file. Raises ConfigError."""
    try:
        if file.stat().st_size > _LARGEST:
            raise ConfigError("the file is larger than 1 MiB", where=str(file), fix="is this the right file?")
        data = YAML(typ="rt").load(file.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(
            f"the file cannot be read: {error.strerror}",
            where=str(file),
            fix="gateway init writes a working one",
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigError("the file is not UTF-8", where=str(file), fix="save it as UTF-8") from error
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        # From None: the reader's own text may quote the line, perhaps a secret.
        raise ConfigError(
            _reading_problem(error), where=f"{file}, line {line}", fix="mend the YAML there"
        ) from None
    except (YAMLError, ValueError, RecursionError):
        raise ConfigError("this is not YAML", where=str(file), fix="mend the YAML") from None
    if data is None:
        return CommentedMap()  # everything in it is left out or commented out
    if not isinstance(data, CommentedMap):
        raise ConfigError(
            "there are no settings in it", where=str(file), fix="gateway init writes a working one"
        )
    return data


def _reading_problem(error: MarkedYAMLError) -> str:
    """What is wrong with the YAML, in words that hold no value of the file."""
    if isinstance(error, DuplicateKeyError):
        return "a setting stands there twice"
    if isinstance(error, ScannerError | ParserError) and error.problem:
        return f"this is not YAML: {error.problem}"
    return "this is not YAML: a text that begins with * & ! @ or % must stand in quotes"


def validated(model: type[_Model], data: CommentedMap, file: Path, *, under: Sequence[str] = ()) -> _Model:
    """`data` (or the part `under` it) as `model`. Raises ConfigProblems with each mistake and its line."""
    part: Any = data
    for step in under:
        part = part.get(step, {})
    try:
        return model.model_validate(plain(part))
    except ValidationError as error:
        problems = []
        for mistake in error.errors(include_url=False, include_input=False):
            path = (*under, *mistake["loc"])
            name = ".".join(str(step) for step in path) or "the file"
            what, fix = _words(name, mistake["type"], mistake["msg"], _description(model, mistake["loc"]))
            problems.append(ConfigError(what, where=place(file, data, path), fix=fix))
        raise ConfigProblems(problems) from None  # pydantic's own text could show the value, perhaps a secret


def place(file: Path, data: Any, path: Sequence[str | int]) -> str:
    """Where a setting stands: file and line; the line of what holds it, where it is missing."""
    return f"{file}, line {_line(data, path)}"


def _words(name: str, kind: str, message: str, description: str) -> tuple[str, str]:
    if kind == "missing":
        return f"{name} is missing", f"write {name}: {description}" if description else "add it"
    if kind == "extra_forbidden":
        return f"{name} is not a setting", "check the spelling, or remove it"
    if kind == "string_pattern_mismatch":
        message = "it is not written as it must be"
    message = message.removeprefix("Value error, ").removeprefix("Input ")
    return f"{name}: {message[:1].lower()}{message[1:]}", description or "correct it"


def _description(model: type[BaseModel], path: Iterable[str | int]) -> str:
    """What the innermost setting on the way is for."""
    found, within = "", [model]
    for step in path:
        field = next((one.model_fields[step] for one in within if step in one.model_fields), None)
        if field is not None:
            found, within = field.description or found, list(_models(field.annotation))
    return found


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models that a field can hold: itself, in a union, in a tuple."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models(inner)


def plain(value: Any) -> Any:
    """Without the comments and positions that the YAML reader keeps."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, str):
        return str(value)
    if isinstance(value, bool) or value is None:
        return value
    return float(value) if isinstance(value, float) else value


def _line(data: Any, path: Sequence[str | int]) -> int:
    line = 1
    for step in path:
        if not isinstance(data, CommentedMap | CommentedSeq) or not data.lc.data:
            break
        position = data.lc.data.get(step)
        if position is None:
            break
        line = position[0] + 1
        data = data[step]
    return line

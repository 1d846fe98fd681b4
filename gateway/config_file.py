"""YAML files checked against a schema, with file, line and remedy for everything that is wrong in them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from formats.errors import ConfigError

__all__ = ["ConfigProblems", "load", "plain", "validated"]

_Model = TypeVar("_Model", bound=BaseModel)
_LARGEST: Final = 1024 * 1024


class ConfigProblems(ConfigError):
    """Everything that is wrong in a config folder, not only the first thing."""

    def __init__(self, problems: Sequence[ConfigError]) -> None:
        first = problems[0]
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        super().__init__(first.what + more, where=first.where, fix=first.fix)
        self.problems = tuple(problems)


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
        raise ConfigError(
            f"{error.problem or 'this is not YAML'}", where=f"{file}, line {line}", fix="mend the YAML there"
        ) from error
    except YAMLError as error:
        raise ConfigError("this is not YAML", where=str(file), fix="mend the YAML") from error
    if not isinstance(data, CommentedMap):
        raise ConfigError(
            "there are no settings in it", where=str(file), fix="gateway init writes a working one"
        )
    return data


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
            problems.append(ConfigError(what, where=f"{file}, line {_line(data, path)}", fix=fix))
        raise ConfigProblems(problems) from None  # pydantic's own text could show the value, perhaps a secret


def _words(name: str, kind: str, message: str, description: str) -> tuple[str, str]:
    if kind == "missing":
        return f"{name} is missing", description or "add it"
    if kind == "extra_forbidden":
        return f"{name} is not a setting", "check the spelling, or remove it"
    return f"{name}: {message[:1].lower()}{message[1:]}", description or "correct it"


def _description(model: type[BaseModel], path: Iterable[str | int]) -> str:
    names = [step for step in path if isinstance(step, str)]
    field = model.model_fields.get(names[0]) if names else None
    return (field.description or "") if field else ""


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

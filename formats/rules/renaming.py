"""Giving variables other names, and putting parts of expressions in place of others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

from formats.rules import ast
from formats.rules.ast import Expression

__all__ = ["rebuilt", "renamed"]


def rebuilt(value: Any, change: Callable[[Any], Any]) -> Any:
    """An expression with each part for which `change` gives something (not None) replaced by that."""
    changed = change(value)
    if changed is not None:
        return changed
    if isinstance(value, tuple):
        return tuple(rebuilt(part, change) for part in value)
    if is_dataclass(value) and not isinstance(value, type):
        parts = {field.name: rebuilt(getattr(value, field.name), change) for field in fields(value)}
        if any(parts[field.name] != getattr(value, field.name) for field in fields(value)):
            return replace(value, **parts)
    return value


def renamed(expression: Expression, names: Mapping[str, str]) -> Expression:
    """The expression with its free variables called otherwise; names bound inside hide outer ones."""

    def change(part: Any) -> Any:
        match part:
            case ast.Variable(name) if name in names:
                return ast.Variable(names[name])
            case ast.Loop(kind, bindings, body):
                left, done = dict(names), []
                for name, value in bindings:
                    done.append((name, renamed(value, left)))
                    left.pop(name, None)
                return ast.Loop(kind, tuple(done), renamed(body, left))
        return None

    result: Expression = rebuilt(expression, change)
    return result

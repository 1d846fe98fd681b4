"""A second look at generated code: nothing but our own names, literals and harmless attributes.

The compiler writes no published text except as literals; this finds a mistake in that before the code is run.
"""

from __future__ import annotations

import ast
import re
from typing import Final

__all__ = ["check_source"]

_OWN: Final = re.compile(r"[a-zA-Z][0-9]+")
_FIXED: Final = frozenset(
    ("S", "n", "nodes", "hit", "error", "x", "FORMAT", "LAZY", "ASSERTS", "RULES", "DOUBTS")
)
_ATTRIBUTES: Final = frozenset(
    [
        "a",
        "c",
        "d",
        "e",
        "i",
        "k",
        "p",
        "s",
        "t",
        "all",
        "node",
        "now",
        "get",
        "tagged",
        "has_attribute",
        "leads",
        "leads_to",
        "spend",
        "start",
        "apart",
        "over",
        "far",
        "words",
        "startswith",
        "endswith",
        "upper",
        "lower",
        "el",
    ]
)
_ALLOWED: Final = (
    ast.Module, ast.FunctionDef, ast.arguments, ast.arg, ast.Return, ast.Assign, ast.Expr, ast.If, ast.Try,
    ast.ExceptHandler, ast.For, ast.Lambda,
    ast.NamedExpr, ast.Call, ast.Name, ast.Load, ast.Store, ast.Attribute, ast.Constant,
    ast.Tuple, ast.List, ast.Dict, ast.Starred, ast.Subscript, ast.Slice, ast.BoolOp, ast.And, ast.Or,
    ast.UnaryOp,
    ast.Not, ast.USub, ast.BinOp, ast.Add, ast.Sub, ast.Mult, ast.Compare, ast.Eq, ast.NotEq, ast.Lt,
    ast.LtE, ast.Gt,
    ast.GtE, ast.In, ast.Is, ast.IsNot, ast.IfExp, ast.ListComp, ast.GeneratorExp, ast.comprehension,
)  # fmt: skip


def check_source(source: str, runtime_names: frozenset[str]) -> None:
    """Raises ValueError for generated code with a name, attribute or statement that it has no business
    with."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, _ALLOWED):
            raise ValueError(f"{type(node).__name__} in generated code")
        if (
            isinstance(node, ast.Assign)
            and isinstance(node.targets[0], ast.Name)
            and node.targets[0].id == "DOUBTS"
        ):
            for source_of_one in ast.literal_eval(node.value).values():
                check_source(source_of_one, runtime_names)
        if isinstance(node, ast.Attribute) and node.attr not in _ATTRIBUTES:
            raise ValueError(f"the attribute {node.attr} in generated code")
        name = node.id if isinstance(node, ast.Name) else node.arg if isinstance(node, ast.arg) else None
        if name is not None and not (name in _FIXED or _OWN.fullmatch(name) or name in runtime_names):
            raise ValueError(f"the name {name} in generated code")

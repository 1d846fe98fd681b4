"""One of many values, in one parameter: a statement with a thousand parameters takes longer to read than to
answer."""

from __future__ import annotations

import json
from collections.abc import Sequence

from sqlalchemy import ARRAY, ColumnElement, Connection, String, any_, column, func, literal, select

__all__ = ["one_of"]


def one_of(connection: Connection, name: ColumnElement[str], values: Sequence[str]) -> ColumnElement[bool]:
    """Whether it is one of these texts, in the words of this database."""
    if connection.dialect.name == "postgresql":
        return name == any_(literal(list(values), ARRAY(String)))
    each = func.json_each(literal(json.dumps(list(values)))).table_valued(column("value", String))
    return name.in_(select(each.c.value))

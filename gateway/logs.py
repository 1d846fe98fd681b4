"""Logs: one line an event, with ids, digests and durations; never documents, credentials or bank details."""

from __future__ import annotations

import logging
import sys
import traceback
from typing import TextIO

import structlog

__all__ = ["configure"]


def configure(level: str, form: str) -> None:
    """Log to standard error as `form` "text" or "json", from `level` upwards."""
    render: structlog.typing.Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if form == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=_frames)
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.StackInfoRenderer(),
            *([_named_frames] if form == "json" else []),
            render,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=False,
    )
    # Libraries speak only when something is wrong; their lines could hold addresses or headers.
    logging.basicConfig(level=logging.ERROR, stream=sys.stderr, format="%(name)s: %(message)s")
    for noisy in ("paramiko", "apscheduler", "zeep", "urllib3", "alembic"):
        logging.getLogger(noisy).setLevel(logging.CRITICAL if noisy == "paramiko" else logging.ERROR)


def _frames(stream: TextIO, exc_info: structlog.typing.ExcInfo) -> None:
    """Where a fault was, by files and lines: neither its message nor variables, for both may hold a
    secret."""
    stream.write(_where(exc_info[1]))


def _named_frames(
    _logger: structlog.typing.WrappedLogger, _method: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    fault = event.pop("exc_info", None)
    fault = fault[1] if isinstance(fault, tuple) else fault
    if isinstance(fault, BaseException):
        event["exception"] = _where(fault)
    return event


def _where(fault: BaseException | None) -> str:
    lines: list[str] = []
    while fault is not None:
        frames = traceback.extract_tb(fault.__traceback__)
        lines += [
            f"{type(fault).__qualname__}",
            *(f"  {one.filename}:{one.lineno} {one.name}" for one in frames),
        ]
        fault = fault.__cause__ or (None if fault.__suppress_context__ else fault.__context__)
        if fault is not None:
            lines.append("after")
    return "\n".join(lines)

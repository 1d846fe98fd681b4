"""Files of the user's, written whole or not at all."""

from __future__ import annotations

import uuid
from pathlib import Path

__all__ = ["write_whole"]


def write_whole(file: Path, content: bytes) -> None:
    """The file with this content; what was there stays until all of it is written.

    A name that is no ordinary file (/dev/stdout, a pipe) is written to as it stands. Raises OSError.
    """
    if file.exists() and not file.is_file():
        file.write_bytes(content)
        return
    # Through a link, to the file that it leads to.
    target = file.resolve()
    draft = target.with_name(f".{uuid.uuid4().hex[:12]}.part")
    try:
        with draft.open("xb") as made:
            made.write(content)
        if target.exists():
            draft.chmod(target.stat().st_mode & 0o777)
        draft.replace(target)
    except OSError:
        draft.unlink(missing_ok=True)
        raise

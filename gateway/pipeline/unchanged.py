"""What came as the very e-invoice that its route wants goes out as it came: nothing of it is lost, not even
what EN 16931 has no place for."""

from __future__ import annotations

from formats.detection import detect
from formats.profiles.profile import Profile
from formats.registry import SYNTAXES

__all__ = ["as_it_came"]


def as_it_came(content: bytes, profile: Profile, written: bytes) -> bytes | None:
    """`content`, where it says in the vocabulary and profile of the route what `written` would say; else
    None.

    `written` is our own e-invoice for this route, with all that was decided on the way, such as an address
    from the master data. An invoice in a PDF, or in another encoding than UTF-8, is written anew.
    """
    seen = detect(content)
    if (
        seen.tree is None
        or seen.embedded_name
        or (seen.syntax, seen.profile_key) != (profile.syntax, profile.key)
    ):
        return None
    if (seen.tree.getroottree().docinfo.encoding or "UTF-8").upper() not in ("UTF-8", "ASCII", "US-ASCII"):
        return None
    binding = SYNTAXES[profile.syntax]
    return content if binding.read_tree(seen.tree) == binding.read(written) else None

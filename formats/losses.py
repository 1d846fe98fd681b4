"""What of an invoice does not reach the buyer: what its profile has no room for or says otherwise, and what
its vocabulary cannot say."""

from __future__ import annotations

from formats.model.invoice import Invoice
from formats.profiles.profile import Profile
from formats.registry import SYNTAXES

__all__ = ["losses"]


def losses(invoice: Invoice, prepared: Invoice, profile: Profile) -> tuple[str, ...]:
    """The terms and groups of `invoice` that the document does not carry as they stand, each once.

    `prepared` is what the profile made of it, and what is written. Found by reading back what was written.
    """
    return tuple(dict.fromkeys((*profile.lost(invoice), *SYNTAXES[profile.syntax].losses(prepared))))

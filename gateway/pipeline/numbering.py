"""Numbering: the number that a network knows a file by, used once by whoever transmits it.

It is given before the e-invoice is written, kept on every retry, and never used again: a number that was
given and did not go out stays a gap. Only what was handed over and goes out afresh gets another one.
"""

from __future__ import annotations

from formats.model import Invoice
from formats.profiles.profile import Profile
from gateway.store import file_numbers
from gateway.store.submissions import Submission
from gateway.wiring import Gateway

__all__ = ["numbered"]


def numbered(gateway: Gateway, submission: Submission, profile: Profile, invoice: Invoice) -> Invoice:
    """The invoice as it was, or with the number of its file where the profile's network wants one.

    Committed before it returns; asking again gives the same number.
    """
    numbers = profile.file_numbers
    transmitter = numbers.transmitter(invoice) if numbers else ""
    if numbers is None or not transmitter:
        return invoice  # without a transmitter no file can be written, and its check says so
    with gateway.database.begin() as connection:
        count = file_numbers.give(
            connection,
            submission.id,
            transmitter,
            first=gateway.settings.first_file_numbers.get(transmitter, 1),
            now=gateway.clock(),
        )
    return numbers.numbered(invoice, numbers.text(count))

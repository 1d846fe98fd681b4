"""The invoice as one file for people and machines: readable pages as PDF/A-3b that carry the XML.

Source: Factur-X 1.09.2 / ZUGFeRD 2.5.2. How the XML relates to the pages follows from the country:
Alternative where a German party is concerned, Data in France and for the profiles without lines, Alternative
elsewhere.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Final

from formats.envelopes import pdfa3
from formats.errors import ConfigError
from formats.model.invoice import Invoice
from formats.profiles.facturx import HYBRIDS, Hybrid
from formats.profiles.profile import Profile
from formats.render.appearance import PLAIN, Appearance
from formats.render.pdf import render_pdf

__all__ = ["render_hybrid"]

_UNDATED: Final = date(2000, 1, 1)


def render_hybrid(
    invoice: Invoice,
    document: bytes,
    profile: Profile,
    *,
    language: str = "en",
    appearance: Appearance = PLAIN,
) -> bytes:
    """The PDF/A-3b of an invoice with `document`, its XML under this profile, inside.

    The pages show the whole `invoice`, so also what the profile has no room for. The same arguments always
    give the same bytes; the dates inside are the issue date, midnight UTC. Raises ConfigError for a profile
    that no PDF carries, or one without lines for a seller outside France; MalformedDocument where the pages
    cannot be PDF/A because the fonts lack a character.
    """
    hybrid = HYBRIDS.get(profile.key)
    if hybrid is None:
        raise ConfigError(
            f"no PDF carries {profile.title}", where=profile.key, fix=f"use one of {', '.join(HYBRIDS)}"
        )
    seller, buyer = _country(invoice, "seller"), _country(invoice, "buyer")
    if not hybrid.everywhere and seller != "FR":
        raise ConfigError(
            f"{hybrid.level} has no lines: outside of France it is not an invoice",
            where=profile.key,
            fix="use facturx-basic, facturx-en16931 or facturx-extended",
        )
    pages = render_pdf(invoice, language=language, appearance=appearance, attached_as=hybrid.filename)
    return pdfa3.embed(
        pages,
        document,
        filename=hybrid.filename,
        level=hybrid.level,
        relationship=_relationship(hybrid, seller, buyer),
        at=datetime.combine(invoice.issue_date or _UNDATED, time(), tzinfo=UTC),
    )


def _relationship(hybrid: Hybrid, seller: str, buyer: str) -> pdfa3.Relationship:
    if not hybrid.everywhere:
        return "Data"
    return "Data" if seller == "FR" and buyer != "DE" else "Alternative"


def _country(invoice: Invoice, party: str) -> str:
    said = getattr(invoice, party)
    return (said.address.country or "") if said and said.address else ""

"""A list of which only a part was looked through says so, and goes on."""

from __future__ import annotations

import html
import re
import uuid
from datetime import timedelta

import pytest
from sqlalchemy import insert

from gateway.access.rights import ALL_COMPANIES, Role
from gateway.pipeline.submission import State
from gateway.store import finding, words
from gateway.store.tables import submissions
from tests.gateway.web.conftest import Web


@pytest.fixture
def many(web: Web, monkeypatch: pytest.MonkeyPatch) -> Web:
    """Invoices of two countries, and a gateway that looks through fifty at a time."""
    for name, value in (("_WITH_WORDS", 1), ("_REACHES", (1, 1))):
        monkeypatch.setattr(finding, name, value)
    monkeypatch.setattr(words, "LISTED", 1)
    web.add("marit", {ALL_COMPANIES: Role.FINANCE})
    now = web.gateway.clock()
    with web.gateway.database.begin() as connection:
        for place in range(60):
            series, buyer = ("NL", "Mulder BV") if place % 2 else ("DE", "Müller GmbH")
            row = {
                "id": str(uuid.UUID(int=place)),
                "version": 1,
                "state": State.PAID,
                "source": "sap",
                "source_key": str(place),
                "arrival": place,
                "revision": "1",
                "content_digest": f"{place:064x}",
                "fingerprint": f"{place:064x}",
                "number": f"{series}-{place}",
                "buyer": f"{buyer} {place}" if place > 2 else "NL GmbH",
                "received_at": now - timedelta(days=60 - place),
                "changed_at": now,
            }
            connection.execute(insert(submissions).values(row))
            words.keep(connection, str(row["number"]), str(row["buyer"]))
    return web


def test_nothing_found_in_a_part_is_not_called_nothing(many: Web) -> None:
    page = many.client.get("/invoices?q=nl+gmbh", headers=many.headers("marit")).text
    assert "None found so far" in page
    assert "No invoice fits" not in page
    (further,) = re.findall(r'href="([^"]*after=[^"]*)">Look further</a>', page)
    rest = many.client.get(html.unescape(further), headers=many.headers("marit")).text
    assert all(f">{number}</a>" in rest for number in ("DE-0", "NL-1", "DE-2"))
    assert "Look further" not in rest

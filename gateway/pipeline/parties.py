"""Parties: the buyers' master data kept in step with the ERPs, its changes journaled, and its use in routing.

An electronic address from the master data serves an invoice that has none only where `routing.yaml` says so,
where the buyer is found without doubt, and never while a change of that address waits for a person.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Final

from sqlalchemy import Connection

from connectors.base import PartyPage, ReadsParties
from formats.errors import ConfigError, MalformedDocument
from formats.identifiers import Identifier, electronic_address
from formats.model import Invoice
from gateway.pipeline.submission import Verdict
from gateway.store import documents, journal, parties, submissions
from gateway.store.parties import Change, Party
from gateway.wiring import Gateway

__all__ = ["clear_change", "completed", "pull_parties"]

_LONGEST_ADDRESS: Final = 100


def pull_parties(gateway: Gateway, source: str) -> int:
    """Read the buyers of one ERP that changed; how many facts are different from before. Safe to repeat.

    0 for an ERP whose connector reads none. Raises what the connector raises; pages before are kept.
    """
    connector = gateway.source(source)
    if not isinstance(connector, ReadsParties):
        return 0
    with gateway.database.read() as connection:
        cursor = parties.cursor(connection, source)
    changed = 0
    for page in connector.pull_parties(cursor):
        changed += _store(gateway, source, page)
        cursor = page.cursor
    with gateway.database.begin() as connection:
        parties.read_on(connection, source, cursor, now=gateway.clock())
    return changed


def _store(gateway: Gateway, source: str, page: PartyPage) -> int:
    with gateway.database.begin() as connection:
        now = gateway.clock()
        count = 0
        for record in page.parties:
            found = parties.store(connection, source, record, now=now)
            if found:
                _journal(connection, gateway, found)
                count += len(found)
        if count:
            _look_for_routes(connection, gateway, source)
        parties.read_on(connection, source, page.cursor, now=now)
        return count


def _journal(connection: Connection, gateway: Gateway, found: tuple[Change, ...]) -> None:
    """Old and new of each fact; what they are in full is in the archive, for the journal shows no
    accounts."""
    now = gateway.clock()
    whole = {change.fact: {"old": change.old, "new": change.new} for change in found}
    content = json.dumps(whole, ensure_ascii=False, sort_keys=True, indent=1).encode()
    journal.append(
        connection,
        "master data changed",
        {
            "source": found[0].source,
            "party": found[0].key,
            "changes": {
                change.fact: {
                    "old": parties.masked(change.fact, change.old),
                    "new": parties.masked(change.fact, change.new),
                }
                for change in found
            },
            "flagged": [change.fact for change in found if change.flagged],
            "whole": documents.put(connection, content, "application/json", now=now),
        },
        now=now,
    )


def clear_change(gateway: Gateway, change: Change, *, by: str, reason: str) -> bool:
    """A person has checked a flagged change and says why it is right; False when it was cleared already.

    Raises ConfigError without a name or a reason.
    """
    if not by.strip() or not reason.strip():
        raise ConfigError(
            "a changed bank account or address is cleared by a person, with a reason",
            where=f"{change.source}, {change.key}",
            fix="say who checked it, and how it was confirmed (a call back to a known number, a letter)",
        )
    with gateway.database.begin() as connection:
        now = gateway.clock()
        if not parties.clear(connection, change, by=by.strip(), reason=reason.strip(), now=now):
            return False
        data = {
            "source": change.source,
            "party": change.key,
            "fact": change.fact,
            "new": parties.masked(change.fact, change.new),
            "reason": reason.strip()[:1000],
        }
        journal.append(connection, "master data cleared", data, now=now, actor=by.strip()[:100])
        _look_for_routes(connection, gateway, change.source)
        return True


def _look_for_routes(connection: Connection, gateway: Gateway, source: str) -> None:
    """What had no route may have one now."""
    if source in gateway.settings.address_from_master_data:
        submissions.judge_again(connection, source, Verdict.ROUTE, now=gateway.clock())


def completed(
    connection: Connection, gateway: Gateway, source: str, invoice: Invoice
) -> tuple[Invoice, Party | None]:
    """The invoice with the electronic address (BT-49) that the master data has for its buyer, where it has
    none itself and the configuration allows it; and the buyer it came from."""
    buyer = invoice.buyer
    if source not in gateway.settings.address_from_master_data or buyer is None or buyer.electronic_address:
        return invoice, None
    party = parties.find(
        connection,
        source,
        vat_id=buyer.vat_identifier or "",
        company_id=(buyer.legal_registration.value if buyer.legal_registration else "") or "",
        key=(buyer.identifier.value if buyer.identifier else "") or "",
    )
    address = _address(party.facts.get("electronic_address", "")) if party is not None else None
    if party is None or address is None:
        return invoice, None
    waiting = parties.changes(connection, source=source, key=party.key, waiting=True)
    if any(change.fact == "electronic_address" for change in waiting):
        return invoice, None
    return replace(invoice, buyer=replace(buyer, electronic_address=address)), party


def _address(text: str) -> Identifier | None:
    try:
        return electronic_address(text) if len(text) <= _LONGEST_ADDRESS else None
    except MalformedDocument:
        return None

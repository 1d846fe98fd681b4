"""The tables, by what they are about.

Moments are aware UTC, amounts whole cents, digests SHA-256 in lower-case hex, ids UUIDs as text.
"""

from __future__ import annotations

from gateway.store.tables.alarms import alarm_mails, alarms, counts
from gateway.store.tables.base import metadata
from gateway.store.tables.buyers import buyer_routes, portal_calls, portal_links
from gateway.store.tables.erps import (
    call_windows,
    connector_state,
    failing_sides,
    found_accounts,
    parties,
    party_changes,
    party_cursors,
    postings,
    push_keys,
    sources,
)
from gateway.store.tables.invoices import (
    HAS_VERDICT,
    STANDS_FOR_ANOTHER,
    attempts,
    buyer_words,
    claims,
    document_parts,
    documents,
    number_words,
    payments,
    reports,
    saved_views,
    submissions,
)
from gateway.store.tables.network import exchanges, inbox, invoice_marks, receivers, signals
from gateway.store.tables.people import (
    api_tokens,
    changes,
    grants,
    people,
    recovery_codes,
    sessions,
    sign_in_failures,
    spent_states,
)
from gateway.store.tables.record import journal, journal_head
from gateway.store.tables.signing import file_counters, file_numbers, signatures
from gateway.store.tables.webhooks import webhook_deliveries, webhooks

__all__ = [
    "HAS_VERDICT",
    "STANDS_FOR_ANOTHER",
    "alarm_mails",
    "alarms",
    "api_tokens",
    "attempts",
    "buyer_routes",
    "buyer_words",
    "call_windows",
    "changes",
    "claims",
    "connector_state",
    "counts",
    "document_parts",
    "documents",
    "exchanges",
    "failing_sides",
    "file_counters",
    "file_numbers",
    "found_accounts",
    "grants",
    "inbox",
    "invoice_marks",
    "journal",
    "journal_head",
    "metadata",
    "number_words",
    "parties",
    "party_changes",
    "party_cursors",
    "payments",
    "people",
    "portal_calls",
    "portal_links",
    "postings",
    "push_keys",
    "receivers",
    "recovery_codes",
    "reports",
    "saved_views",
    "sessions",
    "sign_in_failures",
    "signals",
    "signatures",
    "sources",
    "spent_states",
    "submissions",
    "webhook_deliveries",
    "webhooks",
]

"""NetSuite over SuiteQL and REST records, with OAuth 2.0 client credentials: the way for new integrations.

Follows Oracle's SuiteTalk REST web services 2026.1. Changes are found by the moment of the last change and
the internal id; rows are read in bulk by SuiteQL, customers and subsidiaries as records, for only these tell
tax registrations. Status goes into custom fields of the invoice, or into a custom record where the invoice
cannot be changed any more.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final

from connectors.base import (
    CheckStep,
    IncomingPayment,
    OpenInvoice,
    Page,
    PartyPage,
    PartyRecord,
    PaymentState,
    PaymentStatus,
    StatusReport,
    Surroundings,
    WriteBack,
)
from connectors.budget import CallLimit
from connectors.erp.netsuite_rest_bundle import plain
from connectors.erp.netsuite_rest_checks import Checks
from connectors.erp.netsuite_rest_login import Client, Login, OAuth2Login, TokenLogin, TokenSecrets
from connectors.erp.netsuite_rest_queries import Queries
from connectors.erp.netsuite_rest_reading import Around, Reader, is_sendable
from connectors.erp.netsuite_rest_service import NetSuiteRest, Row
from connectors.erp.netsuite_rest_settings import NetSuiteRestSettings
from connectors.erp.netsuite_rest_values import MOMENT, decimal_of, earlier, identifier, split_key, text_of
from connectors.erp.netsuite_rest_writing import Writer
from connectors.erp.netsuite_slots import Patience, slots
from formats.errors import ConfigError

__all__ = ["NetSuiteRestSource"]

_VOID: Final = "V"
_SETTLED: Final = timedelta(seconds=5)
_MOST_REMEMBERED: Final = 2000
_MEBIBYTE: Final = 1024 * 1024


@dataclass(slots=True)
class _Place:
    """The cursor, on the account's clock: the last change seen, and which changes within the overlap were
    given already (internal id: moment)."""

    at: str = ""
    seen: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, cursor: str) -> _Place:
        if not cursor:
            return cls()
        try:
            data = json.loads(cursor)
            datetime.strptime(str(data["at"]), MOMENT)  # noqa: DTZ007  # the account's clock
            return cls(str(data["at"]), {str(key): str(at) for key, at in data["seen"].items()})
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ConfigError(
                f"the stored place {cursor[:40]!r} is none of this source",
                where="cursor of the source",
                fix="reset the cursor of this source; the invoices are then read again and compared",
            ) from error

    def written(self, overlap: timedelta) -> str:
        since = earlier(self.at, overlap)
        recent = sorted((at, key) for key, at in self.seen.items() if at >= since)[-_MOST_REMEMBERED:]
        data = {"at": self.at, "seen": {key: at for at, key in recent}}
        return json.dumps(data, separators=(",", ":"))


class NetSuiteRestSource:
    """Sales invoices and credit memos of one NetSuite account.

    The key of a document is record type and internal id, since numbers can be edited and occur twice; its
    revision is the moment of the last change. Our own notes and payments move that moment and not the
    document, so that an invoice that comes again for them has the same bytes.
    Raises: RemoteUnavailable (down, full), RemoteRefused (login, rights), RemoteUnexpected.
    """

    def __init__(self, name: str, settings: NetSuiteRestSettings, surroundings: Surroundings) -> None:
        self._name, self._settings, self._surroundings = name, settings, surroundings
        self._clock = surroundings.clock
        self._http = settings.client(surroundings.clock)
        limits = [CallLimit("day", settings.calls_per_day, 86_400, settings.calls_kept)]
        tenant = f"NetSuite {settings.account}"
        budget = surroundings.budget(tenant, *limits) if settings.calls_per_day else None
        self._rest = NetSuiteRest(
            self._http,
            self._made_login(),
            slots(settings.address, settings.parallel),
            Patience(settings.busy_attempts, settings.busy_seconds),
            budget,
            settings.page_size,
            surroundings.clock,
        )
        self._queries = Queries(
            (*settings.body_columns, *filter(None, (settings.attachment_field,))),
            settings.line_columns,
            settings.tax_code_column,
            settings.line_tax_column,
        )
        self._reader = Reader(name, self._rest, self._queries, settings)
        self._writer = Writer(name, self._rest, settings)
        self._checks = Checks(
            name, settings, surroundings, self._http, self._rest, self._queries, self._reader, budget
        )

    @property
    def name(self) -> str:
        return self._name

    # Pulling.

    def pull(self, cursor: str) -> Iterator[Page]:
        """Approved invoices and credit memos, open or settled, changed since the cursor; oldest change first.

        One that cannot be made a document stands in `rejected` and comes again when it is saved in NetSuite;
        one that was voided is set aside for the journal.
        """
        place = _Place.read(cursor)
        now = self._account_time(self._clock())
        if not place.at:
            place.at = self._account_time(self._clock() - timedelta(days=self._settings.first_pull_days))
        overlap = timedelta(minutes=self._settings.overlap_minutes)
        since = earlier(place.at, overlap)
        caches = Around()
        given = False
        while True:
            until = earlier(since, -timedelta(days=self._settings.window_days))
            last = until > now
            query = self._queries.changed(since, "" if last else until, self._settings.subsidiaries)
            for part in self._batches(self._rest.rows(query), place.seen):
                documents, rejected = self._reader.documents(part, caches)
                place.at = max(place.at, str(part[-1]["lastmodified"]))
                # A second that may not be over yet can bring one more change of the same moment.
                settled = max(earlier(now, _SETTLED), earlier(place.at, _SETTLED))
                moments = {str(row["id"]): str(row["lastmodified"]) for row in part}
                place.seen |= {number: at for number, at in moments.items() if at < settled}
                given = True
                yield Page(documents, place.written(overlap), rejected)
            if last:
                break
            since = until
            place.at = max(place.at, since)
        if not given:
            yield Page((), place.written(overlap))

    def acknowledge(self, page: Page) -> None:
        """Nothing to tidy up: NetSuite keeps no list of what was read."""

    def _batches(self, rows: Iterator[Row], seen: Mapping[str, str]) -> Iterator[list[Row]]:
        batch: list[Row] = []
        for row in rows:
            if seen.get(str(row["id"])) != row.get("lastmodified"):
                batch.append(row)
            if len(batch) >= self._settings.batch_size:
                yield batch
                batch = []
        if batch:
            yield batch

    # Writing.

    def report_status(self, report: StatusReport) -> WriteBack:
        """Write the news into the custom body fields of the transaction, unless they say it already; where
        the record is locked or its period closed, into a custom record.

        News that is older than what the fields say is not written. Raises RemoteBlocked where neither can be
        written, RemoteUnavailable where others keep changing the record.
        """
        return self._writer.report_status(report)

    def post_payment(self, payment: IncomingPayment) -> WriteBack:
        """Post a customer payment on its invoices; known by an external id that the reference makes, looked
        up first and read again afterwards."""
        return self._writer.post_payment(payment)

    # Payments.

    def pull_payments(self, invoices: Sequence[OpenInvoice]) -> Iterator[PaymentStatus]:
        """Settlement by the amounts on the transactions and by the links to what settled them, asked by id: a
        payment need not touch the moment of the last change."""
        size = self._settings.batch_size
        for start in range(0, len(invoices), size):
            part = invoices[start : start + size]
            numbers = list(dict.fromkeys(split_key(invoice.key)[1] for invoice in part))
            amounts = {str(row["id"]): row for row in self._rest.rows(self._queries.open_amounts(numbers))}
            links: dict[str, list[Row]] = {}
            for row in self._rest.rows(self._queries.settlements(numbers)):
                if row.get("status") != _VOID:
                    links.setdefault(str(row["invoice"]), []).append(row)
            for invoice in part:
                number = split_key(invoice.key)[1]
                status = _payment(invoice, amounts.get(number), links.get(number, ()))
                if status is not None:
                    yield status

    def count_posted(self, day: date) -> int:
        """One query of a few columns for each thousand of them: what is not approved is not counted."""
        query = self._queries.dated(day.isoformat(), self._settings.subsidiaries)
        return sum(is_sendable(row) for row in self._rest.rows(query))

    # Buyers.

    def pull_parties(self, cursor: str) -> Iterator[PartyPage]:
        """Customers by the moment of their last change; the cursor is that moment on the account's clock."""
        since = cursor or "1970-01-01 00:00:00"
        overlap = timedelta(minutes=self._settings.overlap_minutes) if cursor else timedelta()
        rows = self._rest.rows(self._queries.changed_customers(earlier(since, overlap)))
        reached, given = since, False
        for part in self._batches(rows, {}):
            parties = [self._party(row) for row in part if row.get("isinactive") != "T"]
            reached, given = max(reached, str(part[-1]["lastmodified"])), True
            yield PartyPage(tuple(one for one in parties if one is not None), reached)
        if not given:
            yield PartyPage((), reached)

    def _party(self, row: Row) -> PartyRecord | None:
        number = str(row["id"])
        record = self._rest.read("customer", number, whole=True)
        if record is None:
            return None
        customer = self._customer_facts(record)
        return PartyRecord(f"customer/{number}", {name: text for name, text in customer.items() if text})

    def _customer_facts(self, record: Row) -> dict[str, str]:
        person = " ".join(filter(None, (text_of(record.get("firstName")), text_of(record.get("lastName")))))
        listed = record.get("taxRegistration")
        rows = listed.get("items", []) if isinstance(listed, Mapping) else []
        numbers = [
            text_of(record.get("vatRegNumber")),
            *(text_of(row.get("taxRegistrationNumber")) for row in rows),
        ]
        book = record.get("addressBook")
        entries = book.get("items", []) if isinstance(book, Mapping) else []
        places = sorted(entries, key=lambda entry: not entry.get("defaultBilling"))
        address = places[0].get("addressBookAddress", {}) if places else {}
        return {
            "name": person if record.get("isPerson") is True else text_of(record.get("companyName")),
            "country": identifier(address.get("country")),
            "vat_id": next(filter(None, numbers), ""),
            "electronic_address": text_of(record.get(self._settings.peppol_field)),
            "email": text_of(record.get("email")),
        }

    # Checking.

    def check(self) -> Iterator[CheckStep]:
        """Name, login, clock, tax engine, one read, time zone, fields for the status, call budget."""
        return self._checks.steps()

    def close(self) -> None:
        self._rest.close()

    # Parts.

    def _account_time(self, moment: datetime) -> str:
        return moment.astimezone(self._settings.zone).strftime(MOMENT)

    def _made_login(self) -> Login:
        settings = self._settings
        if settings.login == "tba":
            return TokenLogin(self._token_secrets, self._clock)
        return OAuth2Login(self._http, self._clients, self._clock, audience=settings.audience)

    def _clients(self) -> Sequence[Client]:
        settings = self._settings
        pairs = [
            (settings.certificate_id, settings.private_key),
            (settings.next_certificate_id, settings.next_private_key),
        ]
        client_id = self._secret(settings.client_id)
        return [
            Client(client_id, number, self._secret(key), settings.algorithm, settings.scopes)
            for number, key in pairs
            if number
        ]

    def _token_secrets(self) -> TokenSecrets:
        settings = self._settings
        return TokenSecrets(
            settings.account,
            self._secret(settings.consumer_key),
            self._secret(settings.consumer_secret),
            self._secret(settings.token_id),
            self._secret(settings.token_secret),
        )

    def _secret(self, reference: str | None) -> str:
        return self._surroundings.secret(reference or "").strip()


def _payment(invoice: OpenInvoice, row: Row | None, links: Sequence[Row]) -> PaymentStatus | None:
    """None where the account says nothing about it."""
    if row is None or row.get("foreignamountunpaid") is None:
        return None
    total, left = (abs(decimal_of(row.get(name))) for name in ("foreigntotal", "foreignamountunpaid"))
    paid = max(total - left, Decimal(0)).quantize(Decimal("0.01"))
    if paid and not left:
        money = any(link.get("kind") == "CustPymt" for link in links) or not links
        state = PaymentState.PAID if money else PaymentState.SETTLED
    elif not left and total == 0:
        state = PaymentState.SETTLED
    else:
        state = PaymentState.PARTLY_PAID if paid else PaymentState.OPEN
    newest = max(links, key=lambda link: str(link.get("paid_on") or ""), default=None)
    on = text_of((newest or {}).get("paid_on"))
    evidence = ", ".join(
        f"{link.get('kind')} {link.get('number') or link.get('payment')}: {plain(link.get('amount'))}"
        for link in links[:5]
    )
    return PaymentStatus(
        invoice.key,
        invoice.number,
        state,
        invoice.currency,
        paid,
        date.fromisoformat(on[:10]) if on else None,
        evidence,
    )

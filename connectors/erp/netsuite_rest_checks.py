"""`gateway check` for NetSuite over REST: what is tried, what was seen, and what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from cryptography import x509

from connectors.base import CheckStep, Surroundings
from connectors.budget import CallBudget
from connectors.checking import clock_skew, in_order, resolved
from connectors.erp.netsuite_rest_queries import Queries
from connectors.erp.netsuite_rest_reading import Around, Reader, is_sendable
from connectors.erp.netsuite_rest_service import NetSuiteRest, NoSuchTable, Row
from connectors.erp.netsuite_rest_settings import NetSuiteRestSettings
from connectors.erp.netsuite_rest_values import MOMENT, key_of, split_key, text_of
from connectors.http import HttpClient
from formats.errors import RemoteRefused

__all__ = ["Checks"]

_MOST_SKEW: Final = timedelta(minutes=4)
_WARN_BEFORE: Final = timedelta(days=30)


class Checks:
    """The steps for one account; each reads only."""

    def __init__(
        self,
        name: str,
        settings: NetSuiteRestSettings,
        surroundings: Surroundings,
        http: HttpClient,
        rest: NetSuiteRest,
        queries: Queries,
        reader: Reader,
        budget: CallBudget | None,
    ) -> None:
        self._name, self._settings, self._surroundings = name, settings, surroundings
        self._http, self._rest, self._queries, self._reader = http, rest, queries, reader
        self._budget = budget
        self._clock = surroundings.clock

    def steps(self) -> Iterator[CheckStep]:
        """Name, login, clock, tax engine, one read, time zone, fields for the status, call budget."""
        return in_order(
            (
                ("name", self._check_name),
                ("login", partial(self._permitted, self._check_login)),
                ("tax", partial(self._permitted, self._check_tax)),
                ("read", partial(self._permitted, self._check_read)),
                ("write-back", self._check_fields),
                ("calls", partial(self._permitted, self._check_calls)),
            ),
            go_on_after=("clock", "certificate", "read", "time zone", "write-back", "calls"),
        )

    def _check_name(self) -> str:
        fix = "check the account id, the network and its name server"
        return resolved(self._settings.address, self._name, fix)

    def _permitted(self, look: Callable[[], Iterator[CheckStep]]) -> Iterator[CheckStep]:
        """A table that the role may not see is none to NetSuite."""
        try:
            yield from look()
        except NoSuchTable as error:
            fix = "give the role the right Find Transaction"
            raise RemoteRefused(str(error)[:200], where=self._name, fix=fix) from error

    def _check_login(self) -> Iterator[CheckStep]:
        if self._settings.certificate is not None:
            yield self._certificate()
        answer = self._http.request("GET", "/", allowed=(400, 401, 403, 404, 405))
        skew = clock_skew(answer, self._clock())
        if skew is not None:
            fine = skew <= _MOST_SKEW
            seen = f"{skew.total_seconds():.0f} seconds between our clock and NetSuite's"
            yield CheckStep("clock", fine, seen, "" if fine else "set this machine's clock by NTP")
        self._rest.first("SELECT c.id, c.symbol FROM currency c WHERE ROWNUM <= 1")
        yield CheckStep("login", True, f"account {self._settings.account} accepts the login")

    def _certificate(self) -> CheckStep:
        pem = self._surroundings.secret(self._settings.certificate or "")
        try:
            ends = x509.load_pem_x509_certificate(pem.encode()).not_valid_after_utc
        except ValueError:
            return CheckStep("certificate", False, "it cannot be read", "put it into the secret as PEM")
        left = ends - self._clock()
        fix = "upload a new certificate in NetSuite and name it as next_certificate_id"
        return CheckStep(
            "certificate", left > _WARN_BEFORE, f"ends on {ends:%Y-%m-%d}", "" if left > _WARN_BEFORE else fix
        )

    def _check_tax(self) -> Iterator[CheckStep]:
        engine = self._reader.tax_engine()
        fix = ""
        if engine == "legacy" and not self._settings.line_tax_column:
            fix = "invoices with several tax codes need the source kind netsuite-soap"
        yield CheckStep("tax", True, f"the account has {engine}", fix)

    def _check_read(self) -> Iterator[CheckStep]:
        since = self._account_time(self._clock() - timedelta(days=self._settings.first_pull_days))
        query = self._queries.changed(since, "", self._settings.subsidiaries)
        total = self._rest.count(query)
        yield CheckStep(
            "search",
            True,
            f"{total} invoices and credit memos changed in {self._settings.first_pull_days} days",
            "" if total else "if there should be some, give the role Find Transaction and all subsidiaries",
        )
        rows, around = self._rest.rows(query), Around()
        row = next((row for row in rows if is_sendable(row)), None)
        if row is None:
            return
        documents, rejected = self._reader.documents([row], around)
        if rejected:
            yield CheckStep("read", False, rejected[0].problem.what, rejected[0].problem.fix)
        hidden = f"; not shown by this account: {', '.join(sorted(self._rest.hidden))}"
        seen = f"{documents[0].key} was read" if documents else "nothing was read"
        if documents:
            yield CheckStep("read", True, seen + (hidden if self._rest.hidden else ""))
        yield self._check_zone(row)

    def _check_zone(self, row: Row) -> CheckStep:
        """The same record over SuiteQL (the account's clock) and REST (UTC)."""
        kind, number = split_key(key_of(row))
        record = self._rest.read(kind, number, fields="lastModifiedDate")
        try:
            told = datetime.fromisoformat(text_of((record or {}).get("lastModifiedDate")))
        except ValueError:
            return CheckStep("time zone", True, "the record does not tell the moment of its last change")
        expected = self._account_time(told)
        fine = expected[:16] == str(row["lastmodified"])[:16]
        seen = f"SuiteQL says {row['lastmodified']}, {self._settings.time_zone} makes it {expected}"
        fix = "set time_zone to the zone of the company or of the technical user in NetSuite"
        return CheckStep("time zone", fine, seen, "" if fine else fix)

    def _check_fields(self) -> Iterator[CheckStep]:
        if self._settings.write_to == "fields":
            known = self._rest.metadata("invoice").get("properties", {})
            missing = sorted(set(self._settings.status_fields) - set(known))
            seen = (
                f"fields that invoices do not have: {', '.join(missing)}" if missing else "fields are there"
            )
            fix = "make transaction body fields (free-form text) with these ids, on invoices and credit memos"
            yield CheckStep("write-back", not missing, seen, fix if missing else "")

    def _check_calls(self) -> Iterator[CheckStep]:
        if self._budget is None:
            return
        since = self._account_time(self._clock() - timedelta(days=self._settings.first_pull_days))
        total = self._rest.count(self._queries.changed(since, "", self._settings.subsidiaries))
        # Seven queries for each batch, and at worst a customer record for each invoice.
        needed = total + 7 * -(-total // self._settings.batch_size)
        found = self._budget.forecast(needed)
        seen = f"a first pull needs up to {needed} calls, {found.left} are left this {found.limit}"
        yield CheckStep("calls", found.fits, seen, "" if found.fits else "lower first_pull_days")

    def _account_time(self, moment: datetime) -> str:
        return moment.astimezone(self._settings.zone).strftime(MOMENT)

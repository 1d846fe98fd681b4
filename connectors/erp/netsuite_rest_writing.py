"""What the gateway writes into NetSuite over REST: the status of e-invoices, and incoming payments.

Both are looked up before they are written, and known by something that stays the same on every retry: the
fields of the invoice, or an external id that is made from the reference.
"""

from __future__ import annotations

import logging
from typing import Any, Final

from connectors.base import IncomingPayment, StatusReport, WriteBack
from connectors.erp.netsuite_rest_service import NetSuiteRest, Outcome
from connectors.erp.netsuite_rest_settings import NetSuiteRestSettings
from connectors.erp.netsuite_rest_values import identifier, split_key, text_of
from connectors.erp.netsuite_settings import external_id
from formats.errors import ConfigError, EInvoicingError, RemoteBlocked, RemoteUnavailable, RemoteUnexpected

__all__ = ["Writer"]

_log = logging.getLogger(__name__)

_CHANGED_MEANWHILE: Final = frozenset({"RCRD_HAS_BEEN_CHANGED", "RCRD_EDITED_SINCE_RETRIEVED"})
_UNCHANGEABLE: Final = frozenset({"RCRD_LOCKED_BY_WF", "RCRD_UNEDITABLE"})
_EXISTS: Final = frozenset({"DUP_RCRD", "DUP_ENTITY"})
_WRITE_ATTEMPTS: Final = 4
_LONGEST_NOTE: Final = 300


class Writer:
    """Status and payments of one account."""

    def __init__(self, name: str, rest: NetSuiteRest, settings: NetSuiteRestSettings) -> None:
        self._name, self._rest, self._settings = name, rest, settings

    def report_status(self, report: StatusReport) -> WriteBack:
        """Write the news into the custom body fields of the transaction, unless they say it already; where
        the record is locked or its period closed, into a custom record.

        News that is older than what the fields say is not written. Raises RemoteBlocked where neither can be
        written, RemoteUnavailable where others keep changing the record.
        """
        kind, number = split_key(report.key)
        if self._settings.write_to == "record":
            return self._log(report, number)
        where = f"{self._name}, {kind} {report.number} (internal id {number})"
        fields = self._settings.status_fields
        for _ in range(_WRITE_ATTEMPTS):
            there = self._rest.read(kind, number, fields=",".join(fields))
            if there is None:
                raise RemoteUnexpected(
                    "the transaction is not in NetSuite any more",
                    where=where,
                    fix="look in NetSuite what became of it; its status cannot be written",
                )
            said = {name: text_of(there.get(name)) for name in fields}
            differing = self._settings.differing(report, said)
            if not differing:
                return WriteBack(where, existed=True)
            body = {name: text or None for name, text in differing.items()}
            outcome = self._rest.patch(kind, number, body)
            if outcome.ok:
                return WriteBack(where, existed=False)
            if _is_unchangeable(outcome) and self._settings.log_record:
                _log.info("%s: %s cannot be changed (%s)", self._name, report.key, outcome.code)
                return self._log(report, number)
            if outcome.code not in _CHANGED_MEANWHILE:
                raise _refused(outcome, where)
        raise RemoteUnavailable(
            "someone else keeps changing the record in NetSuite",
            where=where,
            fix="it is tried again by itself",
        )

    def _log(self, report: StatusReport, number: str) -> WriteBack:
        """The news as a record of its own, known by an external id that the reference makes."""
        kind = self._settings.log_record
        external = external_id("einv", report.reference)
        where = f"{self._name}, {kind} {external} for {report.number}"
        if self._rest.read(kind, f"eid:{external}") is not None:
            return WriteBack(where, existed=True)
        links = {"externalId": external, f"{self._settings.log_prefix}invoice": {"id": number}}
        outcome = self._rest.create(kind, {**links, **self._settings.log_fields(report)})
        if outcome.ok or _exists(outcome):
            return WriteBack(where, existed=not outcome.ok)
        raise _refused(outcome, where)

    def post_payment(self, payment: IncomingPayment) -> WriteBack:
        """Post a customer payment on its invoices; known by an external id that the reference makes, looked
        up first and read again afterwards."""
        external = external_id("gw-pay", payment.reference)
        where = f"{self._name}, customer payment {external}"
        if self._rest.read("customerPayment", f"eid:{external}") is not None:
            return WriteBack(where, existed=True)
        kinds = [split_key(key) for key, _, _ in payment.invoices]
        if not kinds or any(kind != "invoice" for kind, _ in kinds):
            raise ConfigError(
                "a payment can only be posted on invoices", where=where, fix="post this one in NetSuite"
            )
        first = self._rest.read("invoice", kinds[0][1], fields="entity,currency")
        if first is None:
            raise RemoteUnexpected(
                f"invoice {payment.invoices[0][1]} is not in NetSuite any more",
                where=where,
                fix="look in NetSuite what became of it, and post the payment there",
            )
        account = self._settings.bank_accounts.get(payment.account, self._settings.payment_account)
        rows = [
            {"doc": {"id": split_key(key)[1]}, "apply": True, "amount": amount}
            for key, _, amount in payment.invoices
        ]
        body: dict[str, Any] = {
            "externalId": external,
            "customer": {"id": identifier(first.get("entity"))},
            "currency": {"id": identifier(first.get("currency"))},
            "payment": payment.amount,
            "tranDate": payment.on.isoformat(),
            "autoApply": False,
            "memo": payment.evidence[:200],
            "apply": {"items": rows},
        }
        body |= {"account": {"id": account}} if account else {"undepFunds": True}
        outcome = self._rest.create("customerPayment", body)
        if not outcome.ok and not _exists(outcome):
            raise _refused(outcome, where)
        if self._rest.read("customerPayment", f"eid:{external}") is None:
            raise RemoteUnavailable(
                "NetSuite took the payment and does not show it yet",
                where=where,
                fix="it is looked up again by itself",
                uncertain=True,
            )
        return WriteBack(where, existed=not outcome.ok)


def _refused(outcome: Outcome, where: str) -> EInvoicingError:
    what = f"NetSuite refused: {outcome.code}, {outcome.text[:300]}"
    if _is_unchangeable(outcome):
        return RemoteBlocked(
            what,
            where=where,
            fix="open the period, switch on Allow Non-G/L Changes, let the workflow pass the fields of the "
            "e-invoice, or name a log_record; then have it reported again",
        )
    if outcome.code == "USER_ERROR":
        return RemoteBlocked(
            what,
            where=where,
            fix="open the record in NetSuite, mend what the message names, and have it reported again",
        )
    return RemoteUnexpected(what, where=where, fix="compare the field ids in the settings with the account")


def _is_unchangeable(outcome: Outcome) -> bool:
    closed = "closed period" in outcome.text.lower() or "period is closed" in outcome.text.lower()
    return outcome.code in _UNCHANGEABLE or closed


def _exists(outcome: Outcome) -> bool:
    return outcome.code in _EXISTS or "already exists" in outcome.text.lower()

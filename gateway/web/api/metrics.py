"""GET /metrics: figures for Prometheus, read from the database when they are asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from fastapi import APIRouter, Response
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector
from sqlalchemy import func, select

from gateway import __version__
from gateway.alarms.model import Kind
from gateway.store import alarms, sides, sources, webhooks
from gateway.store.tables import inbox, journal_head, reports, signals, submissions
from gateway.wiring import Gateway

__all__ = ["router"]


def router(gateway: Gateway) -> APIRouter:
    """The route of the figures."""
    routes = APIRouter(tags=["operation"])
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Figures(gateway))

    @routes.get("/metrics", summary="Figures for Prometheus", response_class=Response)
    def metrics() -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return routes


class _Figures(Collector):
    """Reads all figures in one look at the database."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def collect(self) -> Iterable[Metric]:
        gateway = self._gateway
        version = GaugeMetricFamily("gateway_info", "The release that runs", labels=["version"])
        version.add_metric([__version__], 1)
        yield version
        with gateway.database.read() as connection:
            invoices = GaugeMetricFamily(
                "gateway_invoices", "Invoices by state and verdict", labels=["state", "verdict"]
            )
            groups = select(submissions.c.state, submissions.c.verdict, func.count())
            for state, verdict, count in connection.execute(
                groups.group_by(submissions.c.state, submissions.c.verdict)
            ):
                invoices.add_metric([state, verdict], count)
            yield invoices
            received = GaugeMetricFamily("gateway_inbox", "Received documents by state", labels=["state"])
            for state, count in connection.execute(
                select(inbox.c.state, func.count()).group_by(inbox.c.state)
            ):
                received.add_metric([state], count)
            yield received
            unread = select(func.count()).select_from(reports).where(reports.c.done_at.is_(None))
            yield GaugeMetricFamily(
                "gateway_unreported", "News that an ERP does not hold yet", connection.scalar(unread) or 0
            )
            unsent = select(func.count()).select_from(signals).where(signals.c.sent_at.is_(None))
            yield GaugeMetricFamily(
                "gateway_signals_waiting", "Answers that did not go out yet", connection.scalar(unsent) or 0
            )
            yield GaugeMetricFamily(
                "gateway_journal_entries",
                "Entries of the journal",
                connection.scalar(select(journal_head.c.seq)) or 0,
            )
            failing = GaugeMetricFamily("gateway_source_failures", "Failures in a row", labels=["source"])
            read_at = GaugeMetricFamily(
                "gateway_source_read_timestamp_seconds", "When an ERP was last read", labels=["source"]
            )
            for spec in gateway.settings.sources:
                record = sources.get(connection, spec.name)
                failing.add_metric([spec.name], record.failures)
                if record.read_at is not None:
                    read_at.add_metric([spec.name], record.read_at.timestamp())
            yield failing
            yield read_at
            since = GaugeMetricFamily(
                "gateway_failing_since_timestamp_seconds",
                "Since when a source or channel fails at something",
                labels=["side", "errand"],
            )
            for side, found in sides.failing(connection).items():
                for one in found:
                    since.add_metric([side, one.errand.value], one.since.timestamp())
            yield since
            numbers = Counter(one.kind for one in alarms.open_ones(connection))
            opened = GaugeMetricFamily("gateway_alarms", "Open alarms by kind", labels=["kind"])
            for kind in Kind:
                opened.add_metric([kind.value], numbers[kind.value])
            yield opened
            events = GaugeMetricFamily(
                "gateway_webhook_events", "Events on their way by state", labels=["webhook", "state"]
            )
            for webhook in webhooks.listing(connection):
                events_of = webhooks.standing(connection, webhook.id)
                events.add_metric([webhook.id, "waiting"], events_of.waiting)
                events.add_metric([webhook.id, "parked"], events_of.parked)
            yield events
        calls = GaugeMetricFamily(
            "gateway_calls_left", "Calls left in the window", labels=["tenant", "window"]
        )
        for standing in gateway.budgets.standing():
            calls.add_metric([standing.tenant, standing.name], standing.left)
        yield calls

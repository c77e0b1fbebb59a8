"""What Slipway counts of itself (Prometheus); apps add gauges that are read when scraped."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    generate_latest,
    multiprocess,
)
from prometheus_client.core import REGISTRY, GaugeMetricFamily, Metric

REQUEST_SECONDS = Histogram(
    "slipway_http_request_seconds",
    "Time to answer a request, by route.",
    ["method", "route", "status"],
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
)
JOB_SECONDS = Histogram(
    "slipway_job_seconds",
    "Time that a worker spent on one message, by task and outcome.",
    ["task", "outcome"],
    buckets=(0.05, 0.25, 1, 5, 30, 120, 600),
)
NOT_SENT = Counter(
    "slipway_jobs_not_sent_total", "Messages that the broker did not take.", ["task"]
)
TRAFFIC_DROPPED = Counter(
    "slipway_registry_traffic_dropped_total",
    "Uses of subjects that were not noted, since too many waited to be written.",
)

Sample = tuple[Sequence[str], float]


@dataclass(frozen=True)
class Gauge:
    """A number per label values, read from the database when somebody asks."""

    name: str
    help: str
    labels: tuple[str, ...]
    read: Callable[[], Iterable[Sample]]


_gauges: dict[str, Gauge] = {}


def register_gauge(gauge: Gauge) -> None:
    if gauge.name in _gauges:
        raise ValueError(f"gauge {gauge.name!r} is registered twice")
    _gauges[gauge.name] = gauge


class _Gauges:
    """Collector over the registered gauges."""

    def collect(self) -> Iterator[Metric]:
        for gauge in _gauges.values():
            family = GaugeMetricFamily(gauge.name, gauge.help, labels=gauge.labels)
            for values, number in gauge.read():
                family.add_metric(list(values), number)
            yield family


def exposition() -> bytes:
    """Prometheus' text format: this process', or all web processes' where a directory is shared."""
    gauges = CollectorRegistry()
    gauges.register(_Gauges())
    if not os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        return generate_latest(REGISTRY) + generate_latest(gauges)
    shared = CollectorRegistry()
    multiprocess.MultiProcessCollector(shared)  # type: ignore[no-untyped-call]  # not annotated
    return generate_latest(shared) + generate_latest(gauges)

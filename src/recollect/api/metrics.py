"""Prometheus metrics of the requests; labels are routes and codes, never what was asked."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.types import Scope

_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)


class Metrics:
    """The counters of one server."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        labels = ("method", "route")
        self._requests = Counter(
            "recollect_requests",
            "Requests answered.",
            (*labels, "status"),
            registry=self._registry,
        )
        self._seconds = Histogram(
            "recollect_request_seconds",
            "Time to answer, in seconds.",
            labels,
            buckets=_BUCKETS,
            registry=self._registry,
        )
        self._memories = Gauge(
            "recollect_memories", "Memories kept, by kind.", ("kind",), registry=self._registry
        )
        self._waiting = Gauge(
            "recollect_waiting", "Memories without complete vectors.", registry=self._registry
        )

    def observe(self, scope: Scope, status: int, seconds: float) -> None:
        """Count an answered request; a path that is no route counts as `other`."""
        route = getattr(scope.get("route"), "path", "other")
        self._requests.labels(scope["method"], route, str(status)).inc()
        self._seconds.labels(scope["method"], route).observe(seconds)

    def show(self, by_kind: dict[str, int], waiting: int) -> bytes:
        """The text that Prometheus reads."""
        for kind, count in by_kind.items():
            self._memories.labels(kind).set(count)
        self._waiting.set(waiting)
        return generate_latest(self._registry)

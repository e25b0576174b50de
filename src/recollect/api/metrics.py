"""Prometheus metrics of the requests; labels are routes and codes, never what was asked."""

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.types import Scope

OTHER: Final = "other"
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
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
        labels = ("method", "path", "status")
        self._http_requests = Counter(
            "http_requests",
            "As recollect_requests, for MemMachine's.",
            labels,
            registry=self._registry,
        )
        self._http_seconds = Histogram(
            "http_request_duration_seconds",
            "As recollect_request_seconds, for MemMachine's.",
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
        """Count an answered request; a path or a method that is none of ours counts as `other`."""
        method, route = scope["method"], OTHER
        if found := getattr(scope.get("route"), "path", None):
            route = scope.get("root_path", "") + found
        method = method if method in _METHODS else OTHER
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(method, route).observe(seconds)
        for_others = (method, "unknown" if route == OTHER else route, str(status))
        self._http_requests.labels(*for_others).inc()
        self._http_seconds.labels(*for_others).observe(seconds)

    def show(self, by_kind: dict[str, int], waiting: int) -> bytes:
        """The text that Prometheus reads."""
        self._memories.clear()
        for kind, count in by_kind.items():
            self._memories.labels(kind).set(count)
        self._waiting.set(waiting)
        return generate_latest(self._registry)

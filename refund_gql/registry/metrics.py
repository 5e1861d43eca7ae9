"""What providers do, counted for Prometheus; never per shop and never with content."""

from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import Counter, Gauge, Histogram

_CALLS = Counter(
    "refund_gql_provider_calls",
    "Calls of a provider's methods, by how they ended.",
    ("provider", "method", "result"),
)
_SECONDS = Histogram(
    "refund_gql_provider_call_seconds",
    "How long a provider's methods took.",
    ("provider", "method"),
    buckets=(0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10),
)
_IN_FLIGHT = Gauge("refund_gql_provider_calls_in_flight", "Calls under way.", ("provider",))


def count(provider: str, method: str, result: str, seconds: float) -> None:
    """One call has ended."""
    _CALLS.labels(provider, method, result).inc()
    _SECONDS.labels(provider, method).observe(seconds)


@contextmanager
def in_flight(provider: str) -> Iterator[None]:
    """One call is under way while the block runs."""
    gauge = _IN_FLIGHT.labels(provider)
    gauge.inc()
    try:
        yield
    finally:
        gauge.dec()

"""The one source of the current time, so that a test can hold it still."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime


def _system_now() -> datetime:
    return datetime.now(UTC)


_now: Callable[[], datetime] = _system_now


def now() -> datetime:
    """The current time, in UTC."""
    return _now()


@contextmanager
def fixed(source: Callable[[], datetime]) -> Iterator[None]:
    """Replace the clock of this process while the block runs; `source` returns aware UTC times."""
    global _now
    previous, _now = _now, source
    try:
        yield
    finally:
        _now = previous

"""A breaker: a provider that fails again and again is left alone for a while."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from refund_gql import clock

_LONGEST = timedelta(minutes=10)


@dataclass(kw_only=True)
class Breaker:
    """Closed while calls succeed; open after `failures` in a row; half open when its time is
    over: then one call at a time tries, and its end decides."""

    failures: int
    rest: timedelta
    """The first time of rest; it doubles up to ten minutes while the provider stays down."""
    now: Callable[[], datetime] = clock.now
    opened_at: datetime | None = None
    """None while closed."""
    _in_a_row: int = 0
    _times: int = 0
    _probing: bool = field(default=False, repr=False)

    @property
    def open(self) -> bool:
        """True while the provider counts as down, probes included."""
        return self.opened_at is not None

    @property
    def retry_at(self) -> datetime:
        """When the next call may try."""
        doubled: timedelta = self.rest * 2 ** (self._times - 1)
        return (self.opened_at or self.now()) + min(doubled, _LONGEST)

    @property
    def due(self) -> bool:
        """True when it is open, its rest is over and nobody is trying yet."""
        return self.open and not self._probing and self.now() >= self.retry_at

    def admits(self) -> bool:
        """True when a call may be made now; while half open, the first who asks may."""
        if not self.open:
            return True
        if not self.due:
            return False
        self._probing = True
        return True

    def succeeded(self) -> bool:
        """A call ended well; True when the provider is back by that."""
        was_open, self.opened_at = self.open, None
        self._in_a_row, self._times, self._probing = 0, 0, False
        return was_open

    def failed(self) -> bool:
        """A call failed; True when the provider went down by that."""
        self._in_a_row += 1
        was_open, self._probing = self.open, False
        if was_open or self._in_a_row >= self.failures:
            self._times = min(self._times + 1, 20)
            self.opened_at = self.now()
        return self.open and not was_open

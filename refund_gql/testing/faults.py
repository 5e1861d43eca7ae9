"""What can go wrong between the engine and a provider, and on which side of the effect."""

from datetime import timedelta
from enum import Enum, StrEnum

RETRY_AFTER = timedelta(seconds=7)
"""What a simulated 429 asks for."""


class Fault(StrEnum):
    """One thing that goes wrong. The effect is what cannot be undone: money, a van, a message."""

    CONNECTION_REFUSED = "connection refused"
    """Without effect; not a byte was sent."""
    TIMEOUT_BEFORE = "time-out before the effect"
    TIMEOUT_AFTER = "time-out after the effect"
    RESET_AFTER = "connection lost after the effect"
    ERROR_BEFORE = "500 before the effect"
    ERROR_AFTER = "500 after the effect"
    RATE_LIMITED = "429 with Retry-After"
    """Without effect; asks for RETRY_AFTER."""
    TRUNCATED = "answer cut off after the effect"
    GARBLED = "unreadable answer after the effect"
    UNRECOGNISED = "undocumented status after the effect"
    """The provider's own well-formed answer, with a status word that no document has."""
    HANG_AFTER = "no answer after the effect"
    """The effect happens, then nothing does: the call has to be cancelled."""

    @property
    def has_effect(self) -> bool:
        """Whether the effect happens although the caller is not told."""
        return self not in _WITHOUT_EFFECT


_WITHOUT_EFFECT = {
    Fault.CONNECTION_REFUSED,
    Fault.TIMEOUT_BEFORE,
    Fault.ERROR_BEFORE,
    Fault.RATE_LIMITED,
}

LOST = (Fault.TIMEOUT_BEFORE, Fault.TIMEOUT_AFTER, Fault.RESET_AFTER)
ERRORS = (Fault.ERROR_BEFORE, Fault.ERROR_AFTER)
UNREADABLE = (Fault.TRUNCATED, Fault.GARBLED)


class On(Enum):
    """Which calls a fault strikes."""

    ACTIONS = "actions"
    """Those with an effect: a refund, a pickup, a coupon, flags, a message."""
    READS = "reads"
    """Those without: query, track, signals."""

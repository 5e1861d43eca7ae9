"""How long a call holds the event loop."""

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic

LONGEST_HOLD = 0.05
"""Seconds."""
TRIES = 5


async def shortest_hold(call: Callable[[], Awaitable[object]]) -> float:
    """Seconds the loop was held at a stretch by the best of five calls.

    What blocks, blocks every time; a machine that is busy with something else does not.
    """
    return min([await _longest_hold(call) for _ in range(TRIES)])


async def _longest_hold(call: Callable[[], Awaitable[object]]) -> float:
    running = asyncio.ensure_future(call())
    longest, last = 0.0, monotonic()
    while not running.done():
        # Zero, so that the loop does nothing else between two looks at the clock.
        await asyncio.sleep(0)
        now = monotonic()
        longest, last = max(longest, now - last), now
    await running
    return longest

"""An event loop of its own for one provider: what blocks there blocks nothing else.

Plugins are foreign code. One that sleeps in a coroutine, or computes for a minute, would stop
the whole engine if it ran on the engine's loop; here it stops itself.
"""

import asyncio
import sys
import threading
import traceback
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

import structlog

T = TypeVar("T")
_log = structlog.get_logger(__name__)

_GRACE = 0.5
"""Seconds after its deadline in which a loop that is alive ends a call."""


class Blocked(Exception):
    """The provider keeps its event loop busy: the call may still be under way."""

    def __init__(self, stack: str) -> None:
        """`stack` is where its thread was."""
        self.stack = stack
        super().__init__("blocks its event loop")


class Lane:
    """The thread and the loop; both start with the first call."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    async def run(self, work: Callable[[], Coroutine[Any, Any, T]], *, seconds: float) -> T:
        """Await `work()` on the lane for at most so long.

        Raises TimeoutError when it took longer, Blocked when it did not even stop then, and
        whatever `work` raises.
        """
        future = asyncio.run_coroutine_threadsafe(_within(work, seconds), self._started())
        here = asyncio.wrap_future(future)
        # The outcome is read off `future`; asyncio would report this one as never looked at.
        here.add_done_callback(lambda seen: seen.cancelled() or seen.exception())
        done, _ = await asyncio.wait([here], timeout=seconds + _GRACE)
        if not done:
            future.cancel()
            raise Blocked(self._stack())
        return self._result(future)

    async def aclose(self) -> None:
        """End the loop; a thread that does not hear of it is left behind."""
        if self._loop is None or self._thread is None:
            return
        self._loop.call_soon_threadsafe(self._loop.stop)
        await asyncio.to_thread(self._thread.join, _GRACE)

    def _result(self, future: "Future[T]") -> T:
        error = future.exception()
        if isinstance(error, asyncio.CancelledError):
            raise RuntimeError("the provider cancelled itself") from error
        return future.result()

    def _started(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            self._thread = threading.Thread(
                target=_serve,
                args=(self._loop, self._name),
                name=f"provider-{self._name}",
                daemon=True,
            )
            self._thread.start()
        return self._loop

    def _stack(self) -> str:
        frame = sys._current_frames().get(self._thread.ident or 0) if self._thread else None
        return "".join(traceback.format_stack(frame)) if frame else ""


async def _within(work: Callable[[], Coroutine[Any, Any, T]], seconds: float) -> T:
    async with asyncio.timeout(seconds):
        return await work()


def _serve(loop: asyncio.AbstractEventLoop, name: str) -> None:
    asyncio.set_event_loop(loop)
    loop.set_exception_handler(lambda _, context: _report(name, context))
    try:
        loop.run_forever()
    finally:
        loop.close()


def _report(name: str, context: dict[str, Any]) -> None:
    """A task that the plugin left behind has failed. Its words are not logged: they may hold a
    secret, and the lane does not know whose."""
    error = context.get("exception")
    frames = traceback.extract_tb(error.__traceback__) if error else ()
    _log.error(
        "something that a provider left running has failed",
        provider=name,
        error=type(error).__name__,
        at=[f"{frame.filename}:{frame.lineno}" for frame in frames],
    )

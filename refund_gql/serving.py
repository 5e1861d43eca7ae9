"""The processes: API and worker together or apart, from the first signal to the last row."""

import asyncio
import gc
import signal
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager, suppress
from socket import socket

import uvicorn

from refund_gql import app
from refund_gql.app import Engine
from refund_gql.settings import Settings

Ready = Callable[[Engine], Awaitable[None]]


class _Server(uvicorn.Server):
    """uvicorn without its own signal handling, which would end the process before the worker
    and the database are stopped."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.open = asyncio.Event()

    async def startup(self, sockets: list[socket] | None = None) -> None:
        await super().startup(sockets)
        self.open.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serve(
    settings: Settings,
    *,
    host: str,
    port: int,
    with_worker: bool,
    prepare: Ready | None = None,
    ready: Ready | None = None,
    provider_defaults: Mapping[str, Mapping[str, str]] | None = None,
) -> None:
    """Serve until SIGINT or SIGTERM, then finish what is running and stop what was started.

    `prepare` runs before the doors open, `ready` once they are open.
    """
    async with AsyncExitStack() as stack:
        running = await stack.enter_async_context(app.engine(settings, provider_defaults))
        if prepare is not None:
            await prepare(running)
        if with_worker:
            await stack.enter_async_context(app.worker(running))
        server = _Server(
            uvicorn.Config(
                app.create_app(running),
                host=host,
                port=port,
                access_log=False,
                log_config=None,
                ws="none",
                timeout_graceful_shutdown=15,
            )
        )
        _on_signal(lambda: setattr(server, "should_exit", True))
        _settle_memory()
        announcing = asyncio.create_task(_announce(server, running, ready))
        await server.serve()
        announcing.cancel()
        with suppress(asyncio.CancelledError):
            await announcing


async def work(settings: Settings) -> None:
    """Do jobs until SIGINT or SIGTERM, then finish the running ones."""
    stop = asyncio.Event()
    _on_signal(stop.set)
    async with app.engine(settings) as running, app.worker(running):
        await stop.wait()


async def _announce(server: _Server, running: Engine, ready: Ready | None) -> None:
    await server.open.wait()
    if ready is None:
        return
    try:
        await ready(running)
    except Exception:
        server.should_exit = True  # what was to be said when the doors open cannot be said
        raise


def _on_signal(stop: Callable[[], object]) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)


def _settle_memory() -> None:
    """What start-up made lives as long as the process: keep the collector away from it."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)

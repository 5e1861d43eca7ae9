"""`refund-gql demo`: a shop to try the engine on, served until Ctrl-C."""

import asyncio
import signal
import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated

import asyncpg
from cyclopts import Parameter
from cyclopts.validators import Number
from pydantic import SecretStr
from rich.console import Console

from refund_gql import serving
from refund_gql.app import Engine
from refund_gql.database import fetch
from refund_gql.demo import shop, tokens
from refund_gql.demo.failure import CannotStart
from refund_gql.demo.folder import Folder
from refund_gql.demo.people import ME
from refund_gql.demo.welcome import Welcome
from refund_gql.errors import Unavailable
from refund_gql.models import Order, Refund
from refund_gql.settings import Settings

Flag = Annotated[bool, Parameter(negative=())]

_ANY_ADDRESS = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - read, not bound
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_PROCESSING = "86400"
"""Seconds the sandbox's PROCESSING takes: refunds that are being paid stay to be seen for a day."""
_UNSHIPPED = """
select o.id, o.number from "order" o join customer c on c.id = o.customer_id
 where o.shop_id = $1 and c.reference = $2 and o.fulfilment = 'UNSHIPPED'
   and o.number like 'SO-TRY-%'
   and not exists (select from order_line l where l.order_id = o.id and l.claimed_quantity > 0)
 order by o.number limit 1
"""


async def demo(
    *,
    host: str = "127.0.0.1",
    port: Annotated[int, Parameter(validator=Number(gte=0, lte=65535))] = 8000,
    data: Path | None = None,
    fresh: Flag = False,
    json_output: Annotated[bool, Parameter(name="--json", negative=())] = False,
) -> int:
    """Try the engine: a shop with customers, orders and refunds, served until Ctrl-C.

    The first start makes the shop, later ones find it as you left it. The database is embedded,
    or the one that REFUND_GQL_DATABASE_URL names.

    Parameters
    ----------
    host
        The address to listen on.
    port
        The port to listen on; 0 takes a free one.
    data
        The folder of the database and of everything else of the demo.
    fresh
        Delete the demo's database in that folder first.
    json_output
        Print one line of JSON once the demo is ready, and nothing else.
    """
    settings = Settings() if data is None else Settings(data=data)
    try:
        with _stoppable():
            await _serve(settings, host, port, fresh=fresh, json_output=json_output)
    except CannotStart as failure:
        sys.stderr.write(f"{failure}\n")
        return 1
    except asyncio.CancelledError:
        pass  # a signal came before the doors were open
    return 0


async def _serve(
    settings: Settings, host: str, port: int, *, fresh: bool, json_output: bool
) -> None:
    port = _free_port(host, port)
    folder = Folder(settings.data.expanduser().resolve())
    _tell("Starting; the first time takes a few seconds · 正在启动…")
    try:
        if fresh:
            await folder.clear(settings)
        folder.mark()
        visit = _Visit(folder=folder, url=_url(host, port), json_output=json_output)
        if not settings.secret_keys.get_secret_value():
            key = SecretStr(folder.secret_key)
            settings = settings.model_copy(update={"secret_keys": key})
        await serving.serve(
            settings,
            host=host,
            port=port,
            with_worker=True,
            prepare=visit.prepare,
            ready=visit.ready,
            provider_defaults=_sandbox(folder),
        )
    except (OSError, asyncpg.PostgresError, Unavailable) as error:
        raise CannotStart(
            f"the demo stopped: {error} ({type(error).__name__}); check that "
            f"REFUND_GQL_DATABASE_URL is right, if it is set, and that {folder.path} is writable"
        ) from error
    _tell(f"Stopped; everything is kept in {folder.path} · 已停止，数据已保留")


@dataclass(kw_only=True)
class _Visit:
    """One start of the demo."""

    folder: Folder
    url: str
    json_output: bool
    welcome: Welcome | None = None

    async def prepare(self, running: Engine) -> None:
        """Make the shop, or find it; the doors are still closed."""
        opened = await shop.open_shop(running)
        shop_id = opened.shop.id
        unshipped = await fetch(_UNSHIPPED, shop_id, ME.reference)
        self.welcome = Welcome(
            url=self.url,
            database_url=running.database_url,
            shop_id=shop_id,
            tokens=await tokens.issue(running.settings, opened, self.folder),
            data=self.folder.path,
            inbox=self.folder.ledger,
            orders=await Order.filter(shop_id=shop_id).count(),
            refunds=await Refund.filter(shop_id=shop_id).count(),
            unshipped=(unshipped[0]["id"], unshipped[0]["number"]) if unshipped else None,
        )

    async def ready(self, running: Engine) -> None:
        """The doors are open."""
        assert self.welcome is not None, "prepared before the doors open"
        text = self.welcome.as_json() if self.json_output else self.welcome.as_page()
        if isinstance(sys.stdout, TextIOWrapper):
            sys.stdout.reconfigure(errors="replace")  # for a terminal without Chinese
        with suppress(BrokenPipeError):  # whoever reads has read enough
            sys.stdout.write(f"{text}\n")
            sys.stdout.flush()


@contextmanager
def _stoppable() -> Iterator[None]:
    """A signal during the start cancels it; once the doors are open, the server listens itself."""
    loop, start = asyncio.get_running_loop(), asyncio.current_task()
    assert start is not None

    def stop() -> None:
        for number in _SIGNALS:
            loop.add_signal_handler(number, lambda: None)  # once is enough
        start.cancel()

    for number in _SIGNALS:
        loop.add_signal_handler(number, stop)
    yield


def _sandbox(folder: Folder) -> Mapping[str, Mapping[str, str]]:
    """The sandbox's four providers, all in the demo's folder."""
    ledger = str(folder.ledger)
    return {
        "sandbox": {"ledger": ledger, "processing_seconds": _PROCESSING},
        # Nobody sends its webhooks: it is asked.
        "sandbox-courier": {"ledger": ledger, "language": "zh", "subscribe": "false"},
        "sandbox-crm": {"ledger": ledger, "language": "zh"},
        "sandbox-inbox": {"ledger": ledger},
    }


def _free_port(host: str, port: int) -> int:
    """The port, or a free one for 0. Raises CannotStart before anything was started."""
    try:
        [family, kind, protocol, _, address] = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            found: int = probe.getsockname()[1]
    except OSError as error:
        raise CannotStart(
            f"cannot listen on {host}:{port} ({error.strerror}); choose another port with --port"
        ) from error
    return found


def _url(host: str, port: int) -> str:
    host = _ANY_ADDRESS.get(host, host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _tell(text: str) -> None:
    """A word to whoever sits at the terminal; programs read standard output."""
    console = Console(stderr=True, highlight=False)
    if console.is_terminal:
        console.print(text, style="dim", soft_wrap=True)

"""The composition root: settings, database, plugins, flow and API put together, once."""

import asyncio
import hmac
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import structlog
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from refund_gql import database, files, jobs, registry, storage, vault, webhooks
from refund_gql.backoffice import default_rules, default_scripts
from refund_gql.errors import Unavailable
from refund_gql.flow import (
    aftercare,
    anomalies,
    assessment,
    assignment,
    classification,
    crm_flags,
    deadlines,
    flags,
    issuing,
    lanes,
    leftovers,
    negotiation,
    overdue,
    parcels,
    pickups,
    product_rates,
    reactions,
    reconciliation,
    restoring,
    waiting,
    watching,
)
from refund_gql.flow.conversation import Gateways
from refund_gql.flow.errands import Crms
from refund_gql.flow.risk import Risks
from refund_gql.graphql import page, schema, view
from refund_gql.lab import working
from refund_gql.outbox import announcing, deliveries, messages, sending, warnings
from refund_gql.outbox.channels import Channels
from refund_gql.providers import ProviderKind
from refund_gql.registry import Providers
from refund_gql.settings import Settings
from refund_gql.storage import Storage

Endpoint = Callable[[Request], Awaitable[Response]]
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Engine:
    """What runs in one process: a migrated database, loaded plugins, and what talks to them."""

    settings: Settings
    database_url: str
    providers: Providers
    gateways: Gateways
    risks: Risks
    files: Storage


@asynccontextmanager
async def engine(
    settings: Settings, provider_defaults: Mapping[str, Mapping[str, str]] | None = None
) -> AsyncIterator[Engine]:
    """Start everything but the doors; stops it all in reverse order."""
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(database.server(settings))
        await database.migrate(url)
        await jobs.install(url)
        await stack.enter_async_context(database.connected(url, pool_size=settings.pool_size))
        await default_rules.create_missing()
        await default_scripts.create_missing()
        providers = Providers(
            registry=registry.load(settings, provider_defaults or {}),
            vault=vault.of(settings),
            settings=settings,
        )
        stack.push_async_callback(providers.aclose)
        yield Engine(
            settings=settings,
            database_url=url,
            providers=providers,
            gateways=gateways_of(providers, settings),
            risks=risks_of(providers),
            files=storage.of(settings),
        )


def risks_of(providers: Providers) -> Risks:
    """The CRM systems that are installed."""
    names = [offer.name for offer in providers.registry.of_kind(ProviderKind.CRM)]
    return Risks(connect=providers.crm, names=names)


def gateways_of(providers: Providers, settings: Settings) -> Gateways:
    """The gateways with the patience the settings ask for."""
    return Gateways(
        connect=providers.gateway,
        tries=settings.payout_tries,
        backoff=timedelta(seconds=settings.payout_backoff_seconds),
        backoff_limit=timedelta(seconds=settings.payout_backoff_limit_seconds),
    )


# --- the worker -------------------------------------------------------------------------------


def work(running: Engine) -> jobs.Work:
    """Every kind of job and every schedule."""
    gateways, channels = running.gateways, running.providers
    crms = Crms.of(running.providers)
    handle_webhook, sender = webhooks.handler(gateways), sending.of(running.settings)
    return jobs.Work(
        handlers={
            "classify": lambda subject: classification.classify(UUID(subject), running.risks),
            "pay": lambda subject: gateways.pay(UUID(subject)),
            "recheck": lambda subject: gateways.recheck(UUID(subject)),
            "flags": lambda subject: crm_flags.tell(running.risks, UUID(subject)),
            "aftercare": lambda subject: aftercare.after_refund(UUID(subject)),
            "coupon": lambda subject: issuing.serve(crms, UUID(subject)),
            "restore": lambda subject: restoring.restore(crms, UUID(subject)),
            "offers": lambda subject: negotiation.expire(UUID(subject)),
            "overdue": lambda subject: overdue.look(UUID(subject)),
            "webhook": lambda subject: handle_webhook(UUID(subject)),
            "announce": lambda subject: _announce(channels, subject),
            "message": lambda subject: messages.send(channels, UUID(subject)),
            "deliver": lambda subject: sender.deliver(UUID(subject)),
            "evidence": lambda subject: leftovers.discard(running.files, UUID(subject)),
            "react": lambda subject: reactions.react(subject, running.risks),
            "backtest": lambda subject: working.work(UUID(subject)),
            "assign": lambda subject: assignment.deal(UUID(subject)),
            "vacate": lambda subject: assignment.vacate(UUID(subject)),
            "watch": lambda subject: watching.look(running.providers.courier, UUID(subject)),
            "pickup": lambda subject: pickups.serve(running.providers.courier, UUID(subject)),
            "anomaly": lambda subject: warnings.tell(channels, UUID(subject)),
        },
        schedules={
            "reconcile": ("*/2 * * * *", _reconcile),
            **_about_customers(running.risks),
            "leftovers": ("41 3 * * *", lambda: leftovers.sweep(running.files)),
            **_about_parcels(),
            "trim": ("17 3 * * *", reconciliation.trim),
            "clock": ("* * * * *", _look_at_the_clock),
        },
        beats={"deadlines": (deadlines.EVERY_SECONDS, _watch_deadlines)},
    )


def _about_customers(risks: Risks) -> Mapping[str, jobs.Schedule]:
    """What is looked at while no refund waits."""
    return {
        "assess": ("*/5 * * * *", assessment.assess),
        "baseline": ("23 2 * * *", assessment.assess_all),
        "decay": ("*/5 * * * *", flags.decay),
        "late-flags": ("*/10 * * * *", lambda: crm_flags.announce(risks)),
    }


def _about_parcels() -> Mapping[str, jobs.Schedule]:
    """What is looked at whether or not a refund waits for it."""
    return {
        "follow": ("*/5 * * * *", _follow_parcels),
        "lanes": ("47 2 * * *", _refresh_lanes),
        "product-rates": ("57 2 * * *", _refresh_product_rates),
    }


async def _follow_parcels() -> None:
    await parcels.follow_missing()
    await anomalies.sweep()


async def _refresh_lanes() -> None:
    await lanes.refresh()


async def _refresh_product_rates() -> None:
    await product_rates.refresh()


async def _reconcile() -> None:
    await reconciliation.reconcile(
        aftercare.MISSING,
        anomalies.MISSING,
        announcing.MISSING,
        assignment.MISSING,
        crm_flags.MISSING,
        deliveries.MISSING,
        issuing.MISSING,
        leftovers.MISSING,
        messages.MISSING,
        negotiation.MISSING,
        parcels.MISSING,
        pickups.MISSING,
        restoring.MISSING,
        working.MISSING,
    )


async def _announce(channels: Channels, subject: str) -> None:
    """What a change is to people, and what it is to the shop's rules; each repeats without harm."""
    await announcing.announce(channels, subject)
    await reactions.status_changed(subject)


async def _look_at_the_clock() -> None:
    await waiting.look()


async def _watch_deadlines() -> None:
    await deadlines.look()


@asynccontextmanager
async def worker(running: Engine) -> AsyncIterator[None]:
    """Do jobs beside whatever else the process does, while the block runs."""
    stop = asyncio.Event()
    task = asyncio.create_task(
        jobs.run(running.database_url, work(running), running.settings, stop)
    )
    try:
        yield
    finally:
        stop.set()
        await task


# --- the API ----------------------------------------------------------------------------------


def create_app(running: Engine) -> Starlette:
    """The HTTP doors of a running engine."""
    graphql = view.View(schema.build(), running.settings, running.providers)

    async def graphql_or_page(request: Request) -> Response:
        wants_html = "text/html" in request.headers.get("accept", "")
        if request.method == "GET" and wants_html and "query" not in request.query_params:
            return HTMLResponse(page.html(str(request.url)), headers=page.HEADERS)
        answer: Response = await graphql.answer(request)
        return answer

    return Starlette(
        routes=[
            Route(
                "/graphql",
                graphql_or_page,
                methods=["GET", "POST"],
                max_body_size=view.MAX_BODY,
            ),
            Route(
                "/webhooks/{shop}/{provider}",
                webhooks.receiver(running.providers),
                methods=["POST"],
                max_body_size=webhooks.MAX_BODY,
            ),
            *files.routes(running.files, running.settings),
            Route("/healthz", _healthz),
            Route("/readyz", _readiness(running.providers)),
            Route("/metrics", _metrics(running.settings)),
        ],
    )


async def _healthz(request: Request) -> Response:
    """The process is alive."""
    return JSONResponse({"status": "ok"})


def _readiness(providers: Providers) -> Endpoint:
    async def readyz(request: Request) -> Response:
        """The database answers, so requests can be served; providers that are down are named."""
        try:
            await database.fetch("select 1")
        except Unavailable:
            return JSONResponse({"status": "database unreachable"}, status_code=503)
        if down := list(providers.down()):
            return JSONResponse({"status": "degraded", "down": down})
        return JSONResponse({"status": "ready"})

    return readyz


def _metrics(settings: Settings) -> Endpoint:
    expected = settings.metrics_token.get_secret_value()

    async def metrics(request: Request) -> Response:
        """Prometheus' page, for whoever has the token."""
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        if not expected or not hmac.compare_digest(given.encode(), expected.encode()):
            return PlainTextResponse("no such page", status_code=404)
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return metrics

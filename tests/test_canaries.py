"""Twenty secrets go through the engine; none comes out where it does not belong.

Each secret is a canary: a text that stands nowhere else. Afterwards every answer, log line,
metric, error, `repr`, line of the command line and row of the database is searched for it.
"""

import traceback
from collections.abc import AsyncIterator, Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import reduce
from typing import Any
from uuid import uuid4

import httpx2
import pytest
import structlog
from prometheus_client import generate_latest
from support import leaky
from support.api import Api
from support.refusals import mutate
from support.world import World, eventually, make_world

from refund_gql import app, database, logs, registry
from refund_gql.app import Engine
from refund_gql.choices import MessageStatus
from refund_gql.cli.plugins import listing
from refund_gql.flow import tracking
from refund_gql.models import Customer, Message, Shop
from refund_gql.providers import CustomerKey, Parcel, ProviderError
from refund_gql.registry import ProviderUnreachable
from refund_gql.registry.redaction import Redaction
from refund_gql.settings import Settings

GIVEN = (
    "gateway key", "gateway certificate", "gateway key that was replaced", "courier key",
    "crm key", "notifier key", "key of a provider that cannot be made", "key of the environment",
    "key that is too weak", "key under an unknown name", "key where a number belongs",
    "password", "wrong password", "forged token",
)  # fmt: skip
"""What somebody gives to the engine."""
ISSUED = (
    "endpoint secret", "endpoint secret after its rotation", "program's token", "login token",
    "session token",
)  # fmt: skip
"""What the engine gives to somebody, in one answer, this once."""
VAULT_KEY = "key of the vault"
PLACES = (
    "answers", "command line", "errors", "logs as JSON", "logs for people", "metrics", "repr",
    "table api_token", "table message", "table payout_attempt", "table pgqueuer_log",
    "table plugin_settings", "table staff", "table tracking_checkpoint",
    "table webhook_endpoint", "table webhook_message",
)  # fmt: skip
"""Where something must have been said, or nobody has listened."""


# --- the detector -----------------------------------------------------------------------------


@dataclass
class Watch:
    """Every secret by name, and everything that was said, by who said it."""

    secrets: dict[str, str] = field(default_factory=dict)
    said: dict[str, list[str]] = field(default_factory=dict)

    def give(self, name: str) -> str:
        """A secret with characters that URLs, JSON and `repr` spell in their own ways."""
        core = uuid4().hex[:16]
        self.secrets[name] = core
        return f"sk/{core}\n+ü"

    def issued(self, name: str, secret: str) -> str:
        """A secret of the engine's own, past the words that all of its kind begin with."""
        self.secrets[name] = secret[-24:]
        return secret

    def hear(self, where: str, *texts: str) -> None:
        """Keep what was said."""
        self.said.setdefault(where, []).extend(texts)

    def hits(self) -> list[tuple[str, str]]:
        """Secret and place, for every text in which a secret stands."""
        return [
            (name, where)
            for where, texts in self.said.items()
            for text in texts
            for name, secret in self.secrets.items()
            if secret in text
        ]


Event = MutableMapping[str, Any]


@contextmanager
def logged(watch: Watch, settings: Settings) -> Iterator[None]:
    """Hear every log line, both as people and as programs read it."""
    # In place, as structlog's own `capture_logs` does: loggers keep the list they began with.
    used = structlog.get_config()["processors"]
    before = list(used)
    chains = {
        where: _chain(settings.model_copy(update={"log_json": json}))
        for where, json in (("logs as JSON", True), ("logs for people", False))
    }

    def both(logger: Any, method: str, event: Event) -> Event:
        for where, chain in chains.items():
            line = reduce(lambda said, step: step(logger, method, said), chain, dict(event))
            watch.hear(where, str(line))
        raise structlog.DropEvent

    used[:] = [both]
    structlog.configure(processors=used)
    try:
        yield
    finally:
        used[:] = before


def _chain(settings: Settings) -> list[Any]:
    logs.configure(settings)
    return list(structlog.get_config()["processors"])


async def dump(watch: Watch) -> None:
    """Hear every row of every table as text, the job queue's too."""
    sql = "select table_name from information_schema.tables where table_schema = 'public'"
    for [table] in await database.fetch(f"{sql} and table_type = 'BASE TABLE'"):
        rows = await database.fetch(f'select to_jsonb(t)::text from "{table}" t')
        watch.hear(f"table {table}", *(row[0] for row in rows))


def test_the_detector_detects() -> None:
    watch = Watch()
    secret = watch.give("planted")
    watch.hear("somewhere", "nothing", f"key={secret}", repr(secret), "nothing")
    assert watch.hits() == [("planted", "somewhere")] * 2


async def test_a_secret_in_a_row_is_detected(world: World) -> None:
    watch = Watch()
    await Shop.filter(id=world.shop.id).update(name=watch.give("planted"))
    await dump(watch)
    assert watch.hits() == [("planted", "table shop")]


async def test_a_secret_in_a_log_line_is_detected(settings: Settings) -> None:
    watch = Watch()
    with logged(watch, settings):
        secret = watch.give("planted")
        try:
            raise ValueError(secret)
        except ValueError:
            structlog.get_logger("test").exception("failed", reason=secret)
    assert set(watch.hits()) == {("planted", "logs as JSON"), ("planted", "logs for people")}


@pytest.mark.parametrize("leak", ["errors", "results"])
async def test_an_engine_that_does_not_redact_is_detected(
    place: "Place", leak: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The leaky providers leak, once nobody holds them back."""
    if leak == "errors":
        monkeypatch.setattr(Redaction, "text", lambda self, text: text)
    else:
        monkeypatch.setattr(Redaction, "result", lambda self, result: result)
    await set_up(place)
    await news_of_providers(place)
    await dump(place.watch)
    where = "table webhook_message" if leak == "results" else "logs as JSON"
    assert ("gateway key", where) in place.watch.hits()


# --- the place where it happens ---------------------------------------------------------------


@dataclass(kw_only=True)
class Place:
    """A shop whose providers are all leaky, and whoever listens to it."""

    watch: Watch
    world: World
    engine: Engine

    @property
    def owner(self) -> Api:
        return self.world.owner

    async def ask(self, name: str, content: dict[str, Any], more: str = "") -> dict[str, Any]:
        """What a mutation of the owner's answers."""
        return await mutate(self.owner, name, content, more)


@pytest.fixture
async def place(
    engine: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Place]:
    watch = Watch()
    watch.secrets[VAULT_KEY] = settings.secret_keys.get_secret_value().partition(":")[2]
    defaults = {"leaky-crm": {"api_key": watch.give("key of the environment")}}
    everything = leaky.installed(engine.providers.registry, defaults)
    monkeypatch.setattr(engine.providers, "registry", everything)
    monkeypatch.setattr(leaky.LeakyBox, "taken", 0)

    async def hear(response: httpx2.Response) -> None:
        await response.aread()
        watch.hear("answers", response.text, str(response.headers))

    transport = httpx2.ASGITransport(app=app.create_app(engine), raise_app_exceptions=False)
    async with httpx2.AsyncClient(
        transport=transport, base_url="http://test", event_hooks={"response": [hear]}
    ) as client:
        world = await make_world(Api(client), settings)
        with logged(watch, settings):
            yield Place(watch=watch, world=world, engine=engine)


async def set_up(place: Place) -> None:
    """Give every provider its secrets, through the API."""
    give = place.watch.give
    for provider, values in (
        ("leaky", {"api_key": give("gateway key that was replaced")}),
        ("leaky", {"api_key": give("gateway key"), "certificate": give("gateway certificate")}),
        ("leaky-courier", {"api_key": give("courier key")}),
        ("leaky-box", {"api_key": give("notifier key")}),
        ("leaky-maker", {"api_key": give("key of a provider that cannot be made")}),
    ):
        done = await place.ask("pluginSettingsUpdate", {"provider": provider, "values": values})
        assert done["__typename"] == "PluginSettings", done


async def set_up_wrongly(place: Place) -> None:
    """Settings that are refused, each for a secret in the wrong place."""
    give = place.watch.give
    for values in (
        {"api_key": f"weak {give('key that is too weak')}"},
        {"api_kee": give("key under an unknown name")},
        {"retries": give("key where a number belongs")},
    ):
        refused = await place.ask("pluginSettingsUpdate", {"provider": "leaky", "values": values})
        assert refused["code"] == "INVALID_INPUT"


async def ask_providers(place: Place) -> None:
    """Whether they work, which none does, and what they say when they are called."""
    give, providers, shop_id = place.watch.give, place.engine.providers, place.world.shop.id
    for provider in (kind.name for kind in leaky.KINDS):
        more = "... on PluginCheck { ok failure reason setting }"
        found = await place.ask("pluginCheck", {"provider": provider}, more)
        assert found["ok"] is (provider == "leaky-box")
    crm = {"provider": "leaky-crm", "values": {"api_key": give("crm key")}}
    await place.ask("pluginSettingsUpdate", crm)
    asked = await providers.crm(shop_id, "leaky-crm")
    signals = await asked.call("signals", lambda one: one.signals(CustomerKey(reference="C-1")))
    with pytest.raises(ProviderError) as failed:
        await asked.call("check", lambda one: one.check())
    with pytest.raises(ProviderUnreachable) as unmade:
        await providers.any(shop_id, "leaky-maker")
    for error in (failed.value, unmade.value):
        place.watch.hear("errors", *traceback.format_exception(error))
    place.watch.hear("repr", repr(signals), repr(asked), repr(providers), repr(place.engine))


async def news_of_providers(place: Place) -> None:
    """Webhooks and histories of parcels: forged, broken, and true with a key in them."""
    handle, shop_id = place.world.shop.handle, place.world.shop.id
    for provider, body, status in (
        ("leaky", b"forged", 401),
        ("leaky", b"broken", 503),
        ("leaky", b"R-1", 200),
        ("leaky-courier", b"T-1", 200),
    ):
        door = f"/webhooks/{handle}/{provider}"
        answer = await place.world.api.client.post(door, content=body)
        assert answer.status_code == status, (provider, body)
    line = await place.engine.providers.courier(shop_id, "leaky-courier")
    news = await line.call("track", lambda one: one.track(Parcel(tracking_number="T-2")))
    await tracking.record(shop_id, "leaky-courier", tracking.understood(news))


async def refund_twice(place: Place) -> None:
    """Two refunds through the leaky gateway, each told to the customer by the leaky notifier."""
    world, own = place.world, {"shop_id": place.world.shop.id}
    await Shop.filter(id=world.shop.id).update(channel_order={"DEFAULT": ["leaky-box"]})
    await Customer.filter(**own, reference="C-1").update(email="wang@shop.example")
    for _ in range(2):
        paid = {"gateway": "leaky", "reference": f"PAY-{uuid4().hex}", "amount": 8900}
        refund = await world.refund(world.customer, await world.order(captures=[paid]))
        stuck = await world.reaches(refund, "PAYMENT_STUCK")
        payout = "payouts { code message gatewayReference attempts { code message } }"
        await world.owner.refund(stuck["id"], payout)

    async def told() -> bool | None:
        taken = await Message.filter(**own, status=MessageStatus.SENT, reference__isnull=False)
        refused = await Message.filter(**own, status=MessageStatus.DEAD, code__isnull=False)
        return bool(taken and refused) or None

    await eventually(told, "one message that was taken and one that was refused")
    await place.owner("{ messages { edges { node { failureCode error channelReference } } } }")


async def issue(place: Place) -> None:
    """Everything the engine hands out once, and passwords that are right, wrong and forged."""
    watch, secret = place.watch, "... on WebhookEndpointSecret { endpoint { id } secret }"
    url = {"url": "https://shop.example/hook"}
    made = await place.ask("webhookEndpointCreate", url, secret)
    watch.issued("endpoint secret", made["secret"])
    rotated = await place.ask("webhookEndpointRotateSecret", made["endpoint"], secret)
    watch.issued("endpoint secret after its rotation", rotated["secret"])
    token = "... on IssuedToken { token }"
    scopes = {"name": "backend", "scopes": ["READ"]}
    program = await place.ask("apiTokenCreate", scopes, token)
    watch.issued("program's token", program["token"])
    customer = {"customerReference": "C-1"}
    session = await mutate(place.world.service, "customerSessionCreate", customer, token)
    watch.issued("session token", session["token"])
    person = {"email": "a@shop.example", "password": watch.give("password")}
    await place.ask("staffCreate", {**person, "name": "A", "role": "AGENT"})
    login = {**person, "shop": place.world.shop.handle}
    entered = await mutate(place.world.api, "staffLogin", login, token)
    watch.issued("login token", entered["token"])
    wrong = {**login, "password": watch.give("wrong password")}
    assert (await mutate(place.world.api, "staffLogin", wrong))["code"] == "NOT_ALLOWED"
    forged = watch.give("forged token").replace("\n", "").replace("ü", "")
    refused = await place.world.api.with_token(f"rg_0123456789ab_{forged}").post("{ shop { id } }")
    assert refused.status_code == 401
    used = place.world.api.with_token(program["token"])
    assert (await used("{ viewer { name } }"))["viewer"] == {"name": "backend"}


async def look_at_everything(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """What owners, operators and Prometheus can see."""
    await place.owner(
        "{ plugins { reason providers { name state reason settingsSchema downReason settings {"
        " values secretsSet } } } webhookEndpoints { url description }"
        ' pluginSettings(provider: "leaky") { values secretsSet } }'
    )
    capsys.readouterr()
    for as_json in (False, True):
        listing(json_output=as_json)
    shown = capsys.readouterr()
    assert "leaky-courier" in shown.out
    place.watch.hear("command line", shown.out, shown.err)
    place.watch.hear("metrics", generate_latest().decode())
    place.watch.hear("repr", repr(place.engine.settings), repr(place.engine.providers.vault))
    await dump(place.watch)


# --- twenty secrets ---------------------------------------------------------------------------


async def test_no_secret_comes_out_where_it_does_not_belong(
    place: Place,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "1000")  # a table that breaks lines would break secrets too
    monkeypatch.setattr(registry, "load", lambda *_: place.engine.providers.registry)
    for scene in (set_up, set_up_wrongly, ask_providers, news_of_providers, refund_twice, issue):
        await scene(place)
    await look_at_everything(place, capsys)
    watch = place.watch
    watch.hear("logs of libraries", caplog.text)
    assert set(watch.secrets) == {*GIVEN, *ISSUED, VAULT_KEY}
    assert len(set(watch.secrets.values())) == 20
    assert [where for where in PLACES if not "".join(watch.said[where])] == []
    # What is issued stands in the one answer that issues it.
    assert sorted(watch.hits()) == sorted((name, "answers") for name in ISSUED)
    masked = [where for where, texts in watch.said.items() if "[secret]" in "".join(texts)]
    assert {"answers", "errors", "logs as JSON", "table message"} <= set(masked)

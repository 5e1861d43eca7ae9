"""Providers that put their secrets into whatever they say, as careless plugins do."""

from collections.abc import Sequence
from typing import Any, ClassVar

from pydantic import SecretBytes, SecretStr, field_validator

from refund_gql import clock
from refund_gql.providers import (
    EMAIL,
    Checkpoint,
    Courier,
    CourierCapabilities,
    Crm,
    CustomerKey,
    Delivery,
    FlagChange,
    FlagResult,
    GatewayCapabilities,
    GatewayNotice,
    Headers,
    Misconfigured,
    Notification,
    Notifier,
    Outcome,
    OutcomeState,
    Parcel,
    PaymentGateway,
    Provider,
    ProviderKind,
    ProviderSettings,
    RefundRequest,
    Refused,
    RiskLevel,
    RiskSignal,
    Tracking,
    TrackingNotice,
    TrackingTag,
    WebhookRejected,
)
from refund_gql.registry import Offer, Plugin, PluginState, Registry


class LeakySettings(ProviderSettings):
    """Secrets of both types, a rule that repeats what it does not like, and a number."""

    api_key: SecretStr
    certificate: SecretBytes | None = None
    retries: int = 0

    @field_validator("api_key")
    @classmethod
    def long_enough(cls, value: SecretStr) -> SecretStr:
        if value.get_secret_value().startswith("weak"):
            raise ValueError(f"{value.get_secret_value()} is too weak")
        return value


def words(provider: Provider) -> str:
    """Every secret of a provider, as errors quote them: plain, in JSON's spelling, in a URL's."""
    assert isinstance(provider.settings, LeakySettings)
    key = provider.settings.api_key.get_secret_value()
    certificate = provider.settings.certificate or SecretBytes(b"")
    return f"401 for {key} {key!r} with {certificate.get_secret_value().decode()}"


class LeakyGateway(PaymentGateway):
    """Fails with its key in every way a gateway can fail."""

    name = "leaky"
    Settings: ClassVar[type[ProviderSettings]] = LeakySettings

    async def check(self) -> None:
        raise Misconfigured(words(self), code=words(self), field="api_key")

    async def refund(self, request: RefundRequest) -> Outcome:
        raise RuntimeError(words(self)) from ValueError(words(self))

    async def query(self, request: RefundRequest) -> Outcome:
        return Outcome(
            state=OutcomeState.REJECTED,
            reference=words(self)[:100],
            code=words(self)[:60],
            message=words(self),
        )

    def parse_webhook(self, headers: Headers, body: bytes) -> GatewayNotice:
        if body == b"forged":
            raise WebhookRejected(words(self))
        if body == b"broken":
            raise KeyError(words(self))
        outcome = Outcome(state=OutcomeState.PROCESSING, message=words(self))
        return GatewayNotice(event_id="said", number=body.decode(), outcome=outcome)

    def capabilities(self) -> GatewayCapabilities:
        return GatewayCapabilities()


class LeakyCourier(Courier):
    """Writes its key into the history of parcels."""

    name = "leaky-courier"
    Settings: ClassVar[type[ProviderSettings]] = LeakySettings

    async def check(self) -> None:
        raise Refused(words(self))

    async def track(self, parcel: Parcel) -> Tracking:
        line = Checkpoint(
            at=clock.now(), tag=TrackingTag.IN_TRANSIT, text=words(self), place=words(self)
        )
        return Tracking(tracking_number=parcel.tracking_number, checkpoints=(line,))

    def parse_webhook(self, headers: Headers, body: bytes) -> Sequence[TrackingNotice]:
        line = Checkpoint(at=clock.now(), tag=None, code=words(self)[:30], text=words(self))
        news = Tracking(tracking_number=body.decode(), checkpoints=(line,))
        return [TrackingNotice(event_id="told", tracking=news)]

    def capabilities(self) -> CourierCapabilities:
        return CourierCapabilities()


class LeakyCrm(Crm):
    """Answers `check` with its key, and signals risk with it."""

    name = "leaky-crm"
    Settings: ClassVar[type[ProviderSettings]] = LeakySettings

    async def check(self) -> None:
        raise ConnectionError(words(self))

    async def signals(self, customer: CustomerKey) -> list[RiskSignal]:
        return [RiskSignal(code="leaky", level=RiskLevel.HIGH, text=words(self))]

    async def set_flags(self, changes: Sequence[FlagChange]) -> list[FlagResult]:
        return []


class LeakyBox(Notifier):
    """Takes one message under its key, and refuses the others with it."""

    name = "leaky-box"
    Settings: ClassVar[type[ProviderSettings]] = LeakySettings
    address = EMAIL
    taken = 0

    async def check(self) -> None:
        """Nothing to prove."""

    async def send(self, message: Notification) -> Delivery:
        self.taken += 1
        if self.taken > 1:
            raise Refused(words(self), code=words(self)[:60])
        return Delivery(reference=words(self)[:120])


class LeakyMaker(LeakyCrm):
    """Cannot even be made."""

    name = "leaky-maker"

    def __init__(self, settings: ProviderSettings) -> None:
        super().__init__(settings)
        raise OSError(words(self))


KINDS: tuple[type[Provider], ...] = (LeakyGateway, LeakyCourier, LeakyCrm, LeakyBox, LeakyMaker)


def installed(registry: Registry, defaults: dict[str, dict[str, Any]]) -> Registry:
    """The registry with all of them; `defaults` is what the environment says, by provider."""
    plugin = Plugin(
        name="leaky",
        distribution="refund-gql-leaky",
        version="1.0",
        state=PluginState.ACTIVE,
        provides=tuple(kind.name for kind in KINDS),
    )
    offers = {
        kind.name: Offer(
            name=kind.name,
            kind=ProviderKind(kind.kind),
            provider=kind,
            plugin="leaky",
            defaults=defaults.get(kind.name, {}),
        )
        for kind in KINDS
    }
    return Registry(offers={**registry.offers, **offers}, plugins=(*registry.plugins, plugin))

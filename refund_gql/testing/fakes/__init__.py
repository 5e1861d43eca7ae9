"""One honest provider per kind, in memory, for tests of whatever uses providers.

They keep the contracts to the letter (a number pays once, a conflict is refused, flags are sets)
and pass the kit at Gold. Each comes with its account: `FakeGateway(account=FakeBank())` pays into
`bank.payments`, and `with bank.struck(Fault.TIMEOUT_AFTER):` makes it misbehave. The module has
the hooks of a plugin, so a test may register it as one.
"""

from refund_gql.providers import Courier, Crm, Notifier, PaymentGateway, hookimpl
from refund_gql.testing.fakes.courier import FakeCourier, FakeDepot
from refund_gql.testing.fakes.crm import FakeCrm, FakeRegister
from refund_gql.testing.fakes.gateway import FakeBank, FakeGateway
from refund_gql.testing.fakes.memory import FakeSettings
from refund_gql.testing.fakes.notifier import FakeNotifier, FakePost
from refund_gql.testing.fakes.signing import signed

__all__ = [
    "FakeBank",
    "FakeCourier",
    "FakeCrm",
    "FakeDepot",
    "FakeGateway",
    "FakeNotifier",
    "FakePost",
    "FakeRegister",
    "FakeSettings",
    "signed",
]

REFUND_GQL_API = ">=1.0,<2"


@hookimpl
def register_gateways() -> list[type[PaymentGateway]]:
    """The fake gateway."""
    return [FakeGateway]


@hookimpl
def register_couriers() -> list[type[Courier]]:
    """The fake courier."""
    return [FakeCourier]


@hookimpl
def register_crms() -> list[type[Crm]]:
    """The fake CRM."""
    return [FakeCrm]


@hookimpl
def register_notifiers() -> list[type[Notifier]]:
    """The fake channel."""
    return [FakeNotifier]

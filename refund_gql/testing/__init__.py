"""The conformance kit: what the author of a plugin tests it with.

    from refund_gql.testing import GatewayConformance

Subclass the class of your kind and give it a simulated account; `docs/conformance.md` has the
rules and an example. Installed with `refund-gql[testing]`, the kit is a pytest plugin as well:
it prints the tier, and `--conformance-record` writes it down.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from refund_gql.testing.accounts import (
        Account,
        CourierAccount,
        CrmAccount,
        GatewayAccount,
        NotifierAccount,
        Payment,
        Scan,
        Sent,
    )
    from refund_gql.testing.courier import CourierConformance, ParcelNews
    from refund_gql.testing.crm import CrmConformance
    from refund_gql.testing.fakes import FakeCourier, FakeCrm, FakeGateway, FakeNotifier
    from refund_gql.testing.faults import RETRY_AFTER, Fault, On
    from refund_gql.testing.gateway import DisputeNews, GatewayConformance, RefundNews
    from refund_gql.testing.notifier import NotifierConformance
    from refund_gql.testing.recordings import RecordedTransport, leaks, recorded
    from refund_gql.testing.rules import RULES, Rule
    from refund_gql.testing.simulator import FaultyTransport, Simulator
    from refund_gql.testing.webhooks import Webhook

__all__ = [
    "RETRY_AFTER",
    "RULES",
    "Account",
    "CourierAccount",
    "CourierConformance",
    "CrmAccount",
    "CrmConformance",
    "DisputeNews",
    "FakeCourier",
    "FakeCrm",
    "FakeGateway",
    "FakeNotifier",
    "Fault",
    "FaultyTransport",
    "GatewayAccount",
    "GatewayConformance",
    "NotifierAccount",
    "NotifierConformance",
    "On",
    "ParcelNews",
    "Payment",
    "RecordedTransport",
    "RefundNews",
    "Rule",
    "Scan",
    "Sent",
    "Simulator",
    "Webhook",
    "leaks",
    "recorded",
]

_MODULES = {
    "accounts": "Account CourierAccount CrmAccount GatewayAccount NotifierAccount "
    "Payment Scan Sent",
    "courier": "CourierConformance ParcelNews",
    "crm": "CrmConformance",
    "fakes": "FakeCourier FakeCrm FakeGateway FakeNotifier",
    "faults": "RETRY_AFTER Fault On",
    "gateway": "DisputeNews GatewayConformance RefundNews",
    "notifier": "NotifierConformance",
    "recordings": "RecordedTransport leaks recorded",
    "rules": "RULES Rule",
    "simulator": "FaultyTransport Simulator",
    "webhooks": "Webhook",
}
_HOME = {name: module for module, names in _MODULES.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    # Late, since pytest loads the kit's plugin into every session, and since it must be told of
    # the modules whose assertions to explain before they are imported.
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)

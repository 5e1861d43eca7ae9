"""What the demo's shop watches: a CRM system, and a customer whose returns somebody has noted."""

from refund_gql.app import Engine
from refund_gql.auth import Viewer
from refund_gql.flow import flags
from refund_gql.flow.flags import Mark
from refund_gql.flow.once import Once
from refund_gql.models import Customer, Shop
from refund_gql.registry import configuration
from refund_gql.registry.configuration import SettingsChange

CRM = "sandbox-crm"
FLAGGED = "C-1021"
"""The customer; none of the script."""
_MARK = Mark(
    code="swapped-goods",
    why={
        "zh": "两次退回的商品与发出的不一致，请验货后再退款",
        "en": "Sent back other goods than were delivered, twice: inspect before refunding",
    },
)


async def begin(running: Engine, shop: Shop, owner: Viewer) -> None:
    """Set the CRM system up and flag the customer. Done again, it changes nothing."""
    providers = running.providers
    if CRM in providers.registry.offers:
        switch = SettingsChange(provider=CRM, enabled=True)
        await configuration.update(owner, providers.registry, providers.vault, switch)
    customer = await Customer.get(shop_id=shop.id, reference=FLAGGED)
    once = Once(key="demo:flag", operation="customerFlag", input={})
    await flags.flag(owner, customer.id, _MARK, once=once)

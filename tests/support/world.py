"""The smallest world a test needs: one shop, its people, an order."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID, uuid4

from refund_gql import clock
from refund_gql.auth import system
from refund_gql.backoffice import shops, staff
from refund_gql.catalogue import customers
from refund_gql.catalogue.customers import CustomerFacts
from refund_gql.models import Shop, Staff
from refund_gql.roles import Role, Scope
from refund_gql.settings import Settings
from support.api import STAFF_ONLY, Api, key

T = TypeVar("T")

STAFF_ROLES = (Role.OWNER, Role.AGENT, Role.WAREHOUSE, Role.FINANCE, Role.ANALYST)


class World:
    """One shop with a token per role; every world is a tenant of its own."""

    def __init__(self, api: Api, shop: Shop, settings: Settings, tokens: dict[Role, str]) -> None:
        self.api = api
        self.shop = shop
        self.settings = settings
        self.tokens = tokens

    def as_(self, role: Role) -> Api:
        return self.api.with_token(self.tokens[role])

    @property
    def owner(self) -> Api:
        return self.as_(Role.OWNER)

    @property
    def agent(self) -> Api:
        return self.as_(Role.AGENT)

    @property
    def warehouse(self) -> Api:
        return self.as_(Role.WAREHOUSE)

    @property
    def finance(self) -> Api:
        return self.as_(Role.FINANCE)

    @property
    def service(self) -> Api:
        return self.as_(Role.SERVICE)

    @property
    def customer(self) -> Api:
        return self.as_(Role.CUSTOMER)

    async def order(self, **changes: Any) -> dict[str, Any]:
        """Report an order through the API; by default one line of 89.00 CNY, unshipped, paid."""
        order = await self.service.mutate("orderUpsert", order_input(**changes), ORDER, on="Order")
        assert order["__typename"] == "Order", order
        return order

    async def refund(self, by: Api, order: dict[str, Any], **changes: Any) -> dict[str, Any]:
        """Ask for a refund of an order: the refund or the problem."""
        asked = {"orderId": order["id"], "idempotencyKey": key(), **changes}
        return await by.request("refundRequest", asked)

    async def reaches(self, refund: dict[str, Any], *statuses: str) -> dict[str, Any]:
        """The refund once it has one of these statuses."""

        seen: dict[str, Any] = {}

        async def look() -> dict[str, Any] | None:
            seen.update(await self.owner.refund(refund["id"], STAFF_ONLY))
            return seen if seen["status"] in statuses else None

        try:
            return await eventually(look, f"refund in {statuses}")
        except AssertionError as error:
            raise AssertionError(f"{error}; it is {seen}") from error


ORDER = """id number total { amount currency } fulfilment
  lines { id position sku quantity amount { amount } discount { amount } refundableQuantity }
  captures { id amount { amount } reserved { amount } disputed { amount } } """


def order_input(**changes: Any) -> dict[str, Any]:
    """An OrderInput: one thermos for 89.00 CNY, paid ten minutes ago, not shipped."""
    lines = changes.pop(
        "lines", [{"sku": "THERMOS", "title": "保温杯", "quantity": 1, "unitPrice": 8900}]
    )
    total = sum(line["unitPrice"] * line["quantity"] - line.get("discount", 0) for line in lines)
    total += changes.get("shippingAmount", 0) - changes.get("discount", 0)
    paid = [
        {
            "gateway": "sandbox",
            "reference": f"PAY-{uuid4().hex}",
            "amount": total,
            "metadata": changes.pop("metadata", {"sandbox": "OK*"}),
        }
    ]
    return {
        "number": f"SO-{uuid4().hex[:12]}",
        "currency": "CNY",
        "placedAt": (clock.now() - timedelta(minutes=10)).isoformat(),
        "customerReference": "C-1",
        "lines": lines,
        "captures": paid if total else [],
        **changes,
    }


def shipped(*, delivered: bool = True) -> list[dict[str, Any]]:
    """A parcel with everything in it, sent three days ago."""
    sent = clock.now() - timedelta(days=3)
    arrived = (sent + timedelta(days=1)).isoformat() if delivered else None
    return [
        {
            "courier": "SF",
            "trackingNumber": uuid4().hex[:12],
            "shippedAt": sent.isoformat(),
            "deliveredAt": arrived,
        }
    ]


async def make_world(api: Api, settings: Settings, **changes: Any) -> World:
    """A new shop with people, a customer C-1, and a token for each role."""
    shop_id = await shops.create(
        f"shop-{uuid4().hex[:12]}",
        name="Test",
        currency=changes.get("currency", "CNY"),
        time_zone=changes.get("time_zone", "Asia/Shanghai"),
        locale="en",
    )
    shop = await Shop.get(id=shop_id)
    shop.finance_threshold = changes.get("finance_threshold", 10000)
    shop.return_address = "1 Return Road"
    shop.return_requirements = {"en": "Unworn, with box", "zh": "未穿着，配件齐全"}
    await shop.save()
    return World(api, shop, settings, await _tokens(shop_id, settings))


async def _tokens(shop_id: UUID, settings: Settings) -> dict[Role, str]:
    root = system(shop_id)
    tokens = {role: await staff_token(shop_id, settings, role) for role in STAFF_ROLES}
    service = await staff.create_api_token(
        root, settings, name="backend", scopes=list(Scope), expires_at=None
    )
    tokens[Role.SERVICE] = service.text
    viewer = type(root)(shop_id=shop_id, role=Role.OWNER)
    await customers.upsert_customer(
        viewer, CustomerFacts(reference="C-1", name="王小明", locale="zh")
    )
    session = await staff.create_customer_session(root, settings, customer_reference="C-1")
    tokens[Role.CUSTOMER] = session.text
    return tokens


async def staff_token(shop_id: UUID, settings: Settings, role: Role) -> str:
    """A fresh member of staff with this role; their token. Passwords are not hashed here:
    nobody logs in, and argon2 is slow on purpose."""
    person = await Staff.create(
        shop_id=shop_id,
        email=f"{uuid4().hex[:8]}@shop.example",
        name=role.value.title(),
        role=role,
        password_hash="unusable",
        created_at=datetime.now(UTC),
    )
    issued = await staff.issue_staff_token(settings, person, expires_at=None)
    return issued.text


async def eventually(look: Callable[[], Awaitable[T | None]], what: str, seconds: float = 60) -> T:
    """The first result of `look` that is not None; fails when it takes absurdly long."""
    for _ in range(int(seconds / 0.02)):
        found = await look()
        if found is not None:
            return found
        await asyncio.sleep(0.02)
    raise AssertionError(f"never came: {what}")

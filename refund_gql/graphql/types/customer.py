"""Customers and products, as the shop reported them."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, ClassVar

import strawberry

from refund_gql.graphql.context import Info
from refund_gql.graphql.scalars import JSON
from refund_gql.graphql.sources import Node, children, column, json
from refund_gql.graphql.types.risk import CrmFlags, CustomerFlag, CustomerRisk, risk_of

if TYPE_CHECKING:
    from refund_gql.graphql.types.coupon import Coupon
from refund_gql.graphql.types.exposure import CustomerExposure, of_customer


@strawberry.type(description="A customer of the shop.")
class Customer(Node):
    table: ClassVar[str] = "customer"

    reference: str = column("reference", "The shop's own key.")
    name: str = column("name", "Personal data.")
    email: str = column("email", "Personal data.")
    phone: str = column("phone", "Personal data.")
    locale: str = column("locale", "The language messages are written in: zh or en.")
    contacts: JSON = json("contacts", "Personal data: further addresses by name.")
    channels: list[str] = json("channels", "The notifiers the customer prefers, best first.")
    created_at: datetime = column("created_at", "UTC.")
    flags: list[CustomerFlag] = children(
        "customer_id",
        "CustomerFlag",
        "The shop's own, those that are over too; newest first.",
        order="since desc, id desc",
    )
    crm_flags: list[CrmFlags] = children(
        "customer_id", "CrmFlags", "What CRM systems were told of them.", order="provider"
    )

    @strawberry.field(description="What is known of the risk; reading it asks nobody.")
    async def risk(self, info: Info) -> CustomerRisk:
        return await risk_of(info, self.row)

    coupons: list[Annotated["Coupon", strawberry.lazy("refund_gql.graphql.types.coupon")]] = (
        children(
            "customer_id",
            "Coupon",
            "Newest first.",
            order="created_at desc, id desc",
        )
    )

    @strawberry.field(description="What was paid ahead of goods, and how much more may be.")
    async def exposure(self, info: Info) -> CustomerExposure:
        return await of_customer(info, self.row)


@strawberry.type(description="A thing the shop sells.")
class Product(Node):
    table: ClassVar[str] = "product"

    sku: str = column("sku", "The shop's own key.")
    title: str = column("title", "What customers read.")
    category: str = column("category", "The shop's own category.")
    created_at: datetime = column("created_at", "UTC.")

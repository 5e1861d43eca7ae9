"""Customers and products: small rows known by the shop's own keys."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from refund_gql import clock, database, validation
from refund_gql.auth import Viewer
from refund_gql.database import Transaction
from refund_gql.errors import InvalidInput
from refund_gql.models import Customer, Product
from refund_gql.outbox import channels
from refund_gql.roles import Role, Scope

MAX_CONTACTS = 20

_CONTACT = re.compile(r"[a-z][a-z0-9_]{0,63}")


@dataclass(frozen=True, kw_only=True)
class CustomerFacts:
    """What the shop knows about a customer; None leaves a field as it is."""

    reference: str
    name: str | None = None
    email: str | None = None
    phone: str | None = None
    locale: str | None = None
    contacts: Mapping[str, str] | None = None
    """Further addresses by the names that channels give them; replaces them all."""
    channels: Sequence[str] | None = None
    """The notifiers the customer prefers, best first."""


@dataclass(frozen=True, kw_only=True)
class ProductFacts:
    """What the shop knows about a product; None leaves a field as it is."""

    sku: str
    title: str | None = None
    category: str | None = None


async def upsert_customer(viewer: Viewer, facts: CustomerFacts) -> UUID:
    """Create or change one customer. Raises NotAllowed, InvalidInput."""
    viewer.require(Role.SERVICE, Role.OWNER, scope=Scope.CATALOGUE)
    given = {
        "name": facts.name and validation.text("name", facts.name, longest=200),
        "email": facts.email and validation.text("email", facts.email, longest=320),
        "phone": facts.phone and validation.text("phone", facts.phone, longest=40),
        "locale": None if facts.locale is None else validation.locale("locale", facts.locale),
        "contacts": None if facts.contacts is None else _contacts(facts.contacts),
        "channels": None
        if facts.channels is None
        else channels.checked_names("channels", facts.channels),
    }

    async def work(tx: Transaction) -> UUID:
        customer = await customer_row(tx, viewer.shop_id, facts.reference)
        customer.update_from_dict({k: v for k, v in given.items() if v is not None})
        await customer.save(using_db=tx)
        return customer.id

    return await database.transaction(work)


async def upsert_product(viewer: Viewer, facts: ProductFacts) -> UUID:
    """Create or change one product. Raises NotAllowed, InvalidInput."""
    viewer.require(Role.SERVICE, Role.OWNER, scope=Scope.CATALOGUE)
    title = facts.title
    given = {
        "title": title if title is None else validation.text("title", title, longest=300),
        "category": facts.category and validation.text("category", facts.category, longest=100),
    }

    async def work(tx: Transaction) -> UUID:
        product = await product_row(tx, viewer.shop_id, facts.sku, title=title or "")
        product.update_from_dict({k: v for k, v in given.items() if v is not None})
        await product.save(using_db=tx)
        return product.id

    return await database.transaction(work)


async def customer_row(tx: Transaction, shop_id: UUID, reference: str) -> Customer:
    """The customer of this reference, made if there is none."""
    reference = validation.text("reference", reference, longest=64)
    fresh = Customer(shop_id=shop_id, reference=reference, created_at=clock.now())
    await Customer.bulk_create([fresh], ignore_conflicts=True, using_db=tx)
    return await Customer.filter(shop_id=shop_id, reference=reference).using_db(tx).get()


async def product_row(tx: Transaction, shop_id: UUID, sku: str, *, title: str) -> Product:
    """The product of this SKU, made if there is none; without a title it is called by its SKU."""
    sku = validation.text("sku", sku, longest=64)
    title = validation.text("title", title, longest=300, required=False) or sku
    fresh = Product(shop_id=shop_id, sku=sku, title=title, created_at=clock.now())
    await Product.bulk_create([fresh], ignore_conflicts=True, using_db=tx)
    return await Product.filter(shop_id=shop_id, sku=sku).using_db(tx).get()


def _contacts(contacts: Mapping[str, str]) -> dict[str, str]:
    validation.limited("contacts", len(contacts), MAX_CONTACTS)
    for name in contacts:
        if not _CONTACT.fullmatch(name):
            raise InvalidInput(
                field="contacts",
                found=name[:40],
                expected="names such as wechat_openid: lower-case letters, digits, underscores",
                zh="名称形如 wechat_openid：小写字母、数字和下划线",
            )
    return {
        name: validation.text(f"contacts.{name}", address, longest=500)
        for name, address in contacts.items()
    }

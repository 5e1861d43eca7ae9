"""Where goods go back to and what they must look like: by what comes back and where it went."""

from datetime import timedelta
from typing import Any

import pytest
from support.api import key
from support.couriers import return_address
from support.trust import step
from support.world import World, make_world, shipped

from refund_gql import clock
from refund_gql.auth import Viewer
from refund_gql.catalogue import customers
from refund_gql.catalogue.customers import ProductFacts
from refund_gql.flow import addresses
from refund_gql.flow.addresses import Goods
from refund_gql.models import Refund, Return, ReturnAddress, new_id
from refund_gql.providers import Address
from refund_gql.roles import Role

PLACE = {"name": "退货组", "phone": "0571-1", "country": "CN", "street": "山茶路 88"}
MORE = """returns { address requirements zh: requirements(locale: "zh")
  checklist { code text } points: checklist(locale: "zh") { text }
  expectedRefundAt expectedRefundBasis { cases medianHours p80Hours } }"""
INTACT = {"code": "INTACT", "zh": "商品完好", "en": "goods intact"}
COMPLETE = {"code": "COMPLETE", "zh": "配件齐全", "en": "accessories complete"}


async def address(world: World, name: str, **more: Any) -> dict[str, Any]:
    """An address of the shop, in a street of its name."""
    made = await return_address(world, name=name, address={**PLACE, "street": name}, **more)
    assert made["__typename"] == "ReturnAddress", made
    return made


async def returned(world: World, **order: Any) -> dict[str, Any]:
    """The return of a refund that was just approved."""
    bought = await world.order(shipments=shipped(), **order)
    asked = await world.refund(world.customer, bought, kind="RETURN_AND_REFUND")
    await world.reaches(asked, "REVIEW")
    await step(world.agent, "refundApprove", asked, kind="RETURN_AND_REFUND")
    found = await world.customer.refund(asked["id"], MORE)
    parcel: dict[str, Any] = found["returns"][0]
    return parcel


# --- which address ----------------------------------------------------------------------------


def place(name: str, **more: Any) -> ReturnAddress:
    return ReturnAddress(name=name, parts=PLACE, **more)


def goods(*kinds: tuple[str, str], region: str = "CN-31") -> Goods:
    return Goods(region=region, kinds=frozenset(kinds or {("SKU", "shoes")}))


EAST, GERMANY = place("east", regions=["CN-31", "CN-33"]), place("germany", regions=["DE"])
SHOES, TENT = place("shoes", categories=["shoes"]), place("tent", skus=["TENT"])
REST = place("rest", fallback=True)


@pytest.mark.parametrize(
    ("what", "chosen"),
    [
        (goods(), "east"),
        (goods(region="DE-BE"), "germany"),
        (goods(region="DE"), "germany"),
        (goods(region="DEX"), "shoes"),
        (goods(region="CN-44"), "shoes"),
        (goods(("TENT", "camping"), region=""), "tent"),
        (goods(("TENT", "camping"), ("SKU", "shoes"), region=""), "rest"),
        (goods(("SKU", ""), region=""), "rest"),
    ],
)
def test_the_first_that_takes_all_the_goods_is_chosen(what: Goods, chosen: str) -> None:
    found = addresses.choose([REST, EAST, GERMANY, SHOES, TENT], what)
    assert found is not None
    assert found.name == chosen


def test_without_a_fallback_nothing_may_be_chosen() -> None:
    assert addresses.choose([GERMANY], goods()) is None


def test_an_address_reads_as_people_write_it() -> None:
    chinese = Address(
        name="退货组", phone="021-1", country="CN", region="上海市", district="徐汇区",
        street="漕溪路1号", postcode="200030",
    )  # fmt: skip
    assert addresses.in_words(chinese) == "上海市徐汇区漕溪路1号 200030 退货组 021-1"
    german = Address(
        name="Returns", phone="+49 30 1", country="DE", city="Berlin", street="Weg 1",
        postcode="10115",
    )  # fmt: skip
    assert addresses.in_words(german) == "Returns, Weg 1, 10115 Berlin, DE, +49 30 1"


async def test_a_return_keeps_what_was_told(world: World) -> None:
    first = await address(world, "East", regions=["CN-31"])
    await address(world, "Rest", fallback=True)
    document = """mutation M($points: [ReturnRequirementInput!]!) {
        returnRequirementsUpdate(requirements: $points) { ... on Shop {
            returnChecklist { code zh en categories } } } }"""
    points: list[dict[str, Any]] = [
        INTACT,
        {**COMPLETE, "categories": ["gadgets"]},
        {**COMPLETE, "code": "SHOES", "categories": ["shoes"]},
    ]
    kept = (await world.owner(document, points=points))["returnRequirementsUpdate"]
    assert kept["returnChecklist"] == [{"categories": [], **point} for point in points]
    sku = {"sku": "SHOES-42", "title": "跑鞋", "quantity": 1, "unitPrice": 39900}
    owner = Viewer(shop_id=world.shop.id, role=Role.OWNER)
    facts = ProductFacts(sku="SHOES-42", title="跑鞋", category="shoes")
    await customers.upsert_product(owner, facts)
    parcel = await returned(world, region="CN-31", lines=[sku])
    assert parcel["address"] == "East 退货组 0571-1"
    assert parcel["points"] == [{"text": "商品完好"}, {"text": "配件齐全"}]
    assert [point["code"] for point in parcel["checklist"]] == ["INTACT", "SHOES"]
    assert parcel["zh"] == "商品完好；配件齐全；未穿着，配件齐全"
    elsewhere = await returned(world, region="CN-44")
    assert elsewhere["address"] == "Rest 退货组 0571-1"
    delete = "mutation M($id: ID!) { returnAddressDelete(id: $id) { __typename } }"
    gone = await world.owner(delete, id=first["id"])
    assert gone["returnAddressDelete"] == {"__typename": "Shop"}
    assert await Return.filter(shop_id=world.shop.id, address="East 退货组 0571-1").count() == 1


async def test_without_addresses_the_shops_own_words_count(world: World) -> None:
    parcel = await returned(world)
    assert parcel["address"] == "1 Return Road"
    assert parcel["zh"] == "未穿着，配件齐全"
    assert parcel["checklist"] == []


# --- what shops may say -----------------------------------------------------------------------


async def test_the_last_that_is_said_to_be_the_fallback_is_it(world: World) -> None:
    first = await address(world, "One", fallback=True)
    await address(world, "Two", fallback=True, position=2)
    query = "{ shop { returnAddresses { name fallback address { street country } } } }"
    found = (await world.owner(query))["shop"]["returnAddresses"]
    assert [(each["name"], each["fallback"]) for each in found] == [("One", False), ("Two", True)]
    assert found[0]["address"] == {"street": "One", "country": "CN"}
    update = """mutation M($id: ID!, $input: ReturnAddressInput!) {
        returnAddressUpdate(id: $id, input: $input) { __typename
            ... on ReturnAddress { name fallback regions } ... on Problem { code path } } }"""
    changed = await world.owner(update, id=first["id"], input={"fallback": True, "regions": ["de"]})
    assert changed["returnAddressUpdate"] == {
        "__typename": "ReturnAddress",
        "name": "One",
        "fallback": True,
        "regions": ["DE"],
    }
    assert await ReturnAddress.filter(shop_id=world.shop.id, fallback=True).count() == 1
    other = await make_world(world.api, world.settings)
    stolen = await other.owner(update, id=first["id"], input={"name": "Mine"})
    assert stolen["returnAddressUpdate"]["code"] == "NOT_FOUND"
    refused = await world.owner(update, id=first["id"], input={"regions": ["Mars"]})
    assert refused["returnAddressUpdate"]["path"] == ["input", "regions", "0"]


async def test_a_new_address_needs_a_name_and_a_place(world: World) -> None:
    made = await return_address(world, name="N")
    assert (made["code"], made["path"]) == ("INVALID_INPUT", ["input", "address"])
    assert not await ReturnAddress.filter(shop_id=world.shop.id).exists()


async def test_a_code_stands_once_in_the_checklist(world: World) -> None:
    document = """mutation M($points: [ReturnRequirementInput!]!) {
        returnRequirementsUpdate(requirements: $points) { ... on Problem { code message } } }"""
    refused = (await world.owner(document, points=[INTACT, INTACT]))["returnRequirementsUpdate"]
    assert refused["code"] == "INVALID_INPUT"


# --- when the money comes ---------------------------------------------------------------------


async def test_too_few_cases_leave_the_engines_default(world: World) -> None:
    parcel = await returned(world)
    assert parcel["expectedRefundBasis"] == {"cases": 0, "medianHours": 168, "p80Hours": 240}


async def test_the_shops_own_figures_say_when_the_money_comes(world: World) -> None:
    await returned(world)
    template = await Refund.filter(shop_id=world.shop.id).first()
    assert template is not None
    await _past(template, range(24, 24 * 11, 24))
    parcel = await returned(world)
    assert parcel["expectedRefundBasis"] == {"cases": 10, "medianHours": 132, "p80Hours": 197}
    [newest] = await Return.filter(shop_id=world.shop.id).order_by("-opened_at").limit(1)
    expected = newest.opened_at + timedelta(hours=197)
    assert parcel["expectedRefundAt"] == expected.isoformat()


async def _past(template: Refund, hours: range) -> None:
    """Returns that took so many hours from their beginning to the money."""
    for took in hours:
        opened = clock.now() - timedelta(days=30)
        columns = {name: getattr(template, name) for name in template._meta.db_fields}
        refund = Refund(**{**columns, "id": new_id(), "number": key()[:32], "status": "REFUNDED"})
        refund.finished_at = opened + timedelta(hours=took)
        await refund.save(force_create=True)
        await Return.create(
            shop_id=template.shop_id,
            refund_id=refund.id,
            status="INSPECTED",
            address="",
            opened_at=opened,
        )

"""The wrong colour, to the end: an 89.00 CNY thermos, not sent, refunded at once; the customer is
told so in Chinese, and a coupon brings her back."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from refund_gql_sandbox.crm import SandboxCrm
from refund_gql_sandbox.inbox import SandboxInbox
from refund_gql_sandbox.settings import CrmSettings, InboxSettings
from support.loyalty import coupons, gift, read_all_rules, row_id, rule, set_up
from support.postroom import reachable
from support.providers import lend, line
from support.world import World, eventually, order_input

from refund_gql import database
from refund_gql.app import Engine
from refund_gql.database import Transaction
from refund_gql.flow import attribution
from refund_gql.models import Coupon, Customer, Message, Refund, Shop
from refund_gql.outbox import facts, wording
from refund_gql.outbox.kinds import KINDS, MessageKind
from refund_gql.outbox.wording import Place


@pytest_asyncio.fixture(loop_scope="session")
async def shop(
    world: World, engine: Engine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> AsyncIterator[World]:
    """It writes to customers, and has a CRM system; both keep a file of their own."""
    ledger = {"ledger": tmp_path / "sandbox.sqlite"}
    inbox = SandboxInbox(InboxSettings.model_validate(ledger))
    crm = SandboxCrm(CrmSettings.model_validate(ledger))
    lend(monkeypatch, engine.providers, line(inbox), name="sandbox-inbox")
    lend(monkeypatch, engine.providers, line(crm), name="sandbox-crm")
    await reachable(world, DEFAULT=["sandbox-inbox"])
    await set_up(world)
    yield world
    await inbox.aclose()
    await crm.aclose()


async def sent(refund: dict[str, Any], count: int) -> dict[str, str]:
    """Kind -> text of the refund's messages, once so many have been sent."""

    async def look() -> dict[str, str] | None:
        rows = await Message.filter(refund_id=row_id(refund), status="SENT")
        return {row.event: row.text for row in rows} if len(rows) == count else None

    return await eventually(look, f"{count} messages")


async def test_the_wrong_colour(shop: World) -> None:
    await read_all_rules(shop)
    await rule(shop, gift(1000, least_order_amount=5000), condition="!refund.goods_shipped")
    order = await shop.order()
    refund = await shop.refund(shop.customer, order, note="颜色拍错了")
    refund = await shop.reaches(refund, "REFUNDED")
    texts = await sent(refund, 3)
    document = "query R($id: ID!) { refund(id: $id) { decisions { trace } } }"
    [decision] = (await shop.owner(document, id=refund["id"]))["refund"]["decisions"]
    assert decision["trace"]["explanation"]["zh"].startswith("规则“未发货仅退款自动通过”")
    [coupon] = await coupons(refund)
    assert (coupon.amount, coupon.currency, coupon.status) == (1000, "CNY", "ISSUED")
    assert coupon.code is not None
    assert coupon.code.startswith("SBX-")
    assert coupon.valid_until is not None
    until = facts.day(coupon.valid_until, "Asia/Shanghai", "zh")
    assert texts == {
        "APPROVED_INSTANTLY": "您的退款申请已自动通过，款项将在1-3个工作日内返回支付账户",
        "REFUNDED": "退款 ¥89.00 已原路退回您的支付账户，实际到账时间以支付渠道为准。",
        "COUPON_ISSUED": f"感谢您的理解，送您一张 ¥10.00 优惠券，券码：{coupon.code}。\n"
        f"订单满 ¥50.00 可用，有效期至{until}。",
    }
    assert [entry["type"] for entry in (await shop.reaches(refund, "REFUNDED"))["timeline"]][
        -2:
    ] == ["REFUNDED", "COUPON_ISSUED"]
    assert [payout["amount"]["amount"] for payout in refund["payouts"]] == [8900]


async def test_she_comes_back_with_the_coupon(shop: World) -> None:
    await read_all_rules(shop)
    await rule(shop, gift())
    refund = await shop.refund(shop.customer, await shop.order())
    refund = await shop.reaches(refund, "REFUNDED")
    await sent(refund, 3)
    [coupon] = await coupons(refund)
    assert coupon.issued_at is not None
    later = (coupon.issued_at + attribution.WINDOW / 2).isoformat()
    again = await shop.order(placedAt=later, couponsUsed=[coupon.code])
    document = "{ careList { edges { node { boughtAgain { number couponsUsed } } } } }"
    listed = (await shop.agent(document))["careList"]["edges"]
    bought = {"number": again["number"], "couponsUsed": [coupon.code]}
    assert listed == [{"node": {"boughtAgain": bought}}]


# --- texts ------------------------------------------------------------------------------------


def text(kind: MessageKind, locale: str, **values: str) -> str:
    """The built-in text with the examples, some of them changed."""
    built_in = wording.built_in(Place(kind=kind, locale=locale))
    return wording._render(built_in, {**KINDS[kind].examples(locale), **values}).text


@pytest.mark.parametrize(
    ("reason", "zh", "en"),
    [
        (
            "too-small-size",
            "保温杯等2件商品的合适尺码已为您预留，下单时使用优惠券 SORRY-7K3M 可减 ¥10.00。\n"
            "优惠券有效期至2026年3月2日。",
            "We have reserved the right size of Thermos and 1 more for you.\n"
            "Reorder with the coupon SORRY-7K3M and save CN¥10.00.\n"
            "The coupon is good up to and including March 2, 2026.",
        ),
        (
            "logistics",
            "很抱歉这次物流没有让您满意，我们已将问题反馈给快递公司并持续跟进。\n"
            "送您一张 ¥10.00 优惠券，券码：SORRY-7K3M，期待您再次光临。\n"
            "优惠券有效期至2026年3月2日。",
            "We are sorry about the delivery. We have taken it up with the courier and will keep "
            "at it.\nHere is CN¥10.00 for your next order: enter the code SORRY-7K3M.\n"
            "The coupon is good up to and including March 2, 2026.",
        ),
    ],
)
def test_the_follow_up_speaks_of_the_reason(reason: str, zh: str, en: str) -> None:
    assert text(MessageKind.FOLLOW_UP, "zh", reason_code=reason) == zh
    assert text(MessageKind.FOLLOW_UP, "en", reason_code=reason) == en


@pytest.mark.parametrize("locale", ["zh", "en"])
def test_every_reason_has_words_of_its_own_and_none_needs_a_coupon(locale: str) -> None:
    reasons = ("size", "not-as-described", "logistics", "ordered-by-mistake", "other", "")
    without = dict.fromkeys(("coupon_code", "coupon_amount", "valid_until"), "")
    texts = [text(MessageKind.FOLLOW_UP, locale, reason_code=r, **without) for r in reasons]
    assert len(set(texts)) == len(reasons) - 1, "whatever has no words of its own gets the last"
    assert texts[-1] == texts[-2]
    assert not any("\n" in each or "  " in each for each in texts), texts


def test_a_coupon_without_end_or_threshold_says_so() -> None:
    bare = {"least_order_amount": "", "valid_until": "", "purpose": "COMPENSATION"}
    assert text(MessageKind.COUPON_ISSUED, "zh", **bare) == (
        "很抱歉给您带来不便，我们为您补偿了一张 ¥10.00 优惠券，券码：SORRY-7K3M。\n"
        "无使用门槛，长期有效。"
    )
    assert text(MessageKind.COUPON_ISSUED, "en", **bare) == (
        "We are sorry for the trouble. To make up for it, here is CN¥10.00 for your next order: "
        "enter the code SORRY-7K3M.\nIt is good for any order and does not end."
    )


async def test_the_follow_up_knows_the_reason_and_the_coupon(shop: World) -> None:
    await read_all_rules(shop)
    await rule(shop, gift(), {"kind": "ADD_TAG", "parameters": {"tag": "logistics"}})
    refund = await shop.refund(shop.customer, await shop.order(**order_input()))
    refund = await shop.reaches(refund, "REFUNDED")
    await sent(refund, 3)
    [coupon] = await coupons(refund)

    async def gather(tx: Transaction) -> dict[str, str]:
        row = await Refund.filter(id=row_id(refund)).using_db(tx).get()
        tenant = await Shop.filter(id=row.shop_id).using_db(tx).get()
        return await facts.gather(tx, tenant, row, MessageKind.FOLLOW_UP, "zh")

    known = await database.transaction(gather)
    assert known["reason_code"] == "logistics"
    assert (known["coupon_code"], known["coupon_amount"]) == (coupon.code, "¥10.00")
    assert known.keys() == KINDS[MessageKind.FOLLOW_UP].examples("zh").keys()
    assert await Coupon.filter(shop_id=shop.shop.id).count() == 1
    assert await Customer.filter(shop_id=shop.shop.id).count() == 1

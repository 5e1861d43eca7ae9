"""A shop with a row in every table, all its texts carrying the shop's own mark."""

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import orjson

from refund_gql import clock, ids
from refund_gql.auth import system
from refund_gql.backoffice import staff
from refund_gql.choices import (
    AnomalyKind,
    BacktestStatus,
    CrmFlagsStatus,
    DeliveryStatus,
    DiscretionStatus,
    DiscretionStep,
    EvidencePurpose,
    EvidenceStatus,
    MessageStatus,
    ParcelDirection,
    PickupStatus,
    Purpose,
    RuleMatching,
    RuleMode,
    RuleTrigger,
    WatchEnd,
)
from refund_gql.graphql.sources import Node
from refund_gql.lab import lineup, tally
from refund_gql.lab.lineup import Lineup
from refund_gql.lab.tally import Differences, Disagreement, Sample, Sum, Tally
from refund_gql.models import (
    ApiToken,
    BusinessCalendar,
    CampaignDay,
    Capture,
    CareRefund,
    Coupon,
    CrmFlags,
    Customer,
    CustomerRisk,
    DiscretionTask,
    Dispute,
    EvidenceFile,
    ImportReject,
    ImportRun,
    Lane,
    Message,
    ParcelWatch,
    Product,
    ProductRate,
    ProviderHealth,
    Refund,
    Restitution,
    Return,
    ReturnPickup,
    RiskBaseline,
    RuleBacktest,
    RuleEvaluation,
    RuleUse,
    RuleVersion,
    Shipment,
    ShipmentAnomaly,
    Shop,
    Staff,
    TrackingCheckpoint,
    WebhookDelivery,
    WebhookMessage,
)
from refund_gql.roles import Role
from refund_gql.rules import actions, engine
from refund_gql.settings import Settings
from support.api import Api, key
from support.refusals import mutate
from support.rulebook import announced
from support.snapshot import Snapshot, snapshot
from support.world import World, eventually, make_world, shipped

Answer = dict[str, Any]
PLUGIN = "sandbox-crm"
"""The provider that every one of these shops has set up."""


@dataclass(kw_only=True)
class Populated:
    """A shop whose refunds stand in many states, none of which changes by itself."""

    world: World
    mark: str
    """Stands in every text of this shop and of no other."""
    price: int
    """Of everything this shop sells, in minor units; no other shop's figure contains it."""
    other_customer: Api
    """C-2, who has an order and a refund too."""
    tag: str = ""
    customer: str = ""
    """C-1, who has a flag."""
    endpoint: str = ""
    """The webhook endpoint; it is disabled, since nobody is there."""
    orders: dict[str, Answer] = field(default_factory=dict)
    refunds: dict[str, Answer] = field(default_factory=dict)
    rows: Snapshot = field(default_factory=dict)

    @property
    def shop_id(self) -> UUID:
        return self.world.shop.id

    def all(self, kind: str) -> list[str]:
        """The global ids of all objects of a kind."""
        return [ids.encode(kind, UUID(str(row["id"]))) for row in self.rows[Node.kinds[kind].table]]

    def one_of_each(self) -> dict[str, str]:
        """Kind -> an object of it."""
        return {kind: self.all(kind)[0] for kind in Node.kinds}

    def traces(self) -> list[str]:
        """What nobody outside may ever read: the mark, the price, every number and every id."""
        found = {self.mark, str(self.price)}
        for rows in self.rows.values():
            found |= {str(row["id"]) for row in rows}
        for table in ("refund", "payout"):
            found |= {str(row["number"]) for row in self.rows[table]}
        for kind in Node.kinds:
            found |= set(self.all(kind))
        return sorted(found)


async def populate(api: Api, settings: Settings, *, price: int) -> Populated:
    """A new shop with all that."""
    world = await make_world(api, settings, finance_threshold=0)
    mark = f"MARK{uuid4().hex[:8]}"
    await _name_people(world, mark)
    for reference in ("C-1", "C-2"):
        await _call(
            world.service,
            "customerUpsert",
            "Customer",
            {
                "reference": reference,
                "name": f"Name {mark}",
                "email": f"{mark}@mail.example",
                "phone": f"+86 {mark}",
            },
        )
    session = await staff.create_customer_session(
        system(world.shop.id), settings, customer_reference="C-2"
    )
    shop = Populated(
        world=world, mark=mark, price=price, other_customer=api.with_token(session.text)
    )
    shop.tag = await _tag(shop)
    await _scenes(shop)
    await _aftercare(shop)
    await _plugins(shop)
    await _outbox(shop)
    await _rules(shop)
    await _from_outside(shop)
    await _desk(shop)
    await _deadlines(shop)
    await _parcels(shop)
    shop.rows = await snapshot(world.shop.id)
    assert all(shop.rows.values()), {table for table, rows in shop.rows.items() if not rows}
    return shop


async def _name_people(world: World, mark: str) -> None:
    own = {"shop_id": world.shop.id}
    await Shop.filter(id=world.shop.id).update(
        name=f"Shop {mark}",
        return_address=f"Address {mark}",
        return_requirements={"en": f"Requirements {mark}", "zh": f"要求 {mark}"},
    )
    for person in await Staff.filter(**own):
        await Staff.filter(id=person.id).update(
            name=f"Person {mark}", email=f"{person.role.value.lower()}@{mark}.example".lower()
        )
    await ApiToken.filter(**own).update(name=f"Token {mark}")


async def _tag(shop: Populated) -> str:
    created = await shop.world.agent(
        "mutation($code: String!, $input: ReasonTagInput!)"
        " { reasonTagCreate(code: $code, input: $input) { ... on ReasonTag { id } } }",
        code=f"tag-{shop.mark}",
        input={"labels": {"en": f"Label {shop.mark}", "zh": f"标签 {shop.mark}"}},
    )
    tag: str = created["reasonTagCreate"]["id"]
    return tag


async def _call(
    by: Api, name: str, on: str, input: Answer, *, becomes: str | None = None
) -> Answer:
    kind = becomes or on
    query = (
        f"mutation M($input: {on}Input!) {{ result: {name}(input: $input)"
        f" {{ __typename ... on {kind} {{ id }} ... on Problem {{ message }} }} }}"
    )
    result: Answer = (await by(query, input=input))["result"]
    assert result["__typename"] == kind, result
    return result


# --- the scenes -------------------------------------------------------------------------------


async def _scenes(shop: Populated) -> None:
    await _order(shop, "fresh")
    await _over(shop, "paid", "REFUNDED", metadata={"sandbox": "OK*"})
    await _over(shop, "stuck", "PAYMENT_STUCK", metadata={"sandbox": "REFUSE*"})
    await _over(shop, "theirs", "REFUNDED", by=shop.other_customer, customerReference="C-2")
    for scene in ("review", "rejected", "warehouse", "awaiting", "received", "finance"):
        await _over(shop, scene, "REVIEW", shipments=_sent(shop))
    await _split(shop)
    await _discuss(shop)
    await _step(shop, shop.world.agent, "rejected", "refundReject", reason=f"Reason {shop.mark}")
    await _step(shop, shop.world.agent, "warehouse", "refundApprove", kind="REFUND_ONLY")
    await _step(shop, shop.world.agent, "awaiting", "refundApprove", kind="RETURN_AND_REFUND")
    for scene in ("received", "finance"):
        await _send_back(shop, scene)
    await _inspect(shop)
    await _goods_later(shop)
    await _bargain(shop)
    await _beyond(shop)


async def _order(shop: Populated, scene: str, **changes: Any) -> Answer:
    lines = [
        {
            "sku": f"SKU-{shop.mark}",
            "title": f"Title {shop.mark}",
            "quantity": 2,
            "unitPrice": shop.price,
        }
    ]
    number = f"SO-{shop.mark}-{scene}"
    order = await shop.world.order(**{"number": number, "lines": lines, **changes})
    shop.orders[scene] = order
    return order


async def _over(
    shop: Populated, scene: str, status: str, by: Api | None = None, **changes: Any
) -> None:
    """An order whose refund, asked for by its customer, has come to rest in a status."""
    order = await _order(shop, scene, **changes)
    asked = await shop.world.refund(
        by or shop.world.customer,
        order,
        note=f"Note {shop.mark}",
        reasonTagId=shop.tag,
        kind="RETURN_AND_REFUND",
    )
    shop.refunds[scene] = await shop.world.reaches(asked, status)


def _sent(shop: Populated) -> list[Answer]:
    [parcel] = shipped()
    return [{**parcel, "courier": f"SF {shop.mark}", "trackingNumber": f"T-{shop.mark}"}]


async def _split(shop: Populated) -> None:
    """Of two lines one was sent: the other's money is back, the sent one waits in review."""
    lines = [
        {"sku": f"{sku}-{shop.mark}", "title": shop.mark, "quantity": 1, "unitPrice": shop.price}
        for sku in ("SENT", "KEPT")
    ]
    [parcel] = _sent(shop)
    parcel["lines"] = [{"position": 0, "quantity": 1}]
    await _over(shop, "split", "REFUNDED", lines=lines, shipments=[parcel])


async def _discuss(shop: Populated) -> None:
    agent, customer = shop.world.agent, shop.world.customer
    await _step(shop, agent, "review", "refundRequestEvidence", question=f"Question {shop.mark}")
    await _step(shop, customer, "review", "refundProvideEvidence", answer=f"Answer {shop.mark}")
    await _shown(shop)


async def _shown(shop: Populated) -> None:
    """A file that the customer has added."""
    await EvidenceFile.create(
        shop_id=shop.shop_id,
        refund_id=ids.required("id", shop.refunds["review"]["id"], "Refund"),
        purpose=EvidencePurpose.EVIDENCE,
        status=EvidenceStatus.STORED,
        name=f"{shop.mark}.png",
        size=shop.price,
        media_type="image/png",
        sha256="0" * 64,
        key=f"{shop.shop_id}/{shop.mark}",
        secret=f"Secret {shop.mark}",
        role=Role.CUSTOMER,
        uploaded_by=f"CUSTOMER:{uuid4()}",
        uploaded_by_name=f"Person {shop.mark}",
        started_at=clock.now(),
        expires_at=clock.now(),
        uploaded_at=clock.now(),
    )


async def _send_back(shop: Populated, scene: str) -> None:
    world, parcel = shop.world, {"courier": f"SF {shop.mark}", "trackingNumber": f"T-{shop.mark}"}
    await _step(shop, world.agent, scene, "refundApprove", kind="RETURN_AND_REFUND")
    await _step(shop, world.customer, scene, "returnShip", **parcel)
    await _step(shop, world.warehouse, scene, "returnReceive")


async def _inspect(shop: Populated) -> None:
    line = shop.refunds["finance"]["lines"][0]
    finding = {"refundLineId": line["id"], "verdict": "REDUCED", "receivedQuantity": 2}
    await _step(
        shop,
        shop.world.warehouse,
        "finance",
        "returnInspect",
        note=f"Note {shop.mark}",
        foundReasonTagId=shop.tag,
        lines=[{**finding, "amount": shop.price, "note": f"Finding {shop.mark}"}],
    )


async def _goods_later(shop: Populated) -> None:
    """Paid before its goods came back, of which one is said to be lost."""
    await _over(shop, "first", "REVIEW", shipments=_sent(shop))
    await _step(shop, shop.world.agent, "first", "refundApproveFirst", reason=f"Why {shop.mark}")
    await _step(shop, shop.world.finance, "first", "refundApproveFinance")
    shop.refunds["first"] = await shop.world.reaches(shop.refunds["first"], "REFUNDED")
    claim = {"amount": shop.price, "note": f"Note {shop.mark}"}
    await _step(shop, shop.world.agent, "first", "claimOpen", **claim)


async def _bargain(shop: Populated) -> None:
    """Offers that the customer has declined."""
    await _over(shop, "offered", "REVIEW", shipments=_sent(shop))
    text = {"en": f"Offer {shop.mark}", "zh": f"方案 {shop.mark}"}
    guide = {"en": f"https://shop.example/{shop.mark}"}
    offer = {"kind": "PARTIAL", "amount": shop.price, "text": text, "guide": guide}
    said = {"message": f"Message {shop.mark}", "reason": f"Why {shop.mark}"}
    await _step(shop, shop.world.agent, "offered", "offerPropose", offers=[offer], **said)
    why = f"Declined {shop.mark}"
    await _step(shop, shop.world.customer, "offered", "offerDecline", reason=why)


async def _beyond(shop: Populated) -> None:
    """A budget, and a step beyond one that a colleague has refused."""
    limits = {"purpose": "APPROVAL", "role": "ANALYST", "perCase": shop.price}
    await _call(shop.world.owner, "budgetSet", "BudgetSet", limits, becomes="Budget")
    people = Staff.filter(shop_id=shop.shop_id)
    await DiscretionTask.create(
        shop_id=shop.shop_id,
        refund_id=ids.required("id", shop.refunds["offered"]["id"], "Refund"),
        staff_id=(await people.get(role=Role.AGENT)).id,
        step=DiscretionStep.APPROVE,
        input={"kind": "REFUND_ONLY", "reason": shop.mark},
        status=DiscretionStatus.REFUSED,
        purpose=Purpose.APPROVAL,
        amount=shop.price,
        currency="CNY",
        reason=f"Why {shop.mark}",
        asked_at=clock.now(),
        decided_by_id=(await people.get(role=Role.OWNER)).id,
        decided_at=clock.now(),
        answer=f"No {shop.mark}",
    )


async def _step(shop: Populated, by: Api, scene: str, name: str, **input: Any) -> None:
    content = {"refundId": shop.refunds[scene]["id"], "idempotencyKey": key(), **input}
    after = await by.mutate(name, content)
    assert after["__typename"] == "Refund", (name, after)
    shop.refunds[scene] = after


async def _deadlines(shop: Populated) -> None:
    """Terms and opening hours of its own; the refunds have clocks already."""
    terms = {"stage": "REVIEW", "amount": 47, "unit": "HOURS", "action": "APPROVE"}
    most = {"approveMost": shop.price}
    owner = shop.world.owner
    await mutate(owner, "deadlinePolicyUpdate", {**terms, **most})
    weekday = {"weekday": 1, "hours": [{"opens": "00:00", "closes": "24:00"}]}
    await mutate(owner, "calendarUpdate", {"weekly": [weekday]})
    await BusinessCalendar.filter(shop_id=shop.shop_id).update(author_name=f"Person {shop.mark}")


# --- what rules said --------------------------------------------------------------------------


async def _rules(shop: Populated) -> None:
    """A rule that only watches, and what it saw."""
    draft = {
        "name": {"en": f"Rule {shop.mark}"},
        "description": {"en": f"Because {shop.mark}"},
        "condition": f"refund.reason == '{shop.mark}'",
        "actions": [{"kind": "HOLD", "parameters": {"why": {"en": f"Why {shop.mark}"}}}],
    }
    when = {"trigger": "REQUESTED", "mode": "SHADOW"}
    await _owner(shop, "ruleCreate", {**when, "input": draft})
    version = await RuleVersion.filter(shop_id=shop.shop_id).order_by("-id").first()
    assert version is not None
    about: Answer = {
        "shop_id": shop.shop_id,
        "refund_id": ids.required("id", shop.refunds["paid"]["id"], "Refund"),
        "at": clock.now(),
    }
    rule = {"rule": str(version.rule_id), "version": 1, "name": {"en": f"Rule {shop.mark}"}}
    judged = {"mode": "SHADOW", "outcome": "MATCHED", "effective": True, "missing": "", "error": ""}
    evaluation = await RuleEvaluation.create(
        **about,
        trigger=RuleTrigger.RISK_CHANGED,
        cause=shop.mark,
        facts={"refund.reason": shop.mark},
        verdicts=[{**rule, **judged}],
        decided_by_id=version.id,
        decision=version.actions[0],
        explanation={"en": f"Explained {shop.mark}"},
    )
    await RuleUse.create(
        **about,
        evaluation_id=evaluation.id,
        rule_id=version.rule_id,
        rule_version_id=version.id,
        mode=RuleMode.SHADOW,
        amount=shop.price,
    )
    await _backtest(shop, version)
    product = await Product.filter(shop_id=shop.shop_id).first()
    assert product is not None
    await ProductRate.create(
        shop_id=shop.shop_id, product_id=product.id, sold=20, refunded=1, counted_at=clock.now()
    )
    await CampaignDay.create(
        shop_id=shop.shop_id, code=shop.mark, on=date(2026, 1, 18), labels={"zh": shop.mark}
    )


async def _backtest(shop: Populated, version: RuleVersion) -> None:
    """A rule that was tried, with a report that names a refund."""
    rule = engine.Rule(
        id=version.rule_id,
        version_id=version.id,
        version=1,
        name={"en": f"Draft {shop.mark}"},
        mode=RuleMode.LIVE,
        position=1,
        condition=version.condition,
        actions=actions.loaded(version.actions),
    )
    lined_up = Lineup(
        today=(),
        draft=rule,
        matching=RuleMatching.FIRST,
        currency="CNY",
        time_zone="Asia/Shanghai",
    )
    refund = str(ids.required("id", shop.refunds["paid"]["id"], "Refund"))
    sample = Sample(refund=refund, explanation={"en": shop.mark, "zh": shop.mark})
    differing = Differences(sum=Sum(1, shop.price), samples=[sample])
    counted = Tally(
        refunds=Sum(1, shop.price), differences={Disagreement.STOPS_APPROVED: differing}
    )
    await RuleBacktest.create(
        shop_id=shop.shop_id,
        replaces_id=version.rule_id,
        status=BacktestStatus.DONE,
        lineup=lineup.stored(lined_up),
        starts_at=clock.now() - timedelta(days=1),
        ends_at=clock.now(),
        total=1,
        done=1,
        cursor_at=clock.now(),
        cursor_id=version.id,
        tally=orjson.loads(tally.stored(counted)),
        actor="SYSTEM:-",
        actor_name=f"Person {shop.mark}",
        created_at=clock.now(),
        finished_at=clock.now(),
    )


# --- after the money --------------------------------------------------------------------------


async def _aftercare(shop: Populated) -> None:
    """Coupons and restitutions that are done, and a note about a customer on the care list."""

    async def cared_for() -> bool | None:
        """The care list is made by a job; nothing may change once this shop is looked at."""
        paid = await Refund.filter(shop_id=shop.shop_id, status="REFUNDED").count()
        return await CareRefund.filter(shop_id=shop.shop_id).count() == paid or None

    await eventually(cared_for, "the care list")
    for scene in ("paid", "theirs"):
        await _given(shop, scene)
    listed = await shop.world.agent("{ careList { edges { node { id } } } }")
    for edge in listed["careList"]["edges"]:
        note = {"id": edge["node"]["id"], "text": f"Note {shop.mark}"}
        await mutate(shop.world.agent, "careNote", note)


async def _given(shop: Populated, scene: str) -> None:
    refund = await Refund.get(id=ids.required("id", shop.refunds[scene]["id"], "Refund"))
    common: Answer = {
        "shop_id": shop.shop_id,
        "refund_id": refund.id,
        "order_id": refund.order_id,
        "customer_id": refund.customer_id,
        "crm": PLUGIN,
        "wanted_at": clock.now(),
        "created_at": clock.now(),
    }
    await Coupon.create(
        **common,
        number=f"CP-{shop.mark}-{scene}",
        purpose="GIFT",
        status="ISSUED",
        amount=shop.price,
        currency="CNY",
        code=f"CODE-{shop.mark}-{scene}",
        wanted_by="SYSTEM:-",
        wanted_by_name=f"Person {shop.mark}",
        issued_at=clock.now(),
    )
    await Restitution.create(
        **common,
        number=f"RS-{shop.mark}-{scene}",
        kind="COUPON",
        status="RESTORED",
        code=f"SPENT-{shop.mark}",
        restored_at=clock.now(),
    )


# --- what goes out ----------------------------------------------------------------------------


async def _plugins(shop: Populated) -> None:
    """A provider that no refund needs, set up and found to be down."""
    await _flags(shop)
    values = {"seed": shop.price, "api_key": f"Key {shop.mark}"}
    await _owner(shop, "pluginSettingsUpdate", {"provider": PLUGIN, "values": values})
    await ProviderHealth.create(
        shop_id=shop.shop_id,
        provider=PLUGIN,
        down_since=clock.now(),
        reason=f"Reason {shop.mark}",
        last_failure_at=clock.now(),
        changed_at=clock.now(),
    )


async def _flags(shop: Populated) -> None:
    """A flag that somebody appeals against, and a CRM system that has taken it."""
    customer = await Customer.get(shop_id=shop.shop_id, reference="C-1")
    shop.customer = ids.encode("Customer", customer.id)
    await _call(
        shop.world.agent,
        "customerFlag",
        "CustomerFlag",
        {
            "customerId": shop.customer,
            "flag": f"flag-{shop.mark}",
            "why": {"en": f"Why {shop.mark}"},
            "idempotencyKey": key(),
        },
    )
    appeal = {"text": f"Appeal {shop.mark}", "idempotencyKey": key()}
    heard = await mutate(shop.world.customer, "customerAppeal", {"input": appeal})
    assert heard["__typename"] == "CustomerAppealReceipt", heard
    risk = CustomerRisk.filter(customer_id=customer.id)
    await eventually(risk.filter(flags_told=1).first, "the job has found nobody to tell")
    await risk.update(tier=f"Tier {shop.mark}", known=True, asked_at=clock.now())
    await CrmFlags.create(
        shop_id=shop.shop_id,
        customer_id=customer.id,
        provider=PLUGIN,
        status=CrmFlagsStatus.TOLD,
        version=1,
        told=[f"flag-{shop.mark}"],
        error=f"Error {shop.mark}",
    )
    await RiskBaseline.create(
        shop_id=shop.shop_id,
        customers=0,
        high_rate=0.0,
        high_amount=0,
        computed_at=clock.now(),
        assessed_until=clock.now(),
    )


async def _outbox(shop: Populated) -> None:
    """A template, an endpoint, and what nobody took: nothing here is ever sent."""
    template = {"kind": "REFUNDED", "locale": "en", "body": f"Body {shop.mark}"}
    await _owner(shop, "templateUpsert", {**template, "subject": f"Subject {shop.mark}"})
    endpoint = {"url": f"https://shop.example/{shop.mark}", "description": f"For {shop.mark}"}
    created = "... on WebhookEndpointSecret { endpoint { id } }"
    made = await _owner(shop, "webhookEndpointCreate", endpoint, created)
    shop.endpoint = made["endpoint"]["id"]
    await _owner(shop, "webhookEndpointDisable", {"id": shop.endpoint})
    for scene in ("paid", "theirs"):
        await _dead_letter(shop, scene)


async def _owner(shop: Populated, name: str, content: Answer, more: str = "") -> Answer:
    """What a mutation of the owner's answers, which is no problem."""
    result = await mutate(shop.world.owner, name, content, more)
    assert "code" not in result, (name, result)
    return result


async def _dead_letter(shop: Populated, scene: str) -> None:
    refund_id = ids.required("id", shop.refunds[scene]["id"], "Refund")
    about: Answer = {"shop_id": shop.shop_id, "refund_id": refund_id, "version": 1}
    customer = await Customer.get(
        shop_id=shop.shop_id, reference="C-2" if scene == "theirs" else "C-1"
    )
    await Message.create(
        **about,
        customer_id=customer.id,
        event="REFUNDED",
        channel="sandbox-inbox",
        locale="en",
        subject=f"Subject {shop.mark}",
        text=f"Text {shop.mark}",
        variables={"number": shop.mark},
        status=MessageStatus.DEAD,
        code="REFUSED",
        error=f"Error {shop.mark}",
        reference=f"Reference {shop.mark}",
        created_at=clock.now(),
    )
    await WebhookDelivery.create(
        **about,
        endpoint_id=ids.required("id", shop.endpoint, "WebhookEndpoint"),
        type="refund.refunded",
        payload={"data": {"number": shop.mark}},
        status=DeliveryStatus.DEAD,
        error="UNREACHABLE",
        created_at=clock.now(),
    )


# --- what comes in ----------------------------------------------------------------------------


async def _parcels(shop: Populated) -> None:
    """Where goods go back to, a pickup nobody can make, and a parcel that is late."""
    address = {"name": f"Depot {shop.mark}", "address": {
        "name": shop.mark, "phone": shop.mark, "country": "CN", "street": f"Street {shop.mark}",
    }}  # fmt: skip
    await _owner(shop, "returnAddressCreate", address)
    parcel, now = await Return.filter(shop_id=shop.shop_id).order_by("id").first(), clock.now()
    sent = await Shipment.filter(shop_id=shop.shop_id).order_by("id").first()
    assert parcel is not None
    assert sent is not None
    await ReturnPickup.create(
        shop_id=shop.shop_id,
        refund_id=parcel.refund_id,
        goods_return_id=parcel.id,
        status=PickupStatus.FAILED,
        number=f"PU{shop.mark}",
        word="SF",
        courier="nobody",
        error=shop.mark,
        wanted_by="SYSTEM:-",
        wanted_at=now,
    )
    await ParcelWatch.create(
        shop_id=shop.shop_id,
        courier="nobody",
        tracking_number=f"P{shop.mark}",
        direction=ParcelDirection.OUT,
        next_look_at=now,
        created_at=now,
        closed_at=now,
        ended=WatchEnd.NOT_NEEDED,
    )
    await Lane.create(
        shop_id=shop.shop_id, courier=shop.mark, region="CN-31", cases=20, p50_hours=48,
        p90_hours=72, refreshed_at=now,
    )  # fmt: skip
    await ShipmentAnomaly.create(
        shop_id=shop.shop_id, order_id=sent.order_id, shipment_id=sent.id, kind=AnomalyKind.LATE,
        since=now, opened_at=now, told_at=now,
    )  # fmt: skip


async def _from_outside(shop: Populated) -> None:
    """What nobody in the shop causes: an import, news of a gateway and of a courier."""
    await WebhookMessage.create(
        shop_id=shop.shop_id,
        provider="sandbox",
        event_id=shop.mark,
        number=shop.mark,
        notice={},
        received_at=clock.now(),
        handled_at=clock.now(),
    )
    await TrackingCheckpoint.create(
        shop_id=shop.shop_id,
        courier="sandbox-courier",
        tracking_number=f"T-{shop.mark}",
        digest="0" * 64,
        at=clock.now(),
        text=f"Text {shop.mark}",
        place=f"Place {shop.mark}",
        received_at=clock.now(),
    )
    paid = await Capture.filter(shop_id=shop.shop_id).order_by("id").first()
    assert paid is not None
    await Dispute.create(
        shop_id=shop.shop_id,
        capture_id=paid.id,
        order_id=paid.order_id,
        gateway="sandbox",
        reference=f"DP-{shop.mark}",
        amount=shop.price,
        currency="CNY",
        state="WON",
        reason=f"Reason {shop.mark}",
        opened_at=clock.now(),
        closed_at=clock.now(),
        told_at=clock.now(),
    )
    run = await ImportRun.create(
        shop_id=shop.shop_id,
        kind="orders",
        file=f"{shop.mark}.csv",
        file_sha256="0" * 64,
        mapping_sha256="0" * 64,
        rows_total=1,
        rows_rejected=1,
        started_at=clock.now(),
    )
    await ImportReject.create(
        shop_id=shop.shop_id,
        import_run_id=run.id,
        row_number=1,
        field="row",
        found=shop.mark,
        reason=shop.mark,
    )


# --- people at work ---------------------------------------------------------------------------


async def _desk(shop: Populated) -> None:
    """A note, and a canned text that was used for it; every text of the shop has its mark."""
    texts = [{"locale": "en", "title": f"Title {shop.mark}", "body": f"Body {shop.mark}"}]
    made = await _owner(
        shop,
        "scriptCreate",
        {"code": f"script-{shop.mark}", "input": {"texts": texts}},
        "... on Script { id }",
    )
    about = {"refundId": shop.refunds["review"]["id"], "scriptId": made["id"]}
    noted = await mutate(shop.world.agent, "refundNote", {**about, "text": f"Note {shop.mark}"})
    assert noted["__typename"] == "Refund", noted
    shop.refunds["review"] = await shop.world.agent.refund(shop.refunds["review"]["id"])
    await announced(ids.required("id", shop.refunds["review"]["id"], "Refund"))


def roles() -> tuple[Role, ...]:
    """Every role somebody can have a token for."""
    return tuple(role for role in Role if role is not Role.SYSTEM)

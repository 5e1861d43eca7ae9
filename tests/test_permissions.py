"""Who may ask for which field: every field of the schema, asked by everybody, through HTTP.

`permissions.golden.csv` is what somebody has decided. A field that is new, or whose answer has
changed, fails until somebody decides again: the failure says where the table as it is now lies.
"""

import csv
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from graphql import GraphQLObjectType, extend_schema, parse
from support import documents
from support.api import Api
from support.contents import ADDRESS, REQUIREMENT
from support.populated import Populated, populate, roles
from support.snapshot import snapshot
from support.world import order_input, staff_token

from refund_gql import clock, ids
from refund_gql.auth import system
from refund_gql.backoffice import staff
from refund_gql.graphql import permissions
from refund_gql.graphql.permissions import Permissions
from refund_gql.models import CustomerSession, Staff, new_id
from refund_gql.roles import STAFF, Role, Scope
from refund_gql.settings import Settings
from refund_gql.states import TRANSITIONS, Step

GOLDEN = Path(__file__).parent / "permissions.golden.csv"
NOBODY = (
    "anonymous", "garbage", "wrong secret", "expired", "revoked", "inactive", "session over"
)  # fmt: skip
KNOWN = [
    *(role.value for role in Role if role is not Role.SYSTEM),
    *(f"SERVICE:{scope.value}" for scope in Scope),
]

STEPS = {
    "refundRequest": {Step.SUBMIT},
    "refundApprove": {Step.APPROVE_REFUND_ONLY, Step.APPROVE_UNSENT, Step.APPROVE_RETURN},
    "refundApproveFirst": {Step.APPROVE_FIRST},
    "refundReject": {Step.REJECT},
    "refundRequestEvidence": {Step.REQUEST_EVIDENCE},
    "refundProvideEvidence": {Step.PROVIDE_EVIDENCE},
    "refundConfirmWarehouse": {Step.CONFIRM_GOODS_GONE, Step.FIND_GOODS_WITH_CUSTOMER},
    "returnShip": {Step.SHIP_RETURN},
    "returnReceive": {Step.RECEIVE_RETURN},
    "returnReportLost": {Step.REPORT_RETURN_LOST},
    "returnReopen": {Step.REOPEN_RETURN},
    "returnBookPickup": {Step.SHIP_RETURN},
    "returnInspect": {Step.PASS_INSPECTION, Step.REFUSE_INSPECTION, Step.OFFER_REDUCTION},
    "refundApproveFinance": {Step.APPROVE_FINANCE, Step.SEND_BACK},
    "refundCancel": {Step.CANCEL},
    "refundAmend": {Step.AMEND},
    "refundMerge": {Step.MERGE},
    "payoutRetry": {Step.RETRY_PAYMENT},
    "refundDispute": {Step.DISPUTE},
    "offerPropose": {Step.PROPOSE_OFFERS},
    "offerAccept": {
        Step.ACCEPT_RETURN_OFFER,
        Step.ACCEPT_MONEY_OFFER,
        Step.ACCEPT_COUPON_OFFER,
    },
    "offerDecline": {Step.DECLINE_OFFERS},
    "offerCounter": {Step.COUNTER_OFFERS},
    "offerAcceptCounter": {Step.ACCEPT_COUNTER},
    "offerWithdraw": {Step.WITHDRAW_OFFERS},
}
"""Mutation -> the steps of the journey it may take."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shop(api: Api, settings: Settings) -> Populated:
    return await populate(api, settings, price=31_337)


@pytest.fixture
def fast_login(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody logs in here, and argon2 is slow on purpose."""
    monkeypatch.setattr(staff, "_verify", lambda known, password: False)


# --- who asks ---------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Callers:
    """Name -> a client with that caller's token."""

    nobody: Mapping[str, Api]
    known: Mapping[str, Api]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def callers(shop: Populated, settings: Settings) -> AsyncIterator[Callers]:
    nobody = {
        "anonymous": shop.world.api,
        "garbage": shop.world.api.with_token("rg_0123456789ab_garbage"),
        "wrong secret": shop.world.api.with_token(shop.world.tokens[Role.OWNER][:-1] + "~"),
        "expired": await _expired(shop, settings),
        "revoked": await _revoked(shop, settings),
        "inactive": await _inactive(shop, settings),
        "session over": await _session_over(shop, settings),
    }
    known = {role.value: shop.world.as_(role) for role in roles()}
    for scope in Scope:
        known[f"SERVICE:{scope.value}"] = await _service(shop, settings, scope)
    assert list(nobody) == list(NOBODY)
    assert list(known) == KNOWN
    yield Callers(nobody=nobody, known=known)


async def _expired(shop: Populated, settings: Settings) -> Api:
    owner = await Staff.filter(shop_id=shop.shop_id, role=Role.OWNER).get()
    past = clock.now() - timedelta(seconds=1)
    token = await staff.issue_staff_token(settings, owner, expires_at=past)
    return shop.world.api.with_token(token.text)


async def _revoked(shop: Populated, settings: Settings) -> Api:
    owner = await Staff.filter(shop_id=shop.shop_id, role=Role.OWNER).get()
    token = await staff.issue_staff_token(settings, owner, expires_at=None)
    token_id = ids.encode("ApiToken", token.id)
    query = "mutation($id: ID!) { apiTokenRevoke(tokenId: $id) { ... on ApiToken { revokedAt } } }"
    assert (await shop.world.owner(query, id=token_id))["apiTokenRevoke"]["revokedAt"]
    return shop.world.api.with_token(token.text)


async def _inactive(shop: Populated, settings: Settings) -> Api:
    token = await staff_token(shop.shop_id, settings, Role.OWNER)
    client = shop.world.api.with_token(token)
    assert (await client("{ viewer { name } }"))["viewer"] == {"name": "Owner"}
    await Staff.filter(shop_id=shop.shop_id, name="Owner").update(active=False)
    return client


async def _session_over(shop: Populated, settings: Settings) -> Api:
    session = await staff.create_customer_session(
        system(shop.shop_id), settings, customer_reference="C-1"
    )
    await CustomerSession.filter(id=session.id).update(expires_at=clock.now())
    return shop.world.api.with_token(session.text)


async def _service(shop: Populated, settings: Settings, scope: Scope) -> Api:
    token = await staff.create_api_token(
        system(shop.shop_id), settings, name=scope.value, scopes=[scope], expires_at=None
    )
    return shop.world.api.with_token(token.text)


# --- the matrix -------------------------------------------------------------------------------


@pytest.mark.usefixtures("fast_login")
async def test_everybody_may_ask_for_exactly_what_was_decided(
    shop: Populated, callers: Callers, tmp_path: Path
) -> None:
    before = await snapshot(shop.shop_id)
    actual = {
        f"{type_}.{field}": await _row(callers, type_, field, shop.one_of_each())
        for type_, field in permissions.coordinates(documents.core())
    }
    decided = _read(GOLDEN)
    _write(tmp_path / GOLDEN.name, actual)
    changed = [
        f"{coordinate}: {decided.get(coordinate)} -> {actual.get(coordinate)}"
        for coordinate in sorted(actual.keys() | decided.keys())
        if actual.get(coordinate) != decided.get(coordinate)
    ]
    assert not changed, "\n".join([f"the table now: {tmp_path / GOLDEN.name}", *changed])
    assert await snapshot(shop.shop_id) == before, "asking has changed something"


async def _row(
    callers: Callers, type_: str, field: str, one_of_each: Mapping[str, str]
) -> dict[str, str]:
    probe = documents.probe(type_, field, one_of_each)
    strangers = {
        name: await _stranger(client, probe.text, probe.variables)
        for name, client in callers.nobody.items()
    }
    assert len(set(strangers.values())) == 1, (type_, field, strangers)
    row = {"nobody": strangers["anonymous"]}
    for name, client in callers.known.items():
        row[name] = await _known(client, f"{type_}.{field}", probe.text, probe.variables)
    return row


async def _stranger(client: Api, text: str, variables: Mapping[str, Any]) -> str:
    """401 or yes; a refusal says nothing but that a token is needed."""
    response = await client.post(text, **variables)
    answer = response.json()
    if "errors" not in answer:
        assert response.status_code == 200
        return "yes"
    [error] = answer["errors"]
    assert (response.status_code, answer.keys()) == (401, {"errors"})
    assert error["extensions"] == {"code": "UNAUTHENTICATED"}
    return "401"


async def _known(client: Api, coordinate: str, text: str, variables: Mapping[str, Any]) -> str:
    """No when the field itself is refused; whatever is not refused answers without an error."""
    response = await client.post(text, **variables)
    answer = response.json()
    assert response.status_code == 200
    if "errors" not in answer:
        return "yes"
    [error] = answer["errors"]
    assert answer.keys() == {"errors"}, (coordinate, answer)
    assert error["extensions"]["code"] == "FORBIDDEN", (coordinate, answer)
    return "no" if coordinate in error["extensions"]["fields"] else "yes"


def _read(path: Path) -> dict[str, dict[str, str]]:
    with path.open(newline="") as file:
        return {row.pop("coordinate"): row for row in csv.DictReader(file)}


def _write(path: Path, rows: Mapping[str, Mapping[str, str]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, ["coordinate", "nobody", *KNOWN], lineterminator="\n")
        writer.writeheader()
        writer.writerows({"coordinate": c, **rows[c]} for c in sorted(rows))


# --- the table itself -------------------------------------------------------------------------


def test_a_field_that_nobody_decided_about_stops_the_schema() -> None:
    grown = extend_schema(
        documents.core(), parse("extend type Refund { margin: Int, supplier: String }")
    )
    with pytest.raises(ValueError, match=r"who may ask for Refund\.margin, Refund\.supplier$"):
        permissions.load(grown)


def test_an_entry_that_is_no_field_stops_the_schema() -> None:
    shrunk = extend_schema(documents.core(), parse("extend type Refund { extra: Int }"))
    refund = shrunk.type_map["Refund"]
    assert isinstance(refund, GraphQLObjectType)
    del refund.fields["extra"], refund.fields["note"]
    with pytest.raises(ValueError, match=r"fields that do not exist: Refund\.note$"):
        permissions.load(shrunk)


def test_a_role_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="MANAGER"):
        permissions._expand(["OWNER", "MANAGER"], {})


def test_nobody_is_ever_given_the_engines_own_role() -> None:
    assert not [c for c, allowed in documents.table().roles.items() if Role.SYSTEM in allowed]


def test_every_scope_belongs_to_a_root_field_that_programs_may_ask_for() -> None:
    table = documents.table()
    asked = {c for c, allowed in table.roles.items() if Role.SERVICE in allowed}
    roots = {c for c in asked if c[0] in ("Query", "Mutation")}
    open_to_anybody = {("Query", "viewer"), ("Mutation", "staffLogin")}
    assert {c for c in table.scopes if c[0] in ("Query", "Mutation")} == roots - open_to_anybody
    assert set(table.scopes.values()) == set(Scope)


@pytest.mark.parametrize("scope", [scope for scope in Scope if scope is not Scope.READ])
async def test_the_answer_of_a_mutation_is_no_way_around_the_scope_to_read(
    shop: Populated, api: Api, settings: Settings, scope: Scope
) -> None:
    """A program that may write orders learns what it has written, and nothing about people."""
    issued = await staff.create_api_token(
        system(shop.shop_id), settings, name="p", scopes=[scope], expires_at=None
    )
    program = api.with_token(issued.text)
    deep = """mutation($input: OrderInput!) { orderUpsert(input: $input) {
        ... on Order { id customer { name phone } refunds { amount { amount } } } } }"""
    [error] = await program.errors(deep, input=order_input())
    assert error["extensions"]["code"] == "FORBIDDEN"
    assert "Customer.phone" in error["extensions"]["fields"]
    if scope is Scope.CATALOGUE:
        receipt = """mutation($input: OrderInput!) { orderUpsert(input: $input) {
            ... on Order { id number } } }"""
        content = order_input()
        made = await program(receipt, input=content)
        assert made["orderUpsert"]["number"] == content["number"]


# --- the table and the flow say the same ------------------------------------------------------


def test_the_table_and_the_journey_name_the_same_roles() -> None:
    journey = {row.step: row.roles - {Role.SYSTEM} for row in TRANSITIONS}
    for mutation, steps in STEPS.items():
        taken = {role.value for step in steps for role in journey[step]}
        assert documents.table().roles["Mutation", mutation] == taken, mutation
    by_the_engine = {step for step, who in journey.items() if not who}
    assert by_the_engine == set(Step) - set().union(*STEPS.values())


def attempts(shop: Populated) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every mutation with content that comes as far as the question who may do it."""
    paid = shop.refunds["paid"]
    step = {"refundId": paid["id"]}
    found = {"refundLineId": paid["lines"][0]["id"], "verdict": "ACCEPTED", "receivedQuantity": 2}
    nowhere = ids.encode("ReasonTag", new_id())
    order = {"number": "", "currency": "CNY", "placedAt": "2026-01-31T08:00:00Z", "lines": []}
    yield "refundRequest", {"orderId": shop.orders["paid"]["id"]}
    yield "refundApprove", {**step, "kind": "REFUND_ONLY"}
    yield "refundApproveFirst", step
    yield "refundReject", {**step, "reason": "no"}
    yield "refundSetPriority", {**step, "priority": "HIGH", "expectedVersion": 0}
    yield "refundRequestEvidence", {**step, "question": "why?"}
    yield "refundProvideEvidence", {**step, "answer": "so"}
    yield "refundConfirmWarehouse", {**step, "verdict": "GOODS_GONE"}
    yield "returnShip", {**step, "courier": "SF", "trackingNumber": "1"}
    yield "returnReceive", step
    yield "returnReportLost", step
    yield "returnReopen", step
    yield "returnBookPickup", {**step, "courier": "SF", "sender": ADDRESS}
    yield "returnAddressCreate", {"name": ""}
    yield "returnAddressUpdate", {"id": ids.encode("ReturnAddress", new_id()), "input": {}}
    yield "returnAddressDelete", {"id": ids.encode("ReturnAddress", new_id())}
    yield "returnRequirementsUpdate", {"requirements": [{**REQUIREMENT, "code": ""}]}
    yield "returnInspect", {**step, "lines": [found]}
    yield "refundApproveFinance", step
    yield "refundCancel", step
    yield "payoutRetry", {"payoutId": paid["payouts"][0]["id"]}
    yield "orderUpsert", order
    yield "orderUpsertBulk", {"input": [order]}
    yield "customerUpsert", {"reference": ""}
    yield "productUpsert", {"sku": ""}
    yield "shopUpdate", {"name": ""}
    yield "staffCreate", {"email": "", "name": "", "role": "AGENT", "password": ""}
    yield "apiTokenCreate", {"name": "", "scopes": []}
    yield "apiTokenRevoke", {"tokenId": ids.encode("ApiToken", new_id())}
    yield "customerSessionCreate", {"customerReference": ""}
    yield "reasonTagCreate", {"code": "", "input": {}}
    yield "reasonTagUpdate", {"id": nowhere, "input": {}}
    yield "reasonTagRetire", {"id": nowhere}
    yield from outward()
    yield from ruling()
    yield from flagging()
    yield from caring(step)
    yield from claiming(step)
    yield from at_the_desk(step)
    review = {"stage": "REVIEW", "amount": 0, "unit": "HOURS", "action": "ESCALATE"}
    yield "deadlinePolicyUpdate", review
    yield "calendarUpdate", {"weekly": []}
    yield from showing(step)
    yield from bargaining(step)


def bargaining(step: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The same for offers, and for what staff decide alone."""
    yield "offerPropose", {**step, "offers": [{"kind": "PARTIAL", "amount": 1}]}
    yield "offerAccept", {"offerId": ids.encode("Offer", new_id())}
    yield "offerCounter", {**step, "amount": 1}
    for name in ("offerDecline", "offerAcceptCounter", "offerWithdraw"):
        yield name, step
    yield "budgetSet", {"purpose": "APPROVAL"}
    for name in ("discretionApprove", "discretionRefuse"):
        yield name, {"taskId": ids.encode("DiscretionTask", new_id())}


def flagging() -> Iterator[tuple[str, dict[str, Any]]]:
    """The same for flags."""
    customer = {"customerId": ids.encode("Customer", new_id()), "flag": "", "why": {}}
    yield "customerFlag", customer
    yield "customerUnflag", customer
    yield "customerAppeal", {"text": ""}
    flag = {"flagId": ids.encode("CustomerFlag", new_id()), "outcome": "UPHELD", "why": {}}
    yield "customerAppealAnswer", flag


def caring(step: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The same for what comes after the money."""
    yield "couponIssue", {**step, "amount": 0}
    for mutation in ("couponRetry", "couponRevoke"):
        yield mutation, {"id": ids.encode("Coupon", new_id())}
    yield "restitutionRetry", {"id": ids.encode("Restitution", new_id())}
    entry = {"id": ids.encode("CareEntry", new_id())}
    yield "careAssign", entry
    yield "careNote", {**entry, "text": "T"}
    yield "careClose", entry


def claiming(step: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The same for what is owed for goods."""
    yield "claimOpen", {**step, "amount": 1}
    yield "refundDispute", {**step, "note": "no"}
    yield "refundSetReasons", {**step, "rootCauseTagId": ids.encode("ReasonTag", new_id())}
    for name in ("claimSettle", "claimWriteOff"):
        yield name, {"claimId": ids.encode("Claim", new_id())}


def at_the_desk(step: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The same for people at work."""
    yield "refundTake", step
    yield "refundAssign", step
    yield "refundNote", {**step, "text": ""}
    somebody = {"staffId": ids.encode("Staff", new_id())}
    yield "staffSetAvailable", {**somebody, "available": True}
    yield "staffSetActive", {**somebody, "active": False}
    script = {"id": ids.encode("Script", new_id())}
    yield "scriptCreate", {"code": "", "input": {"texts": []}}
    yield "scriptUpdate", {**script, "input": {"texts": []}}
    yield "scriptRetire", script


def showing(step: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The same for what customers add and change."""
    yield "refundAmend", {**step, "lines": []}
    yield "refundMerge", {"intoId": step["refundId"], "fromId": step["refundId"]}
    yield "evidenceUploadStart", {**step, "name": "n", "size": 0}
    yield "evidenceRemove", {"fileId": ids.encode("EvidenceFile", new_id())}


def ruling() -> Iterator[tuple[str, dict[str, Any]]]:
    """The same for rules."""
    draft = {"name": {"en": "N"}, "condition": "", "actions": []}
    nowhere = {"id": ids.encode("Rule", new_id())}
    yield "ruleCreate", {"trigger": "REQUESTED", "mode": "OFF", "input": draft}
    yield "ruleUpdate", {**nowhere, "input": {**draft, "condition": "true"}}
    yield "ruleSetMode", {**nowhere, "mode": "OFF"}
    yield "ruleReorder", {"trigger": "REQUESTED", "order": []}
    yield "ruleDelete", nowhere
    yield "ruleBacktest", {"from": "2026-01-01T00:00:00Z"}
    yield "ruleBacktestCancel", {"id": ids.encode("RuleBacktestRun", new_id())}
    yield "campaignSet", {"code": "", "on": "2026-01-01", "names": []}
    yield "campaignRemove", {"code": "nothing", "on": "2026-01-01"}


def outward() -> Iterator[tuple[str, dict[str, Any]]]:
    """The same for plugins, messages and webhooks."""
    provider = {"provider": "nobody"}
    yield "pluginSettingsUpdate", provider
    yield "pluginCheck", provider
    place = {"kind": "REFUNDED", "locale": "none"}
    yield "templateUpsert", {**place, "body": ""}
    yield "templateReset", place
    yield "messageResend", {"id": ids.encode("Message", new_id())}
    yield "webhookEndpointCreate", {"url": ""}
    endpoint = {"id": ids.encode("WebhookEndpoint", new_id())}
    yield "webhookEndpointUpdate", {**endpoint, "input": {}}
    for name in ("RotateSecret", "Disable", "Enable", "Test"):
        yield f"webhookEndpoint{name}", endpoint
    yield "webhookDeliveryRedeliver", {"id": ids.encode("WebhookDelivery", new_id())}


async def test_the_flow_refuses_whom_the_table_refuses(
    shop: Populated, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the table taken away, every role still hears NotAllowed from the step itself."""
    contents = dict(attempts(shop))
    assert contents.keys() == documents.fields("Mutation").keys() - {"staffLogin"}
    monkeypatch.setattr(Permissions, "refuse", lambda *_: None)
    before = await snapshot(shop.shop_id, without={"idempotency_key"})
    for mutation, content in contents.items():
        for role in roles():
            reason = await _refusal(shop.world.as_(role), mutation, content)
            allowed = role in documents.table().roles["Mutation", mutation]
            assert (reason == "ROLE") is not allowed, (mutation, role, reason)
    after = await snapshot(shop.shop_id, without={"idempotency_key"})
    assert after == before, "refused, and something has changed"


async def _refusal(by: Api, mutation: str, content: dict[str, Any]) -> str | None:
    variables = documents.variables(mutation, content)
    result = (await by(documents.mutation(mutation), **variables))["result"]
    [problem] = result if isinstance(result, list) else [result]
    assert "code" in problem, (mutation, problem)
    reason: str | None = problem.get("reason")
    return reason


def test_analysts_change_nothing_and_read_no_personal_data() -> None:
    """What the role's description promises, held against the table."""
    table = documents.table().roles
    may = {f"{type_}.{field}" for (type_, field), allowed in table.items() if "ANALYST" in allowed}
    assert {c for c in may if c.startswith("Mutation.")} == {
        "Mutation.apiTokenRevoke",  # their own
        "Mutation.staffLogin",
    }
    personal = {
        "Customer.name", "Customer.email", "Customer.phone", "Staff.email", "Refund.note",
        "Refund.rejection", "Refund.evidenceQuestion", "Refund.evidenceAnswer", "Decision.reason",
        "Decision.actorName", "TimelineEntry.actorName", "Inspection.note", "Customer.contacts",
        "Message.subject", "Message.text", "Message.error", "Message.channelReference",
        "TemplateText.subject", "TemplateText.text", "TrackingCheckpoint.text",
        "TrackingCheckpoint.place", "WebhookDelivery.payload", "Claim.note",
        "Claim.closedByName", "Refund.notes", "RefundNote.text", "EvidenceFile.name",
        "EvidenceFile.url", "EvidenceFile.uploadedByName", "Refund.evidence",
    }  # fmt: skip
    assert not may & personal


def test_customers_see_no_internals() -> None:
    """Neither how the shop decides nor what happens between it and its bank."""
    table = documents.table().roles
    internal = {
        "Capture.reference", "Capture.reserved", "Capture.disputed", "Capture.disputeExcess",
        "Payout.code", "Payout.message", "Payout.gatewayReference", "Payout.attempts",
        "Refund.stuckReason", "Refund.assignee", "Refund.decisions", "Refund.foundReason",
        "Return.inspections", "RefundQuote.disputed", "Shop.financeThreshold", "Shop.handle",
        "Payout.parkedReason", "Payout.parkedAt", "Refund.messages", "Shop.gatewayRoutes",
        "Shop.courierRoutes", "Shop.channelOrder", "TimelineEntry.payload", "TimelineEntry.actor",
        "TimelineEntry.actorName", "Exposure.tier", "Exposure.limit", "Refund.claims",
        "Customer.exposure", "Shop.exposureLimits", "Shop.autoAssign", "Refund.desk",
        "Refund.deskSince", "Refund.notes", "Clock.action", "Clock.policyVersion",
        "EvidenceFile.uploadedBy", "EvidenceFile.uploadedByName", "Refund.rootCause",
        "Order.disputes", "Offer.costToShop", "OfferLadder.proposedBy",
        "OfferLadder.proposedByName", "Shop.returnCost", "Shop.reductionOfferThreshold",
    }  # fmt: skip
    hidden = {
        "Decision", "Inspection", "PayoutAttempt", "Staff", "ApiToken", "Message", "Template",
        "TemplateText", "TemplateVariable", "ChannelOrder", "GatewayRoute", "CourierRoute",
        "Plugin", "Provider", "PluginSettings", "PluginCheck", "WebhookEndpoint",
        "WebhookEndpointSecret", "WebhookDelivery", "WebhookTest", "Claim", "CustomerExposure",
        "ExposureLimit", "RefundNote", "Script", "ScriptVersion", "Queue", "DeskColleague",
        "DeadlinePolicy", "SlaFigure", "SlaFigures", "Dispute", "InspectionOutcome", "Budget",
        "StaffBudget", "DiscretionEntry", "DiscretionTask", "OfferReport", "OfferFigures",
    }  # fmt: skip
    for (type_, field), allowed in table.items():
        if type_ in hidden or f"{type_}.{field}" in internal:
            assert "CUSTOMER" not in allowed, (type_, field)
    assert internal <= {f"{type_}.{field}" for type_, field in table}


def test_only_staff_roles_can_be_given_to_staff() -> None:
    assert set(STAFF) == set(roles()) - {Role.SERVICE, Role.CUSTOMER}

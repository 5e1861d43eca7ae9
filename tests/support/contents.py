"""Content for every mutation, to be spoilt in one place or another."""

from collections.abc import Iterator

from refund_gql.graphql.documents import money_fields
from support import documents
from support.api import key
from support.populated import PLUGIN, Answer, Populated


def good(mutation: str, shop: Populated) -> Answer:
    """Content that is refused for nothing but the state of the refund."""
    refund = shop.refunds["finance"]
    step = {"refundId": refund["id"]}
    found = {"refundLineId": refund["lines"][0]["id"], "verdict": "ACCEPTED"}
    return {
        "refundRequest": {"orderId": shop.orders["fresh"]["id"]},
        "refundApprove": {**step, "kind": "REFUND_ONLY"},
        "refundApproveFirst": step,
        "claimOpen": {**step, "amount": 1},
        "claimSettle": {"claimId": shop.all("Claim")[0]},
        "claimWriteOff": {"claimId": shop.all("Claim")[0]},
        "refundReject": {**step, "reason": "no"},
        "refundSetPriority": {**step, "priority": "HIGH"},
        "refundRequestEvidence": {**step, "question": "why?"},
        "refundProvideEvidence": {**step, "answer": "so"},
        "refundConfirmWarehouse": {**step, "verdict": "GOODS_GONE"},
        "returnShip": {**step, "courier": "SF", "trackingNumber": "1"},
        "returnReceive": step,
        "returnBookPickup": {**step, "courier": "SF", "sender": ADDRESS},
        "returnReportLost": step,
        "returnReopen": step,
        "returnInspect": {**step, "lines": [{**found, "receivedQuantity": 2}]},
        "refundApproveFinance": step,
        "refundCancel": step,
        **flagging(shop),
        "payoutRetry": {"payoutId": shop.refunds["stuck"]["payouts"][0]["id"]},
        "ruleBacktest": {"from": "2026-01-31T08:00:00Z", "draft": RULE},
        "couponIssue": {**step, "amount": 1},
        "couponRetry": {"id": shop.all("Coupon")[0]},
        "couponRevoke": {"id": shop.all("Coupon")[0]},
        "restitutionRetry": {"id": shop.all("Restitution")[0]},
    }[mutation]


ADDRESS: Answer = {"name": "N", "phone": "1", "country": "CN", "street": "S"}
REQUIREMENT: Answer = {"code": "C", "zh": "Z", "en": "E", "categories": ["C"]}


def flagging(shop: Populated) -> dict[str, Answer]:
    """The same for flags: one that holds, and has an appeal that waits."""
    customer, why = {"customerId": shop.customer}, {"why": {"zh": "Z", "en": "E"}}
    answer = {"flagId": shop.all("CustomerFlag")[0], "outcome": "UPHELD"}
    return {
        "customerFlag": {**customer, **why, "flag": "another"},
        "customerUnflag": {**customer, **why, "flag": "none"},
        "customerAppeal": {**customer, "text": "T"},
        "customerAppealAnswer": {**answer, **why},
    }


MUTATIONS: dict[str, Answer] = {
    "orderUpsert": {
        "number": "N", "currency": "CNY", "placedAt": "2026-01-31T08:00:00Z",
        "customerReference": "C-1",
        "lines": [{"sku": "S", "title": "T", "quantity": 1, "unitPrice": 1, "discount": 0}],
        "discount": 0, "shippingAmount": 0, "closed": False,
        "couponsUsed": ["C"], "pointsSpent": 1, "region": "CN-31", "presale": True,
        "captures": [{"gateway": "sandbox", "reference": "R", "amount": 1, "disputed": 0,
                      "capturedAt": "2026-01-31T08:00:00Z", "metadata": {"k": "v"}}],
        "shipments": [{"courier": "C", "trackingNumber": "1", "shippedAt": "2026-01-31T08:00:00Z",
                       "deliveredAt": "2026-01-31T08:00:00Z",
                       "lines": [{"position": 0, "quantity": 1}]}],
    },
    "customerUpsert": {
        "reference": "C-9", "name": "N", "email": "E", "phone": "P", "locale": "zh",
        "contacts": {"wechat_openid": "W"}, "channels": ["sandbox-inbox"],
    },
    "productUpsert": {"sku": "S", "title": "T", "category": "C"},
    "shopUpdate": {
        "name": "N", "timeZone": "Asia/Shanghai", "locale": "zh", "financeThreshold": 1,
        "returnWindowDays": 1, "returnAddress": "A", "returnRequirements": {"zh": "Z", "en": "E"},
        "gatewayRoutes": [{"word": "W", "provider": "sandbox"}],
        "courierRoutes": [{"word": "W", "provider": "sandbox-courier", "carrier": "C"}],
        "exposureLimits": [{"tier": "gold", "most": 1}], "returnDays": 1, "returnGraceDays": 1,
        "deliveryDays": 1,
        "channelOrder": [{"kind": "PAYMENT_DELAYED", "channels": ["sandbox-inbox"]}],
    },
    "staffCreate": {"email": "a@b.c", "name": "N", "role": "AGENT", "password": "p" * 10},
    "staffLogin": {"shop": "s", "email": "a@b.c", "password": "p" * 10},
    "apiTokenCreate": {"name": "N", "scopes": ["READ"], "expiresAt": "2030-01-01T00:00:00Z"},
    "apiTokenRevoke": {"tokenId": "x"},
    "customerSessionCreate": {"customerReference": "C-1"},
    "reasonTagCreate": {
        "code": "C", "input": {"labels": {"zh": "Z", "en": "E"}, "position": 1, "parentId": "x",
                               "sellerAtFault": True},
    },
    "reasonTagUpdate": {"id": "x", "input": {"labels": {"zh": "Z"}}},
    "reasonTagRetire": {"id": "x"},
    "pluginSettingsUpdate": {
        "provider": PLUGIN, "enabled": True, "values": {"seed": 1, "api_key": "K", "ledger": None},
        "expectedVersion": None,
    },
    "pluginCheck": {"provider": PLUGIN},
    "templateUpsert": {
        "kind": "REJECTED", "locale": "zh", "channel": "sandbox-inbox", "subject": "S",
        "body": "{% if refund_number %}B{% endif %}",
    },
    "templateReset": {"kind": "REJECTED", "locale": "zh", "channel": "sandbox-inbox"},
    "messageResend": {"id": "x"},
    "webhookEndpointCreate": {
        "url": "https://nobody.example/hook", "description": "D", "events": ["CANCELLED"],
    },
    "webhookEndpointRotateSecret": {"id": "x"},
    "webhookEndpointDisable": {"id": "x"},
    "webhookEndpointEnable": {"id": "x"},
    "webhookEndpointTest": {"id": "x"},
    "webhookDeliveryRedeliver": {"id": "x"},
    "returnAddressCreate": {
        "name": "N", "regions": ["CN-31"], "categories": ["C"], "skus": ["S"], "position": 1,
        "fallback": False,
        "address": {**ADDRESS, "region": "R", "city": "C", "district": "D", "postcode": "P"},
    },
    "returnAddressUpdate": {"id": "x", "input": {"name": "N", "address": ADDRESS}},
    "returnAddressDelete": {"id": "x"},
    "returnRequirementsUpdate": {"requirements": [REQUIREMENT]},
    "careAssign": {"id": "x", "staffId": "x"},
    "careNote": {"id": "x", "text": "T", "contacted": True},
    "careClose": {"id": "x", "text": "T"},
}  # fmt: skip

RULE: Answer = {
    "name": {"zh": "Z", "en": "E"}, "condition": "true", "description": {"zh": "Z", "en": "E"},
    "actions": [{"kind": "HOLD", "parameters": {"why": {"en": "W"}}}],
    "validFrom": "2026-01-31T08:00:00Z", "validUntil": "2027-01-31T08:00:00Z",
    "dailyCount": 1, "dailyAmount": 1,
}  # fmt: skip
RULES: dict[str, Answer] = {
    "ruleCreate": {"trigger": "REQUESTED", "mode": "OFF", "input": RULE},
    "ruleUpdate": {"id": "x", "input": RULE, "expectedVersion": 1},
    "ruleSetMode": {"id": "x", "mode": "OFF"},
    "ruleReorder": {"trigger": "REQUESTED", "order": ["x"]},
    "ruleDelete": {"id": "x"},
    "ruleBacktestCancel": {"id": "x"},
}


def everything(shop: Populated) -> Iterator[tuple[str, Answer]]:
    """Every mutation with all its fields."""
    owner = shop.orders["fresh"]
    more: dict[str, Answer] = {
        "refundRequest": {
            "kind": "REFUND_ONLY", "note": "N", "reasonTagId": shop.tag,
            "lines": [{"orderLineId": owner["lines"][0]["id"], "quantity": 1,
                       "amount": {"amount": 1, "currency": "CNY"}}],
            "expectedRefundable": {"amount": 1, "currency": "CNY"},
        },
        "refundApprove": {"reason": "R"},
        "customerFlag": {"level": "HIGH", "expiresInDays": 1},
        "customerAppeal": {"flag": "none"},
        "refundApproveFirst": {"reason": "R"},
        "claimOpen": {"note": "N"},
        "claimSettle": {"note": "N"},
        "claimWriteOff": {"note": "N"},
        "refundSetPriority": {"reason": "R"},
        "refundConfirmWarehouse": {"note": "N"},
        "returnInspect": {"note": "N", "foundReasonTagId": shop.tag},
        "returnBookPickup": {
            "weightGrams": 1, "earliest": "2026-01-31T08:00:00Z", "latest": "2026-01-31T09:00:00Z",
            "sender": {**ADDRESS, "region": "R", "city": "C", "district": "D", "postcode": "P"},
        },
        "returnReportLost": {"reason": "R"},
        "returnReopen": {"reason": "R"},
        "refundApproveFinance": {"note": "N", "verdict": "SEND_BACK"},
        "couponIssue": {"purpose": "GIFT", "leastOrderAmount": 1, "validDays": 1},
    }  # fmt: skip
    for mutation in sorted(money_fields(documents.core())):
        yield mutation, {**good(mutation, shop), **more.get(mutation, {}), "idempotencyKey": key()}
    yield from MUTATIONS.items()
    yield from RULES.items()
    yield "orderUpsertBulk", {"input": [MUTATIONS["orderUpsert"]]}
    endpoint = MUTATIONS["webhookEndpointCreate"]
    yield "webhookEndpointUpdate", {"id": shop.endpoint, "input": endpoint}

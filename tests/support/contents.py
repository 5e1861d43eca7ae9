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
        "refundAmend": step,
        "refundMerge": {"intoId": refund["id"], "fromId": shop.refunds["review"]["id"]},
        "evidenceUploadStart": {**step, "name": "N", "size": 1},
        "evidenceRemove": {"fileId": shop.all("EvidenceFile")[0]},
        "refundDispute": {**step, "note": "no"},
        "refundSetReasons": {**step, "foundReasonTagId": shop.tag},
        **flagging(shop),
        "refundTake": step,
        "refundAssign": step,
        "refundNote": {**step, "text": "T"},
        "payoutRetry": {"payoutId": shop.refunds["stuck"]["payouts"][0]["id"]},
        "ruleBacktest": {"from": "2026-01-31T08:00:00Z", "draft": RULE},
        "couponIssue": {**step, "amount": 1},
        "couponRetry": {"id": shop.all("Coupon")[0]},
        "couponRevoke": {"id": shop.all("Coupon")[0]},
        "restitutionRetry": {"id": shop.all("Restitution")[0]},
        "offerPropose": {**step, "offers": [{"kind": "PARTIAL", "amount": 1}]},
        "offerAccept": {"offerId": shop.all("Offer")[0]},
        "offerDecline": step,
        "offerCounter": {**step, "amount": 1},
        "offerAcceptCounter": step,
        "offerWithdraw": step,
        "discretionApprove": {"taskId": shop.all("DiscretionTask")[0]},
        "discretionRefuse": {"taskId": shop.all("DiscretionTask")[0]},
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
        "disputeDays": 1,
        "offerHours": 1, "returnCost": 1, "reductionOfferThreshold": 1,
        "deliveryDays": 1,
        "channelOrder": [{"kind": "PAYMENT_DELAYED", "channels": ["sandbox-inbox"]}],
        "autoAssign": "OFF",
    },
    "budgetSet": {
        "purpose": "APPROVAL", "staffId": "x", "role": "AGENT", "perCase": 1, "perDay": 1,
        "perMonth": 1,
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
    "campaignSet": {"code": "C", "on": "2026-01-31", "names": [{"locale": "zh", "name": "N"}]},
    "campaignRemove": {"code": "C", "on": "2026-01-31"},
    "staffSetAvailable": {"available": False, "staffId": "x"},
    "staffSetActive": {"staffId": "x", "active": False},
    "scriptCreate": {"code": "C", "input": {
        "texts": [{"locale": "zh", "title": "T", "body": "{{ amount }}"}], "reasonIds": ["x"],
        "desks": ["FINANCE"],
    }},
    "scriptUpdate": {"id": "x", "expectedVersion": 1, "input": {
        "texts": [{"locale": "zh", "title": "T", "body": "{{ amount }}"}],
    }},
    "scriptRetire": {"id": "x"},
    "deadlinePolicyUpdate": {
        "stage": "REVIEW", "amount": 1, "unit": "HOURS", "businessHoursOnly": True,
        "warnPercent": 50, "action": "APPROVE", "approveMost": 1, "expectedVersion": None,
    },
    "calendarUpdate": {
        "weekly": [{"weekday": 1, "hours": [{"opens": "09:00", "closes": "18:00"}]}],
        "specialDays": [{"day": "2026-10-01", "hours": [{"opens": "10:00", "closes": "24:00"}]}],
        "expectedVersion": None,
    },
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
        "refundAmend": {
            "kind": "REFUND_ONLY", "note": "N", "reasonTagId": shop.tag,
            "lines": [{"orderLineId": owner["lines"][0]["id"], "quantity": 1,
                       "amount": {"amount": 1, "currency": "CNY"}}],
        },
        "refundProvideEvidence": {"fileIds": [shop.all("EvidenceFile")[0]]},
        "evidenceUploadStart": {"purpose": "EVIDENCE"},
        "customerFlag": {"level": "HIGH", "expiresInDays": 1},
        "customerAppeal": {"flag": "none"},
        "refundApproveFirst": {"reason": "R"},
        "claimOpen": {"note": "N"},
        "claimSettle": {"note": "N"},
        "claimWriteOff": {"note": "N"},
        "refundSetPriority": {"reason": "R"},
        "refundReject": {"scriptId": shop.all("Script")[0]},
        "refundRequestEvidence": {"scriptId": shop.all("Script")[0]},
        "refundNote": {"scriptId": shop.all("Script")[0]},
        "refundAssign": {"staffId": shop.all("Staff")[0], "reason": "R"},
        "refundConfirmWarehouse": {"note": "N"},
        "returnInspect": {"note": "N", "foundReasonTagId": shop.tag, "rootCauseTagId": shop.tag},
        "refundSetReasons": {"rootCauseTagId": shop.tag},
        "returnBookPickup": {
            "weightGrams": 1, "earliest": "2026-01-31T08:00:00Z", "latest": "2026-01-31T09:00:00Z",
            "sender": {**ADDRESS, "region": "R", "city": "C", "district": "D", "postcode": "P"},
        },
        "returnReportLost": {"reason": "R"},
        "returnReopen": {"reason": "R"},
        "refundApproveFinance": {"note": "N", "verdict": "SEND_BACK"},
        "offerPropose": {
            "offers": [
                {"kind": "KEEP_AND_COMPENSATE", "amount": 1, "text": {"zh": "Z", "en": "E"},
                 "guide": {"zh": "https://a.example", "en": "https://b.example"}},
                {"kind": "FULL_WITH_RETURN", "returnPayer": "CUSTOMER"},
                {"kind": "EXCHANGE_COUPON", "couponAmount": 1, "couponBonus": 1, "couponDays": 1},
            ],
            "message": "M", "reason": "R",
        },
        "offerDecline": {"reason": "R"},
        "offerCounter": {"note": "N"},
        "offerAcceptCounter": {"reason": "R"},
        "offerWithdraw": {"reason": "R"},
        "discretionRefuse": {"answer": "A"},
        "couponIssue": {"purpose": "GIFT", "leastOrderAmount": 1, "validDays": 1},
    }  # fmt: skip
    for mutation in sorted(money_fields(documents.core())):
        yield mutation, {**good(mutation, shop), **more.get(mutation, {}), "idempotencyKey": key()}
    yield from MUTATIONS.items()
    yield from RULES.items()
    yield "orderUpsertBulk", {"input": [MUTATIONS["orderUpsert"]]}
    endpoint = MUTATIONS["webhookEndpointCreate"]
    yield "webhookEndpointUpdate", {"id": shop.endpoint, "input": endpoint}

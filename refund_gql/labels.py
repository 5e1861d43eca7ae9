"""What people read for what programs call by name, in Chinese and English.

Each table is complete for both locales, "zh" and "en"; a test holds it to its enumeration.
"""

from refund_gql.choices import (
    DeadlineStage,
    DiscretionStep,
    Disposition,
    EvidencePurpose,
    OfferKind,
    OfferState,
    ReturnPayer,
    ReturnStatus,
    Span,
    Verdict,
)
from refund_gql.desks import Desk
from refund_gql.events import EventType
from refund_gql.roles import Role
from refund_gql.states import RefundStatus, Step

STATUSES: dict[RefundStatus, dict[str, str]] = {
    RefundStatus.REQUESTED: {"en": "Requested", "zh": "已申请"},
    RefundStatus.REVIEW: {"en": "In review", "zh": "待初审"},
    RefundStatus.WAREHOUSE_CHECK: {"en": "With the warehouse", "zh": "待仓库确认"},
    RefundStatus.AWAITING_RETURN: {"en": "Waiting for the goods", "zh": "待寄回"},
    RefundStatus.RETURNING: {"en": "Goods on their way back", "zh": "待收货"},
    RefundStatus.INSPECTION: {"en": "Being inspected", "zh": "验货中"},
    RefundStatus.FINANCE_REVIEW: {"en": "With finance", "zh": "待财务审核"},
    RefundStatus.APPROVED: {"en": "Approved", "zh": "已同意"},
    RefundStatus.PAYING: {"en": "Being paid", "zh": "退款中"},
    RefundStatus.PAYMENT_STUCK: {"en": "Payment needs attention", "zh": "退款异常"},
    RefundStatus.REFUNDED: {"en": "Refunded", "zh": "已退款"},
    RefundStatus.REJECTED: {"en": "Refused", "zh": "已拒绝"},
    RefundStatus.CANCELLED: {"en": "Withdrawn", "zh": "已取消"},
    RefundStatus.NEGOTIATING: {"en": "Offers to choose from", "zh": "协商中"},
    RefundStatus.SETTLED: {"en": "Settled with a coupon", "zh": "已协商解决"},
}
"""Status -> locale -> what people read."""

STEPS: dict[Step, dict[str, str]] = {
    Step.SUBMIT: {"en": "request", "zh": "提交申请"},
    Step.APPROVE_INSTANTLY: {"en": "approve at once", "zh": "极速退款"},
    Step.APPROVE_FIRST_INSTANTLY: {
        "en": "pay at once, the goods come later",
        "zh": "先退款后收货（自动）",
    },
    Step.SEND_TO_REVIEW: {"en": "send to review", "zh": "转客服初审"},
    Step.ROUTE_TO_WAREHOUSE: {"en": "send to the warehouse", "zh": "转仓库确认"},
    Step.ROUTE_TO_FINANCE: {"en": "send to finance", "zh": "转财务审核"},
    Step.APPROVE_RETURN_INSTANTLY: {"en": "agree to the return at once", "zh": "自动同意退货"},
    Step.REQUEST_EVIDENCE: {"en": "ask for evidence", "zh": "要求补充凭证"},
    Step.PROVIDE_EVIDENCE: {"en": "provide evidence", "zh": "补充凭证"},
    Step.APPROVE_REFUND_ONLY: {"en": "approve as refund only", "zh": "同意仅退款"},
    Step.APPROVE_UNSENT: {"en": "approve, nothing was sent", "zh": "同意未发货退款"},
    Step.APPROVE_RETURN: {"en": "approve as return and refund", "zh": "同意退货退款"},
    Step.APPROVE_FIRST: {"en": "approve as refund first", "zh": "同意先退款后收货"},
    Step.REJECT: {"en": "refuse", "zh": "拒绝申请"},
    Step.CONFIRM_GOODS_GONE: {"en": "confirm the goods are gone", "zh": "确认商品不在客户处"},
    Step.FIND_GOODS_WITH_CUSTOMER: {
        "en": "find the goods with the customer",
        "zh": "核实商品在客户处",
    },
    Step.SHIP_RETURN: {"en": "send the goods back", "zh": "寄回商品"},
    Step.RECEIVE_RETURN: {"en": "receive the parcel", "zh": "确认收到退货"},
    Step.REPORT_RETURN_LOST: {"en": "report the parcel lost", "zh": "登记退货包裹丢失"},
    Step.REOPEN_RETURN: {"en": "have the goods sent again", "zh": "重新寄回商品"},
    Step.PASS_INSPECTION: {"en": "accept the goods", "zh": "验货通过"},
    Step.REFUSE_INSPECTION: {"en": "refuse the goods", "zh": "验货不通过"},
    Step.APPROVE_FINANCE: {"en": "release the money", "zh": "财务审核通过"},
    Step.SEND_BACK: {"en": "send back to review", "zh": "退回复审"},
    Step.START_PAYMENT: {"en": "start the payment", "zh": "发起退款"},
    Step.COMPLETE_PAYMENT: {"en": "complete the payment", "zh": "完成退款"},
    Step.HALT_PAYMENT: {"en": "halt the payment", "zh": "中止退款"},
    Step.RETRY_PAYMENT: {"en": "try the payment again", "zh": "重新发起退款"},
    Step.REVERSE_PAYMENT: {"en": "reverse the payment", "zh": "撤回退款"},
    Step.CANCEL: {"en": "withdraw", "zh": "撤销申请"},
    Step.EXPIRE: {"en": "close, nothing came in time", "zh": "超时关闭"},
    Step.AMEND: {"en": "change the request", "zh": "修改申请"},
    Step.MERGE: {"en": "merge into another request", "zh": "合并申请"},
    Step.DISPUTE: {"en": "dispute the refusal", "zh": "对拒绝提出异议"},
    Step.PROPOSE_OFFERS: {"en": "propose offers", "zh": "提出协商方案"},
    Step.PROPOSE_OFFERS_INSTANTLY: {"en": "propose offers at once", "zh": "自动提出协商方案"},
    Step.OFFER_REDUCTION: {"en": "offer a reduced amount", "zh": "验货后协商减额"},
    Step.ACCEPT_RETURN_OFFER: {"en": "accept the offer with a return", "zh": "接受退货方案"},
    Step.ACCEPT_MONEY_OFFER: {"en": "accept the offer of money", "zh": "接受退款方案"},
    Step.ACCEPT_COUPON_OFFER: {"en": "accept the coupon", "zh": "接受换券方案"},
    Step.DECLINE_OFFERS: {"en": "decline the offers", "zh": "拒绝协商方案"},
    Step.COUNTER_OFFERS: {"en": "propose another amount", "zh": "提出期望金额"},
    Step.EXPIRE_OFFERS: {"en": "let the offers expire", "zh": "协商方案过期"},
    Step.WITHDRAW_OFFERS: {"en": "withdraw the offers", "zh": "撤回协商方案"},
    Step.ACCEPT_COUNTER: {"en": "accept the customer's amount", "zh": "同意顾客期望金额"},
}
"""Step -> locale -> what people read."""

EVENTS: dict[EventType, dict[str, str]] = {
    EventType.REQUESTED: {"en": "Refund requested", "zh": "提交退款申请"},
    EventType.SPLIT: {
        "en": "Split: shipped and unshipped goods go separate ways",
        "zh": "已发货与未发货商品拆分处理",
    },
    EventType.APPROVED_INSTANTLY: {
        "en": "Approved at once: nothing had been shipped",
        "zh": "商品未发货，极速退款已自动通过",
    },
    EventType.REFUND_FIRST_GRANTED: {
        "en": "Approved at once: refund first, goods later",
        "zh": "先退款后收货已自动通过",
    },
    EventType.SENT_TO_REVIEW: {"en": "Waiting for customer service", "zh": "等待客服初审"},
    EventType.EVIDENCE_REQUESTED: {"en": "Evidence asked for", "zh": "客服要求补充凭证"},
    EventType.EVIDENCE_PROVIDED: {"en": "Evidence provided", "zh": "已补充凭证"},
    EventType.REFUND_ONLY_APPROVED: {"en": "Refund only: approved", "zh": "初审通过：仅退款"},
    EventType.RETURN_APPROVED: {
        "en": "Return and refund: approved, please send the goods back",
        "zh": "已同意退货退款，请寄回商品",
    },
    EventType.REFUND_FIRST_PROPOSED: {
        "en": "Refund first, goods later: approved",
        "zh": "初审通过：先退款后收货",
    },
    EventType.REJECTED: {"en": "Refused", "zh": "退款申请被拒绝"},
    EventType.WAREHOUSE_CONFIRMED: {
        "en": "Warehouse confirmed: the goods are not with the customer",
        "zh": "仓库确认：商品不在客户处",
    },
    EventType.GOODS_FOUND_WITH_CUSTOMER: {
        "en": "Warehouse found the goods with the customer",
        "zh": "仓库核实：商品仍在客户处",
    },
    EventType.RETURN_SHIPPED: {"en": "Goods sent back", "zh": "商品已寄回"},
    EventType.RETURN_RECEIVED: {"en": "Parcel received", "zh": "仓库已收到退货"},
    EventType.RETURN_LOST: {
        "en": "The parcel got lost on its way back",
        "zh": "退货包裹在途中丢失",
    },
    EventType.RETURN_REOPENED: {
        "en": "The parcel did not reach us; please send the goods again",
        "zh": "退货包裹未能送达，请重新寄回商品",
    },
    EventType.PICKUP_BOOKED: {"en": "Pickup booked", "zh": "已预约上门取件"},
    EventType.PICKUP_FAILED: {"en": "The pickup could not be booked", "zh": "上门取件预约失败"},
    EventType.INSPECTION_PASSED: {"en": "Goods inspected and accepted", "zh": "验货通过"},
    EventType.INSPECTION_REFUSED: {"en": "Goods refused at inspection", "zh": "验货未通过"},
    EventType.FINANCE_APPROVED: {"en": "Money released", "zh": "财务审核通过"},
    EventType.FINANCE_SENT_BACK: {"en": "Sent back by finance", "zh": "财务退回复审"},
    EventType.PAYMENT_STARTED: {"en": "Payment under way", "zh": "退款中"},
    EventType.PAYOUT_PARKED: {"en": "Waiting for the payment gateway", "zh": "等待支付渠道恢复"},
    EventType.PAYOUT_RESUMED: {"en": "The payment gateway is back", "zh": "支付渠道已恢复"},
    EventType.PAYOUT_SUCCEEDED: {
        "en": "Payout confirmed by the gateway",
        "zh": "支付渠道已确认退款",
    },
    EventType.REFUNDED: {"en": "Money refunded", "zh": "退款已原路退回"},
    EventType.PAYMENT_STUCK: {"en": "Payment needs a person", "zh": "退款异常，等待人工处理"},
    EventType.PAYMENT_RETRIED: {"en": "Payment tried again", "zh": "已重新发起退款"},
    EventType.PAYMENT_REVERSED: {"en": "Payment reversed by the gateway", "zh": "支付渠道撤回退款"},
    EventType.CANCELLED: {"en": "Request withdrawn", "zh": "退款申请已撤销"},
    EventType.COUPON_ISSUED: {"en": "Coupon given", "zh": "已发放优惠券"},
    EventType.COUPON_REVOKED: {"en": "Coupon revoked", "zh": "优惠券已作废"},
    EventType.POINTS_RESTORED: {"en": "Points given back", "zh": "积分已退回"},
    EventType.COUPON_RESTORED: {"en": "Coupon given back", "zh": "优惠券已退回"},
    EventType.GOODS_AWAITED: {
        "en": "The money goes first; please send the goods back",
        "zh": "先行退款，请寄回商品",
    },
    EventType.RETURN_SCANNED: {
        "en": "The courier has the goods",
        "zh": "快递已揽收退货",
    },
    EventType.RETURN_REMINDED: {
        "en": "Reminder: the goods have not been sent back yet",
        "zh": "已提醒寄回商品",
    },
    EventType.CLAIM_OPENED: {
        "en": "Goods missing or reduced: a colleague will look into it",
        "zh": "退货缺失或减损，客服将跟进处理",
    },
    EventType.CLAIM_CHANGED: {
        "en": "What is owed for the goods has changed",
        "zh": "退货差额已更新",
    },
    EventType.CLAIM_SETTLED: {
        "en": "The missing or reduced goods are settled",
        "zh": "退货差额已结清",
    },
    EventType.CLAIM_WRITTEN_OFF: {
        "en": "Nothing more is owed for the goods",
        "zh": "退货差额已免除",
    },
    EventType.IMPORTED: {"en": "Imported from the shop's history", "zh": "由历史数据导入"},
    EventType.REASON_FOUND: {"en": "Reason noted by a rule", "zh": "规则已标注退款原因"},
    EventType.ROUTED: {"en": "Handed on by a rule", "zh": "规则已转交处理"},
    EventType.SENT_TO_WAREHOUSE: {"en": "Waiting for the warehouse", "zh": "等待仓库确认"},
    EventType.SENT_TO_FINANCE: {"en": "Waiting for finance", "zh": "等待财务审核"},
    EventType.ESCALATED: {"en": "Escalated: look at it sooner", "zh": "已升级，请优先处理"},
    EventType.PRIORITY_LOWERED: {"en": "Priority lowered", "zh": "已降低优先级"},
    EventType.MESSAGE_REQUESTED: {"en": "A rule has the customer told", "zh": "规则已安排通知顾客"},
    EventType.ASSIGNED: {"en": "Given to a colleague", "zh": "已分配处理人"},
    EventType.UNASSIGNED: {"en": "Back in the queue", "zh": "已退回待处理队列"},
    EventType.NOTED: {"en": "Internal note", "zh": "内部备注"},
    EventType.CLOCK_WARNED: {"en": "A deadline is near", "zh": "处理时限即将到期"},
    EventType.CLOCK_BREACHED: {"en": "A deadline has passed", "zh": "处理已超时"},
    EventType.SHIPPING_REMINDED: {
        "en": "Reminder: please send the goods back",
        "zh": "已提醒寄回商品以继续退款",
    },
    EventType.EVIDENCE_REMINDED: {
        "en": "Reminder: evidence is still awaited",
        "zh": "已提醒补充凭证",
    },
    EventType.EXPIRED: {"en": "Closed: nothing came in time", "zh": "超时未处理，申请已关闭"},
    EventType.EVIDENCE_ADDED: {"en": "A file was added", "zh": "已上传凭证文件"},
    EventType.EVIDENCE_REMOVED: {"en": "A file was removed", "zh": "已删除凭证文件"},
    EventType.AMENDED: {"en": "The request was changed", "zh": "已修改退款申请"},
    EventType.MERGED: {"en": "Merged into another request", "zh": "已并入另一退款申请"},
    EventType.REQUEST_ADDED: {
        "en": "Another request was added to this one",
        "zh": "另一退款申请已并入本单",
    },
    EventType.DISPUTED: {
        "en": "Refusal disputed: another colleague looks at it",
        "zh": "顾客对拒绝提出异议，由另一位客服复审",
    },
    EventType.GOODS_DISPOSED: {
        "en": "Decided what becomes of the goods",
        "zh": "已确定退货商品的处置方式",
    },
    EventType.REASONS_SET: {"en": "Reasons noted", "zh": "已标注退款原因"},
    EventType.CHARGEBACK_OPENED: {
        "en": "Chargeback: the bank has taken the money of this order",
        "zh": "银行拒付：该订单的款项已被银行扣回",
    },
    EventType.CHARGEBACK_WON: {"en": "Chargeback won", "zh": "银行拒付已胜诉"},
    EventType.CHARGEBACK_LOST: {"en": "Chargeback lost", "zh": "银行拒付已败诉"},
    EventType.OFFERED: {"en": "Offers to choose from", "zh": "已提出协商方案，等待顾客选择"},
    EventType.OFFER_ACCEPTED: {"en": "An offer was accepted", "zh": "顾客已接受协商方案"},
    EventType.OFFER_DECLINED: {"en": "The offers were declined", "zh": "顾客已拒绝协商方案"},
    EventType.OFFER_COUNTERED: {
        "en": "The customer proposed another amount",
        "zh": "顾客提出了期望金额",
    },
    EventType.OFFER_EXPIRED: {"en": "The offers have expired", "zh": "协商方案已过期"},
    EventType.OFFER_WITHDRAWN: {"en": "The offers were withdrawn", "zh": "商家已撤回协商方案"},
    EventType.COUNTER_ACCEPTED: {
        "en": "The customer's amount was accepted",
        "zh": "商家已同意顾客的期望金额",
    },
    EventType.DISCRETION_REQUESTED: {
        "en": "Beyond the budget: a colleague is asked",
        "zh": "超出额度，已转同事审批",
    },
    EventType.DISCRETION_REFUSED: {
        "en": "Beyond the budget: a colleague refused",
        "zh": "超出额度，审批未通过",
    },
}
"""Event -> locale -> what people read."""

RETURN_STATUSES: dict[ReturnStatus, dict[str, str]] = {
    ReturnStatus.AWAITED: {"en": "Waiting for the goods", "zh": "待寄回"},
    ReturnStatus.SHIPPED: {"en": "Goods on their way back", "zh": "待收货"},
    ReturnStatus.RECEIVED: {"en": "Goods received", "zh": "已收货，待验货"},
    ReturnStatus.INSPECTED: {"en": "Goods inspected", "zh": "已验货"},
    ReturnStatus.LOST: {"en": "Goods lost on their way", "zh": "退货包裹丢失"},
    ReturnStatus.CANCELLED: {"en": "Return no longer awaited", "zh": "退货已取消"},
}
"""Where goods stand -> locale -> what people read."""

DEADLINE_STAGES: dict[DeadlineStage, dict[str, str]] = {
    DeadlineStage.FIRST_RESPONSE: {"en": "First response", "zh": "首次响应"},
    DeadlineStage.REVIEW: {"en": "Decision of customer service", "zh": "客服初审"},
    DeadlineStage.WAREHOUSE_CHECK: {"en": "Check by the warehouse", "zh": "仓库确认"},
    DeadlineStage.CUSTOMER_SHIPS: {"en": "Goods to be sent back", "zh": "顾客寄回商品"},
    DeadlineStage.INSPECTION: {"en": "Inspection", "zh": "验货"},
    DeadlineStage.FINANCE: {"en": "Release by finance", "zh": "财务审核"},
    DeadlineStage.CUSTOMER_ANSWERS: {"en": "Evidence from the customer", "zh": "顾客补充凭证"},
}
"""What a clock waits for -> locale -> what people read."""

VERDICTS: dict[Verdict, dict[str, str]] = {
    Verdict.ACCEPTED: {"en": "accepted", "zh": "验收合格"},
    Verdict.REDUCED: {"en": "reduced", "zh": "折价"},
    Verdict.REFUSED: {"en": "refused", "zh": "拒收"},
    Verdict.WRONG_ITEM: {"en": "another item in its place", "zh": "错件"},
    Verdict.MISSING: {"en": "missing", "zh": "缺件"},
}
"""What the warehouse says about units -> locale -> what people read."""

DISPOSITIONS: dict[Disposition, dict[str, str]] = {
    Disposition.RESTOCK: {"en": "back to stock", "zh": "重新入库"},
    Disposition.REPAIR: {"en": "to be repaired", "zh": "维修"},
    Disposition.WRITE_OFF: {"en": "written off", "zh": "报废"},
    Disposition.BACK_TO_CUSTOMER: {"en": "back to the customer", "zh": "退回顾客"},
}
"""What becomes of units -> locale -> what people read."""

INPUTS: dict[str, dict[str, str]] = {
    "REFUND_ONLY": {"en": "refund only", "zh": "仅退款"},
    "RETURN_AND_REFUND": {"en": "return and refund", "zh": "退货退款"},
    "GOODS_GONE": {"en": "the goods are not with the customer", "zh": "商品不在顾客处"},
    "WITH_CUSTOMER": {"en": "the customer has them", "zh": "商品在顾客处"},
    "APPROVE": {"en": "release the money", "zh": "通过"},
    "SEND_BACK": {"en": "send back to review", "zh": "退回复审"},
    "NORMAL": {"en": "normal", "zh": "普通"},
    "HIGH": {"en": "high", "zh": "优先"},
    "URGENT": {"en": "urgent", "zh": "紧急"},
    **{verdict.value: words for verdict, words in VERDICTS.items()},
    **{disposition.value: words for disposition, words in DISPOSITIONS.items()},
    EvidencePurpose.REQUEST: {"en": "part of the request", "zh": "申请凭证"},
    EvidencePurpose.EVIDENCE: {"en": "further evidence", "zh": "补充凭证"},
    EvidencePurpose.INSPECTION: {"en": "what the inspection found", "zh": "验货记录"},
    ReturnPayer.SHOP: {"en": "paid by the shop", "zh": "店铺承担"},
    ReturnPayer.CUSTOMER: {"en": "paid by the customer", "zh": "顾客承担"},
}
"""What an input of a step may say -> locale -> what people read."""

OFFERS: dict[OfferKind, dict[str, str]] = {
    OfferKind.FULL_WITH_RETURN: {"en": "Full refund, send the goods back", "zh": "退货全额退款"},
    OfferKind.KEEP_AND_COMPENSATE: {
        "en": "Keep the goods, with a compensation",
        "zh": "保留商品并获得补偿",
    },
    OfferKind.PARTIAL: {"en": "Partial refund", "zh": "部分退款"},
    OfferKind.EXCHANGE_COUPON: {"en": "A coupon in place of the money", "zh": "换取优惠券"},
}
"""Offer -> locale -> what people read."""

DISCRETION: dict[DiscretionStep, dict[str, str]] = {
    DiscretionStep.APPROVE: {"en": "approve the request", "zh": "同意申请"},
    DiscretionStep.APPROVE_FIRST: STEPS[Step.APPROVE_FIRST],
    DiscretionStep.PROPOSE_OFFERS: STEPS[Step.PROPOSE_OFFERS],
    DiscretionStep.ACCEPT_COUNTER: STEPS[Step.ACCEPT_COUNTER],
    DiscretionStep.ISSUE_COUPON: {"en": "give a coupon", "zh": "发放优惠券"},
}
"""What was beyond a budget -> locale -> what people read."""

OFFER_STATES: dict[OfferState, dict[str, str]] = {
    OfferState.OPEN: {"en": "open", "zh": "待选择"},
    OfferState.ACCEPTED: {"en": "accepted", "zh": "已接受"},
    OfferState.DECLINED: {"en": "declined", "zh": "已拒绝"},
    OfferState.COUNTERED: {"en": "answered with another amount", "zh": "已还价"},
    OfferState.EXPIRED: {"en": "expired", "zh": "已过期"},
    OfferState.WITHDRAWN: {"en": "withdrawn", "zh": "已撤回"},
}
"""State of an offer -> locale -> what people read."""

SPANS: dict[Span, dict[str, str]] = {
    Span.CASE: {"en": "for one refund", "zh": "单笔额度"},
    Span.DAY: {"en": "for today", "zh": "今日额度"},
    Span.MONTH: {"en": "for this month", "zh": "本月额度"},
}
"""What a limit counts -> locale -> what people read."""

ROLES: dict[Role, dict[str, str]] = {
    Role.OWNER: {"en": "the owner", "zh": "店主"},
    Role.AGENT: {"en": "customer service", "zh": "客服"},
    Role.WAREHOUSE: {"en": "the warehouse", "zh": "仓库"},
    Role.FINANCE: {"en": "finance", "zh": "财务"},
    Role.ANALYST: {"en": "analysts", "zh": "数据分析"},
    Role.SERVICE: {"en": "the shop's programs", "zh": "店铺系统"},
    Role.CUSTOMER: {"en": "customers", "zh": "顾客"},
    Role.SYSTEM: {"en": "the engine", "zh": "退款引擎"},
}
"""Role -> locale -> what people read."""

DESKS: dict[Desk, dict[str, str]] = {
    Desk.FIRST_REVIEW: {"en": "first review", "zh": "客服初审"},
    Desk.WAREHOUSE: {"en": "the warehouse", "zh": "仓库"},
    Desk.FINANCE: {"en": "finance", "zh": "财务审核"},
    Desk.STUCK_MONEY: {"en": "stuck money", "zh": "退款异常"},
}
"""Desk -> locale -> what people read."""

KINDS: dict[str, dict[str, str]] = {
    "Shop": {"en": "shop", "zh": "店铺"},
    "Staff": {"en": "colleague", "zh": "员工"},
    "ApiToken": {"en": "token", "zh": "令牌"},
    "Customer": {"en": "customer", "zh": "顾客"},
    "Product": {"en": "product", "zh": "商品"},
    "Order": {"en": "order", "zh": "订单"},
    "OrderLine": {"en": "order line", "zh": "订单商品"},
    "ReasonTag": {"en": "reason", "zh": "退款原因"},
    "Refund": {"en": "refund", "zh": "退款单"},
    "EvidenceFile": {"en": "file", "zh": "凭证文件"},
    "RefundLine": {"en": "refund line", "zh": "退款商品"},
    "Payout": {"en": "payout", "zh": "退款付款"},
    "CustomerFlag": {"en": "flag", "zh": "顾客标记"},
    "CampaignDay": {"en": "campaign day", "zh": "大促日"},
    "Message": {"en": "message", "zh": "消息"},
    "Clock": {"en": "clock", "zh": "时限"},
    "Claim": {"en": "claim", "zh": "追索单"},
    "ReturnAddress": {"en": "return address", "zh": "退货地址"},
    "Rule": {"en": "rule", "zh": "规则"},
    "Coupon": {"en": "coupon", "zh": "优惠券"},
    "Restitution": {"en": "restitution", "zh": "积分或优惠券退还"},
    "Offer": {"en": "offer", "zh": "协商方案"},
    "Budget": {"en": "budget", "zh": "额度"},
    "DiscretionTask": {"en": "task", "zh": "额度审批单"},
    "CareEntry": {"en": "entry of the care list", "zh": "专属维护名单条目"},
    "RuleBacktestRun": {"en": "backtest", "zh": "规则回测"},
    "Provider": {"en": "provider", "zh": "服务插件"},
    "WebhookEndpoint": {"en": "webhook endpoint", "zh": "Webhook 端点"},
    "WebhookDelivery": {"en": "webhook delivery", "zh": "Webhook 投递"},
    "Script": {"en": "canned text", "zh": "话术"},
}
"""Type name -> locale -> what people read."""

WEBHOOK_FAILURES: dict[str, dict[str, str]] = {
    "FORBIDDEN_URL": {
        "en": "The URL, or an address its name resolves to, is none that is called",
        "zh": "该网址或其域名解析到的地址不允许访问",
    },
    "UNREACHABLE": {"en": "The server could not be reached", "zh": "无法连接服务器"},
    "TIMED_OUT": {"en": "No answer within 10 seconds", "zh": "10 秒内没有响应"},
    "NOT_TRUSTED": {
        "en": "No TLS connection: check the certificate and its host name",
        "zh": "TLS 连接失败，请检查证书及其域名",
    },
    "REDIRECTED": {
        "en": "Answered with a redirect; redirects are not followed",
        "zh": "服务器返回重定向；系统不跟随重定向",
    },
    "BAD_STATUS": {"en": "Answered with a status other than 2xx", "zh": "响应状态码不是 2xx"},
    "GONE": {
        "en": "Answered with 410: the endpoint has been disabled",
        "zh": "服务器返回 410，端点已停用",
    },
    "ENDPOINT_DISABLED": {"en": "The endpoint is disabled", "zh": "端点已停用"},
    "SECRET_UNREADABLE": {
        "en": "The signing secret cannot be opened: ask whoever runs the engine",
        "zh": "无法读取签名密钥，请联系系统管理员",
    },
}
"""Why a webhook was not delivered -> locale -> what people read."""

RULE_ACTIONS: dict[str, dict[str, str]] = {
    "APPROVE": {"en": "Approve at once", "zh": "自动通过"},
    "APPROVE_RETURN": {"en": "Agree to the return at once", "zh": "自动同意退货"},
    "ROUTE": {"en": "Send to a desk", "zh": "转交处理"},
    "HOLD": {"en": "Keep for a person", "zh": "转人工处理"},
    "REFUND_FIRST": {"en": "Refund first, goods later", "zh": "先退款后收货"},
    "PROPOSE_OFFERS": {"en": "Offer a choice", "zh": "提供协商方案"},
    "ADD_TAG": {"en": "Note the reason", "zh": "标注退款原因"},
    "NOTIFY": {"en": "Send a message", "zh": "发送通知"},
    "FLAG": {"en": "Flag the customer", "zh": "标记客户"},
    "UNFLAG": {"en": "Take a flag off the customer", "zh": "取消客户标记"},
    "ISSUE_COUPON": {"en": "Give a coupon", "zh": "发放优惠券"},
    "COMPENSATE": {"en": "Compensate", "zh": "补偿"},
    "ESCALATE": {"en": "Have people look sooner", "zh": "升级处理"},
}
"""Action of a rule -> locale -> what people read."""

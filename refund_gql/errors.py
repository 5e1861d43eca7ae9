"""Expected failures, grouped by what the caller should do about them.

Each class is one typed problem of the API: `code` is stable, `data` helps a program, and the
text speaks to a person in Chinese or English. Whatever is not a `Refusal` is a defect or an
outage: it is masked, logged once, and loses nothing.
"""

from collections.abc import Sequence
from typing import Any, ClassVar

from refund_gql import labels
from refund_gql.choices import OfferState, ReturnStatus, Span
from refund_gql.money import Money
from refund_gql.roles import Role
from refund_gql.states import RefundStatus, Step


def _kind(name: str, locale: str) -> str:
    return labels.KINDS[name][locale]


def _role(name: str, locale: str) -> str:
    return labels.ROLES[Role(name)][locale]


class Refusal(Exception):
    """The request was understood and refused; nothing changed."""

    code: ClassVar[str]
    texts: ClassVar[dict[str, str]]
    recorded: ClassVar[bool] = True
    """True when the same idempotency key must hear the same refusal again."""
    amounts: ClassVar[tuple[str, ...]] = ()
    """The fields of `data` that are minor units of `data["currency"]`."""

    def __init__(self, *, path: tuple[str, ...] = (), **data: Any) -> None:
        self.path = path
        self.data = data
        super().__init__(self.message("en"))

    def message(self, locale: str) -> str:
        """What a person reads; `locale` is "en" or "zh"."""
        return self._in(locale, self.texts)

    def _in(self, locale: str, texts: dict[str, str]) -> str:
        return texts.get(locale, texts["en"]).format(**{**self.data, **self._shown(locale)})

    def _shown(self, locale: str) -> dict[str, Any]:
        """The data that people read otherwise than programs."""
        return {
            name: str(Money(amount=self.data[name], currency=self.data["currency"]))
            for name in self.amounts
        }


# --- change the input -----------------------------------------------------------------------


class InvalidInput(Refusal):
    """A field has a value the engine cannot accept: change it and send again."""

    code = "INVALID_INPUT"
    texts = {
        "en": "{field} is {found}; expected: {expected}",
        "zh": "{field} 的值为 {found}；应为：{expected}",
    }
    recorded = False

    def __init__(self, *, field: str, found: str, expected: str, zh: str | None = None) -> None:
        """`zh` says in Chinese what is expected; a code that is the same everywhere needs none."""
        super().__init__(
            path=("input", *field.split(".")),
            field=field,
            found=found,
            expected=expected,
            zh=zh or expected,
        )

    def expected(self, locale: str) -> str:
        """What would be accepted, in words."""
        expected: str = self.data["zh" if locale == "zh" else "expected"]
        return expected

    def _shown(self, locale: str) -> dict[str, str]:
        return {"expected": self.expected(locale)}


class InvalidCondition(Refusal):
    """A rule's condition cannot be understood; `mistakes` say where and why."""

    code = "INVALID_CONDITION"
    texts = {
        "en": "Line {line}, column {column}: {words}",
        "zh": "第 {line} 行第 {column} 列：{words}",
    }
    recorded = False

    def __init__(self, *, mistakes: Sequence[Any]) -> None:
        """`mistakes` are those of `refund_gql.rules.mistake`, at least one."""
        super().__init__(path=("input", "condition"), mistakes=tuple(mistakes))

    def _shown(self, locale: str) -> dict[str, Any]:
        first = self.data["mistakes"][0]
        return {"line": first.line, "column": first.column, "words": first.message[locale]}


class NotFound(Refusal):
    """No such thing in this shop, or none that this caller may see."""

    code = "NOT_FOUND"
    texts = {
        "en": "There is no such {kind}, or it is not yours to see",
        "zh": "找不到该{kind}，或您无权查看",
    }
    recorded = False

    def _shown(self, locale: str) -> dict[str, str]:
        return {"kind": _kind(self.data["kind"], locale)}


class AlreadyExists(Refusal):
    """Another one holds this name already."""

    code = "ALREADY_EXISTS"
    texts = {"en": "The {kind} {id} exists already", "zh": "{kind} {id} 已存在"}

    def _shown(self, locale: str) -> dict[str, str]:
        return {"kind": _kind(self.data["kind"], locale)}


# --- ask whoever runs the engine ------------------------------------------------------------


class NoSecretKey(Refusal):
    """The engine has no key to keep secrets with."""

    code = "NO_SECRET_KEY"
    texts = {
        "en": "The engine has no key for secrets: set REFUND_GQL_SECRET_KEYS"
        " (`refund-gql secrets new-key` makes one) and start it again",
        "zh": "系统未配置密钥，无法保存敏感信息：请设置 REFUND_GQL_SECRET_KEYS"
        "（可用 `refund-gql secrets new-key` 生成）后重启",
    }
    recorded = False


class NotInstalled(Refusal):
    """This needs a part of the engine that was not installed."""

    code = "NOT_INSTALLED"
    texts = {
        "en": "The engine was installed without this part: pip install 'refund-gql[{extra}]'",
        "zh": "系统未安装该功能：pip install 'refund-gql[{extra}]'",
    }
    recorded = False


# --- ask somebody else ----------------------------------------------------------------------


class NotAllowed(Refusal):
    """This caller may not do this; the reason says who may."""

    code = "NOT_ALLOWED"
    reasons: ClassVar[dict[str, dict[str, str]]] = {
        "ROLE": {
            "en": "This step is for {allowed}, not for {role}",
            "zh": "此操作仅限{allowed}，当前角色为{role}",
        },
        "SCOPE": {
            "en": "The token lacks the scope {allowed}",
            "zh": "该令牌缺少 {allowed} 权限",
        },
        "OWN_PROPOSAL": {
            "en": "Nobody approves their own proposal; ask a colleague",
            "zh": "不能审批自己提出的方案，请由其他同事审核",
        },
        "OTHER_REVIEWER": {
            "en": "Whoever refused it does not look again at what is disputed: a colleague decides",
            "zh": "顾客已对拒绝提出异议，原拒绝人不能再审，须由其他同事复审",
        },
        "OWN_FLAG": {
            "en": "You set this flag yourself; ask another owner to look at the appeal",
            "zh": "该标记由您本人设置，请由其他店主处理申诉",
        },
        "NOT_YOURSELF": {
            "en": "Everybody says this for themselves; for a colleague, an owner does",
            "zh": "只能设置本人的在岗状态，如需设置同事的请联系店主",
        },
        "AMOUNT_IS_COMPUTED": {
            "en": "The amount of a customer's request is computed by the shop",
            "zh": "退款金额由系统计算，客户不能自行填写",
        },
        "UPLOADER": {
            "en": "Only whoever uploaded the file, or the owner, can remove it",
            "zh": "仅上传者本人或店主可以删除该文件",
        },
        "LOGIN": {
            "en": "E-mail address or password is wrong, or the account is locked for a while",
            "zh": "邮箱或密码错误，或账号已被临时锁定",
        },
    }
    texts = {"en": "Not allowed", "zh": "没有权限"}
    recorded = False

    def __init__(self, *, reason: str, **data: Any) -> None:
        super().__init__(reason=reason, **data)

    def message(self, locale: str) -> str:
        return self._in(locale, self.reasons[self.data["reason"]])

    def _shown(self, locale: str) -> dict[str, str]:
        if self.data["reason"] != "ROLE":
            return {}
        allowed = [_role(role, locale) for role in self.data["allowed"].split(", ")]
        return {
            "allowed": ("、" if locale == "zh" else ", ").join(allowed),
            "role": _role(self.data["role"], locale),
        }


class OverBudget(Refusal):
    """More than this member of staff may decide: the step was not taken, and became a task for
    a colleague with more. `limit` and `remaining` are of the limit that is in the way."""

    code = "OVER_BUDGET"
    texts = {
        "en": "{needed} is more than your limit {span}, of which {remaining} is left;"
        " a colleague with more has been asked",
        "zh": "{needed} 超出您的{span}（剩余 {remaining}），已转交额度更高的同事审批",
    }
    recorded = False

    def _shown(self, locale: str) -> dict[str, Any]:
        span = labels.SPANS[Span(self.data["span"])][locale]
        limits = {
            name: str(Money(amount=self.data[name], currency=self.data["limit_currency"]))
            for name in ("limit", "remaining")
        }
        needed = str(Money(amount=self.data["needed"], currency=self.data["currency"]))
        return {**limits, "needed": needed, "span": span}


# --- look again, then decide ----------------------------------------------------------------


class IllegalStep(Refusal):
    """The refund is not in a state that allows this step; `allowedNext` says what is possible."""

    code = "ILLEGAL_STEP"
    texts = {
        "en": "Not possible now: {step}. Where it stands: {status}",
        "zh": "当前状态为“{status}”，不能执行“{step}”",
    }

    def _shown(self, locale: str) -> dict[str, str]:
        step = Step(self.data["step"])
        return {
            "status": _where(self.data["status"], locale),
            "step": labels.STEPS[step][locale],
        }


def _where(status: str, locale: str) -> str:
    """The status of a refund, or of goods on their own way; a payout's stays a code."""
    if status in RefundStatus.__members__:
        return labels.STATUSES[RefundStatus(status)][locale]
    if status in ReturnStatus.__members__:
        return labels.RETURN_STATUSES[ReturnStatus(status)][locale]
    return status


class AlreadyTaken(Refusal):
    """A colleague looks after it: leave it to them, or have it handed over."""

    code = "ALREADY_TAKEN"
    texts = {
        "en": "{taken_by} looks after it already; ask them, or an owner, to hand it over",
        "zh": "该退款已由{taken_by}处理，如需接手请联系对方或店主转交",
    }
    recorded = False


class NotWaiting(Refusal):
    """The refund waits for nobody of the shop: there is nothing to take."""

    code = "NOT_WAITING"
    texts = {
        "en": "The refund waits at no desk. Where it stands: {status}",
        "zh": "该退款当前无需人工处理，状态为“{status}”",
    }
    recorded = False

    def _shown(self, locale: str) -> dict[str, str]:
        return {"status": _where(self.data["status"], locale)}


class OfferClosed(Refusal):
    """The offers are not open any more: look at what became of them, and of the refund."""

    code = "OFFER_CLOSED"
    texts = {
        "en": "This offer is no longer open: {state}",
        "zh": "该方案已不可选择：{state}",
    }
    recorded = False

    def _shown(self, locale: str) -> dict[str, str]:
        return {"state": labels.OFFER_STATES[OfferState(self.data["state"])][locale]}


class StaleVersion(Refusal):
    """Somebody changed the refund since you looked: read it again."""

    code = "STALE_VERSION"
    texts = {
        "en": "The refund has moved on to version {current_version}; you saw {expected_version}",
        "zh": "退款已更新到版本 {current_version}，您看到的是版本 {expected_version}，请刷新",
    }
    recorded = False


class StaleBalance(Refusal):
    """The order's refundable rest changed since you looked: read the quote again."""

    code = "STALE_BALANCE"
    texts = {
        "en": "{maximum_refundable} can be refunded now, not {expected}",
        "zh": "当前可退金额为 {maximum_refundable}，与预期的 {expected} 不符，请刷新",
    }
    amounts = ("maximum_refundable", "expected")
    recorded = False


class IdempotencyConflict(Refusal):
    """This key already names another operation: use a new key for a new operation."""

    code = "IDEMPOTENCY_CONFLICT"
    texts = {
        "en": "The idempotency key was used for another operation or other input",
        "zh": "该幂等键已用于其他操作或其他参数，请更换",
    }
    recorded = False


# --- the money or the policy says no --------------------------------------------------------


class ExceedsRefundable(Refusal):
    """More than what is left; `maximumRefundable` is what can be had."""

    code = "EXCEEDS_REFUNDABLE"
    texts = {
        "en": "{requested} asked for, at most {maximum_refundable} can be refunded",
        "zh": "申请退款 {requested}，最多可退 {maximum_refundable}",
    }
    amounts = ("requested", "maximum_refundable")


class NotRefundable(Refusal):
    """The order cannot be refunded at all; `reason` says why."""

    code = "NOT_REFUNDABLE"
    reasons: ClassVar[dict[str, dict[str, str]]] = {
        "ORDER_CLOSED": {"en": "The order is closed", "zh": "订单已关闭"},
        "UNPAID": {"en": "Nothing was paid for the order", "zh": "订单未支付"},
        "NOTHING_LEFT": {
            "en": "Everything on this order is refunded or being refunded",
            "zh": "该订单的商品已全部退款或正在退款",
        },
        "WINDOW_CLOSED": {
            "en": "The return window ended on {window_end}",
            "zh": "退货期限已于 {window_end} 结束",
        },
        "DISPUTED_BEFORE": {
            "en": "This refusal was disputed before; it cannot be disputed again",
            "zh": "该申请已提出过异议，不能再次提出",
        },
        "DISPUTE_CLOSED": {
            "en": "A refusal could be disputed until {window_end}",
            "zh": "提出异议的期限已于 {window_end} 结束",
        },
    }
    texts = {"en": "The order cannot be refunded", "zh": "该订单不能退款"}

    def __init__(self, *, reason: str, **data: Any) -> None:
        super().__init__(reason=reason, **data)

    def message(self, locale: str) -> str:
        return self._in(locale, self.reasons[self.data["reason"]])


class NotAmendable(Refusal):
    """The request can no longer be changed by its customer; `reason` says why."""

    code = "NOT_AMENDABLE"
    reasons: ClassVar[dict[str, dict[str, str]]] = {
        "DECIDED": {
            "en": "A colleague is already dealing with the request; write to customer service",
            "zh": "客服已开始处理该申请，不能再修改；如有变动请联系客服",
        },
        "TOO_OFTEN": {
            "en": "The request has been changed {most} times; withdraw it and ask again",
            "zh": "该申请已修改 {most} 次；如需变动，请撤销后重新申请",
        },
    }
    texts = {"en": "The request can no longer be changed", "zh": "该申请不能再修改"}

    def __init__(self, *, reason: str, **data: Any) -> None:
        super().__init__(reason=reason, **data)

    def message(self, locale: str) -> str:
        return self._in(locale, self.reasons[self.data["reason"]])


# --- try again later ------------------------------------------------------------------------


class Unavailable(Exception):
    """The database cannot be reached or is busy; nothing was acknowledged, try again."""

    retry_after_seconds = 1


RECORDED: dict[str, type[Refusal]] = {
    refusal.code: refusal
    for refusal in (AlreadyExists, IllegalStep, ExceedsRefundable, NotRefundable, NotAmendable)
}
"""The refusals stored with an idempotency key, by code."""

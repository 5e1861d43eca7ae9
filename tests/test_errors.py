"""What is refused is said in both languages, carries data for programs, and survives storage."""

import re
from pathlib import Path

import pytest

import refund_gql
from refund_gql.choices import OfferState, Span
from refund_gql.errors import (
    RECORDED,
    AlreadyExists,
    AlreadyTaken,
    ExceedsRefundable,
    IdempotencyConflict,
    IllegalStep,
    InvalidCondition,
    InvalidInput,
    NoSecretKey,
    NotAllowed,
    NotAmendable,
    NotFound,
    NotInstalled,
    NotRefundable,
    NotWaiting,
    OfferClosed,
    OverBudget,
    Refusal,
    StaleBalance,
    StaleVersion,
)
from refund_gql.flow import once
from refund_gql.rules.mistake import Mistake

SAMPLES: list[tuple[Refusal, str, str]] = [
    (
        InvalidInput(field="lines.0.quantity", found="4", expected="1 to 3", zh="1 到 3"),
        "lines.0.quantity is 4; expected: 1 to 3",
        "lines.0.quantity 的值为 4；应为：1 到 3",
    ),
    (
        InvalidInput(field="currency", found="USD", expected="CNY"),
        "currency is USD; expected: CNY",
        "currency 的值为 USD；应为：CNY",
    ),
    (
        NotFound(kind="Order", id="x"),
        "There is no such order, or it is not yours to see",
        "找不到该订单，或您无权查看",
    ),
    (
        AlreadyExists(kind="Shop", id="tea"),
        "The shop tea exists already",
        "店铺 tea 已存在",
    ),
    (
        NotAllowed(reason="ROLE", role="AGENT", allowed="FINANCE, OWNER"),
        "This step is for finance, the owner, not for customer service",
        "此操作仅限财务、店主，当前角色为客服",
    ),
    (
        NotAllowed(reason="SCOPE", allowed="REFUNDS"),
        "The token lacks the scope REFUNDS",
        "该令牌缺少 REFUNDS 权限",
    ),
    (
        NotAllowed(reason="OWN_PROPOSAL"),
        "Nobody approves their own proposal; ask a colleague",
        "不能审批自己提出的方案，请由其他同事审核",
    ),
    (
        InvalidCondition(
            mistakes=[
                Mistake(
                    line=1,
                    column=3,
                    message={"en": "no such fact", "zh": "没有此事实"},
                    excerpt="x",
                )
            ]
        ),
        "Line 1, column 3: no such fact",
        "第 1 行第 3 列：没有此事实",
    ),
    (
        IllegalStep(step="CANCEL", status="PAYING", allowed_next=[]),
        "Not possible now: withdraw. Where it stands: Being paid",
        "当前状态为“退款中”，不能执行“撤销申请”",
    ),
    (
        IllegalStep(step="RETRY_PAYMENT", status="SUCCEEDED", allowed_next=["SEND_BACK"]),
        "Not possible now: try the payment again. Where it stands: SUCCEEDED",
        "当前状态为“SUCCEEDED”，不能执行“重新发起退款”",
    ),
    (
        AlreadyTaken(taken_by="陈思远"),
        "陈思远 looks after it already; ask them, or an owner, to hand it over",
        "该退款已由陈思远处理，如需接手请联系对方或店主转交",
    ),
    (
        NotWaiting(status="REFUNDED"),
        "The refund waits at no desk. Where it stands: Refunded",
        "该退款当前无需人工处理，状态为“已退款”",
    ),
    (
        StaleVersion(current_version=4, expected_version=3),
        "The refund has moved on to version 4; you saw 3",
        "退款已更新到版本 4，您看到的是版本 3，请刷新",
    ),
    (
        StaleBalance(maximum_refundable=100, expected=8900, currency="CNY"),
        "1.00 CNY can be refunded now, not 89.00 CNY",
        "当前可退金额为 1.00 CNY，与预期的 89.00 CNY 不符，请刷新",
    ),
    (
        ExceedsRefundable(requested=8905, maximum_refundable=0, currency="KWD"),
        "8.905 KWD asked for, at most 0.000 KWD can be refunded",
        "申请退款 8.905 KWD，最多可退 0.000 KWD",
    ),
    (
        NotRefundable(reason="WINDOW_CLOSED", window_end="2026-03-29"),
        "The return window ended on 2026-03-29",
        "退货期限已于 2026-03-29 结束",
    ),
    (
        NotAmendable(reason="TOO_OFTEN", most=5),
        "The request has been changed 5 times; withdraw it and ask again",
        "该申请已修改 5 次；如需变动，请撤销后重新申请",
    ),
    (
        NoSecretKey(),
        "The engine has no key for secrets: set REFUND_GQL_SECRET_KEYS"
        " (`refund-gql secrets new-key` makes one) and start it again",
        "系统未配置密钥，无法保存敏感信息：请设置 REFUND_GQL_SECRET_KEYS"
        "（可用 `refund-gql secrets new-key` 生成）后重启",
    ),
    (
        NotInstalled(extra="insight"),
        "The engine was installed without this part: pip install 'refund-gql[insight]'",
        "系统未安装该功能：pip install 'refund-gql[insight]'",
    ),
    (
        OfferClosed(state=OfferState.EXPIRED),
        "This offer is no longer open: expired",
        "该方案已不可选择：已过期",
    ),
    (
        OverBudget(
            needed=8900,
            currency="CNY",
            limit=5000,
            remaining=1250,
            limit_currency="CNY",
            span=Span.DAY,
        ),
        "89.00 CNY is more than your limit for today, of which 12.50 CNY is left;"
        " a colleague with more has been asked",
        "89.00 CNY 超出您的今日额度（剩余 12.50 CNY），已转交额度更高的同事审批",
    ),
    (
        IdempotencyConflict(),
        "The idempotency key was used for another operation or other input",
        "该幂等键已用于其他操作或其他参数，请更换",
    ),
]


@pytest.mark.parametrize(("refusal", "en", "zh"), SAMPLES, ids=lambda value: type(value).__name__)
def test_a_refusal_is_said_in_both_languages(refusal: Refusal, en: str, zh: str) -> None:
    assert refusal.message("en") == en
    assert refusal.message("zh") == zh
    assert str(refusal) == en


def test_every_refusal_is_tested_here() -> None:
    assert {type(refusal) for refusal, _, _ in SAMPLES} == set(Refusal.__subclasses__())


@pytest.mark.parametrize("kind", [NotAllowed, NotRefundable, NotAmendable])
def test_every_reason_has_words_in_both_languages(
    kind: type[NotAllowed] | type[NotRefundable] | type[NotAmendable],
) -> None:
    assert all(set(words) == {"en", "zh"} for words in kind.reasons.values())


def test_codes_are_stable_and_nobody_elses() -> None:
    assert sorted(kind.code for kind in Refusal.__subclasses__()) == [
        "ALREADY_EXISTS",
        "ALREADY_TAKEN",
        "EXCEEDS_REFUNDABLE",
        "IDEMPOTENCY_CONFLICT",
        "ILLEGAL_STEP",
        "INVALID_CONDITION",
        "INVALID_INPUT",
        "NOT_ALLOWED",
        "NOT_AMENDABLE",
        "NOT_FOUND",
        "NOT_INSTALLED",
        "NOT_REFUNDABLE",
        "NOT_WAITING",
        "NO_SECRET_KEY",
        "OFFER_CLOSED",
        "OVER_BUDGET",
        "STALE_BALANCE",
        "STALE_VERSION",
    ]


def test_the_path_names_the_field_of_the_input() -> None:
    refusal = InvalidInput(field="lines.0.quantity", found="4", expected="1 to 3")
    assert refusal.path == ("input", "lines", "0", "quantity")


def test_everything_that_is_looked_for_has_a_name_for_people() -> None:
    """A kind without words would turn a refusal into an incident."""
    source = "\n".join(
        file.read_text("utf-8") for file in Path(refund_gql.__file__).parent.rglob("*.py")
    )
    kinds = set(re.findall(r'(?:NotFound|AlreadyExists)\(\s*kind="(\w+)"', source))
    assert {"Order", "Refund", "Payout"} <= kinds
    for kind in kinds:
        assert NotFound(kind=kind, id="x").message("zh")


# --- stored with an idempotency key -----------------------------------------------------------


def test_exactly_the_refusals_that_a_retry_meets_again_are_stored() -> None:
    assert set(RECORDED.values()) == {kind for kind in Refusal.__subclasses__() if kind.recorded}
    assert set(RECORDED) == {
        "ALREADY_EXISTS",
        "ILLEGAL_STEP",
        "EXCEEDS_REFUNDABLE",
        "NOT_REFUNDABLE",
        "NOT_AMENDABLE",
    }


@pytest.mark.parametrize(
    "refusal",
    [refusal for refusal, _, _ in SAMPLES if refusal.recorded],
    ids=lambda refusal: type(refusal).__name__,
)
def test_a_stored_refusal_is_heard_again_word_for_word(refusal: Refusal) -> None:
    heard = once._from_json(once._to_json(refusal))
    assert type(heard) is type(refusal)
    assert (heard.path, heard.data) == (refusal.path, refusal.data)
    assert heard.message("zh") == refusal.message("zh")

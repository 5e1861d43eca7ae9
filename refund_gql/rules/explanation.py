"""Why a refund was approved at once or went to a person, in words of both languages."""

from collections.abc import Callable, Mapping

from refund_gql.choices import RuleMode, RuleOutcome, RuleTrigger
from refund_gql.rules.actions import (
    Action,
    Approve,
    ApproveReturn,
    Desk,
    Hold,
    ProposeOffers,
    RefundFirst,
    Route,
)
from refund_gql.rules.engine import CAP_REACHED, Evaluation, Rule, Verdict

DESKS: Mapping[Desk, Mapping[str, str]] = {
    Desk.REVIEW: {"en": "customer service", "zh": "客服初审"},
    Desk.WAREHOUSE: {"en": "the warehouse", "zh": "仓库确认"},
    Desk.FINANCE: {"en": "finance", "zh": "财务审核"},
}
"""Desk -> locale -> what people read."""


def explain(evaluation: Evaluation, hindrance: Mapping[str, str] | None = None) -> dict[str, str]:
    """Locale -> one or more sentences: what was decided, by which rule, and what was in the way.

    `hindrance` says why what was decided could not be: a person has the refund in its place.
    """
    return {locale: _sentences(evaluation, hindrance, locale) for locale in ("zh", "en")}


def _sentences(evaluation: Evaluation, hindrance: Mapping[str, str] | None, locale: str) -> str:
    if hindrance is not None and evaluation.decided_by is not None:
        sentences = [_prevented(evaluation.decided_by, hindrance, locale)]
    elif evaluation.trigger is RuleTrigger.REQUESTED:
        sentences = [_decided(evaluation, locale)]
    else:
        sentences = [_done(evaluation, locale)]
    sentences += [
        _hindered(verdict, locale)
        for verdict in evaluation.verdicts
        if verdict.rule.mode is RuleMode.LIVE
        and verdict.outcome in (RuleOutcome.UNKNOWN, RuleOutcome.ERROR)
    ]
    return ("" if locale == "zh" else " ").join(sentences)


def _decided(evaluation: Evaluation, locale: str) -> str:
    rule, decision = evaluation.decided_by, evaluation.decision
    if rule is None or decision is None:
        return {
            "zh": "没有规则对此作出决定，按店铺默认流程处理。",
            "en": "No rule decides this; it goes the shop's usual way.",
        }[locale]
    said = _capped if decision is CAP_REACHED else _SAID[type(decision)]
    return said(rule_name(rule, locale), decision, locale)


def _prevented(rule: Rule, hindrance: Mapping[str, str], locale: str) -> str:
    name, why = rule_name(rule, locale), hindrance[locale]
    return {
        "zh": f"规则{name}无法执行，转人工处理：{why}。",
        "en": f"Kept for a person, since the rule {name} cannot be followed: {why}.",
    }[locale]


def _done(evaluation: Evaluation, locale: str) -> str:
    """Where nothing is to be decided: which rules acted."""
    names = [
        rule_name(verdict.rule, locale)
        for verdict in evaluation.verdicts
        if verdict.effective and verdict.rule.mode is RuleMode.LIVE
    ]
    if not names:
        return {"zh": "没有规则需要执行。", "en": "No rule had anything to do."}[locale]
    listed = ("、" if locale == "zh" else ", ").join(names)
    return {"zh": f"已执行规则{listed}。", "en": f"Done by the rule {listed}."}[locale]


def rule_name(rule: Rule, locale: str) -> str:
    """The rule and its version, as people read them."""
    name = rule.name.get(locale) or next(iter(rule.name.values()), "")
    return f"“{name}”（第 {rule.version} 版）" if locale == "zh" else f"“{name}” ({rule.version})"


def _hindered(verdict: Verdict, locale: str) -> str:
    name = rule_name(verdict.rule, locale)
    if verdict.outcome is RuleOutcome.UNKNOWN:
        return {
            "zh": f"规则{name}因缺少 {verdict.missing} 未能判断。",
            "en": f"The rule {name} could not be judged: {verdict.missing} is not known.",
        }[locale]
    return {
        "zh": f"规则{name}计算出错：{verdict.error}。",
        "en": f"The rule {name} could not be worked out: {verdict.error}.",
    }[locale]


# --- one sentence for each decision -----------------------------------------------------------


def _approved(name: str, decision: Action, locale: str) -> str:
    return {"zh": f"规则{name}自动通过。", "en": f"Approved at once by the rule {name}."}[locale]


def _return_approved(name: str, decision: Action, locale: str) -> str:
    return {
        "zh": f"规则{name}自动同意退货。",
        "en": f"The return was agreed to at once by the rule {name}.",
    }[locale]


def _routed(name: str, decision: Action, locale: str) -> str:
    assert isinstance(decision, Route)
    desk = DESKS[decision.desk][locale]
    return {"zh": f"规则{name}转{desk}。", "en": f"Sent to {desk} by the rule {name}."}[locale]


def _held(name: str, decision: Action, locale: str) -> str:
    assert isinstance(decision, Hold)
    why = decision.why.text(locale)
    return {
        "zh": f"规则{name}转人工处理：{why}。",
        "en": f"Kept for a person by the rule {name}: {why}.",
    }[locale]


def _capped(name: str, decision: Action, locale: str) -> str:
    return {
        "zh": f"规则{name}今日额度已用完，转人工处理。",
        "en": f"Kept for a person: the rule {name} has done enough for today.",
    }[locale]


def _paid_first(name: str, decision: Action, locale: str) -> str:
    return {
        "zh": f"规则{name}先退款后收货。",
        "en": f"Paid before the goods are back, by the rule {name}.",
    }[locale]


def _offered(name: str, decision: Action, locale: str) -> str:
    return {
        "zh": f"规则{name}向客户提供方案。",
        "en": f"The customer is offered a choice by the rule {name}.",
    }[locale]


_SAID: Mapping[type[Action], Callable[[str, Action, str], str]] = {
    Approve: _approved,
    ApproveReturn: _return_approved,
    Route: _routed,
    Hold: _held,
    RefundFirst: _paid_first,
    ProposeOffers: _offered,
}

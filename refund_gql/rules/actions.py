"""What a rule may do, as data: each action with typed parameters. The flow carries them out.

Some decide where the refund goes (APPROVE, APPROVE_RETURN, ROUTE, HOLD, REFUND_FIRST,
PROPOSE_OFFERS); a rule has at most one of these. The others happen beside it. None of them
rejects: a rule may send a refund to a person, but only a person says no.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from refund_gql.choices import OfferKind, Priority, RuleTrigger
from refund_gql.errors import InvalidInput
from refund_gql.money import MAX_MINOR_UNITS
from refund_gql.providers import RiskLevel

MAX_ACTIONS = 10
"""Actions of one rule."""


class ActionKind(StrEnum):
    """What a rule may do."""

    APPROVE = "APPROVE"
    APPROVE_RETURN = "APPROVE_RETURN"
    ROUTE = "ROUTE"
    HOLD = "HOLD"
    REFUND_FIRST = "REFUND_FIRST"
    PROPOSE_OFFERS = "PROPOSE_OFFERS"
    ADD_TAG = "ADD_TAG"
    NOTIFY = "NOTIFY"
    FLAG = "FLAG"
    UNFLAG = "UNFLAG"
    ISSUE_COUPON = "ISSUE_COUPON"
    COMPENSATE = "COMPENSATE"
    ESCALATE = "ESCALATE"


class Desk(StrEnum):
    """Where people work on refunds."""

    REVIEW = "REVIEW"
    """Customer service: first review (客服初审)."""
    WAREHOUSE = "WAREHOUSE"
    """Where the goods are (仓库确认)."""
    FINANCE = "FINANCE"
    """Where money is released (财务审核)."""


class _Parameters(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class Words(_Parameters):
    """A text in one or both languages."""

    zh: str = Field(default="", max_length=500)
    en: str = Field(default="", max_length=500)

    @model_validator(mode="after")
    def _says_something(self) -> "Words":
        if not (self.zh or self.en):
            raise ValueError("needs a text in zh or en")
        return self

    def text(self, locale: str) -> str:
        """What people of this language read."""
        return self.zh or self.en if locale == "zh" else self.en or self.zh

    def texts(self) -> dict[str, str]:
        """Locale -> text, as rows keep it."""
        return {locale: text for locale, text in (("zh", self.zh), ("en", self.en)) if text}


_Code = Annotated[str, Field(min_length=1, max_length=64)]
_Amount = Annotated[int, Field(gt=0, le=MAX_MINOR_UNITS)]


class Action(_Parameters):
    """One thing to do. `kind` says which, the other fields are its parameters."""

    kind: ActionKind
    decides: ClassVar[bool] = False
    """Whether it decides where the refund goes."""


class Approve(Action):
    """Approve at once: the money is on its way, and nobody has to look."""

    kind: Literal[ActionKind.APPROVE] = ActionKind.APPROVE
    decides: ClassVar[bool] = True


class ApproveReturn(Action):
    """Agree to the return at once; the money moves after the goods were inspected."""

    kind: Literal[ActionKind.APPROVE_RETURN] = ActionKind.APPROVE_RETURN
    decides: ClassVar[bool] = True


class Route(Action):
    """Send it to a desk, or to one person there."""

    kind: Literal[ActionKind.ROUTE] = ActionKind.ROUTE
    decides: ClassVar[bool] = True
    desk: Desk
    staff: UUID | None = None
    """A colleague's id; None: whoever is free."""
    priority: Priority | None = None
    """How soon people are to look; None: as it is."""


class Hold(Action):
    """Keep it for a person, and tell them why."""

    kind: Literal[ActionKind.HOLD] = ActionKind.HOLD
    decides: ClassVar[bool] = True
    why: Words


class RefundFirst(Action):
    """Pay now, the goods come back later (先退款后收货)."""

    kind: Literal[ActionKind.REFUND_FIRST] = ActionKind.REFUND_FIRST
    decides: ClassVar[bool] = True
    most: _Amount | None = None
    """Minor units; above it, and above what the customer's tier allows, a person decides."""


class OfferTerms(_Parameters):
    """One way out; the amount stands in minor units of the shop's currency, or as a share."""

    kind: OfferKind
    amount: _Amount | None = None
    """Of money, or of the coupon; not with FULL_WITH_RETURN."""
    percent: int | None = Field(default=None, ge=1, le=100)
    """In place of the amount: of what is asked for, rounded down."""
    bonus: int = Field(default=0, ge=0, le=MAX_MINOR_UNITS)
    """EXCHANGE_COUPON: minor units on top."""
    valid_days: int = Field(default=30, ge=1, le=365)
    """EXCHANGE_COUPON: counted from the day it is issued, which is not counted."""
    text: Words | None = None
    """What the customer reads beside it."""
    guide: str = Field(default="", max_length=500, pattern=r"^(https://[!-~]+)?$")
    """Where the customer finds a guide to the goods."""

    @model_validator(mode="after")
    def _has_one_amount(self) -> "OfferTerms":
        given = (self.amount is not None) + (self.percent is not None)
        if given != (self.kind is not OfferKind.FULL_WITH_RETURN):
            raise ValueError("needs amount or percent, and FULL_WITH_RETURN neither")
        if self.bonus and self.kind is not OfferKind.EXCHANGE_COUPON:
            raise ValueError("a bonus belongs to EXCHANGE_COUPON")
        return self


class ProposeOffers(Action):
    """Offer the customer ways out to choose from, where goods were sent."""

    kind: Literal[ActionKind.PROPOSE_OFFERS] = ActionKind.PROPOSE_OFFERS
    decides: ClassVar[bool] = True
    offers: tuple[OfferTerms, ...] = Field(min_length=1, max_length=5)
    """Best first."""


class AddTag(Action):
    """Note the reason that was found, unless a person has found one."""

    kind: Literal[ActionKind.ADD_TAG] = ActionKind.ADD_TAG
    tag: _Code
    """The code of one of the shop's reasons."""


class Notify(Action):
    """Send the customer a message."""

    kind: Literal[ActionKind.NOTIFY] = ActionKind.NOTIFY
    message: _Code
    """A kind of message, such as REQUEST_RECEIVED."""


class Flag(Action):
    """Mark the customer, here and in the CRM, with the reason."""

    kind: Literal[ActionKind.FLAG] = ActionKind.FLAG
    flag: _Code
    why: Words
    level: RiskLevel = RiskLevel.MEDIUM
    """How much reason it is to have a person look, while it holds."""
    days: int = Field(default=180, ge=1, le=730)
    """After which it ends by itself."""


class Unflag(Action):
    """Take a mark off the customer, here and in the CRM."""

    kind: Literal[ActionKind.UNFLAG] = ActionKind.UNFLAG
    flag: _Code


class IssueCoupon(Action):
    """Give the customer a coupon; once per refund."""

    kind: Literal[ActionKind.ISSUE_COUPON] = ActionKind.ISSUE_COUPON
    amount: _Amount
    """Minor units of the shop's currency."""
    least_order_amount: int = Field(default=0, ge=0, le=MAX_MINOR_UNITS)
    """Minor units an order must reach before it counts; 0: any order."""
    valid_days: int = Field(default=30, ge=1, le=365)
    """Counted from the day it is issued, which is not counted."""


class Compensate(Action):
    """Give the customer store credit on top of the refund, unasked; once per order."""

    kind: Literal[ActionKind.COMPENSATE] = ActionKind.COMPENSATE
    amount: _Amount
    """Minor units of the shop's currency."""


class Escalate(Action):
    """Have people look sooner, and tell them why; never lowers a priority."""

    kind: Literal[ActionKind.ESCALATE] = ActionKind.ESCALATE
    priority: Literal[Priority.HIGH, Priority.URGENT] = Priority.HIGH
    why: Words


ALL: Mapping[ActionKind, type[Action]] = {
    ActionKind.APPROVE: Approve,
    ActionKind.APPROVE_RETURN: ApproveReturn,
    ActionKind.ROUTE: Route,
    ActionKind.HOLD: Hold,
    ActionKind.REFUND_FIRST: RefundFirst,
    ActionKind.PROPOSE_OFFERS: ProposeOffers,
    ActionKind.ADD_TAG: AddTag,
    ActionKind.NOTIFY: Notify,
    ActionKind.FLAG: Flag,
    ActionKind.UNFLAG: Unflag,
    ActionKind.ISSUE_COUPON: IssueCoupon,
    ActionKind.COMPENSATE: Compensate,
    ActionKind.ESCALATE: Escalate,
}


@dataclass(frozen=True, kw_only=True)
class Abilities:
    """What the engine carries out; a rule that asks for more is refused when it is saved."""

    kinds: Mapping[RuleTrigger, frozenset[ActionKind]]
    """A trigger that is not here does not evaluate any rules yet."""
    desks: frozenset[Desk]


_LATER = frozenset(
    {
        ActionKind.ROUTE,
        ActionKind.ADD_TAG,
        ActionKind.FLAG,
        ActionKind.UNFLAG,
        ActionKind.ISSUE_COUPON,
        ActionKind.COMPENSATE,
        ActionKind.NOTIFY,
        ActionKind.ESCALATE,
    }
)
"""What may be done at any time after the request: nothing that decides where a refund goes, and
ROUTE only within customer service."""

AVAILABLE = Abilities(
    kinds={
        RuleTrigger.REQUESTED: _LATER
        | {
            ActionKind.APPROVE,
            ActionKind.APPROVE_RETURN,
            ActionKind.HOLD,
            ActionKind.REFUND_FIRST,
            ActionKind.PROPOSE_OFFERS,
        },
        **{trigger: _LATER for trigger in RuleTrigger if trigger is not RuleTrigger.REQUESTED},
    },
    desks=frozenset(Desk),
)
"""Today's."""

_REJECTIONS = ("REJECT", "DENY", "DECLINE", "REFUSE")


def parse(
    drafts: Sequence[Mapping[str, Any]],
    trigger: RuleTrigger,
    available: Abilities = AVAILABLE,
) -> tuple[Action, ...]:
    """The actions of a rule about to be saved. Raises InvalidInput.

    A draft is `{"kind": ..., **parameters}`, as it is stored.
    """
    if not 1 <= len(drafts) <= MAX_ACTIONS:
        raise InvalidInput(
            field="actions",
            found=f"{len(drafts)} actions",
            expected=f"1 to {MAX_ACTIONS} actions",
            zh=f"1 到 {MAX_ACTIONS} 个动作",
        )
    actions = tuple(_one(place, draft) for place, draft in enumerate(drafts))
    for place, action in enumerate(actions):
        _require_able(place, action, trigger, available)
    _require_no_conflict(actions)
    return actions


def stored(actions: Sequence[Action]) -> list[dict[str, Any]]:
    """The actions as JSON."""
    return [action.model_dump(mode="json", exclude_none=True) for action in actions]


_ANY: TypeAdapter[Action] = TypeAdapter(
    Annotated[
        Approve
        | ApproveReturn
        | Route
        | Hold
        | RefundFirst
        | ProposeOffers
        | AddTag
        | Notify
        | Flag
        | Unflag
        | IssueCoupon
        | Compensate
        | Escalate,
        Field(discriminator="kind"),
    ]
)


def loaded(rows: Sequence[Mapping[str, Any]]) -> tuple[Action, ...]:
    """The actions that `stored` made JSON of."""
    return tuple(_ANY.validate_python(row) for row in rows)


def parameters(kind: ActionKind) -> dict[str, Any]:
    """JSON schema of an action's parameters, for forms."""
    schema = ALL[kind].model_json_schema()
    schema.get("properties", {}).pop("kind", None)
    return schema


# --- what is refused --------------------------------------------------------------------------


def _one(place: int, draft: Mapping[str, Any]) -> Action:
    kind = str(draft.get("kind", ""))
    if kind in _REJECTIONS:
        raise InvalidInput(
            field=f"actions.{place}.kind",
            found=kind,
            expected="no rejection: a rule never says no to a customer; HOLD it for a person",
            zh="规则不能自动拒绝退款；请使用 HOLD 转人工处理",
        )
    if kind not in ActionKind.__members__:
        names = ", ".join(ActionKind)
        raise InvalidInput(field=f"actions.{place}.kind", found=kind[:40], expected=names)
    try:
        return ALL[ActionKind(kind)].model_validate(draft)
    except ValidationError as error:
        raise _refused(place, error) from error


def _refused(place: int, error: ValidationError) -> InvalidInput:
    first = error.errors(include_url=False)[0]
    path = ".".join(["actions", str(place), *map(str, first["loc"])])
    found = "nothing" if first["type"] == "missing" else repr(first["input"])[:80]
    return InvalidInput(
        field=path,
        found=found,
        expected=f"{first['msg']} (the parameters are listed by ruleActions)",
        zh="符合 ruleActions 所列参数格式的值",
    )


def _require_able(place: int, action: Action, trigger: RuleTrigger, available: Abilities) -> None:
    if action.kind not in available.kinds.get(trigger, frozenset()):
        if action.kind in available.kinds.get(RuleTrigger.REQUESTED, frozenset()):
            raise _too_late(f"actions.{place}.kind", f"{trigger}: {action.kind}")
        raise _not_yet(f"actions.{place}.kind", f"{trigger}: {action.kind}")
    if isinstance(action, Route):
        _require_desk(place, action, trigger, available)


def _require_desk(place: int, route: Route, trigger: RuleTrigger, available: Abilities) -> None:
    if route.desk not in available.desks:
        raise _not_yet(f"actions.{place}.desk", route.desk)
    if trigger is not RuleTrigger.REQUESTED and route.desk is not Desk.REVIEW:
        raise _too_late(f"actions.{place}.desk", f"{trigger}: {route.desk}")
    if trigger is not RuleTrigger.REQUESTED and not (route.staff or route.priority):
        raise InvalidInput(
            field=f"actions.{place}",
            found=f"{trigger}: {route.desk}",
            expected="staff or priority as well: the refund is at this desk already",
            zh="同时指定 staff 或 priority：退款已在该环节",
        )


def _too_late(field: str, found: str) -> InvalidInput:
    return InvalidInput(
        field=field,
        found=found,
        expected="this on REQUESTED only: once people look after a refund, a rule helps them and"
        " does not decide",
        zh="仅可用于 REQUESTED：退款转交人工后，规则只协助处理，不再决定去向",
    )


def _not_yet(field: str, found: str) -> InvalidInput:
    return InvalidInput(
        field=field,
        found=found,
        expected="something else: this is not available yet",
        zh="其他选项：此功能尚未开放",
    )


def _require_no_conflict(actions: Sequence[Action]) -> None:
    deciding = [action.kind for action in actions if action.decides]
    if len(deciding) > 1:
        raise InvalidInput(
            field="actions",
            found=" and ".join(deciding),
            expected="at most one action that decides where the refund goes",
            zh="最多一个决定退款去向的动作",
        )
    subjects = [_subject(action) for action in actions]
    twice = next((subject for subject in subjects if subjects.count(subject) > 1), None)
    if twice is not None:
        raise InvalidInput(
            field="actions",
            found=f"{twice} twice",
            expected="each thing is done once",
            zh="同一操作不能重复",
        )


def _subject(action: Action) -> str:
    """What an action is about: two with the same subject contradict or repeat each other."""
    if isinstance(action, Flag | Unflag):
        return f"FLAG {action.flag}"
    if isinstance(action, Notify):
        return f"NOTIFY {action.message}"
    return action.kind

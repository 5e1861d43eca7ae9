"""One thing to do with a refund, as data: its mutation, its words, and when it can be done."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from refund_gql import labels
from refund_gql.auth import Viewer
from refund_gql.choices import OfferKind
from refund_gql.errors import NotAllowed, Refusal
from refund_gql.flow import goods, journal
from refund_gql.graphql.standing import Standing
from refund_gql.roles import Role, Scope
from refund_gql.states import JOURNEY, Step

Words = Mapping[str, str]
"""Locale -> text."""

AGENTS = frozenset({Role.OWNER, Role.AGENT})
FINANCE = frozenset({Role.OWNER, Role.FINANCE})
TO_FINANCE = {
    "en": "Goes to finance; at or below the shop's threshold the money leaves at once: {amount}.",
    "zh": "转财务审核；不超过免审额度时立即退款 {amount}。",
}
TO_REVIEW = {
    "en": "Goes back to customer service; no money moves.",
    "zh": "退回客服复审，不退款。",
}


@dataclass(frozen=True, kw_only=True)
class Action:
    """One thing to do with a refund, and the mutation that does it."""

    mutation: str
    consequence: Words
    """What happens next; `{amount}` stands for what the customer gets."""
    step: Step | None = None
    """The journey's step; None for what leaves the refund where it is."""
    label: Words = field(default_factory=dict)
    """For an action beside the journey; a step has its own words."""
    fixed: Mapping[str, str] = field(default_factory=dict)
    """Input field -> the value that makes the mutation this step."""
    offers: frozenset[OfferKind] = frozenset()
    """The kinds of offers that make the mutation this step."""
    reason: str = ""
    """The input field for words that must not be empty."""
    anywhere: bool = False
    """True of a step that can be repeated beside its own sources, wherever it is `possible`."""
    roles: frozenset[Role] = frozenset()
    """Who may, beside the journey; the journey's table knows who takes a step."""
    possible: Callable[[Standing], bool] = lambda standing: True
    """Whether it can be done, beyond what the journey says."""
    moves_money: Callable[[Standing], bool] = lambda standing: False
    blocked: Callable[[Standing], Refusal | None] = lambda standing: None
    """Why this viewer in particular may not."""

    def words(self, locale: str) -> str:
        """What it is called."""
        return labels.STEPS[self.step][locale] if self.step else self.label[locale]

    def allowed(self, standing: Standing) -> bool:
        """Whether the viewer may do it where the refund stands, unless it is blocked."""
        led_on = self.step is None or self._leads_on(self.step, standing)
        return led_on and self._may(standing.viewer) and self.possible(standing)

    def _leads_on(self, step: Step, standing: Standing) -> bool:
        if (where := standing.goods) is not None and step in goods.MOVES:
            return where in goods.MOVES[step].sources
        return self.anywhere or standing.status in JOURNEY[step].sources

    def _may(self, viewer: Viewer) -> bool:
        try:
            if self.step is None:
                viewer.require(*sorted(self.roles), scope=Scope.REFUNDS)
            else:
                journal.require(self.step, viewer)
        except NotAllowed:
            return False
        return True


def pays_at_once(standing: Standing) -> bool:
    """Whether the viewer's approval lets the money go without finance."""
    return standing.pays(standing.refund["amount"])

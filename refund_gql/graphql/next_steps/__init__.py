"""What can be done with a refund, as data: one entry for each step and each action beside them.

`Refund.nextSteps` is made from these tables, the journey's table and the inputs of the schema. A
mutation that acts on a refund gets its entry in one of them; a test calls each of them in every
status, by every role, and holds the tables to what happens.
"""

from refund_gql.graphql.next_steps import desk, evidence, goods, money, offers, request, review
from refund_gql.graphql.next_steps.action import Action
from refund_gql.graphql.standing import Standing

_ALL = (
    *review.ACTIONS,
    *offers.ACTIONS,
    *evidence.ACTIONS,
    *goods.ACTIONS,
    *money.ACTIONS,
    *request.ACTIONS,
    *desk.ACTIONS,
)
ACTIONS: tuple[Action, ...] = tuple(sorted(_ALL, key=lambda action: action.step is None))
"""Every action on a refund, in the order in which a UI shows them: what leads on comes first."""


def of(standing: Standing) -> list[Action]:
    """What the viewer may do now, blocked or not."""
    return [action for action in ACTIONS if action.allowed(standing)]

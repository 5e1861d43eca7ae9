"""Whatever has a name for programs has words for people, in both languages."""

from collections.abc import Iterable, Mapping

import pytest
from graphql import GraphQLObjectType
from support import documents

from refund_gql import labels
from refund_gql.choices import DiscretionStep, OfferKind, OfferState, ReturnStatus, Span
from refund_gql.desks import Desk
from refund_gql.events import EventType
from refund_gql.roles import Role
from refund_gql.rules.actions import ActionKind
from refund_gql.states import RefundStatus, Step


@pytest.mark.parametrize(
    ("names", "table"),
    [
        (EventType, labels.EVENTS),
        (RefundStatus, labels.STATUSES),
        (ReturnStatus, labels.RETURN_STATUSES),
        (Step, labels.STEPS),
        (Role, labels.ROLES),
        (ActionKind, labels.RULE_ACTIONS),
        (Desk, labels.DESKS),
        (OfferKind, labels.OFFERS),
        (DiscretionStep, labels.DISCRETION),
        (OfferState, labels.OFFER_STATES),
        (Span, labels.SPANS),
    ],
    ids=[
        "events",
        "statuses",
        "goods",
        "steps",
        "roles",
        "actions",
        "desks",
        "offers",
        "discretion",
        "offer states",
        "spans",
    ],
)
def test_every_name_has_words(names: Iterable[str], table: Mapping[str, Mapping[str, str]]) -> None:
    assert set(table) == set(names)
    for words in table.values():
        assert set(words) == {"en", "zh"}
        assert all(words.values())


def test_kinds_are_types_of_the_api() -> None:
    types = documents.core().type_map
    assert all(isinstance(types[kind], GraphQLObjectType) for kind in labels.KINDS)
    assert all(set(words) == {"en", "zh"} for words in labels.KINDS.values())

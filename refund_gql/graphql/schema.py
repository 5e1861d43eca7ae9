"""The schema: every type, query and mutation, with the gate in front."""

from typing import Any

import strawberry
from graphql import GraphQLError
from strawberry.schema.schema import Schema as StrawberrySchema
from strawberry.types import ExecutionContext

from refund_gql.graphql import enums, permissions, problems, scalars
from refund_gql.graphql.documents import Documents, gate
from refund_gql.graphql.mutations.aftercare import AftercareMutations
from refund_gql.graphql.mutations.amendment import AmendmentMutations
from refund_gql.graphql.mutations.backoffice import BackofficeMutations
from refund_gql.graphql.mutations.catalogue import CatalogueMutations
from refund_gql.graphql.mutations.claims import ClaimMutations
from refund_gql.graphql.mutations.clocks import ClockMutations
from refund_gql.graphql.mutations.desk import DeskMutations
from refund_gql.graphql.mutations.discretion import DiscretionMutations
from refund_gql.graphql.mutations.endpoints import EndpointMutations
from refund_gql.graphql.mutations.evidence import EvidenceMutations
from refund_gql.graphql.mutations.flags import FlagMutations
from refund_gql.graphql.mutations.goods import GoodsMutations
from refund_gql.graphql.mutations.insight import InsightMutations
from refund_gql.graphql.mutations.lab import LabMutations
from refund_gql.graphql.mutations.messages import MessageMutations
from refund_gql.graphql.mutations.offers import OfferMutations
from refund_gql.graphql.mutations.plugins import PluginMutations
from refund_gql.graphql.mutations.refunds import RefundMutations
from refund_gql.graphql.mutations.rules import RuleMutations
from refund_gql.graphql.mutations.scripts import ScriptMutations
from refund_gql.graphql.queries.aftercare import AftercareQueries
from refund_gql.graphql.queries.clocks import ClockQueries
from refund_gql.graphql.queries.decisions import DecisionQueries
from refund_gql.graphql.queries.desk import DeskQueries
from refund_gql.graphql.queries.discretion import DiscretionQueries
from refund_gql.graphql.queries.disputes import DisputeQueries
from refund_gql.graphql.queries.endpoints import EndpointQueries
from refund_gql.graphql.queries.exposures import ExposureQueries
from refund_gql.graphql.queries.flags import FlagQueries
from refund_gql.graphql.queries.following import FollowingQueries
from refund_gql.graphql.queries.insight import InsightQueries
from refund_gql.graphql.queries.lab import LabQueries
from refund_gql.graphql.queries.messages import MessageQueries
from refund_gql.graphql.queries.offers import OfferQueries
from refund_gql.graphql.queries.orders import OrderQueries
from refund_gql.graphql.queries.plugins import PluginQueries
from refund_gql.graphql.queries.refunds import RefundQueries
from refund_gql.graphql.queries.rules import RuleQueries
from refund_gql.graphql.queries.scripts import ScriptQueries
from refund_gql.graphql.queries.shops import ShopQueries
from refund_gql.graphql.sources import Node

__all__ = ["build", "enums"]


@strawberry.type(description="Everything that can be read.")
class Query(
    ShopQueries,
    OrderQueries,
    RefundQueries,
    ExposureQueries,
    DisputeQueries,
    OfferQueries,
    DiscretionQueries,
    FollowingQueries,
    RuleQueries,
    DecisionQueries,
    FlagQueries,
    AftercareQueries,
    LabQueries,
    InsightQueries,
    MessageQueries,
    EndpointQueries,
    PluginQueries,
    DeskQueries,
    ScriptQueries,
    ClockQueries,
):
    pass


@strawberry.type(description="Everything that can be done.")
class Mutation(
    RefundMutations,
    AmendmentMutations,
    EvidenceMutations,
    ClaimMutations,
    OfferMutations,
    DiscretionMutations,
    GoodsMutations,
    CatalogueMutations,
    BackofficeMutations,
    RuleMutations,
    FlagMutations,
    AftercareMutations,
    LabMutations,
    InsightMutations,
    MessageMutations,
    EndpointMutations,
    PluginMutations,
    DeskMutations,
    ScriptMutations,
    ClockMutations,
):
    pass


class Schema(StrawberrySchema):
    """Errors are logged once, by the view, which also masks them."""

    def process_errors(
        self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None
    ) -> None:
        return None


def build() -> Schema:
    """The schema, ready to execute. Raises ValueError when the permission table is incomplete."""
    plain = _schema([])
    core: Any = plain._schema
    documents = Documents(core, permissions.load(core))
    return _schema([gate(documents)])


def _schema(extensions: list[Any]) -> Schema:
    return Schema(
        query=Query,
        mutation=Mutation,
        types=[*Node.kinds.values(), *problems.ALL],
        config=scalars.CONFIG,
        extensions=extensions,
    )

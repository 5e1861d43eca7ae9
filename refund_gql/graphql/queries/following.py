"""Reading what parcels are followed, and what is wrong with those to customers."""

import strawberry

from refund_gql.graphql.context import Info
from refund_gql.graphql.enums import AnomalyKind
from refund_gql.graphql.pages import Listing, Where
from refund_gql.graphql.types.connections import Connection
from refund_gql.graphql.types.following import ParcelWatch, ShipmentAnomaly

ANOMALIES = Listing(
    name="shipmentAnomalies", kind="ShipmentAnomaly", table="shipment_anomaly", moment="opened_at"
)
WATCHES = Listing(
    name="parcelWatches", kind="ParcelWatch", table="parcel_watch", moment="created_at"
)


@strawberry.type
class FollowingQueries:
    @strawberry.field(description="What is wrong with parcels to customers, newest first.")
    async def shipment_anomalies(
        self,
        info: Info,
        first: int = 20,
        after: str | None = None,
        open: bool | None = None,
        kind: list[AnomalyKind] | None = None,
    ) -> Connection[ShipmentAnomaly]:
        where = Where()
        where.see("shipment_anomaly", info.context.known_viewer)
        _only(where, open)
        if kind is not None:
            where.add("kind = any({}::text[])", [each.value for each in kind])
        return Connection(page=await ANOMALIES.page(where, first, after))

    @strawberry.field(description="Parcels that are or were followed, newest first.")
    async def parcel_watches(
        self, info: Info, first: int = 20, after: str | None = None, open: bool | None = None
    ) -> Connection[ParcelWatch]:
        where = Where()
        where.see("parcel_watch", info.context.known_viewer)
        _only(where, open)
        return Connection(page=await WATCHES.page(where, first, after))


def _only(where: Where, open: bool | None) -> None:
    if open is not None:
        where.add(f"closed_at is {'null' if open else 'not null'}")

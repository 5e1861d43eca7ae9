"""Telling shop and customer that a parcel is in trouble: the job `anomaly`.

The shop hears of every kind of trouble; the customer once per parcel, whatever it is.
"""

from uuid import UUID

from refund_gql import clock, database
from refund_gql.database import Transaction
from refund_gql.models import Customer, Order, Shipment, ShipmentAnomaly, Shop
from refund_gql.outbox import deliveries, drafts, facts
from refund_gql.outbox.channels import Channels, preferred
from refund_gql.outbox.drafts import About, Draft
from refund_gql.outbox.kinds import MessageKind

_KIND = MessageKind.SHIPMENT_DELAYED


async def tell(channels: Channels, anomaly_id: UUID) -> None:
    """The job `anomaly`. A second run adds nothing."""

    async def work(tx: Transaction) -> None:
        found = ShipmentAnomaly.filter(id=anomaly_id).using_db(tx)
        anomaly = await found.get()
        # Two troubles of one parcel, told at once, are two first ones without this lock.
        parcels = Shipment.filter(id=anomaly.shipment_id).using_db(tx)
        shipment = await parcels.select_for_update(no_key=True).get()
        if (await found.get()).told_at is not None:
            return
        await deliveries.enqueue_anomaly(tx, anomaly, shipment)
        if anomaly.closed_at is None and not await _told(tx, shipment):
            await _write(tx, channels, anomaly, shipment)
        await found.update(told_at=clock.now())

    await database.transaction(work)


async def _told(tx: Transaction, shipment: Shipment) -> bool:
    earlier = ShipmentAnomaly.filter(shipment_id=shipment.id, told_at__not_isnull=True)
    return await earlier.using_db(tx).exists()


async def _write(
    tx: Transaction, channels: Channels, anomaly: ShipmentAnomaly, shipment: Shipment
) -> None:
    order = await Order.filter(id=shipment.order_id).using_db(tx).get()
    if order.customer_id is None:
        return
    shop = await Shop.filter(id=anomaly.shop_id).using_db(tx).get()
    customer = await Customer.filter(id=order.customer_id).using_db(tx).get()
    if not preferred(shop, customer, _KIND):
        return
    draft = Draft(
        shop=shop,
        customer=customer,
        kind=_KIND,
        about=About.anomaly(anomaly),
        locale=customer.locale,
        values=await facts.of_shipment(tx, shop, customer, shipment),
    )
    if not await drafts.queue(tx, channels, draft):
        await drafts.bury(tx, draft)

"""Whose rows a viewer sees: the tenant and owner predicate of every table, in one place.

Every read goes through `predicate`. A table that is not listed here is invisible to customers,
so a new one cannot leak by being forgotten.
"""

from refund_gql.auth import Viewer
from refund_gql.events import INTERNAL, STAFF_ONLY
from refund_gql.roles import Role

_OWN_REFUNDS = "select id from refund where customer_id = {me}"
_OWN_ORDERS = 'select id from "order" where customer_id = {me}'
# An order may have gone to another customer since; who is paid back still sees on which payment.
_REFUNDED_ORDERS = "select order_id from refund where customer_id = {me}"
_PARCELS = (
    "select r.tracking_number from goods_return r join refund f on f.id = r.refund_id"
    " where f.shop_id = {shop} and f.customer_id is {same} {me} union"
    ' select s.tracking_number from shipment s join "order" o on o.id = s.order_id'
    " where o.shop_id = {shop} and o.customer_id is {same} {me}"
)
_OWN_PARCELS = _PARCELS.replace("{same}", "not distinct from")
_OTHER_PARCELS = _PARCELS.replace("{same}", "distinct from")
_INTERNAL_EVENTS = ", ".join(f"'{event.value}'" for event in sorted(INTERNAL))

_STAFF_EVENTS = ", ".join(f"'{event.value}'" for event in sorted(STAFF_ONLY))

CUSTOMER_ROWS = {
    "shop": "true",
    "return_policy": "true",
    "product": "true",
    "reason_tag": "true",
    "customer": "id = {me}",
    "order": "customer_id = {me}",
    "order_line": f"order_id in ({_OWN_ORDERS})",
    "shipment": f"order_id in ({_OWN_ORDERS})",
    "capture": f"(order_id in ({_OWN_ORDERS}) or order_id in ({_REFUNDED_ORDERS}))",
    "refund": "customer_id = {me}",
    "refund_line": f"refund_id in ({_OWN_REFUNDS})",
    "exposure": f"refund_id in ({_OWN_REFUNDS})",
    # What the shop has promised itself is its own business; what she has to do is hers.
    "clock": (
        f"(refund_id in ({_OWN_REFUNDS}) and stage in ('CUSTOMER_SHIPS', 'CUSTOMER_ANSWERS'))"
    ),
    "offer_ladder": f"refund_id in ({_OWN_REFUNDS})",
    "offer": f"refund_id in ({_OWN_REFUNDS})",
    "goods_return": f"refund_id in ({_OWN_REFUNDS})",
    "return_pickup": f"refund_id in ({_OWN_REFUNDS})",
    "shipment_anomaly": f"order_id in ({_OWN_ORDERS})",
    # Figures of the trade, no one's own.
    "lane": "true",
    # A customer may enter any number for a return: one that is somebody else's shows nothing.
    "tracking_checkpoint": (
        f"tracking_number in ({_OWN_PARCELS}) and tracking_number not in ({_OTHER_PARCELS})"
    ),
    "event": f"refund_id in ({_OWN_REFUNDS}) and type not in ({_INTERNAL_EVENTS})",
    "payout": f"refund_id in ({_OWN_REFUNDS})",
    # A coupon that is only wanted is no promise yet.
    "coupon": "(customer_id = {me} and status in ('ISSUED', 'REVOKING', 'REVOKED'))",
    "restitution": "customer_id = {me}",
    "evidence_file": f"refund_id in ({_OWN_REFUNDS}) and purpose <> 'INSPECTION'",
    "decision": f"refund_id in ({_OWN_REFUNDS})",
}
"""Table -> which of the shop's rows one customer sees; `{me}` is the customer's id, `{shop}` the
shop's."""


def predicate(table: str, viewer: Viewer, *, first: int) -> tuple[str, list[object]]:
    """The SQL condition and its parameters, numbered from `$first`."""
    tenant = f"{'id' if table == 'shop' else 'shop_id'} = ${first}"
    if viewer.role is Role.SERVICE and table == "event":
        return f"{tenant} and type not in ({_STAFF_EVENTS})", [viewer.shop_id]
    if viewer.customer_id is None:
        return tenant, [viewer.shop_id]
    own = CUSTOMER_ROWS.get(table, "false")
    if "{me}" not in own:
        return f"{tenant} and {own}", [viewer.shop_id]
    mine = own.format(shop=f"${first}", me=f"${first + 1}")
    return f"{tenant} and {mine}", [viewer.shop_id, viewer.customer_id]

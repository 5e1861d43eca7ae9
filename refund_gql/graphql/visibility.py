"""Whose rows a viewer sees: the tenant and owner predicate of every table, in one place.

Every read goes through `predicate`. A table that is not listed here is invisible to customers,
so a new one cannot leak by being forgotten.
"""

from refund_gql.auth import Viewer

_OWN_REFUNDS = "select id from refund where customer_id = {me}"
_OWN_ORDERS = 'select id from "order" where customer_id = {me}'
# An order may have gone to another customer since; who is paid back still sees on which payment.
_REFUNDED_ORDERS = "select order_id from refund where customer_id = {me}"

CUSTOMER_ROWS = {
    "shop": "true",
    "product": "true",
    "reason_tag": "true",
    "customer": "id = {me}",
    "order": "customer_id = {me}",
    "order_line": f"order_id in ({_OWN_ORDERS})",
    "shipment": f"order_id in ({_OWN_ORDERS})",
    "capture": f"(order_id in ({_OWN_ORDERS}) or order_id in ({_REFUNDED_ORDERS}))",
    "refund": "customer_id = {me}",
    "refund_line": f"refund_id in ({_OWN_REFUNDS})",
    "goods_return": f"refund_id in ({_OWN_REFUNDS})",
    "event": f"refund_id in ({_OWN_REFUNDS})",
    "payout": f"refund_id in ({_OWN_REFUNDS})",
    "decision": f"refund_id in ({_OWN_REFUNDS})",
}
"""Table -> which of the shop's rows one customer sees; `{me}` is the customer's id."""


def predicate(table: str, viewer: Viewer, *, first: int) -> tuple[str, list[object]]:
    """The SQL condition and its parameters, numbered from `$first`."""
    tenant = f"{'id' if table == 'shop' else 'shop_id'} = ${first}"
    if viewer.customer_id is None:
        return tenant, [viewer.shop_id]
    own = CUSTOMER_ROWS.get(table, "false")
    if "{me}" not in own:
        return f"{tenant} and {own}", [viewer.shop_id]
    return f"{tenant} and {own.format(me=f'${first + 1}')}", [viewer.shop_id, viewer.customer_id]

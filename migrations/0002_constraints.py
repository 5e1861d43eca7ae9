from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint

class Migration(migrations.Migration):
    dependencies = [('refund_gql', '0001_initial')]

    initial = False

    operations = [
        ops.AddConstraint(
            model_name='Capture',
            constraint=CheckConstraint(check='amount > 0 AND reserved >= 0 AND disputed >= 0 AND dispute_excess >= 0 AND amount - reserved - disputed >= 0', name='capture_never_over_refunded'),
        ),
        ops.AddConstraint(
            model_name='ImportRun',
            constraint=CheckConstraint(check='chunks_done >= 0 AND rows_imported >= 0 AND rows_rejected >= 0 AND rows_imported + rows_rejected <= rows_total', name='import_run_rows_add_up'),
        ),
        ops.AddConstraint(
            model_name='Order',
            constraint=CheckConstraint(check='goods_amount >= 0 AND shipping_amount >= 0 AND total = goods_amount + shipping_amount', name='order_total_is_its_parts'),
        ),
        ops.AddConstraint(
            model_name='Order',
            constraint=CheckConstraint(check='shipping_claimed BETWEEN 0 AND shipping_amount', name='order_shipping_not_over_claimed'),
        ),
        ops.AddConstraint(
            model_name='OrderLine',
            constraint=CheckConstraint(check='amount = unit_price * quantity - discount AND amount >= 0 AND discount >= 0', name='order_line_amount_is_its_parts'),
        ),
        ops.AddConstraint(
            model_name='OrderLine',
            constraint=CheckConstraint(check='quantity > 0 AND shipped_quantity BETWEEN 0 AND quantity AND delivered_quantity BETWEEN 0 AND shipped_quantity', name='order_line_quantities_nested'),
        ),
        ops.AddConstraint(
            model_name='OrderLine',
            constraint=CheckConstraint(check='claimed_quantity BETWEEN 0 AND quantity', name='order_line_quantity_not_over_claimed'),
        ),
        ops.AddConstraint(
            model_name='OrderLine',
            constraint=CheckConstraint(check='claimed_amount BETWEEN 0 AND amount', name='order_line_amount_not_over_claimed'),
        ),
        ops.AddConstraint(
            model_name='Payout',
            constraint=CheckConstraint(check='amount > 0', name='payout_amount_positive'),
        ),
        ops.AddConstraint(
            model_name='Payout',
            constraint=UniqueConstraint(fields=('replaces_id',), name='payout_replaced_once', condition='replaces_id IS NOT NULL'),
        ),
        ops.AddConstraint(
            model_name='Refund',
            constraint=CheckConstraint(check='goods_amount >= 0 AND shipping_amount >= 0 AND amount = goods_amount + shipping_amount', name='refund_amount_is_its_parts'),
        ),
        ops.AddConstraint(
            model_name='Refund',
            constraint=CheckConstraint(check='order_id IS NOT NULL OR imported', name='refund_has_an_order'),
        ),
        ops.AddConstraint(
            model_name='RefundLine',
            constraint=CheckConstraint(check='quantity > 0 AND amount BETWEEN 0 AND worth', name='refund_line_within_worth'),
        ),
        ops.AddConstraint(
            model_name='Return',
            constraint=UniqueConstraint(fields=('refund_id',), name='one_open_return_per_refund', condition="status NOT IN ('INSPECTED', 'CANCELLED')"),
        ),
        ops.AddConstraint(
            model_name='ShipmentLine',
            constraint=CheckConstraint(check='quantity > 0', name='shipment_line_quantity_positive'),
        ),
        ops.AddConstraint(
            model_name='Shop',
            constraint=CheckConstraint(check='finance_threshold >= 0', name='shop_threshold_not_negative'),
        ),
        ops.AddConstraint(
            model_name='Shop',
            constraint=CheckConstraint(check='return_window_days BETWEEN 0 AND 3650', name='shop_window_in_range'),
        ),
    ]

from tortoise import migrations
from tortoise.migrations import operations as ops
from orjson import loads
from refund_gql.choices import AnomalyKind, ParcelDirection, PickupStatus, ReturnStatus, WatchEnd, WatchMode
from refund_gql.events import EventType
from refund_gql.models.row import new_id
from refund_gql.states import Step
from tortoise.fields.base import OnDelete
from tortoise.fields.data import JSON_DUMPS
from tortoise.fields.db_defaults import SqlDefault
from tortoise import fields
from tortoise.indexes import Index
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint

class Migration(migrations.Migration):
    dependencies = [('refund_gql', '0001_initial')]

    initial = False

    operations = [
        ops.CreateModel(
            name='Lane',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('shop', fields.ForeignKeyField('refund_gql.Shop', source_field='shop_id', db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('courier', fields.CharField(max_length=64)),
                ('region', fields.CharField(max_length=6)),
                ('cases', fields.IntField()),
                ('p50_hours', fields.IntField()),
                ('p90_hours', fields.IntField()),
                ('refreshed_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'lane', 'app': 'refund_gql', 'unique_together': (('shop', 'courier', 'region'),), 'pk_attr': 'id', 'table_description': "How long a courier took to a region: the shop's own parcels of half a year."},
            bases=['ShopRow'],
        ),
        ops.CreateModel(
            name='ParcelWatch',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('shop', fields.ForeignKeyField('refund_gql.Shop', source_field='shop_id', db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('courier', fields.CharField(max_length=64)),
                ('tracking_number', fields.CharField(max_length=64)),
                ('carrier', fields.CharField(default='', max_length=64)),
                ('direction', fields.CharEnumField(description='OUT: OUT\nBACK: BACK', enum_type=ParcelDirection, max_length=40)),
                ('mode', fields.CharEnumField(default=WatchMode.SUBSCRIBING, description='SUBSCRIBING: SUBSCRIBING\nSUBSCRIBED: SUBSCRIBED\nPOLLING: POLLING', enum_type=WatchMode, max_length=40)),
                ('next_look_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('asked_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('answered_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('subscribed_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('polls', fields.IntField(default=0)),
                ('failures', fields.IntField(default=0)),
                ('problem', fields.CharField(null=True, max_length=64)),
                ('error', fields.CharField(null=True, max_length=500)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('delivered_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('closed_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('ended', fields.CharEnumField(null=True, description='DELIVERED: DELIVERED\nSENT_BACK: SENT_BACK\nEXPIRED: EXPIRED\nNOT_NEEDED: NOT_NEEDED', enum_type=WatchEnd, max_length=40)),
            ],
            options={'table': 'parcel_watch', 'app': 'refund_gql', 'unique_together': (('shop', 'courier', 'tracking_number'),), 'constraints': [CheckConstraint(check='(closed_at IS NULL) = (ended IS NULL)', name='parcel_watch_ends_for_a_reason')], 'indexes': [Index(fields=['shop_id', 'tracking_number']), Index(fields=['shop_id', 'created_at', 'id']), Index(fields=['closed_at', 'answered_at'])], 'pk_attr': 'id', 'table_description': 'A parcel that is followed, and when its courier is asked next.'},
            bases=['ShopRow'],
        ),
        ops.CreateModel(
            name='ReturnAddress',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('shop', fields.ForeignKeyField('refund_gql.Shop', source_field='shop_id', db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('name', fields.CharField(max_length=100)),
                ('parts', fields.JSONField(default=dict, db_default=SqlDefault("'{}'"), encoder=JSON_DUMPS, decoder=loads)),
                ('regions', fields.JSONField(default=list, db_default=SqlDefault("'[]'"), encoder=JSON_DUMPS, decoder=loads)),
                ('categories', fields.JSONField(default=list, db_default=SqlDefault("'[]'"), encoder=JSON_DUMPS, decoder=loads)),
                ('skus', fields.JSONField(default=list, db_default=SqlDefault("'[]'"), encoder=JSON_DUMPS, decoder=loads)),
                ('position', fields.IntField(default=0)),
                ('fallback', fields.BooleanField(default=False)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'return_address', 'app': 'refund_gql', 'constraints': [UniqueConstraint(fields=('shop_id',), name='one_fallback_return_address_per_shop', condition='fallback')], 'pk_attr': 'id', 'table_description': 'A place that goods are sent back to, and which goods.'},
            bases=['ShopRow'],
        ),
        ops.CreateModel(
            name='ReturnPickup',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('shop', fields.ForeignKeyField('refund_gql.Shop', source_field='shop_id', db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('refund', fields.ForeignKeyField('refund_gql.Refund', source_field='refund_id', db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('goods_return', fields.ForeignKeyField('refund_gql.Return', source_field='goods_return_id', db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('status', fields.CharEnumField(default=PickupStatus.WANTED, description='WANTED: WANTED\nBOOKING: BOOKING\nBOOKED: BOOKED\nFAILED: FAILED\nCANCELLED: CANCELLED\nDONE: DONE', enum_type=PickupStatus, max_length=40)),
                ('number', fields.CharField(unique=True, max_length=64)),
                ('word', fields.CharField(max_length=64)),
                ('courier', fields.CharField(max_length=64)),
                ('request', fields.JSONField(default=dict, db_default=SqlDefault("'{}'"), encoder=JSON_DUMPS, decoder=loads)),
                ('tries', fields.IntField(default=0)),
                ('reference', fields.CharField(null=True, max_length=128)),
                ('tracking_number', fields.CharField(null=True, max_length=64)),
                ('label_url', fields.CharField(null=True, max_length=500)),
                ('problem', fields.CharField(null=True, max_length=64)),
                ('error', fields.CharField(null=True, max_length=500)),
                ('wanted_by', fields.CharField(max_length=64)),
                ('wanted_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('booked_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'return_pickup', 'app': 'refund_gql', 'constraints': [UniqueConstraint(fields=('goods_return_id',), name='one_pickup_per_return', condition="status IN ('WANTED', 'BOOKING', 'BOOKED')")], 'pk_attr': 'id', 'table_description': 'A parcel that a courier fetches from the customer.'},
            bases=['ShopRow'],
        ),
        ops.CreateModel(
            name='ShipmentAnomaly',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('shop', fields.ForeignKeyField('refund_gql.Shop', source_field='shop_id', db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('order', fields.ForeignKeyField('refund_gql.Order', source_field='order_id', db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('shipment', fields.ForeignKeyField('refund_gql.Shipment', source_field='shipment_id', db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('kind', fields.CharEnumField(description='LATE: LATE\nSTUCK: STUCK\nEXCEPTION: EXCEPTION\nLOST: LOST', enum_type=AnomalyKind, max_length=40)),
                ('since', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('opened_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('told_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('closed_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'shipment_anomaly', 'app': 'refund_gql', 'unique_together': (('shipment', 'kind'),), 'indexes': [Index(fields=['shop_id', 'opened_at', 'id'])], 'pk_attr': 'id', 'table_description': 'Something wrong with a parcel on its way to a customer: opened once, closed by delivery.'},
            bases=['ShopRow'],
        ),
        ops.AlterField(
            model_name='Decision',
            name='step',
            field=fields.CharEnumField(description='SUBMIT: SUBMIT\nAPPROVE_INSTANTLY: APPROVE_INSTANTLY\nAPPROVE_FIRST_INSTANTLY: APPROVE_FIRST_INSTANTLY\nSEND_TO_REVIEW: SEND_TO_REVIEW\nROUTE_TO_WAREHOUSE: ROUTE_TO_WAREHOUSE\nROUTE_TO_FINANCE: ROUTE_TO_FINANCE\nAPPROVE_RETURN_INSTANTLY: APPROVE_RETURN_INSTANTLY\nREQUEST_EVIDENCE: REQUEST_EVIDENCE\nPROVIDE_EVIDENCE: PROVIDE_EVIDENCE\nAPPROVE_REFUND_ONLY: APPROVE_REFUND_ONLY\nAPPROVE_UNSENT: APPROVE_UNSENT\nAPPROVE_RETURN: APPROVE_RETURN\nAPPROVE_FIRST: APPROVE_FIRST\nREJECT: REJECT\nCONFIRM_GOODS_GONE: CONFIRM_GOODS_GONE\nFIND_GOODS_WITH_CUSTOMER: FIND_GOODS_WITH_CUSTOMER\nSHIP_RETURN: SHIP_RETURN\nRECEIVE_RETURN: RECEIVE_RETURN\nREPORT_RETURN_LOST: REPORT_RETURN_LOST\nREOPEN_RETURN: REOPEN_RETURN\nPASS_INSPECTION: PASS_INSPECTION\nREFUSE_INSPECTION: REFUSE_INSPECTION\nAPPROVE_FINANCE: APPROVE_FINANCE\nSEND_BACK: SEND_BACK\nSTART_PAYMENT: START_PAYMENT\nCOMPLETE_PAYMENT: COMPLETE_PAYMENT\nHALT_PAYMENT: HALT_PAYMENT\nRETRY_PAYMENT: RETRY_PAYMENT\nREVERSE_PAYMENT: REVERSE_PAYMENT\nCANCEL: CANCEL', enum_type=Step, max_length=40),
        ),
        ops.AlterField(
            model_name='Event',
            name='type',
            field=fields.CharEnumField(description='REQUESTED: REQUESTED\nSPLIT: SPLIT\nAPPROVED_INSTANTLY: APPROVED_INSTANTLY\nREFUND_FIRST_GRANTED: REFUND_FIRST_GRANTED\nSENT_TO_REVIEW: SENT_TO_REVIEW\nEVIDENCE_REQUESTED: EVIDENCE_REQUESTED\nEVIDENCE_PROVIDED: EVIDENCE_PROVIDED\nREFUND_ONLY_APPROVED: REFUND_ONLY_APPROVED\nRETURN_APPROVED: RETURN_APPROVED\nREFUND_FIRST_PROPOSED: REFUND_FIRST_PROPOSED\nREJECTED: REJECTED\nWAREHOUSE_CONFIRMED: WAREHOUSE_CONFIRMED\nGOODS_FOUND_WITH_CUSTOMER: GOODS_FOUND_WITH_CUSTOMER\nRETURN_SHIPPED: RETURN_SHIPPED\nRETURN_RECEIVED: RETURN_RECEIVED\nRETURN_LOST: RETURN_LOST\nRETURN_REOPENED: RETURN_REOPENED\nPICKUP_BOOKED: PICKUP_BOOKED\nPICKUP_FAILED: PICKUP_FAILED\nINSPECTION_PASSED: INSPECTION_PASSED\nINSPECTION_REFUSED: INSPECTION_REFUSED\nFINANCE_APPROVED: FINANCE_APPROVED\nFINANCE_SENT_BACK: FINANCE_SENT_BACK\nPAYMENT_STARTED: PAYMENT_STARTED\nPAYOUT_PARKED: PAYOUT_PARKED\nPAYOUT_RESUMED: PAYOUT_RESUMED\nPAYOUT_SUCCEEDED: PAYOUT_SUCCEEDED\nREFUNDED: REFUNDED\nPAYMENT_STUCK: PAYMENT_STUCK\nPAYMENT_RETRIED: PAYMENT_RETRIED\nPAYMENT_REVERSED: PAYMENT_REVERSED\nCANCELLED: CANCELLED\nCOUPON_ISSUED: COUPON_ISSUED\nCOUPON_REVOKED: COUPON_REVOKED\nPOINTS_RESTORED: POINTS_RESTORED\nCOUPON_RESTORED: COUPON_RESTORED\nGOODS_AWAITED: GOODS_AWAITED\nRETURN_SCANNED: RETURN_SCANNED\nRETURN_REMINDED: RETURN_REMINDED\nCLAIM_OPENED: CLAIM_OPENED\nCLAIM_CHANGED: CLAIM_CHANGED\nCLAIM_SETTLED: CLAIM_SETTLED\nCLAIM_WRITTEN_OFF: CLAIM_WRITTEN_OFF\nIMPORTED: IMPORTED\nREASON_FOUND: REASON_FOUND\nROUTED: ROUTED\nSENT_TO_WAREHOUSE: SENT_TO_WAREHOUSE\nSENT_TO_FINANCE: SENT_TO_FINANCE\nESCALATED: ESCALATED\nPRIORITY_LOWERED: PRIORITY_LOWERED\nMESSAGE_REQUESTED: MESSAGE_REQUESTED', enum_type=EventType, max_length=40),
        ),
        ops.AlterField(
            model_name='Message',
            name='refund',
            field=fields.ForeignKeyField('refund_gql.Refund', source_field='refund_id', null=True, db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT),
        ),
        ops.AddField(
            model_name='Message',
            name='anomaly',
            field=fields.ForeignKeyField('refund_gql.ShipmentAnomaly', source_field='anomaly_id', null=True, db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT),
        ),
        ops.AddConstraint(
            model_name='Message',
            constraint=CheckConstraint(check='num_nonnulls(refund_id, anomaly_id) = 1', name='message_is_about_one_thing'),
        ),
        ops.RemoveConstraint(
            model_name='Return',
            name='one_open_return_per_refund',
            fields=None,
        ),
        ops.AlterField(
            model_name='Return',
            name='status',
            field=fields.CharEnumField(description='AWAITED: AWAITED\nSHIPPED: SHIPPED\nRECEIVED: RECEIVED\nINSPECTED: INSPECTED\nLOST: LOST\nCANCELLED: CANCELLED', enum_type=ReturnStatus, max_length=40),
        ),
        ops.AddField(
            model_name='Return',
            name='checklist',
            field=fields.JSONField(default=list, db_default=SqlDefault("'[]'"), encoder=JSON_DUMPS, decoder=loads),
        ),
        ops.AddField(
            model_name='Return',
            name='expected_basis',
            field=fields.JSONField(default=dict, db_default=SqlDefault("'{}'"), encoder=JSON_DUMPS, decoder=loads),
        ),
        ops.AddField(
            model_name='Return',
            name='expected_refund_at',
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AddField(
            model_name='Return',
            name='recipient',
            field=fields.JSONField(default=dict, db_default=SqlDefault("'{}'"), encoder=JSON_DUMPS, decoder=loads),
        ),
        ops.AddConstraint(
            model_name='Return',
            constraint=UniqueConstraint(fields=('refund_id',), name='one_open_return_per_refund', condition="status NOT IN ('INSPECTED', 'CANCELLED', 'LOST')"),
        ),
        ops.AddIndex(
            model_name='Shipment',
            index=Index(fields=['delivered_at', 'shipped_at']),
        ),
        ops.AddField(
            model_name='Shop',
            name='delivery_days',
            field=fields.IntField(default=7, db_default=7),
        ),
        ops.AddField(
            model_name='Shop',
            name='return_checklist',
            field=fields.JSONField(default=list, db_default=SqlDefault("'[]'"), encoder=JSON_DUMPS, decoder=loads),
        ),
        ops.AddConstraint(
            model_name='Shop',
            constraint=CheckConstraint(check='delivery_days BETWEEN 1 AND 90', name='shop_delivery_days_in_range'),
        ),
        ops.AlterField(
            model_name='WebhookDelivery',
            name='refund',
            field=fields.ForeignKeyField('refund_gql.Refund', source_field='refund_id', null=True, db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT),
        ),
        ops.AddField(
            model_name='WebhookDelivery',
            name='anomaly',
            field=fields.ForeignKeyField('refund_gql.ShipmentAnomaly', source_field='anomaly_id', null=True, db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT),
        ),
        ops.AddConstraint(
            model_name='WebhookDelivery',
            constraint=CheckConstraint(check='num_nonnulls(refund_id, anomaly_id) = 1', name='webhook_delivery_is_about_one_thing'),
        ),
        ops.AddConstraint(
            model_name='WebhookDelivery',
            constraint=UniqueConstraint(fields=('endpoint_id', 'anomaly_id'), name='webhook_delivery_once_per_anomaly', condition='anomaly_id IS NOT NULL'),
        ),
        # Tortoise leaves the constraints of CreateModel out, and the index of an added key.
        ops.RunSQL(
            [
                'create index message_anomaly on "message" (anomaly_id)',
                'create index webhook_delivery_anomaly on "webhook_delivery" (anomaly_id)',
                'create unique index one_fallback_return_address_per_shop on "return_address" (shop_id) where fallback',
                'create unique index one_pickup_per_return on "return_pickup" (goods_return_id) where status IN (\'WANTED\', \'BOOKING\', \'BOOKED\')',
                'alter table "parcel_watch" add constraint parcel_watch_ends_for_a_reason check ((closed_at IS NULL) = (ended IS NULL))',
            ],
            ops.RunSQL.noop,
        ),
    ]

from tortoise import migrations
from tortoise.migrations import operations as ops
from orjson import loads
from refund_gql.events import EventType
from refund_gql.models.row import new_id
from refund_gql.choices import (
    CouponPurpose,
    CouponStatus,
    RestitutionKind,
    RestitutionStatus,
)
from tortoise.fields.base import OnDelete
from tortoise.fields.data import JSON_DUMPS
from tortoise.fields.db_defaults import SqlDefault
from tortoise import fields
from tortoise.indexes import Index
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint

class Migration(migrations.Migration):
    dependencies = [('refund_gql', '0009_customer_risk')]

    initial = False

    operations = [
        ops.CreateModel(
            name='CareEntry',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('shop', fields.ForeignKeyField('refund_gql.Shop', source_field='shop_id', db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('customer', fields.ForeignKeyField('refund_gql.Customer', source_field='customer_id', db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('assignee', fields.ForeignKeyField('refund_gql.Staff', source_field='assignee_id', null=True, db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('since', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('contacted_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('closed_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'care_entry', 'app': 'refund_gql', 'constraints': [UniqueConstraint(fields=('customer_id',), name='care_one_open_entry_per_customer', condition='closed_at IS NULL')], 'indexes': [Index(fields=['shop_id', 'since', 'id'])], 'pk_attr': 'id', 'table_description': 'A refunded customer whom the shop wants to look after (专属维护名单).'},
            bases=['ShopRow'],
        ),
        ops.CreateModel(
            name='CareNote',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('shop', fields.ForeignKeyField('refund_gql.Shop', source_field='shop_id', db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('entry', fields.ForeignKeyField('refund_gql.CareEntry', source_field='entry_id', db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('kind', fields.CharField(max_length=20)),
                ('text', fields.TextField(default='', unique=False)),
                ('author', fields.CharField(max_length=64)),
                ('author_name', fields.CharField(default='', max_length=200)),
                ('at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'care_note', 'app': 'refund_gql', 'pk_attr': 'id', 'table_description': 'What somebody of the staff did about an entry. Append-only.'},
            bases=['ShopRow'],
        ),
        ops.CreateModel(
            name='CareRefund',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('shop', fields.ForeignKeyField('refund_gql.Shop', source_field='shop_id', db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('entry', fields.ForeignKeyField('refund_gql.CareEntry', source_field='entry_id', db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('refund', fields.ForeignKeyField('refund_gql.Refund', source_field='refund_id', db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('added_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'care_refund', 'app': 'refund_gql', 'unique_together': (('refund',),), 'pk_attr': 'id', 'table_description': 'A refund that brought its customer onto the care list.'},
            bases=['ShopRow'],
        ),
        ops.CreateModel(
            name='Coupon',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('number', fields.CharField(unique=True, max_length=64)),
                ('crm', fields.CharField(null=True, max_length=64)),
                ('request', fields.JSONField(default=dict, db_default=SqlDefault("'{}'"), encoder=JSON_DUMPS, decoder=loads)),
                ('tries', fields.IntField(default=0)),
                ('problem', fields.CharField(null=True, max_length=64)),
                ('error', fields.CharField(null=True, max_length=500)),
                ('wanted_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('shop', fields.ForeignKeyField('refund_gql.Shop', source_field='shop_id', db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('refund', fields.ForeignKeyField('refund_gql.Refund', source_field='refund_id', db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('order', fields.ForeignKeyField('refund_gql.Order', source_field='order_id', null=True, db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('customer', fields.ForeignKeyField('refund_gql.Customer', source_field='customer_id', db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('evaluation', fields.ForeignKeyField('refund_gql.RuleEvaluation', source_field='evaluation_id', null=True, db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('rule', fields.ForeignKeyField('refund_gql.Rule', source_field='rule_id', null=True, db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('purpose', fields.CharEnumField(description='GIFT: GIFT\nCOMPENSATION: COMPENSATION\nRESTITUTION: RESTITUTION', enum_type=CouponPurpose, max_length=40)),
                ('status', fields.CharEnumField(default=CouponStatus.WANTED, description='WANTED: WANTED\nISSUING: ISSUING\nISSUED: ISSUED\nFAILED: FAILED\nWITHDRAWN: WITHDRAWN\nREVOKING: REVOKING\nREVOKED: REVOKED', enum_type=CouponStatus, max_length=40)),
                ('amount', fields.BigIntField()),
                ('currency', fields.CharField(max_length=3)),
                ('least_order_amount', fields.BigIntField(default=0)),
                ('valid_days', fields.IntField(null=True)),
                ('valid_until', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('code', fields.CharField(null=True, max_length=64)),
                ('wanted_by', fields.CharField(max_length=64)),
                ('wanted_by_name', fields.CharField(default='', max_length=200)),
                ('issued_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('revoked_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'coupon', 'app': 'refund_gql', 'constraints': [CheckConstraint(check='amount > 0 AND least_order_amount >= 0', name='coupon_amounts_in_range'), UniqueConstraint(fields=('refund_id', 'rule_id'), name='coupon_once_per_refund_and_rule', condition="purpose = 'GIFT' AND rule_id IS NOT NULL"), UniqueConstraint(fields=('order_id',), name='coupon_one_compensation_per_order', condition="purpose = 'COMPENSATION' AND status <> 'WITHDRAWN'")], 'indexes': [Index(fields=['shop_id', 'created_at', 'id'])], 'pk_attr': 'id', 'table_description': "A coupon for a customer. Its amount is minor units of `currency`, the shop's own."},
            bases=['ErrandRow'],
        ),
        ops.CreateModel(
            name='Restitution',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('number', fields.CharField(unique=True, max_length=64)),
                ('crm', fields.CharField(null=True, max_length=64)),
                ('request', fields.JSONField(default=dict, db_default=SqlDefault("'{}'"), encoder=JSON_DUMPS, decoder=loads)),
                ('tries', fields.IntField(default=0)),
                ('problem', fields.CharField(null=True, max_length=64)),
                ('error', fields.CharField(null=True, max_length=500)),
                ('wanted_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('shop', fields.ForeignKeyField('refund_gql.Shop', source_field='shop_id', db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('refund', fields.ForeignKeyField('refund_gql.Refund', source_field='refund_id', db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('order', fields.ForeignKeyField('refund_gql.Order', source_field='order_id', db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('customer', fields.ForeignKeyField('refund_gql.Customer', source_field='customer_id', db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('kind', fields.CharEnumField(description='POINTS: POINTS\nCOUPON: COUPON', enum_type=RestitutionKind, max_length=40)),
                ('status', fields.CharEnumField(default=RestitutionStatus.WANTED, description='WANTED: WANTED\nRESTORING: RESTORING\nRESTORED: RESTORED\nFAILED: FAILED', enum_type=RestitutionStatus, max_length=40)),
                ('points', fields.BigIntField(default=0)),
                ('code', fields.CharField(default='', max_length=64)),
                ('restored_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'restitution', 'app': 'refund_gql', 'constraints': [CheckConstraint(check="(kind = 'POINTS' AND points > 0 AND code = '') OR (kind = 'COUPON' AND points = 0 AND code <> '')", name='restitution_is_points_or_a_coupon'), UniqueConstraint(fields=('refund_id',), name='restitution_points_once_per_refund', condition="kind = 'POINTS'"), UniqueConstraint(fields=('order_id', 'code'), name='restitution_coupon_once_per_order', condition="kind = 'COUPON'")], 'pk_attr': 'id', 'table_description': 'Points or a coupon that a customer had paid with, on their way back.'},
            bases=['ErrandRow'],
        ),
        ops.AlterField(
            model_name='Event',
            name='type',
            field=fields.CharEnumField(description='REQUESTED: REQUESTED\nSPLIT: SPLIT\nAPPROVED_INSTANTLY: APPROVED_INSTANTLY\nSENT_TO_REVIEW: SENT_TO_REVIEW\nEVIDENCE_REQUESTED: EVIDENCE_REQUESTED\nEVIDENCE_PROVIDED: EVIDENCE_PROVIDED\nREFUND_ONLY_APPROVED: REFUND_ONLY_APPROVED\nRETURN_APPROVED: RETURN_APPROVED\nREJECTED: REJECTED\nWAREHOUSE_CONFIRMED: WAREHOUSE_CONFIRMED\nGOODS_FOUND_WITH_CUSTOMER: GOODS_FOUND_WITH_CUSTOMER\nRETURN_SHIPPED: RETURN_SHIPPED\nRETURN_RECEIVED: RETURN_RECEIVED\nINSPECTION_PASSED: INSPECTION_PASSED\nINSPECTION_REFUSED: INSPECTION_REFUSED\nFINANCE_APPROVED: FINANCE_APPROVED\nFINANCE_SENT_BACK: FINANCE_SENT_BACK\nPAYMENT_STARTED: PAYMENT_STARTED\nPAYOUT_PARKED: PAYOUT_PARKED\nPAYOUT_RESUMED: PAYOUT_RESUMED\nPAYOUT_SUCCEEDED: PAYOUT_SUCCEEDED\nREFUNDED: REFUNDED\nPAYMENT_STUCK: PAYMENT_STUCK\nPAYMENT_RETRIED: PAYMENT_RETRIED\nPAYMENT_REVERSED: PAYMENT_REVERSED\nCANCELLED: CANCELLED\nCOUPON_ISSUED: COUPON_ISSUED\nCOUPON_REVOKED: COUPON_REVOKED\nPOINTS_RESTORED: POINTS_RESTORED\nCOUPON_RESTORED: COUPON_RESTORED\nIMPORTED: IMPORTED\nREASON_FOUND: REASON_FOUND\nROUTED: ROUTED', enum_type=EventType, max_length=40),
        ),
        ops.AddField(
            model_name='Order',
            name='coupons_used',
            field=fields.JSONField(default=list, db_default=SqlDefault("'[]'"), encoder=JSON_DUMPS, decoder=loads),
        ),
        ops.AddField(
            model_name='Order',
            name='points_spent',
            field=fields.BigIntField(default=0, db_default=0),
        ),
        ops.AddConstraint(
            model_name='Order',
            constraint=CheckConstraint(check='points_spent >= 0', name='order_points_not_negative'),
        ),
        ops.AddIndex(
            model_name='Refund',
            index=Index(fields=['status', 'finished_at']),
        ),
        ops.AddConstraint(
            model_name='CareEntry',
            constraint=UniqueConstraint(fields=('customer_id',), name='care_one_open_entry_per_customer', condition='closed_at IS NULL'),
        ),
        ops.AddConstraint(
            model_name='Coupon',
            constraint=CheckConstraint(check='amount > 0 AND least_order_amount >= 0', name='coupon_amounts_in_range'),
        ),
        ops.AddConstraint(
            model_name='Coupon',
            constraint=UniqueConstraint(fields=('refund_id', 'rule_id'), name='coupon_once_per_refund_and_rule', condition="purpose = 'GIFT' AND rule_id IS NOT NULL"),
        ),
        ops.AddConstraint(
            model_name='Coupon',
            constraint=UniqueConstraint(fields=('order_id',), name='coupon_one_compensation_per_order', condition="purpose = 'COMPENSATION' AND status <> 'WITHDRAWN'"),
        ),
        ops.AddConstraint(
            model_name='Restitution',
            constraint=CheckConstraint(check="(kind = 'POINTS' AND points > 0 AND code = '') OR (kind = 'COUPON' AND points = 0 AND code <> '')", name='restitution_is_points_or_a_coupon'),
        ),
        ops.AddConstraint(
            model_name='Restitution',
            constraint=UniqueConstraint(fields=('refund_id',), name='restitution_points_once_per_refund', condition="kind = 'POINTS'"),
        ),
        ops.AddConstraint(
            model_name='Restitution',
            constraint=UniqueConstraint(fields=('order_id', 'code'), name='restitution_coupon_once_per_order', condition="kind = 'COUPON'"),
        ),
    ]
